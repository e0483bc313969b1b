/* See series_report.h. */
#include "series_report.h"

#include "datasets/baseline.h"
#include "show_scores.h"
#include "tools/job/job_answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct table {
    const anl__series *s;
    const int64_t *item;
    int64_t n, season, each; /* items; lag of the seasonal naive forecast; numbers of an item */
    int base;                /* field of the set; -1: no difference */
    double *raw;             /* [n, each] what is being looked at */
    double scale;            /* RMSE of the seasonal naive forecast */
    anl__buf *out;
    cJSON *json;
} table;

static void keep_raw(void *self, int64_t item, const float *y)
{
    table *t = self;
    const float *from = t->base < 0 ? NULL : anl__ragged_get(&t->s->set->field[t->base], item);
    anl__series_undo(t->s->fit, y, from, t->raw + (item - t->item[0]) * t->each); /* a part is a run of items */
}

static void add_row(table *t, cJSON *json, const char *shown, const char *name, anl__errors e)
{
    double share = t->scale > 0 ? e.rmse / t->scale : NAN;
    cJSON *o = cJSON_AddObjectToObject(json, name);
    anl__buf_add(t->out, "%-28s %12.5g %12.5g %9.3f %9.4f", shown, e.rmse, e.mae, e.mape, e.mase);
    if (json == t->json) anl__buf_add(t->out, " %9.3f", share);
    anl__buf_add(t->out, "\n");
    scores_number(o, "rmse", e.rmse);
    scores_number(o, "mae", e.mae);
    scores_number(o, "mape", e.mape);
    scores_number(o, "mase", e.mase);
}

static anl__errors errors_of(const table *t, int target) { return anl__series_errors(t->s, t->item, t->n, t->raw, target, t->season); }

/* One row more for each of several targets. */
static void add_targets(table *t)
{
    int targets = anl__series_targets(t->s->fit);
    cJSON *all = targets > 1 ? cJSON_AddObjectToObject(t->json, "targets") : NULL;
    for (int k = 0; k < targets && all; k++) {
        const char *name = anl__series_target_name(t->s->fit, k);
        char shown[64];
        snprintf(shown, sizeof shown, "  of %.24s", name);
        add_row(t, all, shown, name, errors_of(t, k));
    }
}

/* A ridge regression that cannot be had is no failure of the model. */
static anl_status add_ridge(job *j, table *t, const anl__errors *model)
{
    const anl__series *s = t->s;
    anl_status st = anl__baseline_ridge(s, s->item[ANL__PART_TRAIN], s->items[ANL__PART_TRAIN], 1e-3, t->item, t->n, t->raw);
    if (st == ANL_DATA) {
        anl__buf_add(t->out, "ridge regression: left out (%s)\n", anl_last_error(j->ctx));
        return ANL_OK;
    }
    ANL_TRY(st);
    anl__errors ridge = errors_of(t, -1);
    add_row(t, t->json, "ridge regression", "ridge regression", ridge);
    if (ridge.rmse < model->rmse) anl__buf_add(t->out, "Ridge regression on the same window is better here.\n");
    return ANL_OK;
}

static int64_t season_of(const recipe *r)
{
    int64_t season = recipe_int(r, "data.difference");
    int periods = recipe_count(r, "data.periods");
    if (!season && periods) season = recipe_int_at(r, "data.periods", periods - 1);
    return season ? season : 1;
}

anl_status series_report(job *j, job_part part, anl__buf *out, cJSON *json)
{
    const anl__series *s = j->sequence->series;
    table t = {.s = s, .item = s->item[part], .n = s->items[part], .season = season_of(j->recipe), .each = anl__trainer_columns(j->trainer), .out = out, .json = json};
    char name[64];
    anl_status st = ANL_OK;
    t.base = anl__ragged_find(s->set, "base");
    if (!(t.raw = anl__calloc(j->ctx, (size_t)(t.n * t.each), sizeof *t.raw))) return ANL_NOMEM;
    anl__baseline_seasonal(s, t.item, t.n, t.season, t.raw);
    anl__errors naive = errors_of(&t, -1), model;
    t.scale = naive.rmse;
    ANL_GO(job_outputs(j, part, keep_raw, &t));
    model = errors_of(&t, -1);
    anl__buf_add(out, "%-28s %12s %12s %9s %9s %9s\n", "", "RMSE", "MAE", "MAPE %", "MASE", "RMSE/naive");
    add_row(&t, json, j->model.seq.cell, j->model.seq.cell, model);
    add_targets(&t);
    snprintf(name, sizeof name, "seasonal naive, lag %lld", (long long)t.season);
    if (t.season > 1) add_row(&t, json, name, name, naive);
    anl__baseline_seasonal(s, t.item, t.n, 1, t.raw);
    add_row(&t, json, "last value", "last value", errors_of(&t, -1)); /* the season of 1 */
    if (s->items[ANL__PART_TRAIN] > 0 && part != JOB_TRAIN) ANL_GO(add_ridge(j, &t, &model));
done:
    anl__free(j->ctx, t.raw);
    return st;
}
