/* pad2d on the workers, sample by sample. */
#include "kernels/common/cpu.h"
#include "pad2d.h"

static void task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, t);
    (void)worker;
    anl__pad2d_samples(&p->call, r, rows.begin, rows.end, p->call.op->grad == NULL);
}

static const anl__kernel pad2d = {.op = "pad2d", .device = "cpu", .name = "pad2d/cpu", .rank = 10, .prepare = anl__sliced_prepare, .task = task, .samplewise = true};
static const anl__kernel bwd = {.op = "pad2d_bwd", .device = "cpu", .name = "pad2d_bwd/cpu", .rank = 10, .prepare = anl__sliced_prepare, .task = task, .samplewise = true};
const anl__kernel *const anl__kernels_pad2d_cpu[] = {&pad2d, &bwd, NULL};
