/* Beam search: the likeliest continuations of a start token, several kept at a time. It knows no model: whoever searches gives a
 * function that scores prefixes. One hypothesis kept is greedy search.
 */
#ifndef BEAM_H
#define BEAM_H

#include "runtime/base/base.h"

typedef struct beam_opts {
    int beam;           /* hypotheses kept, at least 1 */
    int longest;        /* tokens of an answer, the end included */
    int32_t begin, end; /* tokens */
    int64_t vocabulary;
    double length_power; /* finished ones are compared by log probability / length^power (Wu et al., 2016, without their constant 5) */
} beam_opts;

/* rows prefixes of `length` tokens each (the first is `begin`), row after row [rows, longest + 1]: writes the logits of what comes next,
   f32 [rows, vocabulary]. from [rows]: the row whose prefix was this one without its last token, the call before (at first: the row
   itself). Rows s * beam .. s * beam + beam - 1 belong to sentence s; rows that are no more searched hold anything. */
typedef anl_status (*beam_score)(void *user, const int32_t *prefix, const int64_t *from, int64_t rows, int length, float *logits);

/* Answers for `sentences` at once: answer [sentences, longest] without begin and end, padded with -1; log_probability (may be NULL)
   [sentences], of the answer with its end. */
anl_status beam_search(anl_ctx *ctx, const beam_opts *o, int64_t sentences, beam_score score, void *user, int32_t *answer, double *log_probability) ANL_MUST;

#endif
