#ifndef T
#include "activation.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/activation/activation_ref.c"
#include "kernels/common/ref_twice.h"

static anl_status fwd_run(const anl__prepared *p, const anl__run *r)
{
    if (anl__ref_is_f64(&p->call)) fwd_f64(&p->call, r);
    else fwd_f32(&p->call, r);
    return ANL_OK;
}

static anl_status bwd_run(const anl__prepared *p, const anl__run *r)
{
    if (anl__ref_is_f64(&p->call)) bwd_f64(&p->call, r);
    else bwd_f32(&p->call, r);
    return ANL_OK;
}

#define PAIR(act)                                                                                                                              \
    static const anl__kernel act##_fwd = {.op = #act, .device = "reference", .name = #act "/ref", .supports = anl__ref_supports, .run = fwd_run};  \
    static const anl__kernel act##_bwd = {.op = #act "_bwd", .device = "reference", .name = #act "_bwd/ref", .supports = anl__ref_supports, .run = bwd_run};
PAIR(relu)
PAIR(leaky_relu)
PAIR(elu)
PAIR(gelu)
PAIR(silu)
PAIR(sigmoid)
PAIR(tanh)
PAIR(hardswish)
PAIR(softplus)
const anl__kernel *const anl__kernels_activation_ref[] = {
    &relu_fwd, &relu_bwd, &leaky_relu_fwd, &leaky_relu_bwd, &elu_fwd, &elu_bwd, &gelu_fwd, &gelu_bwd, &silu_fwd, &silu_bwd, &sigmoid_fwd, &sigmoid_bwd, &tanh_fwd, &tanh_bwd, &hardswish_fwd, &hardswish_bwd, &softplus_fwd, &softplus_bwd, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0];
    T *y = r->out[0];
    double a;
    int kind = anl__act_of(c, &a);
    for (int64_t i = 0, n = anl_shape_count(&c->in[0].shape); i < n; i++) y[i] = (T)anl__act_f64(kind, (double)x[i], a);
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    const T *dy = r->in[0], *v = r->in[1];
    T *dx = r->out[0];
    double a;
    int kind = anl__act_of(c, &a);
    for (int64_t i = 0, n = anl_shape_count(&c->in[0].shape); i < n; i++) dx[i] = (T)((double)dy[i] * anl__act_slope_f64(kind, (double)v[i], a));
}
#endif
