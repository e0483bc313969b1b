/* Updates on the workers: one pass over the slab in pieces of whole cache lines; norms from partial sums of fixed chunks. */
#include "base/pool.h"
#include "kernels/common/cpu.h"
#include "optimizer_host.h"

#define PIECE (8 * ANL__STAT_CHUNK)

typedef struct job { const anl__prepared *p; const anl__run *r; int64_t n; double *sum; } job;

ANL__CLONES static double squares(const float *g, int64_t n)
{
    double part[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++) part[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) part[i % 16] += (double)g[i] * (double)g[i];
    return anl__tree_sum(part, 16);
}

static void stat_task(void *arg, int t, int worker)
{
    const job *j = arg;
    (void)worker;
    for (int64_t c = (int64_t)t * 8; c < (int64_t)t * 8 + 8 && c * ANL__STAT_CHUNK < j->n; c++) {
        int64_t left = j->n - c * ANL__STAT_CHUNK;
        j->sum[c] = squares((const float *)j->r->in[0] + c * ANL__STAT_CHUNK, left < ANL__STAT_CHUNK ? left : ANL__STAT_CHUNK);
    }
}

static anl_status stats_run(const anl__prepared *p, const anl__run *r)
{
    job j = {p, r, anl_shape_count(&p->call.in[0].shape), ((anl__update_state *)p->state)->sum};
    anl__pool_run(r->pool, (int)((j.n + PIECE - 1) / PIECE), stat_task, &j);
    anl__stat_finish(anl__tree_sum(j.sum, (j.n + ANL__STAT_CHUNK - 1) / ANL__STAT_CHUNK), &p->call, r);
    return ANL_OK;
}

ANL__CLONES static void range(const anl__update_state *s, const anl__segment *seg, float ratio, void *const *in, int64_t a, int64_t b)
{
    anl__update_range(s, seg, ratio, in, a, b);
}

static void update_task(void *arg, int t, int worker)
{
    const job *j = arg;
    const anl__update_state *s = j->p->state;
    int64_t a = (int64_t)t * PIECE, b = a + PIECE;
    (void)worker;
    for (int k = 0; k < s->n; k++) {
        const anl__segment *seg = &s->segment[k];
        int64_t from = seg->offset > a ? seg->offset : a, to = seg->offset + seg->count < b ? seg->offset + seg->count : b;
        if (from < to) range(s, seg, s->ratio[k], j->r->in, from, to);
    }
}

static void lamb_task(void *arg, int k, int worker)
{
    const job *j = arg;
    const anl__update_state *s = j->p->state;
    const anl__segment *seg = &s->segment[k];
    double pp = 0, uu = 0;
    (void)worker;
    anl__lamb_norms(seg, j->r->in, seg->offset, seg->offset + seg->count, &pp, &uu);
    s->ratio[k] = anl__lamb_ratio(pp, uu);
}

static anl_status update_run(const anl__prepared *p, const anl__run *r)
{
    const anl__update_state *s = p->state;
    job j = {p, r, anl_shape_count(&p->call.in[0].shape), NULL};
    if (((const float *)r->in[ANL__UP_STAT])[ANL__STAT_FINITE] == 0) return ANL_OK;
    if (s->kind == ANL__LAMB) anl__pool_run(r->pool, s->n, lamb_task, &j);
    anl__pool_run(r->pool, (int)((j.n + PIECE - 1) / PIECE), update_task, &j);
    return ANL_OK;
}

ANL__CLONES static void ema_range(float *e, const float *x, float d, int64_t n)
{
    for (int64_t i = 0; i < n; i++) e[i] = d * e[i] + (1 - d) * x[i];
}

/* Frozen parameters belong to no segment: their average is as they are, to the bit. */
static void ema_task(void *arg, int t, int worker)
{
    const job *j = arg;
    const anl__update_state *s = j->p->state;
    int64_t a = (int64_t)t * PIECE, b = a + PIECE;
    (void)worker;
    float *e = j->r->in[0], d = ((const float *)j->r->in[3])[ANL__HYPER_EMA_DECAY];
    const float *x = j->r->in[1];
    for (int k = 0; k < s->n; k++) {
        int64_t from = s->segment[k].offset, to = from + s->segment[k].count;
        if (from < a) from = a;
        if (to > b) to = b;
        if (from < to) ema_range(e + from, x + from, d, to - from);
    }
}

static anl_status ema_run(const anl__prepared *p, const anl__run *r)
{
    job j = {p, r, anl_shape_count(&p->call.in[0].shape), NULL};
    if (((const float *)r->in[2])[ANL__STAT_FINITE] != 0) anl__pool_run(r->pool, (int)((j.n + PIECE - 1) / PIECE), ema_task, &j);
    return ANL_OK;
}

ANL__CLONES static void add_range(float *dst, const float *src, int64_t n)
{
    for (int64_t i = 0; i < n; i++) dst[i] += src[i];
}

static void add_task(void *arg, int t, int worker)
{
    const job *j = arg;
    int64_t a = (int64_t)t * PIECE, left = j->n - a;
    (void)worker;
    add_range((float *)j->r->in[0] + a, (const float *)j->r->in[1] + a, left < PIECE ? left : PIECE);
}

static anl_status add_run(const anl__prepared *p, const anl__run *r)
{
    job j = {p, r, anl_shape_count(&p->call.in[0].shape), NULL};
    anl__pool_run(r->pool, (int)((j.n + PIECE - 1) / PIECE), add_task, &j);
    return ANL_OK;
}

#define KERNEL(id, fn) static const anl__kernel id = {.op = #id, .device = "cpu", .name = #id "/cpu", .rank = 10, .prepare = anl__update_prepare, .run = fn, .release = anl__update_release}
KERNEL(grad_stats, stats_run);
KERNEL(sgd, update_run);
KERNEL(adam, update_run);
KERNEL(adamw, update_run);
KERNEL(rmsprop, update_run);
KERNEL(adagrad, update_run);
KERNEL(lamb, update_run);
KERNEL(ema, ema_run);
static const anl__kernel loss_scale = {.op = "loss_scale", .device = "cpu", .name = "loss_scale/cpu", .rank = 10, .run = anl__scale_run};
static const anl__kernel slab_add = {.op = "slab_add", .device = "cpu", .name = "slab_add/cpu", .rank = 10, .run = add_run};
const anl__kernel *const anl__kernels_optimizer_cpu[] = {&grad_stats, &sgd, &adam, &adamw, &rmsprop, &adagrad, &lamb, &ema, &loss_scale, &slab_add, NULL};
