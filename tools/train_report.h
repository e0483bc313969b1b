/* report.html of a run while it is trained: at ends of epochs, so seldom that it takes at most a hundredth of the time, and at
 * the end. A failure is one warning and nothing more; it has a context of its own, and so no message of the training's is lost.
 */
#ifndef TRAIN_REPORT_H
#define TRAIN_REPORT_H

#include "runtime/train/loop.h"
#include "tools/recipe/recipe.h"

typedef struct train_report {
    anl_ctx *ctx;         /* NULL: no report is written */
    const char *dir;      /* borrowed */
    const recipe *recipe; /* borrowed */
    const char *metric;   /* borrowed; that the best is chosen by; "": the last is */
    double wrote, cost;   /* monotonic seconds: when, or when training began; what it took */
    bool warned;
} train_report;

/* metric: that the best epoch is chosen by, NULL: the last is. dir NULL or log.report of the recipe: none is written (auto: none
   where only a sweep looks at the run, `trial`). */
void train_report_begin(train_report *t, const char *dir, const recipe *r, const char *metric, bool trial);
/* At the end of an epoch, whose row is in the log. */
void train_report_epoch(train_report *t);
/* After the last step and its scores. failure: NULL, or why it ended. */
void train_report_end(train_report *t, const anl__loop_result *result, const char *failure);
void train_report_close(train_report *t);

#endif
