#ifndef T
#include "additive.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/additive_attention/additive_attention_ref.c"
#define A double
#define P T
#define FAST
#define LOAD(p, i) ((double)(p)[i])
#define STORE(p, i, v) (p)[i] = (T)(v)
#define EXP exp
#define TANH tanh
#include "kernels/common/ref_twice.h"

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__additive a = anl__additive_of(&p->call, NULL);
    (void)env;
    p->workspace = sizeof(double) * (size_t)(2 * a.keys + 2 * a.width + a.out + a.keys * (a.width + a.out));
    return ANL_OK;
}

static anl_status fwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__additive a = anl__additive_of(&p->call, p->call.n_in > 4 ? r->in[4] : NULL);
    if (anl__ref_is_f64(&p->call)) forward_f64(&a, r, 0, a.samples, r->ws);
    else forward_f32(&a, r, 0, a.samples, r->ws);
    return ANL_OK;
}

static anl_status bwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__additive a = anl__additive_of(&p->call, p->call.n_in > 6 ? r->in[6] : NULL);
    double *dv = r->ws;
    memset(dv, 0, sizeof *dv * (size_t)a.width);
    if (anl__ref_is_f64(&p->call)) backward_f64(&a, r, 0, a.samples, dv, dv + a.width);
    else backward_f32(&a, r, 0, a.samples, dv, dv + a.width);
    for (int64_t j = 0; j < a.width; j++)
        if (anl__ref_is_f64(&p->call)) ((double *)r->out[2])[j] = dv[j];
        else ((float *)r->out[2])[j] = (float)dv[j];
    return ANL_OK;
}

static const anl__kernel fwd = {.op = "additive_attention", .device = "reference", .name = "additive_attention/ref", .supports = anl__ref_supports, .prepare = prepare, .run = fwd_run};
static const anl__kernel bwd = {.op = "additive_attention_bwd", .device = "reference", .name = "additive_attention_bwd/ref", .supports = anl__ref_supports, .prepare = prepare, .run = bwd_run};
const anl__kernel *const anl__kernels_additive_attention_ref[] = {&fwd, &bwd, NULL};
#else
static double FN(dot)(const T *a, const T *b, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += (double)a[i] * (double)b[i];
    return s;
}

static double FN(weigh)(const T *v, const T *q, const T *k, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += (double)v[i] * tanh((double)q[i] + (double)k[i]);
    return s;
}
#include "additive_body.h"
#endif
