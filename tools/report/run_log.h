/* What a run's metrics.jsonl says (runtime/state/metrics_log.h has its form), as columns of numbers. Read as it is: while the
 * run is trained, after a kill in the middle of a line, with garbage in it. What is no row is left out and counted.
 */
#ifndef REPORT_RUN_LOG_H
#define REPORT_RUN_LOG_H

#include "runtime/base/base.h"

enum { RUN_LOG_COLUMNS = 64, RUN_LOG_POINTS = 4096, RUN_LOG_MARKS = 500 };

/* Numbers of one field, a row an epoch; NaN where a row has none. */
typedef struct run_column {
    const char *name; /* "valid.loss" */
    double *value;    /* [rows] */
    int64_t cap;
} run_column;

/* The loss of some steps that follow each other. */
typedef struct run_point {
    double step, mean, low, high; /* step: of the last one */
    int64_t n;
} run_point;

typedef struct run_mark {
    double step;
    bool rollback; /* else a step that was not finite */
} run_mark;

typedef struct run_log {
    anl_ctx *ctx;
    anl__arena *arena; /* names */
    run_column column[RUN_LOG_COLUMNS];
    int columns;
    double *epoch, *step; /* [rows]; epochs ascend */
    int64_t rows, epoch_cap, step_cap;
    run_point point[RUN_LOG_POINTS]; /* rows of steps, several to a point where there are many */
    int64_t points, a_point;         /* a_point: steps' rows to one */
    run_mark mark[RUN_LOG_MARKS];    /* the first ones */
    int64_t marks, bad_steps, rollbacks;
    double last_step;     /* of any row; 0: none */
    int64_t other_lines;  /* whole lines that are no rows of a log */
    bool cut;             /* the last line is not whole */
    bool missing;         /* there is no such file */
} run_log;

/* Of the run in `dir`. A missing file is a log without rows. IO: it cannot be read. Freed by run_log_free, also after a failure. */
anl_status run_log_read(anl_ctx *ctx, const char *dir, run_log *out) ANL_MUST;
void run_log_free(run_log *l);
/* The column's number; -1: there is none. */
int run_log_find(const run_log *l, const char *name);
/* Of the last epoch's row; NaN: there is none. */
double run_log_last(const run_log *l, const char *name);
/* Where a step stands on the axis of epochs. */
double run_log_epoch_of(const run_log *l, double step);

#endif
