/* fold_batchnorm: a block a filter. Runs when parameters have changed, for evaluation. Bytes moved: the
 * filters once each way; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

static __global__ void fold(const float *w, const float *gamma, const float *beta, const float *mean, const float *var, const float *b, float *out, float *bias, int64_t each, float eps)
{
    int64_t k = blockIdx.x;
    float s = gamma[k] / sqrtf(var[k] + eps);
    for (int64_t j = threadIdx.x; j < each; j += blockDim.x) out[k * each + j] = s * w[k * each + j];
    if (threadIdx.x == 0) bias[k] = ((b ? b[k] : 0) - mean[k]) * s + beta[k];
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    int64_t k = c->in[0].shape.dim[0];
    return ANL_LAUNCH(fold, (unsigned)k, 128, r, (const float *)r->in[0], (const float *)r->in[1], (const float *)r->in[2], (const float *)r->in[3], (const float *)r->in[4],
                      anl__has_in(c, 5) ? (const float *)r->in[5] : (const float *)NULL, (float *)r->out[0], (float *)r->out[1], anl_shape_count(&c->in[0].shape) / k,
                      (float)anl__attr_float(c, "eps"));
}

static const anl__kernel kernel = {.op = "fold_batchnorm", .device = "cuda", .name = "fold_batchnorm/cuda", .rank = 10, .supports = anl_cuda_supports, .run = run};
extern "C" const anl__kernel *const anl__kernels_fold_batchnorm_cuda[];
const anl__kernel *const anl__kernels_fold_batchnorm_cuda[] = {&kernel, NULL};
