/* What softmax attention and additive attention share on CUDA: rows of scores become probabilities, and sums over keys or queries. A block has
 * one query (or one key) of a sample and head; places are time-major: row t of part s lies at (t * parts + s) * width. */
#ifndef ANL_CUDA_ATTEND_CUH
#define ANL_CUDA_ATTEND_CUH

#include "kernels/common/cuda.cuh"

#define ANL_ATTEND_THREADS 128

/* The dot product of two rows, by a warp; known to all its lanes. */
template <class T> static __device__ __forceinline__ float anl_warp_dot(const T *a, const T *b, int64_t n)
{
    float s = 0;
    for (int64_t j = threadIdx.x & 31; j < n; j += 32) s += anl_float(a[j]) * anl_float(b[j]);
    return anl_warp_sum(s);
}

/* Scores [0, seen) of a block, in global memory, become weights that add up to 1, kept as f32 in place and as T in p [keys], zero from `seen`. */
template <class T> static __device__ __forceinline__ void anl_attend_weights(float *score, T *p, int64_t seen, int64_t keys, float *space)
{
    float most = -INFINITY, sum = 0;
    __syncthreads();
    for (int64_t k = threadIdx.x; k < seen; k += blockDim.x) most = fmaxf(most, score[k]);
    most = anl_block_max(most, space);
    for (int64_t k = threadIdx.x; k < seen; k += blockDim.x) {
        score[k] = expf(score[k] - most);
        sum += score[k];
    }
    sum = anl_block_sum(sum, space);
    for (int64_t k = threadIdx.x; k < keys; k += blockDim.x) {
        score[k] = k < seen ? score[k] / sum : 0;
        p[k] = anl_to<T>(score[k]);
    }
    __syncthreads();
}

/* d [keys] of a block: the scores' gradients, factor * p (ds - sum of p ds), where ds[k] = dy . v_k lies in d already; zero from `seen`. */
template <class T> static __device__ __forceinline__ void anl_attend_slopes(float *d, const T *p, float factor, int64_t seen, int64_t keys, float *space)
{
    float mean = 0;
    __syncthreads();
    for (int64_t k = threadIdx.x; k < seen; k += blockDim.x) mean += anl_float(p[k]) * d[k];
    mean = anl_block_sum(mean, space);
    for (int64_t k = threadIdx.x; k < keys; k += blockDim.x) d[k] = k < seen ? factor * anl_float(p[k]) * (d[k] - mean) : 0;
    __syncthreads();
}

#endif
