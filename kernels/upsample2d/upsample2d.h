/* Where a new pixel comes from. */
#ifndef ANL_UPSAMPLE2D_H
#define ANL_UPSAMPLE2D_H

#include "op.h"

/* Along one axis of n pixels, new pixel i is w[0] * old[at[0]] + w[1] * old[at[1]]. */
typedef struct anl__taps { int64_t at[2]; double w[2]; } anl__taps;

static inline anl__taps anl__upsample_taps(const anl__call *c, int64_t scale, int64_t n, int64_t i)
{
    anl__taps t = {{i / scale, i / scale}, {1, 0}};
    if (anl__attr_int(c, "mode") == 0) return t;
    double x = ((double)i + 0.5) / (double)scale - 0.5;
    if (x < 0) x = 0;
    t.at[0] = (int64_t)x;
    t.at[1] = t.at[0] + 1 < n ? t.at[0] + 1 : t.at[0];
    t.w[1] = x - (double)t.at[0];
    t.w[0] = 1 - t.w[1];
    return t;
}

#endif
