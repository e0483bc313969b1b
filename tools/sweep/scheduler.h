/* Schedulers: how far a trial runs, and which are stopped or go on.
 *
 * Pure functions, as samplers are: a decision depends on (task, the trials as given) alone. Steps are epochs
 * (or any unit in which trials report). A trial is told to run to a step (its target); there it has a
 * checkpoint, reports, and is judged. Waiting trials keep their checkpoint and may be promoted later; nothing
 * ever starts again from zero.
 */
#ifndef SWEEP_SCHEDULER_H
#define SWEEP_SCHEDULER_H

#include "sampler.h"

#include "runtime/base/base.h"

typedef struct schedule_report {
    int64_t step; /* counted from 1 */
    double value; /* the objective there, as measured; not finite: worse than all */
} schedule_report;

typedef enum schedule_state {
    SCHEDULE_RUNNING, /* on its way to its target */
    SCHEDULE_WAITING, /* at its target, with a checkpoint, not running */
    SCHEDULE_DONE,    /* ran to max_step */
    SCHEDULE_STOPPED, /* by a decision */
    SCHEDULE_FAILED
} schedule_state;

typedef struct schedule_trial {
    int64_t number;
    schedule_state state;
    int64_t target;                /* the step it was last told to run to */
    const schedule_report *report; /* ascending steps */
    int n_reports;
    const double *values; /* pbt: its present point */
} schedule_trial;

typedef struct schedule_task {
    int64_t max_step; /* a whole trial */
    int64_t min_step; /* asha, hyperband: the first rung; 1 */
    double eta;       /* asha, hyperband: one in eta goes on; asha 4, hyperband 3; 0: that default */
    bool maximize;
    bool strict; /* decide on complete rungs only (order: strict) */
    int64_t trials;     /* strict: the budget of trials, for the last, incomplete bracket; 0: no limit */
    int median_startup; /* median: finished trials needed before one is stopped; 5 */
    int64_t warmup;     /* median: steps in which none is stopped; 0 */
    int64_t interval;   /* median: judged every so many steps, 1; pbt: between exploits, max_step / 10 */
    int population;     /* pbt: trials alive at once; no more are ever started; 8 */
    double quantile;    /* pbt: this part of the worst copies this part of the best; 0.25 */
    double resample;    /* pbt: chance that a value is drawn anew and not perturbed; 0.25 */
    const space *space; /* pbt */
    uint64_t seed;      /* pbt */
} schedule_task;
schedule_task schedule_task_default(void); /* max_step 1 */

typedef enum schedule_action {
    SCHEDULE_GO,      /* run (on) to `target` */
    SCHEDULE_STOP,    /* ends here, pruned (or done, if at max_step) */
    SCHEDULE_WAIT,    /* keep the checkpoint; may be promoted later */
    SCHEDULE_START,   /* pick only: start a new trial, which runs to `target` */
    SCHEDULE_EXPLOIT, /* pbt: take the weights of `source` at `source_step`, the point `values`; run to
                         `target` */
    SCHEDULE_IDLE     /* pick only: nothing to do before something ends; with nothing running: it is over */
} schedule_action;

typedef struct schedule_decision {
    schedule_action action;
    int64_t trial; /* its number; START: the given next number */
    int64_t target;
    int64_t source, source_step;
    char why[160]; /* one line for the log of decisions */
} schedule_decision;

typedef struct scheduler {
    const char *name;
    const char *help;
    anl_status (*check)(anl_ctx *ctx, const schedule_task *t); /* NULL: fits every task */
    int64_t (*first)(const schedule_task *t, int64_t number);
    anl_status (*judge)(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                        int64_t i, schedule_decision *out, double *values);
    anl_status (*pick)(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                       int64_t next, schedule_decision *out, double *values);
    double (*expect)(const schedule_task *t, int64_t number); /* NULL: max_step */
} scheduler;

/* "none", "median", "asha", "hyperband", "pbt"; ended by NULL. */
extern const scheduler *const schedulers[];
anl_status scheduler_find(anl_ctx *ctx, const char *name,
                          const scheduler **out) ANL_MUST; /* ANL_RECIPE: unknown */
anl_status scheduler_check(anl_ctx *ctx, const scheduler *s,
                           const schedule_task *t) ANL_MUST; /* ANL_RECIPE */

/* The step that trial `number` runs to first. */
int64_t scheduler_first(const scheduler *s, const schedule_task *t, int64_t number);
/* The steps that trial `number` takes in the mean, when as many go on as the rule says; to tell the time
 * left. */
double scheduler_expect(const scheduler *s, const schedule_task *t, int64_t number);
/* trials[i] (ascending numbers) has just reported, at its target or before: GO on, STOP, WAIT or EXPLOIT.
   `values` has room for a point (written for EXPLOIT only; may be NULL if the scheduler is not pbt). */
anl_status scheduler_judge(anl_ctx *ctx, const scheduler *s, const schedule_task *t,
                           const schedule_trial *trials, int64_t n, int64_t i, schedule_decision *out,
                           double *values) ANL_MUST;
/* A slot is free: GO on with a waiting trial, START trial `next`, STOP one that waits in vain (then ask
   again), EXPLOIT, or IDLE. The caller keeps the budget: next < 0 means that no new trial may start. */
anl_status scheduler_pick(anl_ctx *ctx, const scheduler *s, const schedule_task *t,
                          const schedule_trial *trials, int64_t n, int64_t next, schedule_decision *out,
                          double *values) ANL_MUST;

/* The value reported at exactly `step`, to be minimised; NaN: none. */
double schedule_loss_at(const schedule_task *t, const schedule_trial *trial, int64_t step);

#endif
