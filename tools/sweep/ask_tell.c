/* Search from one's own program: the list of trials, and sampler_propose over it. */
#include "ask_tell.h"

#include "runtime/base/base.h"

#include <math.h>
#include <string.h>

typedef struct entry {
    trial_result result;
    double *block; /* point, objectives, constraints */
} entry;

struct search {
    anl_ctx *ctx;
    const sampler *sampler;
    sampler_task task;
    bool *maximize;
    double *points;
    entry *added; /* results of others, numbered -n_added .. -1 */
    entry *trials;
    int64_t n_added, n_trials, cap_added, cap_trials;
    trial_result *seen; /* room for all of both */
    int64_t cap_seen;
};

search_options search_options_default(void)
{
    return (search_options){.sampler = "tpe", .n_objectives = 1, .tuning = sampler_options_default()};
}

void search_free(search *s)
{
    if (!s) return;
    for (int64_t i = 0; i < s->n_added; i++) anl__free(s->ctx, s->added[i].block);
    for (int64_t i = 0; i < s->n_trials; i++) anl__free(s->ctx, s->trials[i].block);
    anl__free(s->ctx, s->added);
    anl__free(s->ctx, s->trials);
    anl__free(s->ctx, s->seen);
    anl__free(s->ctx, s->maximize);
    anl__free(s->ctx, s->points);
    anl__free(s->ctx, s);
}

anl_status search_create(anl_ctx *ctx, const space *sp, const search_options *o, search **out)
{
    size_t points = (size_t)o->n_points * (size_t)space_count(sp);
    const sampler *kind;
    search *s;
    anl_status st;
    if (o->n_objectives < 1) return anl__fail(ctx, ANL_RECIPE, "search: there is no objective");
    if (o->n_points < 0) return anl__fail(ctx, ANL_RECIPE, "search: the number of points is %d", o->n_points);
    ANL_TRY(sampler_find(ctx, o->sampler, &kind));
    if (!(s = anl__alloc(ctx, sizeof *s))) return ANL_NOMEM;
    *s = (search){.ctx = ctx, .sampler = kind};
    s->maximize = anl__calloc(ctx, (size_t)o->n_objectives, sizeof *s->maximize);
    s->points = anl__calloc(ctx, points, sizeof *s->points);
    st = ANL_NOMEM;
    if (!s->maximize || !s->points) goto done;
    if (o->maximize) memcpy(s->maximize, o->maximize, sizeof *s->maximize * (size_t)o->n_objectives);
    if (points) memcpy(s->points, o->points, sizeof *s->points * points);
    s->task = (sampler_task){.space = sp,
                             .seed = o->seed,
                             .n_objectives = o->n_objectives,
                             .maximize = s->maximize,
                             .n_constraints = o->n_constraints,
                             .points = s->points,
                             .n_points = o->n_points,
                             .options = o->tuning};
    ANL_GO(sampler_check(ctx, kind, &s->task));
    *out = s;
    return ANL_OK;
done:
    search_free(s);
    return st;
}

/* Room for a point, objectives and constraints, in this order. */
static double *new_block(search *s)
{
    return anl__calloc(s->ctx,
                       (size_t)(space_count(s->task.space) + s->task.n_objectives + s->task.n_constraints),
                       sizeof(double));
}

static anl_status reserve_seen(search *s)
{
    return anl__grow(s->ctx, &s->seen, &s->cap_seen, s->n_added + s->n_trials + 1, sizeof *s->seen);
}

/* All results, those of others first: they have the numbers below 0. */
static int64_t gather(search *s)
{
    for (int64_t i = 0; i < s->n_added; i++) {
        s->seen[i] = s->added[i].result;
        s->seen[i].number = i - s->n_added;
    }
    for (int64_t i = 0; i < s->n_trials; i++) s->seen[s->n_added + i] = s->trials[i].result;
    return s->n_added + s->n_trials;
}

anl_status search_ask(search *s, int64_t *number, double *values)
{
    entry e = {0};
    anl_status st;
    ANL_TRY(reserve_seen(s));
    ANL_TRY(anl__grow(s->ctx, &s->trials, &s->cap_trials, s->n_trials + 1, sizeof *s->trials));
    if (!(e.block = new_block(s))) return ANL_NOMEM;
    st = sampler_propose(s->ctx, s->sampler, &s->task, s->n_trials, s->seen, gather(s), e.block);
    if (st != ANL_OK) {
        anl__free(s->ctx, e.block);
        return st;
    }
    e.result = (trial_result){.number = s->n_trials, .state = TRIAL_RUNNING, .values = e.block};
    memcpy(values, e.block, sizeof *values * (size_t)space_count(s->task.space));
    *number = s->n_trials;
    s->trials[s->n_trials++] = e;
    return ANL_OK;
}

static anl_status running(search *s, int64_t number, entry **e)
{
    if (number < 0 || number >= s->n_trials)
        return anl__fail(s->ctx, ANL_INVALID, "search: there is no trial %lld; %lld were asked for",
                         (long long)number, (long long)s->n_trials);
    *e = &s->trials[number];
    if ((*e)->result.state != TRIAL_RUNNING)
        return anl__fail(s->ctx, ANL_INVALID, "search: trial %lld was told before", (long long)number);
    return ANL_OK;
}

/* Copies objectives and constraints behind the point. */
static void keep(search *s, entry *e, const double *objective, const double *constraint)
{
    double *at = e->block + space_count(s->task.space);
    if (objective) {
        memcpy(at, objective, sizeof *at * (size_t)s->task.n_objectives);
        e->result.objective = at;
    }
    at += s->task.n_objectives;
    if (constraint && s->task.n_constraints) {
        memcpy(at, constraint, sizeof *at * (size_t)s->task.n_constraints);
        e->result.constraint = at;
    }
}

anl_status search_tell(search *s, int64_t number, trial_state state, const double *objective,
                       const double *constraint)
{
    entry *e = NULL;
    ANL_TRY(running(s, number, &e));
    if (state != TRIAL_COMPLETE && state != TRIAL_FAILED)
        return anl__fail(
            s->ctx, ANL_INVALID,
            "search: trial %lld can be told as complete or failed; a pruned one by search_tell_pruned",
            (long long)number);
    if (state == TRIAL_COMPLETE && !objective)
        return anl__fail(s->ctx, ANL_INVALID, "search: trial %lld is complete, but has no objective",
                         (long long)number);
    for (int j = 0; state == TRIAL_COMPLETE && j < s->task.n_objectives; j++)
        if (!isfinite(objective[j])) state = TRIAL_FAILED;
    keep(s, e, state == TRIAL_COMPLETE ? objective : NULL, constraint);
    e->result.state = state;
    return ANL_OK;
}

anl_status search_tell_pruned(search *s, int64_t number, int64_t step, double intermediate)
{
    entry *e = NULL;
    ANL_TRY(running(s, number, &e));
    e->result.state = TRIAL_PRUNED;
    e->result.step = step;
    e->result.intermediate = intermediate;
    return ANL_OK;
}

anl_status search_add(search *s, const trial_result *r)
{
    entry e = {.result = *r};
    if (r->state == TRIAL_RUNNING)
        return anl__fail(s->ctx, ANL_INVALID, "search: a result from elsewhere must be finished");
    if (r->state == TRIAL_COMPLETE && !r->objective)
        return anl__fail(s->ctx, ANL_INVALID, "search: a complete result from elsewhere has no objective");
    ANL_TRY(space_check(s->ctx, s->task.space, r->values));
    ANL_TRY(anl__grow(s->ctx, &s->added, &s->cap_added, s->n_added + 1, sizeof *s->added));
    if (!(e.block = new_block(s))) return ANL_NOMEM;
    memcpy(e.block, r->values, sizeof *e.block * (size_t)space_count(s->task.space));
    e.result.values = e.block;
    e.result.objective = e.result.constraint = NULL;
    keep(s, &e, r->state == TRIAL_COMPLETE ? r->objective : NULL, r->constraint);
    s->added[s->n_added++] = e;
    return ANL_OK;
}

int64_t search_count(const search *s) { return s->n_trials; }
trial_result search_trial(const search *s, int64_t number) { return s->trials[number].result; }

/* Orders the search's own trials; *order is the caller's to free. */
static anl_status own_order(const search *s, int64_t **order, int **front)
{
    size_t n = (size_t)s->n_trials;
    trial_result *own = anl__calloc(s->ctx, n, sizeof *own);
    anl_status st = ANL_NOMEM;
    *order = anl__calloc(s->ctx, n, sizeof **order);
    *front = anl__calloc(s->ctx, n, sizeof **front);
    if (!own || !*order || !*front) goto done;
    for (size_t i = 0; i < n; i++) own[i] = s->trials[i].result;
    ANL_GO(sampler_order(s->ctx, &s->task, own, s->n_trials, *order, *front));
done:
    anl__free(s->ctx, own);
    return st;
}

anl_status search_best(const search *s, trial_result *out)
{
    int64_t *order = NULL;
    int *front = NULL;
    anl_status st;
    ANL_GO(own_order(s, &order, &front));
    if (s->n_trials && front[order[0]] == 0) *out = s->trials[order[0]].result;
    else
        st = anl__fail(s->ctx, ANL_INVALID, "search: no trial is complete%s",
                       s->task.n_constraints ? " and satisfies the constraints" : "");
done:
    anl__free(s->ctx, order);
    anl__free(s->ctx, front);
    return st;
}

anl_status search_front(const search *s, int64_t *numbers, int64_t *n)
{
    int64_t *order = NULL, count = 0;
    int *front = NULL;
    anl_status st;
    ANL_GO(own_order(s, &order, &front));
    for (int64_t i = 0; i < s->n_trials; i++)
        if (front[i] == 0) numbers[count++] = i;
    *n = count;
done:
    anl__free(s->ctx, order);
    anl__free(s->ctx, front);
    return st;
}
