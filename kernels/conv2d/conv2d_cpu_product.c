/* conv2d of stride 1 as matrix products over images as they lie (N,H,W,C), where these beat the library: AVX2
 * without AVX-512. What a filter's row covers, s x c numbers, lies together in the image, and the next
 * position's begin c further: a row of the output is a product of overlapping rows, its k in r pieces an
 * image's row apart.
 *
 * Forward and bwd_data: ow positions by 16 filters, k: r pieces of s c. bwd_data is the same over dy with
 * filters turned. bwd_filter, for one row of 16 filters: s c rows (lying transposed) by 16, k: a piece of ow
 * positions for each row of dy that is copied at a time.
 *
 * An image with padding left or right is copied with its zeros; rows above and below are left out of sums. */
#include "conv2d_cpu.h"
#include "device.h"
#include "kernels/common/cpu.h"
#include "kernels/common/product.h"

#include <math.h>
#include <stdio.h>

/* Positions of dy that bwd_filter copies and multiplies at a time: enough that adding to the gradient costs
 * little, few enough that they and their part of the image stay in the second-level cache. */
enum { POSITIONS = 192 };

/* A convolution of stride 1 as the products see it: of dy in bwd_data. */
typedef struct view {
    int64_t h, w, c, k, r, s, oh, ow;
    int64_t top, left; /* padding */
    int64_t pitch;     /* positions from one row of the image to the next, padding included */
    bool padded;       /* left or right */
} view;

typedef struct state {
    view v;
    int64_t n;         /* images */
    size_t partials;   /* bytes of all partial gradients, at the workspace's start (bwd_filter) */
    size_t scratch;    /* bytes of a worker's part of the workspace, after them */
    int64_t image;     /* numbers of the padded image in it */
    int64_t most;      /* rows of dy that are copied at a time (bwd_filter) */
} state;

static view view_of(const anl__conv_geometry *g, bool turned)
{
    view v = {.h = g->h, .w = g->w, .c = g->c, .k = g->k, .r = g->r, .s = g->s, .oh = g->oh, .ow = g->ow};
    v.top = g->pad[0];
    v.left = g->pad[1];
    if (turned) {
        v = (view){.h = g->oh, .w = g->ow, .c = g->k, .k = g->c, .r = g->r, .s = g->s};
        v.oh = g->h;
        v.ow = g->w;
        v.top = g->r - 1 - g->pad[0];
        v.left = g->s - 1 - g->pad[1];
    }
    v.pitch = v.ow + v.s - 1;
    v.padded = v.pitch != v.w;
    return v;
}

/* Numbers of the filters, and of a partial gradient, which lies as packed filters do. */
static int64_t partial(const view *v) { return v->k * v->r * v->s * v->c; }
static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static size_t bytes(int64_t numbers) { return sizeof(float) * (size_t)numbers; }

/* ---- choosing -------------------------------------------------------------------------------- */

/* Measured: bwd_data of 8 x 8 x 64 at 0.95 to 1.0 of the library's rate, of 14 x 14 x 256 at 1.1. */
enum { NARROW = 12 };

static bool supports(const anl__call *c, int weight, bool data, char why[ANL__WHY])
{
    anl__conv_geometry g;
    const char *no = NULL;
    anl__conv_geometry_of(c, &g);
    if (!anl__product_reads_ahead(anl__product_best())) no = "the library is faster on this processor";
    else if (c->in[0].dtype != ANL_F32) no = "f32 only";
    else if (weight >= 0 && !c->param[weight]) no = "the filters are not a parameter: they cannot be packed";
    else if (g.stride[0] > 1 || g.stride[1] > 1 || g.dilation[0] > 1 || g.dilation[1] > 1 || g.groups > 1)
        no = "no strides, dilations or groups";
    else if (g.r * g.s == 1) no = "the library is faster at 1x1";
    else if (data && g.w < NARROW) no = "the library is as fast on narrow images";
    else if (g.c % ANL__COLUMN || g.k % ANL__COLUMN) no = "channels are not multiples of 16";
    else if (g.pad[0] >= g.r || g.pad[2] >= g.r || g.pad[1] >= g.s || g.pad[3] >= g.s)
        no = "padding as large as the filter";
    if (no) snprintf(why, ANL__WHY, "%s", no);
    return !no;
}

static bool fwd_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    return supports(c, 1, false, why);
}

static bool data_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    return supports(c, 1, true, why);
}

static bool filter_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    return supports(c, -1, false, why);
}

/* ---- packing: for 16 filters and a row of theirs, s c rows of 16 ------------------------------- */

typedef struct packing { view v; bool turned; } packing;
typedef struct pack_job { const packing *p; const float *from; float *to; } pack_job;

/* w: k x r x s x c. Turned: c x r x s x k, as dy's channels are the filters, last row and position first. */
static void pack_task(void *arg, int task, int worker)
{
    const pack_job *j = arg;
    const view *v = &j->p->v;
    int64_t first = task / v->r * ANL__COLUMN, r = task % v->r, deep = v->s * v->c;
    float *to = j->to + task * deep * ANL__COLUMN;
    (void)worker;
    if (!j->p->turned) {
        const float *from = j->from + (first * v->r + r) * deep;
        anl__product_pack(from, 1, v->r * deep, deep, ANL__COLUMN, to, ANL__COLUMN);
        return;
    }
    for (int64_t s = 0; s < v->s; s++, to += v->c * ANL__COLUMN) {
        const float *from = j->from + ((v->r - 1 - r) * v->s + v->s - 1 - s) * v->k + first;
        anl__product_pack(from, v->r * v->s * v->k, 1, v->c, ANL__COLUMN, to, ANL__COLUMN);
    }
}

static void pack_run(void *of, const void *src, void *dst, anl__pool *pool)
{
    const packing *p = of;
    pack_job j = {p, src, dst};
    anl__pool_run(pool, (int)(p->v.k / ANL__COLUMN * p->v.r), pack_task, &j);
}

static void pack_release(anl_ctx *ctx, void *of) { anl__free(ctx, of); }

static bool pack(const anl__env *env, const anl__call *c, int in, bool turned, anl__pack *out)
{
    anl__conv_geometry g;
    if (in != 1) return false;
    packing *p = anl__alloc(env->ctx, sizeof *p);
    if (!p) {
        out->status = ANL_NOMEM;
        return false;
    }
    anl__conv_geometry_of(c, &g);
    *p = (packing){view_of(&g, turned), turned};
    *out = (anl__pack){.bytes = bytes(partial(&p->v)), .state = p, .run = pack_run, .release = pack_release};
    snprintf(out->key, sizeof out->key, "filters by 16%s, %lldx%lldx%lldx%lld", turned ? " turned" : "",
             (long long)g.k, (long long)g.r, (long long)g.s, (long long)g.c);
    return true;
}

static bool fwd_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    return pack(env, c, in, false, out);
}

static bool data_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    return pack(env, c, in, true, out);
}

/* ---- preparing ------------------------------------------------------------------------------- */

static void release(anl_ctx *ctx, anl__prepared *p)
{
    anl__free(ctx, p->state);
    p->state = NULL;
}

static anl_status start(const anl__env *env, anl__prepared *p, bool turned, anl__conv_geometry *g)
{
    state *s = p->state = anl__calloc(env->ctx, 1, sizeof *s);
    if (!s) return ANL_NOMEM;
    anl__conv_geometry_of(&p->call, g);
    s->v = view_of(g, turned);
    s->n = g->n;
    if (s->v.padded) s->image = s->v.h * s->v.pitch * s->v.c;
    snprintf(p->note, sizeof p->note, "%s", anl__product_name(anl__product_best()));
    return ANL_OK;
}

static anl_status prepare_images(const anl__env *env, anl__prepared *p, bool turned)
{
    anl__conv_geometry g;
    ANL_TRY(start(env, p, turned, &g));
    state *s = p->state;
    p->tasks = anl__conv_slices(env, g.n);
    s->scratch = anl__lines(bytes(s->image));
    p->workspace = s->scratch * (size_t)env->workers;
    return ANL_OK;
}

static anl_status fwd_prepare(const anl__env *env, anl__prepared *p) { return prepare_images(env, p, false); }
static anl_status data_prepare(const anl__env *env, anl__prepared *p) { return prepare_images(env, p, true); }

static anl_status filter_prepare(const anl__env *env, anl__prepared *p)
{
    anl__conv_geometry g;
    ANL_TRY(start(env, p, false, &g));
    state *s = p->state;
    const view *v = &s->v;
    int64_t pieces = (v->oh * v->ow + POSITIONS - 1) / POSITIONS;
    s->most = (v->oh + pieces - 1) / pieces;
    p->tasks = anl__conv_partials(env, &g);
    s->partials = anl__lines(bytes(partial(v))) * (size_t)p->tasks;
    s->scratch = anl__lines(bytes(s->image + s->most * v->ow * v->k));
    p->workspace = s->partials + s->scratch * (size_t)env->workers;
    return ANL_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static float *scratch_of(const state *s, const anl__run *r, int worker)
{
    return (float *)((char *)r->ws + s->partials + s->scratch * (size_t)worker);
}

/* An image with zeros left and right; `to` has the zeros already. */
static void copy_image(const view *v, const float *x, float *to)
{
    for (int64_t i = 0; i < v->h; i++)
        memcpy(to + (i * v->pitch + v->left) * v->c, x + i * v->w * v->c, bytes(v->w * v->c));
}

/* Positions of 16 numbers, k apart: the bias, and no less than `least`. */
ANL__CLONES static void finish_tile(float *restrict y, int64_t positions, int64_t k,
                                    const float *restrict bias, float least)
{
    for (int64_t p = 0; p < positions; p++, y += k)
        for (int j = 0; j < ANL__COLUMN; j++) {
            float sum = y[j] + bias[j];
            y[j] = sum < least ? least : sum;
        }
}

typedef struct tail { const float *bias; bool relu, add; } tail;

/* 16 filters pass over the whole image: they stay in the first-level cache, the image in the second. */
static void convolve(const view *v, const float *x, const float *w, float *y, const tail *t)
{
    static const float zeros[ANL__COLUMN];
    const anl__product *p = anl__product_best();
    int64_t deep = v->s * v->c, pitch = v->pitch * v->c;
    for (int64_t k = 0; k < v->k; k += ANL__COLUMN, w += v->r * deep * ANL__COLUMN)
        for (int64_t i = 0; i < v->oh; i++) {
            float *row = y + i * v->ow * v->k + k;
            int64_t first = at_least(v->top - i, 0), last = at_most(v->h + v->top - i, v->r);
            const float *over = x + (i + first - v->top) * pitch;
            for (int64_t j = 0; j < v->ow; j++) __builtin_prefetch(row + (v->ow + j) * v->k, 1); /* next */
            anl__product_row_pieces(p, v->ow, last - first, deep, over, v->c, pitch,
                                    w + first * deep * ANL__COLUMN, row, v->k, t->add);
            if (t->bias || t->relu)
                finish_tile(row, v->ow, v->k, t->bias ? t->bias + k : zeros, t->relu ? 0 : -INFINITY);
        }
}

static void image_task(const anl__prepared *p, const anl__run *r, int task, int worker, const tail *t)
{
    const state *s = p->state;
    const view *v = &s->v;
    float *padded = scratch_of(s, r, worker);
    int64_t end = anl__slice_begin(s->n, p->tasks, task + 1);
    if (v->padded) memset(padded, 0, bytes(s->image));
    for (int64_t n = anl__slice_begin(s->n, p->tasks, task); n < end; n++) {
        const float *x = (const float *)r->in[0] + n * v->h * v->w * v->c;
        if (v->padded) copy_image(v, x, padded);
        convolve(v, v->padded ? padded : x, r->in[1], (float *)r->out[0] + n * v->oh * v->ow * v->k, t);
    }
}

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    tail t = {anl__has_in(&p->call, 2) ? r->in[2] : NULL, anl__attr_int(&p->call, "act"), false};
    image_task(p, r, task, worker, &t);
}

static void data_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    tail t = {.add = p->call.accum[0]};
    image_task(p, r, task, worker, &t);
}

/* Rows [from, to) of dy, 16 channels after 16. */
ANL__CLONES static void copy_dy(const state *s, const float *restrict dy, int64_t from, int64_t to,
                                float *restrict columns)
{
    const view *v = &s->v;
    int64_t positions = (to - from) * v->ow, apart = s->most * v->ow * ANL__COLUMN;
    dy += from * v->ow * v->k;
    for (int64_t p = 0; p < positions; p++, dy += v->k)
        for (int64_t k = 0; k < v->k; k += ANL__COLUMN)
            memcpy(columns + k / ANL__COLUMN * apart + p * ANL__COLUMN, dy + k, sizeof(float) * ANL__COLUMN);
}

/* What rows [from, to) of dy, as copied, add to the gradient. */
static void add_rows(const state *s, const float *x, const float *columns, int64_t from, int64_t to,
                     float *part)
{
    const view *v = &s->v;
    const anl__product *p = anl__product_best();
    int64_t deep = v->s * v->c, pitch = v->pitch * v->c;
    for (int64_t k = 0; k < v->k; k += ANL__COLUMN, columns += s->most * v->ow * ANL__COLUMN)
        for (int64_t r = 0; r < v->r; r++, part += deep * ANL__COLUMN) {
            int64_t i = at_least(v->top - r, from), end = at_most(v->h + v->top - r, to); /* on the image */
            if (i >= end) continue;
            const float *over = x + (i + r - v->top) * pitch;
            anl__product_column_pieces(p, deep, end - i, v->ow, over, v->c, pitch,
                                       columns + (i - from) * v->ow * ANL__COLUMN, part, ANL__COLUMN, true);
        }
}

static void filter_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const state *s = p->state;
    const view *v = &s->v;
    float *padded = scratch_of(s, r, worker), *columns = padded + s->image;
    float *part = (float *)((char *)r->ws + anl__lines(bytes(partial(v))) * (size_t)task);
    int64_t end = anl__slice_begin(s->n, p->tasks, task + 1);
    if (v->padded) memset(padded, 0, bytes(s->image));
    memset(part, 0, bytes(partial(v)));
    for (int64_t n = anl__slice_begin(s->n, p->tasks, task); n < end; n++) {
        const float *x = (const float *)r->in[0] + n * v->h * v->w * v->c;
        const float *dy = (const float *)r->in[1] + n * v->oh * v->ow * v->k;
        if (v->padded) copy_image(v, x, padded);
        for (int64_t from = 0; from < v->oh; from += s->most) {
            int64_t to = from + s->most < v->oh ? from + s->most : v->oh;
            copy_dy(s, dy, from, to, columns);
            add_rows(s, v->padded ? padded : x, columns, from, to, part);
        }
    }
}

typedef struct finishing { const anl__prepared *p; const anl__run *r; } finishing;
/* A row of 16 filters, from s c rows of 16. */
static void write_row(void *arg, int task, int worker)
{
    const finishing *f = arg;
    const view *v = &((const state *)f->p->state)->v;
    int64_t deep = v->s * v->c, first = task / v->r * ANL__COLUMN, r = task % v->r;
    const float *from = (const float *)f->r->ws + task * deep * ANL__COLUMN;
    bool add = f->p->call.accum[0];
    (void)worker;
    for (int64_t j = 0; j < ANL__COLUMN; j++) {
        float *to = (float *)f->r->out[0] + ((first + j) * v->r + r) * deep;
        for (int64_t q = 0; q < deep; q++) to[q] = (add ? to[q] : 0) + from[q * ANL__COLUMN + j];
    }
}

static void filter_finish(const anl__prepared *p, const anl__run *r)
{
    const state *s = p->state;
    finishing f = {p, r};
    anl__conv_add_partials(r, p->tasks, partial(&s->v));
    anl__pool_run(r->pool, (int)(s->v.k / ANL__COLUMN * s->v.r), write_row, &f);
}

const anl__kernel anl__conv2d_product = {
    .op = "conv2d", .device = "cpu", .name = "conv2d/product", .rank = 30, .supports = fwd_supports,
    .pack = fwd_pack, .prepare = fwd_prepare, .task = fwd_task, .release = release, .samplewise = true};
const anl__kernel anl__conv2d_data_product = {
    .op = "conv2d_bwd_data", .device = "cpu", .name = "conv2d_bwd_data/product", .rank = 30,
    .supports = data_supports, .pack = data_pack, .prepare = data_prepare, .task = data_task,
    .release = release, .samplewise = true};
const anl__kernel anl__conv2d_filter_product = {
    .op = "conv2d_bwd_filter", .device = "cpu", .name = "conv2d_bwd_filter/product", .rank = 30,
    .supports = filter_supports, .prepare = filter_prepare, .task = filter_task, .finish = filter_finish,
    .release = release, .samplewise = true, .finish_outs = 1};
