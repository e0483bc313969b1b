/* See seen.h. */
#include "seen.h"

#include "results.h"

#include <math.h>
#include <string.h>

bool scheduler_has_rungs(const sweep_recipe *r)
{
    return !strcmp(r->scheduler->name, "asha") || !strcmp(r->scheduler->name, "hyperband") ||
           !strcmp(r->scheduler->name, "pbt");
}

bool sweep_over(const sweep_trial *t)
{
    return t->status >= STATUS_COMPLETE;
}

bool seen_stands(const sweep_recipe *r, const sweep_trial *t)
{
    return sweep_over(t) || (scheduler_has_rungs(r) && t->first_step > 0);
}

/* Satisfied when <= 0; false: one is not known. */
static bool violations(const sweep_recipe *r, const sweep_trial *t, double *out)
{
    for (int i = 0; i < r->n_constraints; i++) {
        const sweep_constraint *c = &r->constraint[i];
        if (isnan(t->constraint[i])) return false;
        out[i] = c->below ? t->constraint[i] - c->limit : c->limit - t->constraint[i];
    }
    return true;
}

static void show(const sweep_recipe *r, const sweep_trial *t, bool first, trial_result *out, double *room)
{
    *out = (trial_result){.number = t->number, .state = TRIAL_RUNNING, .values = t->values};
    int64_t step = first ? t->first_step : t->shown_step;
    if (first && scheduler_has_rungs(r) && t->first_step > 0 && t->first_step < r->schedule.max_step) {
        out->state = TRIAL_PRUNED; /* whatever became of it later */
    } else if (t->status == STATUS_COMPLETE) {
        out->state = TRIAL_COMPLETE;
        out->objective = t->objective;
        out->constraint = r->n_constraints && violations(r, t, room) ? room : NULL;
        return;
    } else if (t->status == STATUS_FAILED && !(first && t->first_step > 0)) {
        out->state = TRIAL_FAILED;
        return;
    } else if (step > 0) {
        out->state = TRIAL_PRUNED;
    }
    out->step = step;
    out->intermediate = first ? t->first_value : t->shown_value;
}

anl_status seen_results(const sweep_state *s, int64_t number, int64_t cutoff, seen *out)
{
    const sweep_recipe *r = s->recipe;
    *out = (seen){0};
    if (!r->sampler->reads) return ANL_OK;
    out->result = anl__calloc(s->ctx, (size_t)s->n + 1, sizeof *out->result);
    out->constraint =
        anl__calloc(s->ctx, (size_t)(s->n + 1) * (size_t)(r->n_constraints + 1), sizeof *out->constraint);
    if (!out->result || !out->constraint) {
        seen_free(s->ctx, out);
        return ANL_NOMEM;
    }
    for (int64_t i = 0; i < s->n; i++) {
        const sweep_trial *t = s->trial[i];
        if (t->number == number || (cutoff >= 0 && t->number >= cutoff)) continue;
        show(r, t, cutoff >= 0 && t->number >= 0, &out->result[out->n],
             out->constraint + out->n * r->n_constraints);
        out->n++;
    }
    return ANL_OK;
}

void seen_free(anl_ctx *ctx, seen *s)
{
    anl__free(ctx, s->result);
    anl__free(ctx, s->constraint);
    *s = (seen){0};
}

anl_status seen_propose(const sweep_state *s, int64_t number, int64_t cutoff, double *point)
{
    const sweep_recipe *r = s->recipe;
    sampler_task task = sweep_sampler_task(r);
    int64_t index = number;
    seen shown;
    if (!r->sampler->reads) /* an added point takes a number, but no place in the grid or the sequence */
        for (int64_t i = s->n_warm; i < s->n; i++)
            index -= s->trial[i]->number < number && !strcmp(s->trial[i]->origin, "added");
    ANL_TRY(seen_results(s, number, cutoff, &shown));
    anl_status st = sampler_propose(s->ctx, r->sampler, &task, index, shown.result, shown.n, point);
    seen_free(s->ctx, &shown);
    return st;
}

/* ---- for schedulers ---------------------------------------------------------------------------- */

int64_t seen_part(const sweep_trial *t, int part, int64_t *from)
{
    int64_t n = 0;
    *from = 0;
    for (int64_t i = 0; i < t->n_rows; i++)
        if (t->row[i].part == part) {
            if (!n) *from = i;
            n++;
        }
    return n;
}

int seen_reports(const sweep_recipe *r, const sweep_trial *t, schedule_report *out)
{
    int n = 0;
    double sum = 0, value[SWEEP_METRICS];
    if (sweep_parts(r) == 1) {
        for (int64_t i = 0; i < t->n_rows && t->row[i].epoch <= r->schedule.max_step; i++)
            out[n++] = (schedule_report){t->row[i].epoch, t->row[i].value[0]};
        if (t->status == STATUS_COMPLETE && n) /* stopped early by its own rule: it stays as good as it was */
            for (; n < r->schedule.max_step; n++) out[n] = (schedule_report){n + 1, out[n - 1].value};
        return n;
    }
    for (int part = 0; part < t->step; part++) {
        int64_t from, rows = seen_part(t, part, &from);
        sum += results_final(r, t->row + from, rows, value) ? value[0] : NAN;
        out[n++] = (schedule_report){part + 1, sum / (part + 1)};
    }
    return n;
}

static schedule_state state_of(const sweep_trial *t)
{
    static const schedule_state states[] = {SCHEDULE_RUNNING, SCHEDULE_WAITING, SCHEDULE_DONE,
                                            SCHEDULE_STOPPED, SCHEDULE_FAILED};
    return states[t->status];
}

anl_status seen_schedule(const sweep_state *s, int64_t judged, int64_t step, seen_trials *out)
{
    const sweep_recipe *r = s->recipe;
    int64_t steps = r->schedule.max_step, n = s->n - s->n_warm;
    bool sure = r->strict && !scheduler_has_rungs(r) && judged >= 0;
    *out = (seen_trials){.at = -1};
    if (!strcmp(r->scheduler->name, "none")) n = 0;
    out->trial = anl__calloc(s->ctx, (size_t)n + 1, sizeof *out->trial);
    out->report = anl__calloc(s->ctx, (size_t)(n + 1) * (size_t)steps, sizeof *out->report);
    if (!out->trial || !out->report) {
        seen_schedule_free(s->ctx, out);
        return ANL_NOMEM;
    }
    for (int64_t i = 0; i < n; i++) {
        const sweep_trial *t = s->trial[s->n_warm + i];
        if (sure && t->number != judged && t->number > judged - r->parallel) continue;
        schedule_report *report = out->report + out->n * steps;
        schedule_trial *to = &out->trial[out->n];
        *to = (schedule_trial){.number = t->number,
                               .state = state_of(t),
                               .target = t->target,
                               .report = report,
                               .values = t->values};
        to->n_reports = seen_reports(r, t, report);
        if (t->number == judged) {
            out->at = out->n;
            while (to->n_reports && report[to->n_reports - 1].step > step) to->n_reports--;
        }
        out->n++;
    }
    return ANL_OK;
}

void seen_schedule_free(anl_ctx *ctx, seen_trials *s)
{
    anl__free(ctx, s->trial);
    anl__free(ctx, s->report);
    *s = (seen_trials){0};
}
