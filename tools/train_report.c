/* See train_report.h. */
#include "train_report.h"

#include "tools/report/run_report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const double least_s = 5, times_cost = 100; /* between two writings */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void train_report_begin(train_report *t, const char *dir, const recipe *r, const char *metric, bool trial)
{
    const char *asked = recipe_text(r, "log.report");
    *t = (train_report){.dir = dir, .recipe = r, .metric = metric ? metric : "", .wrote = now()};
    if (!dir || !strcmp(asked, "false") || (trial && !strcmp(asked, "auto"))) return;
    t->ctx = anl_ctx_create();
}

static void write_page(train_report *t, run_state *state)
{
    char path[4200];
    run_shown *s = NULL;
    double began = now();
    state->metric = t->metric;
    snprintf(path, sizeof path, "%s/report.html", t->dir);
    anl_status st = run_shown_open(t->ctx, t->dir, t->recipe, state, &s);
    if (st == ANL_OK) st = run_report_write(t->ctx, &s, 1, path);
    run_shown_close(s);
    t->wrote = now();
    t->cost = t->wrote - began;
    if (st == ANL_OK || t->warned) return;
    fprintf(stderr, "warning: the report is not written: %s\n", anl_last_error(t->ctx));
    t->warned = true;
}

void train_report_epoch(train_report *t)
{
    double since = now() - t->wrote;
    if (!t->ctx || since < least_s || since < times_cost * t->cost) return;
    write_page(t, &(run_state){.word = "training", .live = true});
}

void train_report_end(train_report *t, const anl__loop_result *result, const char *failure)
{
    static const char *const word[] = {[ANL__END_EPOCHS] = "finished", [ANL__END_EARLY] = "finished", [ANL__END_BUDGET] = "finished",
                                       [ANL__END_INTERRUPTED] = "interrupted", [ANL__END_PREEMPTED] = "preempted", [ANL__END_PAUSED] = "paused"};
    static const char *const raise[] = {[ANL__END_EPOCHS] = "train.epochs", [ANL__END_EARLY] = "early_stop.patience", [ANL__END_BUDGET] = "train.hours",
                                        [ANL__END_PAUSED] = NULL};
    const anl__loop_state *l = &result->state;
    run_state s = {.word = word[result->end], .raise = raise[result->end], .epoch = l->epoch, .step = l->step, .seconds = l->seconds};
    if (!t->ctx) return;
    if (result->end == ANL__END_EARLY) s.why = "stopped early";
    if (result->end == ANL__END_BUDGET) s.why = "train.hours are used up";
    if (failure) s = (run_state){.word = "failed", .why = failure, .epoch = l->epoch, .step = l->step, .seconds = l->seconds};
    write_page(t, &s);
}

void train_report_close(train_report *t)
{
    if (t->ctx) anl_ctx_destroy(t->ctx);
    t->ctx = NULL;
}
