/* maxpool2d with optional bias and relu, and its gradient. Backward gathers: each input element adds the windows that
 * chose it, in order, so there is no atomic. Bytes moved: input and output once, a byte a window (windows overlap in cache); bound: memory. Loads: 16 bytes
 * where channels are whole vectors. Divisions: three for a vector's place, backward four more for the windows that hold it, none inside a window. Not
 * measured on a GPU. */
#include "kernels/common/vectors.cuh"

extern "C" {
#include "kernels/common/window.h"
}

struct spot { int64_t n, i, j, ch; };

/* Of an element of (N, h, w, c). */
static __device__ __forceinline__ spot spot_of(int64_t at, int64_t h, int64_t w, int64_t c)
{
    int64_t pixel = at / c, row = pixel / w, n = row / h;
    return {n, row - n * h, pixel - row * w, at - pixel * c};
}

/* V divides c. */
template <class T, int V> __global__ void pool(anl__window g, const T *x, const float *bias, T *y, uint8_t *place, bool relu)
{
    ANL_EACH(o, g.n * g.oh * g.ow * g.c / V)
    {
        spot s = spot_of(o * V, g.oh, g.ow, g.c);
        int64_t top = s.i * g.sh - g.pad[0], left = s.j * g.sw - g.pad[1];
        float best[V];
        int at[V];
        for (int k = 0; k < V; k++) best[k] = -INFINITY, at[k] = -1;
        for (int64_t p = top < 0 ? -top : 0; p < g.kh && top + p < g.h; p++)
            for (int64_t q = left < 0 ? -left : 0; q < g.kw && left + q < g.w; q++) {
                anl_some<T, V> a = anl_get<T, V>(x, ((s.n * g.h + top + p) * g.w + left + q) * g.c + s.ch);
                for (int k = 0; k < V; k++) {
                    float v = anl_float(a.v[k]);
                    if (at[k] >= 0 && !(v > best[k]) && !(v != v && best[k] == best[k])) continue; /* a NaN is passed on */
                    best[k] = v;
                    at[k] = (int)(p * g.kw + q);
                }
            }
        anl_some<T, V> out;
        anl_some<uint8_t, V> chosen;
        for (int k = 0; k < V; k++) {
            if (bias) best[k] += bias[s.ch + k];
            out.v[k] = anl_to<T>(relu && best[k] < 0 ? 0 : best[k]);
            chosen.v[k] = (uint8_t)(at[k] < 0 ? 0 : at[k]);
        }
        anl_put(y, o * V, out);
        anl_put(place, o * V, chosen);
    }
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__window g;
    anl__window_fwd(&p->call, &g);
    bool wide = anl_vectors<T>(g.c, {r->in[0], r->out[0], r->out[1]});
    void (*k)(anl__window, const T *, const float *, T *, uint8_t *, bool) = wide ? pool<T, anl_vec<T>::N> : pool<T, 1>;
    return ANL_LAUNCH(k, anl_blocks(g.n * g.oh * g.ow * g.c / (wide ? anl_vec<T>::N : 1), ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0],
                      anl__has_in(&p->call, 1) ? (const float *)r->in[1] : (const float *)NULL, (T *)r->out[0], (uint8_t *)r->out[1], anl__attr_int(&p->call, "act") != 0);
}
ANL_TYPED_RUN(fwd)

/* The first window that reaches `at` of the padded side, the last that begins by it; windows: how many there are. */
static __device__ __forceinline__ int64_t first_window(int64_t at, int64_t size, int64_t stride) { return at < size ? 0 : (at - size) / stride + 1; }
static __device__ __forceinline__ int64_t last_window(int64_t at, int64_t stride, int64_t windows) { return at / stride < windows ? at / stride : windows - 1; }

/* V divides c. */
template <class T, int V> __global__ void gather(anl__window g, const T *dy, const uint8_t *place, T *dx)
{
    ANL_EACH(e, g.n * g.h * g.w * g.c / V)
    {
        spot s = spot_of(e * V, g.h, g.w, g.c);
        int64_t y = s.i + g.pad[0], x = s.j + g.pad[1], left = first_window(x, g.kw, g.sw), right = last_window(x, g.sw, g.ow), bottom = last_window(y, g.sh, g.oh);
        float sum[V] = {};
        for (int64_t i = first_window(y, g.kh, g.sh); i <= bottom; i++)
            for (int64_t j = left; j <= right; j++) { /* windows that hold (y, x), first window first */
                int64_t o = ((s.n * g.oh + i) * g.ow + j) * g.c + s.ch, cell = (y - i * g.sh) * g.kw + x - j * g.sw;
                anl_some<uint8_t, V> chosen = anl_get<uint8_t, V>(place, o);
                anl_some<T, V> d = anl_get<T, V>(dy, o);
                for (int k = 0; k < V; k++)
                    if (chosen.v[k] == cell) sum[k] += anl_float(d.v[k]);
            }
        anl_some<T, V> out;
        for (int k = 0; k < V; k++) out.v[k] = anl_to<T>(sum[k]);
        anl_put(dx, e * V, out);
    }
}

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__window g;
    anl__window_bwd(&p->call, &g);
    bool wide = anl_vectors<T>(g.c, {r->in[0], r->in[1], r->out[0]});
    void (*k)(anl__window, const T *, const uint8_t *, T *) = wide ? gather<T, anl_vec<T>::N> : gather<T, 1>;
    return ANL_LAUNCH(k, anl_blocks(g.n * g.h * g.w * g.c / (wide ? anl_vec<T>::N : 1), ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (const uint8_t *)r->in[1], (T *)r->out[0]);
}
ANL_TYPED_RUN(bwd)

static const anl__kernel fwd_kernel = {.op = "maxpool2d", .device = "cuda", .name = "maxpool2d/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fwd};
static const anl__kernel bwd_kernel = {.op = "maxpool2d_bwd", .device = "cuda", .name = "maxpool2d_bwd/cuda", .rank = 10, .supports = anl_cuda_supports, .run = bwd};
extern "C" const anl__kernel *const anl__kernels_maxpool2d_cuda[];
const anl__kernel *const anl__kernels_maxpool2d_cuda[] = {&fwd_kernel, &bwd_kernel, NULL};
