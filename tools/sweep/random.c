/* Random draws of the search. One Philox block a draw: the index is the counter, so a draw depends on its
 * place alone. */
#include "random.h"

#include <math.h>

draws draws_for(uint64_t seed, int64_t trial, const char *purpose)
{
    return (draws){.seed = seed, .trial = (uint32_t)trial, .purpose = anl__name_hash(purpose)};
}

static anl__u32x4 block(draws *d)
{
    return anl__philox(d->seed, d->next++, d->trial, d->purpose, ANL__STREAM_SAMPLE);
}

double draws_unit(draws *d)
{
    anl__u32x4 r = block(d);
    return anl__u32_to_unit64(r.v[0], r.v[1]);
}

double draws_normal(draws *d)
{
    anl__u32x4 r = block(d);
    double radius = sqrt(-2 * log(anl__u32_to_unit64(r.v[0], r.v[1])));
    return radius * cos(6.283185307179586 * anl__u32_to_unit64(r.v[2], r.v[3])); /* Box-Muller */
}

int64_t draws_below(draws *d, int64_t n)
{
    int64_t k = (int64_t)(draws_unit(d) * (double)n);
    return k < n ? k : n - 1;
}

double draws_truncated(draws *d, double mean, double sigma, double low, double high)
{
    /* with the mean inside, at least a third is accepted when sigma is at most the range: 64 misses do not
     * happen by chance */
    for (int k = 0; k < 64; k++) {
        double v = mean + sigma * draws_normal(d);
        if (v >= low && v <= high) return v;
    }
    return low + (high - low) * draws_unit(d);
}
