/* exp and its relatives in f32 without calls, branches or tables, so that loops over them vectorise; every element goes through
 * the same operations, so bits depend neither on the place in a vector nor on the instruction set (no contraction).
 * Largest errors over all floats (tests/unit/vexp_test.c): exp 1.0 ulp (0 below 2^-124.8), expm1 1.6, erf 1.2, tanh 2.5,
 * sigmoid 2.6, softplus 2.8; NaN gives NaN. */
#ifndef ANL_VEXP_H
#define ANL_VEXP_H

#include <stdint.h>
#include <string.h>

#define ANL__V static inline __attribute__((always_inline))

/* exp(x) = (q + 1) 2^n with |q| <= 0.42; s = 2^(n + add), n + add in [-126, 127]. Cephes' expf: Cody and Waite's reduction, degree 5. */
ANL__V void anl__v_exp_parts(float x, int add, float *q, float *s)
{
    float t = x * 1.44269504088896341f + 12582912.0f; /* the sum's low bits are the nearest integer n */
    uint32_t bits;
    memcpy(&bits, &t, 4);
    float n = t - 12582912.0f, r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    *q = p * (r * r) + r;
    bits = (bits - 0x4b400000u + (uint32_t)(127 + add)) << 23;
    memcpy(s, &bits, 4);
}

ANL__V float anl__v_clamp(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

ANL__V float anl__v_exp(float x)
{
    float q, s;
    anl__v_exp_parts(anl__v_clamp(x, -86.5f, 88.75f), -1, &q, &s);
    float e = (q * s + s) * 2; /* s is half: 2^128 is no float */
    return x < -86.5f ? 0 : e;
}

/* x <= 88; larger gives exp(88) - 1. */
ANL__V float anl__v_expm1(float x)
{
    float q, s;
    anl__v_exp_parts(anl__v_clamp(x, -30.0f, 88.0f), 0, &q, &s);
    return q * s + (s - 1);
}

ANL__V float anl__v_abs(float x) { return x < 0 ? -x : x; }

/* With m = exp(2 |x|) - 1 it is m / (m + 2), and the sign put back. */
ANL__V float anl__v_tanh(float x)
{
    float q, s;
    anl__v_exp_parts(2 * anl__v_clamp(__builtin_fabsf(x), 0, 10.0f), 0, &q, &s);
    float m = q * s + (s - 1);
    return __builtin_copysignf(m / (m + 2), x);
}

/* exp(87) is no infinity, and 1 / exp(87) not yet flushed. */
ANL__V float anl__v_sigmoid(float x)
{
    float q, s;
    anl__v_exp_parts(anl__v_clamp(-x, -87.0f, 87.0f), 0, &q, &s);
    return 1 / (q * s + s + 1);
}

/* log(1 + exp(x)): with z = exp(-|x|) in (0, 1] and u = z / (2 + z) <= 1/3, log(1 + z) = 2 atanh(u). */
ANL__V float anl__v_softplus(float x)
{
    float z = anl__v_exp(-anl__v_abs(x)), u = z / (2 + z), w = u * u;
    float p = 1.0f / 15;
    p = p * w + 1.0f / 13;
    p = p * w + 1.0f / 11;
    p = p * w + 1.0f / 9;
    p = p * w + 1.0f / 7;
    p = p * w + 1.0f / 5;
    p = p * w + 1.0f / 3;
    float l = 2 * (p * w * u + u);
    return x < 0 ? l : x + l;
}

/* Two minimax polynomials by N. Juffa: near 0 one in x, farther out 1 - exp(polynomial in |x|). */
ANL__V float anl__v_erf(float x)
{
    float t = anl__v_clamp(anl__v_abs(x), 0, 4.0f), w = t * t;
    float far = -1.72853470e-5f * t + 3.83197126e-4f;
    far = far * w + (-3.88396438e-3f * t + 2.42546219e-2f);
    far = far * t + -1.06777877e-1f;
    far = far * t + -6.34846687e-1f;
    far = far * t + -1.28717512e-1f;
    far = 1 - anl__v_exp(far * t - t);
    far = x < 0 ? -far : far;
    float near = -5.96761703e-4f * w + 4.99119423e-3f;
    near = near * w + -2.67681349e-2f;
    near = near * w + 1.12819925e-1f;
    near = near * w + -3.76125336e-1f;
    near = near * w + 1.28379166e-1f;
    near = near * x + x;
    return t > 0.927734375f ? far : near;
}

#endif
