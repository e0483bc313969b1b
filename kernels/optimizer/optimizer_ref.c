/* Updates, one thread. Slabs are f32 on every device, so there is one precision. */
#include "optimizer_host.h"

anl_status anl__update_prepare(const anl__env *env, anl__prepared *p)
{
    anl__update_state *s = anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    p->state = s;
    s->kind = anl__update_of(p->call.op->name);
    int64_t count = anl_shape_count(&p->call.in[0].shape);
    s->n = env->n_segments ? env->n_segments : 1;
    s->segment = anl__calloc(env->ctx, (size_t)s->n, sizeof *s->segment);
    s->ratio = anl__calloc(env->ctx, (size_t)s->n, sizeof *s->ratio);
    s->sum = anl__calloc(env->ctx, (size_t)(count / ANL__STAT_CHUNK + 2) * 2, sizeof *s->sum);
    if (!s->segment || !s->ratio || !s->sum) {
        anl__update_release(env->ctx, p);
        return ANL_NOMEM;
    }
    s->segment[0] = (anl__segment){.offset = 0, .count = count, .decay = 1, .rate = 1}; /* without a net: one segment */
    if (env->n_segments) memcpy(s->segment, env->segment, sizeof *s->segment * (size_t)s->n);
    return ANL_OK;
}

void anl__update_release(anl_ctx *ctx, anl__prepared *p)
{
    anl__update_state *s = p->state;
    if (!s) return;
    anl__free(ctx, s->segment);
    anl__free(ctx, s->ratio);
    anl__free(ctx, s->sum);
    anl__free(ctx, s);
    p->state = NULL;
}

static anl_status stats_run(const anl__prepared *p, const anl__run *r)
{
    anl__update_state *s = p->state;
    const float *g = r->in[0];
    int64_t n = anl_shape_count(&p->call.in[0].shape), chunks = 0;
    for (int64_t a = 0; a < n; a += ANL__STAT_CHUNK) {
        double sum = 0;
        for (int64_t i = a; i < n && i < a + ANL__STAT_CHUNK; i++) sum += (double)g[i] * (double)g[i];
        s->sum[chunks++] = sum;
    }
    anl__stat_finish(anl__tree_sum(s->sum, chunks), &p->call, r);
    return ANL_OK;
}

static anl_status update_run(const anl__prepared *p, const anl__run *r)
{
    anl__update_state *s = p->state;
    if (((const float *)r->in[ANL__UP_STAT])[ANL__STAT_FINITE] == 0) return ANL_OK;
    for (int k = 0; k < s->n; k++) {
        const anl__segment *seg = &s->segment[k];
        double pp = 0, uu = 0;
        if (s->kind == ANL__LAMB) anl__lamb_norms(seg, r->in, seg->offset, seg->offset + seg->count, &pp, &uu);
        anl__update_range(s, seg, anl__lamb_ratio(pp, uu), r->in, seg->offset, seg->offset + seg->count);
    }
    return ANL_OK;
}

static anl_status ema_run(const anl__prepared *p, const anl__run *r)
{
    float *e = r->in[0];
    const float *x = r->in[1], *stat = r->in[2], d = ((const float *)r->in[3])[ANL__HYPER_EMA_DECAY];
    if (stat[ANL__STAT_FINITE] == 0) return ANL_OK;
    const anl__update_state *s = p->state;
    for (int k = 0; k < s->n; k++)
        for (int64_t i = s->segment[k].offset, end = i + s->segment[k].count; i < end; i++)
            e[i] = d * e[i] + (1 - d) * x[i];
    return ANL_OK;
}

static anl_status add_run(const anl__prepared *p, const anl__run *r)
{
    float *dst = r->in[0];
    const float *src = r->in[1];
    for (int64_t i = 0, n = anl_shape_count(&p->call.in[0].shape); i < n; i++) dst[i] += src[i];
    return ANL_OK;
}

#define KERNEL(id, fn) static const anl__kernel id = {.op = #id, .device = "reference", .name = #id "/ref", .prepare = anl__update_prepare, .run = fn, .release = anl__update_release}
KERNEL(grad_stats, stats_run);
KERNEL(sgd, update_run);
KERNEL(adam, update_run);
KERNEL(adamw, update_run);
KERNEL(rmsprop, update_run);
KERNEL(adagrad, update_run);
KERNEL(lamb, update_run);
KERNEL(ema, ema_run);
static const anl__kernel loss_scale = {.op = "loss_scale", .device = "reference", .name = "loss_scale/ref", .run = anl__scale_run};
static const anl__kernel slab_add = {.op = "slab_add", .device = "reference", .name = "slab_add/ref", .run = add_run};
const anl__kernel *const anl__kernels_optimizer_ref[] = {&grad_stats, &sgd, &adam, &adamw, &rmsprop, &adagrad, &lamb, &ema, &loss_scale, &slab_add, NULL};
