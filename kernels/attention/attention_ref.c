#ifndef T
#include "attention.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/attention/attention_ref.c"
#define A double
#define FAST
#define LOAD(p, i) ((double)(p)[i])
#define STORE(p, i, v) (p)[i] = (T)(v)
#define EXP exp
#include "kernels/common/ref_twice.h"

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__attend a = anl__attend_of(&p->call, NULL);
    (void)env;
    p->workspace = sizeof(double) * (size_t)(2 * a.keys + a.width + a.out + a.keys * (a.width + a.out));
    return ANL_OK;
}

static anl_status fwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__attend a = anl__attend_of(&p->call, p->call.n_in > 3 ? r->in[3] : NULL);
    if (anl__ref_is_f64(&p->call)) forward_f64(&a, r, 0, a.samples, r->ws);
    else forward_f32(&a, r, 0, a.samples, r->ws);
    return ANL_OK;
}

static anl_status bwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__attend a = anl__attend_of(&p->call, p->call.n_in > 5 ? r->in[5] : NULL);
    if (anl__ref_is_f64(&p->call)) backward_f64(&a, r, 0, a.samples, r->ws);
    else backward_f32(&a, r, 0, a.samples, r->ws);
    return ANL_OK;
}

static const anl__kernel fwd = {.op = "attention", .device = "reference", .name = "attention/ref", .supports = anl__ref_supports, .prepare = prepare, .run = fwd_run};
static const anl__kernel bwd = {.op = "attention_bwd", .device = "reference", .name = "attention_bwd/ref", .supports = anl__ref_supports, .prepare = prepare, .run = bwd_run};
const anl__kernel *const anl__kernels_attention_ref[] = {&fwd, &bwd, NULL};
#else
static double FN(dot)(const T *a, const T *b, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += (double)a[i] * (double)b[i];
    return s;
}
#include "attention_body.h"
#endif
