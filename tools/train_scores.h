/* The scores that a training ends with: made once, printed, and kept in the run as "<part>.txt" and "<part>.json"; shown again to whoever
 * gives the same command again.
 */
#ifndef TRAIN_SCORES_H
#define TRAIN_SCORES_H

#include "runtime/train/loop.h"
#include "tools/run.h"

/* Scores the test part (where there is none the validation part) with the best checkpoint's weights; without a run's directory (r->dir NULL)
   with those of the trainer, and nothing is kept. json: prints one JSON object instead of the table. */
anl_status train_scores_make(run *r, job *j, const anl__loop_opts *l, bool json) ANL_MUST;
/* Of a run with a checkpoint (r->from) that is finished. Where none are kept it is said how they are made. */
anl_status train_scores_again(const run *r, bool json) ANL_MUST;

#endif
