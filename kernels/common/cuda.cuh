/* What our own CUDA kernels stand on: element types, launches, index loops, sums in a fixed order.
 *
 * The same files are compiled by nvcc for GPUs and by a C++ compiler for the test-only shim (tests/cuda_shim), so:
 * launches only through ANL_LAUNCH, no PTX, no inline assembly, shared memory only as ANL_SHARED_ARRAY.
 * Sums over threads are trees whose shape depends on sizes alone; there is no floating-point atomic anywhere.
 * Element types: float, anl_bf16 and anl_f16; all arithmetic in float.
 */
#ifndef ANL_CUDA_CUH
#define ANL_CUDA_CUH

#include <cuda_runtime.h>
#ifndef ANL_SHIM
#include <cuda_fp16.h>
#endif

#include <math.h>
#include <stdint.h>
#include <string.h>

extern "C" {
#include "base/half.h"
#include "op.h"
#include "kernels/device_cuda/plugin/calls.h"
}

#ifndef ANL_SHIM
#define ANL_SHARED_ARRAY(type, name, count) __shared__ type name[count]
#define ANL_LAUNCH(kernel, grid, block, run, ...)                                                \
    ((kernel)<<<(grid), (block), 0, (cudaStream_t)anl__cuda_stream((run)->device)>>>(__VA_ARGS__), \
     anl__cuda_launched((run)->device))
#endif

/* ---- element types --------------------------------------------------------------------------- */

struct anl_bf16 { uint16_t bits; };
struct anl_f16 { uint16_t bits; };

static __host__ __device__ __forceinline__ float anl_float(float v) { return v; }
static __host__ __device__ __forceinline__ float anl_float(anl_bf16 v)
{
    uint32_t u = (uint32_t)v.bits << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static __host__ __device__ __forceinline__ float anl_float(anl_f16 v)
{
#ifdef ANL_SHIM
    return anl__f16_float(v.bits);
#else
    __half_raw h;
    h.x = v.bits;
    return __half2float(__half(h));
#endif
}

template <class T> static __host__ __device__ __forceinline__ T anl_to(float v);
template <> __host__ __device__ __forceinline__ float anl_to<float>(float v) { return v; }
/* Round to nearest, ties to even; a NaN stays one. */
template <> __host__ __device__ __forceinline__ anl_bf16 anl_to<anl_bf16>(float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    anl_bf16 r = {(uint16_t)(v != v ? 0x7fc0u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
    return r;
}
/* Likewise; what is too large becomes infinity. */
template <> __host__ __device__ __forceinline__ anl_f16 anl_to<anl_f16>(float v)
{
#ifdef ANL_SHIM
    return anl_f16{anl__f16_bits(v)};
#else
    return anl_f16{__half_raw(__float2half_rn(v)).x};
#endif
}

/* F<T>(arguments) for the T of an element type. */
#define ANL_BY_TYPE(type, f, ...) ((type) == ANL_BF16 ? f<anl_bf16>(__VA_ARGS__) : (type) == ANL_F16 ? f<anl_f16>(__VA_ARGS__) : f<float>(__VA_ARGS__))

/* Sixteen bytes of elements: one vector load or store. */
template <class T> struct alignas(16) anl_vec {
    static constexpr int N = 16 / (int)sizeof(T);
    T v[N];
};

static inline bool anl_aligned(const void *p) { return ((uintptr_t)p & 15) == 0; }

/* ---- grids ----------------------------------------------------------------------------------- */

#define ANL_THREADS 256
static inline unsigned anl_blocks(int64_t n, int64_t each)
{
    int64_t b = (n + each - 1) / each;
    return (unsigned)(b < 1 ? 1 : b > 65535 ? 65535 : b);
}
/* Every index of [0, n), shared out over the whole grid. */
#define ANL_EACH(i, n)                                                                                  \
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, i##_step = (int64_t)gridDim.x * blockDim.x; i < (n); i += i##_step)

/* ---- sums in a fixed order ------------------------------------------------------------------- */

static __device__ __forceinline__ float anl_warp_sum(float v)
{
    for (int d = 16; d; d >>= 1) v += __shfl_xor_sync(0xffffffffu, v, d);
    return v;
}

static __device__ __forceinline__ float anl_warp_max(float v)
{
    for (int d = 16; d; d >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, d));
    return v;
}

/* Sum over a block of whole warps, known to every thread; `space`: 33 shared floats. */
static __device__ __forceinline__ float anl_block_sum(float v, float *space)
{
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = (blockDim.x + 31) >> 5;
    v = anl_warp_sum(v);
    __syncthreads();
    if (lane == 0) space[warp] = v;
    __syncthreads();
    if (warp == 0) {
        float s = anl_warp_sum(lane < warps ? space[lane] : 0);
        if (lane == 0) space[32] = s;
    }
    __syncthreads();
    return space[32];
}

static __device__ __forceinline__ float anl_block_max(float v, float *space)
{
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = (blockDim.x + 31) >> 5;
    v = anl_warp_max(v);
    __syncthreads();
    if (lane == 0) space[warp] = v;
    __syncthreads();
    if (warp == 0) {
        float s = anl_warp_max(lane < warps ? space[lane] : space[0]);
        if (lane == 0) space[32] = s;
    }
    __syncthreads();
    return space[32];
}

/* ---- kernels as the engine sees them --------------------------------------------------------- */

/* Our kernels take f32, bf16 and f16. */
static inline bool anl_cuda_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    for (int i = 0; i < c->n_in + c->n_out; i++) {
        const anl__type *t = i < c->n_in ? &c->in[i] : &c->out[i - c->n_in];
        if (t->shape.rank < 0 || t->dtype != ANL_F64) continue;
        memcpy(why, "our CUDA kernels have f32, bf16 and f16", 40);
        return false;
    }
    return true;
}

/* A run function for the type of input 0: NAME_typed<T>(p, r). */
#define ANL_TYPED_RUN(name) \
    static anl_status name(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.in[0].dtype, name##_typed, p, r); }

#endif
