/* Test only: enough of CUDA C++ to compile our .cu files for the host. See shim.cpp for how threads run. */
#ifndef ANL_SHIM_CUDA_RUNTIME_H
#define ANL_SHIM_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

#define ANL_SHIM 1
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
extern thread_local uint3 threadIdx, blockIdx;
extern thread_local dim3 blockDim, gridDim;

void __syncthreads();
void __syncwarp(unsigned mask = 0xffffffffu);

/* A value of every lane of the caller's warp meets here; returns that of lane `from`. */
uint64_t anl_shim_exchange(uint64_t bits, int from, const char *what);
template <class T> static inline T anl_shim_shuffle(T v, int from, const char *what)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves at most eight bytes");
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof v);
    bits = anl_shim_exchange(bits, from, what);
    memcpy(&v, &bits, sizeof v);
    return v;
}
static inline int anl_shim_lane() { return (int)(threadIdx.x & 31); }
template <class T> static inline T __shfl_xor_sync(unsigned, T v, int d) { return anl_shim_shuffle(v, anl_shim_lane() ^ d, "__shfl_xor_sync"); }
template <class T> static inline T __shfl_down_sync(unsigned, T v, int d)
{
    return anl_shim_shuffle(v, anl_shim_lane() + d < 32 ? anl_shim_lane() + d : anl_shim_lane(), "__shfl_down_sync");
}
template <class T> static inline T __shfl_sync(unsigned, T v, int from) { return anl_shim_shuffle(v, from & 31, "__shfl_sync"); }
unsigned anl_shim_ballot(bool vote);
static inline unsigned __ballot_sync(unsigned, bool vote) { return anl_shim_ballot(vote); }
static inline void __threadfence() {}
static inline unsigned atomicInc(unsigned *p, unsigned most) /* one block runs at a time, one thread of it */
{
    unsigned old = *p;
    *p = old >= most ? 0 : old + 1;
    return old;
}
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline float rsqrtf(float v) { return 1 / sqrtf(v); }

/* Memory shared by a block: fresh for each block, full of NaN, of exact size (so that a sanitizer sees its ends). */
void *anl_shim_shared(const char *file, int line, const char *name, size_t bytes);
#define ANL_SHARED_ARRAY(type, name, count) type *name = (type *)anl_shim_shared(__FILE__, __LINE__, #name, sizeof(type) * (size_t)(count))

void anl_shim_launch(cudaStream_t s, dim3 grid, dim3 block, std::function<void()> thread);
template <class... P, class... A> static inline void anl_shim_call(cudaStream_t s, dim3 grid, dim3 block, void (*kernel)(P...), A &&...a)
{
    std::tuple<std::decay_t<P>...> kept(static_cast<std::decay_t<P>>(a)...);
    anl_shim_launch(s, grid, block, [kernel, kept] { std::apply(kernel, kept); });
}
#define ANL_LAUNCH(kernel, grid, block, run, ...) \
    (anl_shim_call((cudaStream_t)anl__cuda_stream((run)->device), dim3(grid), dim3(block), kernel, __VA_ARGS__), anl__cuda_launched((run)->device))

#endif
