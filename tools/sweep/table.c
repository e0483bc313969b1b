/* See table.h. */
#include "table.h"

#include "json_number.h"
#include "seen.h"
#include "space_text.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- order ---------------------------------------------------------------------------------------- */

static anl_status rank(const sweep_state *s, const seen *all, int64_t *order, int *front)
{
    sampler_task task = sweep_sampler_task(s->recipe);
    return sampler_order(s->ctx, &task, all->result, all->n, order, front);
}

anl_status table_order(const sweep_state *s, int64_t **order, int **front, int64_t *n)
{
    int64_t count = s->n - s->n_warm;
    sweep_state own = *s;
    sampler reads = *s->recipe->sampler;
    sweep_recipe r = *s->recipe;
    seen all;
    anl_status st;
    reads.reads = true; /* a table looks at results whatever the sampler does */
    r.sampler = &reads;
    own.recipe = &r;
    own.trial += s->n_warm;
    own.n = count;
    own.n_warm = 0;
    *order = anl__calloc(s->ctx, (size_t)count + 1, sizeof **order);
    int *fronts = anl__calloc(s->ctx, (size_t)count + 1, sizeof *fronts);
    if (!*order || !fronts) {
        anl__free(s->ctx, *order);
        anl__free(s->ctx, fronts);
        return ANL_NOMEM;
    }
    st = seen_results(&own, INT64_MIN, -1, &all);
    if (st == ANL_OK) {
        st = rank(s, &all, *order, fronts);
        seen_free(s->ctx, &all);
    }
    for (int64_t i = 0; i < count; i++) (*order)[i] += s->n_warm;
    *n = count;
    if (st != ANL_OK || !front) anl__free(s->ctx, fronts);
    else *front = fronts;
    if (st != ANL_OK) anl__free(s->ctx, *order);
    return st;
}

/* ---- for people ----------------------------------------------------------------------------------- */

const sweep_constraint *table_broken(const sweep_recipe *r, const sweep_trial *t)
{
    for (int k = 0; k < r->n_constraints && t->status == STATUS_COMPLETE; k++) {
        const sweep_constraint *c = &r->constraint[k];
        if (!(c->below ? t->constraint[k] <= c->limit : t->constraint[k] >= c->limit)) return c;
    }
    return NULL;
}

static void best_line(const sweep_state *s, const sweep_trial *t, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    anl__buf_add(out, "%6lld  %-8s", (long long)t->number, trial_status_name(t->status));
    for (int i = 0; i < r->n_objectives; i++) {
        double v = t->status == STATUS_COMPLETE ? t->objective[i] : i ? NAN : t->shown_value;
        if (isnan(v)) anl__buf_add(out, "  %12s", "-");
        else anl__buf_add(out, "  %12.6g", v);
        if (sweep_parts(r) > 1 && isnan(t->deviation[i])) anl__buf_add(out, "  %9s", "");
        else if (sweep_parts(r) > 1) anl__buf_add(out, "  +- %-6.2g", t->deviation[i]);
    }
    anl__buf_add(out, "  ");
    space_point_text(r->space, t->values, out);
}

anl_status table_best(const sweep_state *s, int most, anl__buf *out)
{
    int64_t *order, n;
    int *front;
    const sweep_recipe *r = s->recipe;
    ANL_TRY(table_order(s, &order, &front, &n));
    anl__buf_add(out, "%6s  %-8s", "trial", "state");
    for (int i = 0; i < r->n_objectives; i++)
        anl__buf_add(out, sweep_parts(r) > 1 ? "  %12s           " : "  %12s", r->metric[i]);
    anl__buf_add(out, "  point\n");
    for (int64_t i = 0; i < n && i < most; i++) {
        const sweep_trial *t = s->trial[order[i]];
        if (t->status == STATUS_RUNNING && !t->shown_step) continue;
        best_line(s, t, out);
        const sweep_constraint *broken = table_broken(r, t);
        if (broken)
            anl__buf_add(out, "  (breaks %s %s %g)", broken->metric,
                         broken->below ? "<=" : ">=", broken->limit);
        anl__buf_add(out, "%s\n", r->n_objectives > 1 && front[order[i] - s->n_warm] == 0 ? "  (front)" : "");
    }
    anl__free(s->ctx, order);
    anl__free(s->ctx, front);
    return out->status;
}

void table_counts(const sweep_state *s, anl__buf *out)
{
    int64_t count[STATUS_FAILED + 1] = {0};
    char time[32];
    double seconds = 0;
    for (int64_t i = s->n_warm; i < s->n; i++) {
        count[s->trial[i]->status]++;
        seconds += s->trial[i]->seconds;
    }
    anl__buf_add(out, "%lld trials", (long long)(s->n - s->n_warm));
    if (s->recipe->trials) anl__buf_add(out, " of %lld", (long long)s->recipe->trials);
    for (int k = 0; k <= STATUS_FAILED; k++)
        anl__buf_add(out, "%s %lld %s", k ? "," : ":", (long long)count[k],
                     trial_status_name((trial_status)k));
    anl__buf_add(out, "; %s in trials", anl__time_text(seconds, time));
}

anl_status table_status(const sweep_state *s, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    table_counts(s, out);
    anl__buf_add(out, "\n");
    for (int64_t i = s->n_warm; i < s->n; i++) {
        const sweep_trial *t = s->trial[i];
        if (t->status != STATUS_RUNNING && t->status != STATUS_FAILED) continue;
        anl__buf_add(out, "%6lld  %-8s  ", (long long)t->number, trial_status_name(t->status));
        if (t->status == STATUS_FAILED) anl__buf_add(out, "%s  ", t->why ? t->why : "");
        else if (t->n_rows)
            anl__buf_add(out, "epoch %lld  %s %.6g  ", (long long)t->row[t->n_rows - 1].epoch, r->metric[0],
                         t->row[t->n_rows - 1].value[0]);
        space_point_text(r->space, t->values, out);
        anl__buf_add(out, "\n");
    }
    return out->status;
}

/* ---- for programs --------------------------------------------------------------------------------- */

static void csv_text(anl__buf *out, const char *text)
{
    if (!text[strcspn(text, ",\"\n")]) {
        anl__buf_add(out, "%s", text);
        return;
    }
    anl__buf_add(out, "\"");
    for (const char *p = text; *p; p++) anl__buf_add(out, *p == '"' ? "\"\"" : "%c", *p);
    anl__buf_add(out, "\"");
}

static void csv_number(anl__buf *out, double v)
{
    if (!isnan(v)) anl__buf_add(out, ",%.17g", v);
    else anl__buf_add(out, ",");
}

anl_status table_csv(const sweep_state *s, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    bool parts = sweep_parts(r) > 1;
    anl__buf_add(out, "trial,state,step");
    for (int i = 0; i < r->n_objectives; i++)
        anl__buf_add(out, parts ? ",%s,%s.deviation" : ",%s", r->metric[i], r->metric[i]);
    for (int i = 0; i < r->n_constraints; i++) anl__buf_add(out, ",constraint.%s", r->constraint[i].metric);
    anl__buf_add(out, ",intermediate");
    for (int i = 0; i < space_count(r->space); i++)
        anl__buf_add(out, ",%s", space_axis_at(r->space, i)->name);
    anl__buf_add(out, ",why\n");
    for (int64_t i = s->n_warm; i < s->n; i++) {
        const sweep_trial *t = s->trial[i];
        anl__buf_add(out, "%lld,%s,%lld", (long long)t->number, trial_status_name(t->status),
                     (long long)t->step);
        for (int k = 0; k < r->n_objectives; k++) {
            csv_number(out, t->objective[k]);
            if (parts) csv_number(out, t->deviation[k]);
        }
        for (int k = 0; k < r->n_constraints; k++) csv_number(out, t->constraint[k]);
        csv_number(out, t->shown_value);
        for (int k = 0; k < space_count(r->space); k++) {
            anl__buf b;
            anl__buf_init(&b, s->ctx);
            if (space_active(r->space, k, t->values)) space_text(r->space, k, t->values[k], &b);
            anl__buf_add(out, ",");
            csv_text(out, b.text);
            anl__buf_release(&b);
        }
        anl__buf_add(out, ",");
        csv_text(out, sweep_over(t) && t->why ? t->why : "");
        anl__buf_add(out, "\n");
    }
    return out->status;
}

static cJSON *json_rows(const sweep_recipe *r, const sweep_trial *t)
{
    cJSON *list = cJSON_CreateArray();
    for (int64_t i = 0; i < t->n_rows; i++) {
        cJSON *o = cJSON_CreateObject();
        if (sweep_parts(r) > 1) cJSON_AddNumberToObject(o, "part", t->row[i].part);
        cJSON_AddNumberToObject(o, "epoch", (double)t->row[i].epoch);
        for (int k = 0; k < r->n_objectives; k++) json_number(o, r->metric[k], t->row[i].value[k]);
        cJSON_AddItemToArray(list, o);
    }
    return list;
}

static cJSON *json_point(const sweep_state *s, const sweep_trial *t)
{
    const space *sp = s->recipe->space;
    cJSON *o = cJSON_CreateObject();
    for (int k = 0; k < space_count(sp); k++) {
        const space_axis *axis = space_axis_at(sp, k);
        if (!space_active(sp, k, t->values)) continue;
        if (axis->kind == SPACE_CHOICE)
            cJSON_AddStringToObject(o, axis->name, axis->choice[(int)t->values[k]]);
        else json_number(o, axis->name, t->values[k]);
    }
    return o;
}

anl_status table_json(const sweep_state *s, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    cJSON *all = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(all, "trials");
    for (int64_t i = 0; i < s->n; i++) {
        const sweep_trial *t = s->trial[i];
        cJSON *o = cJSON_CreateObject(), *objective = cJSON_AddObjectToObject(o, "objective");
        cJSON_AddNumberToObject(o, "trial", (double)t->number);
        cJSON_AddStringToObject(o, "origin", t->origin);
        cJSON_AddStringToObject(o, "state", trial_status_name(t->status));
        cJSON_AddNumberToObject(o, "step", (double)t->step);
        if (t->why) cJSON_AddStringToObject(o, "why", t->why);
        for (int k = 0; k < r->n_objectives; k++) json_number(objective, r->metric[k], t->objective[k]);
        if (r->n_constraints) {
            cJSON *c = cJSON_AddObjectToObject(o, "constraint");
            for (int k = 0; k < r->n_constraints; k++)
                json_number(c, r->constraint[k].metric, t->constraint[k]);
        }
        json_number(o, "seconds", t->seconds);
        json_number(o, "started", t->started);
        json_number(o, "ended", t->ended);
        cJSON_AddItemToObject(o, "point", json_point(s, t));
        cJSON_AddItemToObject(o, "intermediate", json_rows(r, t));
        cJSON_AddItemToArray(list, o);
    }
    char *text = cJSON_Print(all);
    if (text) anl__buf_add(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(all);
    return text ? out->status : anl__fail(s->ctx, ANL_NOMEM, "no memory for the trials as JSON");
}
