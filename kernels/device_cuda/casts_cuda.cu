/* What kernels of NVIDIA's libraries need around them: casts, additions, bias and relu behind a product. Bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

template <class S, class D> __global__ void convert(const S *src, D *dst, int64_t n, bool accum)
{
    ANL_EACH(i, n) dst[i] = anl_to<D>(anl_float(src[i]) + (accum ? anl_float(dst[i]) : 0));
}

template <class S, class D> static anl_status convert_run(const anl_device *dev, void *dst, const void *src, int64_t n, bool accum)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    void (*f)(const S *, D *, int64_t, bool) = convert<S, D>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, &r, (const S *)src, (D *)dst, n, accum);
}

extern "C" anl_status anl__cuda_convert(const anl_device *dev, void *dst, anl_dtype dst_type, const void *src, anl_dtype src_type, int64_t n, bool accum)
{
    if (dst_type == ANL_BF16) return src_type == ANL_BF16 ? convert_run<anl_bf16, anl_bf16>(dev, dst, src, n, accum) : convert_run<float, anl_bf16>(dev, dst, src, n, accum);
    return src_type == ANL_BF16 ? convert_run<anl_bf16, float>(dev, dst, src, n, accum) : convert_run<float, float>(dev, dst, src, n, accum);
}

template <class T> __global__ void finish(T *y, const float *bias, int64_t n, int64_t k, bool relu)
{
    ANL_EACH(i, n)
    {
        float v = anl_float(y[i]) + (bias ? bias[i % k] : 0);
        y[i] = anl_to<T>(relu && v < 0 ? 0 : v);
    }
}

extern "C" anl_status anl__cuda_bias_relu(const anl_device *dev, void *y, anl_dtype type, const float *bias, int64_t n, int64_t k, bool relu)
{
    anl__run r = {};
    r.device = (anl_device *)dev;
    void (*narrow)(anl_bf16 *, const float *, int64_t, int64_t, bool) = finish<anl_bf16>;
    void (*plain)(float *, const float *, int64_t, int64_t, bool) = finish<float>;
    if (type == ANL_BF16) return ANL_LAUNCH(narrow, anl_blocks(n, ANL_THREADS), ANL_THREADS, &r, (anl_bf16 *)y, bias, n, k, relu);
    return ANL_LAUNCH(plain, anl_blocks(n, ANL_THREADS), ANL_THREADS, &r, (float *)y, bias, n, k, relu);
}

extern "C" const anl__kernel *const anl__kernels_casts_cuda[];
const anl__kernel *const anl__kernels_casts_cuda[] = {NULL};
