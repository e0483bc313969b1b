/* See results.h. */
#include "results.h"

#include "runtime/base/files.h"
#include "runtime/state/checkpoint.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static double number(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    if (cJSON_IsNumber(v)) return v->valuedouble;
    if (cJSON_IsString(v) && !strcmp(v->valuestring, "inf")) return INFINITY;
    if (cJSON_IsString(v) && !strcmp(v->valuestring, "-inf")) return -INFINITY;
    return NAN;
}

static double metric(const cJSON *o, const char *name)
{
    if (!strcmp(name, "milliseconds")) return 1000 / number(o, "samples_per_second");
    return number(o, name);
}

/* parameters and memory are measured otherwise */
static bool of_rows(const char *name)
{
    return strcmp(name, "parameters") && strcmp(name, "memory");
}

static void note_missing(const sweep_recipe *r, const cJSON *o, char missing[64], char there[512])
{
    for (int i = 0; i < r->n_objectives; i++) {
        const char *name = !strcmp(r->metric[i], "milliseconds") ? "samples_per_second" : r->metric[i];
        if (!of_rows(name) || cJSON_HasObjectItem(o, name)) continue;
        snprintf(missing, 64, "%s", r->metric[i]);
        there[0] = 0;
        for (const cJSON *v = o->child; v; v = v->next) {
            size_t used = strlen(there);
            if (v->string && strchr(v->string, '.')) snprintf(there + used, 512 - used, " %s", v->string);
        }
        return;
    }
}

/* An epoch's row in one line of text; false: another row, or garbage. */
static bool take_line(const sweep_recipe *r, const char *line, size_t len, trial_row *row, char missing[64],
                      char there[512])
{
    static const char head[] = "{\"kind\":\"epoch\"";
    if (len < sizeof head || len > 65536 || memcmp(line, head, sizeof head - 1)) return false;
    cJSON *o = cJSON_ParseWithLength(line, len);
    double epoch = o ? number(o, "epoch") : NAN;
    bool ok = epoch >= 1 && epoch < 1e15 && epoch == floor(epoch);
    if (ok) {
        row->epoch = (int64_t)epoch;
        for (int i = 0; i < SWEEP_METRICS; i++) row->value[i] = NAN;
        for (int i = 0; i < r->n_objectives; i++) row->value[i] = metric(o, r->metric[i]);
        for (int i = 0; i < r->n_constraints; i++)
            row->value[r->n_objectives + i] = metric(o, r->constraint[i].metric);
        note_missing(r, o, missing, there);
    }
    cJSON_Delete(o);
    return ok;
}

anl_status results_read(anl_ctx *ctx, const sweep_recipe *r, const char *run, int part, int64_t offset,
                        trial_row **rows, int64_t *n, char missing[64], char there[512])
{
    char path[4200];
    void *text = NULL;
    size_t bytes = 0;
    int64_t cap = 0;
    anl_status st = ANL_OK;
    *rows = NULL;
    *n = 0;
    missing[0] = 0;
    snprintf(path, sizeof path, "%s/metrics.jsonl", run);
    if (!anl__path_exists(path)) return ANL_OK;
    if (anl__file_read(ctx, path, RESULTS_MOST_BYTES, &text, &bytes) != ANL_OK)
        return ANL_OK; /* garbage, or just replaced */
    for (const char *p = text, *end = p + bytes, *stop;
         p < end && (stop = memchr(p, '\n', (size_t)(end - p))); p = stop + 1) {
        trial_row row = {.part = part};
        if (!take_line(r, p, (size_t)(stop - p), &row, missing, there) || row.epoch != *n + 1) continue;
        row.epoch += offset;
        ANL_GO(anl__grow(ctx, rows, &cap, *n + 1, sizeof row));
        (*rows)[(*n)++] = row;
    }
done:
    anl__free(ctx, text);
    return st;
}

double results_parameters(anl_ctx *ctx, const char *run)
{
    char dir[4200];
    const char *dirs[1] = {dir};
    anl__ckpt *c = NULL;
    double count = 0;
    snprintf(dir, sizeof dir, "%s/checkpoints", run);
    if (anl__ckpt_newest(ctx, dirs, 1, &c) != ANL_OK || !c) return NAN;
    for (int i = 0; i < anl__ckpt_count(c); i++) {
        anl__ckpt_tensor t = anl__ckpt_at(c, i);
        if (!strcmp(t.group, "params")) count += (double)anl_shape_count(&t.shape);
    }
    anl__ckpt_close(c);
    return count;
}

bool results_final(const sweep_recipe *r, const trial_row *row, int64_t n, double value[SWEEP_METRICS])
{
    int64_t best = -1;
    bool rows = of_rows(r->metric[0]);
    for (int64_t i = 0; i < n; i++) {
        double v = row[i].value[0], b = best < 0 ? NAN : row[best].value[0];
        if (rows && !isfinite(v)) continue;
        if (best < 0 || r->at_last || !rows || (r->maximize[0] ? v > b : v < b)) best = i;
    }
    if (r->at_last && best != n - 1) best = -1; /* it ended with no number */
    if (best < 0) return false;
    memcpy(value, row[best].value, sizeof row[best].value);
    return true;
}
