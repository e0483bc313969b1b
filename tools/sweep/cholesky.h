/* Small dense linear algebra for the samplers: symmetric positive definite matrices, row-major, in double. */
#ifndef SWEEP_CHOLESKY_H
#define SWEEP_CHOLESKY_H

#include <stdbool.h>

/* The lower triangle of a (n x n) becomes L with L L' = a; the upper one is not touched. false: not positive
 * definite. */
bool cholesky(double *a, int n);
/* x = L^-1 x */
void cholesky_forward(const double *l, int n, double *x);
/* x = L'^-1 x */
void cholesky_backward(const double *l, int n, double *x);
/* out (n x n, all of it) = (L L')^-1 */
void cholesky_inverse(const double *l, int n, double *out);

#endif
