/* See svg.h. */
#include "svg.h"

#include "tools/recipe/yaml.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD for what no page may hold */

static void escape(anl__buf *out, const char *text, size_t n)
{
    for (const char *end = text + n; text < end; text++) {
        switch (*text) {
        case '&': anl__buf_add(out, "&amp;"); break;
        case '<': anl__buf_add(out, "&lt;"); break;
        case '>': anl__buf_add(out, "&gt;"); break;
        case '"': anl__buf_add(out, "&quot;"); break;
        default:
            if ((unsigned char)*text >= 32 || *text == '\n' || *text == '\t') anl__buf_bytes(out, text, 1);
            else anl__buf_add(out, "%s", replacement);
        }
    }
}

void svg_text(anl__buf *out, const char *text)
{
    for (size_t left = strlen(text), good; left; text += good, left -= good) {
        good = yaml_utf8_bad(text, left);
        escape(out, text, good);
        if (good == left) continue;
        anl__buf_add(out, "%s", replacement);
        good++;
    }
}

double svg_width(const char *text)
{
    return 6.4 * (double)strlen(text); /* a wide letter of the 11 pixel font; most are narrower */
}

void svg_short(const char *text, size_t most, char *out, size_t size)
{
    size_t n = strlen(text);
    if (most > size - 1) most = size - 1;
    snprintf(out, size, "%s", text);
    if (n <= most) return;
    for (n = most > 2 ? most - 2 : 0; n > 0 && (out[n] & 0xc0) == 0x80;) n--;
    snprintf(out + n, size - n, "..");
}

/* Ends that are equal, or so near that there may be no numbers between them to count along (1 and 1 - 2^-52), are moved apart: by this share of
   them, or by a half where that is nothing. */
static void spread(double *low, double *high, double share)
{
    double size = fmax(fabs(*low), fabs(*high)), by = fmax(share, 1e-9) * size;
    if (*high - *low > 1e-9 * size) return;
    if (!(by > 1e-300) || (share == 0 && by < 0.5)) by = 0.5;
    *low -= by;
    *high = *low + 2 * by;
}

chart chart_begin(anl__buf *out, double width, double height, double x0, double x1, double y0, double y1)
{
    return chart_begin_left(out, width, height, 0, x0, x1, y0, y1);
}

chart chart_begin_left(anl__buf *out, double width, double height, double left, double x0, double x1,
                       double y0, double y1)
{
    chart c = {.out = out,
               .width = width,
               .height = height,
               .left = fmax(left, 70),
               .right = 14,
               .top = 10,
               .bottom = 38,
               .x0 = x0,
               .x1 = x1,
               .y0 = y0,
               .y1 = y1};
    spread(&c.x0, &c.x1, 0);
    spread(&c.y0, &c.y1, 0.05);
    anl__buf_add(out, "<svg viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" role=\"img\">\n", width, height,
                 width, height);
    anl__buf_add(out, "<rect class=\"frame\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\"/>\n", c.left, c.top,
                 width - c.left - c.right, height - c.top - c.bottom);
    return c;
}

void chart_end(chart *c)
{
    anl__buf_add(c->out, "</svg>\n");
}

double chart_x(const chart *c, double x)
{
    return c->left + (x - c->x0) / (c->x1 - c->x0) * (c->width - c->left - c->right);
}
double chart_y(const chart *c, double y)
{
    return c->height - c->bottom - (y - c->y0) / (c->y1 - c->y0) * (c->height - c->top - c->bottom);
}

/* 1, 2 or 5 times a power of ten, about a fifth of the range. */
static double round_step(double range)
{
    double raw = range / 5, power = pow(10, floor(log10(raw))), f = raw / power;
    return (f < 1.5 ? 1 : f < 3.5 ? 2 : f < 7.5 ? 5 : 10) * power;
}

void chart_x_label(chart *c, double x, const char *text)
{
    double at = chart_x(c, x), y = c->height - c->bottom, half = svg_width(text) / 2;
    anl__buf_add(c->out,
                 "<line class=\"tick\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"tx\" "
                 "x=\"%.1f\" y=\"%.1f\">",
                 at, y, at, y + 4, fmax(half, fmin(at, c->width - half)), y + 16);
    svg_text(c->out, text);
    anl__buf_add(c->out, "</text>\n");
}

void chart_y_label(chart *c, double y, const char *text)
{
    double at = chart_y(c, y);
    anl__buf_add(c->out,
                 "<line class=\"tick\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"ty\" "
                 "x=\"%.1f\" y=\"%.1f\">",
                 c->left - 4, at, c->left, at, c->left - 7, at + 4);
    svg_text(c->out, text);
    anl__buf_add(c->out, "</text>\n");
}

static void ticks(chart *c, double from, double to, double least,
                  void (*label)(chart *, double, const char *))
{
    double step = fmax(least, round_step(to - from));
    char text[32];
    if (!(step > 0) || !isfinite(step)) return;
    for (double k = ceil(from / step); k * step <= to + step * 1e-9; k++) {
        snprintf(text, sizeof text, "%.6g", k == 0 ? 0 : k * step);
        label(c, k * step, text);
    }
}

static void x_ticks(chart *c, const char *name, double least)
{
    ticks(c, c->x0, c->x1, least, chart_x_label);
    anl__buf_add(c->out, "<text class=\"name\" x=\"%g\" y=\"%g\">", (c->left + c->width - c->right) / 2,
                 c->height - 6);
    svg_text(c->out, name);
    anl__buf_add(c->out, "</text>\n");
}

void chart_x_ticks(chart *c, const char *name)
{
    x_ticks(c, name, 0);
}

void chart_x_counts(chart *c, const char *name)
{
    x_ticks(c, name, 1);
}

static void y_name(chart *c, const char *name)
{
    double y = (c->top + c->height - c->bottom) / 2;
    anl__buf_add(c->out, "<text class=\"name\" transform=\"translate(13 %g) rotate(-90)\">", y);
    svg_text(c->out, name);
    anl__buf_add(c->out, "</text>\n");
}

void chart_y_ticks(chart *c, const char *name)
{
    ticks(c, c->y0, c->y1, 0, chart_y_label);
    y_name(c, name);
}

void chart_y_log_ticks(chart *c, const char *name)
{
    static const double part[] = {1, 2, 5};
    char text[32];
    double decades = c->y1 - c->y0;
    int every = decades > 8 ? (int)ceil(decades / 8) : 1, parts = decades > 3 ? 1 : 3;
    for (double k = floor(c->y0); k <= c->y1; k += every)
        for (int i = 0; i < parts; i++) {
            double at = k + log10(part[i]);
            if (at < c->y0 || at > c->y1) continue;
            snprintf(text, sizeof text, "%.6g", part[i] * pow(10, k));
            chart_y_label(c, at, text);
        }
    y_name(c, name);
}

static void hint_of(chart *c, const char *hint)
{
    if (!hint) return;
    anl__buf_add(c->out, "<title>");
    svg_text(c->out, hint);
    anl__buf_add(c->out, "</title>");
}

void chart_dot(chart *c, double x, double y, double radius, const char *colour, const char *hint)
{
    anl__buf_add(c->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\">", chart_x(c, x),
                 chart_y(c, y), radius, colour);
    hint_of(c, hint);
    anl__buf_add(c->out, "</circle>\n");
}

void chart_line(chart *c, double xa, double ya, double xb, double yb, const char *colour, double width)
{
    anl__buf_add(
        c->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%g\"/>\n",
        chart_x(c, xa), chart_y(c, ya), chart_x(c, xb), chart_y(c, yb), colour, width);
}

void chart_box(chart *c, double xa, double ya, double xb, double yb, const char *colour, const char *hint)
{
    double x = fmin(chart_x(c, xa), chart_x(c, xb)), y = fmin(chart_y(c, ya), chart_y(c, yb));
    anl__buf_add(c->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\">", x, y,
                 fabs(chart_x(c, xb) - chart_x(c, xa)), fabs(chart_y(c, yb) - chart_y(c, ya)), colour);
    hint_of(c, hint);
    anl__buf_add(c->out, "</rect>\n");
}

const char *svg_colour(double goodness, char out[8])
{
    static const int low[3] = {203, 213, 225}, high[3] = {217, 72, 15};
    double t = goodness > 0 ? fmin(goodness, 1) : 0;
    int v[3];
    for (int i = 0; i < 3; i++) v[i] = (int)(low[i] + t * (high[i] - low[i])) & 255;
    snprintf(out, 8, "#%02x%02x%02x", (unsigned)v[0], (unsigned)v[1], (unsigned)v[2]);
    return out;
}
