/* What samplers and schedulers are shown of a sweep's trials: pure functions of the trials, so that a
 * decision can be made again from the store.
 */
#ifndef SWEEP_SEEN_H
#define SWEEP_SEEN_H

#include "sweep_store.h"

typedef struct seen {
    trial_result *result;
    double *constraint; /* storage */
    int64_t n;
} seen;

/* The results that the proposal of trial `number` may see. cutoff -1: all other trials as they stand. Else
   (order: strict) the trials below `cutoff` alone, as they first stood: with rungs, at the first one. Freed
   by seen_free. */
anl_status seen_results(const sweep_state *s, int64_t number, int64_t cutoff, seen *out) ANL_MUST;
void seen_free(anl_ctx *ctx, seen *s);

typedef struct seen_trials {
    schedule_trial *trial;
    schedule_report *report; /* storage */
    int64_t n, at;           /* `at`: place of the trial that is judged; -1: none */
} seen_trials;

/* For a scheduler. judged -1: a pick. Else that trial's reports end at `step`; and with the median rule in
   strict order only the trials that were certain to be over when it began are there. */
anl_status seen_schedule(const sweep_state *s, int64_t judged, int64_t step, seen_trials *out) ANL_MUST;
void seen_schedule_free(anl_ctx *ctx, seen_trials *s);

/* Reports of a trial, at most max_step of them: an epoch's first objective, or the mean over the parts so
 * far. */
int seen_reports(const sweep_recipe *r, const sweep_trial *t, schedule_report *out);
/* Rows of one part: *from is its first row; returns how many. */
int64_t seen_part(const sweep_trial *t, int part, int64_t *from);
/* Strict: has trial t come to where a later proposal looks at it? */
bool seen_stands(const sweep_recipe *r, const sweep_trial *t);
bool scheduler_has_rungs(
    const sweep_recipe *r);            /* asha, hyperband, pbt: trials stop at targets and may go on */
bool sweep_over(const sweep_trial *t); /* complete, pruned or failed */
/* The sampler's point for a trial. */
anl_status seen_propose(const sweep_state *s, int64_t number, int64_t cutoff, double *point) ANL_MUST;

#endif
