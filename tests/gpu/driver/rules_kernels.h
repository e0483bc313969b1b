/* Launches of small kernels, from C. */
#ifndef ANL_TEST_RULES_KERNELS_H
#define ANL_TEST_RULES_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
cudaError_t rules_add(float *p, int n, unsigned blocks, unsigned threads, cudaStream_t s);
cudaError_t rules_narrow(float *p, unsigned threads, cudaStream_t s); /* made for 128 threads */
cudaError_t rules_sharing(float *p, size_t bytes, bool allowed, cudaStream_t s);
cudaError_t rules_together(float *p, int n, unsigned blocks, cudaStream_t s); /* a cooperative launch */
#ifdef __cplusplus
}
#endif

#endif
