/* See sweep_report.h. */
#include "sweep_report.h"

#include "page.h"
#include "sweep_charts.h"
#include "tools/sweep/table.h"
#include "tools/sweep/winner.h"

#include "runtime/base/files.h"
#include "tools/sweep/space_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void row(const sweep_state *s, const sweep_trial *t, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    anl__buf_add(out, "<tr><td>%lld</td>", (long long)t->number);
    page_cell(out, "td", trial_status_name(t->status));
    for (int i = 0; i < r->n_objectives; i++) {
        page_number(out, t->status == STATUS_COMPLETE ? t->objective[i] : i ? NAN : t->shown_value);
        if (sweep_parts(r) > 1) page_number(out, t->deviation[i]);
    }
    for (int i = 0; i < r->n_constraints; i++) {
        const sweep_constraint *c = &r->constraint[i];
        bool kept = c->below ? t->constraint[i] <= c->limit : t->constraint[i] >= c->limit;
        if (isnan(t->constraint[i]) || kept) page_number(out, t->constraint[i]);
        else anl__buf_add(out, "<td class=\"bad\">%.6g</td>", t->constraint[i]);
    }
    anl__buf_add(out, "<td>%lld</td><td>%.1f</td>", (long long)t->step, t->seconds);
    for (int k = 0; k < space_count(r->space); k++) {
        anl__buf b;
        anl__buf_init(&b, s->ctx);
        if (space_active(r->space, k, t->values)) space_text(r->space, k, t->values[k], &b);
        page_cell(out, "td", b.text);
        anl__buf_release(&b);
    }
    anl__buf_add(out, "</tr>\n");
}

static anl_status best(const sweep_state *s, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    int64_t *order, n;
    ANL_TRY(table_order(s, &order, NULL, &n));
    anl__buf_add(out, "<h2>Best trials</h2><div class=\"wide\"><table><tr><th>trial</th><th>state</th>");
    for (int i = 0; i < r->n_objectives; i++) {
        page_cell(out, "th", r->metric[i]);
        if (sweep_parts(r) > 1) page_cell(out, "th", "deviation");
    }
    for (int i = 0; i < r->n_constraints; i++)
        anl__buf_add(out, "<th>%s %s %g</th>", r->constraint[i].metric,
                     r->constraint[i].below ? "&le;" : "&ge;", r->constraint[i].limit);
    anl__buf_add(out, "<th>%s</th><th>seconds</th>", sweep_parts(r) > 1 ? "runs" : "epochs");
    for (int k = 0; k < space_count(r->space); k++) page_cell(out, "th", space_axis_at(r->space, k)->name);
    anl__buf_add(out, "</tr>\n");
    for (int64_t i = 0; i < n && i < 20; i++) row(s, s->trial[order[i]], out);
    anl__buf_add(out, "</table></div>\n");
    anl__free(s->ctx, order);
    return ANL_OK;
}

static void charts(const charted *c, anl__buf *out)
{
    const sweep_recipe *r = c->s->recipe;
    int a, b;
    charts_main_axes(c, &a, &b);
    if (r->n_objectives > 1) {
        anl__buf_add(
            out,
            "<h2>Pareto front</h2><p class=\"note\">Orange: no other trial is as good in all objectives and "
            "better in one; grey: some is, or a constraint is broken.</p>\n");
        for (int i = 0; i < r->n_objectives; i++)
            for (int k = i + 1; k < r->n_objectives; k++) charts_front(c, i, k, out);
    }
    anl__buf_add(
        out,
        "<h2>History</h2><p class=\"note\">Dark: complete; grey: stopped or waiting, with the "
        "value it had, or a constraint is broken; the line is the best so far. What lies beyond the frame "
        "stands on its edge.</p>\n");
    charts_history(c, out);
    anl__buf_add(out, "<h2>Importance</h2><p class=\"note\">Functional analysis of variance; what is missing "
                      "to 100 %% is due to several together.</p>\n");
    charts_importance(c, out);
    anl__buf_add(out, "<h2>Parallel coordinates</h2><p class=\"note\">A line a trial; the better, the more "
                      "orange.</p><div class=\"wide\">\n");
    charts_parallel(c, out);
    anl__buf_add(out, "</div><h2>Slices</h2><p class=\"note\">The later a trial, the more orange.</p>\n");
    for (int k = 0; k < space_count(r->space); k++) charts_slice(c, k, out);
    if (b >= 0) {
        anl__buf_add(out, "<h2>Contour</h2><p class=\"note\">The two axes that matter most; orange where "
                          "nearby trials rank high.</p>\n");
        charts_contour(c, a, b, out);
    }
    anl__buf_add(out, "<h2>Intermediate values</h2><p class=\"note\">A line a trial, or a run of it; the "
                      "better, the more orange.</p>\n");
    charts_curves(c, out);
    anl__buf_add(
        out,
        "<h2>Timeline</h2><p class=\"note\">A bar a trial. Green: complete, yellow: pruned, grey: waiting, "
        "red: failed, blue: running.</p>\n");
    charts_timeline(c->s, out);
}

static anl_status page(const sweep_open *o, const char *dir, const charted *c, anl__buf *out)
{
    const sweep_trial *winner;
    page_begin(out, "Sweep", dir, 0);
    anl__buf_add(out, "<p>");
    for (int i = 0; i < o->recipe->n_objectives; i++)
        anl__buf_add(out, "%s%s (%s)", i ? ", " : "", o->recipe->metric[i],
                     o->recipe->maximize[i] ? "max" : "min");
    anl__buf_add(out, " by sampler %s and %s%s. ", o->recipe->sampler->name,
                 strcmp(o->recipe->scheduler->name, "none") ? "scheduler " : "no scheduler",
                 strcmp(o->recipe->scheduler->name, "none") ? o->recipe->scheduler->name : "");
    table_counts(&o->state, out);
    anl__buf_add(out, ".</p>\n");
    ANL_TRY(best(&o->state, out));
    ANL_TRY(winner_of(o, &winner));
    if (winner) {
        anl__buf b;
        anl__buf_init(&b, o->state.ctx);
        anl_status st = winner_text(o, dir, winner, &b);
        anl__buf_add(out, "<pre>trial %lld\n", (long long)winner->number);
        svg_text(out, b.text);
        anl__buf_add(out, "</pre>\n");
        anl__buf_release(&b);
        ANL_TRY(st);
    }
    charts(c, out);
    page_end(out);
    return out->status;
}

/* ---- the same as CSV --------------------------------------------------------------------------------- */

static anl_status write_file(anl_ctx *ctx, const char *dir, const char *name, anl__buf *b, anl_status st)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (st == ANL_OK) st = b->status;
    if (st == ANL_OK) st = anl__file_replace(ctx, path, b->text, b->len);
    anl__buf_release(b);
    return st;
}

static void csv_intermediate(const sweep_state *s, anl__buf *out)
{
    const sweep_recipe *r = s->recipe;
    anl__buf_add(out, "trial,part,epoch");
    for (int i = 0; i < r->n_objectives; i++) anl__buf_add(out, ",%s", r->metric[i]);
    anl__buf_add(out, "\n");
    for (int64_t i = s->n_warm; i < s->n; i++)
        for (int64_t k = 0; k < s->trial[i]->n_rows; k++) {
            const trial_row *t = &s->trial[i]->row[k];
            anl__buf_add(out, "%lld,%d,%lld", (long long)s->trial[i]->number, t->part, (long long)t->epoch);
            for (int m = 0; m < r->n_objectives; m++)
                anl__buf_add(out, isnan(t->value[m]) ? "," : ",%.17g", t->value[m]);
            anl__buf_add(out, "\n");
        }
}

static void csv_importance(const charted *c, anl__buf *out)
{
    anl__buf_add(out, "axis,share\n");
    for (int k = 0; k < space_count(c->s->recipe->space); k++)
        anl__buf_add(out, "%s,%.6f\n", space_axis_at(c->s->recipe->space, k)->name, c->share[k]);
}

static void csv_timeline(const sweep_state *s, anl__buf *out)
{
    anl__buf_add(out, "trial,state,slot,started,ended,seconds\n");
    for (int64_t i = s->n_warm; i < s->n; i++) {
        const sweep_trial *t = s->trial[i];
        anl__buf_add(out, "%lld,%s,%s,%.3f,%.3f,%.3f\n", (long long)t->number, trial_status_name(t->status),
                     t->slot ? t->slot : "", t->started, t->ended, t->seconds);
    }
}

static void csv_history(const charted *c, anl__buf *out)
{
    const sweep_recipe *r = c->s->recipe;
    double best = NAN;
    anl__buf_add(out, "trial,state,%s,best,front\n", r->metric[0]);
    for (int64_t i = 0; i < c->n; i++) {
        bool whole = c->trial[i]->status == STATUS_COMPLETE && !table_broken(r, c->trial[i]);
        if (whole && (isnan(best) || (r->maximize[0] ? c->value[i] > best : c->value[i] < best)))
            best = c->value[i];
        anl__buf_add(out, "%lld,%s,%.17g,", (long long)c->trial[i]->number,
                     trial_status_name(c->trial[i]->status), c->value[i]);
        if (!isnan(best)) anl__buf_add(out, "%.17g", best);
        anl__buf_add(out, ",%d\n", c->front[i] == 0);
    }
}

static anl_status tables(anl_ctx *ctx, const char *dir, const charted *c)
{
    char to[4200];
    anl__buf b;
    snprintf(to, sizeof to, "%s/report", dir);
    ANL_TRY(anl__dir_make(ctx, to));
    anl__buf_init(&b, ctx);
    anl_status st = table_csv(c->s, &b);
    ANL_TRY(write_file(ctx, to, "trials.csv", &b, st));
    anl__buf_init(&b, ctx);
    csv_history(c, &b);
    ANL_TRY(write_file(ctx, to, "history.csv", &b, ANL_OK));
    anl__buf_init(&b, ctx);
    csv_intermediate(c->s, &b);
    ANL_TRY(write_file(ctx, to, "intermediate.csv", &b, ANL_OK));
    anl__buf_init(&b, ctx);
    csv_importance(c, &b);
    ANL_TRY(write_file(ctx, to, "importance.csv", &b, ANL_OK));
    anl__buf_init(&b, ctx);
    csv_timeline(c->s, &b);
    return write_file(ctx, to, "timeline.csv", &b, ANL_OK);
}

anl_status sweep_report(anl_ctx *ctx, const char *dir)
{
    sweep_open o;
    charted c;
    anl__buf b;
    ANL_TRY(sweep_open_dir(ctx, dir, &o));
    anl_status st = charted_make(&o.state, &c);
    if (st == ANL_OK) {
        anl__buf_init(&b, ctx);
        st = page(&o, dir, &c, &b);
        st = write_file(ctx, dir, "report.html", &b, st);
        if (st == ANL_OK) st = tables(ctx, dir, &c);
        charted_free(&c);
    }
    sweep_close(&o);
    return st;
}
