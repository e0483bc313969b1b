/* What exported files say of a model beside its graph, whatever their format: weights, scales of inputs,
 * class names and the rest that a user must know. */
#ifndef EXPORT_FACTS_H
#define EXPORT_FACTS_H

#include "eval_graph.h"

/* The numbers of a parameter or buffer; where a run keeps averaged weights, they are the model (as `eval` has
   it). Borrowed from the checkpoint. MISMATCH: it has none of that name and shape. */
anl_status facts_weight(anl_ctx *ctx, const anl__ckpt *from, const anl__value *x, const float **out) ANL_MUST;
/* `times` blocks of rows x columns, each turned to columns x rows; the arena's. NULL: no memory. */
float *facts_turned(anl__arena *a, const float *w, int64_t times, int64_t rows, int64_t columns);
/* Mean and deviation of an input of images ("image", "input2", ...); channels 0: it is not normalised. */
const anl__norm *facts_norm(const job *j, const char *input);
/* Mean and deviation of the n features of a series or of windows, the arena's; 0 and 1 of those that stay as
   they are (one-hot, of the calendar). */
anl_status facts_scales(const job *j, const anl__ckpt *from, anl__arena *a, int64_t n, double **mean,
                        double **std) ANL_MUST;
/* What is added up when differences of a series are undone: row h has its own difference and those of h -
   lag, h - 2 lag, ... (of base: the value before the first of them). A matrix (rows, columns) of zeros and
   ones, the arena's. NULL: no memory. */
float *facts_adds(anl__arena *a, int64_t rows, int64_t columns, int64_t lag);
/* Calls `put` with each property of the model: version, step, digest, class names, tokens, windows, recipe,
   features, targets, difference. */
anl_status facts_each(const job *j, const anl__ckpt *from,
                      void (*put)(void *to, const char *key, const char *value), void *to) ANL_MUST;

#endif
