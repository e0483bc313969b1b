/* Activations and their slopes, element by element; formula.h has the formulas. A gradient covers that of a dropout before it: one pass for both.
 * Bytes moved: each input and output once; bound: memory. Loads: 16 bytes (map.cuh), behind dropout four elements. Not measured on a GPU. */
#include "kernels/common/map.cuh"
#include "kernels/common/vectors.cuh"

extern "C" {
#include "activation.h"
#include "kernels/common/dropout_call.h"
}

struct forward {
    int kind;
    float a;
    __device__ float operator()(float x) const { return anl__act_f32(kind, x, a); }
};
struct backward {
    int kind;
    float a;
    __device__ float operator()(float dy, float v) const { return dy * anl__act_slope_f32(kind, v, a); }
};

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    double a;
    int kind = anl__act_of(&p->call, &a);
    return anl_map<T>(r, r->in[0], r->out[0], anl_shape_count(&p->call.in[0].shape), forward{kind, (float)a});
}
ANL_TYPED_RUN(fwd)

/* Behind dropout's gradient, whose input dy is. Q: 4 or 1, as in dropout's own kernel. */
template <class T, int Q> __global__ void dropped_backward(anl__dropout d, const int32_t *rng, const T *dy, const T *v, T *dx, int64_t n, backward f)
{
    anl__dropout_draw(&d, rng);
    float scale = (float)d.scale;
    ANL_EACH(k, n / Q)
    {
        unsigned kept = anl__dropout_kept(&d, k * Q);
        anl_some<T, Q> a = anl_get<T, Q>(dy, k * Q), b = anl_get<T, Q>(v, k * Q);
        for (int i = 0; i < Q; i++) {
            T dropped = anl_to<T>(kept >> i & 1 ? anl_float(a.v[i]) * scale : 0);
            a.v[i] = anl_to<T>(f(anl_float(dropped), anl_float(b.v[i])));
        }
        anl_put(dx, k * Q, a);
    }
}

static bool bwd_covers(const anl__prepared *p, const anl__prepared *other, int in)
{
    (void)p;
    return in == 0 && !strcmp(other->call.op->name, "dropout_bwd") && !anl__dropout_fixed(&other->call).off;
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    double a;
    int kind = anl__act_of(&p->call, &a);
    backward f = {kind, (float)a};
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    if (!r->covered) return anl_map<T>(r, r->in[0], r->in[1], r->out[0], n, f);
    anl__dropout d = anl__dropout_fixed(&r->covered->call);
    const void *dy = r->covered_run->in[0];
    bool quads = d.piece % 4 == 0 && anl_aligned(dy) && anl_aligned(r->in[1]) && anl_aligned(r->out[0]);
    void (*k)(anl__dropout, const int32_t *, const T *, const T *, T *, int64_t, backward) = quads ? dropped_backward<T, 4> : dropped_backward<T, 1>;
    return ANL_LAUNCH(k, anl_blocks(quads ? n / 4 : n, ANL_THREADS), ANL_THREADS, r, d, (const int32_t *)r->covered_run->in[1], (const T *)dy, (const T *)r->in[1],
                      (T *)r->out[0], n, f);
}
ANL_TYPED_RUN(bwd)

#define PAIR(act)                                                                                                                              \
    static const anl__kernel act##_fwd = {.op = #act, .device = "cuda", .name = #act "/cuda", .rank = 10, .supports = anl_cuda_supports,       \
                                          .run = fwd, .inplace = {1}};                                                                         \
    static const anl__kernel act##_bwd = {.op = #act "_bwd", .device = "cuda", .name = #act "_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, \
                                          .run = bwd, .covers = bwd_covers, .inplace = {1}};
PAIR(relu)
PAIR(leaky_relu)
PAIR(elu)
PAIR(gelu)
PAIR(silu)
PAIR(sigmoid)
PAIR(tanh)
PAIR(hardswish)
PAIR(softplus)
extern "C" const anl__kernel *const anl__kernels_activation_cuda[];
const anl__kernel *const anl__kernels_activation_cuda[] = {&relu_fwd, &relu_bwd, &leaky_relu_fwd, &leaky_relu_bwd, &elu_fwd, &elu_bwd, &gelu_fwd, &gelu_bwd,
    &silu_fwd, &silu_bwd, &sigmoid_fwd, &sigmoid_bwd, &tanh_fwd, &tanh_bwd, &hardswish_fwd, &hardswish_bwd, &softplus_fwd, &softplus_bwd, NULL};
