/* Lines of numbers over epochs, steps or seconds in one picture: the range that shows them all (what lies far outside of the
 * others stands on the frame's edge), a logarithmic axis where they span decades, and no more points than can be told apart.
 */
#ifndef REPORT_CURVE_H
#define REPORT_CURVE_H

#include "page.h"

typedef struct curve {
    const double *x, *y; /* [n]; y is broken where it is NaN */
    int64_t n;
    const char *name;    /* its hint */
    const char *colour, *dash;
} curve;

typedef struct curve_chart {
    chart h;
    bool log;
} curve_chart;

typedef struct curve_axis {
    double width, height; /* pixels */
    const char *x_name, *y_name;
    bool counts;     /* x is counted: no tick between 1 and 2 */
    bool may_log;    /* of y */
} curve_axis;

/* Opens a picture that shows all curves; false: there is nothing finite to show, or no memory (out's status), and none is begun. */
bool curve_begin(anl__buf *out, const curve *c, int n, const curve_axis *a, curve_chart *to);
/* The line, and at most `dots` of its points with hints "<name>, <x_name> <x>: <y>". */
void curve_draw(curve_chart *to, const curve *c, const char *x_name, int dots);
/* The area between two lines over the same x. */
void curve_band(curve_chart *to, const double *x, const double *low, const double *high, int64_t n, const char *colour);
void curve_dot(curve_chart *to, double x, double y, double radius, const char *colour, const char *hint);
/* Upright, from the bottom to the top. */
void curve_upright(curve_chart *to, double x, const char *colour, const char *hint);
void curve_end(curve_chart *to);

#endif
