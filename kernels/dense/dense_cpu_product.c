/* dense by products of our own (kernels/common/product.h), in f32, where they are faster than the library's:
 *
 *   forward     y (rows x out)  = x (rows x in) w' (in x out), then bias and relu
 *   bwd_data    dx (rows x in)  = dy (rows x out) w (out x in)
 *   bwd_weight  dw (out x in)   = dy' (out x rows) x (rows x in)
 *
 * A task makes some rows of some columns of the result over the whole inner dimension; nothing is added afterwards.
 * Forward and bwd_data have their weights packed, and make up to 256 columns in the task's own space before they are finished
 * (64 of a wide result would lie on as many pages as there are rows);
 * bwd_weight copies its rows of dy', which lie far apart, and goes over as many columns as leave enough tasks. */
#include "base/pool.h"
#include "dense_cpu.h"
#include "dense_cpu_tiles.h"
#include "kernels/common/cpu.h"
#include "kernels/common/isa.h"
#include "kernels/common/product.h"

#include <stdio.h>

typedef anl__dense_part part;
enum { MOST_ROWS = 128, LEAST_ROWS = 32, MOST_STRIPS = 4, LEAST_TASKS = 8, DEEP = 512 };
enum { DY_ROW = MOST_ROWS + ANL__COLUMN }; /* of the copy: no multiple of 512 bytes, which share sets of the cache */

/* The result is m x n, the inner dimension k. */
typedef struct state {
    anl__dense_side kind;
    const anl__product *p;
    int64_t m, n, k;
    int blocks, groups;         /* of rows, of strips of columns */
    size_t tile, strip, each; /* of a worker: places of a part of the result and of a copied column; bytes in all */
} state;

static state state_of(const anl__call *c, anl__dense_side kind)
{
    anl__dense_size size = anl__dense_size_of(c, kind);
    int64_t block = MOST_ROWS;
    state s = {.kind = kind, .p = anl__product_best(), .m = size.m, .n = size.n, .k = size.k};
    int64_t strips = anl__strips(s.n);
    while (block > LEAST_ROWS && (s.m + block - 1) / block * strips < LEAST_TASKS) block /= 2;
    s.blocks = (int)((s.m + block - 1) / block);
    int enough = (LEAST_TASKS + s.blocks - 1) / s.blocks, wide = (int)(strips + MOST_STRIPS - 1) / MOST_STRIPS;
    s.groups = kind == ANL__DENSE_WEIGHT || enough > wide ? enough : wide;
    if (s.groups > strips) s.groups = (int)strips;
    anl__take(&s.each, ANL_F32, kind == ANL__DENSE_WEIGHT ? DEEP * DY_ROW : 0);
    s.tile = anl__take(&s.each, ANL_F32, MOST_ROWS * ANL__STRIP * (kind == ANL__DENSE_WEIGHT ? 1 : MOST_STRIPS));
    s.strip = anl__take(&s.each, ANL_F32, kind == ANL__DENSE_WEIGHT ? DEEP * ANL__COLUMN : 0);
    return s;
}

static bool supports(const anl__env *env, const anl__call *c, anl__dense_side kind, char why[ANL__WHY])
{
    if (!anl__cpu_dtype(env, c, why)) return false;
    const char *reason = NULL;
    if (c->in[0].dtype != ANL_F32) reason = "these products are f32";
    else if (kind != ANL__DENSE_WEIGHT && !c->param[1]) reason = "the weights are not a parameter: they cannot be packed";
#if defined(ANL_HAVE_DNNL)
    else if (!anl__product_reads_ahead(anl__product_best()) && anl__isa_used() != ANL__ISA_AMX) reason = "the library is faster on this processor";
#endif
    if (reason) snprintf(why, ANL__WHY, "%s", reason);
    return !reason;
}

static anl_status prepare(const anl__env *env, anl__prepared *p, anl__dense_side kind)
{
    state *s = p->state = anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    *s = state_of(&p->call, kind);
    p->tasks = s->blocks * s->groups;
    p->workspace = s->each * (size_t)env->workers;
    snprintf(p->note, sizeof p->note, "%dx%d tiles, %s", s->blocks, s->groups, anl__product_name(s->p));
    return ANL_OK;
}

/* ---- weights --------------------------------------------------------------------------------- */

typedef struct packing {
    const state *s;
    const float *w;
    float *to;
} packing;

static void pack_strip(void *arg, int strip, int worker)
{
    const packing *a = arg;
    const state *s = a->s;
    int wide = anl__strip_wide(s->n, strip);
    bool turned = s->kind == ANL__DENSE_FORWARD; /* its columns are the weights' rows */
    (void)worker;
    for (int v = 0; v < wide; v++) {
        int64_t ld, first = strip * ANL__STRIP + v * ANL__COLUMN;
        float *to = a->to + strip * ANL__STRIP * s->k + anl__product_column(s->p, s->k, wide, v, &ld);
        const float *from = a->w + (turned ? first * s->k : first);
        anl__product_pack(from, turned ? 1 : s->n, turned ? s->k : 1, s->k, s->n - first, to, ld);
    }
}

static void pack_run(void *at, const void *src, void *dst, anl__pool *pool)
{
    packing a = {at, src, dst};
    anl__pool_run(pool, (int)anl__strips(a.s->n), pack_strip, &a);
}

static bool pack(const anl__env *env, const anl__call *c, int in, anl__dense_side kind, anl__pack *out)
{
    if (in != 1) return false;
    state *s = anl__alloc(env->ctx, sizeof *s);
    if (!s) {
        out->status = ANL_NOMEM;
        return false;
    }
    *s = state_of(c, kind);
    int64_t columns = (s->n + ANL__COLUMN - 1) / ANL__COLUMN * ANL__COLUMN;
    *out = (anl__pack){.bytes = sizeof(float) * (size_t)(columns * s->k), .state = s, .run = pack_run,
                       .release = anl__dense_free_state};
    snprintf(out->key, sizeof out->key, "strips %s %lldx%lld", kind == ANL__DENSE_FORWARD ? "turned" : "as they lie",
             (long long)s->k, (long long)s->n);
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

ANL__INLINE void finish_row(const float *restrict from, const float *restrict bias, bool relu, bool add, int64_t n,
                            float *restrict y)
{
    for (int64_t j = 0; j < n; j++) {
        float v = from[j] + (bias ? bias[j] : 0);
        if (relu) v = v < 0 ? 0 : v; /* NaN stays NaN, as in the reference */
        y[j] = add ? y[j] + v : v;
    }
}

static part part_of(const state *s, int t) { return anl__dense_part_of(s->m, s->n, s->blocks, s->groups, t); }

ANL__CLONES static void finish(const part *p, const float *tile, int64_t n, const float *bias, bool relu, bool add,
                               float *y)
{
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t strip = p->strip; strip < p->end; strip++) {
            int64_t first = strip * ANL__STRIP, ld = ANL__COLUMN * anl__strip_wide(n, strip),
                    live = n - first < ld ? n - first : ld;
            const float *from = tile + (strip - p->strip) * p->rows * ANL__STRIP + i * ld;
            float *to = y + (p->i + i) * n + first;
            if (bias && relu) finish_row(from, bias + first, true, add, live, to);
            else finish_row(from, bias ? bias + first : NULL, relu, add, live, to);
        }
}

static void task(const anl__prepared *prep, const anl__run *r, int t, int worker)
{
    const state *s = prep->state;
    part p = part_of(s, t);
    float *tile = (float *)((char *)r->ws + s->each * (size_t)worker + s->tile);
    bool has_bias = s->kind == ANL__DENSE_FORWARD && anl__has_in(&prep->call, 2);
    for (int64_t strip = p.strip; strip < p.end; strip++) {
        int wide = anl__strip_wide(s->n, strip);
        anl__product_rows(s->p, p.rows, s->k, (const float *)r->in[0] + p.i * s->k, s->k,
                          (const float *)r->in[1] + strip * ANL__STRIP * s->k, wide,
                          tile + (strip - p.strip) * p.rows * ANL__STRIP, ANL__COLUMN * wide, false);
    }
    finish(&p, tile, s->n, has_bias ? r->in[2] : NULL, s->kind == ANL__DENSE_FORWARD && anl__attr_int(&prep->call, "act"),
           prep->call.accum[0], r->out[0]);
}

/* The last columns of dw, fewer than 16, of `rows` rows: over `deep` rows of x and the copied dy. */
static void weight_rest(const state *s, int64_t rows, int64_t deep, const float *dy, const float *x, float *dw,
                        bool add, char *space)
{
    float *tile = (float *)(space + s->tile), *column = (float *)(space + s->strip);
    int64_t live = s->n % ANL__COLUMN;
    for (int64_t e = 0; e < deep; e++)
        for (int64_t j = 0; j < ANL__COLUMN; j++) column[e * ANL__COLUMN + j] = j < live ? x[e * s->n + j] : 0;
    for (int64_t e = 0; e < rows; e++)
        for (int64_t j = 0; j < ANL__COLUMN; j++) tile[e * ANL__COLUMN + j] = add && j < live ? dw[e * s->n + j] : 0;
    anl__product_columns(s->p, rows, deep, dy, DY_ROW, column, ANL__COLUMN, 1, tile, ANL__COLUMN, add);
    for (int64_t e = 0; e < rows; e++)
        memcpy(dw + e * s->n, tile + e * ANL__COLUMN, sizeof(float) * (size_t)live);
}

static void weight_task(const anl__prepared *prep, const anl__run *r, int t, int worker)
{
    const state *s = prep->state;
    part p = part_of(s, t);
    int64_t i = p.i, rows = p.rows, from = p.strip * ANL__STRIP, to = p.end * ANL__STRIP;
    char *space = (char *)r->ws + s->each * (size_t)worker;
    float *dy = (float *)space, *dw = (float *)r->out[0] + i * s->n;
    for (int64_t q = 0; q < s->k; q += DEEP) {
        int64_t deep = s->k - q < DEEP ? s->k - q : DEEP, whole = s->n - s->n % ANL__COLUMN;
        const float *x = (const float *)r->in[0] + q * s->n;
        bool add = prep->call.accum[0] || q > 0;
        for (int64_t e = 0; e < deep; e++)
            memcpy(dy + e * DY_ROW, (const float *)r->in[1] + (q + e) * s->m + i, sizeof(float) * (size_t)rows);
        for (int64_t j = from; j < to && j < whole; j += ANL__STRIP) {
            int64_t columns = whole - j < ANL__STRIP ? whole - j : ANL__STRIP;
            anl__product_columns(s->p, rows, deep, dy, DY_ROW, x + j, s->n, (int)(columns / ANL__COLUMN), dw + j, s->n,
                                 add);
        }
        if (whole < s->n && to >= s->n) weight_rest(s, rows, deep, dy, x + whole, dw + whole, add, space);
    }
}

ANL__DENSE_PACKED_SIDE(fwd, ANL__DENSE_FORWARD)
ANL__DENSE_PACKED_SIDE(data, ANL__DENSE_DATA)
ANL__DENSE_SIDE(weight, ANL__DENSE_WEIGHT)

const anl__kernel anl__dense_product = {.op = "dense", .device = "cpu", .name = "dense/product", .rank = 30,
                                        .supports = fwd_supports, .pack = fwd_pack, .prepare = fwd_prepare,
                                        .task = task, .release = anl__dense_release};
const anl__kernel anl__dense_data_product = {.op = "dense_bwd_data", .device = "cpu", .name = "dense_bwd_data/product",
                                             .rank = 30, .supports = data_supports, .pack = data_pack,
                                             .prepare = data_prepare, .task = task, .release = anl__dense_release};
const anl__kernel anl__dense_weight_product = {.op = "dense_bwd_weight", .device = "cpu",
                                               .name = "dense_bwd_weight/product", .rank = 30,
                                               .supports = weight_supports, .prepare = weight_prepare,
                                               .task = weight_task, .release = anl__dense_release};
