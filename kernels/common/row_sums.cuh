/* Sums of a matrix's rows, a block a row, in a fixed tree: what is left of losses and counts once each sample
 * has its own. */
#ifndef ANL_ROW_SUMS_CUH
#define ANL_ROW_SUMS_CUH

#include "cuda.cuh"

struct anl_sums_out { float *to[4]; };

/* to[row] = sum of part[row * n ..]. */
static __global__ void anl_row_add(const float *part, int64_t n, anl_sums_out out)
{
    ANL_SHARED_ARRAY(float, space, 33);
    float sum = 0;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += part[blockIdx.x * n + i];
    sum = anl_block_sum(sum, space);
    if (threadIdx.x == 0) *out.to[blockIdx.x] = sum;
}

/* The results of r are one number each. */
static inline anl_status anl_row_sums(const anl__run *r, const float *part, int64_t n, int rows)
{
    anl_sums_out out = {};
    for (int i = 0; i < rows; i++) out.to[i] = (float *)r->out[i];
    return ANL_LAUNCH(anl_row_add, (unsigned)rows, ANL_THREADS, r, part, n, out);
}

#endif
