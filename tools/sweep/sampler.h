/* Samplers: which point a trial tries.
 *
 * Every proposal is a pure function of (task, trial number, the results it was allowed to see): no state, no
 * clock, no order of calls. So a killed sweep replays its proposals, and "which results were seen" is all
 * that a log of decisions needs. Random numbers are Philox draws keyed by (seed, trial number, purpose).
 */
#ifndef SWEEP_SAMPLER_H
#define SWEEP_SAMPLER_H

#include "space.h"

typedef enum trial_state {
    TRIAL_RUNNING,  /* proposed, no result yet: counts as a bad one near its point (constant liar) */
    TRIAL_COMPLETE, /* has objectives */
    TRIAL_PRUNED,   /* stopped at a step, with the value it had there */
    TRIAL_FAILED /* diverged, out of memory, crashed: worse than any other. Never for preempted trials, which
                    run again */
} trial_state;

typedef struct trial_result {
    int64_t number; /* of the trial; results of another sweep (warm start) have numbers below 0 */
    trial_state state;
    const double *values;     /* the point: space_count of them */
    const double *objective;  /* TRIAL_COMPLETE: n_objectives of them, as measured (not negated); else NULL.
                                 One that is not finite counts as failed */
    int64_t step;             /* TRIAL_PRUNED: how far it came */
    double intermediate;      /* TRIAL_PRUNED: the first objective there */
    const double *constraint; /* n_constraints, each satisfied when <= 0; NULL: none is known, which counts as
                                 violated if there are any */
} trial_result;

typedef struct sampler_options {
    int startup;        /* tpe 10, gp 10: random (gp: Sobol) trials before the model is asked */
    int candidates;     /* tpe 24 */
    bool constant_liar; /* true: running trials count as bad ones */
    int population;     /* cmaes: 0 = 4 + 3 ln d; nsga2: 0 = 50 */
    double sigma;       /* cmaes: first step size in the unit cube, 1/6 */
} sampler_options;
sampler_options sampler_options_default(void);

typedef struct sampler_task {
    const space *space;
    uint64_t seed;
    int n_objectives;     /* >= 1; more than one: tpe, nsga2, random, sobol, grid */
    const bool *maximize; /* one an objective; NULL: all are minimised */
    int n_constraints;    /* 0: none; read by tpe and nsga2, refused by gp and cmaes */
    const double *points; /* tried first: trial k < n_points is point k. n_points x space_count */
    int n_points;
    sampler_options options;
} sampler_task;

typedef struct sampler {
    const char *name;
    const char *help;
    bool reads; /* false: proposals do not depend on results (grid, random, sobol) */
    anl_status (*check)(anl_ctx *ctx, const sampler_task *t);             /* NULL: fits every task */
    anl_status (*limit)(anl_ctx *ctx, const sampler_task *t, int64_t *n); /* NULL: proposes for ever */
    anl_status (*propose)(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out);
} sampler;

/* "grid", "random", "sobol", "tpe", "gp", "cmaes", "nsga2"; ended by NULL. */
extern const sampler *const samplers[];
/* ANL_RECIPE: unknown; the message has the nearest name and the list. */
anl_status sampler_find(anl_ctx *ctx, const char *name, const sampler **out) ANL_MUST;

/* Once, before the first trial: options, points (space_check), what the sampler refuses. ANL_RECIPE. */
anl_status sampler_check(anl_ctx *ctx, const sampler *s, const sampler_task *t) ANL_MUST;
/* How many trials there are: points first + the grid; -1: no limit. */
anl_status sampler_limit(anl_ctx *ctx, const sampler *s, const sampler_task *t, int64_t *n) ANL_MUST;
/* The point of trial `number` (from 0), canonical, NaN where inactive. `seen` is in ascending order of
   number, without `number` itself, and may be NULL if the sampler does not read. ANL_INVALID: beyond the
   limit, or seen out of order. */
anl_status sampler_propose(anl_ctx *ctx, const sampler *s, const sampler_task *t, int64_t number,
                           const trial_result *seen, int64_t n, double *out) ANL_MUST;

/* Best first, ties by position: complete, then pruned (the furthest first), infeasible (by total violation),
   failed, running; among complete ones, one objective by value, several by front and crowding distance
   (Deb et al. 2002). order: n indices. front, if not NULL: 0 for results on the Pareto front
   (feasible, complete, not dominated), then 1, ...; -1 for others. */
anl_status sampler_order(anl_ctx *ctx, const sampler_task *t, const trial_result *seen, int64_t n,
                         int64_t *order, int *front) ANL_MUST;
/* The first `most` of that order, at less cost; *count of them: most, or n. order has room for n. */
anl_status sampler_best(anl_ctx *ctx, const sampler_task *t, const trial_result *seen, int64_t n,
                        int64_t most, int64_t *order, int64_t *count) ANL_MUST;
/* Objective j to be minimised. */
double sampler_loss(const sampler_task *t, const trial_result *r, int j);
/* 0: feasible (or no constraints); else the sum of violations, infinite when unknown. */
double sampler_violation(const sampler_task *t, const trial_result *r);

#endif
