/* Charts as inline SVG: a frame with ticks, and points, lines and bars in it. Text only, no script: what a
 * page shows needs nothing but the page.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include "runtime/base/base.h"

typedef struct chart {
    anl__buf *out;
    double width, height, left, right, top, bottom; /* pixels; margins */
    double x0, x1, y0, y1;                          /* ranges; widened when empty */
} chart;

/* `text` with & < > " as entities; what is no text (control characters, bytes that are no UTF-8) as replacement characters. */
void svg_text(anl__buf *out, const char *text);
/* About the width of `text` in a picture, pixels; */
double svg_width(const char *text);
/* The text, or as much of it as fits into `most` bytes (less than `size`) with ".." after it; no character of UTF-8 is cut. */
void svg_short(const char *text, size_t most, char *out, size_t size);
/* Opens the picture with its frame. The ranges must be finite. */
chart chart_begin(anl__buf *out, double width, double height, double x0, double x1, double y0, double y1);
/* The same with `left` pixels, at least the usual ones, for texts on the left. */
chart chart_begin_left(anl__buf *out, double width, double height, double left, double x0, double x1,
                       double y0, double y1);
void chart_end(chart *c);
double chart_x(const chart *c, double x);
double chart_y(const chart *c, double y);
/* About five round numbers along an axis, and its name. */
void chart_x_ticks(chart *c, const char *name);
void chart_x_counts(chart *c, const char *name); /* the same for what is counted: no tick between 1 and 2 */
void chart_y_ticks(chart *c, const char *name);
void chart_y_log_ticks(chart *c, const char *name); /* y is the logarithm to base 10 of what is said */
/* One tick with a text of its own; one that would leave the picture is moved inwards. */
void chart_x_label(chart *c, double x, const char *text);
void chart_y_label(chart *c, double y, const char *text);
/* A dot with a text that shows when it is pointed at. */
void chart_dot(chart *c, double x, double y, double radius, const char *colour, const char *hint);
void chart_line(chart *c, double xa, double ya, double xb, double yb, const char *colour, double width);
void chart_box(chart *c, double xa, double ya, double xb, double yb, const char *colour, const char *hint);
/* 0: worst, 1: best; from grey blue to orange; "#rrggbb". */
const char *svg_colour(double goodness, char out[8]);

#endif
