/* What both host devices need of a dropout call. */
#ifndef ANL_DROPOUT_CALL_H
#define ANL_DROPOUT_CALL_H

#include "kernels/common/dropout.h"
#include "op.h"

typedef struct anl__dropout {
    uint64_t seed;
    uint32_t key, step, sample0, keep_below;
    double scale;
    int64_t features; /* elements of a sample */
    bool off;         /* evaluation, or p = 0 */
} anl__dropout;

static inline anl__dropout anl__dropout_of(const anl__call *c, const int32_t *rng)
{
    double p = anl__attr_float(c, "p");
    int64_t key = anl__attr_int(c, "key");
    return (anl__dropout){
        .seed = (uint64_t)(uint32_t)rng[ANL__RNG_SEED_HI] << 32 | (uint32_t)rng[ANL__RNG_SEED_LO],
        .key = key ? (uint32_t)key : anl__name_hash(c->name), .step = (uint32_t)rng[ANL__RNG_STEP], .sample0 = (uint32_t)rng[ANL__RNG_SAMPLE0],
        .keep_below = anl__dropout_threshold(p), .scale = 1 / (1 - p), .features = anl_shape_count(&c->in[0].shape) / c->in[0].shape.dim[0],
        .off = c->mode == ANL_EVAL || p == 0};
}

#endif
