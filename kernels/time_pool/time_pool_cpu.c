/* time_pool on the workers: samples in slices. */
#ifndef T
#define ANL__CPU_FILE "kernels/time_pool/time_pool_cpu.c"
#include "kernels/common/cpu.h"
#define A float
#define FAST ANL__CLONES
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT(v)
#include "kernels/common/cpu_twice.h"

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    int64_t n = p->call.in[0].shape.dim[1];
    p->tasks = (int)(n < env->slices ? n : env->slices);
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    int64_t n = p->call.in[0].shape.dim[1];
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, forward, &p->call, r, anl__slice_begin(n, p->tasks, t), anl__slice_begin(n, p->tasks, t + 1));
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    int64_t n = p->call.in[0].shape.dim[1];
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, backward, &p->call, r, anl__slice_begin(n, p->tasks, t), anl__slice_begin(n, p->tasks, t + 1));
}

static const anl__kernel fwd = {.op = "time_pool", .device = "cpu", .name = "time_pool/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare, .task = fwd_task};
static const anl__kernel bwd = {.op = "time_pool_bwd", .device = "cpu", .name = "time_pool_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare, .task = bwd_task};
const anl__kernel *const anl__kernels_time_pool_cpu[] = {&fwd, &bwd, NULL};
#else
#include "time_pool_body.h"
#endif
