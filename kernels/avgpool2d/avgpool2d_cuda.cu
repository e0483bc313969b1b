/* avgpool2d, global_avgpool and their gradients: a thread a result, windows added in order; the global mean is a block of 32 channels by
 * lanes of pixels with a fixed tree. Bytes moved: input and output once (windows overlap in cache); bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "kernels/common/window.h"
}

template <class T> __global__ void average(anl__window g, const T *x, T *y, bool all)
{
    ANL_EACH(o, g.n * g.oh * g.ow * g.c)
    {
        int64_t ch = o % g.c, j = o / g.c % g.ow, i = o / g.c / g.ow % g.oh, n = o / g.c / g.ow / g.oh;
        float sum = 0;
        int count = 0;
        for (int64_t p = 0; p < g.kh; p++)
            for (int64_t q = 0; q < g.kw; q++) {
                int64_t yy = i * g.sh + p - g.pad[0], xx = j * g.sw + q - g.pad[1];
                if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                sum += anl_float(x[((n * g.h + yy) * g.w + xx) * g.c + ch]);
                count++;
            }
        y[o] = anl_to<T>(sum / (float)(all || !count ? g.kh * g.kw : count));
    }
}

template <class T> __global__ void share(anl__window g, const T *dy, T *dx, bool all)
{
    ANL_EACH(e, g.n * g.h * g.w * g.c)
    {
        int64_t ch = e % g.c, x = e / g.c % g.w, y = e / g.c / g.w % g.h, n = e / g.c / g.w / g.h;
        float sum = 0;
        for (int64_t p = 0; p < g.kh; p++)
            for (int64_t q = 0; q < g.kw; q++) { /* windows that hold (y, x) at cell (p, q) */
                int64_t i = y + g.pad[0] - p, j = x + g.pad[1] - q;
                if (i < 0 || j < 0 || i % g.sh || j % g.sw || i / g.sh >= g.oh || j / g.sw >= g.ow) continue;
                int64_t top = i - g.pad[0], left = j - g.pad[1];
                int64_t rows = (top + g.kh < g.h ? top + g.kh : g.h) - (top > 0 ? top : 0), cols = (left + g.kw < g.w ? left + g.kw : g.w) - (left > 0 ? left : 0);
                sum += anl_float(dy[((n * g.oh + i / g.sh) * g.ow + j / g.sw) * g.c + ch]) / (float)(all ? g.kh * g.kw : rows * cols);
            }
        dx[e] = anl_to<T>(sum);
    }
}

template <class T> static anl_status avg_typed(const anl__prepared *p, const anl__run *r)
{
    anl__window g;
    anl__window_fwd(&p->call, &g);
    void (*f)(anl__window, const T *, T *, bool) = average<T>;
    return ANL_LAUNCH(f, anl_blocks(g.n * g.oh * g.ow * g.c, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (T *)r->out[0], anl__attr_int(&p->call, "count_include_pad") != 0);
}
ANL_TYPED_RUN(avg)

template <class T> static anl_status avg_bwd_typed(const anl__prepared *p, const anl__run *r)
{
    anl__window g;
    anl__window_bwd(&p->call, &g);
    void (*f)(anl__window, const T *, T *, bool) = share<T>;
    return ANL_LAUNCH(f, anl_blocks(g.n * g.h * g.w * g.c, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (T *)r->out[0], anl__attr_int(&p->call, "count_include_pad") != 0);
}
ANL_TYPED_RUN(avg_bwd)

/* Block (x: 32 channels, y: sample). */
template <class T> __global__ void global_mean(const T *x, T *y, int64_t hw, int64_t k)
{
    ANL_SHARED_ARRAY(float, space, ANL_THREADS);
    int channel = threadIdx.x % 32, lane = threadIdx.x / 32;
    int64_t j = (int64_t)blockIdx.x * 32 + channel, n = blockIdx.y;
    float sum = 0;
    for (int64_t i = lane; i < hw && j < k; i += ANL_THREADS / 32) sum += anl_float(x[(n * hw + i) * k + j]);
    space[threadIdx.x] = sum;
    __syncthreads();
    for (int d = ANL_THREADS / 64; d; d /= 2) {
        if (lane < d) space[threadIdx.x] += space[threadIdx.x + d * 32];
        __syncthreads();
    }
    if (lane == 0 && j < k) y[n * k + j] = anl_to<T>(space[threadIdx.x] / (float)hw);
}

template <class T> __global__ void global_share(const T *dy, T *dx, int64_t n, int64_t hw, int64_t k)
{
    ANL_EACH(e, n * hw * k) dx[e] = anl_to<T>(anl_float(dy[e / k / hw * k + e % k]) / (float)hw);
}

template <class T> static anl_status global_typed(const anl__prepared *p, const anl__run *r)
{
    const int64_t *d = p->call.in[0].shape.dim;
    void (*f)(const T *, T *, int64_t, int64_t) = global_mean<T>;
    return ANL_LAUNCH(f, dim3((unsigned)((d[3] + 31) / 32), (unsigned)d[0]), ANL_THREADS, r, (const T *)r->in[0], (T *)r->out[0], d[1] * d[2], d[3]);
}
ANL_TYPED_RUN(global)

template <class T> static anl_status global_bwd_typed(const anl__prepared *p, const anl__run *r)
{
    const int64_t *d = p->call.out[0].shape.dim;
    void (*f)(const T *, T *, int64_t, int64_t, int64_t) = global_share<T>;
    return ANL_LAUNCH(f, anl_blocks(d[0] * d[1] * d[2] * d[3], ANL_THREADS), ANL_THREADS, r, (const T *)r->in[0], (T *)r->out[0], d[0], d[1] * d[2], d[3]);
}
ANL_TYPED_RUN(global_bwd)

static bool supports_global(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl_cuda_supports(env, c, why)) return false;
    if (c->in[0].shape.dim[0] > 65535) return memcpy(why, "more than 65535 samples", 24), false;
    return true;
}

#define KERNEL(id, op_name, yes, fn) static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = yes, .run = fn};
KERNEL(k_avg, "avgpool2d", anl_cuda_supports, avg)
KERNEL(k_avg_bwd, "avgpool2d_bwd", anl_cuda_supports, avg_bwd)
KERNEL(k_global, "global_avgpool", supports_global, global)
KERNEL(k_global_bwd, "global_avgpool_bwd", anl_cuda_supports, global_bwd)
extern "C" const anl__kernel *const anl__kernels_avgpool2d_cuda[];
const anl__kernel *const anl__kernels_avgpool2d_cuda[] = {&k_avg, &k_avg_bwd, &k_global, &k_global_bwd, NULL};
