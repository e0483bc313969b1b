/* Updates over whole slabs, one launch for all parameters: each element finds its segment (decay, rate) by bisection in a table on the
 * device. grad_stats is a sum in double, by chunks of a fixed size, the last block over the chunks; so are lamb's norms, a parameter's chunks its own: lamb moves the
 * moments in the first stage. Bytes moved: each slab once; bound: memory. Not measured on a GPU. */
#include "kernels/common/lanes.cuh"
#include "kernels/common/last_block.cuh"
#include "kernels/common/map.cuh"

extern "C" {
#include "optimizer.h"
}

static const int64_t CHUNK = 4096; /* elements that a block adds up */

static __host__ __device__ __forceinline__ int64_t chunks_of(int64_t n) { return (n + CHUNK - 1) / CHUNK; }

struct segments { /* on the device */
    int n;
    const int64_t *begin, *end, *chunk; /* chunk: of all segments' chunks its first */
    const float *decay, *rate;
};

struct table { /* of a prepared update */
    segments s;
    int64_t chunks;
    anl_device *device;
    void *memory;
};

/* Without segments (tests) the whole slab is one. */
static anl_status fill(const anl__env *env, int64_t count, table *t)
{
    int n = env->n_segments ? env->n_segments : 1;
    size_t bytes = (size_t)n * (3 * sizeof(int64_t) + 2 * sizeof(float));
    int64_t *host = (int64_t *)anl__alloc(env->ctx, bytes);
    if (!host) return ANL_NOMEM;
    float *decay = (float *)(host + 3 * n);
    host[n] = count;
    decay[0] = decay[n] = 1;
    for (int i = 0; i < env->n_segments; i++) {
        host[i] = env->segment[i].offset;
        host[n + i] = env->segment[i].offset + env->segment[i].count;
        decay[i] = env->segment[i].decay;
        decay[n + i] = env->segment[i].rate;
    }
    t->chunks = 0;
    for (int i = 0; i < n; i++) {
        host[2 * n + i] = t->chunks;
        t->chunks += chunks_of(host[n + i] - host[i]);
    }
    anl_status st = anl__cuda_keep(env->device, host, bytes, &t->memory);
    t->device = env->device;
    anl__free(env->ctx, host);
    const int64_t *at = (const int64_t *)t->memory;
    t->s = segments{n, at, at + n, at + 2 * n, (const float *)(at + 3 * n), (const float *)(at + 3 * n) + n};
    return st;
}

enum { SGD, ADAM, ADAMW, RMSPROP, ADAGRAD, LAMB, KINDS };
static const char *const names[KINDS] = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lamb"};

/* The last of n that begins at or before i. */
static __device__ __forceinline__ int last_at(const int64_t *begin, int n, int64_t i)
{
    int low = 0, high = n - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (begin[middle] <= i) low = middle;
        else high = middle - 1;
    }
    return low;
}

/* Padding between segments belongs to none and stays as it is. */
static __global__ void update(segments s, int kind, int64_t n, float *__restrict__ p, const float *__restrict__ grad, const float *__restrict__ stat, const float *__restrict__ h,
                              float *__restrict__ m, float *__restrict__ v, const float *__restrict__ ratio)
{
    if (stat[ANL__STAT_FINITE] == 0) return;
    float f = stat[ANL__STAT_FACTOR], cv = h[ANL__HYPER_CLIP_VALUE], b1 = h[ANL__HYPER_BETA1], b2 = h[ANL__HYPER_BETA2], eps = h[ANL__HYPER_EPS];
    float c1 = stat[ANL__STAT_BIAS1], c2 = stat[ANL__STAT_BIAS2], mu = h[ANL__HYPER_MOMENTUM];
    ANL_EACH(i, n)
    {
        int k = last_at(s.begin, s.n, i);
        if (i < s.begin[k] || i >= s.end[k]) continue;
        float lr = h[ANL__HYPER_LR] * s.rate[k], wd = h[ANL__HYPER_WEIGHT_DECAY] * s.decay[k], g = anl__up_gradient(grad[i], f, cv);
        if (kind == SGD) p[i] = anl__up_sgd(p[i], g, &m[i], lr, wd, mu, h[ANL__HYPER_DAMPENING], h[ANL__HYPER_NESTEROV] != 0);
        else if (kind == ADAM) p[i] -= lr * anl__up_adam(g + wd * p[i], &m[i], &v[i], b1, b2, c1, c2, eps);
        else if (kind == ADAMW) p[i] = p[i] * (1 - lr * wd) - lr * anl__up_adam(g, &m[i], &v[i], b1, b2, c1, c2, eps);
        else if (kind == RMSPROP) p[i] = anl__up_rmsprop(p[i], g, &m[i], &v[i], lr, wd, h[ANL__HYPER_RHO], mu, eps);
        else if (kind == ADAGRAD) p[i] = anl__up_adagrad(p[i], g, &m[i], lr, wd, eps);
        else p[i] -= lr * ratio[k] * ((m[i] / c1) / (sqrtf(v[i] / c2) + eps) + wd * p[i]); /* lamb: the moments have moved already */
    }
}

struct norms { double p, u; }; /* sums of squares of parameters, and of their updates */

static __device__ __forceinline__ norms add_norms(norms v, norms *space)
{
    return anl_merge_lanes(v, space, 1, [](norms a, norms b) { return norms{a.p + b.p, a.u + b.u}; });
}

/* Block: a chunk of a parameter. */
static __global__ void lamb_chunks(segments s, const float *__restrict__ p, const float *__restrict__ grad, const float *__restrict__ stat, const float *__restrict__ h,
                                   float *__restrict__ m, float *__restrict__ v, norms *part)
{
    ANL_SHARED_ARRAY(norms, space, ANL_THREADS);
    if (stat[ANL__STAT_FINITE] == 0) return;
    int k = last_at(s.chunk, s.n, blockIdx.x);
    int64_t from = s.begin[k] + (blockIdx.x - s.chunk[k]) * CHUNK, to = from + CHUNK < s.end[k] ? from + CHUNK : s.end[k];
    float wd = h[ANL__HYPER_WEIGHT_DECAY] * s.decay[k];
    norms sum = {0, 0};
    for (int64_t i = from + threadIdx.x; i < to; i += ANL_THREADS) {
        float g = anl__up_gradient(grad[i], stat[ANL__STAT_FACTOR], h[ANL__HYPER_CLIP_VALUE]);
        float u = anl__up_adam(g, &m[i], &v[i], h[ANL__HYPER_BETA1], h[ANL__HYPER_BETA2], stat[ANL__STAT_BIAS1], stat[ANL__STAT_BIAS2], h[ANL__HYPER_EPS]) + wd * p[i];
        sum.p += (double)p[i] * (double)p[i];
        sum.u += (double)u * (double)u;
    }
    sum = add_norms(sum, space);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}

/* Block: a parameter. */
static __global__ void lamb_ratios(segments s, const norms *part, const float *stat, float *ratio)
{
    ANL_SHARED_ARRAY(norms, space, ANL_THREADS);
    int k = blockIdx.x;
    if (stat[ANL__STAT_FINITE] == 0) return;
    norms sum = {0, 0};
    for (int64_t i = s.chunk[k] + threadIdx.x, to = s.chunk[k] + chunks_of(s.end[k] - s.begin[k]); i < to; i += ANL_THREADS) {
        sum.p += part[i].p;
        sum.u += part[i].u;
    }
    sum = add_norms(sum, space);
    if (threadIdx.x == 0) ratio[k] = sum.p > 0 && sum.u > 0 ? (float)sqrt(sum.p / sum.u) : 1;
}

static void update_release(anl_ctx *ctx, anl__prepared *p)
{
    table *t = (table *)p->state;
    if (t && t->memory) anl__cuda_drop(t->device, t->memory);
    anl__free(ctx, t);
    p->state = NULL;
}

static anl_status update_prepare(const anl__env *env, anl__prepared *p)
{
    table *t = (table *)anl__alloc(env->ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    p->state = t;
    anl_status st = fill(env, anl_shape_count(&p->call.in[0].shape), t);
    if (st != ANL_OK) update_release(env->ctx, p);
    else if (!strcmp(p->call.op->name, "lamb")) p->workspace = (size_t)t->chunks * sizeof(norms) + (size_t)t->s.n * sizeof(float);
    return st;
}

static anl_status update_run(const anl__prepared *p, const anl__run *r)
{
    int kind = 0;
    while (kind < KINDS - 1 && strcmp(p->call.op->name, names[kind])) kind++;
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    const table *t = (const table *)p->state;
    float *param = (float *)r->in[0], *m = (float *)r->in[4], *v = p->call.n_in > 5 ? (float *)r->in[5] : (float *)NULL;
    norms *part = (norms *)r->ws; /* lamb's, and behind them the ratios */
    float *ratio = (float *)(part + t->chunks);
    const float *grad = (const float *)r->in[1], *stat = (const float *)r->in[2], *hyper = (const float *)r->in[3];
    if (kind == LAMB && t->chunks) {
        ANL_TRY(ANL_LAUNCH(lamb_chunks, (unsigned)t->chunks, ANL_THREADS, r, t->s, (const float *)param, grad, stat, hyper, m, v, part));
        ANL_TRY(ANL_LAUNCH(lamb_ratios, (unsigned)t->s.n, ANL_THREADS, r, t->s, (const norms *)part, stat, ratio));
    }
    return ANL_LAUNCH(update, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, t->s, kind, n, param, grad, stat, hyper, m, v, (const float *)ratio);
}

/* ---- grad_stats ------------------------------------------------------------------------------ */

static __device__ __forceinline__ double add_lanes(double v, double *space)
{
    return anl_merge_lanes(v, space, 1, [](double a, double b) { return a + b; });
}

struct judged { /* beside the gradient: denominator, hyper block, scale block and numerator (or NULL) */
    const float *den, *h, *scale, *num;
    float scale_min;
};

/* Block: a chunk; the last adds the chunks' sums. */
static __global__ void verdict(const float *g, double *part, int64_t n, judged j, float *stat, unsigned *counter)
{
    ANL_SHARED_ARRAY(double, space, ANL_THREADS);
    int64_t from = blockIdx.x * CHUNK, to = from + CHUNK < n ? from + CHUNK : n;
    double s = 0;
    for (int64_t i = from + threadIdx.x; i < to; i += ANL_THREADS) s += (double)g[i] * (double)g[i];
    s = add_lanes(s, space);
    if (threadIdx.x == 0) part[blockIdx.x] = s;
    if (!anl_last_block(counter, gridDim.x)) return;
    s = 0;
    for (int64_t i = threadIdx.x; i < gridDim.x; i += ANL_THREADS) s += part[i];
    s = add_lanes(s, space);
    if (threadIdx.x == 0) anl__up_stat(s, *j.den, j.h, j.scale, j.num, j.scale_min, stat);
}

static anl_status stats_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->workspace = (size_t)(chunks_of(anl_shape_count(&p->call.in[0].shape)) + 1) * sizeof(double);
    return ANL_OK;
}

static anl_status stats_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    int64_t n = anl_shape_count(&c->in[0].shape), chunks = chunks_of(n);
    const float *scale = anl__has_in(c, ANL__STATS_SCALE) ? (const float *)r->in[ANL__STATS_SCALE] : (const float *)NULL;
    const float *num = anl__has_in(c, ANL__STATS_NUM) ? (const float *)r->in[ANL__STATS_NUM] : (const float *)NULL;
    judged j = {(const float *)r->in[ANL__STATS_DEN], (const float *)r->in[ANL__STATS_HYPER], scale, num, (float)anl__attr_float(c, "scale_min")};
    return ANL_LAUNCH(verdict, (unsigned)(chunks ? chunks : 1), ANL_THREADS, r, (const float *)r->in[0], (double *)r->ws, n, j, (float *)r->out[0], anl__cuda_counters(r->device));
}

static __global__ void move_scale(float *scale, const float *stat, float steps, float least, float most) { anl__up_scale(scale, stat, steps, least, most); }

static anl_status scale_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    return ANL_LAUNCH(move_scale, 1, 1, r, (float *)r->in[0], (const float *)r->in[1], (float)anl__attr_float(c, "steps"), (float)anl__attr_float(c, "min"),
                      (float)anl__attr_float(c, "max"));
}

/* ---- ema and slab_add ------------------------------------------------------------------------ */

/* Frozen parameters belong to no segment: their average is as they are, to the bit. */
static __global__ void average(segments s, float *e, const float *x, const float *stat, const float *h,
                               int64_t n)
{
    float d = h[ANL__HYPER_EMA_DECAY];
    if (stat[ANL__STAT_FINITE] == 0) return;
    ANL_EACH(i, n)
    {
        int k = last_at(s.begin, s.n, i);
        if (i >= s.begin[k] && i < s.end[k]) e[i] = d * e[i] + (1 - d) * x[i];
    }
}

static anl_status ema_run(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    const table *t = (const table *)p->state;
    const float *x = (const float *)r->in[1], *stat = (const float *)r->in[2], *h = (const float *)r->in[3];
    return ANL_LAUNCH(average, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, t->s, (float *)r->in[0], x, stat, h, n);
}

struct plus { __device__ float operator()(float a, float b) const { return a + b; } };
static anl_status add_run(const anl__prepared *p, const anl__run *r)
{
    return anl_map<float>(r, r->in[0], r->in[1], r->in[0], anl_shape_count(&p->call.in[0].shape), plus{});
}

#define UPDATE(id)                                                                                                                       \
    static const anl__kernel id = {.op = #id, .device = "cuda", .name = #id "/cuda", .rank = 10, .prepare = update_prepare, .run = update_run, .release = update_release};
UPDATE(sgd)
UPDATE(adam)
UPDATE(adamw)
UPDATE(rmsprop)
UPDATE(adagrad)
UPDATE(lamb)
static const anl__kernel grad_stats = {.op = "grad_stats", .device = "cuda", .name = "grad_stats/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = stats_prepare, .run = stats_run};
static const anl__kernel ema = {.op = "ema", .device = "cuda", .name = "ema/cuda", .rank = 10,
                                .supports = anl_cuda_supports, .prepare = update_prepare, .run = ema_run,
                                .release = update_release};
static const anl__kernel loss_scale = {.op = "loss_scale", .device = "cuda", .name = "loss_scale/cuda", .rank = 10, .run = scale_run};
static const anl__kernel slab_add = {.op = "slab_add", .device = "cuda", .name = "slab_add/cuda", .rank = 10, .supports = anl_cuda_supports, .run = add_run};
extern "C" const anl__kernel *const anl__kernels_optimizer_cuda[];
const anl__kernel *const anl__kernels_optimizer_cuda[] = {&grad_stats, &sgd, &adam, &adamw, &rmsprop, &adagrad, &lamb, &ema, &loss_scale, &slab_add, NULL};
