/* bias and its gradient. The gradient is a two-stage sum: a grid row of blocks adds slices of the rows, then one thread a
 * column adds the slices in order; how rows are sliced follows from shapes alone. Bound: memory, dy is read once. Not measured. */
#include "kernels/common/cuda.cuh"

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

/* part[slice][column]; threadIdx.x walks columns, so that a warp reads neighbours. */
template <class T> __global__ void column_parts(const T *dy, float *part, int64_t rows, int64_t k, int64_t each)
{
    int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, from = (int64_t)blockIdx.y * each, to = from + each < rows ? from + each : rows;
    if (j >= k) return;
    float sum = 0;
    for (int64_t i = from; i < to; i++) sum += anl_float(dy[i * k + j]);
    part[(int64_t)blockIdx.y * k + j] = sum;
}

static __global__ void column_sums(const float *part, float *out, int64_t k, int64_t slices, bool accum)
{
    ANL_EACH(j, k)
    {
        float sum = accum ? out[j] : 0;
        for (int64_t s = 0; s < slices; s++) sum += part[s * k + j];
        out[j] = sum;
    }
}

static const int64_t ROWS_EACH = 128, MOST_SLICES = 1024;
static int64_t rows_each(int64_t rows) { return rows / MOST_SLICES > ROWS_EACH ? (rows + MOST_SLICES - 1) / MOST_SLICES : ROWS_EACH; }

template <class T> static anl_status bias_grad_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t k = p->call.out[0].shape.dim[0], rows = anl_shape_count(&p->call.in[0].shape) / k, each = rows_each(rows), slices = (rows + each - 1) / each;
    void (*f)(const T *, float *, int64_t, int64_t, int64_t) = column_parts<T>;
    ANL_TRY(ANL_LAUNCH(f, dim3((unsigned)((k + 63) / 64), (unsigned)slices), 64, r, (const T *)r->in[0], (float *)r->ws, rows, k, each));
    return ANL_LAUNCH(column_sums, anl_blocks(k, ANL_THREADS), ANL_THREADS, r, (const float *)r->ws, (float *)r->out[0], k, slices, p->call.accum[0]);
}
ANL_TYPED_RUN(bias_grad)

static anl_status bias_grad_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    int64_t k = p->call.out[0].shape.dim[0], rows = anl_shape_count(&p->call.in[0].shape) / k, each = rows_each(rows);
    p->workspace = (size_t)((rows + each - 1) / each * k) * sizeof(float);
    return ANL_OK;
}

static const anl__kernel bias_kernel = {.op = "bias", .device = "cuda", .name = "bias/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bias, .inplace = {1}};
static const anl__kernel grad_kernel = {.op = "bias_grad", .device = "cuda", .name = "bias_grad/cuda", .rank = 10, .supports = anl_cuda_supports,
                                        .prepare = bias_grad_prepare, .run = bias_grad};
extern "C" const anl__kernel *const anl__kernels_bias_cuda[];
const anl__kernel *const anl__kernels_bias_cuda[] = {&bias_kernel, &grad_kernel, NULL};
