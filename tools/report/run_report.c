/* See run_report.h. */
#include "run_report.h"

#include "page.h"
#include "run_curves.h"
#include "run_keys.h"
#include "run_scores.h"

#include "runtime/base/files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_COLUMNS = 24 /* of keys in the table of runs */, MOST_CELL = 60 };

/* ---- parts of both pages ------------------------------------------------------------------------ */

static void written(anl__buf *out)
{
    char when[64] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm)) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm);
    anl__buf_add(out, "<p class=\"note\">Written %s by anneal %s.</p>\n", when, anl_version());
}

static void notes(run_shown *const *s, int n, anl__buf *out)
{
    anl__buf b;
    char *save = NULL;
    anl__buf_init(&b, out->ctx);
    for (int i = 0; i < n; i++) run_shown_notes(s[i], &b);
    if (b.status != ANL_OK) out->status = b.status;
    for (char *line = b.status == ANL_OK ? strtok_r(b.text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) page_note(out, line);
    anl__buf_release(&b);
}

/* The best value and its epoch as "valid.accuracy 0.91 in epoch 7"; false: there is none. */
static bool best_text(const run_shown *s, char *out, size_t size)
{
    double v = run_shown_value(s, s->best);
    if (s->best < 0 || isnan(v)) return false;
    snprintf(out, size, "%.100s %.6g in epoch %.0f", s->metric, v, s->log.epoch[s->best]);
    return true;
}

/* ---- one run ------------------------------------------------------------------------------------ */

static void fact(anl__buf *out, const char *name, const char *text)
{
    anl__buf_add(out, "<tr><th class=\"left\">%s</th><td class=\"text\">", name);
    svg_text(out, text);
    anl__buf_add(out, "</td></tr>\n");
}

/* What goes on with it, to be copied; a run that is over trains on for longer. */
static anl_status command_of(const run_shown *s, anl__buf *out)
{
    anl__buf b;
    anl__buf_init(&b, out->ctx);
    anl__buf_add(&b, "anneal train ");
    anl__buf_word(&b, s->dir);
    if (s->state.raise) anl__buf_add(&b, " %s=%.6g --change", s->state.raise, 2 * recipe_real(s->recipe, s->state.raise));
    anl_status st = b.status;
    anl__buf_add(out, "<p>%s</p><pre>", s->state.live ? "If it is stopped, this goes on with it:" : s->state.raise ? "To train on:" : "This goes on with it:");
    if (st == ANL_OK) svg_text(out, b.text);
    anl__buf_add(out, "</pre>\n");
    anl__buf_release(&b);
    return st;
}

static void state_of(const run_shown *s, anl__buf *out)
{
    const run_state *t = &s->state;
    char text[400], time[32];
    anl__buf_add(out, "<div class=\"wide\"><table>\n");
    snprintf(text, sizeof text, "%s%s%.300s", t->word, t->why ? ": " : "", t->why ? t->why : "");
    fact(out, "state", text);
    snprintf(text, sizeof text, "%lld of %lld", (long long)t->epoch, (long long)recipe_int(s->recipe, "train.epochs"));
    fact(out, "epochs", text);
    snprintf(text, sizeof text, "%lld", (long long)t->step);
    fact(out, "steps", text);
    fact(out, "time trained", anl__time_text(t->seconds, time));
    if (best_text(s, text, sizeof text)) fact(out, "best", text);
    if (s->log.bad_steps || s->log.rollbacks) {
        snprintf(text, sizeof text, "steps that were not finite: %lld, rollbacks: %lld", (long long)s->log.bad_steps, (long long)s->log.rollbacks);
        fact(out, "events", text);
    }
    if (s->environment) fact(out, "processes", s->environment);
    if (s->changes) fact(out, "changes", s->changes);
    anl__buf_add(out, "</table></div>\n");
}

static void keys_of(const run_keys *k, anl__buf *out)
{
    anl__buf_add(out, "<h2>Recipe</h2><p class=\"note\">The keys that are not as by default.</p><table>\n"
                      "<tr><th class=\"left\">key</th><th class=\"left\">value</th><th class=\"left\">default</th></tr>\n");
    for (int i = 0; i < k->n; i++) {
        anl__buf_add(out, "<tr><td class=\"left\">%s</td><td class=\"text\">", k->key[i]->path);
        svg_text(out, k->value[i][0]);
        anl__buf_add(out, "</td><td class=\"text\">");
        svg_text(out, k->def[i]);
        anl__buf_add(out, "</td></tr>\n");
    }
    anl__buf_add(out, "</table>\n");
}

static anl_status page_of_one(run_shown *const *s, const run_keys *k, anl__buf *out)
{
    const char *no_hint = NULL;
    page_begin(out, "Run", s[0]->dir, s[0]->state.live ? RUN_REPORT_REFRESH : 0);
    state_of(s[0], out);
    notes(s, 1, out);
    ANL_TRY(command_of(s[0], out));
    ANL_TRY(run_curves(s, 1, &no_hint, out));
    if (s[0]->scores) {
        anl__buf_add(out, "<h2>Scores on the %s part</h2>\n", s[0]->part);
        run_scores(s[0]->scores, out);
    }
    keys_of(k, out);
    return out->status;
}

/* ---- several ------------------------------------------------------------------------------------ */

/* The last parts of their paths where those differ, else the whole paths. */
static void name_runs(run_shown *const *s, int n)
{
    bool same = false;
    for (int i = 0; i < n; i++) {
        const char *slash = strrchr(s[i]->dir, '/');
        s[i]->name = slash && slash[1] ? slash + 1 : s[i]->dir;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++) same |= !strcmp(s[i]->name, s[k]->name);
    for (int i = 0; i < n && same; i++) s[i]->name = s[i]->dir;
}

static void key_cell(anl__buf *out, const char *value)
{
    char text[MOST_CELL + 1];
    anl__buf_add(out, "<td title=\"");
    svg_text(out, value);
    anl__buf_add(out, "\">");
    svg_short(value, MOST_CELL, text, sizeof text);
    svg_text(out, text);
    anl__buf_add(out, "</td>");
}

static void run_row(const run_shown *s, int i, const run_keys *k, anl__buf *out)
{
    char colour[24], time[32];
    double best = run_shown_value(s, s->best);
    anl__buf_add(out, "<tr><td class=\"left\" title=\"");
    svg_text(out, s->dir);
    anl__buf_add(out, "\"><i class=\"line\" style=\"color:%s\"></i>", run_colour(i, colour));
    svg_text(out, s->name);
    anl__buf_add(out, "</td>");
    page_cell(out, "td", s->state.word);
    anl__buf_add(out, "<td>%lld</td><td>%lld</td>", (long long)s->state.epoch, (long long)s->state.step);
    page_cell(out, "td", anl__time_text(s->state.seconds, time));
    page_cell(out, "td", s->metric ? s->metric : "");
    page_number(out, best);
    if (s->best >= 0 && !isnan(best)) anl__buf_add(out, "<td>%.0f</td>", s->log.epoch[s->best]);
    else anl__buf_add(out, "<td></td>");
    for (int j = 0; j < k->n && j < MOST_COLUMNS; j++) key_cell(out, k->value[j][i]);
    anl__buf_add(out, "</tr>\n");
}

static void runs_table(run_shown *const *s, int n, const run_keys *k, anl__buf *out)
{
    anl__buf_add(out, "<div class=\"wide\"><table>\n<tr><th class=\"left\">run</th><th>state</th><th>epochs</th><th>steps</th><th>trained</th>"
                      "<th>metric</th><th>best</th><th>in epoch</th>");
    for (int j = 0; j < k->n && j < MOST_COLUMNS; j++) page_cell(out, "th", k->key[j]->path);
    anl__buf_add(out, "</tr>\n");
    for (int i = 0; i < n; i++) run_row(s[i], i, k, out);
    anl__buf_add(out, "</table></div>\n");
    if (k->n > MOST_COLUMNS) anl__buf_add(out, "<p class=\"note\">%d more keys differ.</p>\n", k->n - MOST_COLUMNS);
    if (!k->n) page_note(out, "No key of their recipes differs.");
}

/* A field that is a number in the scores of at least one run: a column. */
static int score_fields(run_shown *const *s, int n, const char *name[MOST_COLUMNS])
{
    int count = 0;
    for (int i = 0; i < n; i++)
        for (const cJSON *v = s[i]->scores ? s[i]->scores->child : NULL; v; v = v->next) {
            int k = 0;
            if (!cJSON_IsNumber(v)) continue;
            while (k < count && strcmp(name[k], v->string)) k++;
            if (k == count && count < MOST_COLUMNS) name[count++] = v->string;
        }
    return count;
}

static void scores_table(run_shown *const *s, int n, anl__buf *out)
{
    const char *name[MOST_COLUMNS];
    int fields = score_fields(s, n, name);
    if (!fields) return;
    anl__buf_add(out, "<h2>Scores</h2><div class=\"wide\"><table>\n<tr><th class=\"left\">run</th><th>part</th>");
    for (int k = 0; k < fields; k++) page_cell(out, "th", name[k]);
    anl__buf_add(out, "</tr>\n");
    for (int i = 0; i < n; i++) {
        if (!s[i]->scores) continue;
        anl__buf_add(out, "<tr><td class=\"left\">");
        svg_text(out, s[i]->name);
        anl__buf_add(out, "</td><td>%s</td>", s[i]->part);
        for (int k = 0; k < fields; k++) {
            const cJSON *v = cJSON_GetObjectItemCaseSensitive(s[i]->scores, name[k]);
            page_number(out, cJSON_IsNumber(v) ? v->valuedouble : NAN);
        }
        anl__buf_add(out, "</tr>\n");
    }
    anl__buf_add(out, "</table></div>\n");
}

static anl_status page_of_several(anl_ctx *ctx, run_shown *const *s, int n, const run_keys *k, anl__buf *out)
{
    char title[32];
    const char **hint = anl__calloc(ctx, (size_t)n, sizeof *hint);
    anl_status st = hint ? ANL_OK : ANL_NOMEM;
    name_runs(s, n);
    for (int i = 0; i < n && st == ANL_OK; i++) {
        hint[i] = run_keys_text(k, i);
        st = hint[i] ? ANL_OK : ANL_NOMEM;
    }
    if (st == ANL_OK) {
        snprintf(title, sizeof title, "%d runs", n);
        page_begin(out, "Comparison of", title, 0);
        runs_table(s, n, k, out);
        notes(s, n, out);
        st = run_curves(s, n, hint, out);
        scores_table(s, n, out);
    }
    anl__free(ctx, hint);
    return st;
}

anl_status run_report_page(anl_ctx *ctx, run_shown *const *s, int n, anl__buf *out)
{
    run_keys k;
    anl_status st = run_keys_find(ctx, s, n, &k);
    if (st == ANL_OK) st = n > 1 ? page_of_several(ctx, s, n, &k, out) : page_of_one(s, &k, out);
    run_keys_free(&k);
    written(out);
    page_end(out);
    return st == ANL_OK ? out->status : st;
}

anl_status run_report_write(anl_ctx *ctx, run_shown *const *s, int n, const char *path)
{
    anl__buf b;
    anl__buf_init(&b, ctx);
    anl_status st = b.status;
    if (st == ANL_OK) st = run_report_page(ctx, s, n, &b);
    if (st == ANL_OK) st = anl__file_replace(ctx, path, b.text, b.len);
    anl__buf_release(&b);
    return st;
}
