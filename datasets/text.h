/* A text as one stream of tokens, cut for truncated backpropagation: every part (training, validation, test, by fractions of the
 * bytes) is divided into `streams` runs of equal length (to one token), and these into chunks of T. Item k * streams + s is chunk k
 * of stream s (sequence_loader.h's streams order). Field "x" [T] holds the tokens before those of "y" [T]; the last chunk of
 * a stream is shorter, possibly empty, and padded by the loader: every token of a part is predicted exactly once (the text's very
 * first has none before it). */
#ifndef ANL_TEXT_H
#define ANL_TEXT_H

#include "datasets/ragged.h"
#include "datasets/parts.h"
#include "datasets/tokens.h"

typedef struct anl__text_opts {
    anl__tokens_opts tokens;
    const anl__tokens *tokenizer; /* given (of a checkpoint): borrowed, `tokens` is ignored; NULL: built from the training part */
    double valid_from, test_from; /* fractions of the bytes; 1, 1: training part only; 0, 0 (with a tokenizer): test part only */
    int64_t streams[ANL__PARTS];  /* of each part; lowered to the part's tokens */
    int64_t chunk;                /* T */
    size_t max_bytes;
    const char *sha256; /* the file must have it; NULL: any */
} anl__text_opts;
anl__text_opts anl__text_opts_default(void); /* characters, 0.90, 0.95, 32 / 8 / 8 streams of 128, 1 GiB */

typedef struct anl__text_part {
    anl__ragged *set; /* owned; NULL for an empty part */
    int64_t streams, chunks;
    int64_t tokens;   /* predicted: the sum of the lengths */
    int64_t unknown;  /* among the part's tokens */
    size_t bytes;     /* of the part's text (bits per byte need it) */
    int64_t letters;  /* code points of it (bits per character) */
} anl__text_part;

typedef struct anl__text {
    anl_ctx *ctx;
    char *path, sha256[65];
    anl__tokens *own;             /* NULL when it was given */
    const anl__tokens *tokenizer; /* own or the given one */
    anl__ids ids;                 /* of the whole text; the sets lie over it */
    anl__text_part part[ANL__PARTS];
} anl__text;

/* ANL_DATA: missing file, another digest, NUL or invalid UTF-8 (line named), an empty part that should not be. */
anl_status anl__text_open(anl_ctx *ctx, const char *path, const anl__text_opts *opts, anl__text **out) ANL_MUST;
anl_status anl__text_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__text_opts *opts,
                           anl__text **out) ANL_MUST;
void anl__text_close(anl__text *t);

#endif
