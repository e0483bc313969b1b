/* The tables of a sweep as text: for people, and as CSV and JSON. All but `table_status` depend on the trials
 * alone, not on time: equal searches give equal bytes.
 */
#ifndef SWEEP_TABLE_H
#define SWEEP_TABLE_H

#include "sweep_store.h"

/* A line a trial, best first, at most `most`. */
anl_status table_best(const sweep_state *s, int most, anl__buf *out) ANL_MUST;
/* "9 trials of 9: 0 running, 7 waiting, ...; 2:13 in trials" */
void table_counts(const sweep_state *s, anl__buf *out);
/* Counts, what runs, what failed and why. */
anl_status table_status(const sweep_state *s, anl__buf *out) ANL_MUST;
/* A header and a line a trial, ascending numbers. */
anl_status table_csv(const sweep_state *s, anl__buf *out) ANL_MUST;
/* {"trials":[...]}, with intermediate rows. */
anl_status table_json(const sweep_state *s, anl__buf *out) ANL_MUST;
/* Best first, warm trials left out; *n of them: indices into s->trial. front (may be NULL) as sampler_order
   gives it. Freed with anl__free. */
anl_status table_order(const sweep_state *s, int64_t **order, int **front, int64_t *n) ANL_MUST;
/* The first constraint that a complete trial does not keep, or whose value is unknown; NULL: it keeps all. */
const sweep_constraint *table_broken(const sweep_recipe *r, const sweep_trial *t);

#endif
