/* softmax_cross_entropy: a block a row finds maximum and sum; the rows' losses, weights and hits are added in a fixed tree, by the last of up to
 * some thousand blocks, else in a launch of their own. Backward recomputes the row's sums. Where a row is whole vectors of 16 bytes a thread has one at a time, and reads it as one
 * where the rows lie so; else one logit. Bytes moved: the logits three times, from cache after the first; bound: memory. Not measured on a GPU. */
#include "kernels/common/last_block.cuh"
#include "kernels/common/row_sums.cuh"
#include "kernels/common/seed.cuh"
#include "kernels/common/vectors.cuh"

static const int ROW_THREADS = 128;
static const int64_t MOST_ROWS = 4096; /* that the last block adds */

/* f(column, logit) for this thread's columns of a row, V side by side, read A at a time. V divides k, which is below 2^24. */
template <int V, int A, class T, class F> static __device__ __forceinline__ void each_logit(const T *x, int k, F f)
{
#pragma unroll 4
    for (int j = (int)threadIdx.x * V; j < k; j += ROW_THREADS * V)
        for (int i = 0; i < V; i += A) {
            anl_some<T, A> a = anl_get<T, A>(x, j + i);
            for (int q = 0; q < A; q++) f(j + i + q, anl_float(a.v[q]));
        }
}

/* F of the kernels below for how rows of k are cut and lie. */
#define BY_VECTORS(T, F, k, ...) ((k) % anl_vec<T>::N ? F<T, 1, 1> : anl_vectors<T>(k, {__VA_ARGS__}) ? F<T, anl_vec<T>::N, anl_vec<T>::N> : F<T, anl_vec<T>::N, 1>)

/* counter: NULL where the sums are left to another launch. */
template <class T, int V, int A>
__global__ void row_losses(const T *z, const int32_t *label, const float *weight, float *part, int64_t rows, int64_t k, int64_t ignore, float s, unsigned *counter, anl_sums_out out)
{
    ANL_SHARED_ARRAY(float, space, 33);
    int64_t m = blockIdx.x;
    int t = threadIdx.x;
    const T *x = z + m * k;
    float top = -INFINITY, sum = 0, mean = 0, share = 1 / (float)k;
    int first = 1 << 24; /* more than there are columns */
    each_logit<V, A>(x, (int)k, [&](int, float v) { top = fmaxf(top, v); });
    top = anl_block_max(top, space);
    each_logit<V, A>(x, (int)k, [&](int j, float v) {
        sum += expf(v - top);
        mean += v * share; /* a sum of v alone might overflow */
        first = v == top && j < first ? j : first;
    });
    sum = anl_block_sum(sum, space);
    mean = anl_block_sum(mean, space);
    first = (int)-anl_block_max((float)-first, space); /* exact up to 2^24 */
    if (t == 0) {
        int64_t y = label[m];
        bool counts = y != ignore, known = y >= 0 && y < k;
        float w = counts && known && weight ? weight[y] : 1, lse = top + logf(sum);
        part[m] = !counts ? 0 : !known ? NAN : w * ((1 - s) * (lse - anl_float(x[y])) + s * (lse - mean));
        part[rows + m] = counts && known ? w : 0;
        part[2 * rows + m] = counts && known && first == y;
    }
    if (counter && anl_last_block(counter, gridDim.x)) anl_add_rows(part, rows, 0, 3, out, space);
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    int64_t rows = c->in[0].shape.dim[0], k = c->in[0].shape.dim[1];
    bool last = rows <= MOST_ROWS;
    void (*f)(const T *, const int32_t *, const float *, float *, int64_t, int64_t, int64_t, float, unsigned *, anl_sums_out) = BY_VECTORS(T, row_losses, k, r->in[0]);
    ANL_TRY(ANL_LAUNCH(f, (unsigned)rows, ROW_THREADS, r, (const T *)r->in[0], (const int32_t *)r->in[1], anl__has_in(c, 2) ? (const float *)r->in[2] : (const float *)NULL,
                       (float *)r->ws, rows, k, anl__attr_int(c, "ignore"), (float)anl__attr_float(c, "label_smoothing"),
                       last ? anl__cuda_counters(r->device) : (unsigned *)NULL, anl_sums_of(r, 3)));
    return last ? ANL_OK : anl_row_sums(r, (const float *)r->ws, rows, 3);
}
ANL_TYPED_RUN(fwd)

template <class T, int V, int A>
__global__ void row_gradients(const T *__restrict__ z, const int32_t *label, anl_seed dnum, const float *weight, T *__restrict__ dz, int64_t k, int64_t ignore, float s)
{
    ANL_SHARED_ARRAY(float, space, 33);
    int64_t m = blockIdx.x, y = label[m];
    const T *x = z + m * k;
    bool counts = y != ignore && y >= 0 && y < k;
    float top = -INFINITY, sum = 0, w = anl_seed_value(dnum) * (counts && weight ? weight[y] : 1);
    each_logit<V, A>(x, (int)k, [&](int, float v) { top = fmaxf(top, v); });
    top = anl_block_max(top, space);
    each_logit<V, A>(x, (int)k, [&](int, float v) { sum += expf(v - top); });
    float inverse = 1 / anl_block_sum(sum, space), smooth = s / (float)k;
#pragma unroll(A == 1 ? 4 : 1)
    for (int j = (int)threadIdx.x * A; j < k; j += ROW_THREADS * A) {
        anl_some<T, A> a = anl_get<T, A>(x, j), out;
        for (int q = 0; q < A; q++) out.v[q] = anl_to<T>(counts ? w * (expf(anl_float(a.v[q]) - top) * inverse - (j + q == y ? 1 - s : 0) - smooth) : 0);
        anl_put(dz, m * k + j, out);
    }
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    void (*f)(const T *, const int32_t *, anl_seed, const float *, T *, int64_t, int64_t, float) = BY_VECTORS(T, row_gradients, c->in[0].shape.dim[1], r->in[0], r->out[0]);
    return ANL_LAUNCH(f, (unsigned)c->in[0].shape.dim[0], ROW_THREADS, r, (const T *)r->in[0], (const int32_t *)r->in[1], anl_seed_in(r, 2),
                      anl__has_in(c, 3) ? (const float *)r->in[3] : (const float *)NULL, (T *)r->out[0], c->in[0].shape.dim[1], anl__attr_int(c, "ignore"),
                      (float)anl__attr_float(c, "label_smoothing"));
}
ANL_TYPED_RUN(bwd)

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->workspace = 3 * (size_t)p->call.in[0].shape.dim[0] * sizeof(float);
    return ANL_OK;
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl_cuda_supports(env, c, why)) return false;
    if (c->in[0].shape.dim[0] >= 1 && c->in[0].shape.dim[1] < 1 << 24) return true;
    memcpy(why, "no row, or too many classes", 28);
    return false;
}

static const anl__kernel fwd_kernel = {.op = "softmax_cross_entropy", .device = "cuda", .name = "softmax_cross_entropy/cuda", .rank = 10, .supports = supports, .prepare = fwd_prepare, .run = fwd, .covers = anl_covers_fill};
static const anl__kernel bwd_kernel = {.op = "softmax_cross_entropy_bwd", .device = "cuda", .name = "softmax_cross_entropy_bwd/cuda", .rank = 10, .supports = supports, .run = bwd, .covers = anl_covers_seed};
extern "C" const anl__kernel *const anl__kernels_cross_entropy_cuda[];
const anl__kernel *const anl__kernels_cross_entropy_cuda[] = {&fwd_kernel, &bwd_kernel, NULL};
