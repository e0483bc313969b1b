/* Activations and their slopes, element by element; formula.h has the formulas. Bytes moved: each input and output once; bound: memory.
 * Loads: 16 bytes (map.cuh). Not measured on a GPU. */
#include "kernels/common/map.cuh"

extern "C" {
#include "activation.h"
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

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    double a;
    int kind = anl__act_of(&p->call, &a);
    return anl_map<T>(r, r->in[0], r->in[1], r->out[0], anl_shape_count(&p->call.in[0].shape), backward{kind, (float)a});
}
ANL_TYPED_RUN(bwd)

#define PAIR(act)                                                                                                                              \
    static const anl__kernel act##_fwd = {.op = #act, .device = "cuda", .name = #act "/cuda", .rank = 10, .supports = anl_cuda_supports,       \
                                          .run = fwd, .inplace = {1}};                                                                         \
    static const anl__kernel act##_bwd = {.op = #act "_bwd", .device = "cuda", .name = #act "_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, \
                                          .run = bwd, .inplace = {1}};
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
