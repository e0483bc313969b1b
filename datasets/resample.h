/* Samples whose values augmentation computes (base/warp.h, base/jitter.h), a row at a time in float32: what
 * transform.c then normalises and casts. It draws the sample's map and colours, and nothing else. */
#ifndef ANL_RESAMPLE_H
#define ANL_RESAMPLE_H

#include "datasets/transform.h"
#include "runtime/base/jitter.h"

/* One sample at work; all memory is the caller's scratch. */
typedef struct anl__resample {
    int32_t h, w, c;
    anl__view view;
    anl__warp warp;
    anl__jitter jitter;
    bool jitters;
    float *padded; /* [h + 3, w + 3, c]: the stored values, one row and column of zeros before them, two behind */
    float *row; /* [w, c] */
    float *cx, *fy, *fx; /* [w]: columns in the window; of a row's places */
    int32_t *at; /* [w]: pixels of `padded` */
} anl__resample;

/* ANL_SHAPE, ANL_INVALID: what augmentation asks for does not suit the samples, or itself. */
anl_status anl__resample_check(anl_ctx *ctx, const anl__transform *t, bool image) ANL_MUST;
size_t anl__resample_scratch(const anl__transform *t); /* bytes, for samples whose values are computed */
void anl__resample_begin(anl__resample *r, const anl__transform *t, const anl__view *view, uint64_t seed,
                         uint32_t epoch, int64_t sample, const void *src, void *scratch);
/* Row y of the augmented sample, w * c values as stored; until the next call. */
const float *anl__resample_row(anl__resample *r, int32_t y);

#endif
