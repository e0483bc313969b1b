/* Losses on values on the workers: elements and sums in double, one partial a task, added in a fixed tree. */
#ifndef T
#define ANL__CPU_FILE "kernels/losses/losses_cpu.c"
#include "kernels/common/cpu.h"
#include "losses.h"

#include "kernels/common/cpu_twice.h"

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    ANL_TRY(anl__sliced_prepare(env, p));
    p->workspace = sizeof(double) * (size_t)p->tasks;
    return ANL_OK;
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    (void)worker;
    ((double *)r->ws)[task] = ANL__BY_TYPE(p->call.in[0].dtype, fwd, &p->call, r, anl__rows_of(p, &p->call.in[0].shape, task));
}

static void fwd_finish(const anl__prepared *p, const anl__run *r)
{
    double *s = r->ws;
    for (int d = 1; d < p->tasks; d *= 2)
        for (int i = 0; i + d < p->tasks; i += 2 * d) s[i] += s[i + d];
    *(float *)r->out[0] = (float)s[0];
    *(float *)r->out[1] = (float)anl_shape_count(&p->call.in[0].shape);
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, bwd, &p->call, r, anl__rows_of(p, &p->call.in[0].shape, task));
}

#define KERNELS(id, op_name)                                                                                                                    \
    static const anl__kernel id = {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype,              \
                                   .prepare = fwd_prepare, .task = fwd_task, .finish = fwd_finish, .samplewise = true, .finish_outs = 3};       \
    static const anl__kernel id##_bwd = {.op = op_name "_bwd", .device = "cpu", .name = op_name "_bwd/cpu", .rank = 10, .supports = anl__cpu_dtype, \
                                         .prepare = anl__sliced_prepare, .task = bwd_task, .samplewise = true, .inplace = {1}};
KERNELS(mse, "mse")
KERNELS(huber, "huber")
KERNELS(bce, "bce_logits")
const anl__kernel *const anl__kernels_losses_cpu[] = {&mse, &mse_bwd, &huber, &huber_bwd, &bce, &bce_bwd, NULL};
#else
static double FN(fwd)(const anl__call *c, const anl__run *r, anl__rows rows)
{
    const T *y = r->in[0];
    anl__loss_kind k = anl__loss_of(c);
    double sum = 0, delta = k == ANL__HUBER ? anl__attr_float(c, "delta") : 0;
    for (int64_t i = rows.begin * rows.each; i < rows.end * rows.each; i++) sum += anl__loss_value(k, delta, (double)GET(y[i]), anl__loss_target(c, r->in[1], i));
    return sum;
}

static void FN(bwd)(const anl__call *c, const anl__run *r, anl__rows rows)
{
    const T *y = r->in[0];
    T *dy = r->out[0];
    anl__loss_kind k = anl__loss_of(c);
    double dnum = (double)*(const float *)r->in[2], delta = k == ANL__HUBER ? anl__attr_float(c, "delta") : 0;
    for (int64_t i = rows.begin * rows.each; i < rows.end * rows.each; i++)
        dy[i] = PUT((float)(dnum * anl__loss_slope(k, delta, (double)GET(y[i]), anl__loss_target(c, r->in[1], i))));
}
#endif
