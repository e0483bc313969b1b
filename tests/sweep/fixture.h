/* Functions with known optima, and whole searches over them, for tests and for bench/sampler_table. */
#ifndef SWEEP_FIXTURE_H
#define SWEEP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/sweep/ask_tell.h"
#include "tools/sweep/scheduler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sweep_setup(void **state);    /* *state: anl_ctx * */
int sweep_teardown(void **state); /* no block may live */
#define sweep_test(f) cmocka_unit_test_setup_teardown(f, sweep_setup, sweep_teardown)

typedef struct problem {
    const char *name;
    const space_axis *axes;
    int n;
    double (*value)(const double *x); /* to be minimised */
} problem;
/* sphere5, rosen5, ackley5, rastrigin5, branin, hart6, mixed; ended by a NULL name. */
extern const problem problems[];

/* `trials` trials, one after the other: the best value after each goes to best[trials] (may be NULL). Returns
   the last; NaN: it failed, the message is in ctx. seconds[trials], if not NULL: the time each proposal took.
 */
double problem_search(anl_ctx *ctx, const problem *p, const char *sampler, uint64_t seed, int trials,
                      double *best, double *seconds);
/* By linear interpolation, as numpy.percentile; sorts v. */
double percentile(double *v, int n, double percent);

#endif
