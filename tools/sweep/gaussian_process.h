/* Gaussian-process regression for a few hundred points: Matern 5/2 kernel, one length a coordinate, noise;
 * the parameters maximise the marginal likelihood times weak priors (Rasmussen and Williams 2006, chapters 4
 * and 5).
 */
#ifndef SWEEP_GAUSSIAN_PROCESS_H
#define SWEEP_GAUSSIAN_PROCESS_H

#include "runtime/base/base.h"

enum { GP_MAX_DIMENSIONS = 256 };

typedef struct gaussian_process {
    anl_ctx *ctx;
    int n, d;
    const double *x;      /* n x d, borrowed */
    const double *y;      /* n, borrowed; of mean about 0 and deviation about 1 */
    const bool *category; /* d, borrowed: coordinates that are equal or not, without an order between */
    double theta[GP_MAX_DIMENSIONS + 2]; /* logs of 1 / length^2 each, signal variance, noise variance */
    double *l, *alpha, *work;            /* n x n factor, K^-1 y; n + d */
} gaussian_process;

/* Fits; ANL_NOMEM, or ANL_NONFINITE when no parameters make the matrix positive definite. */
anl_status gp_fit(anl_ctx *ctx, const double *x, const double *y, const bool *category, int n, int d,
                  gaussian_process *gp) ANL_MUST;
void gp_release(gaussian_process *gp); /* a zeroed one is fine */
/* Mean and variance (without noise) of the function at x. */
void gp_predict(gaussian_process *gp, const double *x, double *mean, double *variance);

#endif
