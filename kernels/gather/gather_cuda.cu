/* gather and its gradient, which adds the picks of an element in order: no atomic. Bytes moved: the picked
 * elements and the result once, backward the indices once a row of the table, from cache; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "gather.h"
}

template <class T> __global__ void pick(anl__pick p, const T *x, T *y)
{
    ANL_EACH(e, p.outer * p.picks * p.inner)
    {
        int64_t j = e % p.inner, k = e / p.inner % p.picks, o = e / p.inner / p.picks, from = p.index[k];
        y[e] = from >= 0 && from < p.size ? x[(o * p.size + from) * p.inner + j] : anl_to<T>(0);
    }
}

template <class T> __global__ void give_back(anl__pick p, const T *dy, T *dx)
{
    ANL_EACH(e, p.outer * p.size * p.inner)
    {
        int64_t j = e % p.inner, i = e / p.inner % p.size, o = e / p.inner / p.size;
        float sum = 0;
        for (int64_t k = 0; k < p.picks; k++)
            if (p.index[k] == i) sum += anl_float(dy[(o * p.picks + k) * p.inner + j]);
        dx[e] = anl_to<T>(sum);
    }
}

template <class T> static anl_status fwd_of(const anl__prepared *p, const anl__run *r)
{
    anl__pick g = anl__pick_fwd(&p->call, r);
    void (*f)(anl__pick, const T *, T *) = pick<T>;
    return ANL_LAUNCH(f, anl_blocks(g.outer * g.picks * g.inner, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (T *)r->out[0]);
}

template <class T> static anl_status bwd_of(const anl__prepared *p, const anl__run *r)
{
    anl__pick g = anl__pick_bwd(&p->call, r);
    void (*f)(anl__pick, const T *, T *) = give_back<T>;
    return ANL_LAUNCH(f, anl_blocks(g.outer * g.size * g.inner, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[1], (T *)r->out[0]);
}

static anl_status fwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.out[0].dtype, fwd_of, p, r); }
static anl_status bwd(const anl__prepared *p, const anl__run *r) { return ANL_BY_TYPE(p->call.out[0].dtype, bwd_of, p, r); }

static const anl__kernel k_fwd = {.op = "gather", .device = "cuda", .name = "gather/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel k_bwd = {.op = "gather_bwd", .device = "cuda", .name = "gather_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_gather_cuda[];
const anl__kernel *const anl__kernels_gather_cuda[] = {&k_fwd, &k_bwd, NULL};
