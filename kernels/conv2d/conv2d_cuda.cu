/* conv2d and its gradients by definition: a thread a result of forward and of the input's gradient, a warp an element of the
 * filters' gradient with a fixed tree. The fallback for where cuDNN is not. Bytes moved: input and filters once a result's window, mostly
 * from cache; bound: index arithmetic, far below a tensor core. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "conv2d.h"
}

typedef anl__conv_geometry geometry;

template <class T> __global__ void forward(geometry g, const T *x, const float *w, const float *b, T *y, bool relu)
{
    int64_t cg = g.c / g.groups, kg = g.k / g.groups;
    ANL_EACH(o, g.n * g.oh * g.ow * g.k)
    {
        int64_t k = o % g.k, j = o / g.k % g.ow, i = o / g.k / g.ow % g.oh, n = o / g.k / g.ow / g.oh;
        float sum = b ? b[k] : 0;
        for (int64_t p = 0; p < g.r; p++)
            for (int64_t q = 0; q < g.s; q++) {
                int64_t yy = i * g.stride[0] + p * g.dilation[0] - g.pad[0], xx = j * g.stride[1] + q * g.dilation[1] - g.pad[1];
                if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                const T *px = x + ((n * g.h + yy) * g.w + xx) * g.c + k / kg * cg;
                const float *pw = w + ((k * g.r + p) * g.s + q) * cg;
                for (int64_t ch = 0; ch < cg; ch++) sum += anl_float(px[ch]) * pw[ch];
            }
        y[o] = anl_to<T>(relu && sum < 0 ? 0 : sum);
    }
}

template <class T> __global__ void backward_data(geometry g, const T *dy, const float *w, T *dx, bool accum)
{
    int64_t cg = g.c / g.groups, kg = g.k / g.groups;
    ANL_EACH(e, g.n * g.h * g.w * g.c)
    {
        int64_t ch = e % g.c, x = e / g.c % g.w, y = e / g.c / g.w % g.h, n = e / g.c / g.w / g.h;
        float sum = accum ? anl_float(dx[e]) : 0;
        for (int64_t p = 0; p < g.r; p++)
            for (int64_t q = 0; q < g.s; q++) {
                int64_t i = y + g.pad[0] - p * g.dilation[0], j = x + g.pad[1] - q * g.dilation[1];
                if (i < 0 || j < 0 || i % g.stride[0] || j % g.stride[1] || i / g.stride[0] >= g.oh || j / g.stride[1] >= g.ow) continue;
                const T *pd = dy + ((n * g.oh + i / g.stride[0]) * g.ow + j / g.stride[1]) * g.k + ch / cg * kg;
                for (int64_t k = 0; k < kg; k++) sum += anl_float(pd[k]) * w[(((ch / cg * kg + k) * g.r + p) * g.s + q) * cg + ch % cg];
            }
        dx[e] = anl_to<T>(sum);
    }
}

/* Block: a warp, one element of dw. */
template <class T> __global__ void backward_filter(geometry g, const T *x, const T *dy, float *dw, bool accum)
{
    int64_t cg = g.c / g.groups, kg = g.k / g.groups, e = blockIdx.x;
    int64_t ch = e % cg, q = e / cg % g.s, p = e / cg / g.s % g.r, k = e / cg / g.s / g.r;
    float sum = 0;
    for (int64_t o = threadIdx.x; o < g.n * g.oh * g.ow; o += blockDim.x) {
        int64_t j = o % g.ow, i = o / g.ow % g.oh, n = o / g.ow / g.oh;
        int64_t yy = i * g.stride[0] + p * g.dilation[0] - g.pad[0], xx = j * g.stride[1] + q * g.dilation[1] - g.pad[1];
        if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
        sum += anl_float(x[((n * g.h + yy) * g.w + xx) * g.c + k / kg * cg + ch]) * anl_float(dy[o * g.k + k]);
    }
    sum = anl_warp_sum(sum);
    if (threadIdx.x == 0) dw[e] = accum ? dw[e] + sum : sum;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    geometry g;
    anl__conv_geometry_of(&p->call, &g);
    void (*k)(geometry, const T *, const float *, const float *, T *, bool) = forward<T>;
    return ANL_LAUNCH(k, anl_blocks(g.n * g.oh * g.ow * g.k, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (const float *)r->in[1],
                      anl__has_in(&p->call, 2) ? (const float *)r->in[2] : (const float *)NULL, (T *)r->out[0], anl__attr_int(&p->call, "act") != 0);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status data_typed(const anl__prepared *p, const anl__run *r)
{
    geometry g;
    anl__conv_geometry_of(&p->call, &g);
    void (*k)(geometry, const T *, const float *, T *, bool) = backward_data<T>;
    return ANL_LAUNCH(k, anl_blocks(g.n * g.h * g.w * g.c, ANL_THREADS), ANL_THREADS, r, g, (const T *)r->in[0], (const float *)r->in[1], (T *)r->out[0], p->call.accum[0]);
}
ANL_TYPED_RUN(data)

template <class T> static anl_status filter_typed(const anl__prepared *p, const anl__run *r)
{
    geometry g;
    anl__conv_geometry_of(&p->call, &g);
    void (*k)(geometry, const T *, const T *, float *, bool) = backward_filter<T>;
    return ANL_LAUNCH(k, (unsigned)(g.k * g.r * g.s * (g.c / g.groups)), 32, r, g, (const T *)r->in[0], (const T *)r->in[1], (float *)r->out[0], p->call.accum[0]);
}
ANL_TYPED_RUN(filter)

/* Filters may be activations (a transposed convolution's case lists): then they must be f32. */
static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl_cuda_supports(env, c, why)) return false;
    if (strcmp(c->op->name, "conv2d_bwd_filter") && c->in[1].dtype != ANL_F32) return memcpy(why, "filters that are not f32", 25), false;
    return true;
}

static const anl__kernel fwd_kernel = {.op = "conv2d", .device = "cuda", .name = "conv2d/cuda", .rank = 10, .supports = supports, .run = fwd};
static const anl__kernel data_kernel = {.op = "conv2d_bwd_data", .device = "cuda", .name = "conv2d_bwd_data/cuda", .rank = 10, .supports = supports, .run = data};
static const anl__kernel filter_kernel = {.op = "conv2d_bwd_filter", .device = "cuda", .name = "conv2d_bwd_filter/cuda", .rank = 10, .supports = supports, .run = filter};
extern "C" const anl__kernel *const anl__kernels_conv2d_cuda[];
const anl__kernel *const anl__kernels_conv2d_cuda[] = {&fwd_kernel, &data_kernel, &filter_kernel, NULL};
