/* A translation memory: known pairs of texts, from which a model reads the translations of the sources that are most like the one
 * before it (Bulte and Tezcan, "Neural Fuzzy Repair", ACL 2019). It travels in a checkpoint as one text. */
#ifndef ANL_MEMORY_H
#define ANL_MEMORY_H

#include "datasets/tokens.h"

typedef struct anl__memory anl__memory;
/* Over n pairs, borrowed. */
anl_status anl__memory_create(anl_ctx *ctx, const char *const *source, const char *const *target, int64_t n, anl__memory **out) ANL_MUST;
void anl__memory_destroy(anl__memory *m);
/* A line a pair: source, tab, target; a backslash stands before t, n and backslash that are of a text. */
void anl__memory_write(const anl__memory *m, anl__buf *out);
anl_status anl__memory_read(anl_ctx *ctx, const char *text, size_t bytes, anl__memory **out) ANL_MUST; /* ANL_FORMAT with the line */

/* Many questions at once. */
typedef struct anl__memory_asked {
    const char *const *text; /* [n] */
    const bool *other;       /* [n] not the pair of the text itself */
    int64_t n;
    int count;             /* of pairs a text, at most ANL__MOST_SIMILAR */
    const char *file;      /* where all of it comes from: what is found is kept in the cache for it, and taken from there while neither texts nor
                              pairs are others; NULL: not kept */
    const char *cache_dir; /* NULL: the default (cache.h) */
} anl__memory_asked;
/* The numbers of the pairs whose sources are most like each text into out [n][count]; -1 behind them. */
anl_status anl__memory_find(anl__memory *m, const anl__memory_asked *q, int32_t *out) ANL_MUST;
/* Appends what is behind a text whose pairs were found: as anl__memory_recall, of at [count]. */
anl_status anl__memory_append(const anl__memory *m, const anl__tokens *k, const int32_t *at, int count, int64_t longest, anl__ids *out) ANL_MUST;

/* Appends, for each of the `count` (at most ANL__MOST_SIMILAR) pairs whose sources are most like the text, eos and its target's tokens;
   other: not the pair of the text itself; longest (0: none): no further than so many tokens in all. */
anl_status anl__memory_recall(anl__memory *m, const anl__tokens *k, const char *text, bool other, int count, int64_t longest, anl__ids *out) ANL_MUST;

#endif
