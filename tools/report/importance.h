/* Which axes of a search matter: functional analysis of variance over a forest of regression trees (Hutter,
 * Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014). The
 * share of an axis is the variance of its marginal, the others averaged out, over the variance of the whole.
 *
 * Deterministic: the forest is drawn by number. Choices are cells of the unit interval in their order; an
 * axis that is not active stands in its middle.
 */
#ifndef REPORT_IMPORTANCE_H
#define REPORT_IMPORTANCE_H

#include "runtime/base/base.h"

enum { IMPORTANCE_TREES = 48 };

/* x: n points of d coordinates in [0, 1]; share: d numbers, each 0 to 1, of single axes; what is left of 1 is
   due to several together. All are 0 when the values do not differ, or n is below 4. */
anl_status importance_of(anl_ctx *ctx, const double *x, const double *y, int64_t n, int d,
                         double *share) ANL_MUST;

#endif
