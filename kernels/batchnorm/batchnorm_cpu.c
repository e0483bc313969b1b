/* Batch normalisation on the workers, two sweeps over the slices: the first sums (statistics, or the gradients of gamma and
 * beta), finish joins the tasks' partial results, the second writes. Elements are taken 64 at a time; what belongs to channels is
 * repeated into tiles of at least that length beforehand.
 *
 * Statistics: mean and squared distance of a chunk in two passes over it while it is in the cache, chunks joined with Chan's
 * formula, tasks likewise in a fixed tree. Without a residual relu's gradient takes the sign of y from x again, by the operations
 * of the forward sweep, so that y need not be read. */
#ifndef T
#include "batchnorm.h"
#define ANL__CPU_FILE "kernels/batchnorm/batchnorm_cpu.c"
#include "kernels/common/cpu.h"

#include <math.h>
#include <stdio.h>

/* CHUNK: tiles whose partial sums are added up among themselves */
enum { PLANE = ANL__BN_PLANE, CHUNK = 32 };

typedef struct geometry {
    int64_t n, each, k; /* samples, elements of a sample, channels */
    int64_t tile;       /* elements after which a tile repeats; it is stored with PLANE more */
} geometry;

static geometry geometry_of(const anl__call *c)
{
    const anl_shape *x = &c->in[0].shape;
    int64_t k = x->dim[x->rank - 1];
    geometry g = {x->dim[0], anl_shape_count(x) / x->dim[0], k, anl__tile_length(k)};
    while (g.tile < PLANE) g.tile += k;
    return g;
}

static int64_t stored(const geometry *g) { return g->tile + PLANE; }

static void spread(const geometry *g, const float *v, float *tile)
{
    for (int64_t i = 0; i < stored(g); i++) tile[i] = i < g->k ? v[i] : tile[i - g->k];
}

/* A tile of sums back to channels; what lies behind its end belongs to its beginning. */
static void gather(const geometry *g, float *tile, float *sum)
{
    for (int64_t i = 0; i < PLANE; i++) tile[i] += tile[g->tile + i];
    anl__tree_add(tile, g->tile / g->k, g->k);
    for (int64_t j = 0; j < g->k; j++) sum[j] = tile[j];
}

/* Tiles of the sweeps: forward uses the first three. */
enum { MEAN, SCALE, BETA, SHIFT, TILT, TILES };
/* relu's gradient: none, sign of y computed again, mask */
typedef enum gate { OPEN, BY_VALUE, BY_MASK } gate;

ANL__INLINE float value(float x, float mean, float scale, float beta) { return (x - mean) * scale + beta; }

#include "kernels/common/cpu_twice.h"

/* ---- forward ------------------------------------------------------------------------------------ */

/* Work space: tasks x (mean, m2), tasks x scratch of two tiles, then the tiles of the second sweep. */
static float *fwd_part(const anl__run *r, const geometry *g, int task) { return (float *)r->ws + task * (2 * g->k + 2 * stored(g)); }
static float *fwd_tiles(const anl__run *r, const geometry *g, int tasks) { return fwd_part(r, g, tasks); }

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p)
{
    geometry g = geometry_of(&p->call);
    ANL_TRY(anl__sliced_prepare(env, p));
    p->workspace = sizeof(float) * (size_t)(p->tasks * (2 * g.k + 2 * stored(&g)) + 3 * stored(&g));
    return ANL_OK;
}

static void stat_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    geometry g = geometry_of(&p->call);
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    (void)worker;
    ANL__BY_TYPE(p->call.in[0].dtype, statistics, &g, r->in[0], rows, fwd_part(r, &g, task));
}

/* Joins the statistics (mean, m2) of nb rows to those of na rows. */
static void join(float *a, double na, const float *b, double nb, int64_t k)
{
    double f = nb / (na + nb);
    for (int64_t j = 0; j < k; j++) {
        double d = (double)b[j] - (double)a[j];
        a[j] = (float)((double)a[j] + d * f);
        a[k + j] = (float)((double)a[k + j] + (double)b[k + j] + d * d * na * f);
    }
}

static void tiles_of(const anl__call *c, const geometry *g, const float *mean, const float *rstd,
                     const float *gamma, const float *beta, float *tile)
{
    (void)c;
    spread(g, mean, tile + MEAN * stored(g));
    if (beta) spread(g, beta, tile + BETA * stored(g));
    float *scale = tile + SCALE * stored(g);
    for (int64_t j = 0; j < g->k; j++) scale[j] = gamma[j] * rstd[j];
    spread(g, scale, scale);
}

static void stat_finish(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    geometry g = geometry_of(c);
    float *part = fwd_part(r, &g, 0), *mean = r->out[1], *rstd = r->out[2], *sum = r->out[3];
    double rows = (double)(g.n * g.each / g.k), eps = anl__attr_float(c, "eps");
    int64_t per = g.each / g.k;
    for (int d = 1; d < p->tasks; d *= 2)
        for (int i = 0; i + d < p->tasks; i += 2 * d) {
            int64_t begin = anl__slice_begin(g.n, p->tasks, i);
            int64_t middle = anl__slice_begin(g.n, p->tasks, i + d);
            int64_t end = anl__slice_begin(g.n, p->tasks, i + 2 * d < p->tasks ? i + 2 * d : p->tasks);
            join(fwd_part(r, &g, i), (double)((middle - begin) * per), fwd_part(r, &g, i + d),
                 (double)((end - middle) * per), g.k);
        }
    for (int64_t j = 0; j < g.k; j++) {
        double m2 = (double)part[g.k + j];
        mean[j] = part[j];
        rstd[j] = (float)(1 / sqrt(m2 / rows + eps));
        sum[j] = (float)((double)g.n * (double)part[j]);
        sum[g.k + j] = (float)((double)g.n * m2 / (rows - 1));
    }
    tiles_of(c, &g, mean, rstd, r->in[1], r->in[2], fwd_tiles(r, &g, p->tasks));
}

static void norm_slice(const anl__prepared *p, const anl__run *r, int task, const float *tile)
{
    const anl__call *c = &p->call;
    geometry g = geometry_of(c);
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, task);
    ANL__BY_TYPE(c->in[0].dtype, normalise, &g, tile, anl__attr_int(c, "act"), r->in[0],
                 anl__has_in(c, 5) ? r->in[5] : NULL, r->out[0],
                 anl__bn_has_mask(c) ? r->out[4] : NULL, rows);
}

static void norm_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    geometry g = geometry_of(&p->call);
    (void)worker;
    norm_slice(p, r, task, fwd_tiles(r, &g, p->tasks));
}

/* Evaluation: running statistics, one sweep; each task makes its own tiles. */
static anl_status eval_prepare(const anl__env *env, anl__prepared *p)
{
    geometry g = geometry_of(&p->call);
    ANL_TRY(anl__sliced_prepare(env, p));
    p->workspace = sizeof(float) * (size_t)(p->tasks * (3 * stored(&g) + g.k));
    return ANL_OK;
}

static void eval_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    geometry g = geometry_of(c);
    float *tile = (float *)r->ws + task * (3 * stored(&g) + g.k), *rstd = tile + 3 * stored(&g);
    const float *var = r->in[4];
    (void)worker;
    for (int64_t j = 0; j < g.k; j++) rstd[j] = (float)(1 / sqrt((double)var[j] + anl__attr_float(c, "eps")));
    tiles_of(c, &g, r->in[3], rstd, r->in[1], r->in[2], tile);
    norm_slice(p, r, task, tile);
}

/* ---- backward ----------------------------------------------------------------------------------- */

/* Work space: tasks x (sums of gradients, of gradients times distance), tasks x (three tiles and two of sums), the tiles of the
   second sweep. */
static float *bwd_part(const anl__run *r, const geometry *g, int task) { return (float *)r->ws + task * 2 * g->k; }
static float *bwd_scratch(const anl__run *r, const geometry *g, int tasks, int task) { return bwd_part(r, g, tasks) + task * 5 * stored(g); }
static float *bwd_tiles(const anl__run *r, const geometry *g, int tasks) { return bwd_scratch(r, g, tasks, tasks); }

static anl_status bwd_prepare(const anl__env *env, anl__prepared *p)
{
    geometry g = geometry_of(&p->call);
    ANL_TRY(anl__sliced_prepare(env, p));
    p->workspace = sizeof(float) * (size_t)(p->tasks * (2 * g.k + 5 * stored(&g)) + TILES * stored(&g));
    return ANL_OK;
}

static gate gate_of(const anl__call *c) { return !anl__attr_int(c, "act") ? OPEN : anl__has_in(c, 6) ? BY_MASK : BY_VALUE; }

static void sums_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    geometry g = geometry_of(c);
    float *scratch = bwd_scratch(r, &g, p->tasks, task);
    (void)worker;
    tiles_of(c, &g, r->in[3], r->in[4], r->in[2], gate_of(c) == BY_VALUE ? r->in[5] : NULL, scratch);
    ANL__BY_TYPE(c->in[0].dtype, gradient_sums, &g, scratch, gate_of(c), r->in[0], r->in[1],
                 gate_of(c) == BY_MASK ? r->in[6] : NULL,
                 anl__rows_of(p, &c->in[0].shape, task), bwd_part(r, &g, task));
}

static void sums_finish(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    geometry g = geometry_of(c);
    const float *rstd = r->in[4];
    float *sum = bwd_part(r, &g, 0), *tile = bwd_tiles(r, &g, p->tasks);
    float *dgamma = r->out[1], *dbeta = r->out[2];
    float *shift = tile + SHIFT * stored(&g), *tilt = tile + TILT * stored(&g), by = 1 / (float)(g.n * g.each / g.k);
    anl__tree_add(sum, p->tasks, 2 * g.k);
    for (int64_t j = 0; j < g.k; j++) {
        dbeta[j] = sum[j];
        dgamma[j] = sum[g.k + j] * rstd[j];
        shift[j] = sum[j] * by;
        tilt[j] = dgamma[j] * rstd[j] * by;
    }
    spread(&g, shift, shift);
    spread(&g, tilt, tilt);
    tiles_of(c, &g, r->in[3], rstd, r->in[2], gate_of(c) == BY_VALUE ? r->in[5] : NULL, tile);
}

static void grad_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    geometry g = geometry_of(c);
    (void)worker;
    ANL__BY_TYPE(c->in[0].dtype, gradient, &g, bwd_tiles(r, &g, p->tasks), gate_of(c), r->in[0], r->in[1],
                 gate_of(c) == BY_MASK ? r->in[6] : NULL, r->out[0],
                 c->n_out > 3 ? r->out[3] : NULL, anl__rows_of(p, &c->in[0].shape, task));
}

/* ---- running statistics, table -------------------------------------------------------------------- */

static anl_status running_run(const anl__prepared *p, const anl__run *r)
{
    float *mean = r->in[0], *var = r->in[1], n = *(const float *)r->in[3], m = (float)anl__attr_float(&p->call, "momentum");
    const float *stat = r->in[2];
    int64_t k = anl_shape_count(&p->call.in[0].shape);
    for (int64_t j = 0; j < k && n > 0; j++) {
        if (!isfinite(stat[j]) || !isfinite(stat[k + j])) continue; /* a bad step leaves no trace */
        mean[j] += m * (stat[j] / n - mean[j]);
        var[j] += m * (stat[k + j] / n - var[j]);
    }
    return ANL_OK;
}

static bool train_only(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (!anl__bn_measures(c)) return snprintf(why, ANL__WHY, "the statistics are given"), false;
    return anl__cpu_dtype(env, c, why);
}

static bool eval_only(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (anl__bn_measures(c)) return snprintf(why, ANL__WHY, "the statistics are measured"), false;
    return anl__cpu_dtype(env, c, why);
}

static const anl__kernel fwd = {.op = "batchnorm", .device = "cpu", .name = "batchnorm/cpu", .rank = 10,
                                .supports = train_only, .prepare = fwd_prepare,
                                .task = stat_task, .finish = stat_finish, .after = norm_task, .samplewise = true, .finish_outs = 14};
static const anl__kernel eval = {.op = "batchnorm", .device = "cpu", .name = "batchnorm/cpu eval",
                                 .rank = 10, .supports = eval_only, .prepare = eval_prepare,
                                 .task = eval_task, .samplewise = true, .inplace = {1}};
static const anl__kernel bwd = {.op = "batchnorm_bwd", .device = "cpu", .name = "batchnorm_bwd/cpu",
                                .rank = 10, .supports = anl__cpu_dtype, .prepare = bwd_prepare,
                                .task = sums_task, .finish = sums_finish, .after = grad_task, .samplewise = true, .finish_outs = 6, .inplace = {1, 0, 0, 2}};
static const anl__kernel running = {.op = "batchnorm_running", .device = "cpu",
                                    .name = "batchnorm_running/cpu", .rank = 10, .run = running_run};
const anl__kernel *const anl__kernels_batchnorm_cpu[] = {&fwd, &eval, &bwd, &running, NULL};
#else
/* Calls STEP(offset, tile offset, elements) over n elements, a plane at a time; full planes have a constant length. */
#define PLANES(n, STEP) \
    do { \
        int64_t e_ = 0, o_ = 0; \
        for (; e_ + PLANE <= (n); e_ += PLANE) { \
            STEP(e_, o_, PLANE); \
            o_ += PLANE; \
            if (o_ >= g->tile) o_ -= g->tile; \
        } \
        if (e_ < (n)) STEP(e_, o_, (n) - e_); \
    } while (0)

ANL__CLONES static void FN(chunk_sum)(const geometry *g, const T *x, int64_t n, float *sum)
{
    memset(sum, 0, sizeof *sum * (size_t)stored(g));
#define ADD(e, o, m) for (int64_t i = 0; i < (m); i++) sum[(o) + i] += GET(x[(e) + i])
    PLANES(n, ADD);
#undef ADD
}

ANL__CLONES static void FN(chunk_distance)(const geometry *g, const T *x, int64_t n,
                                           const float *restrict mean, float *restrict sum)
{
    memset(sum, 0, sizeof *sum * (size_t)stored(g));
#define ADD(e, o, m) \
    for (int64_t i = 0; i < (m); i++) { \
        float d = GET(x[(e) + i]) - mean[(o) + i]; \
        sum[(o) + i] += d * d; \
    }
    PLANES(n, ADD);
#undef ADD
}

ANL__CLONES static void FN(chunk_join)(float *restrict part, const float *restrict mean,
                                       const float *restrict m2, float before, float rows, int64_t k)
{
    float f = rows / (before + rows), w = before * f;
    for (int64_t j = 0; j < k; j++) {
        float d = mean[j] - part[j];
        part[j] += d * f;
        part[k + j] += m2[j] + d * d * w;
    }
}

/* part: mean and m2 of the slice, followed by two tiles of scratch. */
static void FN(statistics)(const geometry *g, const T *x, anl__rows rows, float *part)
{
    int64_t n = (rows.end - rows.begin) * g->each, chunk = CHUNK * g->tile;
    float *mean = part + 2 * g->k, *m2 = mean + stored(g), before = 0;
    x += rows.begin * g->each;
    memset(part, 0, sizeof *part * (size_t)(2 * g->k));
    for (int64_t e = 0; e < n; e += chunk) {
        int64_t m = n - e < chunk ? n - e : chunk;
        float count = (float)(m / g->k);
        FN(chunk_sum)(g, x + e, m, mean);
        gather(g, mean, mean);
        for (int64_t j = 0; j < g->k; j++) mean[j] /= count;
        spread(g, mean, mean);
        FN(chunk_distance)(g, x + e, m, mean, m2);
        gather(g, m2, m2);
        FN(chunk_join)(part, mean, m2, before, count, g->k);
        before += count;
    }
}

/* n elements of one or more samples; mask (of one sample) may be NULL. Flags are constants at each call. */
ANL__INLINE void FN(norm)(const geometry *g, const float *tile, const int relu, const int add,
                          const int masks, const T *x, const T *res, T *y, uint8_t *mask, int64_t n)
{
    const float *mean = tile + MEAN * (g->tile + PLANE), *scale = tile + SCALE * (g->tile + PLANE), *beta = tile + BETA * (g->tile + PLANE);
    int32_t bits[PLANE] = {0};
#define NORM(e, o, m) \
    do { \
        int plane = (int)((e) % ANL__BN_BLOCK / PLANE); \
        ANL__LANES for (int64_t i = 0; i < (m); i++) { \
            float v = value(GET(x[(e) + i]), mean[(o) + i], scale[(o) + i], beta[(o) + i]); \
            if (add) v += GET(res[(e) + i]); \
            if (masks) bits[i] |= (v > 0 ? 1 : 0) << plane; \
            if (relu) v = v < 0 ? 0 : v; \
            y[(e) + i] = PUT(v); \
        } \
        if (masks && (plane == 7 || (e) + (m) == n)) \
            for (int64_t i = 0; i < PLANE; i++) { \
                mask[(e) / ANL__BN_BLOCK * PLANE + i] = (uint8_t)bits[i]; \
                bits[i] = 0; \
            } \
    } while (0)
    PLANES(n, NORM);
#undef NORM
}

ANL__CLONES static void FN(norm_any)(const geometry *g, const float *tile, int relu, const T *x,
                                     const T *res, T *y, uint8_t *mask, int64_t n)
{
    if (mask) FN(norm)(g, tile, 1, 1, 1, x, res, y, mask, n);
    else if (relu && res) FN(norm)(g, tile, 1, 1, 0, x, res, y, NULL, n);
    else if (relu) FN(norm)(g, tile, 1, 0, 0, x, NULL, y, NULL, n);
    else if (res) FN(norm)(g, tile, 0, 1, 0, x, res, y, NULL, n);
    else FN(norm)(g, tile, 0, 0, 0, x, NULL, y, NULL, n);
}

static void FN(normalise)(const geometry *g, const float *tile, int relu, const T *x, const T *res, T *y,
                          uint8_t *mask, anl__rows rows)
{
    for (int64_t s = rows.begin; s < rows.end; s += mask ? 1 : rows.end - rows.begin) {
        int64_t at = s * g->each, n = mask ? g->each : (rows.end - rows.begin) * g->each;
        FN(norm_any)(g, tile, relu, x + at, res ? res + at : NULL, y + at,
                     mask ? mask + s * anl__bn_mask_bytes(g->each) : NULL, n);
    }
}

/* The gradient that passes relu, and the distance from the mean. */
#define PASS(e, o) \
    float far = GET(x[(e) + i]) - mean[(o) + i], d = GET(dy[(e) + i]); \
    if (by == BY_VALUE) d = far * scale[(o) + i] + beta[(o) + i] > 0 ? d : 0; \
    if (by == BY_MASK) d = mask[(e) / ANL__BN_BLOCK * PLANE + i] >> ((e) % ANL__BN_BLOCK / PLANE) & 1 ? d : 0

ANL__INLINE void FN(sums)(const geometry *g, const float *tile, const gate by, const T *x, const T *dy,
                          const uint8_t *mask, int64_t n, float *restrict sum, float *restrict dot)
{
    const float *mean = tile + MEAN * (g->tile + PLANE), *scale = tile + SCALE * (g->tile + PLANE), *beta = tile + BETA * (g->tile + PLANE);
#define SUM(e, o, m) \
    ANL__LANES for (int64_t i = 0; i < (m); i++) { \
        PASS(e, o); \
        sum[(o) + i] += d; \
        dot[(o) + i] += d * far; \
    }
    PLANES(n, SUM);
#undef SUM
}

ANL__CLONES static void FN(sums_any)(const geometry *g, const float *tile, gate by, const T *x, const T *dy,
                                     const uint8_t *mask, int64_t n, float *sum, float *dot)
{
    memset(sum, 0, sizeof *sum * (size_t)stored(g));
    memset(dot, 0, sizeof *dot * (size_t)stored(g));
    if (by == OPEN) FN(sums)(g, tile, OPEN, x, dy, NULL, n, sum, dot);
    else if (by == BY_VALUE) FN(sums)(g, tile, BY_VALUE, x, dy, NULL, n, sum, dot);
    else FN(sums)(g, tile, BY_MASK, x, dy, mask, n, sum, dot);
}

/* part[0..k) sums of the gradient, part[k..2k) of gradient times distance; tile: three tiles, then scratch for two. */
static void FN(gradient_sums)(const geometry *g, float *tile, gate by, const T *x, const T *dy,
                              const uint8_t *mask, anl__rows rows, float *part)
{
    float *sum = tile + 3 * stored(g), *dot = sum + stored(g);
    int64_t begin = rows.begin * g->each, end = rows.end * g->each, chunk = mask ? g->each : 4 * CHUNK * g->tile;
    memset(part, 0, sizeof *part * (size_t)(2 * g->k));
    for (int64_t e = begin; e < end; e += chunk) {
        FN(sums_any)(g, tile, by, x + e, dy + e,
                     mask ? mask + e / g->each * anl__bn_mask_bytes(g->each) : NULL,
                     end - e < chunk ? end - e : chunk, sum, dot);
        gather(g, sum, sum);
        gather(g, dot, dot);
        for (int64_t j = 0; j < g->k; j++) {
            part[j] += sum[j];
            part[g->k + j] += dot[j];
        }
    }
}

ANL__INLINE void FN(grad)(const geometry *g, const float *tile, const gate by, const int residual,
                          const T *x, const T *dy, const uint8_t *mask, T *dx, T *dres, int64_t n)
{
    const float *mean = tile + MEAN * (g->tile + PLANE), *scale = tile + SCALE * (g->tile + PLANE), *beta = tile + BETA * (g->tile + PLANE);
    const float *shift = tile + SHIFT * (g->tile + PLANE), *tilt = tile + TILT * (g->tile + PLANE);
#define GRAD(e, o, m) \
    ANL__LANES for (int64_t i = 0; i < (m); i++) { \
        PASS(e, o); \
        dx[(e) + i] = PUT(scale[(o) + i] * (d - shift[(o) + i] - far * tilt[(o) + i])); \
        if (residual) dres[(e) + i] = PUT(d); \
    }
    PLANES(n, GRAD);
#undef GRAD
}
#undef PASS
#undef PLANES

ANL__CLONES static void FN(grad_any)(const geometry *g, const float *tile, gate by, const T *x, const T *dy,
                                     const uint8_t *mask, T *dx, T *dres, int64_t n)
{
    if (by == OPEN && !dres) FN(grad)(g, tile, OPEN, 0, x, dy, NULL, dx, NULL, n);
    else if (by == OPEN) FN(grad)(g, tile, OPEN, 1, x, dy, NULL, dx, dres, n);
    else if (by == BY_VALUE && !dres) FN(grad)(g, tile, BY_VALUE, 0, x, dy, NULL, dx, NULL, n);
    else if (by == BY_VALUE) FN(grad)(g, tile, BY_VALUE, 1, x, dy, NULL, dx, dres, n);
    else if (!dres) FN(grad)(g, tile, BY_MASK, 0, x, dy, mask, dx, NULL, n);
    else FN(grad)(g, tile, BY_MASK, 1, x, dy, mask, dx, dres, n);
}

static void FN(gradient)(const geometry *g, const float *tile, gate by, const T *x, const T *dy,
                         const uint8_t *mask, T *dx, T *dres, anl__rows rows)
{
    for (int64_t s = rows.begin; s < rows.end; s += mask ? 1 : rows.end - rows.begin) {
        int64_t at = s * g->each, n = mask ? g->each : (rows.end - rows.begin) * g->each;
        FN(grad_any)(g, tile, by, x + at, dy + at, mask ? mask + s * anl__bn_mask_bytes(g->each) : NULL,
                     dx + at, dres ? dres + at : NULL, n);
    }
}
#endif
