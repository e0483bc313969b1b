/* Kernels for rules.c to launch. */
#include "rules_kernels.h"

static __global__ void add(float *p, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) p[i] += 1;
}
static __global__ void __launch_bounds__(128) narrow(float *p) { p[threadIdx.x] = 1; }
static __global__ void sharing(float *p)
{
    extern __shared__ float s[];
    s[threadIdx.x] = p[threadIdx.x];
    __syncthreads();
    p[threadIdx.x] = s[blockDim.x - 1 - threadIdx.x];
}

static cudaError_t launch(const void *kernel, dim3 blocks, dim3 threads, void **args, size_t shared, cudaStream_t s) { return cudaLaunchKernel(kernel, blocks, threads, args, shared, s); }

extern "C" cudaError_t rules_add(float *p, int n, unsigned blocks, unsigned threads, cudaStream_t s)
{
    void *args[] = {&p, &n};
    return launch((const void *)add, blocks, threads, args, 0, s);
}

extern "C" cudaError_t rules_narrow(float *p, unsigned threads, cudaStream_t s)
{
    void *args[] = {&p};
    return launch((const void *)narrow, 1, threads, args, 0, s);
}

extern "C" cudaError_t rules_sharing(float *p, size_t bytes, bool allowed, cudaStream_t s)
{
    void *args[] = {&p};
    cudaError_t e = allowed ? cudaFuncSetAttribute((const void *)sharing, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes) : cudaSuccess;
    return e != cudaSuccess ? e : launch((const void *)sharing, 1, 64, args, bytes, s);
}

extern "C" cudaError_t rules_together(float *p, int n, unsigned blocks, cudaStream_t s)
{
    void *args[] = {&p, &n};
    return cudaLaunchCooperativeKernel((const void *)add, dim3(blocks), dim3(256), args, 0, s);
}
