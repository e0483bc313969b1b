/* transpose on the workers: rows of the result in slices. Not sample-wise: the first dimension may come from anywhere. */
#include "transpose.h"

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    int64_t n = p->call.out[0].shape.dim[0];
    p->tasks = n < env->slices ? (int)n : env->slices;
    return ANL_OK;
}

static void task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    int64_t n = p->call.out[0].shape.dim[0];
    (void)worker;
    anl__transpose_rows(&p->call, r, anl__slice_begin(n, p->tasks, t), anl__slice_begin(n, p->tasks, t + 1));
}

static const anl__kernel transpose = {.op = "transpose", .device = "cpu", .name = "transpose/cpu", .rank = 10, .prepare = prepare, .task = task};
const anl__kernel *const anl__kernels_transpose_cpu[] = {&transpose, NULL};
