/* fill and loss_seed: one number each. */
#include "kernels/common/cuda.cuh"

static __global__ void set(float *out, float value) { *out = value; }
/* first, own: denominators, or both NULL. */
static __global__ void seed(const float *hyper, const float *first, const float *own, float *out, float weight)
{
    float v = hyper[ANL__HYPER_LOSS_SCALE] * weight;
    if (own) v *= *own > 0 ? (float)((double)*first / (double)*own) : 0.0f;
    *out = v;
}

static anl_status fill_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_LAUNCH(set, 1, 1, r, (float *)r->out[0], (float)anl__attr_float(&p->call, "value"));
}

static anl_status seed_run(const anl__prepared *p, const anl__run *r)
{
    const float *first = p->call.n_in == 3 ? (const float *)r->in[1] : NULL, *own = first ? (const float *)r->in[2] : NULL;
    return ANL_LAUNCH(seed, 1, 1, r, (const float *)r->in[0], first, own, (float *)r->out[0], (float)anl__attr_float(&p->call, "weight"));
}

static const anl__kernel fill_kernel = {.op = "fill", .device = "cuda", .name = "fill/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fill_run};
static const anl__kernel seed_kernel = {.op = "loss_seed", .device = "cuda", .name = "loss_seed/cuda", .rank = 10, .supports = anl_cuda_supports, .run = seed_run};
extern "C" const anl__kernel *const anl__kernels_fill_cuda[];
const anl__kernel *const anl__kernels_fill_cuda[] = {&fill_kernel, &seed_kernel, NULL};
