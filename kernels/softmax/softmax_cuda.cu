/* softmax, log_softmax and their gradients: a block a row. Bytes moved: a row three times, from cache after the first; bound: memory. Not measured
 * on a GPU. */
#include "kernels/common/cuda.cuh"

static const int ROW_THREADS = 128;

template <class T> __global__ void forward(const T *x, T *y, int64_t rows, int64_t k, bool logarithm)
{
    ANL_SHARED_ARRAY(float, space, 33);
    for (int64_t m = blockIdx.x; m < rows; m += gridDim.x) {
        float top = -INFINITY, sum = 0;
        for (int64_t j = threadIdx.x; j < k; j += blockDim.x) top = fmaxf(top, anl_float(x[m * k + j]));
        top = anl_block_max(top, space);
        for (int64_t j = threadIdx.x; j < k; j += blockDim.x) sum += expf(anl_float(x[m * k + j]) - top);
        sum = anl_block_sum(sum, space);
        float lse = logf(sum);
        for (int64_t j = threadIdx.x; j < k; j += blockDim.x) {
            float v = anl_float(x[m * k + j]) - top;
            y[m * k + j] = anl_to<T>(logarithm ? v - lse : expf(v) / sum);
        }
    }
}

template <class T> __global__ void backward(const T *y, const T *dy, T *dx, int64_t rows, int64_t k, bool logarithm)
{
    ANL_SHARED_ARRAY(float, space, 33);
    for (int64_t m = blockIdx.x; m < rows; m += gridDim.x) {
        float sum = 0;
        for (int64_t j = threadIdx.x; j < k; j += blockDim.x) sum += anl_float(dy[m * k + j]) * (logarithm ? 1 : anl_float(y[m * k + j]));
        sum = anl_block_sum(sum, space);
        for (int64_t j = threadIdx.x; j < k; j += blockDim.x) {
            float v = anl_float(y[m * k + j]), d = anl_float(dy[m * k + j]);
            dx[m * k + j] = anl_to<T>(logarithm ? d - expf(v) * sum : v * (d - sum));
        }
    }
}

static bool is_log(const anl__call *c) { return !strncmp(c->op->name, "log_", 4); }

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl_shape *x = &p->call.in[0].shape;
    int64_t k = x->dim[x->rank - 1], rows = anl_shape_count(x) / k;
    void (*f)(const T *, T *, int64_t, int64_t, bool) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(rows, 1), ROW_THREADS, r, (const T *)r->in[0], (T *)r->out[0], rows, k, is_log(&p->call));
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl_shape *x = &p->call.in[0].shape;
    int64_t k = x->dim[x->rank - 1], rows = anl_shape_count(x) / k;
    void (*f)(const T *, const T *, T *, int64_t, int64_t, bool) = backward<T>;
    return ANL_LAUNCH(f, anl_blocks(rows, 1), ROW_THREADS, r, (const T *)r->in[0], (const T *)r->in[1], (T *)r->out[0], rows, k, is_log(&p->call));
}
ANL_TYPED_RUN(bwd)

#define KERNEL(op_name, fn) {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fn}
static const anl__kernel k_fwd = KERNEL("softmax", fwd), k_log = KERNEL("log_softmax", fwd), k_bwd = KERNEL("softmax_bwd", bwd), k_log_bwd = KERNEL("log_softmax_bwd", bwd);
extern "C" const anl__kernel *const anl__kernels_softmax_cuda[];
const anl__kernel *const anl__kernels_softmax_cuda[] = {&k_fwd, &k_log, &k_bwd, &k_log_bwd, NULL};
