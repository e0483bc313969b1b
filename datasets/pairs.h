/* Source and target texts, for translating one into the other, from a TSV or CSV file: fields "src" (axis 0), "tgt_in" (bos and
 * the target) and "tgt_out" (the target and eos; axis 1), an item a row. Parts come from a column of "train", "valid" and "test",
 * or by fraction and seed over the sources, so that no source is in two parts (checked). Rows of one source are its references.
 *
 * With `similar`, "src" is the source and behind it, each after an eos, the first targets of the training sources that are most like it
 * (never its own). Both columns then share one vocabulary, with bos and eos. */
#ifndef ANL_PAIRS_H
#define ANL_PAIRS_H

#include "datasets/csv.h"
#include "datasets/memory.h"
#include "datasets/parts.h"
#include "datasets/ragged.h"
#include "datasets/tokens.h"

typedef struct anl__pairs_opts {
    anl__csv_opts csv;
    const char *source, *target, *part; /* columns; part NULL: "part" if there is one */
    anl__parts_opts parts;              /* when there is no such column */
    anl__tokens_opts source_tokens, target_tokens; /* bos and eos of the target are always there */
    const anl__tokens *source_tokenizer, *target_tokenizer; /* given: borrowed; NULL: built from the training part */
    int64_t max_length;                                     /* rows with more tokens on a side are left out and counted; 0: none */
    int similar;                                            /* 0 to ANL__MOST_SIMILAR */
    bool cache;                                             /* similar: what is found of a file is kept in the cache directory (default false) */
    const char *cache_dir;                                  /* NULL: the default (cache.h) */
    anl__memory *memory;                                    /* similar: given, borrowed; NULL: of the training part */
} anl__pairs_opts;
anl__pairs_opts anl__pairs_opts_default(void);

typedef struct anl__pairs_source { /* a source and its references */
    const char *text;
    const char *const *reference;
    int references;
    int64_t item; /* one of its items in the set */
} anl__pairs_source;

typedef struct anl__pairs {
    anl_ctx *ctx;
    anl__csv *csv; /* the texts lie in it */
    anl__tokens *own_source, *own_target;
    const anl__tokens *source_tokens, *target_tokens;
    anl__memory *own_memory, *memory; /* similar: the one in use; NULL: none */
    anl__ragged *set;
    anl__parts parts; /* items of each part */
    anl__pairs_source *source[ANL__PARTS];
    int64_t sources[ANL__PARTS];
    int64_t too_long, unknown[ANL__PARTS]; /* rows left out; unk tokens a part, both sides */
    anl__arena *arena;
} anl__pairs;

anl_status anl__pairs_open(anl_ctx *ctx, const char *path, const anl__pairs_opts *opts, anl__pairs **out) ANL_MUST;
anl_status anl__pairs_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__pairs_opts *opts,
                            anl__pairs **out) ANL_MUST;
void anl__pairs_close(anl__pairs *p);

#endif
