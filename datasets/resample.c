/* Rows of resampled pictures; see resample.h. */
#include "datasets/resample.h"

#include <string.h>

enum { WIDE = 4, MARGIN = 3 /* rows and columns around a padded picture */ };
/* A pixel's channels, or four at a time of more; loads and stores may reach past a pixel, never past the
 * slack behind the arrays. */
typedef float lanes __attribute__((vector_size(4 * WIDE), aligned(4), may_alias));

/* ---- preparing -------------------------------------------------------------------------------- */

static anl_status check_ranges(anl_ctx *ctx, const anl__augment *a)
{
    const struct {
        const char *name;
        double value, most;
    } part[] = {{"rotate", a->rotate, 180},
                {"random_resized_crop", a->resized_crop, 1},
                {"brightness", a->brightness, 1},
                {"contrast", a->contrast, 1},
                {"saturation", a->saturation, 1}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (!(part[i].value >= 0 && part[i].value <= part[i].most))
            return anl__fail(ctx, ANL_INVALID, "data.augment.%s: %g is outside 0 to %g", part[i].name,
                             part[i].value, part[i].most);
    return ANL_OK;
}

anl_status anl__resample_check(anl_ctx *ctx, const anl__transform *t, bool image)
{
    const anl__augment *a = &t->augment;
    const char *name = a->flip_vertical       ? "flip_vertical"
                       : a->rotate != 0       ? "rotate"
                       : a->resized_crop != 0 ? "random_resized_crop"
                       : a->brightness != 0   ? "brightness"
                       : a->contrast != 0     ? "contrast"
                       : a->saturation != 0   ? "saturation"
                                              : NULL;
    if (!name) return ANL_OK;
    if (!image)
        return anl__fail(ctx, ANL_SHAPE,
                         "data.augment.%s is of images, and these samples are rows of %lld numbers", name,
                         (long long)t->c);
    ANL_TRY(check_ranges(ctx, a));
    if (a->resized_crop > 0 && a->crop_pad)
        return anl__fail(
            ctx, ANL_INVALID,
            "data.augment.random_resized_crop beside data.augment.crop %d: one window of the two",
            a->crop_pad);
    if (a->saturation > 0 && t->c != 3)
        return anl__fail(ctx, ANL_SHAPE,
                         "data.augment.saturation needs samples of 3 channels, and these have %lld",
                         (long long)t->c);
    if (t->h + MARGIN > INT32_MAX / (t->w + MARGIN) || (t->h + MARGIN) * (t->w + MARGIN) > INT32_MAX / t->c)
        return anl__fail(ctx, ANL_SHAPE,
                         "data.augment.%s: samples of %lld x %lld x %lld are too large to be resampled", name,
                         (long long)t->h, (long long)t->w, (long long)t->c);
    return ANL_OK;
}

static size_t padded_values(int64_t h, int64_t w, int64_t c)
{
    return (size_t)((h + MARGIN) * (w + MARGIN) * c + WIDE);
}
static size_t row_values(int64_t w, int64_t c) { return (size_t)(w * c + WIDE); }

size_t anl__resample_scratch(const anl__transform *t)
{
    return sizeof(float) * (padded_values(t->h, t->w, t->c) + row_values(t->w, t->c) + 3 * (size_t)t->w) +
           sizeof(int32_t) * (size_t)t->w;
}

/* ---- the stored picture ----------------------------------------------------------------------- */

static void widen(const uint8_t *restrict x, float *restrict y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = (float)x[i];
}

static void pad(anl__resample *r, bool bytes, const void *src)
{
    int64_t n = (int64_t)r->w * r->c, stride = (int64_t)(r->w + MARGIN) * r->c;
    memset(r->padded, 0, sizeof(float) * (size_t)stride);
    for (int64_t y = 0; y < r->h; y++) {
        float *to = r->padded + (y + 1) * stride;
        memset(to, 0, sizeof(float) * (size_t)r->c);
        if (bytes) widen((const uint8_t *)src + y * n, to + r->c, n);
        else memcpy(to + r->c, (const float *)src + y * n, sizeof(float) * (size_t)n);
        memset(to + r->c + n, 0, sizeof(float) * (size_t)(2 * r->c));
    }
    memset(r->padded + (int64_t)(r->h + 1) * stride, 0, sizeof(float) * (size_t)(2 * stride + WIDE));
}

/* The grey of n pixels, made brighter. */
static void grey(const anl__jitter *j, const float *restrict x, int64_t n, int32_t c, float *restrict out)
{
    if (c == 3) {
        for (int64_t i = 0; i < n; i++)
            out[i] = anl__jitter_luma(anl__jitter_bright(j, x[3 * i]), anl__jitter_bright(j, x[3 * i + 1]),
                                      anl__jitter_bright(j, x[3 * i + 2]));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        float sum = 0;
        for (int32_t k = 0; k < c; k++) sum += anl__jitter_bright(j, x[i * c + k]);
        out[i] = sum * (1.0f / (float)c);
    }
}

/* For contrast. Pixels are taken in order, a piece at a time that stays within a row. */
static void measure_mean(anl__resample *r)
{
    double lane[ANL__JITTER_LANES] = {0};
    float piece[ANL__JITTER_LANES];
    int64_t p = 0;
    for (int32_t y = 0; y < r->h; y++)
        for (int32_t x = 0, n; x < r->w; x += n, p += n) {
            int32_t first = (int32_t)(p % ANL__JITTER_LANES);
            n = r->w - x < ANL__JITTER_LANES - first ? r->w - x : ANL__JITTER_LANES - first;
            grey(&r->jitter, r->padded + ((int64_t)(y + 1) * (r->w + MARGIN) + x + 1) * r->c, n, r->c, piece);
            for (int32_t i = 0; i < n; i++) lane[first + i] += (double)piece[i];
        }
    for (int d = ANL__JITTER_LANES / 2; d; d /= 2)
        for (int i = 0; i < d; i++) lane[i] += lane[i + d];
    anl__jitter_mean(&r->jitter, lane[0], p);
}

void anl__resample_begin(anl__resample *r, const anl__transform *t, const anl__view *view, uint64_t seed,
                         uint32_t epoch, int64_t sample, const void *src, void *scratch)
{
    const anl__augment *a = &t->augment;
    *r = (anl__resample){
        .h = (int32_t)t->h, .w = (int32_t)t->w, .c = (int32_t)t->c, .view = *view, .padded = scratch};
    r->row = r->padded + padded_values(t->h, t->w, t->c);
    r->cx = r->row + row_values(t->w, t->c);
    r->fy = r->cx + t->w;
    r->fx = r->fy + t->w;
    r->at = (int32_t *)(r->fx + t->w);
    r->warp = anl__warp_draw(a, view, seed, epoch, sample, r->h, r->w);
    r->jitter = anl__jitter_draw(a, seed, epoch, sample, t->in == ANL_U8);
    r->jitters = anl__augment_jitters(a);
    for (int32_t x = 0; x < r->w; x++) r->cx[x] = anl__warp_column(&r->warp, view, x, r->w);
    pad(r, t->in == ANL_U8, src);
    if (a->contrast > 0) measure_mean(r);
}

/* ---- rows ------------------------------------------------------------------------------------- */

static void places(const anl__resample *r, int32_t y)
{
    const float *restrict cx = r->cx;
    float *restrict fy = r->fy, *restrict fx = r->fx;
    int32_t *restrict at = r->at, stride = r->w + MARGIN;
    float cy = anl__warp_row(&r->warp, &r->view, y, r->h), row_y = anl__warp_row_y(&r->warp, cy),
          row_x = anl__warp_row_x(&r->warp, cy);
    const anl__warp m = r->warp;
    for (int32_t x = 0; x < r->w; x++) {
        anl__place p = anl__warp_at(&m, row_y, row_x, cx[x]);
        at[x] = p.y * stride + p.x;
        fy[x] = p.fy;
        fx[x] = p.fx;
    }
}

/* anl__between, four times. */
static inline lanes between(lanes a, lanes b, float f) { return a + f * (b - a); }

static inline void gather(const anl__resample *r, int32_t c)
{
    int64_t below = (int64_t)(r->w + MARGIN) * c;
    for (int32_t x = 0; x < r->w; x++) {
        const float *from = r->padded + (int64_t)r->at[x] * c;
        float *to = r->row + (int64_t)x * c, fx = r->fx[x], fy = r->fy[x];
        for (int32_t k = 0; k < c; k += WIDE) {
            const float *p = from + k, *q = p + below;
            lanes upper = between(*(const lanes *)p, *(const lanes *)(p + c), fx),
                  lower = between(*(const lanes *)q, *(const lanes *)(q + c), fx);
            *(lanes *)(to + k) = between(upper, lower, fy);
        }
    }
}

static void change_values(const anl__jitter *jitter, float *restrict v, int64_t n)
{
    const anl__jitter j = *jitter;
    for (int64_t i = 0; i < n; i++) v[i] = anl__jitter_value(&j, v[i]);
}

static void saturate(const anl__jitter *jitter, float *v, int32_t pixels)
{
    const anl__jitter j = *jitter;
    for (int32_t i = 0; i < pixels; i++, v += 3) {
        float share = anl__jitter_luma(v[0], v[1], v[2]) * j.colour;
        for (int k = 0; k < 3; k++) v[k] = anl__jitter_saturate(&j, v[k], share);
    }
}

const float *anl__resample_row(anl__resample *r, int32_t y)
{
    places(r, y);
    if (r->c == 1) gather(r, 1);
    else if (r->c == 3) gather(r, 3);
    else gather(r, r->c);
    if (!r->jitters) return r->row;
    change_values(&r->jitter, r->row, (int64_t)r->w * r->c);
    if (r->jitter.saturation != 1.0f) saturate(&r->jitter, r->row, r->w);
    return r->row;
}
