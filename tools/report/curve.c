/* See curve.h. */
#include "curve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SEEN = 2048 /* values of a curve that decide what is far outside */, MOST_POINTS = 400 /* of a line */ };

typedef struct range {
    double low, high;
    double *seen; /* [n] ascending */
    int64_t n;
} range;

/* Beyond it a picture has no scale. */
static bool drawable(double v) { return fabs(v) < 1e100; }

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void see(range *r, const curve *c)
{
    int64_t every = c->n / MOST_SEEN + 1;
    for (int64_t i = 0; i < c->n; i++) {
        double v = c->y[i];
        if (!drawable(v)) continue;
        r->low = fmin(r->low, v);
        r->high = fmax(r->high, v);
        if (i % every == 0) r->seen[r->n++] = v;
    }
}

/* Without those few that would flatten the rest. */
static void cut_far(range *r)
{
    if (r->n < 8) return;
    double low = r->seen[r->n / 25], high = r->seen[r->n - 1 - r->n / 25], room = high - low;
    if (!(room > 0) || r->high - r->low < 6 * room) return;
    r->low = fmax(r->low, low - room);
    r->high = fmin(r->high, high + room);
}

/* Decades between the most of them: a few tiny ones, such as the last rates of a schedule, make no logarithmic axis, and three
   decades below the others is as low as it goes. */
static bool take_log(range *r)
{
    double small = r->n ? r->seen[r->n / 5] : 0;
    if (!(r->low > 0) || r->high / small < 30) return false;
    r->low = fmax(r->low, small / 1000);
    return true;
}

static bool find_range(anl_ctx *ctx, const curve *c, int n, range *r)
{
    int64_t most = 1;
    for (int i = 0; i < n; i++) most += c[i].n < MOST_SEEN + 1 ? c[i].n : MOST_SEEN + 1;
    *r = (range){.low = INFINITY, .high = -INFINITY};
    r->seen = anl__calloc(ctx, (size_t)most, sizeof *r->seen);
    if (!r->seen) return false;
    for (int i = 0; i < n; i++) see(r, &c[i]);
    if (r->n) qsort(r->seen, (size_t)r->n, sizeof *r->seen, ascending);
    return true;
}

bool curve_begin(anl__buf *out, const curve *c, int n, const curve_axis *a, curve_chart *to)
{
    range r;
    double x0 = INFINITY, x1 = -INFINITY;
    if (!find_range(out->ctx, c, n, &r)) {
        out->status = ANL_NOMEM;
        return false;
    }
    to->log = a->may_log && take_log(&r);
    if (!to->log) cut_far(&r);
    anl__free(out->ctx, r.seen);
    for (int i = 0; i < n; i++)
        for (int64_t k = 0; k < c[i].n; k++) {
            if (!drawable(c[i].x[k])) continue;
            x0 = fmin(x0, c[i].x[k]);
            x1 = fmax(x1, c[i].x[k]);
        }
    if (!isfinite(r.low) || !isfinite(x0)) return false;
    if (to->log) {
        r.low = log10(r.low);
        r.high = log10(r.high);
    }
    double room = 0.04 * (r.high - r.low);
    to->h = chart_begin(out, a->width, a->height, x0, x1, r.low - room, r.high + room);
    if (a->counts) chart_x_counts(&to->h, a->x_name);
    else chart_x_ticks(&to->h, a->x_name);
    if (to->log) chart_y_log_ticks(&to->h, a->y_name);
    else chart_y_ticks(&to->h, a->y_name);
    return true;
}

void curve_end(curve_chart *to)
{
    chart_end(&to->h);
}

/* In the chart's numbers, within the frame. */
static double height_of(const curve_chart *to, double v)
{
    if (to->log) v = v > 0 ? log10(v) : -INFINITY;
    return fmin(to->h.y1, fmax(to->h.y0, v));
}

static double across(const curve_chart *to, double x) { return fmin(to->h.x1, fmax(to->h.x0, x)); }

static void point(curve_chart *to, double x, double y)
{
    anl__buf_add(to->h.out, "%.1f,%.1f ", chart_x(&to->h, across(to, x)), chart_y(&to->h, height_of(to, y)));
}

/* Of the points [from, to) the lowest and the highest, in their order: peaks stay. */
static void two_points(curve_chart *to, const curve *c, int64_t from, int64_t end)
{
    int64_t low = from, high = from;
    for (int64_t i = from; i < end; i++) {
        if (c->y[i] < c->y[low]) low = i;
        if (c->y[i] > c->y[high]) high = i;
    }
    int64_t first = low < high ? low : high, second = low < high ? high : low;
    point(to, c->x[first], c->y[first]);
    if (second != first) point(to, c->x[second], c->y[second]);
}

static void draw_way(curve_chart *to, const curve *c, int64_t from, int64_t end)
{
    int64_t step = c->n > MOST_POINTS ? (2 * c->n + MOST_POINTS - 1) / MOST_POINTS : 1;
    page_way_begin(to->h.out, c->colour, c->dash);
    for (int64_t i = from; i < end; i += step) two_points(to, c, i, i + step < end ? i + step : end);
    page_way_end(to->h.out, c->name);
}

void curve_draw(curve_chart *to, const curve *c, const char *x_name, int dots)
{
    char hint[600];
    for (int64_t i = 0; i < c->n;) {
        int64_t from = i;
        while (i < c->n && !isnan(c->y[i])) i++;
        if (i > from) draw_way(to, c, from, i);
        while (i < c->n && isnan(c->y[i])) i++;
    }
    int64_t every = dots ? c->n / dots + (c->n % dots != 0) : 0;
    for (int64_t i = c->n - 1; every && i >= 0; i -= every) { /* the last one has its dot */
        if (isnan(c->y[i])) continue;
        snprintf(hint, sizeof hint, "%.400s, %s %.6g: %.6g", c->name, x_name, c->x[i], c->y[i]);
        curve_dot(to, c->x[i], c->y[i], 2, c->colour, hint);
    }
}

void curve_band(curve_chart *to, const double *x, const double *low, const double *high, int64_t n, const char *colour)
{
    anl__buf_add(to->h.out, "<polygon fill=\"%s\" fill-opacity=\"0.18\" points=\"", colour);
    for (int64_t i = 0; i < n; i++) point(to, x[i], high[i]);
    for (int64_t i = n; i-- > 0;) point(to, x[i], low[i]);
    anl__buf_add(to->h.out, "\"/>\n");
}

void curve_dot(curve_chart *to, double x, double y, double radius, const char *colour, const char *hint)
{
    chart_dot(&to->h, across(to, x), height_of(to, y), radius, colour, hint);
}

void curve_upright(curve_chart *to, double x, const char *colour, const char *hint)
{
    double at = chart_x(&to->h, across(to, x));
    anl__buf_add(to->h.out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.2\" stroke-dasharray=\"3 3\">"
                 "<title>", at, to->h.top, at, to->h.height - to->h.bottom, colour);
    svg_text(to->h.out, hint);
    anl__buf_add(to->h.out, "</title></line>\n");
}
