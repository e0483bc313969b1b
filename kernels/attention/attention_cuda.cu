/* attention and its gradient. A block a query (sample, head): a warp a key's score, then the weights, then a thread a column of the sum over
 * keys. Backward: the same for dq, with the scores' gradients kept in the workspace; then a block a key for dk and dv, queries in order. Bytes
 * moved: keys and values once a query, from cache (short sequences are what it is for); bound: cache. Not measured on a GPU. */
#include "kernels/common/cuda_attend.cuh"

extern "C" {
#include "attention.h"
}

struct shape { /* anl__attend on the device */
    int64_t queries, keys, samples, heads, width, out;
    float scale;
    bool causal;
    const int32_t *length;
};

static __device__ __forceinline__ int64_t seen_of(const shape &a, int64_t n, int64_t query)
{
    int64_t seen = a.length ? a.length[n] : a.keys;
    if (a.causal && query + 1 < seen) seen = query + 1;
    return seen < 0 ? 0 : seen < a.keys ? seen : a.keys;
}

static __device__ __forceinline__ int64_t row_of(const shape &a, int64_t t, int64_t part, int64_t width) { return (t * a.samples * a.heads + part) * width; }

/* score: [samples, heads, queries, keys] of the workspace. */
template <class T> __global__ void forward(shape a, const T *q, const T *k, const T *v, T *y, T *p, float *score)
{
    ANL_SHARED_ARRAY(float, space, 33);
    for (int64_t b = blockIdx.x; b < a.samples * a.heads * a.queries; b += gridDim.x) {
        int64_t part = b / a.queries, t = b % a.queries, seen = seen_of(a, part / a.heads, t);
        float *w = score + b * a.keys;
        for (int64_t key = threadIdx.x >> 5; key < seen; key += blockDim.x >> 5) {
            float s = a.scale * anl_warp_dot(q + row_of(a, t, part, a.width), k + row_of(a, key, part, a.width), a.width);
            if ((threadIdx.x & 31) == 0) w[key] = s;
        }
        anl_attend_weights(w, p + b * a.keys, seen, a.keys, space);
        for (int64_t j = threadIdx.x; j < a.out; j += blockDim.x) {
            float sum = 0;
            for (int64_t key = 0; key < seen; key++) sum += w[key] * anl_float(v[row_of(a, key, part, a.out) + j]);
            y[row_of(a, t, part, a.out) + j] = anl_to<T>(sum);
        }
    }
}

/* dq, and the scores' gradients. */
template <class T> __global__ void query_gradient(shape a, const T *k, const T *v, const T *p, const T *dy, T *dq, float *slope)
{
    ANL_SHARED_ARRAY(float, space, 33);
    for (int64_t b = blockIdx.x; b < a.samples * a.heads * a.queries; b += gridDim.x) {
        int64_t part = b / a.queries, t = b % a.queries, seen = seen_of(a, part / a.heads, t);
        float *d = slope + b * a.keys;
        for (int64_t key = threadIdx.x >> 5; key < seen; key += blockDim.x >> 5) {
            float s = anl_warp_dot(dy + row_of(a, t, part, a.out), v + row_of(a, key, part, a.out), a.out);
            if ((threadIdx.x & 31) == 0) d[key] = s;
        }
        anl_attend_slopes(d, p + b * a.keys, a.scale, seen, a.keys, space);
        for (int64_t j = threadIdx.x; j < a.width; j += blockDim.x) {
            float sum = 0;
            for (int64_t key = 0; key < seen; key++) sum += d[key] * anl_float(k[row_of(a, key, part, a.width) + j]);
            dq[row_of(a, t, part, a.width) + j] = anl_to<T>(sum);
        }
    }
}

template <class T> __global__ void key_gradient(shape a, const T *q, const T *p, const T *dy, const float *slope, T *dk, T *dv)
{
    for (int64_t b = blockIdx.x; b < a.samples * a.heads * a.keys; b += gridDim.x) {
        int64_t part = b / a.keys, key = b % a.keys, at = part * a.queries * a.keys + key;
        for (int64_t j = threadIdx.x; j < a.width; j += blockDim.x) {
            float sum = 0;
            for (int64_t t = 0; t < a.queries; t++) sum += slope[at + t * a.keys] * anl_float(q[row_of(a, t, part, a.width) + j]);
            dk[row_of(a, key, part, a.width) + j] = anl_to<T>(sum);
        }
        for (int64_t j = threadIdx.x; j < a.out; j += blockDim.x) {
            float sum = 0;
            for (int64_t t = 0; t < a.queries; t++)
                if (key < seen_of(a, part / a.heads, t)) sum += anl_float(p[at + t * a.keys]) * anl_float(dy[row_of(a, t, part, a.out) + j]);
            dv[row_of(a, key, part, a.out) + j] = anl_to<T>(sum);
        }
    }
}

static shape shape_of(const anl__prepared *p, const anl__run *r, int lengths)
{
    anl__attend a = anl__attend_of(&p->call, anl__has_in(&p->call, lengths) ? (const int32_t *)r->in[lengths] : NULL);
    shape s = {a.queries, a.keys, a.samples, a.heads, a.width, a.out, (float)a.scale, a.causal, a.length};
    return s;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__attend a = anl__attend_of(&p->call, NULL);
    (void)env;
    p->workspace = sizeof(float) * (size_t)(a.samples * a.heads * a.queries * a.keys);
    return ANL_OK;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    shape a = shape_of(p, r, 3);
    void (*f)(shape, const T *, const T *, const T *, T *, T *, float *) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(a.samples * a.heads * a.queries, 1), ANL_ATTEND_THREADS, r, a, (const T *)r->in[0], (const T *)r->in[1], (const T *)r->in[2], (T *)r->out[0],
                      (T *)r->out[1], (float *)r->ws);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    shape a = shape_of(p, r, 5);
    const T *q = (const T *)r->in[0], *k = (const T *)r->in[1], *v = (const T *)r->in[2], *w = (const T *)r->in[3], *dy = (const T *)r->in[4];
    void (*f)(shape, const T *, const T *, const T *, const T *, T *, float *) = query_gradient<T>;
    void (*g)(shape, const T *, const T *, const T *, const float *, T *, T *) = key_gradient<T>;
    ANL_TRY(ANL_LAUNCH(f, anl_blocks(a.samples * a.heads * a.queries, 1), ANL_ATTEND_THREADS, r, a, k, v, w, dy, (T *)r->out[0], (float *)r->ws));
    return ANL_LAUNCH(g, anl_blocks(a.samples * a.heads * a.keys, 1), ANL_ATTEND_THREADS, r, a, q, w, dy, (const float *)r->ws, (T *)r->out[1], (T *)r->out[2]);
}
ANL_TYPED_RUN(bwd)

#define KERNEL(id, op_name, fn) \
    static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = prepare, .run = fn};
KERNEL(k_fwd, "attention", fwd)
KERNEL(k_bwd, "attention_bwd", bwd)
extern "C" const anl__kernel *const anl__kernels_attention_cuda[];
const anl__kernel *const anl__kernels_attention_cuda[] = {&k_fwd, &k_bwd, NULL};
