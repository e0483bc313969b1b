/* mse, huber, bce_logits and their gradients (formulas: losses.h, here in float). Sums: a block a slice, the last block over the slices. Bytes
 * moved: predictions and targets once; bound: memory, and for a batch of values the launch. Not measured on a GPU. */
#include "kernels/common/last_block.cuh"
#include "kernels/common/row_sums.cuh"
#include "kernels/common/seed.cuh"

extern "C" {
#include "losses.h"
}

static const int BLOCKS = 128;

struct targets { const void *at; bool numbers; }; /* i32 numbers, or f32 */

static __device__ __forceinline__ float target(const targets &t, int64_t i) { return t.numbers ? (float)((const int32_t *)t.at)[i] : ((const float *)t.at)[i]; }

static __device__ __forceinline__ float value(anl__loss_kind kind, float delta, float y, float t)
{
    float d = y - t, a = fabsf(d);
    if (kind == ANL__MSE) return d * d;
    if (kind == ANL__HUBER) return a <= delta ? 0.5f * d * d : delta * (a - 0.5f * delta);
    return fmaxf(y, 0.0f) - t * y + log1pf(expf(-fabsf(y)));
}

static __device__ __forceinline__ float slope(anl__loss_kind kind, float delta, float y, float t)
{
    float d = y - t, e = expf(-fabsf(y));
    if (kind == ANL__MSE) return 2 * d;
    if (kind == ANL__HUBER) return d > delta ? delta : d < -delta ? -delta : d; /* a NaN stays one */
    return (y >= 0 ? 1 / (1 + e) : e / (1 + e)) - t;
}

template <class T> __global__ void slice_sums(const T *y, targets t, float *part, int64_t n, anl__loss_kind kind, float delta, unsigned *counter, anl_sums_out out)
{
    ANL_SHARED_ARRAY(float, space, 33);
    float sum = 0;
    ANL_EACH(i, n) sum += value(kind, delta, anl_float(y[i]), target(t, i));
    sum = anl_block_sum(sum, space);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
    if (!anl_last_block(counter, gridDim.x)) return;
    anl_add_rows(part, gridDim.x, 0, 1, out, space);
    if (threadIdx.x == 0) *out.to[1] = (float)n;
}

template <class T> __global__ void gradient(const T *y, targets t, anl_seed dnum, T *dy, int64_t n, anl__loss_kind kind, float delta)
{
    float seed = anl_seed_value(dnum);
    ANL_EACH(i, n) dy[i] = anl_to<T>(seed * slope(kind, delta, anl_float(y[i]), target(t, i)));
}

static targets targets_of(const anl__prepared *p, const anl__run *r)
{
    targets t = {r->in[1], p->call.in[1].dtype == ANL_I32};
    return t;
}

static float delta_of(const anl__call *c) { return anl__loss_of(c) == ANL__HUBER ? (float)anl__attr_float(c, "delta") : 0; }
static unsigned slices_of(int64_t n) { return anl_blocks(n, ANL_THREADS) < BLOCKS ? anl_blocks(n, ANL_THREADS) : BLOCKS; }

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->workspace = BLOCKS * sizeof(float);
    return ANL_OK;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    void (*f)(const T *, targets, float *, int64_t, anl__loss_kind, float, unsigned *, anl_sums_out) = slice_sums<T>;
    return ANL_LAUNCH(f, slices_of(n), ANL_THREADS, r, (const T *)r->in[0], targets_of(p, r), (float *)r->ws, n, anl__loss_of(&p->call), delta_of(&p->call),
                      anl__cuda_counters(r->device), anl_sums_of(r, 2));
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    void (*f)(const T *, targets, anl_seed, T *, int64_t, anl__loss_kind, float) = gradient<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, (const T *)r->in[0], targets_of(p, r), anl_seed_in(r, 2), (T *)r->out[0], n, anl__loss_of(&p->call),
                      delta_of(&p->call));
}
ANL_TYPED_RUN(bwd)

#define KERNELS(id, op_name)                                                                                                                                           \
    static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = prepare, .run = fwd, .covers = anl_covers_fill}; \
    static const anl__kernel id##_bwd = {.op = op_name "_bwd", .device = "cuda", .name = op_name "_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd, .covers = anl_covers_seed};
KERNELS(k_mse, "mse")
KERNELS(k_huber, "huber")
KERNELS(k_bce, "bce_logits")
extern "C" const anl__kernel *const anl__kernels_losses_cuda[];
const anl__kernel *const anl__kernels_losses_cuda[] = {&k_mse, &k_mse_bwd, &k_huber, &k_huber_bwd, &k_bce, &k_bce_bwd, NULL};
