/* Test only: a part of a library that plays cuDNN, for this CUDA or another. */
#ifdef OTHER_CUDA
#define CUDA 11080
#else
#include <cuda_runtime_api.h>
#define CUDA CUDART_VERSION
#endif

#include <stddef.h>

size_t part_version(void);
size_t part_version(void) { return 91900; }
size_t part_cuda(void);
size_t part_cuda(void) { return CUDA; }
