/* The pictures of runs over epochs and steps: of one run its parts, bad steps, rollbacks and the best epoch; of several a line each. */
#ifndef REPORT_RUN_CURVES_H
#define REPORT_RUN_CURVES_H

#include "run_shown.h"

/* hint[i]: what a run's lines say when they are pointed at, beside its name; used where n > 1. Nothing where no run has rows. */
anl_status run_curves(run_shown *const *s, int n, const char *const *hint, anl__buf *out) ANL_MUST;
/* A run's colour among n. */
const char *run_colour(int i, char out[24]);

#endif
