/* What a trial's run has reported: the epoch rows of its metrics.jsonl. Nothing else of a run is read here,
 * and never anything of its test part. A file with garbage in it has fewer rows, and that is all.
 */
#ifndef SWEEP_RESULTS_H
#define SWEEP_RESULTS_H

#include "sweep_store.h"

enum { RESULTS_MOST_BYTES = 64 << 20 };

/* The rows of epochs 1, 2, 3, ... in ascending order, without gaps, of part `part`; *rows is freed with
   anl__free. `offset` is added to the epochs. missing[0] names an objective that a row lacks, and `there`
   lists what it has. */
anl_status results_read(anl_ctx *ctx, const sweep_recipe *r, const char *run, int part, int64_t offset,
                        trial_row **rows, int64_t *n, char missing[64], char there[512]) ANL_MUST;
/* Numbers in the newest checkpoint's parameters; NaN: there is none. */
double results_parameters(anl_ctx *ctx, const char *run);
/* The objectives and constraints that rows [0, n) of one part end with: those of the last row, or of the one
   with the best first objective. false: none is finite. */
bool results_final(const sweep_recipe *r, const trial_row *row, int64_t n, double value[SWEEP_METRICS]);

#endif
