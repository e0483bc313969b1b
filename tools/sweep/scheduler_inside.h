/* What schedulers share; only scheduler*.c include this. */
#ifndef SWEEP_SCHEDULER_INSIDE_H
#define SWEEP_SCHEDULER_INSIDE_H

#include "scheduler.h"

extern const scheduler scheduler_none, scheduler_median, scheduler_asha, scheduler_hyperband, scheduler_pbt;

/* The step of its last report; 0: none. */
int64_t schedule_last(const schedule_trial *trial);
/* Fills a decision; the reason as by printf. */
void schedule_say(schedule_decision *out, schedule_action action, int64_t trial, int64_t target,
                  const char *fmt, ...) ANL_FORMAT(5, 6);
/* A new trial if the budget has one (next >= 0), else IDLE. */
void schedule_start(const scheduler *s, const schedule_task *t, int64_t next, schedule_decision *out);

/* ---- successive halving (scheduler_rungs.c) ---- */

/* Where a trial competes: `first` is its first rung, then each rung is eta times farther, the last is
   max_step. A strict decision is among the trials low .. high - 1, another among all trials with the same id.
 */
typedef struct bracket {
    int id;
    int64_t low, high, first;
} bracket;
typedef bracket (*bracket_fn)(const schedule_task *t, int64_t number);

double rungs_eta(const schedule_task *t, double def);
anl_status rungs_judge(anl_ctx *ctx, const schedule_task *t, double eta, bracket_fn of,
                       const schedule_trial *trials, int64_t n, int64_t i, schedule_decision *out) ANL_MUST;
/* A waiting trial that may go on or must stop; else a new trial, or IDLE. */
anl_status rungs_pick(anl_ctx *ctx, const scheduler *s, const schedule_task *t, double eta, bracket_fn of,
                      const schedule_trial *trials, int64_t n, int64_t next, schedule_decision *out) ANL_MUST;
/* scheduler_expect of a trial that begins at `first`: one in eta goes on from each rung. */
double rungs_expect(const schedule_task *t, double eta, int64_t first);
anl_status rungs_check(anl_ctx *ctx, const schedule_task *t, double eta, const char *name) ANL_MUST;

#endif
