/* See run_curves.h. */
#include "run_curves.h"

#include "curve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_BASES = 128, MOST_RINGS = 200, DOTS = 100, COLUMNS = 350 };
static const char grey[] = "#64748b", accent[] = "#d9480f", dark[] = "#1e293b", red[] = "#b91c1c";

/* What the pictures are made of. */
typedef struct shown {
    run_shown *const *run;
    int n;
    const char *const *hint;
    anl__buf *out;
    anl_ctx *ctx;
    curve *curve; /* [2 n] of the picture being made */
    int curves;
    anl__arena *arena;
    const char *base[MOST_BASES];
    int bases;
} shown;

const char *run_colour(int i, char out[24])
{
    static const char *const first[] = {"#d9480f", "#1d4ed8", "#15803d", "#7e22ce", "#0e7490", "#be185d", "#a16207", "#475569"};
    enum { FIRST = sizeof first / sizeof *first };
    if (i < FIRST) snprintf(out, 24, "%s", first[i]);
    else snprintf(out, 24, "hsl(%d,65%%,%d%%)", (i * 137) % 360, 35 + i % 3 * 8); /* 137: far from the ones before */
    return out;
}

/* ---- which pictures ---------------------------------------------------------------------------- */

static bool any_above_zero(const shown *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (run_log_last(&s->run[i]->log, name) > 0) return true;
    return false;
}

static void add_base(shown *s, const char *base)
{
    for (int i = 0; i < s->bases; i++)
        if (!strcmp(s->base[i], base)) return;
    if (s->bases < MOST_BASES) s->base[s->bases++] = base;
}

/* The loss, what the best is chosen by, all other metrics, then what is none. */
static void find_bases(shown *s)
{
    static const char *const last[] = {"lr", "samples_per_second", "bad_steps", "overflows"};
    add_base(s, "loss");
    for (int i = 0; i < s->n; i++)
        if (s->run[i]->metric) add_base(s, run_metric_base(s->run[i]->metric));
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->run[i]->log.columns; k++) {
            const char *name = s->run[i]->log.column[k].name;
            bool own = !strcmp(name, "seconds");
            for (size_t j = 0; j < sizeof last / sizeof *last; j++) own |= !strcmp(name, last[j]);
            if (!own) add_base(s, run_metric_base(name));
        }
    for (int j = 0; j < 4; j++)
        if (j < 2 || any_above_zero(s, last[j])) add_base(s, last[j]);
}

/* ---- one picture over epochs ------------------------------------------------------------------- */

static const char *text_of(shown *s, const char *fmt, const char *a, const char *b)
{
    const char *t = anl__arena_printf(s->arena, fmt, a, b);
    if (!t && s->out->status == ANL_OK) s->out->status = ANL_NOMEM;
    return t ? t : "";
}

/* The column `prefix` + base of run i as a line. */
static void add_curve(shown *s, int i, const char *prefix, const char *base, const double *x)
{
    const run_log *l = &s->run[i]->log;
    char colour[24];
    const char *name = text_of(s, "%s%s", prefix, base);
    int k = run_log_find(l, name);
    bool train = !strcmp(prefix, "train.");
    if (k < 0 || !l->rows || !x) return;
    curve *c = &s->curve[s->curves++];
    *c = (curve){.x = x, .y = l->column[k].value, .n = l->rows, .name = name, .colour = train ? grey : accent};
    if (s->n == 1) return;
    c->colour = text_of(s, "%s%s", run_colour(i, colour), "");
    c->dash = train ? "4 3" : NULL;
    c->name = text_of(s, "%s: %s", s->run[i]->name, name);
    if (s->hint[i] && s->hint[i][0]) c->name = text_of(s, "%s\n%s", c->name, s->hint[i]);
}

static void add_curves(shown *s, const char *base)
{
    static const char *const prefix[] = {"train.", "valid.", ""};
    s->curves = 0;
    for (int i = 0; i < s->n; i++)
        for (int p = 0; p < 3; p++) add_curve(s, i, prefix[p], base, s->run[i]->log.epoch);
}

static void hint_at(char out[300], const run_shown *r, int64_t row, const char *what)
{
    double v = run_shown_value(r, row);
    int n = snprintf(out, 300, "%.120s%sepoch %.0f, step %.0f", what, *what ? ": " : "", r->log.epoch[row], r->log.step[row]);
    if (r->metric && !isnan(v) && n < 300) snprintf(out + n, (size_t)(300 - n), ", %.100s %.6g", r->metric, v);
}

/* Where the best so far was reached: a ring each; these checkpoints were kept as the best. */
static void draw_rings(curve_chart *to, const run_shown *r)
{
    int64_t at[MOST_RINGS], n = 0;
    double best = NAN;
    char hint[300];
    for (int64_t i = 0; i < r->log.rows; i++) {
        double v = run_shown_value(r, i);
        if (isnan(v) || (!isnan(best) && (run_shown_lower(r) ? v >= best : v <= best))) continue;
        best = v;
        at[n++ % MOST_RINGS] = i;
    }
    for (int64_t i = n > MOST_RINGS ? n - MOST_RINGS : 0; i < n; i++) {
        int64_t row = at[i % MOST_RINGS];
        hint_at(hint, r, row, row == r->best ? "best" : "best so far");
        curve_dot(to, r->log.epoch[row], run_shown_value(r, row), row == r->best ? 4.5 : 2.5, row == r->best ? accent : dark, hint);
    }
}

static void draw_marks(curve_chart *to, const run_shown *r, bool bad_steps)
{
    char hint[300];
    for (int64_t i = 0; i < r->log.marks; i++) {
        const run_mark *m = &r->log.mark[i];
        double at = run_log_epoch_of(&r->log, m->step);
        snprintf(hint, sizeof hint, m->rollback ? "rolled back to step %.0f, half the learning rate" : "step %.0f was not finite and is left out", m->step);
        if (m->rollback) curve_upright(to, at, red, hint);
        else if (bad_steps) curve_dot(to, at, to->log ? pow(10, to->h.y0) : to->h.y0, 2.5, red, hint);
    }
}

static void draw_notes(const shown *s, curve_chart *to, const char *base)
{
    char hint[300], colour[24];
    for (int i = 0; i < s->n; i++) {
        const run_shown *r = s->run[i];
        bool chosen = r->metric && !strcmp(run_metric_base(r->metric), base);
        if (!r->log.rows) continue;
        if (s->n == 1) {
            draw_marks(to, r, !strcmp(base, "loss"));
            hint_at(hint, r, r->best, r->metric ? "best" : "the last epoch is taken as the best");
            curve_upright(to, r->log.epoch[r->best], grey, hint);
            if (chosen) draw_rings(to, r);
        } else if (chosen) {
            hint_at(hint, r, r->best, r->name);
            curve_dot(to, r->log.epoch[r->best], run_shown_value(r, r->best), 4, run_colour(i, colour), hint);
        }
    }
}

static void draw_epochs(shown *s, const char *base)
{
    bool loss = strstr(base, "loss") || !strcmp(base, "lr") || !strcmp(base, "perplexity");
    curve_axis a = {.width = 530, .height = 270, .x_name = "epoch", .y_name = base, .counts = true, .may_log = loss};
    curve_chart to;
    add_curves(s, base);
    if (!s->curves || !curve_begin(s->out, s->curve, s->curves, &a, &to)) return;
    for (int i = 0; i < s->curves; i++) curve_draw(&to, &s->curve[i], "epoch", s->n < DOTS ? DOTS / s->n : 1);
    draw_notes(s, &to, base);
    curve_end(&to);
}

/* What the best is chosen by, over the time trained: how much is reached how soon. */
static void draw_time(shown *s)
{
    curve_axis a = {.width = 530, .height = 270, .x_name = "seconds trained", .counts = false};
    curve_chart to;
    s->curves = 0;
    for (int i = 0; i < s->n; i++) {
        int k = run_log_find(&s->run[i]->log, "seconds");
        if (!s->run[i]->metric || k < 0 || (a.y_name && strcmp(a.y_name, s->run[i]->metric))) continue;
        a.y_name = s->run[i]->metric;
        add_curve(s, i, "", a.y_name, s->run[i]->log.column[k].value);
    }
    if (!s->curves || !curve_begin(s->out, s->curve, s->curves, &a, &to)) return;
    for (int i = 0; i < s->curves; i++) curve_draw(&to, &s->curve[i], "seconds", 0);
    curve_end(&to);
}

/* ---- the loss by step --------------------------------------------------------------------------- */

typedef struct steps {
    double *x, *mean, *low, *high; /* [n] */
    int64_t n;
} steps;

/* As many points as there is room for. */
static anl_status gather(shown *s, const run_log *l, steps *t)
{
    int64_t most = s->n > 1 ? COLUMNS / 2 : COLUMNS, each = (l->points + most - 1) / most;
    double *all = anl__arena_alloc(s->arena, sizeof *all * (size_t)(4 * most + 4));
    if (!all) return ANL_NOMEM;
    *t = (steps){.x = all, .mean = all + most + 1, .low = all + 2 * (most + 1), .high = all + 3 * (most + 1)};
    for (int64_t i = 0; i < l->points; i += each) {
        double sum = 0, count = 0, low = INFINITY, high = -INFINITY;
        for (int64_t k = i; k < i + each && k < l->points; k++) {
            const run_point *p = &l->point[k];
            sum += p->mean * (double)p->n;
            count += (double)p->n;
            low = fmin(low, p->low);
            high = fmax(high, p->high);
            t->x[t->n] = p->step;
        }
        t->mean[t->n] = sum / count;
        t->low[t->n] = low;
        t->high[t->n++] = high;
    }
    return ANL_OK;
}

static anl_status draw_steps(shown *s)
{
    curve_axis a = {.width = 1070, .height = 280, .x_name = "step", .y_name = "loss", .counts = true, .may_log = true};
    steps *t = anl__arena_alloc(s->arena, sizeof *t * (size_t)s->n);
    curve_chart to;
    char colour[24], hint[300];
    if (!t) return ANL_NOMEM;
    s->curves = 0;
    for (int i = 0; i < s->n; i++) {
        if (s->run[i]->log.points < 2) continue;
        ANL_TRY(gather(s, &s->run[i]->log, &t[i]));
        const char *own = s->n > 1 ? text_of(s, "%s%s", run_colour(i, colour), "") : grey;
        const char *name = s->n > 1 ? s->run[i]->name : "loss of a batch";
        s->curve[s->curves++] = (curve){.x = t[i].x, .y = t[i].mean, .n = t[i].n, .name = name, .colour = own};
    }
    if (!s->curves || !curve_begin(s->out, s->curve, s->curves, &a, &to)) return s->out->status;
    if (s->n == 1) curve_band(&to, t->x, t->low, t->high, t->n, grey);
    for (int i = 0; i < s->curves; i++) curve_draw(&to, &s->curve[i], "step", s->n < DOTS ? DOTS / s->n : 1);
    for (int64_t i = 0; s->n == 1 && i < s->run[0]->log.marks; i++) {
        const run_mark *m = &s->run[0]->log.mark[i];
        snprintf(hint, sizeof hint, m->rollback ? "rolled back to step %.0f" : "step %.0f was not finite", m->step);
        if (m->rollback) curve_upright(&to, m->step, red, hint);
        else curve_dot(&to, m->step, to.log ? pow(10, to.h.y0) : to.h.y0, 2.5, red, hint);
    }
    curve_end(&to);
    return s->out->status;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static const char one_key[] =
    "<p class=\"key\"><span><i class=\"line\" style=\"color:#64748b\"></i>training</span><span><i class=\"line\" style=\"color:#d9480f\"></i>validation, "
    "and what has no parts</span><span><i class=\"line dashed\" style=\"color:#64748b\"></i>best epoch</span><span>dots: dark the best so far, red "
    "a step that was not finite; red and upright: rolled back</span></p>\n";

static void add_key(const shown *s)
{
    char colour[24];
    anl__buf *out = s->out;
    if (s->n == 1) {
        anl__buf_add(out, "%s", one_key);
        return;
    }
    anl__buf_add(out, "<p class=\"key\">");
    for (int i = 0; i < s->n; i++) {
        anl__buf_add(out, "<span title=\"");
        svg_text(out, s->hint[i] ? s->hint[i] : "");
        anl__buf_add(out, "\"><i class=\"line\" style=\"color:%s\"></i>", run_colour(i, colour));
        svg_text(out, s->run[i]->name);
        anl__buf_add(out, "</span>\n");
    }
    anl__buf_add(out, "<span>dashed: training; else validation, and what has no parts; a large dot: the best epoch</span></p>\n");
}

anl_status run_curves(run_shown *const *run, int n, const char *const *hint, anl__buf *out)
{
    shown s = {.run = run, .n = n, .hint = hint, .out = out, .ctx = out->ctx};
    int64_t rows = 0, stepped = 0; /* stepped: runs with a line over steps */
    for (int i = 0; i < n; i++) {
        rows += run[i]->log.rows;
        stepped += run[i]->log.points >= 2;
    }
    if (!rows && !stepped) return out->status;
    ANL_TRY(anl__arena_create(s.ctx, &s.arena));
    s.curve = anl__arena_alloc(s.arena, sizeof *s.curve * (size_t)(3 * n));
    anl_status st = s.curve ? ANL_OK : ANL_NOMEM;
    if (st != ANL_OK) goto done;
    find_bases(&s);
    anl__buf_add(out, "<h2>Curves</h2>\n");
    add_key(&s);
    anl__buf_add(out, "<div class=\"pairs\">\n");
    for (int i = 0; i < s.bases; i++) draw_epochs(&s, s.base[i]);
    if (n > 1) draw_time(&s);
    anl__buf_add(out, "</div>\n");
    if (stepped) anl__buf_add(out, "<h2>Loss by step</h2>\n");
    if (stepped) page_note(out, n > 1 ? "The mean of the steps in a place." : "The line is the mean of the steps in a place, the area from their lowest to "
                          "their highest; what lies beyond the frame stands on its edge.");
    ANL_GO(draw_steps(&s));
done:
    anl__arena_destroy(s.arena);
    return st;
}
