#ifndef T
#include "ctc.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/ctc/ctc_ref.c"
#define FAST
#define LOAD(p, i) ((double)(p)[i])
#define STORE(p, i, v) (p)[i] = (T)(v)
#define E double
#define EXP exp
#define LOG log
#include "kernels/common/ref_twice.h"

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__ctc k = anl__ctc_of(&p->call, NULL, 0);
    (void)env;
    p->workspace = sizeof(double) * anl__ctc_lay(&k, p->call.n_out == 1 ? k.steps : 2, NULL, NULL);
    return ANL_OK;
}

static anl_status fwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__ctc k = anl__ctc_of(&p->call, r, 2);
    double sum[ANL__CTC_SUMS];
    bool wide = anl__ref_is_f64(&p->call);
    if (wide) forward_f64(&k, r->in[0], 0, k.samples, r->ws, sum);
    else forward_f32(&k, r->in[0], 0, k.samples, r->ws, sum);
    for (int i = 0; i < ANL__CTC_SUMS; i++) {
        if (wide) *(double *)r->out[i] = sum[i];
        else *(float *)r->out[i] = (float)sum[i];
    }
    return ANL_OK;
}

static anl_status bwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__ctc k = anl__ctc_of(&p->call, r, 3);
    if (anl__ref_is_f64(&p->call))
        backward_f64(&k, r->in[0], r->out[0], *(const double *)r->in[2], 0, k.samples, r->ws);
    else backward_f32(&k, r->in[0], r->out[0], (double)*(const float *)r->in[2], 0, k.samples, r->ws);
    return ANL_OK;
}

static const anl__kernel fwd = {.op = "ctc", .device = "reference", .name = "ctc/ref",
                                .supports = anl__ref_supports, .prepare = prepare, .run = fwd_run};
static const anl__kernel bwd = {.op = "ctc_bwd", .device = "reference", .name = "ctc_bwd/ref",
                                .supports = anl__ref_supports, .prepare = prepare, .run = bwd_run};
const anl__kernel *const anl__kernels_ctc_ref[] = {&fwd, &bwd, NULL};
#else
static double FN(lse)(const T *z, int64_t n, int64_t *best)
{
    double sum = 0;
    *best = 0;
    for (int64_t j = 1; j < n; j++)
        if (z[j] > z[*best]) *best = j;
    for (int64_t j = 0; j < n; j++) sum += exp((double)z[j] - (double)z[*best]);
    return (double)z[*best] + log(sum);
}
#include "ctc_body.h"
#endif
