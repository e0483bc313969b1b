/* Honest neighbours of a forecaster: what costs nothing (the season before, the last value) and ridge regression in closed form;
 * and the errors in raw units that stand in one table for all. Predictions are [items, H, targets] doubles. */
#ifndef ANL_BASELINE_H
#define ANL_BASELINE_H

#include "datasets/series.h"

typedef struct anl__errors {
    double rmse, mae, mape, mase; /* mape in percent, over true values other than 0; mase over the naive error of the training rows */
    int64_t values, mape_values;
} anl__errors;

/* For every item of the list: the value `lag` rows before each target row, or a multiple of it so far back that it was known at
   the origin. Lag 1 repeats the last value. */
void anl__baseline_seasonal(const anl__series *s, const int64_t *item, int64_t n, int64_t lag, double *out);
/* Ridge regression from the window (flat, and 1) to all targets, on scaled numbers, undone: (X'X + lambda n I) w = X'y by Cholesky in
   double; the constant is not shrunk. Fitted on one list, predicts another. ANL_DATA: the matrix is not positive definite, or it
   is more work than a person waits for. */
anl_status anl__baseline_ridge(const anl__series *s, const int64_t *fit, int64_t n_fit, double lambda, const int64_t *item,
                               int64_t n, double *out) ANL_MUST;
/* Errors of predictions, over all targets; target < 0: pooled over all, else of one. mase_lag: season of the naive error. */
anl__errors anl__series_errors(const anl__series *s, const int64_t *item, int64_t n, const double *prediction, int target,
                               int64_t mase_lag);

#endif
