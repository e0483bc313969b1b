/* The dropout mask: a function of (seed, step, layer, sample of the global batch, feature) alone, so that shards, padding,
 * fusion and recomputation do not change it, and a CPU and a GPU drop the same units. */
#ifndef ANL_DROPOUT_H
#define ANL_DROPOUT_H

#include "base/philox.h"

/* Units 4q .. 4q+3 of a sample: bit u of the result is set when unit 4q+u is kept. keep_below: (1-p) * 2^32, saturated. */
ANL_HD unsigned anl__dropout_keep4(uint64_t seed, uint32_t key, uint32_t step, uint32_t sample, uint32_t q, uint32_t keep_below)
{
    anl__u32x4 r = anl__philox(seed, q, sample, step, ANL__STREAM_DROPOUT ^ key);
    return (unsigned)(r.v[0] < keep_below) | (unsigned)(r.v[1] < keep_below) << 1 | (unsigned)(r.v[2] < keep_below) << 2 | (unsigned)(r.v[3] < keep_below) << 3;
}

ANL_HD uint32_t anl__dropout_threshold(double p)
{
    double t = (1 - p) * 4294967296.0;
    return t >= 4294967295.0 ? 4294967295u : (uint32_t)t;
}

#endif
