/* fill and loss_seed. Bytes moved: what is filled, mostly one number; bound: the launch. Not measured on a GPU. */
#include "kernels/common/seed.cuh"

static __global__ void set(float *out, float value) { *out = value; }
static __global__ void seed(anl_seed s, float *out) { *out = anl_seed_value(s); }

static anl_status fill_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_LAUNCH(set, 1, 1, r, (float *)r->out[0], (float)anl__attr_float(&p->call, "value"));
}

static anl_status seed_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_LAUNCH(seed, 1, 1, r, anl_seed_of(&p->call, r), (float *)r->out[0]);
}

static const anl__kernel fill_kernel = {.op = "fill", .device = "cuda", .name = "fill/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fill_run};
static const anl__kernel seed_kernel = {.op = "loss_seed", .device = "cuda", .name = "loss_seed/cuda", .rank = 10, .supports = anl_cuda_supports, .run = seed_run};
extern "C" const anl__kernel *const anl__kernels_fill_cuda[];
const anl__kernel *const anl__kernels_fill_cuda[] = {&fill_kernel, &seed_kernel, NULL};
