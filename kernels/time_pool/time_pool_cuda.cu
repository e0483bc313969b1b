/* time_pool and its gradient: a thread a sample and feature, steps in order. Bytes moved: the sequence and the
 * result once; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

enum { LAST, MEAN, MAX };
struct sequence { const int32_t *length; int64_t steps, samples, width, mode; };

static __device__ __forceinline__ int64_t steps_of(const sequence &s, int64_t n)
{
    int64_t l = s.length ? s.length[n] : s.steps;
    return l < 0 ? 0 : l < s.steps ? l : s.steps;
}

template <class T> __global__ void forward(sequence s, const T *x, T *y)
{
    ANL_EACH(e, s.samples * s.width)
    {
        int64_t l = steps_of(s, e / s.width), whole = s.samples * s.width;
        float v = s.mode == LAST && l ? anl_float(x[(l - 1) * whole + e]) : 0;
        for (int64_t t = 0; t < l && s.mode != LAST; t++) {
            float a = anl_float(x[t * whole + e]);
            v = s.mode == MEAN ? v + a : t == 0 || a > v ? a : v;
        }
        y[e] = anl_to<T>(s.mode == MEAN && l ? v / (float)l : v);
    }
}

template <class T> __global__ void backward(sequence s, const T *x, const T *y, const T *dy, T *dx)
{
    ANL_EACH(e, s.samples * s.width)
    {
        int64_t l = steps_of(s, e / s.width), whole = s.samples * s.width;
        float d = anl_float(dy[e]);
        bool given = false;
        for (int64_t t = 0; t < s.steps; t++) {
            bool hit = t < l && (s.mode == MEAN || (s.mode == LAST ? t == l - 1 : !given && anl_float(x[t * whole + e]) == anl_float(y[e])));
            given |= hit;
            dx[t * whole + e] = anl_to<T>(!hit ? 0 : s.mode == MEAN ? d / (float)l : d);
        }
    }
}

static sequence sequence_of(const anl__call *c, const anl__run *r, int lengths)
{
    const int64_t *d = c->in[0].shape.dim;
    sequence s = {anl__has_in(c, lengths) ? (const int32_t *)r->in[lengths] : (const int32_t *)NULL, d[0], d[1], d[2], anl__attr_int(c, "mode")};
    return s;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    sequence s = sequence_of(&p->call, r, 1);
    void (*f)(sequence, const T *, T *) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(s.samples * s.width, ANL_THREADS), ANL_THREADS, r, s, (const T *)r->in[0], (T *)r->out[0]);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    sequence s = sequence_of(&p->call, r, 3);
    void (*f)(sequence, const T *, const T *, const T *, T *) = backward<T>;
    return ANL_LAUNCH(f, anl_blocks(s.samples * s.width, ANL_THREADS), ANL_THREADS, r, s, (const T *)r->in[0], (const T *)r->in[1], (const T *)r->in[2], (T *)r->out[0]);
}
ANL_TYPED_RUN(bwd)

static const anl__kernel k_fwd = {.op = "time_pool", .device = "cuda", .name = "time_pool/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel k_bwd = {.op = "time_pool_bwd", .device = "cuda", .name = "time_pool_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_time_pool_cuda[];
const anl__kernel *const anl__kernels_time_pool_cuda[] = {&k_fwd, &k_bwd, NULL};
