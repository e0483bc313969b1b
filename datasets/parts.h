/* Training, validation and test lists of items: from a column that says which ("train", "valid", "test"), or by key. By key, the
 * part of a group of items is a function of (seed, group number, strata): no group is in two parts. */
#ifndef ANL_PARTS_H
#define ANL_PARTS_H

#include "datasets/csv.h"
#include "datasets/split.h"

enum { ANL__PART_TRAIN, ANL__PART_VALID, ANL__PART_TEST, ANL__PARTS };

typedef struct anl__parts_opts {
    uint64_t seed;
    double valid, test; /* fractions of the groups, or (1 and more) counts; 0: no such part */
    bool test_only;     /* another file, to be evaluated: without a column that says otherwise all is the test part, and nothing need be trained on */
} anl__parts_opts;

typedef struct anl__parts {
    int64_t *item[ANL__PARTS]; /* ascending */
    int64_t n[ANL__PARTS];
} anl__parts;

/* "train", "valid", "test" to ANL__PART_*; -1: none of them. */
int anl__part_find(const char *name);
const char *anl__part_name(int part);
/* part[i] of the groups 0 .. n-1, drawn by key; label (NULL: none) in [0, classes) keeps the classes' shares. */
anl_status anl__parts_draw(anl_ctx *ctx, int64_t n, const int32_t *label, int classes, const anl__parts_opts *opts,
                           int32_t *part) ANL_MUST;
/* The same for a set whose validation part is drawn later, from what is left: only a test part, by another key. */
anl_status anl__parts_draw_test(anl_ctx *ctx, int64_t n, const int32_t *label, int classes, const anl__parts_opts *opts,
                                int32_t *part) ANL_MUST;
/* Lists from part[i] (-1: in none) of the items 0 .. n-1. ANL_DATA when there is no training item (test_only: no test item). */
anl_status anl__parts_make(anl_ctx *ctx, const char *name, const anl__parts_opts *opts, const int32_t *part, int64_t n, anl__parts *out) ANL_MUST;
void anl__parts_release(anl_ctx *ctx, anl__parts *p);

#endif
