/* Sums of a matrix's rows, in a fixed tree: what is left of losses and counts once each sample has its own. A block a row, or one block
 * that adds all of them. */
#ifndef ANL_ROW_SUMS_CUH
#define ANL_ROW_SUMS_CUH

#include "cuda.cuh"

/* Where the sums go, and a constant beside them (a step of operator fill that a loss covers), or NULL. */
struct anl_sums_out {
    float *to[4], *constant;
    float value;
};

/* Sum of part[0 .. n), known to thread 0: of ANL_THREADS lanes, whatever the number of threads (whole warps, that divide them). space: 33 shared floats,
   free after the barrier that it ends with. */
static __device__ __forceinline__ float anl_row_sum(const float *part, int64_t n, float *space)
{
    for (int lane = threadIdx.x; lane < ANL_THREADS; lane += blockDim.x) {
        float sum = 0;
        for (int64_t i = lane; i < n; i += ANL_THREADS) sum += part[i];
        sum = anl_warp_sum(sum);
        if (lane % 32 == 0) space[lane / 32] = sum;
    }
    __syncthreads();
    float sum = threadIdx.x < 32 ? anl_warp_sum(threadIdx.x < ANL_THREADS / 32 ? space[threadIdx.x] : 0) : 0;
    __syncthreads();
    return sum;
}

/* to[row] = sum of part[row * n ..], rows [from, from + count), by this block. */
static __device__ __forceinline__ void anl_add_rows(const float *part, int64_t n, int from, int count, const anl_sums_out &out, float *space)
{
    for (int row = from; row < from + count; row++) {
        float sum = anl_row_sum(part + row * n, n, space);
        if (threadIdx.x == 0) *out.to[row] = sum;
    }
    if (threadIdx.x == 0 && from == 0 && out.constant) *out.constant = out.value;
}

static __global__ void anl_row_add(const float *part, int64_t n, anl_sums_out out)
{
    ANL_SHARED_ARRAY(float, space, 33);
    anl_add_rows(part, n, blockIdx.x, 1, out, space);
}

/* The results of r are one number each. */
static inline anl_sums_out anl_sums_of(const anl__run *r, int rows)
{
    anl_sums_out out = {};
    for (int i = 0; i < rows; i++) out.to[i] = (float *)r->out[i];
    if (r->covered) out.constant = (float *)r->covered_run->out[0], out.value = (float)anl__attr_float(&r->covered->call, "value");
    return out;
}

static inline anl_status anl_row_sums(const anl__run *r, const float *part, int64_t n, int rows)
{
    return ANL_LAUNCH(anl_row_add, (unsigned)rows, ANL_THREADS, r, part, n, anl_sums_of(r, rows));
}

static inline bool anl_covers_fill(const anl__prepared *p, const anl__prepared *other, int in)
{
    (void)p;
    return in < 0 && !strcmp(other->call.op->name, "fill") && other->call.out[0].dtype == ANL_F32;
}

#endif
