/* The pictures of a sweep's report. Each writes one inline picture, or nothing when there is nothing to show.
 */
#ifndef REPORT_SWEEP_CHARTS_H
#define REPORT_SWEEP_CHARTS_H

#include "svg.h"

#include "tools/sweep/sweep_store.h"

/* What the pictures are made of: the trials that have a value, with their place among all. */
typedef struct charted {
    const sweep_state *s;
    const sweep_trial **trial; /* ascending numbers; complete, pruned and waiting ones */
    double *value;             /* first objective: the final one, or where it was stopped */
    double *goodness;          /* 1: the best, 0: the worst, by rank */
    int *front;                /* 0: on the Pareto front */
    int64_t n;
    double *share; /* importance of each axis */
} charted;

anl_status charted_make(const sweep_state *s, charted *out) ANL_MUST;
void charted_free(charted *c);

void charts_history(const charted *c, anl__buf *out);
void charts_parallel(const charted *c, anl__buf *out);
void charts_slice(const charted *c, int axis, anl__buf *out);
/* Values over two axes: nearby trials, weighted by their distance. */
void charts_contour(const charted *c, int a, int b, anl__buf *out);
void charts_importance(const charted *c, anl__buf *out);
void charts_curves(const charted *c, anl__buf *out);
void charts_timeline(const sweep_state *s, anl__buf *out);
void charts_front(const charted *c, int a, int b, anl__buf *out);
/* The two axes of the largest importance; *b is -1 when there is one only. */
void charts_main_axes(const charted *c, int *a, int *b);

#endif
