/* dense by products of our own in bf16 (kernels/common/product16.h), where the processor multiplies tiles:
 *
 *   forward     y (rows x out)  = x (rows x in) w' (in x out), then bias and relu
 *   bwd_data    dx (rows x in)  = dy (rows x out) w (out x in)
 *   bwd_weight  dw (out x in)   = dy' (out x rows) x (rows x in)
 *
 * A task makes some rows of some columns of the result over the whole inner dimension; nothing is added afterwards.
 * Forward and bwd_data have their weights packed; a task makes up to 256 columns in f32 in its own space, then finishes
 * them: fewer would scatter over the pages of a wide result. Where k is no multiple of 32 the left side's rows would be
 * read past their end, and begin in the midst of a cache line: they are copied, a piece of k at a time. bwd_weight first
 * lays out x in pairs of rows, once for all tasks; each of these turns its part of dy. */
#include "base/pool.h"
#include "dense_cpu.h"
#include "dense_cpu_tiles.h"
#include "kernels/common/layout16.h"
#include "kernels/common/product16.h"

#include <stdio.h>

typedef anl__dense_part part;
enum { MOST_ROWS = 128, LEAST_ROWS = 32, MOST_STRIPS = 4, LEAST_TASKS = 8, DEEP = 1024 };
enum { LEFT_ROW = DEEP + 32 }; /* of a copy: rows at a power of two would share a few sets of the cache */

/* The result is m x n, the inner dimension k; deep: k as packed strips have it. */
typedef struct state {
    anl__dense_side kind;
    const anl__product16 *p;
    int64_t m, n, k, deep;
    int blocks, groups; /* of rows, of strips of columns */
    size_t strips;      /* bytes of x in pairs, at the workspace's start (bwd_weight) */
    size_t left, tile, each; /* of a worker: places of the left side's copy and of a part of the result; bytes in all */
} state;

static size_t strips_bytes(const state *s)
{
    int64_t columns = (s->n + ANL__COLUMN - 1) / ANL__COLUMN * ANL__COLUMN;
    return anl__lines(sizeof(anl__bf16) * (size_t)(columns * s->deep));
}

static state state_of(const anl__call *c, anl__dense_side kind)
{
    anl__dense_size size = anl__dense_size_of(c, kind);
    int64_t block = MOST_ROWS;
    state s = {.kind = kind, .p = anl__product16_named("amx"), .m = size.m, .n = size.n, .k = size.k};
    s.deep = anl__deep16(s.k);
    int strips = (int)anl__strips(s.n), wide = kind == ANL__DENSE_WEIGHT ? strips : MOST_STRIPS; /* dy is turned in each task */
    s.groups = (strips + wide - 1) / wide;
    while (block > LEAST_ROWS && (s.m + block - 1) / block * s.groups < LEAST_TASKS) block /= 2;
    s.blocks = (int)((s.m + block - 1) / block);
    if (s.blocks * s.groups < LEAST_TASKS) s.groups = (LEAST_TASKS + s.blocks - 1) / s.blocks;
    if (s.groups > strips) s.groups = strips;
    s.left = anl__take(&s.each, ANL_BF16, kind == ANL__DENSE_WEIGHT || s.k % 32 ? MOST_ROWS * LEFT_ROW : 0);
    s.tile = anl__take(&s.each, ANL_F32, MOST_ROWS * ANL__STRIP * (kind == ANL__DENSE_WEIGHT ? 1 : MOST_STRIPS));
    if (kind == ANL__DENSE_WEIGHT) s.strips = strips_bytes(&s);
    return s;
}

static bool supports(const anl__env *env, const anl__call *c, anl__dense_side kind, char why[ANL__WHY])
{
    if (!anl__cpu_dtype(env, c, why)) return false;
    const char *reason = NULL;
    if (c->in[0].dtype != ANL_BF16) reason = "these products are bf16";
    else if (!anl__product16_named("amx")) reason = "the processor has no tiles";
    else if (kind != ANL__DENSE_WEIGHT && !c->param[1]) reason = "the weights are not a parameter: they cannot be packed";
    if (reason) snprintf(why, ANL__WHY, "%s", reason);
    return !reason;
}

static anl_status prepare(const anl__env *env, anl__prepared *p, anl__dense_side kind)
{
    state *s = p->state = anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    *s = state_of(&p->call, kind);
    p->tasks = kind == ANL__DENSE_WEIGHT ? 0 : s->blocks * s->groups;
    p->workspace = s->strips + s->each * (size_t)env->workers;
    snprintf(p->note, sizeof p->note, "%dx%d tiles, %s", s->blocks, s->groups, anl__product16_name(s->p));
    return ANL_OK;
}

/* ---- weights --------------------------------------------------------------------------------- */

typedef struct packing {
    const state *s;
    const float *w;
    anl__bf16 *to;
} packing;

static void pack_strip(void *arg, int strip, int worker)
{
    const packing *a = arg;
    const state *s = a->s;
    int wide = anl__strip_wide(s->n, strip);
    bool turned = s->kind == ANL__DENSE_FORWARD; /* its columns are the weights' rows */
    anl__bf16 *to = a->to + strip * ANL__STRIP * s->deep;
    int64_t row = ANL__COLUMN * wide, even = s->k / 2 * 2;
    (void)worker;
    memset(to + even * row, 0, sizeof *to * (size_t)((s->deep - even) * row));
    for (int v = 0; v < wide; v++) {
        int64_t first = strip * ANL__STRIP + v * ANL__COLUMN;
        const float *from = a->w + (turned ? first * s->k : first);
        anl__pack16(from, turned ? 1 : s->n, turned ? s->k : 1, 0, s->k, s->n - first, to + 2 * ANL__COLUMN * v, row);
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
    *out = (anl__pack){.bytes = strips_bytes(s), .state = s, .run = pack_run, .release = anl__dense_free_state};
    snprintf(out->key, sizeof out->key, "strips16 %s %lldx%lld", kind == ANL__DENSE_FORWARD ? "turned" : "as they lie",
             (long long)s->k, (long long)s->n);
    return true;
}

/* ---- forward and bwd_data --------------------------------------------------------------------- */

ANL__INLINE void finish_row(const float *restrict from, const float *restrict bias, bool relu, bool add, int64_t n,
                            anl__bf16 *restrict y)
{
    for (int64_t j = 0; j < n; j++) {
        float v = from[j] + (bias ? bias[j] : 0);
        if (relu) v = v < 0 ? 0 : v; /* NaN stays NaN, as in the reference */
        y[j] = anl__to_bf16(add ? anl__from_bf16(y[j]) + v : v);
    }
}

static part part_of(const state *s, int t) { return anl__dense_part_of(s->m, s->n, s->blocks, s->groups, t); }

ANL__CLONES static void finish(const part *p, const float *tile, int64_t n, const float *bias, bool relu, bool add, anl__bf16 *y)
{
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t strip = p->strip; strip < p->end; strip++) {
            int64_t first = strip * ANL__STRIP, ld = ANL__COLUMN * anl__strip_wide(n, strip), live = n - first < ld ? n - first : ld;
            const float *from = tile + (strip - p->strip) * p->rows * ANL__STRIP + i * ld, *b = bias ? bias + first : NULL;
            anl__bf16 *to = y + (p->i + i) * n + first;
            if (add) finish_row(from, b, relu, true, live, to);
            else if (b && relu) finish_row(from, b, true, false, live, to);
            else if (b) finish_row(from, b, false, false, live, to);
            else finish_row(from, NULL, relu, false, live, to);
        }
}

/* Numbers [q, q + deep) of the left side's rows, with zeros to a multiple of 32. */
static void copy_left(const state *s, const part *p, int64_t q, int64_t deep, const anl__bf16 *x, anl__bf16 *left)
{
    for (int64_t i = 0; i < p->rows; i++) {
        memcpy(left + i * LEFT_ROW, x + (p->i + i) * s->k + q, sizeof *left * (size_t)deep);
        memset(left + i * LEFT_ROW + deep, 0, sizeof *left * (size_t)(anl__deep16(deep) - deep));
    }
}

static void task(const anl__prepared *prep, const anl__run *r, int t, int worker)
{
    const state *s = prep->state;
    part p = part_of(s, t);
    char *space = (char *)r->ws + s->each * (size_t)worker;
    float *tile = (float *)(space + s->tile);
    bool copies = s->k % 32, has_bias = s->kind == ANL__DENSE_FORWARD && anl__has_in(&prep->call, 2);
    for (int64_t q = 0, most = copies ? DEEP : s->k; q < s->k; q += most) {
        int64_t deep = s->k - q < most ? s->k - q : most, ld = copies ? LEFT_ROW : s->k;
        const anl__bf16 *x = r->in[0], *left = copies ? (anl__bf16 *)(space + s->left) : x + p.i * s->k;
        if (copies) copy_left(s, &p, q, deep, x, (anl__bf16 *)(space + s->left));
        for (int64_t strip = p.strip; strip < p.end; strip++) {
            int wide = anl__strip_wide(s->n, strip);
            const anl__bf16 *b = (const anl__bf16 *)r->in[1] + strip * ANL__STRIP * s->deep + q * ANL__COLUMN * wide;
            anl__product16_rows(s->p, p.rows, anl__deep16(deep), left, ld, b, wide,
                                tile + (strip - p.strip) * p.rows * ANL__STRIP, ANL__COLUMN * wide, q > 0);
        }
    }
    anl__product16_end(s->p);
    finish(&p, tile, s->n, has_bias ? r->in[2] : NULL, s->kind == ANL__DENSE_FORWARD && anl__attr_int(&prep->call, "act"),
           prep->call.accum[0], r->out[0]);
}

/* ---- bwd_weight ------------------------------------------------------------------------------- */

typedef struct job {
    const anl__prepared *prep;
    const anl__run *r;
} job;

/* A strip of x, in pairs of rows. */
static void lay_out(void *arg, int strip, int worker)
{
    const job *j = arg;
    const state *s = j->prep->state;
    static const anl__bf16 zeros[ANL__STRIP];
    int64_t first = strip * ANL__STRIP, wide = ANL__COLUMN * anl__strip_wide(s->n, strip),
            live = s->n - first < wide ? s->n - first : wide;
    const anl__bf16 *x = (const anl__bf16 *)j->r->in[0] + first;
    anl__bf16 *to = (anl__bf16 *)j->r->ws + first * s->deep;
    (void)worker;
    for (int64_t q = 0; q < s->deep; q += 2, to += 2 * wide) {
        anl__pairs16(q < s->k ? x + q * s->n : zeros, q + 1 < s->k ? x + (q + 1) * s->n : zeros, live, to);
        memset(to + 2 * live, 0, sizeof *to * (size_t)(2 * (wide - live)));
    }
}

/* Rows [i, i + rows) of the last strip, of whose columns not all are dw's. */
static void narrow_strip(const state *s, const anl__bf16 *dy, int64_t rows, int64_t deep, const anl__bf16 *b, int wide, float *dw,
                         bool add, float *tile)
{
    int64_t ld = ANL__COLUMN * wide, live = s->n % ANL__STRIP;
    anl__product16_rows(s->p, rows, deep, dy, LEFT_ROW, b, wide, tile, ld, false);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t e = 0; e < live; e++) dw[i * s->n + e] = tile[i * ld + e] + (add ? dw[i * s->n + e] : 0);
}

static void weight_task(void *arg, int t, int worker)
{
    const job *j = arg;
    const state *s = j->prep->state;
    part p = part_of(s, t);
    char *space = (char *)j->r->ws + s->strips + s->each * (size_t)worker;
    anl__bf16 *dy = (anl__bf16 *)(space + s->left);
    for (int64_t q = 0; q < s->k; q += DEEP) {
        int64_t deep = s->k - q < DEEP ? s->k - q : DEEP;
        bool add = j->prep->call.accum[0] || q > 0;
        anl__turn16((const anl__bf16 *)j->r->in[1] + q * s->m + p.i, deep, s->m, p.rows, dy, LEFT_ROW);
        for (int64_t strip = p.strip; strip < p.end; strip++) {
            int wide = anl__strip_wide(s->n, strip);
            const anl__bf16 *b = (const anl__bf16 *)j->r->ws + strip * ANL__STRIP * s->deep + q * ANL__COLUMN * wide;
            float *dw = (float *)j->r->out[0] + p.i * s->n + strip * ANL__STRIP;
            if (strip * ANL__STRIP + ANL__COLUMN * wide > s->n)
                narrow_strip(s, dy, p.rows, anl__deep16(deep), b, wide, dw, add, (float *)(space + s->tile));
            else
                anl__product16_rows(s->p, p.rows, anl__deep16(deep), dy, LEFT_ROW, b, wide, dw, s->n, add);
        }
    }
    anl__product16_end(s->p);
}

static anl_status weight_run(const anl__prepared *p, const anl__run *r)
{
    const state *s = p->state;
    job j = {p, r};
    anl__pool_run(r->pool, (int)anl__strips(s->n), lay_out, &j);
    anl__pool_run(r->pool, s->blocks * s->groups, weight_task, &j);
    return ANL_OK;
}

ANL__DENSE_PACKED_SIDE(fwd, ANL__DENSE_FORWARD)
ANL__DENSE_PACKED_SIDE(data, ANL__DENSE_DATA)
ANL__DENSE_SIDE(weight, ANL__DENSE_WEIGHT)

const anl__kernel anl__dense_product16 = {.op = "dense", .device = "cpu", .name = "dense/product16", .rank = 40,
                                          .supports = fwd_supports, .pack = fwd_pack, .prepare = fwd_prepare,
                                          .task = task, .release = anl__dense_release};
const anl__kernel anl__dense_data_product16 = {.op = "dense_bwd_data", .device = "cpu",
                                               .name = "dense_bwd_data/product16", .rank = 40,
                                               .supports = data_supports, .pack = data_pack, .prepare = data_prepare,
                                               .task = task, .release = anl__dense_release};
const anl__kernel anl__dense_weight_product16 = {.op = "dense_bwd_weight", .device = "cpu",
                                                 .name = "dense_bwd_weight/product16", .rank = 40,
                                                 .supports = weight_supports, .prepare = weight_prepare,
                                                 .run = weight_run, .release = anl__dense_release};
