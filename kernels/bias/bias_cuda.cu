/* bias and its gradient, a sum of columns over slices and lanes in a fixed tree, in one launch. Bytes moved: x and y once, dy once; bound: memory.
 * Not measured on a GPU. */
#include "kernels/common/column_sums.cuh"

template <class T> __global__ void add_bias(const T *x, const float *b, T *y, int64_t n, int64_t k)
{
    ANL_EACH(i, n) y[i] = anl_to<T>(anl_float(x[i]) + b[i % k]);
}

template <class T> static anl_status bias_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape), k = anl_shape_count(&p->call.in[1].shape);
    void (*f)(const T *, const float *, T *, int64_t, int64_t) = add_bias<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, (const T *)r->in[0], (const float *)r->in[1], (T *)r->out[0], n, k);
}
ANL_TYPED_RUN(bias)

template <class T> static anl_status bias_grad_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t k = p->call.out[0].shape.dim[0], rows = anl_shape_count(&p->call.in[0].shape) / k;
    return anl_column_sums(r, (const T *)r->in[0], (float *)r->out[0], (float *)r->ws, rows, k, p->call.accum[0]);
}
ANL_TYPED_RUN(bias_grad)

static anl_status bias_grad_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    int64_t k = p->call.out[0].shape.dim[0];
    p->workspace = anl_column_space(anl_shape_count(&p->call.in[0].shape) / k, k);
    return ANL_OK;
}

static const anl__kernel bias_kernel = {.op = "bias", .device = "cuda", .name = "bias/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bias, .inplace = {1}};
static const anl__kernel grad_kernel = {.op = "bias_grad", .device = "cuda", .name = "bias_grad/cuda", .rank = 10, .supports = anl_cuda_supports,
                                        .prepare = bias_grad_prepare, .run = bias_grad};
extern "C" const anl__kernel *const anl__kernels_bias_cuda[];
const anl__kernel *const anl__kernels_bias_cuda[] = {&bias_kernel, &grad_kernel, NULL};
