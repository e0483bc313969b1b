/* Activations and their slopes, one element at a time; shared by host and device code.
 * kind: an anl__act; a: the kind's parameter (leaky_relu's slope, elu's alpha; gelu: 1 for the tanh form).
 * The slope is taken from x, or where the operator keeps only its output, from y. */
#ifndef ANL_ACTIVATION_FORMULA_H
#define ANL_ACTIVATION_FORMULA_H

#include <math.h>

#ifdef __CUDACC__
#define ANL_ACT static __host__ __device__ __forceinline__
#else
#define ANL_ACT static inline
#endif

typedef enum anl__act { ANL__RELU, ANL__LEAKY_RELU, ANL__ELU, ANL__GELU, ANL__SILU, ANL__SIGMOID, ANL__TANH, ANL__HARDSWISH, ANL__SOFTPLUS, ANL__ACT_COUNT } anl__act;

#define ANL__ACT_FORMULAS(T, F, EXP, TANH, ERF, LOG1P, EXPM1)                                                               \
    ANL_ACT T anl__sigmoid_##F(T x) { return x >= 0 ? 1 / (1 + EXP(-x)) : EXP(x) / (1 + EXP(x)); }                          \
    ANL_ACT T anl__act_##F(int kind, T x, T a)                                                                              \
    {                                                                                                                       \
        switch (kind) {                                                                                                     \
        case ANL__RELU: return x > 0 ? x : x != x ? x : 0;                                                                  \
        case ANL__LEAKY_RELU: return x > 0 ? x : a * x;                                                                     \
        case ANL__ELU: return x > 0 ? x : a * EXPM1(x);                                                                     \
        case ANL__GELU: /* Hendrycks and Gimpel, 2016 */                                                                    \
            return a != 0 ? (T)0.5 * x * (1 + TANH((T)0.7978845608028654 * (x + (T)0.044715 * x * x * x)))                  \
                          : (T)0.5 * x * (1 + ERF(x * (T)0.7071067811865476));                                              \
        case ANL__SILU: return x * anl__sigmoid_##F(x);                                                                     \
        case ANL__SIGMOID: return anl__sigmoid_##F(x);                                                                      \
        case ANL__TANH: return TANH(x);                                                                                     \
        case ANL__HARDSWISH: return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;                                             \
        case ANL__SOFTPLUS: return x > 0 ? x + LOG1P(EXP(-x)) : LOG1P(EXP(x));                                              \
        default: return x;                                                                                                  \
        }                                                                                                                   \
    }                                                                                                                       \
    /* v is the output y for relu, leaky_relu, elu, sigmoid and tanh, else the input x. */                                  \
    ANL_ACT T anl__act_slope_##F(int kind, T v, T a)                                                                        \
    {                                                                                                                       \
        switch (kind) {                                                                                                     \
        case ANL__RELU: return v > 0 ? 1 : 0;                                                                               \
        case ANL__LEAKY_RELU: return v > 0 ? 1 : a;                                                                         \
        case ANL__ELU: return v > 0 ? 1 : v + a;                                                                            \
        case ANL__GELU: {                                                                                                   \
            if (a != 0) {                                                                                                   \
                T t = TANH((T)0.7978845608028654 * (v + (T)0.044715 * v * v * v));                                          \
                return (T)0.5 * (1 + t) + (T)0.5 * v * (1 - t * t) * (T)0.7978845608028654 * (1 + (T)0.134145 * v * v);     \
            }                                                                                                               \
            return (T)0.5 * (1 + ERF(v * (T)0.7071067811865476)) + v * (T)0.3989422804014327 * EXP((T)-0.5 * v * v);        \
        }                                                                                                                   \
        case ANL__SILU: {                                                                                                   \
            T s = anl__sigmoid_##F(v);                                                                                      \
            return s * (1 + v * (1 - s));                                                                                   \
        }                                                                                                                   \
        case ANL__SIGMOID: return v * (1 - v);                                                                              \
        case ANL__TANH: return 1 - v * v;                                                                                   \
        case ANL__HARDSWISH: return v <= -3 ? 0 : v >= 3 ? 1 : (2 * v + 3) / 6;                                             \
        case ANL__SOFTPLUS: return anl__sigmoid_##F(v);                                                                     \
        default: return 1;                                                                                                  \
        }                                                                                                                   \
    }

ANL__ACT_FORMULAS(float, f32, expf, tanhf, erff, log1pf, expm1f)
ANL__ACT_FORMULAS(double, f64, exp, tanh, erf, log1p, expm1)

/* Does the slope read the output (which then need not keep the input alive)? */
ANL_ACT int anl__act_reads_output(int kind) { return kind <= ANL__ELU || kind == ANL__SIGMOID || kind == ANL__TANH; }

#endif
