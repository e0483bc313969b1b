/* What both kernels of sample_batch know of a call. */
#ifndef ANL_SAMPLE_BATCH_H
#define ANL_SAMPLE_BATCH_H

#include "op.h"

#include "base/jitter.h"
#include "base/order.h"

enum { ANL__SB_SAMPLES, ANL__SB_LABELS, ANL__SB_INDEX, ANL__SB_SCALE, ANL__SB_SHIFT, ANL__SB_X, ANL__SB_Y, ANL__SB_RNG };

typedef struct anl__sb {
    anl__augment augment;
    anl__order order; /* its seed is read from the rng block */
    int64_t n;        /* of the batch */
    int32_t h, w, c;  /* of a sample */
} anl__sb;

static inline anl__augment anl__sb_augment(const anl__call *call)
{
    anl__augment a;
    memset(&a, 0, sizeof a);
    a.crop_pad = (int)anl__attr_int(call, "crop");
    a.flip = anl__attr_int(call, "flip") != 0;
    a.flip_vertical = anl__attr_int(call, "flip_vertical") != 0;
    a.rotate = anl__attr_float(call, "rotate");
    a.resized_crop = anl__attr_float(call, "resized_crop");
    a.brightness = anl__attr_float(call, "brightness");
    a.contrast = anl__attr_float(call, "contrast");
    a.saturation = anl__attr_float(call, "saturation");
    a.erase = anl__attr_float(call, "erase");
    a.erase_min = anl__attr_float(call, "erase_min");
    a.erase_max = anl__attr_float(call, "erase_max");
    return a;
}

/* Are the batch's values computed, and not only moved? */
static inline bool anl__sb_computes(const anl__call *call)
{
    anl__augment a = anl__sb_augment(call);
    return anl__augment_computes(&a);
}

static inline anl__sb anl__sb_of(const anl__call *call)
{
    const anl_shape *d = &call->in[ANL__SB_SAMPLES].shape;
    bool image = d->rank == 4;
    anl__sb s;
    memset(&s, 0, sizeof s);
    s.augment = anl__sb_augment(call);
    s.order = anl__order_make(0, anl__has_in(call, ANL__SB_INDEX) ? anl_shape_count(&call->in[ANL__SB_INDEX].shape) : d->dim[0], anl__attr_int(call, "shuffle") != 0);
    s.n = call->in[ANL__SB_X].shape.dim[0];
    s.h = image ? (int32_t)d->dim[1] : 1;
    s.w = image ? (int32_t)d->dim[2] : 1;
    s.c = (int32_t)d->dim[d->rank - 1];
    return s;
}

ANL_HD uint64_t anl__sb_seed(const int32_t *rng) { return (uint32_t)rng[ANL__RNG_SEED_LO] | (uint64_t)(uint32_t)rng[ANL__RNG_SEED_HI] << 32; }

/* The sample for row i of the batch. */
ANL_HD int64_t anl__sb_sample(const anl__sb *s, const int32_t *rng, const int32_t *index, int64_t i)
{
    anl__order o = s->order;
    o.seed = anl__sb_seed(rng);
    int64_t k = (int64_t)rng[ANL__RNG_FIRST] + rng[ANL__RNG_SAMPLE0] + i;
    if (k >= o.n) k = o.n - 1; /* whoever announces a batch keeps within the epoch; memory is safe all the same */
    k = anl__order_at(&o, (uint32_t)rng[ANL__RNG_EPOCH], k);
    return index ? index[k] : k;
}

/* Where element (y, x) of a window lies in the sample, in pixels; negative: outside, a stored zero. */
ANL_HD int32_t anl__sb_pixel(const anl__sb *s, const anl__view *v, int32_t y, int32_t x)
{
    int32_t sy = (v->flip_vertical ? s->h - 1 - y : y) + v->dy, sx = (v->flip ? s->w - 1 - x : x) + v->dx;
    return sy < 0 || sy >= s->h || sx < 0 || sx >= s->w ? -1 : sy * s->w + sx;
}

/* What is drawn for a row of a batch whose values are computed; the jitter's mean grey is added later. */
typedef struct anl__sb_drawn {
    int64_t sample;
    anl__view view;
    anl__warp warp;
    anl__jitter jitter;
} anl__sb_drawn;

ANL_HD anl__sb_drawn anl__sb_draw(const anl__sb *s, const int32_t *rng, const int32_t *index, int64_t i,
                                  bool bytes)
{
    uint64_t seed = anl__sb_seed(rng);
    uint32_t epoch = (uint32_t)rng[ANL__RNG_EPOCH];
    anl__sb_drawn d;
    d.sample = anl__sb_sample(s, rng, index, i);
    d.view = anl__augment_draw(&s->augment, seed, epoch, d.sample, s->h, s->w);
    d.warp = anl__warp_draw(&s->augment, &d.view, seed, epoch, d.sample, s->h, s->w);
    d.jitter = anl__jitter_draw(&s->augment, seed, epoch, d.sample, bytes);
    return d;
}

/* The place that element (y, x) of a batch's row is taken from. */
ANL_HD anl__place anl__sb_place(const anl__sb *s, const anl__sb_drawn *d, int32_t y, int32_t x)
{
    float cy = anl__warp_row(&d->warp, &d->view, y, s->h);
    return anl__warp_at(&d->warp, anl__warp_row_y(&d->warp, cy), anl__warp_row_x(&d->warp, cy),
                        anl__warp_column(&d->warp, &d->view, x, s->w));
}

ANL_HD bool anl__sb_erased(const anl__view *v, int32_t y, int32_t x) { return y >= v->top && y < v->top + v->height && x >= v->left && x < v->left + v->width; }

#endif
