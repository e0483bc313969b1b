/* Elementwise kernels: one functor over one or two inputs. Bytes moved: each input and output once; bound: memory. Sixteen-byte
 * loads and stores where all pointers allow it. Not measured on a GPU. */
#ifndef ANL_MAP_CUH
#define ANL_MAP_CUH

#include "cuda.cuh"

template <class T, class F> __global__ void anl_map1(const T *x, T *y, int64_t n, bool wide, F f)
{
    constexpr int V = anl_vec<T>::N;
    int64_t whole = wide ? n / V : 0;
    ANL_EACH(i, whole)
    {
        anl_vec<T> a = ((const anl_vec<T> *)x)[i], r;
        for (int k = 0; k < V; k++) r.v[k] = anl_to<T>(f(anl_float(a.v[k])));
        ((anl_vec<T> *)y)[i] = r;
    }
    ANL_EACH(i, n - whole * V) y[whole * V + i] = anl_to<T>(f(anl_float(x[whole * V + i])));
}

template <class T, class F> __global__ void anl_map2(const T *a, const T *b, T *y, int64_t n, bool wide, F f)
{
    constexpr int V = anl_vec<T>::N;
    int64_t whole = wide ? n / V : 0;
    ANL_EACH(i, whole)
    {
        anl_vec<T> p = ((const anl_vec<T> *)a)[i], q = ((const anl_vec<T> *)b)[i], r;
        for (int k = 0; k < V; k++) r.v[k] = anl_to<T>(f(anl_float(p.v[k]), anl_float(q.v[k])));
        ((anl_vec<T> *)y)[i] = r;
    }
    ANL_EACH(i, n - whole * V) y[whole * V + i] = anl_to<T>(f(anl_float(a[whole * V + i]), anl_float(b[whole * V + i])));
}

template <class T, class F> static anl_status anl_map(const anl__run *r, const void *x, void *y, int64_t n, F f)
{
    void (*k)(const T *, T *, int64_t, bool, F) = anl_map1<T, F>;
    return ANL_LAUNCH(k, anl_blocks(n, ANL_THREADS * anl_vec<T>::N), ANL_THREADS, r, (const T *)x, (T *)y, n, anl_aligned(x) && anl_aligned(y), f);
}

template <class T, class F> static anl_status anl_map(const anl__run *r, const void *a, const void *b, void *y, int64_t n, F f)
{
    void (*k)(const T *, const T *, T *, int64_t, bool, F) = anl_map2<T, F>;
    return ANL_LAUNCH(k, anl_blocks(n, ANL_THREADS * anl_vec<T>::N), ANL_THREADS, r, (const T *)a, (const T *)b, (T *)y, n,
                      anl_aligned(a) && anl_aligned(b) && anl_aligned(y), f);
}

#endif
