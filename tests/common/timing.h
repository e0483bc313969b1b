/* For programs that measure: the clock, and what sorts times for their median. */
#ifndef ANL_TESTS_TIMING_H
#define ANL_TESTS_TIMING_H

#include <time.h>

/* Seconds of the monotonic clock. */
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* For qsort over doubles, ascending. */
static inline int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#endif
