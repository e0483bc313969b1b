#ifndef T
#include "kernels/common/ref.h"
#include "layernorm.h"
#define ANL__REF_FILE "kernels/layernorm/layernorm_ref.c"
#define LOAD(p, i) (p)[i]
#define STORE(p, i, v) (p)[i] = (T)(v)
#define S T
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("layernorm", fwd)

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->workspace = sizeof(double) * 2 * (size_t)anl__sets_of(&p->call).channels;
    return ANL_OK;
}

static anl_status bwd_run(const anl__prepared *p, const anl__run *r)
{
    memset(r->ws, 0, p->workspace);
    if (anl__ref_is_f64(&p->call)) bwd_f64(&p->call, r);
    else bwd_f32(&p->call, r);
    return ANL_OK;
}

static const anl__kernel group = {.op = "groupnorm", .device = "reference", .name = "groupnorm/ref", .supports = anl__ref_supports, .run = fwd_run};
static const anl__kernel layer_bwd = {.op = "layernorm_bwd", .device = "reference", .name = "layernorm_bwd/ref", .supports = anl__ref_supports, .prepare = bwd_prepare, .run = bwd_run};
static const anl__kernel group_bwd = {.op = "groupnorm_bwd", .device = "reference", .name = "groupnorm_bwd/ref", .supports = anl__ref_supports, .prepare = bwd_prepare, .run = bwd_run};
const anl__kernel *const anl__kernels_layernorm_ref[] = {&fwd_kernel, &group, &layer_bwd, &group_bwd, NULL};
#else
#include "layernorm_body.h"
static void FN(fwd)(const anl__call *c, const anl__run *r) { FN(norm_rows)(c, r, 0, anl__sets_of(c).rows); }

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    int64_t k = anl__sets_of(c).channels;
    double *part = r->ws;
    FN(norm_bwd_rows)(c, r, 0, anl__sets_of(c).rows, part);
    for (int64_t j = 0; j < k; j++) {
        ((T *)r->out[1])[j] = (T)part[j];
        ((T *)r->out[2])[j] = (T)part[k + j];
    }
}
#endif
