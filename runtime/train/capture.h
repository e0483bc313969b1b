/* A trainer's tensors as a checkpoint's content, and back. Groups: params, buffers, ema, optim (names "0.<parameter>",
 * "1.<parameter>": first and second moment), carry (states that go from batch to batch). */
#ifndef ANL_CAPTURE_H
#define ANL_CAPTURE_H

#include "../state/checkpoint.h"
#include "trainer.h"

typedef struct anl__capture anl__capture;
/* extra: tensors of the caller's that go into every checkpoint (borrowed). */
anl_status anl__capture_create(anl_ctx *ctx, anl__trainer *t, const anl__ckpt_tensor *extra, int n_extra, anl__capture **out) ANL_MUST;
void anl__capture_destroy(anl__capture *c);
/* The tensors as they are now: pointers into host memory, valid until the next step. Allocates nothing. */
anl_status anl__capture_take(anl__capture *c, const anl__ckpt_tensor **tensor, int *n) ANL_MUST;

/* Puts everything back. ANL_MISMATCH names the first tensor that is missing, extra or of another shape. optim: moments and
   averages too; else parameters and buffers only (evaluation; with `ema` from the averages where the file has them). */
anl_status anl__capture_restore(anl__trainer *t, const anl__ckpt *from, bool optim, bool ema) ANL_MUST;

/* Takes weights only, where name and shape agree (a vector or matrix of the same number of elements is reshaped); *report
   lists matched, reshaped, missing and extra tensors, freed with anl__free. ANL_MISMATCH: nothing agrees. */
anl_status anl__capture_init(anl__trainer *t, const anl__ckpt *from, char **report) ANL_MUST;

#endif
