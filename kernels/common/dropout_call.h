/* A dropout call for its kernels, and for kernels that do its work too. */
#ifndef ANL_DROPOUT_CALL_H
#define ANL_DROPOUT_CALL_H

#include "kernels/common/dropout.h"
#include "op.h"

typedef struct anl__dropout {
    uint64_t seed;
    uint32_t key, step, sample0, keep_below;
    double scale;
    int64_t samples, piece; /* elements that lie together belong to one sample: piece k is of sample k % samples, from feature */
    bool off;               /*     k / samples * piece on. off: evaluation, or p = 0 */
} anl__dropout;

/* What the call alone says; anl__dropout_draw adds what the rng block says. */
static inline anl__dropout anl__dropout_fixed(const anl__call *c)
{
    double p = anl__attr_float(c, "p");
    int64_t key = anl__attr_int(c, "key");
    const anl_shape *s = &c->in[0].shape;
    int axis = (int)anl__attr_int(c, "sample_axis");
    int64_t before = axis ? s->dim[0] : 1, samples = s->dim[axis];
    anl__dropout d = {.key = key ? (uint32_t)key : anl__name_hash(c->name), .keep_below = anl__dropout_threshold(p), .scale = 1 / (1 - p), .samples = samples,
                      .piece = anl_shape_count(s) / before / samples, .off = c->mode == ANL_EVAL || p == 0};
    return d;
}

ANL_HD void anl__dropout_draw(anl__dropout *d, const int32_t *rng)
{
    d->seed = (uint64_t)(uint32_t)rng[ANL__RNG_SEED_HI] << 32 | (uint32_t)rng[ANL__RNG_SEED_LO];
    d->step = (uint32_t)rng[ANL__RNG_STEP];
    d->sample0 = (uint32_t)rng[ANL__RNG_SAMPLE0];
}

/* From element `at` on, of whole quads or of one element: bit u of the result is set when element at+u is kept. */
ANL_HD unsigned anl__dropout_kept(const anl__dropout *d, int64_t at)
{
    int64_t piece = at / d->piece, feature = piece / d->samples * d->piece + at % d->piece;
    uint32_t sample = d->sample0 + (uint32_t)(piece % d->samples);
    return anl__dropout_keep4(d->seed, d->key, d->step, sample, (uint32_t)(feature / 4), d->keep_below) >> (feature & 3);
}

static inline anl__dropout anl__dropout_of(const anl__call *c, const int32_t *rng)
{
    anl__dropout d = anl__dropout_fixed(c);
    anl__dropout_draw(&d, rng);
    return d;
}

#endif
