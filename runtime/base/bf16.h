/* bfloat16 on the host: the upper half of an f32. */
#ifndef ANL_BF16_H
#define ANL_BF16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline void anl__bf16_to_f32(float *dst, const uint16_t *src, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)src[i] << 16;
        memcpy(&dst[i], &u, sizeof u);
    }
}

/* To the nearest, ties to even; NaN stays NaN. */
static inline void anl__bf16_from_f32(uint16_t *dst, const float *src, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &src[i], sizeof u);
        u = (u + 0x7fff + (u >> 16 & 1)) >> 16;
        dst[i] = isnan(src[i]) ? 0x7fc0 : (uint16_t)u;
    }
}

#endif
