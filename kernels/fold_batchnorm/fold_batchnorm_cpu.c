/* fold_batchnorm on the workers: filters in slices. */
#include "kernels/common/cpu.h"

#include <math.h>
#define T float
#define FN(x) x##_f32
#include "fold_batchnorm_body.h"

static void task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, t);
    (void)worker;
    fold_filters_f32(&p->call, r, rows.begin, rows.end);
}

static const anl__kernel fold = {.op = "fold_batchnorm", .device = "cpu", .name = "fold_batchnorm/cpu", .rank = 10, .prepare = anl__sliced_prepare, .task = task};
const anl__kernel *const anl__kernels_fold_batchnorm_cpu[] = {&fold, NULL};
