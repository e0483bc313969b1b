/* See run_shown.h. */
#include "run_shown.h"

#include "runtime/base/files.h"
#include "runtime/train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_TEXT ((size_t)64 << 20)

/* *out NULL: there is no such file. A 0 byte ends the text. */
static anl_status read_text(anl_ctx *ctx, const char *dir, const char *name, char **out)
{
    void *data = NULL;
    size_t n;
    anl__buf path;
    anl__buf_init(&path, ctx);
    anl__buf_add(&path, "%s/%s", dir, name);
    anl_status st = path.status;
    if (st == ANL_OK && anl__path_exists(path.text)) st = anl__file_read(ctx, path.text, MOST_TEXT, &data, &n);
    anl__buf_release(&path);
    *out = data;
    return st;
}

static anl_status read_scores(run_shown *s)
{
    static const char *const part[] = {"test", "validation"};
    char name[32], *text = NULL;
    for (int i = 0; i < 2 && !s->scores && !s->damage; i++) {
        snprintf(name, sizeof name, "%s.json", part[i]);
        ANL_TRY(read_text(s->ctx, s->dir, name, &text));
        if (!text) continue;
        s->part = part[i];
        s->scores = cJSON_Parse(text);
        anl__free(s->ctx, text);
        if (cJSON_IsObject(s->scores)) continue;
        cJSON_Delete(s->scores);
        s->scores = NULL;
        s->damage = anl__strdup(s->ctx, name);
        if (!s->damage) return ANL_NOMEM;
    }
    return ANL_OK;
}

/* ---- the best epoch, as the training loop finds it --------------------------------------------- */

/* The log's own name of it; without a validation part a metric is that of training. NULL: it is not in the log. */
static const char *logged(const run_shown *s, const char *name)
{
    char train[128];
    int k = run_log_find(&s->log, name);
    snprintf(train, sizeof train, "train.%.100s", run_metric_base(name));
    if (k < 0) k = run_log_find(&s->log, train);
    return k < 0 ? NULL : s->log.column[k].name;
}

/* Where nobody knows: what the recipe says, but for the default, which stands for what the kind of scores measures. */
static const char *best_metric(const run_shown *s)
{
    static const char *const own[] = {"valid.bits", "valid.rmse", "valid.accuracy"};
    const char *asked = s->state.metric ? s->state.metric : recipe_text(s->recipe, "checkpoint.metric");
    if (asked && (s->state.metric || strcmp(asked, own[2]))) return *asked ? logged(s, asked) : NULL;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        int k = run_log_find(&s->log, own[i]);
        if (k >= 0) return s->log.column[k].name;
    }
    return NULL;
}

double run_shown_value(const run_shown *s, int64_t row)
{
    int k = s->metric ? run_log_find(&s->log, s->metric) : -1;
    return k >= 0 && row >= 0 && row < s->log.rows ? s->log.column[k].value[row] : NAN;
}

bool run_shown_lower(const run_shown *s) { return s->metric && anl__metric_lower(s->metric); }

static void find_best(run_shown *s)
{
    s->metric = best_metric(s);
    s->state.metric = s->metric; /* the caller's may go */
    s->best = s->log.rows - 1;
    if (!s->metric) return;
    bool lower = run_shown_lower(s);
    double best = NAN;
    for (int64_t i = 0; i < s->log.rows; i++) {
        double v = run_shown_value(s, i);
        if (isnan(v) || (!isnan(best) && (lower ? v >= best : v <= best))) continue;
        best = v;
        s->best = i;
    }
}

/* What whoever asks did not know. */
static void complete_state(run_shown *s)
{
    double seconds = run_log_last(&s->log, "seconds");
    if (!s->state.epoch && s->log.rows) s->state.epoch = (int64_t)s->log.epoch[s->log.rows - 1];
    if (!s->state.step) s->state.step = (int64_t)s->log.last_step;
    if (!(s->state.seconds > 0) && seconds > 0) s->state.seconds = seconds;
}

anl_status run_shown_open(anl_ctx *ctx, const char *dir, const recipe *r, const run_state *state, run_shown **out)
{
    anl_status st;
    *out = NULL;
    run_shown *s = anl__alloc(ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    s->ctx = ctx;
    s->dir = s->name = dir;
    s->recipe = r;
    s->state = *state;
    ANL_GO(run_log_read(ctx, dir, &s->log));
    ANL_GO(read_text(ctx, dir, "environment.txt", &s->environment));
    ANL_GO(read_text(ctx, dir, "changes.txt", &s->changes));
    ANL_GO(read_scores(s));
    find_best(s);
    complete_state(s);
    *out = s;
done:
    if (st != ANL_OK) run_shown_close(s);
    return st;
}

void run_shown_close(run_shown *s)
{
    if (!s) return;
    run_log_free(&s->log);
    cJSON_Delete(s->scores);
    anl__free(s->ctx, s->environment);
    anl__free(s->ctx, s->changes);
    anl__free(s->ctx, s->damage);
    anl__free(s->ctx, s);
}

void run_shown_notes(const run_shown *s, anl__buf *out)
{
    const run_log *l = &s->log;
    if (l->missing) anl__buf_add(out, "%s/metrics.jsonl is missing\n", s->dir);
    else if (!l->rows) anl__buf_add(out, "%s: no epoch is done yet\n", s->dir);
    if (l->cut) anl__buf_add(out, "%s/metrics.jsonl: the last line is not whole and is left out\n", s->dir);
    if (l->other_lines) anl__buf_add(out, "%s/metrics.jsonl: %lld lines are no rows and are left out\n", s->dir, (long long)l->other_lines);
    if (s->damage) anl__buf_add(out, "%s/%s cannot be read and is left out\n", s->dir, s->damage);
}

const char *run_metric_base(const char *name)
{
    return !strncmp(name, "train.", 6) || !strncmp(name, "valid.", 6) ? name + 6 : name;
}
