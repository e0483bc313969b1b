/* Sums of columns by a block: up to 32 columns side by side, so that a warp reads neighbours, the other threads as lanes of each column, merged in
 * a fixed tree. */
#ifndef ANL_LANES_CUH
#define ANL_LANES_CUH

#include "cuda.cuh"

/* Of a block: one that walks rows, and one that adds what such blocks have left, a few values a column, where many lanes are worth more. */
static const int ANL_MOST_COLUMNS = 32, ANL_MOST_FINISHED = 4;

/* Columns of a block of ANL_THREADS threads, of k: a power of two. Thread t has column t % columns and lane t / columns. */
static inline int anl_block_columns(int64_t k, int most)
{
    int columns = 1;
    while (columns < most && columns < k) columns *= 2;
    return columns;
}

/* Merges the lanes of each column; the result is lane 0's. space: ANL_THREADS shared values. merge(V, V) gives V; nothing else need hold of it. */
template <class V, class F> static __device__ __forceinline__ V anl_merge_lanes(V v, V *space, int columns, F merge)
{
    int lane = threadIdx.x / columns;
    space[threadIdx.x] = v;
    __syncthreads();
    for (int d = ANL_THREADS / columns / 2; d; d /= 2) {
        if (lane < d) space[threadIdx.x] = merge(space[threadIdx.x], space[threadIdx.x + d * columns]);
        __syncthreads();
    }
    return space[threadIdx.x];
}

#endif
