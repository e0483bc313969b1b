/* The gradient of a loss's numerator, where the backward pass begins: a number that is given, or what operator loss_seed makes, which
 * gradients of losses compute themselves where they cover it (anl__kernel.covers). */
#ifndef ANL_SEED_CUH
#define ANL_SEED_CUH

#include "cuda.cuh"

struct anl_seed {
    const float *given; /* else NULL, and: */
    const float *hyper, *first, *own, *scale; /* first, own: denominators, or both NULL. scale: the scale block, or NULL */
    float weight;
};

static __device__ __forceinline__ float anl_seed_value(const anl_seed &s)
{
    if (s.given) return *s.given;
    float v = s.hyper[ANL__HYPER_LOSS_SCALE] * (s.scale ? s.scale[ANL__SCALE_NOW] : 1) * s.weight;
    if (s.own) v *= *s.own > 0 ? (float)((double)*s.first / (double)*s.own) : 0.0f;
    return v;
}

/* Of a call of loss_seed. */
static inline anl_seed anl_seed_of(const anl__call *c, const anl__run *r)
{
    const float *in[4];
    for (int i = 0; i < 4; i++) in[i] = anl__has_in(c, i) ? (const float *)r->in[i] : (const float *)NULL;
    return anl_seed{NULL, in[0], in[1], in[2], in[3], (float)anl__attr_float(c, "weight")};
}

/* Input `in` of a loss's gradient. */
static inline anl_seed anl_seed_in(const anl__run *r, int in)
{
    if (r->covered) return anl_seed_of(&r->covered->call, r->covered_run);
    return anl_seed{(const float *)r->in[in], NULL, NULL, NULL, NULL, 0};
}

static inline bool anl_covers_seed(const anl__prepared *p, const anl__prepared *other, int in)
{
    (void)p;
    return in >= 0 && !strcmp(other->call.op->name, "loss_seed");
}

#endif
