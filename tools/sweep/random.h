/* Philox draws for samplers and schedulers: a counter that is started from (seed, trial, purpose) each time,
 * never kept. */
#ifndef SWEEP_RANDOM_H
#define SWEEP_RANDOM_H

#include "runtime/base/philox.h"

typedef struct draws {
    uint64_t seed;
    uint32_t trial, purpose, next;
} draws;

double draws_unit(draws *d); /* in (0, 1) */
double draws_normal(draws *d);
int64_t draws_below(draws *d, int64_t n); /* 0 .. n-1 */
/* Normal(mean, sigma) given that it lies within [low, high]; mean within, too. */
double draws_truncated(draws *d, double mean, double sigma, double low, double high);

/* `purpose` is a name: equal numbers never come from two places. Trials may be numbered below 0. */
draws draws_for(uint64_t seed, int64_t trial, const char *purpose);

#endif
