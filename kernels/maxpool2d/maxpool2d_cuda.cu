/* maxpool2d with optional bias and relu, and its gradient. Backward gathers: each input element adds the windows that
 * chose it, in order, so there is no atomic. Bytes moved: input and output once, a byte a window (windows overlap in cache); bound: memory. Not
 * measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "kernels/common/window.h"
}

template <class T> __global__ void pool(anl__window g, const T *x, const float *bias, T *y, uint8_t *place, bool relu)
{
    ANL_EACH(o, g.n * g.oh * g.ow * g.c)
    {
        int64_t ch = o % g.c, j = o / g.c % g.ow, i = o / g.c / g.ow % g.oh, n = o / g.c / g.ow / g.oh;
        float best = -INFINITY;
        int at = -1;
        for (int64_t p = 0; p < g.kh; p++)
            for (int64_t q = 0; q < g.kw; q++) {
                int64_t yy = i * g.sh + p - g.pad[0], xx = j * g.sw + q - g.pad[1];
                if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                float v = anl_float(x[((n * g.h + yy) * g.w + xx) * g.c + ch]);
                if (at >= 0 && !(v > best) && !(v != v && best == best)) continue; /* a NaN is passed on */
                best = v;
                at = (int)(p * g.kw + q);
            }
        if (bias) best += bias[ch];
        y[o] = anl_to<T>(relu && best < 0 ? 0 : best);
        place[o] = (uint8_t)(at < 0 ? 0 : at);
    }
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__window g;
    anl__window_fwd(&p->call, &g);
    void (*k)(anl__window, const T *, const float *, T *, uint8_t *, bool) = pool<T>;
    return ANL_LAUNCH(k, anl_blocks(g.n * g.oh * g.ow * g.c, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0],
                      anl__has_in(&p->call, 1) ? (const float *)r->in[1] : (const float *)NULL, (T *)r->out[0], (uint8_t *)r->out[1], anl__attr_int(&p->call, "act") != 0);
}
ANL_TYPED_RUN(fwd)

template <class T> __global__ void gather(anl__window g, const T *dy, const uint8_t *place, T *dx)
{
    ANL_EACH(e, g.n * g.h * g.w * g.c)
    {
        int64_t ch = e % g.c, x = e / g.c % g.w, y = e / g.c / g.w % g.h, n = e / g.c / g.w / g.h;
        float sum = 0;
        for (int64_t p = g.kh - 1; p >= 0; p--)
            for (int64_t q = g.kw - 1; q >= 0; q--) { /* windows that hold (y, x) at cell (p, q), first window first */
                int64_t i = y + g.pad[0] - p, j = x + g.pad[1] - q;
                if (i < 0 || j < 0 || i % g.sh || j % g.sw || i / g.sh >= g.oh || j / g.sw >= g.ow) continue;
                int64_t o = ((n * g.oh + i / g.sh) * g.ow + j / g.sw) * g.c + ch;
                if (place[o] == p * g.kw + q) sum += anl_float(dy[o]);
            }
        dx[e] = anl_to<T>(sum);
    }
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__window g;
    anl__window_bwd(&p->call, &g);
    void (*k)(anl__window, const T *, const uint8_t *, T *) = gather<T>;
    return ANL_LAUNCH(k, anl_blocks(g.n * g.h * g.w * g.c, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (const uint8_t *)r->in[1], (T *)r->out[0]);
}
ANL_TYPED_RUN(bwd)

static const anl__kernel fwd_kernel = {.op = "maxpool2d", .device = "cuda", .name = "maxpool2d/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel bwd_kernel = {.op = "maxpool2d_bwd", .device = "cuda", .name = "maxpool2d_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_maxpool2d_cuda[];
const anl__kernel *const anl__kernels_maxpool2d_cuda[] = {&fwd_kernel, &bwd_kernel, NULL};
