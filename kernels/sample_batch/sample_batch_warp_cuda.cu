/* sample_batch where values are computed (base/warp.h, base/jitter.h). First a block a sample: its first
 * thread finds the sample and draws, and where there is contrast all of them add up the sample's grey; then a
 * block a part of a sample, a thread a pixel: four values a channel from where the pixel lies, through the
 * caches, and one written. Bytes moved: a sample as stored once a launch of the two that reads it (the first
 * only for contrast), what lies in its window, and the batch's type written; bound: memory, then the caches'
 * loads (four a value). Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "sample_batch.h"
}

enum { PART = 1024 }; /* pixels of a block */
static_assert(ANL_THREADS == ANL__JITTER_LANES, "a thread a lane");

/* The grey of pixel p, made brighter. */
template <class S>
static __device__ __forceinline__ float grey(const anl__sb &s, const anl__jitter &j, const S *src, int32_t p)
{
    const S *at = src + p * s.c;
    if (s.c == 3)
        return anl__jitter_luma(anl__jitter_bright(&j, (float)at[0]), anl__jitter_bright(&j, (float)at[1]),
                                anl__jitter_bright(&j, (float)at[2]));
    float sum = 0;
    for (int32_t k = 0; k < s.c; k++) sum = ANL__ADDF(sum, anl__jitter_bright(&j, (float)at[k]));
    return ANL__MULF(sum, 1.0f / (float)s.c);
}

template <class S>
static __global__ void draw(anl__sb s, const S *samples, const int32_t *labels, const int32_t *index,
                            int32_t *y, const int32_t *rng, anl__sb_drawn *drawn)
{
    ANL_SHARED_ARRAY(anl__sb_drawn, own, 1);
    ANL_SHARED_ARRAY(double, lane, ANL__JITTER_LANES);
    int64_t i = blockIdx.x;
    int32_t t = (int32_t)threadIdx.x, pixels = s.h * s.w;
    if (t == 0) {
        own[0] = anl__sb_draw(&s, rng, index, i, sizeof(S) == 1);
        y[i] = labels[own[0].sample];
    }
    __syncthreads();
    if (s.augment.contrast > 0) {
        const anl__jitter j = own[0].jitter;
        const S *src = samples + own[0].sample * pixels * s.c;
        double sum = 0;
        for (int32_t p = t; p < pixels; p += ANL__JITTER_LANES)
            sum = ANL__ADD(sum, (double)grey(s, j, src, p));
        lane[t] = sum;
        for (int32_t d = ANL__JITTER_LANES / 2; d; d /= 2) {
            __syncthreads();
            if (t < d) lane[t] = ANL__ADD(lane[t], lane[t + d]);
        }
        if (t == 0) anl__jitter_mean(&own[0].jitter, lane[0], pixels);
    }
    if (t == 0) drawn[i] = own[0];
}

/* Channel k at a place of the stored sample. */
template <class S>
static __device__ __forceinline__ float at_place(const anl__sb &s, const S *src, const anl__place &p,
                                                 int32_t k)
{
    bool above = p.y >= 1 && p.y <= s.h, below = p.y < s.h, left = p.x >= 1 && p.x <= s.w, right = p.x < s.w;
    int32_t row = s.w * s.c, at = p.y * row + p.x * s.c + k;
    float a = above && left ? (float)src[at - row - s.c] : 0.0f,
          b = above && right ? (float)src[at - row] : 0.0f;
    float c = below && left ? (float)src[at - s.c] : 0.0f, d = below && right ? (float)src[at] : 0.0f;
    return anl__between(anl__between(a, b, p.fx), anl__between(c, d, p.fx), p.fy);
}

/* C: channels, which a thread holds all at once; 0: any number, one after the other. */
template <class S, class D, int C>
static __global__ void resample(anl__sb s, const S *samples, const float *scale, const float *shift, D *x,
                                const anl__sb_drawn *drawn)
{
    const anl__sb_drawn *own = drawn + blockIdx.x;
    const anl__jitter j = own->jitter;
    const bool jitters = anl__augment_jitters(&s.augment), saturates = C == 3 && j.saturation != 1.0f;
    int32_t pixels = s.h * s.w, from = (int32_t)blockIdx.y * PART,
            to = from + PART < pixels ? from + PART : pixels, channels = C ? C : s.c;
    const S *src = samples + own->sample * pixels * channels;
    D *dst = x + (int64_t)blockIdx.x * pixels * channels;
    for (int32_t e = from + (int32_t)threadIdx.x; e < to; e += (int32_t)blockDim.x) {
        int32_t row = e / s.w, column = e - row * s.w;
        const anl__place place = anl__sb_place(&s, own, row, column);
        const bool erased = anl__sb_erased(&own->view, row, column);
        for (int32_t first = 0; first < channels; first += C ? C : 1) {
            float v[C ? C : 1];
#pragma unroll
            for (int32_t k = 0; k < (C ? C : 1); k++) {
                v[k] = at_place(s, src, place, first + k);
                if (jitters) v[k] = anl__jitter_value(&j, v[k]);
            }
            if constexpr (C == 3)
                if (saturates) {
                    float share = ANL__MULF(anl__jitter_luma(v[0], v[1], v[2]), j.colour);
#pragma unroll
                    for (int32_t k = 0; k < C; k++) v[k] = anl__jitter_saturate(&j, v[k], share);
                }
#pragma unroll
            for (int32_t k = 0; k < (C ? C : 1); k++)
                dst[e * channels + first + k] = anl_to<D>(
                    erased ? 0.0f : anl__normalised(v[k], scale[first + k], shift[first + k]));
        }
    }
}

template <class S, class D>
static anl_status run_of(const anl__prepared *p, const anl__run *r)
{
    anl__sb s = anl__sb_of(&p->call);
    anl__sb_drawn *drawn = (anl__sb_drawn *)r->ws;
    void (*first)(anl__sb, const S *, const int32_t *, const int32_t *, int32_t *, const int32_t *,
                  anl__sb_drawn *) = draw<S>;
    void (*second)(anl__sb, const S *, const float *, const float *, D *,
                   const anl__sb_drawn *) = s.c == 3   ? resample<S, D, 3>
                                            : s.c == 1 ? resample<S, D, 1>
                                                       : resample<S, D, 0>;
    ANL_TRY(ANL_LAUNCH(first, dim3((unsigned)s.n), ANL_THREADS, r, s, (const S *)r->in[ANL__SB_SAMPLES],
                       (const int32_t *)r->in[ANL__SB_LABELS], (const int32_t *)r->in[ANL__SB_INDEX],
                       (int32_t *)r->in[ANL__SB_Y], (const int32_t *)r->in[ANL__SB_RNG], drawn));
    return ANL_LAUNCH(second, dim3((unsigned)s.n, (unsigned)((s.h * s.w + PART - 1) / PART)), ANL_THREADS, r,
                      s, (const S *)r->in[ANL__SB_SAMPLES], (const float *)r->in[ANL__SB_SCALE],
                      (const float *)r->in[ANL__SB_SHIFT], (D *)r->in[ANL__SB_X],
                      (const anl__sb_drawn *)drawn);
}

template <class D>
static anl_status run_to(const anl__prepared *p, const anl__run *r)
{
    return p->call.in[ANL__SB_SAMPLES].dtype == ANL_U8 ? run_of<uint8_t, D>(p, r) : run_of<float, D>(p, r);
}

static anl_status warp_run(const anl__prepared *p, const anl__run *r)
{
    return ANL_BY_TYPE(p->call.in[ANL__SB_X].dtype, run_to, p, r);
}

static anl_status warp_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->workspace = sizeof(anl__sb_drawn) * (size_t)p->call.in[ANL__SB_X].shape.dim[0];
    return ANL_OK;
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    const anl_shape *d = &c->in[ANL__SB_SAMPLES].shape;
    if (!anl__sb_computes(c)) return memcpy(why, "values are only moved", 22), false;
    if (anl_dtype_size(c->in[ANL__SB_LABELS].dtype) != 4)
        return memcpy(why, "labels are of 4 bytes", 22), false;
    /* offsets within a sample, a pixel more than it has, fit 32 bits */
    if (anl_shape_count(d) / (d->dim[0] ? d->dim[0] : 1) > (int64_t)PART * 65535)
        return memcpy(why, "the samples are too large", 26), false;
    return anl_cuda_supports(env, c, why);
}

static const anl__kernel kernel = {.op = "sample_batch",
                                   .device = "cuda",
                                   .name = "sample_batch/cuda_warp",
                                   .rank = 20,
                                   .supports = supports,
                                   .prepare = warp_prepare,
                                   .run = warp_run};
extern "C" const anl__kernel *const anl__kernels_sample_batch_warp_cuda[];
const anl__kernel *const anl__kernels_sample_batch_warp_cuda[] = {&kernel, NULL};
