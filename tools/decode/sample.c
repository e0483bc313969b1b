/* See sample.h. */
#include "sample.h"

#include "runtime/base/philox.h"

#include <math.h>

/* The k-th largest value, by repeated passes: k is small and n a vocabulary. */
static double kth(const float *z, int64_t n, int64_t k)
{
    double border = INFINITY;
    for (int64_t seen = 0; seen < k;) {
        double next = -INFINITY;
        int64_t here = 0;
        for (int64_t i = 0; i < n; i++) {
            if ((double)z[i] >= border) continue;
            if ((double)z[i] > next) {
                next = (double)z[i];
                here = 0;
            }
            here += (double)z[i] == next;
        }
        if (!here) break;
        border = next;
        seen += here;
    }
    return border;
}

int32_t sample_token(const float *z, int64_t n, double temperature, int64_t top_k, double u)
{
    int64_t best = 0, last = 0;
    double sum = 0, at = 0, border = top_k > 0 && top_k < n ? kth(z, n, top_k) : -INFINITY;
    for (int64_t i = 1; i < n; i++)
        if (z[i] > z[best]) best = i;
    if (temperature <= 0) return (int32_t)best;
    for (int64_t i = 0; i < n; i++)
        if ((double)z[i] >= border) sum += exp(((double)z[i] - (double)z[best]) / temperature);
    for (int64_t i = 0; i < n; i++) {
        if ((double)z[i] < border) continue;
        last = i;
        at += exp(((double)z[i] - (double)z[best]) / temperature);
        if (u * sum < at) return (int32_t)i;
    }
    return (int32_t)last;
}

double sample_number(uint64_t seed, int64_t index)
{
    anl__u32x4 r = anl__philox(seed, (uint32_t)index, (uint32_t)((uint64_t)index >> 32), 0, ANL__STREAM_SAMPLE);
    return ((double)r.v[0] * 4294967296.0 + (double)r.v[1]) / 18446744073709551616.0;
}
