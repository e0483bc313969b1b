/* Activations on the workers: one pass, in place where the input is not needed any more. Each kind is a loop of its own. */
#ifndef T
#include "activation.h"
#include "kernels/common/vexp.h"
#define ANL__CPU_FILE "kernels/activation/activation_cpu.c"
#include "kernels/common/cpu.h"

ANL__INLINE float act(int kind, float x, float a)
{
    switch (kind) {
    case ANL__LEAKY_RELU: return x > 0 ? x : a * x;
    case ANL__ELU: return x > 0 ? x : a * anl__v_expm1(x);
    case ANL__GELU:
        return a != 0 ? 0.5f * x * (1 + anl__v_tanh(0.7978845608028654f * (x + 0.044715f * x * x * x))) : 0.5f * x * (1 + anl__v_erf(x * 0.70710678118654752f));
    case ANL__SILU: return x * anl__v_sigmoid(x);
    case ANL__SIGMOID: return anl__v_sigmoid(x);
    case ANL__TANH: return anl__v_tanh(x);
    case ANL__HARDSWISH: return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) * (1.0f / 6);
    default: return anl__v_softplus(x);
    }
}

ANL__INLINE float gelu_slope(float v, float a)
{
    if (a != 0) {
        float t = anl__v_tanh(0.7978845608028654f * (v + 0.044715f * v * v * v));
        return 0.5f * (1 + t) + 0.5f * v * (1 - t * t) * 0.7978845608028654f * (1 + 0.134145f * v * v);
    }
    return 0.5f * (1 + anl__v_erf(v * 0.70710678118654752f)) + v * 0.3989422804014327f * anl__v_exp(-0.5f * v * v);
}

/* v: the output where anl__act_reads_output(kind), else the input. */
ANL__INLINE float slope(int kind, float v, float a)
{
    switch (kind) {
    case ANL__LEAKY_RELU: return v > 0 ? 1 : a;
    case ANL__ELU: return v > 0 ? 1 : v + a;
    case ANL__GELU: return gelu_slope(v, a);
    case ANL__SILU: return anl__v_sigmoid(v) * (1 + v * (1 - anl__v_sigmoid(v)));
    case ANL__SIGMOID: return v * (1 - v);
    case ANL__TANH: return 1 - v * v;
    case ANL__HARDSWISH: return v <= -3 ? 0 : v >= 3 ? 1 : (2 * v + 3) * (1.0f / 6);
    default: return anl__v_sigmoid(v);
    }
}

#include "kernels/common/cpu_twice.h"

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, task);
    double a;
    int kind = anl__act_of(c, &a);
    (void)worker;
    ANL__BY_TYPE(c->in[0].dtype, fwd, kind, (float)a, r, rows.begin * rows.each, rows.end * rows.each);
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, task);
    double a;
    int kind = anl__act_of(c, &a);
    (void)worker;
    ANL__BY_TYPE(c->in[0].dtype, bwd, kind, (float)a, r, rows.begin * rows.each, rows.end * rows.each);
}

#define PAIR(act) \
    static const anl__kernel act##_fwd = {.op = #act, .device = "cpu", .name = #act "/cpu", .rank = 10, \
                                          .supports = anl__cpu_dtype, \
                                          .prepare = anl__sliced_prepare, .task = fwd_task, .samplewise = true, .inplace = {1}}; \
    static const anl__kernel act##_bwd = {.op = #act "_bwd", .device = "cpu", .name = #act "_bwd/cpu", \
                                          .rank = 10, .supports = anl__cpu_dtype, \
                                          .prepare = anl__sliced_prepare, .task = bwd_task, .samplewise = true, .inplace = {1}};
PAIR(relu)
PAIR(leaky_relu)
PAIR(elu)
PAIR(gelu)
PAIR(silu)
PAIR(sigmoid)
PAIR(tanh)
PAIR(hardswish)
PAIR(softplus)
const anl__kernel *const anl__kernels_activation_cpu[] = {
    &relu_fwd, &relu_bwd, &leaky_relu_fwd, &leaky_relu_bwd, &elu_fwd, &elu_bwd, &gelu_fwd, &gelu_bwd, &silu_fwd, &silu_bwd, &sigmoid_fwd, &sigmoid_bwd, &tanh_fwd, &tanh_bwd, &hardswish_fwd, &hardswish_bwd, &softplus_fwd, &softplus_bwd, NULL};
#else
/* relu moves elements as they are; gelu has two forms, chosen before the loop. */
#define KINDS(X) X(ANL__LEAKY_RELU) X(ANL__ELU) X(ANL__SILU) X(ANL__SIGMOID) X(ANL__TANH) X(ANL__HARDSWISH) X(ANL__SOFTPLUS)

ANL__CLONES static void FN(fwd)(int kind, float a, const anl__run *r, int64_t from, int64_t to)
{
    const T *x = r->in[0];
    T *y = r->out[0];
    switch (kind) {
#define EACH(k, a) ANL__LANES for (int64_t i = from; i < to; i++) y[i] = PUT(act(k, GET(x[i]), a))
#define LOOP(k) case k: EACH(k, a); break;
        KINDS(LOOP)
#undef LOOP
    case ANL__RELU:
        ANL__LANES for (int64_t i = from; i < to; i++) y[i] = GET(x[i]) <= 0 ? 0 : x[i];
        break;
    case ANL__GELU:
        if (a != 0) EACH(ANL__GELU, 1);
        else EACH(ANL__GELU, 0);
        break;
#undef EACH
    }
}

ANL__CLONES static void FN(bwd)(int kind, float a, const anl__run *r, int64_t from, int64_t to)
{
    const T *dy = r->in[0], *v = r->in[1];
    T *dx = r->out[0];
    switch (kind) {
#define EACH(k, a) ANL__LANES for (int64_t i = from; i < to; i++) dx[i] = PUT(GET(dy[i]) * slope(k, GET(v[i]), a))
#define LOOP(k) case k: EACH(k, a); break;
        KINDS(LOOP)
#undef LOOP
    case ANL__RELU:
        ANL__LANES for (int64_t i = from; i < to; i++) dx[i] = GET(v[i]) > 0 ? dy[i] : 0;
        break;
    case ANL__GELU:
        if (a != 0) EACH(ANL__GELU, 1);
        else EACH(ANL__GELU, 0);
        break;
#undef EACH
    }
}
#undef KINDS
#endif
