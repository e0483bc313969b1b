/* Parts of a data set: training and validation lists by key, and stratified folds.
 *
 * Which part a sample falls in is a function of (seed, sample index, the labels), drawn with Philox stream
 * SPLIT. Lists are ascending, share no index and together hold every index once; both are checked before
 * they are handed out (ANL_INTERNAL if not).
 */
#ifndef ANL_SPLIT_H
#define ANL_SPLIT_H

#include "runtime/base/base.h"

/* What is divided: n samples, with the label of each in [0, classes) (NULL: no strata). */
typedef struct anl__split_input {
    int64_t n;
    const int32_t *label;
    int classes;
} anl__split_input;

typedef struct anl__split_opts {
    uint64_t seed;
    int64_t count;   /* samples of the validation part; 0: by fraction */
    double fraction; /* of n, in [0, 1); used when count is 0 */
    bool stratified; /* each class gives its share (largest remainder, so that the total is exact) */
    int folds; /* > 0: stratified folds instead of count and fraction; the validation part is fold `fold` */
    int fold;  /* 0 .. folds - 1 */
} anl__split_opts;
anl__split_opts anl__split_opts_default(void); /* seed 0, no validation part, stratified, no folds */

typedef struct anl__split {
    int64_t *train, *valid; /* owned; sample indices, ascending */
    int64_t n_train, n_valid;
} anl__split;

/* ANL_DATA: a part would be empty that must not be, or a class has fewer samples than folds (named). */
anl_status anl__split_make(anl_ctx *ctx, const anl__split_input *in, const anl__split_opts *opts,
                           anl__split *out) ANL_MUST;
void anl__split_release(anl_ctx *ctx, anl__split *s); /* a zeroed split is fine */

#endif
