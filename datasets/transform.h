/* From stored samples to what the model sees: scaling, normalisation and augmentation in one pass, written
 * straight into the batch as float32, bf16 or f16, NHWC.
 *
 * What happens to a sample is a function of (seed, epoch, sample index): Philox blocks of stream AUGMENT,
 * drawn in augment.h, warp.h and jitter.h and nowhere else. So it does not depend on the batch, its size, the
 * position or the worker.
 *
 * y = x * scale + shift a channel, in float32, rounded once more (to nearest even) for bf16 and f16. u8
 * values count as x / 255; then (x - mean) / std.
 */
#ifndef ANL_TRANSFORM_H
#define ANL_TRANSFORM_H

#include "datasets/dataset.h"
#include "runtime/base/augment.h"

/* Mean and standard deviation (of the population) a channel, u8 values taken as x / 255. The channels of
   "features" are the features. A channel that never changes has std 1. */
typedef struct anl__norm {
    int64_t channels;
    double *mean, *std; /* owned */
} anl__norm;

/* Over the samples index[0..n-1] (the training part), or over all n = ds->n samples when index is NULL. Exact
   integer sums for u8; two passes in double for f32. */
anl_status anl__norm_measure(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n,
                             anl__norm *out) ANL_MUST;
/* Copies given statistics (a stored model's). ANL_DATA: a value that is not finite, or std <= 0. */
anl_status anl__norm_make(anl_ctx *ctx, int64_t channels, const double *mean, const double *std,
                          anl__norm *out) ANL_MUST;
void anl__norm_release(anl_ctx *ctx, anl__norm *n);

typedef struct anl__transform {
    anl_dtype in, out;
    int64_t h, w, c; /* features: 1, 1, F */
    anl__augment augment;
    int64_t rows; /* rows that scale and shift cover */
    float *scale,
        *shift; /* rows * w * c, owned: a channel's factors repeated, so that the loops have stride 1 */
} anl__transform;

/* norm, augment: NULL for none (copied). out: ANL_F32, ANL_BF16 or ANL_F16. ANL_SHAPE: the norm has another number of
   channels, or the augmentation does not suit the shape. */
anl_status anl__transform_init(anl_ctx *ctx, const anl__field *field, const anl__norm *norm,
                               const anl__augment *augment, anl_dtype out, anl__transform *t) ANL_MUST;
void anl__transform_release(anl_ctx *ctx, anl__transform *t);
size_t anl__transform_bytes(const anl__transform *t);   /* of one sample written */
size_t anl__transform_scratch(const anl__transform *t); /* bytes of scratch that one call needs */
/* One sample, from src to dst. scratch: the caller's, for this call; NULL when none is needed. Any thread. */
void anl__transform_apply(const anl__transform *t, uint64_t seed, uint32_t epoch, int64_t sample,
                          const void *src, void *scratch, void *dst);

#endif
