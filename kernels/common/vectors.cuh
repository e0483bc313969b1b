/* Neighbours of an array as one vector load or store, for kernels that also have to take one element at a time. */
#ifndef ANL_VECTORS_CUH
#define ANL_VECTORS_CUH

#include "cuda.cuh"

#include <initializer_list>

/* V neighbours: a vector, or one. */
template <class T, int V> struct alignas(V * sizeof(T)) anl_some { T v[V]; };

template <class T, int V> static __device__ __forceinline__ anl_some<T, V> anl_get(const T *p, int64_t at) { return *(const anl_some<T, V> *)(p + at); }
template <class T, int V> static __device__ __forceinline__ void anl_put(T *p, int64_t at, anl_some<T, V> v) { *(anl_some<T, V> *)(p + at) = v; }

/* V numbers of a channel's array, from j on; vectors where V has whole ones. */
template <int V> static __device__ __forceinline__ void anl_take(const float *p, int64_t j, float (&out)[V])
{
    if constexpr (V % 4 == 0)
        for (int i = 0; i < V / 4; i++) {
            anl_vec<float> a = ((const anl_vec<float> *)(p + j))[i];
            for (int q = 0; q < 4; q++) out[4 * i + q] = a.v[q];
        }
    else
        for (int i = 0; i < V; i++) out[i] = p[j + i];
}

/* Whether rows of k are whole vectors and all of these arrays begin with one; NULL: not there. */
template <class T> static bool anl_vectors(int64_t k, std::initializer_list<const void *> at)
{
    bool all = k % anl_vec<T>::N == 0;
    for (const void *p : at) all = all && anl_aligned(p);
    return all;
}

#endif
