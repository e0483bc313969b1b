/* Runs' directories made by hand or by the engine's own log, and their pages. */
#ifndef REPORT_FIXTURE_H
#define REPORT_FIXTURE_H

#include "tests/common/scratch.h"
#include "tools/report/run_shown.h"

typedef struct box {
    anl_ctx *ctx;
    char dir[SCRATCH_PATH];
    recipe *recipe;
} box;

/* A group's; the state is the box: a directory, and a recipe of defaults. */
int setup(void **state);
int teardown(void **state);
/* Writes the file of a run, whose directory is made. */
void put(const box *b, const char *run, const char *name, const char *text);
double loss_at(int epoch); /* as logged by log_run: train.loss */
/* Epochs of ten steps by the engine's own log: train.loss, valid.loss (0.1 above), valid.accuracy (best in epoch 3 of 3 and more). */
void log_run(const box *b, const char *run, int epochs, bool steps);
anl_status open_run(const box *b, const char *run, const run_state *s, char path[1024], run_shown **out) ANL_MUST;
/* The page of at most 8 runs, checked; freed by anl__buf_release. */
void page_of(const box *b, const char *const *run, int n, anl__buf *out, int *pictures);
/* Fails the test where the page lacks this. */
void holds(const anl__buf *page, const char *text);

#endif
