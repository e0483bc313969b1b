/* The inside of a tokenizer; only tokens.c, tokens_text.c and bpe.c include this. */
#ifndef ANL_TOKENS_INSIDE_H
#define ANL_TOKENS_INSIDE_H

#include "datasets/vocab.h"

typedef struct anl__merge {
    int32_t left, right, result; /* symbols of the vocabulary */
} anl__merge;

struct anl__tokens {
    anl_ctx *ctx;
    anl__tokens_opts opts;
    int32_t specials; /* numbers below it; the vocabulary's follow */
    int32_t unk, bos, eos;
    anl__vocab vocab;
    /* byte pairs */
    anl__merge *merge; /* in order: the lower number is applied first */
    int64_t merges;
    int32_t *slot; /* open addressing by (left, right): number + 1 */
    int64_t slots;
};

/* An empty tokenizer with the special tokens of the options. */
anl_status anl__tokens_create(anl_ctx *ctx, const anl__tokens_opts *opts, anl__tokens **out) ANL_MUST;

/* Learns base symbols and merges from words with counts. */
anl_status anl__bpe_learn(anl__tokens *t, const anl__vocab *words) ANL_MUST;
/* Once the merges are there: the table that finds them. */
anl_status anl__bpe_index(anl__tokens *t) ANL_MUST;
/* Symbols (with -1 for what is unknown) of one word, behind those that `symbols` has. */
anl_status anl__bpe_encode(const anl__tokens *t, anl__span word, anl__ids *symbols) ANL_MUST;
/* A word as byte pairs see it: with U+2581 in the place of the blank before it. Overwrites `out`. */
anl_status anl__bpe_word(anl__span word, bool spaced, anl__buf *out) ANL_MUST;
#define ANL__BPE_BLANK "\xE2\x96\x81"

#endif
