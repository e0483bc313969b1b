/* What kernels of NVIDIA's libraries need around them: casts, additions, bias and relu behind a product, time turned round. Bytes moved: each
 * operand and the result once; bound: memory, or the launch. Not measured on a GPU.
 * Many casts in one launch: their table comes with the launch's arguments, so that nothing about it lives longer than the launch. A block has one
 * array's stretch, which it finds by bisection. */
#include "kernels/common/cuda.cuh"

template <class T> __global__ void add(T *dst, const T *src, int64_t n)
{
    ANL_EACH(i, n) dst[i] = anl_to<T>(anl_float(src[i]) + anl_float(dst[i]));
}

template <class T> static anl_status add_run(const anl_device *dev, void *dst, const void *src, int64_t n)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    return ANL_LAUNCH(add<T>, anl_blocks(n, ANL_THREADS), ANL_THREADS, &r, (T *)dst, (const T *)src, n);
}

extern "C" anl_status anl__cuda_add(const anl_device *dev, void *dst, const void *src, anl_dtype type, int64_t n) { return ANL_BY_TYPE(type, add_run, dev, dst, src, n); }

enum { EACH = 8 }; /* elements of a thread: 16 bytes of the narrow type */

struct casts {
    const void *src[ANL__MOST_COPIES];
    void *dst[ANL__MOST_COPIES];
    int64_t count[ANL__MOST_COPIES];
    unsigned block[ANL__MOST_COPIES]; /* the first */
    int n;
};
static_assert(sizeof(casts) <= 4096, "what a launch's arguments may be");

template <class S, class D> __global__ void convert(casts t)
{
    int k = 0;
    for (int high = t.n - 1; k < high;) {
        int middle = (k + high + 1) / 2;
        if (t.block[middle] <= blockIdx.x) k = middle;
        else high = middle - 1;
    }
    const S *src = (const S *)t.src[k];
    D *dst = (D *)t.dst[k];
    int64_t i = ((int64_t)(blockIdx.x - t.block[k]) * ANL_THREADS + threadIdx.x) * EACH, end = i + EACH < t.count[k] ? i + EACH : t.count[k];
    if (end - i < EACH || (((uintptr_t)src | (uintptr_t)dst) & 15)) {
        for (; i < end; i++) dst[i] = anl_to<D>(anl_float(src[i]));
        return;
    }
    constexpr int IN = anl_vec<S>::N, OUT = anl_vec<D>::N;
    anl_vec<S> in[EACH / IN];
    anl_vec<D> out[EACH / OUT];
    for (int v = 0; v < EACH / IN; v++) in[v] = ((const anl_vec<S> *)(src + i))[v];
    for (int j = 0; j < EACH; j++) out[j / OUT].v[j % OUT] = anl_to<D>(anl_float(in[j / IN].v[j % IN]));
    for (int v = 0; v < EACH / OUT; v++) ((anl_vec<D> *)(dst + i))[v] = out[v];
}

extern "C" anl_status anl__cuda_convert(const anl_device *dev, anl_dtype dst_type, anl_dtype src_type, const anl__cuda_cast *list, int count)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    casts t = {};
    unsigned blocks = 0;
    for (int i = 0; i < count; i++) {
        if (list[i].n == 0) continue; /* it has no block */
        t.src[t.n] = list[i].src;
        t.dst[t.n] = list[i].dst;
        t.count[t.n] = list[i].n;
        t.block[t.n++] = blocks;
        blocks += (unsigned)((list[i].n + EACH * ANL_THREADS - 1) / (EACH * ANL_THREADS));
    }
    if (!blocks) return ANL_OK;
    void (*f)(casts) = src_type == ANL_BF16 ? convert<anl_bf16, float> : src_type == ANL_F16 ? convert<anl_f16, float> : convert<float, float>;
    if (src_type == ANL_F32 && dst_type != ANL_F32) f = dst_type == ANL_BF16 ? convert<float, anl_bf16> : convert<float, anl_f16>;
    return ANL_LAUNCH(f, blocks, ANL_THREADS, &r, t);
}

template <class S, class D> __global__ void columns(const S *src, int64_t have, D *dst, int64_t want, int64_t rows, bool accum)
{
    ANL_EACH(i, rows *want)
    {
        int64_t c = i % want;
        float v = c < have ? anl_float(src[i / want * have + c]) : 0;
        dst[i] = anl_to<D>(v + (accum ? anl_float(dst[i]) : 0));
    }
}

template <class S, class D> static anl_status columns_run(const anl_device *dev, void *dst, int64_t want, const void *src, int64_t have, int64_t rows, bool accum)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    void (*f)(const S *, int64_t, D *, int64_t, int64_t, bool) = columns<S, D>;
    return ANL_LAUNCH(f, anl_blocks(rows * want, ANL_THREADS), ANL_THREADS, &r, (const S *)src, have, (D *)dst, want, rows, accum);
}

template <class S>
static anl_status columns_from(const anl_device *dev, void *dst, anl_dtype dst_type, int64_t want, const void *src, int64_t have, int64_t rows, bool accum)
{
    if (dst_type == ANL_BF16) return columns_run<S, anl_bf16>(dev, dst, want, src, have, rows, accum);
    return dst_type == ANL_F16 ? columns_run<S, anl_f16>(dev, dst, want, src, have, rows, accum) : columns_run<S, float>(dev, dst, want, src, have, rows, accum);
}

extern "C" anl_status anl__cuda_columns(const anl_device *dev, void *dst, anl_dtype dst_type, int64_t dst_columns, const void *src, anl_dtype src_type, int64_t src_columns, int64_t rows,
                                        bool accum)
{
    return ANL_BY_TYPE(src_type, columns_from, dev, dst, dst_type, dst_columns, src, src_columns, rows, accum);
}

template <class T> __global__ void finish(T *y, const float *bias, int64_t n, int64_t k, bool relu)
{
    ANL_EACH(i, n)
    {
        float v = anl_float(y[i]) + (bias ? bias[i % k] : 0);
        y[i] = anl_to<T>(relu && v < 0 ? 0 : v);
    }
}

template <class T> static anl_status finish_run(const anl_device *dev, void *y, const float *bias, int64_t n, int64_t k, bool relu)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    void (*f)(T *, const float *, int64_t, int64_t, bool) = finish<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, &r, (T *)y, bias, n, k, relu);
}

extern "C" anl_status anl__cuda_bias_relu(const anl_device *dev, void *y, anl_dtype type, const float *bias, int64_t n, int64_t k, bool relu)
{
    return ANL_BY_TYPE(type, finish_run, dev, y, bias, n, k, relu);
}

template <class T> __global__ void flip(const T *src, T *dst, int64_t steps, int64_t row)
{
    ANL_EACH(i, steps *row) dst[i] = src[(steps - 1 - i / row) * row + i % row];
}

extern "C" anl_status anl__cuda_flip(const anl_device *dev, void *dst, const void *src, int64_t steps, size_t row)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    void (*wide)(const uint32_t *, uint32_t *, int64_t, int64_t) = flip<uint32_t>;
    void (*narrow)(const uint16_t *, uint16_t *, int64_t, int64_t) = flip<uint16_t>;
    int64_t n = (int64_t)row / (row % 4 ? 2 : 4);
    if (row % 4) return ANL_LAUNCH(narrow, anl_blocks(steps * n, ANL_THREADS), ANL_THREADS, &r, (const uint16_t *)src, (uint16_t *)dst, steps, n);
    return ANL_LAUNCH(wide, anl_blocks(steps * n, ANL_THREADS), ANL_THREADS, &r, (const uint32_t *)src, (uint32_t *)dst, steps, n);
}

extern "C" bool anl__cuda_has_code(void)
{
    struct cudaFuncAttributes a;
    return cudaFuncGetAttributes(&a, (const void *)flip<uint32_t>) == cudaSuccess;
}

extern "C" const anl__kernel *const anl__kernels_casts_cuda[];
const anl__kernel *const anl__kernels_casts_cuda[] = {NULL};
