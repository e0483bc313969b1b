/* A growing set of different byte strings, numbered in the order they came, with a count each. */
#ifndef ANL_VOCAB_H
#define ANL_VOCAB_H

#include "datasets/tokens.h"

typedef struct anl__vocab {
    anl_ctx *ctx;
    anl__arena *arena; /* the strings */
    anl__span *item;
    int64_t *count;
    int64_t n, item_cap, count_cap;
    int32_t *slot; /* open addressing: number + 1, 0 is free */
    int64_t slots; /* a power of two */
} anl__vocab;

anl_status anl__vocab_init(anl_ctx *ctx, anl__vocab *v) ANL_MUST;
void anl__vocab_release(anl__vocab *v); /* a zeroed one is fine */
int32_t anl__vocab_find(const anl__vocab *v, anl__span s); /* -1: it is not there */
/* Finds it, or adds a copy with count 0. */
anl_status anl__vocab_add(anl__vocab *v, anl__span s, int32_t *id) ANL_MUST;
/* memcmp order, the shorter first. */
int anl__span_compare(anl__span a, anl__span b);
/* The numbers 0 .. n-1 in order: ascending by bytes, or by falling count first. `order` has n entries. */
anl_status anl__vocab_sort(const anl__vocab *v, bool by_count, int32_t *order) ANL_MUST;

#endif
