#ifndef T
#include "kernels/common/ref.h"
#include "sample_batch.h"

/* A sample as one row of the batch sees it. */
typedef struct picture {
    const anl__sb *s;
    const void *samples;
    bool bytes; /* samples are u8, not T */
    anl__sb_drawn drawn;
} picture;
#define ANL__REF_FILE "kernels/sample_batch/sample_batch_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("sample_batch", gather)
const anl__kernel *const anl__kernels_sample_batch_ref[] = {&gather_kernel, NULL};
#else
/* Channel k of pixel (y, x) of the sample, where it has one; else a stored zero. */
static float FN(stored)(const picture *p, int32_t y, int32_t x, int32_t k)
{
    int64_t at = ((p->drawn.sample * p->s->h + y) * p->s->w + x) * p->s->c + k;
    if (y < 0 || y >= p->s->h || x < 0 || x >= p->s->w) return 0;
    return p->bytes ? (float)((const uint8_t *)p->samples)[at] : (float)((const T *)p->samples)[at];
}

static float FN(bright)(const picture *p, int64_t pixel, int32_t k)
{
    return anl__jitter_bright(&p->drawn.jitter,
                              FN(stored)(p, (int32_t)(pixel / p->s->w), (int32_t)(pixel % p->s->w), k));
}

static float FN(grey)(const picture *p, int64_t pixel)
{
    float sum = 0;
    if (p->s->c == 3)
        return anl__jitter_luma(FN(bright)(p, pixel, 0), FN(bright)(p, pixel, 1), FN(bright)(p, pixel, 2));
    for (int32_t k = 0; k < p->s->c; k++) sum += FN(bright)(p, pixel, k);
    return sum * (1.0f / (float)p->s->c);
}

static void FN(measure)(picture *p)
{
    double lane[ANL__JITTER_LANES] = {0};
    int64_t n = (int64_t)p->s->h * p->s->w;
    for (int64_t i = 0; i < n; i++) lane[i % ANL__JITTER_LANES] += (double)FN(grey)(p, i);
    for (int m = ANL__JITTER_LANES / 2; m; m /= 2)
        for (int i = 0; i < m; i++) lane[i] += lane[i + m];
    anl__jitter_mean(&p->drawn.jitter, lane[0], n);
}

static float FN(changed)(const picture *p, const anl__place *at, int32_t k)
{
    float upper = anl__between(FN(stored)(p, at->y - 1, at->x - 1, k), FN(stored)(p, at->y - 1, at->x, k),
                               at->fx);
    float lower = anl__between(FN(stored)(p, at->y, at->x - 1, k), FN(stored)(p, at->y, at->x, k), at->fx);
    float v = anl__between(upper, lower, at->fy);
    return anl__augment_jitters(&p->s->augment) ? anl__jitter_value(&p->drawn.jitter, v) : v;
}

/* A row of the batch whose values are computed: in f32, as the devices do, and normalised in T. */
static void FN(compute)(picture *p, const T *scale, const T *shift, T *x)
{
    const anl__sb *s = p->s;
    const anl__jitter *j = &p->drawn.jitter;
    if (s->augment.contrast > 0) FN(measure)(p);
    for (int32_t i = 0; i < s->h * s->w; i++) {
        anl__place at = anl__sb_place(s, &p->drawn, i / s->w, i % s->w);
        bool erased = anl__sb_erased(&p->drawn.view, i / s->w, i % s->w);
        bool saturates = j->saturation != 1.0f; /* of 3 channels */
        float share = 0;
        if (saturates)
            share = j->colour *
                    anl__jitter_luma(FN(changed)(p, &at, 0), FN(changed)(p, &at, 1), FN(changed)(p, &at, 2));
        for (int32_t k = 0; k < s->c; k++) {
            float v = FN(changed)(p, &at, k);
            T value = (T)(saturates ? anl__jitter_saturate(j, v, share) : v) * scale[k];
            x[(int64_t)i * s->c + k] = erased ? 0 : value + shift[k];
        }
    }
}

static void FN(gather)(const anl__call *c, const anl__run *r)
{
    anl__sb s = anl__sb_of(c);
    const int32_t *rng = r->in[ANL__SB_RNG];
    const T *scale = r->in[ANL__SB_SCALE], *shift = r->in[ANL__SB_SHIFT];
    const size_t label = anl_dtype_size(c->in[ANL__SB_LABELS].dtype);
    for (int64_t i = 0; i < s.n; i++) {
        int64_t id = anl__sb_sample(&s, rng, r->in[ANL__SB_INDEX], i), each = (int64_t)s.h * s.w * s.c;
        anl__view v = anl__augment_draw(&s.augment, anl__sb_seed(rng), (uint32_t)rng[ANL__RNG_EPOCH], id, s.h, s.w);
        T *x = (T *)r->in[ANL__SB_X] + i * each;
        memcpy((char *)r->in[ANL__SB_Y] + (size_t)i * label, (const char *)r->in[ANL__SB_LABELS] + (size_t)id * label, label);
        if (anl__augment_computes(&s.augment)) {
            picture p = {&s, r->in[ANL__SB_SAMPLES], c->in[ANL__SB_SAMPLES].dtype == ANL_U8, {0}};
            p.drawn = anl__sb_draw(&s, rng, r->in[ANL__SB_INDEX], i, p.bytes);
            FN(compute)(&p, scale, shift, x);
            continue;
        }
        for (int32_t p = 0; p < s.h * s.w; p++)
            for (int32_t k = 0; k < s.c; k++) {
                int32_t from = anl__sb_pixel(&s, &v, p / s.w, p % s.w);
                int64_t at = id * each + (int64_t)from * s.c + k;
                T value = from < 0 ? 0 : c->in[ANL__SB_SAMPLES].dtype == ANL_U8 ? (T)((const uint8_t *)r->in[ANL__SB_SAMPLES])[at] : ((const T *)r->in[ANL__SB_SAMPLES])[at];
                value = value * scale[k];
                x[(int64_t)p * s.c + k] = anl__sb_erased(&v, p / s.w, p % s.w) ? 0 : value + shift[k];
            }
    }
}
#endif
