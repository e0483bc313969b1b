/* See sweep_charts.h. */
#include "sweep_charts.h"

#include "importance.h"
#include "page.h"
#include "tools/sweep/space_text.h"
#include "tools/sweep/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char grey[] = "#94a3b8", dark[] = "#1e293b", accent[] = "#d9480f";

/* ---- what there is --------------------------------------------------------------------------------- */

static double value_of(const sweep_trial *t)
{
    return t->status == STATUS_COMPLETE ? t->objective[0] : t->status == STATUS_FAILED ? NAN : t->shown_value;
}

/* Where an axis's value stands in [0, 1]; NaN: not active. */
static double place_on(const sweep_state *s, const sweep_trial *t, int axis)
{
    const space *sp = s->recipe->space;
    return isnan(t->values[axis]) ? NAN : space_to_unit(sp, axis, t->values[axis]);
}

static anl_status importance(charted *c)
{
    const sweep_state *s = c->s;
    int d = space_count(s->recipe->space);
    double *x = anl__calloc(s->ctx, (size_t)(c->n + 1) * (size_t)d, sizeof *x);
    if (!x) return ANL_NOMEM;
    for (int64_t i = 0; i < c->n; i++)
        for (int k = 0; k < d; k++) {
            double u = place_on(s, c->trial[i], k);
            x[i * d + k] = isnan(u) ? 0.5 : u;
        }
    anl_status st = importance_of(s->ctx, x, c->value, c->n, d, c->share);
    anl__free(s->ctx, x);
    return st;
}

static void rank_values(charted *c)
{
    bool more = c->s->recipe->maximize[0];
    for (int64_t i = 0; i < c->n; i++) {
        int64_t worse = 0;
        for (int64_t k = 0; k < c->n; k++)
            worse += more ? c->value[k] < c->value[i] : c->value[k] > c->value[i];
        c->goodness[i] = c->n > 1 ? (double)worse / (double)(c->n - 1) : 1;
    }
}

anl_status charted_make(const sweep_state *s, charted *out)
{
    int64_t *order, n, count = s->n - s->n_warm;
    int *front;
    *out = (charted){.s = s};
    ANL_TRY(table_order(s, &order, &front, &n));
    out->trial = anl__calloc(s->ctx, (size_t)count + 1, sizeof *out->trial);
    out->value = anl__calloc(s->ctx, (size_t)count + 1, sizeof *out->value);
    out->goodness = anl__calloc(s->ctx, (size_t)count + 1, sizeof *out->goodness);
    out->front = anl__calloc(s->ctx, (size_t)count + 1, sizeof *out->front);
    out->share = anl__calloc(s->ctx, (size_t)space_count(s->recipe->space), sizeof *out->share);
    anl_status st =
        out->trial && out->value && out->goodness && out->front && out->share ? ANL_OK : ANL_NOMEM;
    for (int64_t i = 0; st == ANL_OK && i < count; i++) {
        const sweep_trial *t = s->trial[s->n_warm + i];
        if (!isfinite(value_of(t)) || (t->status == STATUS_RUNNING && !t->shown_step)) continue;
        out->trial[out->n] = t;
        out->value[out->n] = value_of(t);
        out->front[out->n++] = front[i];
    }
    anl__free(s->ctx, order);
    anl__free(s->ctx, front);
    if (st == ANL_OK) {
        rank_values(out);
        st = importance(out);
    }
    if (st != ANL_OK) charted_free(out);
    return st;
}

void charted_free(charted *c)
{
    if (!c->s) return;
    anl__free(c->s->ctx, c->trial);
    anl__free(c->s->ctx, c->value);
    anl__free(c->s->ctx, c->goodness);
    anl__free(c->s->ctx, c->front);
    anl__free(c->s->ctx, c->share);
    *c = (charted){0};
}

void charts_main_axes(const charted *c, int *a, int *b)
{
    int d = space_count(c->s->recipe->space);
    *a = 0;
    *b = -1;
    for (int k = 1; k < d; k++)
        if (c->share[k] > c->share[*a]) *a = k;
    for (int k = 0; k < d; k++)
        if (k != *a && (*b < 0 || c->share[k] > c->share[*b])) *b = k;
}

/* The value's range without the worst tenth, which would flatten the rest. */
static void range_of(const charted *c, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t i = 0; i < c->n; i++) {
        if (c->n > 10 && c->goodness[i] < 0.1) continue;
        *low = fmin(*low, c->value[i]);
        *high = fmax(*high, c->value[i]);
    }
    double room = 0.04 * (*high - *low);
    *low -= room;
    *high += room;
}

static double within(double v, double low, double high)
{
    return fmin(high, fmax(low, v));
}

static void hint(const charted *c, int64_t i, char out[400])
{
    anl__buf b;
    anl__buf_init(&b, c->s->ctx);
    space_point_text(c->s->recipe->space, c->trial[i]->values, &b);
    snprintf(out, 400, "trial %lld, %s: %.6g\n%.300s", (long long)c->trial[i]->number,
             trial_status_name(c->trial[i]->status), c->value[i], b.text);
    anl__buf_release(&b);
}

/* ---- pictures --------------------------------------------------------------------------------------- */

void charts_history(const charted *c, anl__buf *out)
{
    const sweep_recipe *r = c->s->recipe;
    double low, high, best = NAN;
    char text[400];
    int64_t before = 0;
    if (!c->n) return;
    range_of(c, &low, &high);
    chart h = chart_begin(out, 760, 300, -0.5, (double)c->trial[c->n - 1]->number + 0.5, low, high);
    chart_x_counts(&h, "trial");
    chart_y_ticks(&h, r->metric[0]);
    for (int64_t i = 0; i < c->n; i++) {
        const sweep_trial *t = c->trial[i];
        bool whole = t->status == STATUS_COMPLETE && !table_broken(r, t),
             better = whole && (isnan(best) || (r->maximize[0] ? c->value[i] > best : c->value[i] < best));
        hint(c, i, text);
        if (better) {
            if (!isnan(best)) {
                chart_line(&h, (double)before, best, (double)t->number, best, accent, 1.5);
                chart_line(&h, (double)t->number, best, (double)t->number, c->value[i], accent, 1.5);
            }
            best = c->value[i];
            before = t->number;
        }
        chart_dot(&h, (double)t->number, within(c->value[i], low, high), whole ? 3.5 : 2.5,
                  whole ? dark : grey, text);
    }
    if (!isnan(best)) chart_line(&h, (double)before, best, h.x1, best, accent, 1.5);
    chart_end(&h);
}

enum { LABEL_BYTES = 24 };

/* Low, middle and high of a range, or each choice. */
static int n_labels(const charted *c, int axis)
{
    const space_axis *a = space_axis_at(c->s->recipe->space, axis);
    return a->kind == SPACE_CHOICE ? a->n_choices : 3;
}

/* Label i of an axis, shortened to `room` pixels: where it stands, in [0, 1]. */
static double axis_label(const charted *c, int axis, int i, double room, char text[LABEL_BYTES])
{
    const space *sp = c->s->recipe->space;
    const space_axis *a = space_axis_at(sp, axis);
    double v = a->kind == SPACE_CHOICE ? i : space_from_unit(sp, axis, i / 2.0);
    anl__buf b;
    anl__buf_init(&b, c->s->ctx);
    if (a->kind == SPACE_REAL && i == 1) anl__buf_add(&b, "%.3g", v); /* nobody chose this one */
    else space_text(sp, axis, v, &b);
    svg_short(b.text, (size_t)fmin(LABEL_BYTES, fmax(room / svg_width("m"), 4)) - 1, text, LABEL_BYTES);
    anl__buf_release(&b);
    return space_to_unit(sp, axis, v);
}

/* Below the picture, each within its share of the width. */
static void labels_below(const charted *c, int axis, chart *h)
{
    int n = n_labels(c, axis);
    char text[LABEL_BYTES];
    for (int i = 0; i < n; i++) {
        double at = axis_label(c, axis, i, (h->width - h->left - h->right) / n, text);
        chart_x_label(h, at, text);
    }
}

/* The room that an axis's labels take at the left, with the axis's name. */
static double room_left(const charted *c, int axis)
{
    double widest = 0;
    char text[LABEL_BYTES];
    for (int i = 0; i < n_labels(c, axis); i++) {
        axis_label(c, axis, i, INFINITY, text);
        widest = fmax(widest, svg_width(text));
    }
    return widest + 30;
}

void charts_parallel(const charted *c, anl__buf *out)
{
    const space *sp = c->s->recipe->space;
    int d = space_count(sp);
    double low, high;
    char colour[8], text[400], label[LABEL_BYTES];
    if (!c->n) return;
    range_of(c, &low, &high);
    chart h =
        chart_begin(out, 110.0 * (d + 1) > 760 ? 110.0 * (d + 1) : 760, 320, -0.2, d + 0.5, -0.03, 1.03);
    for (int pass = 0; pass < 2; pass++) /* the best half lies on top */
        for (int64_t i = 0; i < c->n; i++) {
            if ((c->goodness[i] >= 0.5) != (pass == 1)) continue;
            hint(c, i, text);
            page_way_begin(out, svg_colour(c->goodness[i], colour), NULL);
            for (int k = 0; k < d; k++) {
                double u = place_on(c->s, c->trial[i], k);
                if (!isnan(u)) anl__buf_add(out, "%.1f,%.1f ", chart_x(&h, k), chart_y(&h, u));
            }
            anl__buf_add(out, "%.1f,%.1f", chart_x(&h, d),
                         chart_y(&h, within((c->value[i] - low) / (high - low), 0, 1)));
            page_way_end(out, text);
        }
    for (int k = 0; k <= d; k++) {
        chart_line(&h, k, 0, k, 1, dark, 1);
        anl__buf_add(out, "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\">", chart_x(&h, k),
                     h.height - (k % 2 ? 8 : 22));
        svg_text(out, k < d ? space_axis_at(sp, k)->name : c->s->recipe->metric[0]);
        anl__buf_add(out, "</text>\n");
        for (int i = 0; k < d && i < n_labels(c, k); i++) {
            double at = axis_label(c, k, i, chart_x(&h, 1) - chart_x(&h, 0), label);
            anl__buf_add(out, "<text class=\"own\" x=\"%.1f\" y=\"%.1f\">", chart_x(&h, k) + 3,
                         chart_y(&h, at) + 3);
            svg_text(out, label);
            anl__buf_add(out, "</text>\n");
        }
    }
    for (int i = 0; i < 3; i++)
        anl__buf_add(out, "<text class=\"own\" x=\"%.1f\" y=\"%.1f\">%.4g</text>\n", chart_x(&h, d) + 3,
                     chart_y(&h, i / 2.0) + 3, low + i / 2.0 * (high - low));
    chart_end(&h);
}

void charts_slice(const charted *c, int axis, anl__buf *out)
{
    double low, high;
    char text[400], colour[8];
    if (!c->n) return;
    range_of(c, &low, &high);
    chart h = chart_begin(out, 370, 230, -0.03, 1.03, low, high);
    labels_below(c, axis, &h);
    anl__buf_add(out, "<text class=\"name\" x=\"%g\" y=\"%g\">", (h.left + h.width - h.right) / 2,
                 h.height - 6);
    svg_text(out, space_axis_at(c->s->recipe->space, axis)->name);
    anl__buf_add(out, "</text>\n");
    chart_y_ticks(&h, c->s->recipe->metric[0]);
    for (int64_t i = 0; i < c->n; i++) {
        double u = place_on(c->s, c->trial[i], axis);
        if (isnan(u)) continue;
        hint(c, i, text);
        chart_dot(&h, u, within(c->value[i], low, high), 3,
                  svg_colour((double)c->trial[i]->number / (double)(c->trial[c->n - 1]->number + 1), colour),
                  text);
    }
    chart_end(&h);
}

/* Shepard's weighting by the inverse distance, to the fourth power; NaN: no trial has both axes. */
static double estimate(const charted *c, int a, int b, double x, double y)
{
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double u = place_on(c->s, c->trial[i], a), v = place_on(c->s, c->trial[i], b);
        if (isnan(u) || isnan(v)) continue;
        double square = (u - x) * (u - x) + (v - y) * (v - y) + 1e-4, w = 1 / (square * square);
        sum += w * c->goodness[i];
        weights += w;
    }
    return weights > 0 ? sum / weights : NAN;
}

void charts_contour(const charted *c, int a, int b, anl__buf *out)
{
    enum { CELLS = 36 };
    char colour[8], text[400], label[LABEL_BYTES];
    if (!c->n) return;
    chart h = chart_begin_left(out, 560, 420, room_left(c, b), 0, 1, 0, 1);
    for (int i = 0; i < CELLS; i++)
        for (int k = 0; k < CELLS; k++) {
            double v = estimate(c, a, b, (i + 0.5) / CELLS, (k + 0.5) / CELLS);
            if (!isnan(v))
                chart_box(&h, (double)i / CELLS, (double)k / CELLS, (i + 1.0) / CELLS, (k + 1.0) / CELLS,
                          svg_colour(v, colour), NULL);
        }
    for (int64_t i = 0; i < c->n; i++) {
        double u = place_on(c->s, c->trial[i], a), v = place_on(c->s, c->trial[i], b);
        if (isnan(u) || isnan(v)) continue;
        hint(c, i, text);
        chart_dot(&h, u, v, 2.5, dark, text);
    }
    labels_below(c, a, &h);
    for (int i = 0; i < n_labels(c, b); i++) {
        double at = axis_label(c, b, i, INFINITY, label);
        chart_y_label(&h, at, label);
    }
    anl__buf_add(out, "<text class=\"name\" x=\"%g\" y=\"%g\">", h.width / 2, h.height - 6);
    svg_text(out, space_axis_at(c->s->recipe->space, a)->name);
    anl__buf_add(out, "</text><text class=\"name\" transform=\"translate(13 %g) rotate(-90)\">",
                 h.height / 2);
    svg_text(out, space_axis_at(c->s->recipe->space, b)->name);
    anl__buf_add(out, "</text>\n");
    chart_end(&h);
}

void charts_importance(const charted *c, anl__buf *out)
{
    const space *sp = c->s->recipe->space;
    int d = space_count(sp);
    char text[32];
    if (c->n < 4) return;
    chart h = chart_begin(out, 560, 60 + 24.0 * d, 0, 1, 0, d);
    for (int k = 0; k < d; k++) {
        double y = d - k - 0.5;
        snprintf(text, sizeof text, "%.1f %%", 100 * c->share[k]);
        chart_box(&h, 0, y - 0.35, c->share[k], y + 0.35, accent, text);
        bool inside = c->share[k] > 0.5; /* beside a long bar there is no room */
        anl__buf_add(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", inside ? "in" : "own",
                     chart_x(&h, c->share[k]) + (inside ? -6 : 5), chart_y(&h, y) + 4);
        svg_text(out, space_axis_at(sp, k)->name);
        anl__buf_add(out, " %s</text>\n", text);
    }
    chart_x_ticks(&h, "share of the variance");
    chart_end(&h);
}

void charts_curves(const charted *c, anl__buf *out)
{
    double low, high;
    int64_t last = 1;
    char colour[8], text[400];
    range_of(c, &low, &high);
    if (!c->n) return;
    for (int64_t i = 0; i < c->n; i++)
        for (int64_t k = 0; k < c->trial[i]->n_rows; k++)
            if (c->trial[i]->row[k].epoch > last) last = c->trial[i]->row[k].epoch;
    chart h = chart_begin(out, 760, 320, 1, (double)last, low, high);
    chart_x_counts(&h, "epoch");
    chart_y_ticks(&h, c->s->recipe->metric[0]);
    for (int64_t i = 0; i < c->n; i++) {
        const sweep_trial *t = c->trial[i];
        hint(c, i, text);
        svg_colour(c->goodness[i], colour);
        for (int64_t k = 0; k < t->n_rows;) { /* a line a part */
            int part = t->row[k].part;
            page_way_begin(out, colour, NULL);
            for (; k < t->n_rows && t->row[k].part == part; k++) {
                double v = t->row[k].value[0];
                if (isfinite(v))
                    anl__buf_add(out, "%.1f,%.1f ", chart_x(&h, (double)t->row[k].epoch),
                                 chart_y(&h, within(v, low, high)));
            }
            page_way_end(out, text);
        }
    }
    chart_end(&h);
}

void charts_timeline(const sweep_state *s, anl__buf *out)
{
    static const char *const colours[] = {"#3b82f6", "#94a3b8", "#15803d", "#eab308", "#b91c1c"};
    double from = INFINITY, to = 0;
    int64_t n = s->n - s->n_warm;
    char text[120];
    for (int64_t i = s->n_warm; i < s->n; i++) {
        const sweep_trial *t = s->trial[i];
        if (t->started > 0) from = fmin(from, t->started);
        to = fmax(to, t->ended > 0 ? t->ended : t->started + t->seconds);
    }
    if (!n || !isfinite(from)) return;
    chart h = chart_begin(out, 760, 60 + (n > 60 ? 480.0 : 8.0 * (double)n), 0, to - from, (double)n, 0);
    h.y0 = (double)n; /* the first trial on top */
    h.y1 = 0;
    for (int64_t i = 0; i < n; i++) {
        const sweep_trial *t = s->trial[s->n_warm + i];
        double end = t->ended > 0 ? t->ended : t->started + t->seconds;
        snprintf(text, sizeof text, "trial %lld, %s, %.1f s in its processes", (long long)t->number,
                 trial_status_name(t->status), t->seconds);
        chart_box(&h, t->started - from, (double)i + 0.1, fmax(end, t->started) - from, (double)i + 0.9,
                  colours[t->status], text);
    }
    for (int64_t i = 0; i < n; i += n / 15 + 1) {
        snprintf(text, sizeof text, "%lld", (long long)s->trial[s->n_warm + i]->number);
        chart_y_label(&h, (double)i + 0.5, text);
    }
    chart_x_ticks(&h, "seconds since the first trial began");
    chart_end(&h);
}

void charts_front(const charted *c, int a, int b, anl__buf *out)
{
    const sweep_recipe *r = c->s->recipe;
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    int objective[2] = {a, b};
    char text[400];
    int64_t shown = 0;
    for (int64_t i = 0; i < c->n; i++) {
        if (c->trial[i]->status != STATUS_COMPLETE) continue;
        shown++;
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], c->trial[i]->objective[objective[k]]);
            high[k] = fmax(high[k], c->trial[i]->objective[objective[k]]);
        }
    }
    if (!shown) return;
    for (int k = 0; k < 2; k++) {
        double room = 0.04 * (high[k] - low[k]);
        low[k] -= room;
        high[k] += room;
    }
    chart h = chart_begin(out, 560, 380, low[0], high[0], low[1], high[1]);
    chart_x_ticks(&h, r->metric[a]);
    chart_y_ticks(&h, r->metric[b]);
    for (int64_t i = 0; i < c->n; i++) {
        if (c->trial[i]->status != STATUS_COMPLETE) continue;
        hint(c, i, text);
        chart_dot(&h, c->trial[i]->objective[a], c->trial[i]->objective[b], c->front[i] == 0 ? 5 : 3,
                  c->front[i] == 0 ? accent : grey, text);
    }
    chart_end(&h);
}
