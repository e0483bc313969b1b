/* Tokenizers: text to numbers and back. Kinds: characters (Unicode code points), bytes, words (punctuation apart) and byte-pair
 * encoding (Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016: merges of the most
 * frequent neighbours inside words; ties go to the pair that is smaller by bytes).
 *
 * The vocabulary is built from the texts given (the training part only); what it lacks becomes `unk` and is counted, or, without
 * unk, is refused by name. Numbers: the special tokens first (those asked for, in the order unk, bos, eos), then the vocabulary:
 * characters and bytes ascending, words by falling count, byte-pair symbols ascending and then the merges in order. There is no
 * padding token: padding is -1.
 *
 * A tokenizer is written to and read from one text, so that it travels in a checkpoint.
 */
#ifndef ANL_TOKENS_H
#define ANL_TOKENS_H

#include "runtime/base/base.h"

typedef struct anl__tokens anl__tokens;
typedef enum anl__tokens_kind { ANL__TOKENS_CHAR, ANL__TOKENS_BYTE, ANL__TOKENS_WORD, ANL__TOKENS_BPE } anl__tokens_kind;

typedef struct anl__tokens_opts {
    anl__tokens_kind kind;
    bool lower;         /* lower case first (Latin, Greek, Cyrillic) */
    bool unk, bos, eos; /* special tokens to have */
    int64_t min_count;  /* of a word; rarer ones are left out (needs unk) */
    int64_t max_size;   /* of the vocabulary of words; 0: no limit */
    int64_t merges;     /* of byte pairs */
} anl__tokens_opts;
anl__tokens_opts anl__tokens_opts_default(void); /* characters with unk, no bos, eos; min_count 1, 1000 merges */

typedef struct anl__span { /* a piece of text, borrowed */
    const char *text;
    size_t bytes;
} anl__span;

typedef struct anl__ids { /* a growing list of tokens; zeroed to begin with */
    int32_t *id;          /* anl__free */
    int64_t n, cap;
} anl__ids;
anl_status anl__ids_add(anl_ctx *ctx, anl__ids *ids, int32_t id) ANL_MUST;

/* "char", "byte", "word", "bpe"; false: unknown. */
bool anl__tokens_kind_find(const char *name, anl__tokens_kind *out);
const char *anl__tokens_kind_name(anl__tokens_kind k);

/* ANL_DATA: invalid UTF-8 (text number and byte named; not for bytes), no text at all. */
anl_status anl__tokens_build(anl_ctx *ctx, const anl__span *text, int64_t n, const anl__tokens_opts *opts, anl__tokens **out) ANL_MUST;
void anl__tokens_destroy(anl__tokens *t);
int32_t anl__tokens_size(const anl__tokens *t);
int32_t anl__tokens_unk(const anl__tokens *t); /* -1: the tokenizer has none; likewise bos, eos */
int32_t anl__tokens_bos(const anl__tokens *t);
int32_t anl__tokens_eos(const anl__tokens *t);
const anl__tokens_opts *anl__tokens_options(const anl__tokens *t);
/* The text of a token, as it stands in the vocabulary ("<unk>" for specials); borrowed. */
anl__span anl__tokens_text(const anl__tokens *t, int32_t id);

/* Appends the tokens of a text (no bos, eos). *unknown (may be NULL) grows by the number of unk among them. ANL_DATA: invalid UTF-8,
   or a symbol out of the vocabulary of a tokenizer without unk (named with its byte). */
anl_status anl__tokens_encode(const anl__tokens *t, anl__span text, anl__ids *out, int64_t *unknown) ANL_MUST;
/* Appends the text of n tokens; bos, eos and negative numbers give nothing, others outside the vocabulary ANL_INVALID. Words are
   joined by blanks, none before closing and after opening punctuation. */
anl_status anl__tokens_decode(const anl__tokens *t, const int32_t *id, int64_t n, anl__buf *out) ANL_MUST;

void anl__tokens_write(const anl__tokens *t, anl__buf *out);
anl_status anl__tokens_read(anl_ctx *ctx, const char *text, size_t bytes, anl__tokens **out) ANL_MUST; /* ANL_FORMAT with the line */
/* SHA-256 of the written text. */
anl_status anl__tokens_fingerprint(const anl__tokens *t, char hex[65]) ANL_MUST;

#endif
