/* additive_attention and its gradient. A block a query of a sample: a warp a key's score, then the weights, then a thread a column. Backward:
 * a block a query for dq and the scores' gradients, a block a key for dk and dm, a block a sample for its part of dv; samples are added in
 * order. tanh(q + k) is made anew where it is needed. Bytes moved: keys and memory once a query, from cache; bound: tanh. Not measured on a
 * GPU. */
#include "kernels/common/cuda_attend.cuh"

extern "C" {
#include "additive.h"
}

static __device__ __forceinline__ int64_t seen_of(const anl__additive &a, int64_t n)
{
    int64_t seen = a.length ? a.length[n] : a.keys;
    return seen < 0 ? 0 : seen < a.keys ? seen : a.keys;
}

static __device__ __forceinline__ int64_t row_of(const anl__additive &a, int64_t t, int64_t n, int64_t width) { return (t * a.samples + n) * width; }

/* score: [samples, queries, keys] of the workspace. */
template <class T> __global__ void forward(anl__additive a, const T *q, const T *k, const float *v, const T *m, T *y, T *p, float *score)
{
    ANL_SHARED_ARRAY(float, space, 33);
    for (int64_t b = blockIdx.x; b < a.samples * a.queries; b += gridDim.x) {
        int64_t n = b / a.queries, t = b % a.queries, seen = seen_of(a, n);
        float *w = score + b * a.keys;
        for (int64_t key = threadIdx.x >> 5; key < seen; key += blockDim.x >> 5) {
            const T *qr = q + row_of(a, t, n, a.width), *kr = k + row_of(a, key, n, a.width);
            float s = 0;
            for (int64_t j = threadIdx.x & 31; j < a.width; j += 32) s += v[j] * tanhf(anl_float(qr[j]) + anl_float(kr[j]));
            s = anl_warp_sum(s);
            if ((threadIdx.x & 31) == 0) w[key] = s;
        }
        anl_attend_weights(w, p + b * a.keys, seen, a.keys, space);
        for (int64_t j = threadIdx.x; j < a.out; j += blockDim.x) {
            float sum = 0;
            for (int64_t key = 0; key < seen; key++) sum += w[key] * anl_float(m[row_of(a, key, n, a.out) + j]);
            y[row_of(a, t, n, a.out) + j] = anl_to<T>(sum);
        }
    }
}

/* dq, and the scores' gradients. */
template <class T>
__global__ void query_gradient(anl__additive a, const T *q, const T *k, const float *v, const T *m, const T *p, const T *dy, T *dq, float *slope)
{
    ANL_SHARED_ARRAY(float, space, 33);
    for (int64_t b = blockIdx.x; b < a.samples * a.queries; b += gridDim.x) {
        int64_t n = b / a.queries, t = b % a.queries, seen = seen_of(a, n);
        float *d = slope + b * a.keys;
        for (int64_t key = threadIdx.x >> 5; key < seen; key += blockDim.x >> 5) {
            float s = anl_warp_dot(dy + row_of(a, t, n, a.out), m + row_of(a, key, n, a.out), a.out);
            if ((threadIdx.x & 31) == 0) d[key] = s;
        }
        anl_attend_slopes(d, p + b * a.keys, 1, seen, a.keys, space);
        for (int64_t j = threadIdx.x; j < a.width; j += blockDim.x) {
            float sum = 0, at = anl_float(q[row_of(a, t, n, a.width) + j]);
            for (int64_t key = 0; key < seen; key++) {
                float h = tanhf(at + anl_float(k[row_of(a, key, n, a.width) + j]));
                sum += d[key] * v[j] * (1 - h * h);
            }
            dq[row_of(a, t, n, a.width) + j] = anl_to<T>(sum);
        }
    }
}

template <class T>
__global__ void key_gradient(anl__additive a, const T *q, const T *k, const float *v, const T *p, const T *dy, const float *slope, T *dk, T *dm)
{
    for (int64_t b = blockIdx.x; b < a.samples * a.keys; b += gridDim.x) {
        int64_t n = b / a.keys, key = b % a.keys, queries = key < seen_of(a, n) ? a.queries : 0, from = n * a.queries * a.keys + key;
        for (int64_t j = threadIdx.x; j < a.width; j += blockDim.x) {
            float sum = 0, at = anl_float(k[row_of(a, key, n, a.width) + j]);
            for (int64_t t = 0; t < queries; t++) {
                float h = tanhf(anl_float(q[row_of(a, t, n, a.width) + j]) + at);
                sum += slope[from + t * a.keys] * v[j] * (1 - h * h);
            }
            dk[row_of(a, key, n, a.width) + j] = anl_to<T>(sum);
        }
        for (int64_t j = threadIdx.x; j < a.out; j += blockDim.x) {
            float sum = 0;
            for (int64_t t = 0; t < queries; t++) sum += anl_float(p[from + t * a.keys]) * anl_float(dy[row_of(a, t, n, a.out) + j]);
            dm[row_of(a, key, n, a.out) + j] = anl_to<T>(sum);
        }
    }
}

template <class T> __global__ void weight_gradient(anl__additive a, const T *q, const T *k, const float *slope, float *part)
{
    for (int64_t n = blockIdx.x; n < a.samples; n += gridDim.x)
        for (int64_t j = threadIdx.x; j < a.width; j += blockDim.x) {
            float sum = 0;
            for (int64_t t = 0; t < a.queries; t++)
                for (int64_t key = 0; key < a.keys; key++)
                    sum += slope[(n * a.queries + t) * a.keys + key] * tanhf(anl_float(q[row_of(a, t, n, a.width) + j]) + anl_float(k[row_of(a, key, n, a.width) + j]));
            part[n * a.width + j] = sum;
        }
}

static __global__ void add_samples(const float *part, float *dv, int64_t samples, int64_t width)
{
    ANL_EACH(j, width)
    {
        float sum = 0;
        for (int64_t n = 0; n < samples; n++) sum += part[n * width + j];
        dv[j] = sum;
    }
}

static anl__additive shape_of(const anl__prepared *p, const anl__run *r, int lengths)
{
    return anl__additive_of(&p->call, anl__has_in(&p->call, lengths) ? (const int32_t *)r->in[lengths] : NULL);
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__additive a = anl__additive_of(&p->call, NULL);
    (void)env;
    p->workspace = sizeof(float) * (size_t)(a.samples * (a.queries * a.keys + a.width));
    return ANL_OK;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__additive a = shape_of(p, r, 4);
    void (*f)(anl__additive, const T *, const T *, const float *, const T *, T *, T *, float *) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(a.samples * a.queries, 1), ANL_ATTEND_THREADS, r, a, (const T *)r->in[0], (const T *)r->in[1], (const float *)r->in[2], (const T *)r->in[3],
                      (T *)r->out[0], (T *)r->out[1], (float *)r->ws);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__additive a = shape_of(p, r, 6);
    const T *q = (const T *)r->in[0], *k = (const T *)r->in[1], *m = (const T *)r->in[3], *w = (const T *)r->in[4], *dy = (const T *)r->in[5];
    const float *v = (const float *)r->in[2];
    float *slope = (float *)r->ws, *part = slope + a.samples * a.queries * a.keys;
    void (*f)(anl__additive, const T *, const T *, const float *, const T *, const T *, const T *, T *, float *) = query_gradient<T>;
    void (*g)(anl__additive, const T *, const T *, const float *, const T *, const T *, const float *, T *, T *) = key_gradient<T>;
    void (*h)(anl__additive, const T *, const T *, const float *, float *) = weight_gradient<T>;
    ANL_TRY(ANL_LAUNCH(f, anl_blocks(a.samples * a.queries, 1), ANL_ATTEND_THREADS, r, a, q, k, v, m, w, dy, (T *)r->out[0], slope));
    ANL_TRY(ANL_LAUNCH(g, anl_blocks(a.samples * a.keys, 1), ANL_ATTEND_THREADS, r, a, q, k, v, w, dy, (const float *)slope, (T *)r->out[1], (T *)r->out[3]));
    ANL_TRY(ANL_LAUNCH(h, anl_blocks(a.samples, 1), ANL_ATTEND_THREADS, r, a, q, k, (const float *)slope, part));
    return ANL_LAUNCH(add_samples, anl_blocks(a.width, ANL_THREADS), ANL_THREADS, r, (const float *)part, (float *)r->out[2], a.samples, a.width);
}
ANL_TYPED_RUN(bwd)

#define KERNEL(id, op_name, fn) \
    static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = prepare, .run = fn};
KERNEL(k_fwd, "additive_attention", fwd)
KERNEL(k_bwd, "additive_attention_bwd", bwd)
extern "C" const anl__kernel *const anl__kernels_additive_attention_cuda[];
const anl__kernel *const anl__kernels_additive_attention_cuda[] = {&k_fwd, &k_bwd, NULL};
