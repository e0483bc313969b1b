/* softmax_cross_entropy: a block a row finds maximum and sum; the rows' losses, weights and hits are added by one block in a
 * fixed tree. Backward recomputes the row's sums. Bytes moved: the logits three times, from cache after the first; bound: memory. Not measured
 * on a GPU. */
#include "kernels/common/row_sums.cuh"

static const int ROW_THREADS = 128;

template <class T> __global__ void row_losses(const T *z, const int32_t *label, const float *weight, float *part, int64_t rows, int64_t k, int64_t ignore, float s)
{
    ANL_SHARED_ARRAY(float, space, 33);
    int64_t m = blockIdx.x;
    int t = threadIdx.x;
    const T *x = z + m * k;
    float top = -INFINITY, sum = 0, mean = 0, first = 3e38f;
    for (int64_t j = t; j < k; j += blockDim.x) top = fmaxf(top, anl_float(x[j]));
    top = anl_block_max(top, space);
    for (int64_t j = t; j < k; j += blockDim.x) {
        float v = anl_float(x[j]);
        sum += expf(v - top);
        mean += v / (float)k;
        if (v == top && (float)j < first) first = (float)j; /* columns are fewer than 2^24 */
    }
    sum = anl_block_sum(sum, space);
    mean = anl_block_sum(mean, space);
    first = -anl_block_max(-first, space);
    if (t) return;
    int64_t y = label[m];
    bool counts = y != ignore, known = y >= 0 && y < k;
    float w = counts && known && weight ? weight[y] : 1, lse = top + logf(sum);
    part[m] = !counts ? 0 : !known ? NAN : w * ((1 - s) * (lse - anl_float(x[y])) + s * (lse - mean));
    part[rows + m] = counts && known ? w : 0;
    part[2 * rows + m] = counts && known && first == (float)y;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    int64_t rows = c->in[0].shape.dim[0], k = c->in[0].shape.dim[1];
    void (*f)(const T *, const int32_t *, const float *, float *, int64_t, int64_t, int64_t, float) = row_losses<T>;
    ANL_TRY(ANL_LAUNCH(f, (unsigned)rows, ROW_THREADS, r, (const T *)r->in[0], (const int32_t *)r->in[1], anl__has_in(c, 2) ? (const float *)r->in[2] : (const float *)NULL,
                       (float *)r->ws, rows, k, anl__attr_int(c, "ignore"), (float)anl__attr_float(c, "label_smoothing")));
    return anl_row_sums(r, (const float *)r->ws, rows, 3);
}
ANL_TYPED_RUN(fwd)

template <class T> __global__ void row_gradients(const T *z, const int32_t *label, const float *dnum, const float *weight, T *dz, int64_t k, int64_t ignore, float s)
{
    ANL_SHARED_ARRAY(float, space, 33);
    int64_t m = blockIdx.x, y = label[m];
    const T *x = z + m * k;
    bool counts = y != ignore && y >= 0 && y < k;
    float top = -INFINITY, sum = 0, w = *dnum * (counts && weight ? weight[y] : 1);
    for (int64_t j = threadIdx.x; j < k; j += blockDim.x) top = fmaxf(top, anl_float(x[j]));
    top = anl_block_max(top, space);
    for (int64_t j = threadIdx.x; j < k; j += blockDim.x) sum += expf(anl_float(x[j]) - top);
    sum = anl_block_sum(sum, space);
    for (int64_t j = threadIdx.x; j < k; j += blockDim.x)
        dz[m * k + j] = anl_to<T>(counts ? w * (expf(anl_float(x[j]) - top) / sum - (j == y ? 1 - s : 0) - s / (float)k) : 0);
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    void (*f)(const T *, const int32_t *, const float *, const float *, T *, int64_t, int64_t, float) = row_gradients<T>;
    return ANL_LAUNCH(f, (unsigned)c->in[0].shape.dim[0], ROW_THREADS, r, (const T *)r->in[0], (const int32_t *)r->in[1], (const float *)r->in[2],
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

static const anl__kernel fwd_kernel = {.op = "softmax_cross_entropy", .device = "cuda", .name = "softmax_cross_entropy/cuda", .rank = 10, .supports = supports, .prepare = fwd_prepare, .run = fwd};
static const anl__kernel bwd_kernel = {.op = "softmax_cross_entropy_bwd", .device = "cuda", .name = "softmax_cross_entropy_bwd/cuda", .rank = 10, .supports = supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_cross_entropy_cuda[];
const anl__kernel *const anl__kernels_cross_entropy_cuda[] = {&fwd_kernel, &bwd_kernel, NULL};
