/* Length buckets: a few shapes (one length an axis), fixed before step 1, that every item of a ragged set is padded to. An item
 * goes to the bucket that holds it with the fewest steps, the lower number among equals. */
#ifndef ANL_BUCKETS_H
#define ANL_BUCKETS_H

#include "datasets/ragged.h"

enum { ANL__MAX_BUCKETS = 32 };

typedef struct anl__buckets {
    int n;
    int64_t most[ANL__MAX_BUCKETS][ANL__RAGGED_AXES]; /* longest item along each axis; 0 for an axis the set has not */
} anl__buckets;

/* At most `max_buckets` buckets for these items (index NULL: all), chosen so that the steps of padding are few: least of all for
   sets of one axis (dynamic programme over the lengths that occur), by merging shapes greedily and reassigning for two. Choose
   over all parts together, so that no item of an evaluation is too long. Deterministic. */
anl_status anl__buckets_choose(anl_ctx *ctx, const anl__ragged *set, const int64_t *index, int64_t n, int max_buckets,
                               anl__buckets *out) ANL_MUST;
/* -1: none holds an item of these lengths. */
int anl__buckets_find(const anl__buckets *b, const int64_t length[ANL__RAGGED_AXES]);

#endif
