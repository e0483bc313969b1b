/* The last of some blocks of a launch goes on with what all of them have left in memory, where another launch would be needed otherwise. Which block
 * that is differs from run to run; what it does must not depend on it. */
#ifndef ANL_LAST_BLOCK_CUH
#define ANL_LAST_BLOCK_CUH

#include "cuda.cuh"

/* Is this block the last of `blocks` to come here? Then it sees what they wrote before, as long as it reads by no `const __restrict__` pointer. Called by
 * all threads of a block, once a counter; counter: of anl__cuda_counters, the same for these blocks and no others. The last sets it back to 0. One
 * block alone counts nothing. */
static __device__ __forceinline__ bool anl_last_block(unsigned *counter, unsigned blocks)
{
    ANL_SHARED_ARRAY(unsigned, before, 1);
    __syncthreads();
    if (blocks == 1) return true;
    if (threadIdx.x == 0) {
        __threadfence();
        before[0] = atomicInc(counter, blocks - 1); /* from blocks - 1 on to 0 */
        __threadfence();
    }
    __syncthreads();
    return before[0] == blocks - 1;
}

#endif
