/* What the driver decides, each decision one transaction with all that follows from it. See driver_inside.h.
 */
#include "driver_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static anl_status note(driver *d, const char *kind, const sweep_trial *t, double value, const char *why)
{
    return store_log(d->store, &(log_entry){.kind = kind,
                                            .trial = t->number,
                                            .step = t->step,
                                            .target = t->target,
                                            .seen = -1,
                                            .value = value,
                                            .why = why});
}

static anl_status keep_why(driver *d, sweep_trial *t, const char *why)
{
    t->why = anl__arena_strdup(d->state.arena, why);
    return t->why ? ANL_OK : ANL_NOMEM;
}

static anl_status put(driver *d, const sweep_trial *t)
{
    return store_put_trial(d->store, d->recipe, t);
}

/* Ends a transaction that was begun: commits, or takes it back. */
static anl_status finish(driver *d, anl_status st)
{
    if (st == ANL_OK) st = store_commit(d->store);
    if (st != ANL_OK) store_rollback(d->store);
    return st;
}

static anl_status end_trial(driver *d, sweep_trial *t, trial_status status, const char *why)
{
    t->status = status;
    t->ended = wall();
    t->tries = 0;
    ANL_TRY(keep_why(d, t, why));
    ANL_TRY(put(d, t));
    return note(d, "end", t, t->objective[0], trial_status_name(status));
}

/* ---- the end of a trial -------------------------------------------------------------------------- */

/* Measured besides the rows. */
static void measured(const sweep_recipe *r, const sweep_trial *t, double value[SWEEP_METRICS])
{
    for (int i = 0; i < r->n_objectives + r->n_constraints; i++) {
        const char *name = i < r->n_objectives ? r->metric[i] : r->constraint[i - r->n_objectives].metric;
        if (!strcmp(name, "parameters")) value[i] = t->parameters;
        if (!strcmp(name, "memory")) value[i] = t->memory;
    }
}

/* Mean and deviation over the parts; false: a part has no finite objective. */
static bool objectives(const sweep_recipe *r, sweep_trial *t)
{
    int parts = sweep_parts(r), all = r->n_objectives + r->n_constraints;
    double sum[SWEEP_METRICS] = {0}, square[SWEEP_METRICS] = {0}, value[SWEEP_METRICS];
    bool ok = true;
    for (int pass = 0; pass < 2; pass++)
        for (int part = 0; part < parts; part++) {
            int64_t from = 0, n = parts == 1 ? t->n_rows : seen_part(t, part, &from);
            ok &= results_final(r, t->row + from, n, value);
            if (!ok) return false;
            measured(r, t, value);
            for (int i = 0; i < all; i++) {
                if (pass == 0) sum[i] += value[i];
                else square[i] += (value[i] - sum[i] / parts) * (value[i] - sum[i] / parts);
            }
        }
    for (int i = 0; i < all; i++) {
        double mean = sum[i] / parts;
        if (i >= r->n_objectives) t->constraint[i - r->n_objectives] = mean;
        else {
            t->objective[i] = mean;
            t->deviation[i] = parts > 1 ? sqrt(square[i] / (parts - 1)) : NAN;
            ok &= isfinite(mean) != 0;
        }
    }
    return ok;
}

static anl_status complete(driver *d, sweep_trial *t, const char *why)
{
    char text[96];
    if (objectives(d->recipe, t)) return end_trial(d, t, STATUS_COMPLETE, why);
    for (int i = 0; i < SWEEP_MAX_OBJECTIVES; i++) t->objective[i] = t->deviation[i] = NAN;
    snprintf(text, sizeof text, "%s is not a finite number", d->recipe->metric[0]);
    return end_trial(d, t, STATUS_FAILED, text);
}

/* A proposal sees a trial where it last came to a target, or was stopped. */
static void shown_at(sweep_trial *t, int64_t step, double value)
{
    t->step = t->shown_step = step;
    t->shown_value = value;
    if (t->first_step) return;
    t->first_step = step;
    t->first_value = value;
}

static double value_at(const schedule_trial *t, int64_t step)
{
    for (int i = t->n_reports - 1; i >= 0; i--)
        if (t->report[i].step == step) return t->report[i].value;
    return NAN;
}

/* ---- the budget of epochs ------------------------------------------------------------------------ */

static int64_t unit_epochs(const sweep_recipe *r)
{
    return sweep_parts(r) > 1 ? sweep_epochs_of_part(r) : 1;
}

int64_t driver_epochs_used(const driver *d)
{
    int64_t used = 0;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) {
        const sweep_trial *t = d->state.trial[i];
        int64_t steps = t->status == STATUS_RUNNING ? t->target : t->step;
        used += steps * unit_epochs(d->recipe);
    }
    return used;
}

static bool affordable(const driver *d, int64_t steps)
{
    const sweep_recipe *r = d->recipe;
    return !r->epochs || driver_epochs_used(d) + steps * unit_epochs(r) <= r->epochs;
}

/* ---- judging ------------------------------------------------------------------------------------- */

static anl_status exploit(driver *d, sweep_trial *t, const schedule_decision *say, const double *values)
{
    memcpy(t->values, values, sizeof *values * (size_t)space_count(d->recipe->space));
    t->source = say->source;
    t->source_step = say->source_step;
    t->offset = t->step;
    t->generation++;
    t->status = STATUS_RUNNING;
    t->target = say->target;
    ANL_TRY(put(d, t));
    return note(d, "exploit", t, NAN, say->why);
}

/* Does to a trial what the scheduler says. */
static anl_status obey(driver *d, sweep_trial *t, const schedule_decision *say, const double *values)
{
    switch (say->action) {
    case SCHEDULE_GO:
        t->status = STATUS_RUNNING;
        t->target = say->target;
        ANL_TRY(put(d, t));
        return note(d, "go", t, NAN, say->why);
    case SCHEDULE_WAIT:
        t->status = STATUS_WAITING;
        ANL_TRY(put(d, t));
        return note(d, "wait", t, NAN, say->why);
    case SCHEDULE_STOP: return end_trial(d, t, STATUS_PRUNED, say->why);
    case SCHEDULE_EXPLOIT: return exploit(d, t, say, values);
    default:
        return anl__fail(d->ctx, ANL_INTERNAL, "the scheduler says %d of trial %lld", (int)say->action,
                         (long long)t->number);
    }
}

static anl_status judge(driver *d, sweep_trial *t, int64_t step, schedule_decision *say, double *values,
                        double *value)
{
    seen_trials s;
    ANL_TRY(seen_schedule(&d->state, t->number, step, &s));
    anl_status st =
        scheduler_judge(d->ctx, d->recipe->scheduler, &d->recipe->schedule, s.trial, s.n, s.at, say, values);
    *value = value_at(&s.trial[s.at], step);
    seen_schedule_free(d->ctx, &s);
    return st;
}

/* Does the median rule end a trial in the middle of its way? It alone judges there. */
static anl_status judge_row(driver *d, sweep_trial *t, int64_t step, bool *stopped)
{
    schedule_decision say;
    double values[SPACE_MAX_AXES], value;
    if (strcmp(d->recipe->scheduler->name, "median") || step >= t->target) return ANL_OK;
    ANL_TRY(judge(d, t, step, &say, values, &value));
    if (say.action != SCHEDULE_STOP) return ANL_OK;
    *stopped = true;
    shown_at(t, step, value);
    return end_trial(d, t, STATUS_PRUNED, say.why);
}

static anl_status rows(driver *d, sweep_trial *t, int part, const trial_row *row, int64_t n, bool *stopped)
{
    int64_t from, have = seen_part(t, part, &from), last = have ? t->row[from + have - 1].epoch : 0;
    for (int64_t i = 0; i < n && !*stopped; i++) {
        if (row[i].epoch <= last) continue;
        ANL_TRY(sweep_trial_add_row(&d->state, t, &row[i]));
        ANL_TRY(store_put_row(d->store, d->recipe, t, &row[i]));
        t->tries = 0;
        if (sweep_parts(d->recipe) == 1) ANL_TRY(judge_row(d, t, row[i].epoch, stopped));
    }
    return ANL_OK;
}

anl_status decide_rows(driver *d, sweep_trial *t, int part, const trial_row *row, int64_t n, bool *stopped)
{
    int64_t before = t->n_rows, from, have = seen_part(t, part, &from);
    *stopped = false;
    if (!n || (have && t->row[from + have - 1].epoch >= row[n - 1].epoch)) return ANL_OK;
    ANL_TRY(store_begin(d->store));
    anl_status st = finish(d, rows(d, t, part, row, n, stopped));
    if (st != ANL_OK) t->n_rows = before;
    return st;
}

/* At a step where it stands still: the end, or what the scheduler says. */
static anl_status stands(driver *d, sweep_trial *t, int64_t step, bool early)
{
    const sweep_recipe *r = d->recipe;
    schedule_decision say;
    double values[SPACE_MAX_AXES], value = NAN;
    bool free_run = !strcmp(r->scheduler->name, "none");
    if (early || (free_run && step >= t->target) || step >= r->schedule.max_step) {
        if (!early) {
            schedule_report *report = anl__calloc(d->ctx, (size_t)r->schedule.max_step + 1, sizeof *report);
            if (!report) return ANL_NOMEM;
            t->step = step;
            int n = seen_reports(r, t, report);
            shown_at(t, step, n ? report[n - 1].value : NAN);
            anl__free(d->ctx, report);
        } else t->step = step;
        return complete(d, t, early ? "ended early by its own rule" : "ran to its end");
    }
    t->step = step;
    if (free_run) return put(d, t);
    ANL_TRY(judge(d, t, step, &say, values, &value));
    if (step >= t->target || say.action == SCHEDULE_STOP) {
        shown_at(t, step, value);
        ANL_TRY(note(d, "reach", t, value, NULL));
    }
    bool goes_on = say.action == SCHEDULE_GO || say.action == SCHEDULE_EXPLOIT;
    if (goes_on && say.target > t->target && !affordable(d, say.target - t->target)) {
        d->out_of_budget = true; /* it is counted up to its target already */
        say.action = SCHEDULE_WAIT;
        snprintf(say.why, sizeof say.why, "no epochs are left for step %lld", (long long)say.target);
    }
    return obey(d, t, &say, values);
}

static anl_status reached(driver *d, sweep_trial *t, int part)
{
    const sweep_recipe *r = d->recipe;
    int64_t from, n = seen_part(t, part, &from), last = n ? t->row[from + n - 1].epoch : 0;
    if (!n) return end_trial(d, t, STATUS_FAILED, "it ended without a result");
    if (sweep_parts(r) > 1) return stands(d, t, part + 1, false);
    bool free_run = !strcmp(r->scheduler->name, "none");
    if (free_run) return stands(d, t, t->target, false); /* the run's own end is the end */
    return stands(d, t, last < t->target ? last : t->target, last < t->target);
}

anl_status decide_reached(driver *d, sweep_trial *t, int part)
{
    ANL_TRY(store_begin(d->store));
    return finish(d, reached(d, t, part));
}

anl_status decide_failed(driver *d, sweep_trial *t, const char *why)
{
    ANL_TRY(store_begin(d->store));
    return finish(d, end_trial(d, t, STATUS_FAILED, why));
}

static anl_status again(driver *d, sweep_trial *t, const char *why)
{
    ANL_TRY(put(d, t));
    return note(d, "retry", t, NAN, why);
}

anl_status decide_again(driver *d, sweep_trial *t, const char *why, bool counts)
{
    t->tries += counts;
    ANL_TRY(store_begin(d->store));
    return finish(d, again(d, t, why));
}

static anl_status stop(driver *d, sweep_trial *t, const char *why)
{
    schedule_report *report = anl__calloc(d->ctx, (size_t)d->recipe->schedule.max_step + 1, sizeof *report);
    if (!report) return ANL_NOMEM;
    int n = seen_reports(d->recipe, t, report);
    if (n) shown_at(t, report[n - 1].step, report[n - 1].value);
    anl__free(d->ctx, report);
    ANL_TRY(note(d, "user", t, NAN, why));
    return end_trial(d, t, STATUS_PRUNED, why);
}

anl_status decide_stop(driver *d, sweep_trial *t, const char *why)
{
    if (sweep_over(t)) return ANL_OK;
    ANL_TRY(store_begin(d->store));
    return finish(d, stop(d, t, why));
}

/* ---- new work ------------------------------------------------------------------------------------ */

static anl_status create(driver *d, int64_t number, int64_t target)
{
    const sweep_recipe *r = d->recipe;
    double point[SPACE_MAX_AXES];
    int64_t cutoff = r->strict ? (number - r->parallel + 1 > 0 ? number - r->parallel + 1 : 0) : -1;
    bool added = number >= r->n_points && d->n_added > 0;
    const char *origin = added ? "added" : number < r->n_points ? "point" : "sampler";
    sweep_trial *t;
    if (added) ANL_TRY(requests_first(d, point));
    else ANL_TRY(seen_propose(&d->state, number, cutoff, point));
    ANL_TRY(sweep_state_add(&d->state, number, origin, point, &t));
    t->target = target;
    t->started = wall();
    anl_status st = put(d, t);
    if (st == ANL_OK)
        st = store_log(d->store, &(log_entry){.kind = "propose",
                                              .trial = number,
                                              .target = target,
                                              .seen = cutoff,
                                              .value = NAN,
                                              .why = origin});
    if (st != ANL_OK) {
        d->state.n--; /* its memory is the arena's */
        return st;
    }
    return added ? requests_drop_first(d) : ANL_OK;
}

/* Strict: the trials that the next proposal looks at have come to where it looks. */
static bool may_propose(const driver *d, int64_t number)
{
    const sweep_recipe *r = d->recipe;
    if (!r->strict || !r->sampler->reads || number < r->n_points) return true;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) {
        const sweep_trial *t = d->state.trial[i];
        if (t->number <= number - r->parallel && !seen_stands(r, t)) return false;
    }
    return true;
}

static anl_status carry_out(driver *d, const schedule_decision *say, const double *values, bool *work)
{
    if (say->action == SCHEDULE_IDLE) return ANL_OK;
    if (say->action == SCHEDULE_START) {
        if (!may_propose(d, say->trial)) return ANL_OK; /* when more is known */
        if (!affordable(d, say->target)) {
            d->out_of_budget = true;
            return ANL_OK;
        }
        *work = true;
        return create(d, say->trial, say->target);
    }
    sweep_trial *t = sweep_state_find(&d->state, say->trial);
    if (!t)
        return anl__fail(d->ctx, ANL_INTERNAL, "the scheduler picks trial %lld, which is not there",
                         (long long)say->trial);
    if (say->action != SCHEDULE_STOP && !affordable(d, say->target - t->step)) {
        d->out_of_budget = true;
        return ANL_OK;
    }
    *work = true;
    return obey(d, t, say, values);
}

static anl_status pick(driver *d, bool *work)
{
    const sweep_recipe *r = d->recipe;
    int64_t next = sweep_next_number(&d->state);
    double values[SPACE_MAX_AXES];
    schedule_decision say;
    seen_trials s;
    if (r->trials && next >= r->trials) next = -1;
    ANL_TRY(seen_schedule(&d->state, -1, 0, &s));
    anl_status st = scheduler_pick(d->ctx, r->scheduler, &r->schedule, s.trial, s.n, next, &say, values);
    seen_schedule_free(d->ctx, &s);
    return st == ANL_OK ? carry_out(d, &say, values, work) : st;
}

anl_status decide_pick(driver *d, bool *work)
{
    *work = false;
    if (d->out_of_budget) return ANL_OK;
    ANL_TRY(store_begin(d->store));
    return finish(d, pick(d, work));
}
