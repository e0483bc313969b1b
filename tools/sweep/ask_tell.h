/* Search from one's own program: ask for a point, measure it, tell the result.
 *
 *     space_axis axes[] = {{.name = "lr", .kind = SPACE_REAL, .low = 1e-5, .high = 1, .log = true},
 *                          {.name = "layers", .kind = SPACE_INT, .low = 1, .high = 6}};
 *     space *sp = NULL;
 *     search *s = NULL;
 *     search_options o = search_options_default();
 *     o.sampler = "tpe";
 *     if (space_create(ctx, axes, 2, &sp) || search_create(ctx, sp, &o, &s)) ... anl_last_error(ctx)
 *     for (int k = 0; k < 100; k++) {
 *         int64_t number;
 *         double x[2], y;
 *         if (search_ask(s, &number, x)) break;
 *         y = measure(x[0], (int)x[1]);
 *         if (search_tell(s, number, TRIAL_COMPLETE, &y, NULL)) break;
 *     }
 *     search_best(s, &best); ... best.values, best.objective
 *     search_free(s);
 *     space_destroy(sp);
 *
 * - A search keeps its trials in memory and nothing else: the point of trial k is sampler_propose of the
 *   trials before it, as they stand when it is asked. The same calls in the same order give the same points.
 * - Several trials may be asked for before the first is told (parallel workers); they count as running, and
 *   keep later ones away.
 * - A search belongs to one thread at a time, as its context does. Failing calls leave it as it was.
 */
#ifndef SWEEP_ASK_TELL_H
#define SWEEP_ASK_TELL_H

#include "sampler.h"

typedef struct search search;

typedef struct search_options {
    const char *sampler;  /* a name from samplers[]; "tpe" */
    uint64_t seed;        /* 0 */
    int n_objectives;     /* 1 */
    const bool *maximize; /* n_objectives, copied; NULL: all are minimised */
    int n_constraints;    /* 0 */
    const double *points; /* n_points x space_count, tried first, copied */
    int n_points;
    sampler_options tuning;
} search_options;
search_options search_options_default(void);

/* `sp` is borrowed and must outlive the search. ANL_RECIPE: unknown sampler, or one that refuses this task;
 * NOMEM. */
anl_status search_create(anl_ctx *ctx, const space *sp, const search_options *o, search **out) ANL_MUST;
void search_free(search *s); /* NULL is fine */

/* The next trial: its number (0, 1, 2, ...) and its point, space_count(sp) values. The trial is running until
   it is told. ANL_INVALID when a grid has no further point. */
anl_status search_ask(search *s, int64_t *number, double *values) ANL_MUST;
/* The result of a trial, once. TRIAL_COMPLETE needs `objective` (n_objectives); TRIAL_FAILED needs none
   (NULL). One that is not finite makes the trial failed. `constraint`: n_constraints values, satisfied when
   <= 0; NULL if there are none. ANL_INVALID: no such trial, told before, or another state (a pruned trial is
   told by search_tell_pruned). */
anl_status search_tell(search *s, int64_t number, trial_state state, const double *objective,
                       const double *constraint) ANL_MUST;
/* Stopped at `step` with this value of the first objective. */
anl_status search_tell_pruned(search *s, int64_t number, int64_t step, double intermediate) ANL_MUST;
/* A finished result from elsewhere (warm start), its point in this space (space_convert brings it there). It
   is not a trial of this search and cannot be its best. r->number is ignored. */
anl_status search_add(search *s, const trial_result *r) ANL_MUST;

/* Trials asked for so far; and trial i of them. Pointers inside are borrowed until the next call that changes
 * the search. */
int64_t search_count(const search *s);
trial_result search_trial(const search *s, int64_t number);
/* The best told trial (several objectives: the first of sampler_order). ANL_INVALID: none is complete. */
anl_status search_best(const search *s, trial_result *out) ANL_MUST;
/* The numbers of the trials on the Pareto front, ascending; *n of them. numbers has room for search_count. */
anl_status search_front(const search *s, int64_t *numbers, int64_t *n) ANL_MUST;

#endif
