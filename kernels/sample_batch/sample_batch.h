/* What both kernels of sample_batch know of a call. */
#ifndef ANL_SAMPLE_BATCH_H
#define ANL_SAMPLE_BATCH_H

#include "op.h"

#include "base/augment.h"
#include "base/order.h"

enum { ANL__SB_SAMPLES, ANL__SB_LABELS, ANL__SB_INDEX, ANL__SB_SCALE, ANL__SB_SHIFT, ANL__SB_X, ANL__SB_Y, ANL__SB_RNG };

typedef struct anl__sb {
    anl__augment augment;
    anl__order order; /* its seed is read from the rng block */
    int64_t n;        /* of the batch */
    int32_t h, w, c;  /* of a sample */
} anl__sb;

static inline anl__sb anl__sb_of(const anl__call *call)
{
    const anl_shape *d = &call->in[ANL__SB_SAMPLES].shape;
    bool image = d->rank == 4;
    anl__sb s;
    memset(&s, 0, sizeof s);
    s.augment.crop_pad = (int)anl__attr_int(call, "crop");
    s.augment.flip = anl__attr_int(call, "flip") != 0;
    s.augment.erase = anl__attr_float(call, "erase");
    s.augment.erase_min = anl__attr_float(call, "erase_min");
    s.augment.erase_max = anl__attr_float(call, "erase_max");
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
    int32_t sy = y + v->dy, sx = (v->flip ? s->w - 1 - x : x) + v->dx;
    return sy < 0 || sy >= s->h || sx < 0 || sx >= s->w ? -1 : sy * s->w + sx;
}

ANL_HD bool anl__sb_erased(const anl__view *v, int32_t y, int32_t x) { return y >= v->top && y < v->top + v->height && x >= v->left && x < v->left + v->width; }

#endif
