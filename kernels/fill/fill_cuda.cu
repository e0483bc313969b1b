/* fill and loss_seed. Bytes moved: what is filled, mostly one number; bound: the launch. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

static __global__ void set(float *out, float value) { *out = value; }
/* first, own: denominators, or both NULL. scale: the scale block, or NULL. */
static __global__ void seed(const float *hyper, const float *first, const float *own, const float *scale, float *out, float weight)
{
    float v = hyper[ANL__HYPER_LOSS_SCALE] * (scale ? scale[ANL__SCALE_NOW] : 1) * weight;
    if (own) v *= *own > 0 ? (float)((double)*first / (double)*own) : 0.0f;
    *out = v;
}

static anl_status fill_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_LAUNCH(set, 1, 1, r, (float *)r->out[0], (float)anl__attr_float(&p->call, "value"));
}

static anl_status seed_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const float *in[4];
    for (int i = 0; i < 4; i++) in[i] = anl__has_in(c, i) ? (const float *)r->in[i] : (const float *)NULL;
    return ANL_LAUNCH(seed, 1, 1, r, in[0], in[1], in[2], in[3], (float *)r->out[0], (float)anl__attr_float(c, "weight"));
}

static const anl__kernel fill_kernel = {.op = "fill", .device = "cuda", .name = "fill/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fill_run};
static const anl__kernel seed_kernel = {.op = "loss_seed", .device = "cuda", .name = "loss_seed/cuda", .rank = 10, .supports = anl_cuda_supports, .run = seed_run};
extern "C" const anl__kernel *const anl__kernels_fill_cuda[];
const anl__kernel *const anl__kernels_fill_cuda[] = {&fill_kernel, &seed_kernel, NULL};
