/* conv2d by oneDNN: images stay N,H,W,C, filters are packed as the library wants them. Forward and bwd_data run slices of
 * the batch. bwd_filter sums over the batch: one partial gradient a slice, in the library's layout, added in a fixed
 * tree and written plain by finish. */
#include "conv2d_cpu.h"
#include "device.h"
#include "kernels/common/cpu.h"
#include "kernels/common/dnnl.h"

#include <stdio.h>

typedef struct state {
    anl__conv_geometry g;
    anl__dnnl_op *op[2];  /* slices of most rows; slices of one row less, NULL when all have the same */
    int64_t most;         /* rows of op[0] */
    size_t scratch;       /* bytes of a worker's part of the workspace */
    size_t extra;         /* bytes before it in that part: a slice of dx to be added (bwd_data) */
    size_t partials;      /* bytes of all partial gradients, at the workspace's start (bwd_filter) */
    anl__dnnl_layout w;   /* of the partial gradients */
    int64_t *offset[4];   /* by k, c, r, s: where an element of the filter lies in w */
} state;

/* ---- descriptions ---------------------------------------------------------------------------- */

static anl__dnnl_tensor image(anl_dtype t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return (anl__dnnl_tensor){t, 4, {n, c, h, w}, {h * w * c, 1, w * c, c}};
}

/* Filters K,R,S,C/groups as the library sees them: [groups,] k, c, r, s. */
static anl__dnnl_tensor filters(const anl__conv_geometry *g, anl_dtype t)
{
    int64_t cg = g->c / g->groups, kg = g->k / g->groups, each = g->r * g->s * cg;
    if (g->groups == 1) return (anl__dnnl_tensor){t, 4, {g->k, g->c, g->r, g->s}, {each, 1, g->s * cg, cg}};
    return (anl__dnnl_tensor){t, 5, {g->groups, kg, cg, g->r, g->s}, {kg * each, each, 1, g->s * cg, cg}};
}

/* The library tries brgconv first. Measured on AVX-512 without AMX its jit kernels are faster in bf16 (1.0 to 1.4 times) and, in
   f32, in first layers and with strides (1.1 to 1.6 times), while brgconv leads by 5 to 20 % in the others. */
static void specify(anl__dnnl_spec *s, const anl__call *c, const anl__conv_geometry *g, anl__dnnl_kind kind, int64_t rows)
{
    anl_dtype t = c->in[0].dtype;
    *s = (anl__dnnl_spec){.kind = kind, .own_layout = true};
    s->tensor[ANL__DNNL_SRC] = image(t, rows, g->c, g->h, g->w);
    s->tensor[ANL__DNNL_WEIGHTS] = filters(g, kind == ANL__DNNL_CONV_FILTER ? ANL_F32 : t);
    s->tensor[ANL__DNNL_DST] = image(t, rows, g->k, g->oh, g->ow);
    for (int i = 0; i < 4; i++) s->pad[i] = g->pad[i];
    for (int i = 0; i < 2; i++) {
        s->stride[i] = g->stride[i];
        s->dilation[i] = g->dilation[i];
    }
    if (kind != ANL__DNNL_CONV) return;
    s->jit = t == ANL_BF16 || g->c < 16 || g->stride[0] > 1;
    s->relu = anl__attr_int(c, "act");
    if (anl__has_in(c, 2)) s->tensor[ANL__DNNL_BIAS] = (anl__dnnl_tensor){ANL_F32, 1, {g->k}, {1}};
}

static bool supports(const anl__env *env, const anl__call *c, anl__dnnl_kind kind, int weight, char why[ANL__WHY])
{
    anl__conv_geometry g;
    anl__dnnl_spec s;
    if (!anl__cpu_dtype(env, c, why)) return false;
    if (weight >= 0 && !c->param[weight]) {
        snprintf(why, ANL__WHY, "the filters are not a parameter: they cannot be packed");
        return false;
    }
    anl__conv_geometry_of(c, &g);
    int tasks = kind == ANL__DNNL_CONV_FILTER ? anl__conv_partials(env, &g) : anl__conv_slices(env, g.n);
    specify(&s, c, &g, kind, (g.n + tasks - 1) / tasks); /* as make_ops will: the library's choice depends on it */
    return anl__dnnl_supports(env->device->impl, &s, why);
}

static bool fwd_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) { return supports(env, c, ANL__DNNL_CONV, 1, why); }
static bool data_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) { return supports(env, c, ANL__DNNL_CONV_DATA, 1, why); }
static bool filter_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) { return supports(env, c, ANL__DNNL_CONV_FILTER, -1, why); }

/* ---- preparing ------------------------------------------------------------------------------- */

static void release(anl_ctx *ctx, anl__prepared *p)
{
    state *s = p->state;
    if (!s) return;
    for (int i = 0; i < 2; i++) anl__dnnl_destroy(s->op[i]);
    for (int i = 0; i < 4; i++) anl__free(ctx, s->offset[i]);
    anl__free(ctx, s);
    p->state = NULL;
}

static anl_status make_ops(const anl__env *env, anl__prepared *p, state *s, anl__dnnl_kind kind)
{
    anl__dnnl_spec spec;
    s->most = (s->g.n + p->tasks - 1) / p->tasks;
    for (int i = 0; i < 2; i++) {
        if (i && s->g.n % p->tasks == 0) break;
        specify(&spec, &p->call, &s->g, kind, s->most - i);
        spec.like = i ? s->op[0] : NULL;
        ANL_TRY(anl__dnnl_create(env->ctx, env->device->impl, &spec, &s->op[i]));
        if (anl__dnnl_scratch(s->op[i]) > s->scratch) s->scratch = anl__dnnl_scratch(s->op[i]);
    }
    snprintf(p->note, sizeof p->note, "%s", anl__dnnl_name(s->op[0]));
    return ANL_OK;
}

static anl_status start(const anl__env *env, anl__prepared *p, state **out)
{
    state *s = p->state = anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    anl__conv_geometry_of(&p->call, &s->g);
    *out = s;
    return ANL_OK;
}

static anl_status prepare_samples(const anl__env *env, anl__prepared *p, anl__dnnl_kind kind)
{
    state *s;
    ANL_TRY(start(env, p, &s));
    p->tasks = anl__conv_slices(env, s->g.n);
    anl_status st = make_ops(env, p, s, kind);
    if (p->call.accum[0]) s->extra = anl__lines((size_t)(s->most * s->g.h * s->g.w * s->g.c) * anl_dtype_size(p->call.out[0].dtype));
    p->workspace = (s->extra + s->scratch) * (size_t)env->workers;
    if (st != ANL_OK) release(env->ctx, p);
    return st;
}

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p) { return prepare_samples(env, p, ANL__DNNL_CONV); }
static anl_status data_prepare(const anl__env *env, anl__prepared *p) { return prepare_samples(env, p, ANL__DNNL_CONV_DATA); }

static anl_status find_offsets(anl_ctx *ctx, state *s)
{
    const anl__conv_geometry *g = &s->g;
    int64_t n[4] = {g->k, g->c / g->groups, g->r, g->s}, kg = g->k / g->groups;
    int first = g->groups > 1; /* dimension of k */
    for (int d = 0; d < 4; d++) {
        s->offset[d] = anl__calloc(ctx, (size_t)n[d], sizeof **s->offset);
        if (!s->offset[d]) return ANL_NOMEM;
        for (int64_t i = 0; i < n[d]; i++) {
            s->offset[d][i] = anl__dnnl_offset(&s->w, first + d, d ? i : i % kg);
            if (!d && first) s->offset[d][i] += anl__dnnl_offset(&s->w, 0, i / kg);
        }
    }
    return ANL_OK;
}

static anl_status filter_prepare(const anl__env *env, anl__prepared *p)
{
    state *s;
    ANL_TRY(start(env, p, &s));
    p->tasks = anl__conv_partials(env, &s->g);
    anl_status st = make_ops(env, p, s, ANL__DNNL_CONV_FILTER);
    if (st == ANL_OK) {
        anl__dnnl_weights(s->op[0], &s->w);
        st = find_offsets(env->ctx, s);
    }
    s->partials = anl__lines(s->w.bytes) * (size_t)p->tasks;
    p->workspace = s->partials + s->scratch * (size_t)env->workers;
    if (st != ANL_OK) release(env->ctx, p);
    return st;
}

static bool pack(const anl__env *env, const anl__call *c, int in, anl__dnnl_kind kind, anl__pack *pack)
{
    anl__conv_geometry g;
    anl__dnnl_spec s;
    if (in != 1) return false;
    anl__conv_geometry_of(c, &g);
    int64_t rows = (g.n + anl__conv_slices(env, g.n) - 1) / anl__conv_slices(env, g.n);
    specify(&s, c, &g, kind, rows);
    return anl__dnnl_pack(env->ctx, env->device->impl, &s, pack);
}

static bool fwd_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out) { return pack(env, c, in, ANL__DNNL_CONV, out); }
static bool data_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out) { return pack(env, c, in, ANL__DNNL_CONV_DATA, out); }

/* ---- running --------------------------------------------------------------------------------- */

typedef struct slice { int64_t begin, end; const anl__dnnl_op *op; char *ws; } slice;

static slice slice_of(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const state *s = p->state;
    slice t = {anl__slice_begin(s->g.n, p->tasks, task), anl__slice_begin(s->g.n, p->tasks, task + 1), NULL, NULL};
    t.op = s->op[t.end - t.begin < s->most];
    t.ws = (char *)r->ws + s->partials + (s->extra + s->scratch) * (size_t)worker;
    return t;
}

static void *rows(const anl__type *t, void *p, int64_t begin)
{
    return (char *)p + (size_t)(anl_shape_count(&t->shape) / t->shape.dim[0] * begin) * anl_dtype_size(t->dtype);
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    slice t = slice_of(p, r, task, worker);
    void *at[ANL__DNNL_TENSORS] = {[ANL__DNNL_SRC] = rows(&p->call.in[0], r->in[0], t.begin), [ANL__DNNL_WEIGHTS] = r->in[1],
                                   [ANL__DNNL_BIAS] = anl__has_in(&p->call, 2) ? r->in[2] : NULL, [ANL__DNNL_DST] = rows(&p->call.out[0], r->out[0], t.begin)};
    anl__dnnl_run(t.op, worker, at, t.ws);
}

ANL__CLONES static void add_f32(float *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

ANL__CLONES static void add_bf16(anl__bf16 *restrict to, const anl__bf16 *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = anl__to_bf16(anl__from_bf16(to[i]) + anl__from_bf16(from[i]));
}

static void data_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const state *s = p->state;
    slice t = slice_of(p, r, task, worker);
    void *dx = rows(&p->call.out[0], r->out[0], t.begin);
    void *at[ANL__DNNL_TENSORS] = {[ANL__DNNL_SRC] = s->extra ? t.ws : dx, [ANL__DNNL_WEIGHTS] = r->in[1],
                                   [ANL__DNNL_DST] = rows(&p->call.in[0], r->in[0], t.begin)};
    anl__dnnl_run(t.op, worker, at, t.ws + s->extra);
    int64_t n = (t.end - t.begin) * s->g.h * s->g.w * s->g.c;
    if (s->extra && p->call.out[0].dtype == ANL_BF16) add_bf16(dx, (const anl__bf16 *)t.ws, n);
    else if (s->extra) add_f32(dx, (const float *)t.ws, n);
}

static void filter_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const state *s = p->state;
    slice t = slice_of(p, r, task, worker);
    void *at[ANL__DNNL_TENSORS] = {[ANL__DNNL_SRC] = rows(&p->call.in[0], r->in[0], t.begin), [ANL__DNNL_WEIGHTS] = (char *)r->ws + anl__lines(s->w.bytes) * (size_t)task,
                                   [ANL__DNNL_DST] = rows(&p->call.in[1], r->in[1], t.begin)};
    anl__dnnl_run(t.op, worker, at, t.ws);
}

typedef struct finishing { const anl__prepared *p; const anl__run *r; } finishing;
/* Rows of the filter, from the library's layout. */
static void write_piece(void *arg, int task, int worker)
{
    const finishing *f = arg;
    const state *s = f->p->state;
    const anl__conv_geometry *g = &s->g;
    const float *from = f->r->ws;
    int64_t cg = g->c / g->groups, k1 = (int64_t)(task + 1) * 16;
    bool add = f->p->call.accum[0];
    (void)worker;
    for (int64_t k = (int64_t)task * 16; k < k1 && k < g->k; k++)
        for (int64_t a = 0; a < g->r * g->s; a++) {
            const float *line = from + s->offset[0][k] + s->offset[2][a / g->s] + s->offset[3][a % g->s];
            float *to = (float *)f->r->out[0] + (k * g->r * g->s + a) * cg;
            if (add)
                for (int64_t c = 0; c < cg; c++) to[c] += line[s->offset[1][c]];
            else
                for (int64_t c = 0; c < cg; c++) to[c] = line[s->offset[1][c]];
        }
}

static void filter_finish(const anl__prepared *p, const anl__run *r)
{
    const state *s = p->state;
    finishing f = {p, r};
    anl__conv_add_partials(r, p->tasks, (int64_t)(s->w.bytes / sizeof(float)));
    anl__pool_run(r->pool, (int)((s->g.k + 15) / 16), write_piece, &f);
}

const anl__kernel anl__conv2d_dnnl = {.op = "conv2d", .device = "cpu", .name = "conv2d/dnnl", .rank = 20, .supports = fwd_supports, .pack = fwd_pack, .prepare = fwd_prepare,
                                      .task = fwd_task, .release = release, .samplewise = true};
const anl__kernel anl__conv2d_data_dnnl = {.op = "conv2d_bwd_data", .device = "cpu", .name = "conv2d_bwd_data/dnnl", .rank = 20, .supports = data_supports, .pack = data_pack,
                                           .prepare = data_prepare, .task = data_task, .release = release, .samplewise = true};
const anl__kernel anl__conv2d_filter_dnnl = {.op = "conv2d_bwd_filter", .device = "cpu", .name = "conv2d_bwd_filter/dnnl", .rank = 20, .supports = filter_supports,
                                             .prepare = filter_prepare, .task = filter_task, .finish = filter_finish, .release = release, .samplewise = true, .finish_outs = 1};
