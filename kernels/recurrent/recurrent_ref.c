#ifndef T
#include "kernels/common/ref.h"
#include "recurrent_plain.h"
#define ANL__REF_FILE "kernels/recurrent/recurrent_ref.c"
#define LOAD(p, i) (p)[i]
#define STORE(p, i, v) (p)[i] = (T)(v)
#define S T
#include "kernels/common/ref_twice.h"

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    (void)env;
    p->workspace = sizeof(double) * (size_t)anl__plain_space(&k);
    return ANL_OK;
}

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    (void)env;
    p->workspace = sizeof(double) * (size_t)(anl__plain_sums(&k) + anl__plain_back_space(&k));
    return ANL_OK;
}

static anl_status fwd_run(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl__recurrence_of(&p->call).batch;
    if (anl__ref_is_f64(&p->call)) sequences_f64(&p->call, r, 0, n, r->ws);
    else sequences_f32(&p->call, r, 0, n, r->ws);
    return ANL_OK;
}

static anl_status bwd_run(const anl__prepared *p, const anl__run *r)
{
    anl__recurrence k = anl__recurrence_of(&p->call);
    double *sums = r->ws, *space = sums + anl__plain_sums(&k);
    memset(sums, 0, sizeof(double) * (size_t)anl__plain_sums(&k));
    if (anl__ref_is_f64(&p->call)) {
        sequences_back_f64(&p->call, r, 0, k.batch, space, sums);
        store_sums_f64(&p->call, r, sums);
    } else {
        sequences_back_f32(&p->call, r, 0, k.batch, space, sums);
        store_sums_f32(&p->call, r, sums);
    }
    return ANL_OK;
}

static const anl__kernel fwd = {.op = "recurrent", .device = "reference", .name = "recurrent/ref", .supports = anl__ref_supports, .prepare = fwd_prepare, .run = fwd_run};
static const anl__kernel bwd = {.op = "recurrent_bwd", .device = "reference", .name = "recurrent_bwd/ref", .supports = anl__ref_supports, .prepare = bwd_prepare, .run = bwd_run};
const anl__kernel *const anl__kernels_recurrent_ref[] = {&fwd, &bwd, NULL};
#else
#include "recurrent_body.h"
#endif
