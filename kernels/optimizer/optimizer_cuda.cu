/* Updates over whole slabs, one launch for all parameters: each element finds its segment (decay, rate) by bisection in a table that
 * travels as an argument. grad_stats is a two-stage sum in double, by chunks of a fixed size. Bytes moved: each slab once;
 * bound: memory. Not measured. lamb, which needs two norms a parameter, has no CUDA kernel. */
#include "kernels/common/map.cuh"

extern "C" {
#include "optimizer.h"
}

static const int MOST_SEGMENTS = 64;
struct segments { /* by value: kernels' arguments hold 4 KiB */
    int n;
    int64_t begin[MOST_SEGMENTS];
    int64_t end[MOST_SEGMENTS];
    float decay[MOST_SEGMENTS], rate[MOST_SEGMENTS];
};

static segments segments_of(const anl__env *env, int64_t count)
{
    segments s = {};
    s.n = env->n_segments ? env->n_segments : 1;
    s.end[0] = count;
    s.decay[0] = s.rate[0] = 1;
    for (int i = 0; i < env->n_segments; i++) {
        s.begin[i] = env->segment[i].offset;
        s.end[i] = env->segment[i].offset + env->segment[i].count;
        s.decay[i] = env->segment[i].decay;
        s.rate[i] = env->segment[i].rate;
    }
    return s;
}

enum { SGD, ADAM, ADAMW, RMSPROP, ADAGRAD, KINDS };
static const char *const names[KINDS] = {"sgd", "adam", "adamw", "rmsprop", "adagrad"};

/* Padding between segments belongs to none and stays as it is. */
static __global__ void update(segments s, int kind, int64_t n, float *p, const float *grad, const float *stat, const float *h, float *m, float *v)
{
    if (stat[ANL__STAT_FINITE] == 0) return;
    float f = stat[ANL__STAT_FACTOR], cv = h[ANL__HYPER_CLIP_VALUE], b1 = h[ANL__HYPER_BETA1], b2 = h[ANL__HYPER_BETA2], eps = h[ANL__HYPER_EPS];
    float c1 = h[ANL__HYPER_BIAS1], c2 = h[ANL__HYPER_BIAS2], mu = h[ANL__HYPER_MOMENTUM];
    ANL_EACH(i, n)
    {
        int low = 0, high = s.n - 1;
        while (low < high) { /* the last segment that begins at or before i */
            int middle = (low + high + 1) / 2;
            if (s.begin[middle] <= i) low = middle;
            else high = middle - 1;
        }
        if (i < s.begin[low] || i >= s.end[low]) continue;
        float lr = h[ANL__HYPER_LR] * s.rate[low], wd = h[ANL__HYPER_WEIGHT_DECAY] * s.decay[low], g = anl__up_gradient(grad[i], f, cv);
        if (kind == SGD) p[i] = anl__up_sgd(p[i], g, &m[i], lr, wd, mu, h[ANL__HYPER_DAMPENING], h[ANL__HYPER_NESTEROV] != 0);
        else if (kind == ADAM) p[i] -= lr * anl__up_adam(g + wd * p[i], &m[i], &v[i], b1, b2, c1, c2, eps);
        else if (kind == ADAMW) p[i] = p[i] * (1 - lr * wd) - lr * anl__up_adam(g, &m[i], &v[i], b1, b2, c1, c2, eps);
        else if (kind == RMSPROP) p[i] = anl__up_rmsprop(p[i], g, &m[i], &v[i], lr, wd, h[ANL__HYPER_RHO], mu, eps);
        else p[i] = anl__up_adagrad(p[i], g, &m[i], lr, wd, eps);
    }
}

static bool update_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)c;
    if (env->n_segments <= MOST_SEGMENTS) return true;
    memcpy(why, "more than 64 parameters", 24);
    return false;
}

static anl_status update_prepare(const anl__env *env, anl__prepared *p)
{
    segments *s = (segments *)anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    *s = segments_of(env, anl_shape_count(&p->call.in[0].shape));
    p->state = s;
    return ANL_OK;
}

static void update_release(anl_ctx *ctx, anl__prepared *p)
{
    anl__free(ctx, p->state);
    p->state = NULL;
}

static anl_status update_run(const anl__prepared *p, const anl__run *r)
{
    int kind = 0;
    while (kind < KINDS - 1 && strcmp(p->call.op->name, names[kind])) kind++;
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    return ANL_LAUNCH(update, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, *(const segments *)p->state, kind, n, (float *)r->in[0], (const float *)r->in[1],
                      (const float *)r->in[2], (const float *)r->in[3], (float *)r->in[4], p->call.n_in > 5 ? (float *)r->in[5] : (float *)NULL);
}

/* ---- grad_stats ------------------------------------------------------------------------------ */

static const int64_t CHUNK = 4096;

static __global__ void squares(const float *g, double *part, int64_t n)
{
    ANL_SHARED_ARRAY(double, sum, ANL_THREADS);
    int t = threadIdx.x;
    int64_t from = blockIdx.x * CHUNK, to = from + CHUNK < n ? from + CHUNK : n;
    double s = 0;
    for (int64_t i = from + t; i < to; i += ANL_THREADS) s += (double)g[i] * (double)g[i];
    sum[t] = s;
    __syncthreads();
    for (int d = ANL_THREADS / 2; d; d /= 2) {
        if (t < d) sum[t] += sum[t + d];
        __syncthreads();
    }
    if (t == 0) part[blockIdx.x] = sum[0];
}

static __global__ void verdict(const double *part, int64_t chunks, const float *den, const float *h, float *stat)
{
    ANL_SHARED_ARRAY(double, sum, ANL_THREADS);
    int t = threadIdx.x;
    double s = 0;
    for (int64_t i = t; i < chunks; i += ANL_THREADS) s += part[i];
    sum[t] = s;
    __syncthreads();
    for (int d = ANL_THREADS / 2; d; d /= 2) {
        if (t < d) sum[t] += sum[t + d];
        __syncthreads();
    }
    if (t) return;
    double scale = (double)*den * (double)h[ANL__HYPER_LOSS_SCALE], norm = sqrt(sum[0]) / scale, limit = (double)h[ANL__HYPER_CLIP_NORM];
    bool finite = isfinite(sum[0]) && isfinite(norm) && *den > 0;
    stat[ANL__STAT_FINITE] = finite;
    stat[ANL__STAT_FACTOR] = finite ? (float)((limit > 0 && norm > limit ? limit / norm : 1) / scale) : 0;
    stat[ANL__STAT_NORM] = (float)norm;
    stat[3] = 0;
}

static anl_status stats_prepare(const anl__env *env, anl__prepared *p)
{
    (void)env;
    p->workspace = (size_t)(anl_shape_count(&p->call.in[0].shape) / CHUNK + 1) * sizeof(double);
    return ANL_OK;
}

static anl_status stats_run(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape), chunks = (n + CHUNK - 1) / CHUNK;
    ANL_TRY(ANL_LAUNCH(squares, (unsigned)(chunks ? chunks : 1), ANL_THREADS, r, (const float *)r->in[0], (double *)r->ws, n));
    return ANL_LAUNCH(verdict, 1, ANL_THREADS, r, (const double *)r->ws, chunks, (const float *)r->in[1], (const float *)r->in[2], (float *)r->out[0]);
}

/* ---- ema and slab_add ------------------------------------------------------------------------ */

static __global__ void average(float *e, const float *x, const float *stat, const float *h, int64_t n)
{
    float d = h[ANL__HYPER_EMA_DECAY];
    if (stat[ANL__STAT_FINITE] == 0) return;
    ANL_EACH(i, n) e[i] = d * e[i] + (1 - d) * x[i];
}

static anl_status ema_run(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    return ANL_LAUNCH(average, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, (float *)r->in[0], (const float *)r->in[1], (const float *)r->in[2], (const float *)r->in[3], n);
}

struct plus { __device__ float operator()(float a, float b) const { return a + b; } };
static anl_status add_run(const anl__prepared *p, const anl__run *r)
{
    return anl_map<float>(r, r->in[0], r->in[1], r->in[0], anl_shape_count(&p->call.in[0].shape), plus{});
}

#define UPDATE(id)                                                                                                                       \
    static const anl__kernel id = {.op = #id, .device = "cuda", .name = #id "/cuda", .rank = 10, .supports = update_supports,            \
                                   .prepare = update_prepare, .run = update_run, .release = update_release};
UPDATE(sgd)
UPDATE(adam)
UPDATE(adamw)
UPDATE(rmsprop)
UPDATE(adagrad)
static const anl__kernel grad_stats = {.op = "grad_stats", .device = "cuda", .name = "grad_stats/cuda", .rank = 10, .supports = anl_cuda_supports, .prepare = stats_prepare, .run = stats_run};
static const anl__kernel ema = {.op = "ema", .device = "cuda", .name = "ema/cuda", .rank = 10, .supports = anl_cuda_supports, .run = ema_run};
static const anl__kernel slab_add = {.op = "slab_add", .device = "cuda", .name = "slab_add/cuda", .rank = 10, .supports = anl_cuda_supports, .run = add_run};
extern "C" const anl__kernel *const anl__kernels_optimizer_cuda[];
const anl__kernel *const anl__kernels_optimizer_cuda[] = {&grad_stats, &sgd, &adam, &adamw, &rmsprop, &adagrad, &ema, &slab_add, NULL};
