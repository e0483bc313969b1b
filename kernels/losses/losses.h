/* Element formulas of losses on values, in double: l(y, t) and its derivative by y. */
#ifndef ANL_LOSSES_H
#define ANL_LOSSES_H

#include "op.h"

#include <math.h>
#include <string.h>

typedef enum anl__loss_kind { ANL__MSE, ANL__HUBER, ANL__BCE } anl__loss_kind;

static inline anl__loss_kind anl__loss_of(const anl__call *c)
{
    return !strncmp(c->op->name, "mse", 3) ? ANL__MSE : !strncmp(c->op->name, "huber", 5) ? ANL__HUBER : ANL__BCE;
}

/* Targets are f32 (f64) values, or i32 numbers. */
static inline double anl__loss_target(const anl__call *c, const void *t, int64_t i)
{
    return c->in[1].dtype == ANL_I32 ? (double)((const int32_t *)t)[i] : c->in[1].dtype == ANL_F64 ? ((const double *)t)[i] : (double)((const float *)t)[i];
}

/* Huber, 1964: quadratic up to delta, then linear. bce: log(1 + exp(y)) - t y, in the form that does not overflow. */
static inline double anl__loss_value(anl__loss_kind k, double delta, double y, double t)
{
    double d = y - t, a = fabs(d);
    if (k == ANL__MSE) return d * d;
    if (k == ANL__HUBER) return a <= delta ? 0.5 * d * d : delta * (a - 0.5 * delta);
    return (y > 0 ? y : 0) - t * y + log1p(exp(-fabs(y)));
}

static inline double anl__loss_slope(anl__loss_kind k, double delta, double y, double t)
{
    double d = y - t;
    if (k == ANL__MSE) return 2 * d;
    if (k == ANL__HUBER) return d > delta ? delta : d < -delta ? -delta : d;
    return (y >= 0 ? 1 / (1 + exp(-y)) : exp(y) / (1 + exp(y))) - t;
}

#endif
