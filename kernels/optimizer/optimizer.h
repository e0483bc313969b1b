/* Update formulas, an element at a time; shared by the reference, the cpu and (later) device kernels. All in f32, as the
 * slabs are. Inputs of update operators: param, grad, stat, hyper, moments. */
#ifndef ANL_OPTIMIZER_H
#define ANL_OPTIMIZER_H

#include "op.h"

#include <math.h>

enum { ANL__UP_PARAM, ANL__UP_GRAD, ANL__UP_STAT, ANL__UP_HYPER, ANL__UP_M, ANL__UP_V };
enum { ANL__STAT_BIAS1 = ANL__STAT_OVERFLOW + 1, ANL__STAT_BIAS2, ANL__STAT_WORDS }; /* of grad_stats' result, behind op.h's: Adam's 1 - beta^t */
enum { ANL__STATS_GRAD, ANL__STATS_DEN, ANL__STATS_HYPER, ANL__STATS_SCALE, ANL__STATS_NUM }; /* inputs of grad_stats */

#if defined(__CUDACC__)
#define ANL_UP static __host__ __device__ __forceinline__
#else
#define ANL_UP static inline
#endif

/* 1 - beta^t, where t counts the steps that the loss scale did not leave out (as PyTorch's GradScaler has it): all but those are in the hyper block. */
ANL_UP float anl__up_bias(float all, float beta, float step, const float *scale)
{
    float skipped = scale ? scale[ANL__SCALE_SKIPPED] : 0;
    return skipped > 0 ? (float)(1 - pow((double)beta, (double)(step - skipped))) : all;
}

/* The verdict on a reduced gradient whose squares add up to `sum`. scale, num: NULL where there is no scale block. A gradient that is not finite beside a finite
   loss is the scale's fault as long as it can be smaller. */
ANL_UP void anl__up_stat(double sum, float den, const float *h, const float *scale, const float *num, float scale_min, float *stat)
{
    double all = (double)den * (double)h[ANL__HYPER_LOSS_SCALE] * (scale ? (double)scale[ANL__SCALE_NOW] : 1), norm = sqrt(sum) / all;
    bool finite = isfinite(sum) && isfinite(norm) && den > 0;
    double limit = (double)h[ANL__HYPER_CLIP_NORM], clip = limit > 0 && norm > limit ? limit / norm : 1;
    stat[ANL__STAT_FINITE] = finite;
    stat[ANL__STAT_FACTOR] = finite ? (float)(clip / all) : 0;
    stat[ANL__STAT_NORM] = (float)norm;
    stat[ANL__STAT_BIAS1] = anl__up_bias(h[ANL__HYPER_BIAS1], h[ANL__HYPER_BETA1], h[ANL__HYPER_STEP], scale);
    stat[ANL__STAT_BIAS2] = anl__up_bias(h[ANL__HYPER_BIAS2], h[ANL__HYPER_BETA2], h[ANL__HYPER_STEP], scale);
    stat[ANL__STAT_OVERFLOW] = !finite && scale && scale[ANL__SCALE_NOW] > scale_min && den > 0 && isfinite(den) && (!num || isfinite(*num));
}

/* Moves the scale block: half after an overflow, twice after `steps` good steps in a row (0: never). */
ANL_UP void anl__up_scale(float *s, const float *stat, float steps, float least, float most)
{
    bool good = stat[ANL__STAT_FINITE] != 0, over = stat[ANL__STAT_OVERFLOW] != 0;
    s[ANL__SCALE_GOOD] = good ? s[ANL__SCALE_GOOD] + 1 : 0;
    if (over) {
        s[ANL__SCALE_SKIPPED] += 1;
        s[ANL__SCALE_NOW] = fmaxf(s[ANL__SCALE_NOW] / 2, least);
    }
    if (steps > 0 && s[ANL__SCALE_GOOD] >= steps) {
        s[ANL__SCALE_GOOD] = 0;
        s[ANL__SCALE_NOW] = fminf(s[ANL__SCALE_NOW] * 2, most);
    }
}

ANL_UP float anl__up_gradient(float g, float factor, float clip_value)
{
    g *= factor;
    return clip_value > 0 ? (g > clip_value ? clip_value : g < -clip_value ? -clip_value : g) : g;
}

/* *m is the velocity; on the first step PyTorch's is the gradient itself, which m = 0 gives with no dampening. */
ANL_UP float anl__up_sgd(float p, float g, float *m, float lr, float wd, float mu, float damp, int nesterov)
{
    g += wd * p;
    if (mu != 0) {
        *m = mu * *m + (1 - damp) * g;
        g = nesterov ? g + mu * *m : *m;
    }
    return p - lr * g;
}

/* Returns the Adam direction (before the rate). */
ANL_UP float anl__up_adam(float g, float *m, float *v, float b1, float b2, float bias1, float bias2, float eps)
{
    float first = b1 * *m + (1 - b1) * g, second = b2 * *v + (1 - b2) * g * g; /* both are read before one is written */
    *m = first;
    *v = second;
    return (first / bias1) / (sqrtf(second / bias2) + eps);
}

/* *v mean square, *m momentum buffer (Hinton; PyTorch's form, not centred). */
ANL_UP float anl__up_rmsprop(float p, float g, float *v, float *m, float lr, float wd, float rho, float mu, float eps)
{
    g += wd * p;
    *v = rho * *v + (1 - rho) * g * g;
    float d = g / (sqrtf(*v) + eps);
    if (mu == 0) return p - lr * d;
    *m = mu * *m + d;
    return p - lr * *m;
}

ANL_UP float anl__up_adagrad(float p, float g, float *v, float lr, float wd, float eps)
{
    g += wd * p;
    *v += g * g;
    return p - lr * g / (sqrtf(*v) + eps);
}

#endif
