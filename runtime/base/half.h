/* The 16-bit floats on the host: bf16, the upper half of an f32, and f16, IEEE 754's binary16. To the
 * nearest, ties to even; NaN stays NaN. */
#ifndef ANL_HALF_H
#define ANL_HALF_H

#include "../anneal.h"

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

/* Always inlined, so that it is also where a loop is compiled for other instructions than the rest. */
static inline __attribute__((always_inline)) uint16_t anl__bf16_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    u = (u + 0x7fffu + (u >> 16 & 1)) >> 16;
    return (uint16_t)(f != f ? 0x7fc0u : u);
}

static inline void anl__bf16_from_f32(uint16_t *dst, const float *src, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dst[i] = anl__bf16_bits(src[i]);
}

/* Five bits of exponent, ten of fraction: the bits moved into an f32 are a factor 2^112 too small, in
   subnormals as well. */
static inline float anl__f16_float(uint16_t h)
{
    uint32_t u = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    float f;
    if ((h & 0x7c00) == 0x7c00) u |= 0x7f800000u; /* infinity and NaN */
    memcpy(&f, &u, sizeof f);
    if ((h & 0x7c00) != 0x7c00) f *= 0x1p112f;
    memcpy(&u, &f, sizeof u);
    u |= sign;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* 65520 and above become infinity. */
static inline uint16_t anl__f16_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
    u &= 0x7fffffffu;
    if (u > 0x7f800000u) return (uint16_t)(sign | 0x7e00);
    if (u >= 0x477ff000u) return (uint16_t)(sign | 0x7c00);
    if (u < 0x38800000u) { /* subnormal: added to 0.5, the last bit of the sum is 2^-24 */
        float t;
        memcpy(&t, &u, sizeof t);
        t += 0.5f;
        memcpy(&u, &t, sizeof u);
        return (uint16_t)(sign | (u - 0x3f000000u));
    }
    u += 0xfffu + (u >> 13 & 1u);
    return (uint16_t)(sign | ((u - 0x38000000u) >> 13));
}

static inline void anl__f16_to_f32(float *dst, const uint16_t *src, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dst[i] = anl__f16_float(src[i]);
}

static inline void anl__f16_from_f32(uint16_t *dst, const float *src, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dst[i] = anl__f16_bits(src[i]);
}

/* t: ANL_BF16 or ANL_F16. */
static inline void anl__half_to_f32(anl_dtype t, float *dst, const uint16_t *src, int64_t n)
{
    if (t == ANL_F16) anl__f16_to_f32(dst, src, n);
    else anl__bf16_to_f32(dst, src, n);
}

static inline void anl__half_from_f32(anl_dtype t, uint16_t *dst, const float *src, int64_t n)
{
    if (t == ANL_F16) anl__f16_from_f32(dst, src, n);
    else anl__bf16_from_f32(dst, src, n);
}

#endif
