/* Columns of a matrix merged by a whole grid in one launch: block (x, y) has its own columns and a slice of the rows, and the last blocks to come merge the
 * slices. Slice i is of lane i % 64: the last block of a lane merges its slices in order, the last lane of the columns merges the lanes in a fixed
 * tree. So the order follows from shapes alone, and no block waits. */
#ifndef ANL_SLICES_CUH
#define ANL_SLICES_CUH

#include "lanes.cuh"
#include "last_block.cuh"

static const int ANL_SLICE_LANES = 64;

/* Slices that a grid of ANL__CUDA_COUNTERS blocks leaves to each of its columns: more have no counters. */
static inline int64_t anl_most_slices(int64_t grid_columns) { return ANL__CUDA_COUNTERS / grid_columns > 1 ? ANL__CUDA_COUNTERS / grid_columns : 1; }

/* A tree over get(first), get(first + step), ..., N of them, whose halves alternate. */
template <int N, class G, class F> static __device__ __forceinline__ auto anl_merge_some(int first, int step, G get, F merge)
{
    if constexpr (N == 1) return get(first);
    else return merge(anl_merge_some<N / 2>(first, 2 * step, get, merge), anl_merge_some<N / 2>(first + step, 2 * step, get, merge));
}

/* v: of column j < k the block's own slice, in the threads before `columns` of ANL_THREADS. True in the one block that then has the whole there. part: [slices][k],
 * space: ANL_THREADS shared values, counters: anl__cuda_counters. V{} changes nothing that it is merged with. */
template <class V, class F>
static __device__ __forceinline__ bool anl_merge_slices(V &v, int64_t j, int64_t k, V *part, V *space, int columns, unsigned *counters, F merge)
{
    unsigned slices = gridDim.y, lane = blockIdx.y % ANL_SLICE_LANES, lanes = slices < ANL_SLICE_LANES ? slices : ANL_SLICE_LANES;
    bool mine = threadIdx.x < (unsigned)columns && j < k;
    if (mine) part[blockIdx.y * k + j] = v;
    unsigned *of_lane = counters + gridDim.x + blockIdx.x * ANL_SLICE_LANES + lane;
    if (!anl_last_block(of_lane, (slices - lane + ANL_SLICE_LANES - 1) / ANL_SLICE_LANES)) return false;
    if (mine) {
        v = V{};
        for (unsigned i = lane; i < slices; i += ANL_SLICE_LANES) v = merge(v, part[i * k + j]);
        part[lane * k + j] = v;
    }
    if (!anl_last_block(counters + blockIdx.x, lanes)) return false;
    auto lane_of = [&](int i) { /* the thread's i-th */
        unsigned at = threadIdx.x / columns + i * (ANL_THREADS / columns);
        V u = part[(at < lanes ? at : 0) * k + (j < k ? j : 0)]; /* always one: a load that waits for no branch */
        return at < lanes ? u : V{};
    };
    v = anl_merge_lanes(anl_merge_some<ANL_MOST_COLUMNS * ANL_SLICE_LANES / ANL_THREADS>(0, 1, lane_of, merge), space, columns, merge);
    return true;
}

#endif
