/* Updates on the host: ranges of a slab, cut at segments because decay and rate belong to the segment. A range's result
 * depends on its elements only, so any cut gives the same bits. */
#ifndef ANL_OPTIMIZER_HOST_H
#define ANL_OPTIMIZER_HOST_H

#include "optimizer.h"

#include <string.h>

typedef enum anl__update { ANL__SGD, ANL__ADAM, ANL__ADAMW, ANL__RMSPROP, ANL__ADAGRAD, ANL__LAMB, ANL__UPDATES } anl__update;
static const char *const anl__update_names[ANL__UPDATES] = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lamb"};

/* Kept by a prepared update: a copy of the segments. */
typedef struct anl__update_state {
    anl__update kind;
    int n;
    anl__segment *segment;
    float *ratio;  /* lamb: by segment */
    double *sum;   /* grad_stats and lamb: partial sums */
} anl__update_state;

#define ANL__STAT_CHUNK 16384 /* elements a partial sum is made of */

static inline anl__update anl__update_of(const char *op)
{
    int k = 0;
    while (k < ANL__UPDATES - 1 && strcmp(op, anl__update_names[k])) k++;
    return (anl__update)k;
}

/* Elements [a, b) of one segment. Loops are split by kind so that each is a plain vectorisable pass. */
static inline __attribute__((always_inline)) void anl__update_range(const anl__update_state *s, const anl__segment *seg, float ratio, void *const *in, int64_t a, int64_t b)
{
    float *restrict p = in[ANL__UP_PARAM], *restrict m = in[ANL__UP_M], *restrict v = s->kind == ANL__SGD || s->kind == ANL__ADAGRAD ? NULL : (float *)in[ANL__UP_V];
    const float *restrict grad = in[ANL__UP_GRAD], *stat = in[ANL__UP_STAT], *h = in[ANL__UP_HYPER];
    float f = stat[ANL__STAT_FACTOR], cv = h[ANL__HYPER_CLIP_VALUE], lr = h[ANL__HYPER_LR] * seg->rate, wd = h[ANL__HYPER_WEIGHT_DECAY] * seg->decay;
    float b1 = h[ANL__HYPER_BETA1], b2 = h[ANL__HYPER_BETA2], c1 = stat[ANL__STAT_BIAS1], c2 = stat[ANL__STAT_BIAS2], eps = h[ANL__HYPER_EPS];
    float mu = h[ANL__HYPER_MOMENTUM], damp = h[ANL__HYPER_DAMPENING], rho = h[ANL__HYPER_RHO];
    int nesterov = h[ANL__HYPER_NESTEROV] != 0;
    switch (s->kind) {
    case ANL__SGD:
        for (int64_t i = a; i < b; i++) p[i] = anl__up_sgd(p[i], anl__up_gradient(grad[i], f, cv), &m[i], lr, wd, mu, damp, nesterov);
        break;
    case ANL__ADAM:
        for (int64_t i = a; i < b; i++) p[i] -= lr * anl__up_adam(anl__up_gradient(grad[i], f, cv) + wd * p[i], &m[i], &v[i], b1, b2, c1, c2, eps);
        break;
    case ANL__ADAMW:
        for (int64_t i = a; i < b; i++) p[i] = p[i] * (1 - lr * wd) - lr * anl__up_adam(anl__up_gradient(grad[i], f, cv), &m[i], &v[i], b1, b2, c1, c2, eps);
        break;
    case ANL__RMSPROP:
        for (int64_t i = a; i < b; i++) p[i] = anl__up_rmsprop(p[i], anl__up_gradient(grad[i], f, cv), &m[i], &v[i], lr, wd, rho, mu, eps);
        break;
    case ANL__ADAGRAD:
        for (int64_t i = a; i < b; i++) p[i] = anl__up_adagrad(p[i], anl__up_gradient(grad[i], f, cv), &m[i], lr, wd, eps);
        break;
    default: /* lamb: the moments have moved already (anl__lamb_norms) */
        for (int64_t i = a; i < b; i++) p[i] -= lr * ratio * ((m[i] / c1) / (sqrtf(v[i] / c2) + eps) + wd * p[i]);
        break;
    }
}

/* lamb's first pass over [a, b): moves the moments, adds |p|^2 and |step|^2. */
static inline void anl__lamb_norms(const anl__segment *seg, void *const *in, int64_t a, int64_t b, double *pp, double *uu)
{
    float *p = in[ANL__UP_PARAM], *m = in[ANL__UP_M], *v = in[ANL__UP_V];
    const float *grad = in[ANL__UP_GRAD], *stat = in[ANL__UP_STAT], *h = in[ANL__UP_HYPER];
    float wd = h[ANL__HYPER_WEIGHT_DECAY] * seg->decay;
    for (int64_t i = a; i < b; i++) {
        float g = anl__up_gradient(grad[i], stat[ANL__STAT_FACTOR], h[ANL__HYPER_CLIP_VALUE]);
        float u = anl__up_adam(g, &m[i], &v[i], h[ANL__HYPER_BETA1], h[ANL__HYPER_BETA2], stat[ANL__STAT_BIAS1], stat[ANL__STAT_BIAS2], h[ANL__HYPER_EPS]) + wd * p[i];
        *pp += (double)p[i] * (double)p[i];
        *uu += (double)u * (double)u;
    }
}

/* 0 in the moments' place of nothing to scale by (You et al.: ratio 1 when either norm is 0). */
static inline float anl__lamb_ratio(double pp, double uu) { return pp > 0 && uu > 0 ? (float)sqrt(pp / uu) : 1; }

/* The verdict from the sum of squares of the summed gradient. */
static inline void anl__stat_finish(double sum, const anl__call *c, const anl__run *r)
{
    const float *scale = anl__has_in(c, ANL__STATS_SCALE) ? r->in[ANL__STATS_SCALE] : NULL, *num = anl__has_in(c, ANL__STATS_NUM) ? r->in[ANL__STATS_NUM] : NULL;
    anl__up_stat(sum, *(const float *)r->in[ANL__STATS_DEN], r->in[ANL__STATS_HYPER], scale, num, (float)anl__attr_float(c, "scale_min"), r->out[0]);
}

static inline anl_status anl__scale_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    anl__up_scale(r->in[0], r->in[1], (float)anl__attr_float(c, "steps"), (float)anl__attr_float(c, "min"), (float)anl__attr_float(c, "max"));
    return ANL_OK;
}

/* Partial sums are added pairwise: a fixed tree. */
static inline double anl__tree_sum(const double *x, int64_t n)
{
    if (n <= 0) return 0;
    if (n == 1) return x[0];
    int64_t half = 1;
    while (half * 2 < n) half *= 2;
    return anl__tree_sum(x, half) + anl__tree_sum(x + half, n - half);
}

anl_status anl__update_prepare(const anl__env *env, anl__prepared *p);
void anl__update_release(anl_ctx *ctx, anl__prepared *p);

#endif
