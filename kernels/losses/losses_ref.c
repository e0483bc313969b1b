#ifndef T
#include "kernels/common/ref.h"
#include "losses.h"
#define ANL__REF_FILE "kernels/losses/losses_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("mse", fwd)
ANL__REF_KERNEL("mse_bwd", bwd)
#define SAME(id, op_name, fn) static const anl__kernel id = {.op = op_name, .device = "reference", .name = op_name "/ref", .supports = anl__ref_supports, .run = fn##_run}
SAME(huber, "huber", fwd);
SAME(huber_bwd, "huber_bwd", bwd);
SAME(bce, "bce_logits", fwd);
SAME(bce_bwd, "bce_logits_bwd", bwd);
const anl__kernel *const anl__kernels_losses_ref[] = {&fwd_kernel, &bwd_kernel, &huber, &huber_bwd, &bce, &bce_bwd, NULL};
#else
static double FN(delta)(const anl__call *c) { return anl__loss_of(c) == ANL__HUBER ? anl__attr_float(c, "delta") : 0; }

static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *y = r->in[0];
    int64_t n = anl_shape_count(&c->in[0].shape);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += anl__loss_value(anl__loss_of(c), FN(delta)(c), (double)y[i], anl__loss_target(c, r->in[1], i));
    *(T *)r->out[0] = (T)sum;
    *(T *)r->out[1] = (T)n;
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    const T *y = r->in[0];
    T *dy = r->out[0];
    double dnum = (double)*(const T *)r->in[2];
    for (int64_t i = 0; i < anl_shape_count(&c->in[0].shape); i++)
        dy[i] = (T)(dnum * anl__loss_slope(anl__loss_of(c), FN(delta)(c), (double)y[i], anl__loss_target(c, r->in[1], i)));
}
#endif
