/* dense by oneDNN: three matrix products, each cut into tiles of its result. A tile is one task and sums over the whole
 * inner dimension, so nothing is added afterwards. Forward and bwd_data have their weights packed.
 *
 *   forward     y (rows x out)  = x (rows x in) w' (in x out)
 *   bwd_data    dx (rows x in)  = dy (rows x out) w (out x in)
 *   bwd_weight  dw (out x in)   = dy' (out x rows) x (rows x in)                                                    */
#include "dense_cpu.h"
#include "device.h"
#include "kernels/common/cpu.h"
#include "kernels/common/dnnl.h"

#include <stdio.h>

typedef enum side { FORWARD, DATA, WEIGHT } side;

/* A product m x k by k x n; strides of (row, column) in elements. */
typedef struct product {
    side kind;
    anl_dtype type; /* of both operands */
    anl_dtype result;
    int64_t m, n, k;
    int64_t a[2], b[2];
    bool bias, relu, accum;
    int rows_cut;    /* m in so many nearly equal parts */
    int64_t wide;    /* n in tiles so wide, the last may be less */
    int columns_cut; /* 1 where weights are packed */
} product;

typedef struct state {
    product p;
    anl__dnnl_op *op[2][2]; /* [part of less rows][last tile of columns] */
    size_t scratch;         /* of a worker */
} state;

static int64_t last_of(const anl_shape *s) { return s->dim[s->rank - 1]; }
static int64_t rows_of(const anl_shape *s) { return anl_shape_count(s) / last_of(s); }

/* From shapes alone. Forward and bwd_data are cut into rows only: the library's best kernel wants whole rows of the result, and
   16 rows are enough for it while the packed weights stay in cache; a task has more where weights are large or work is little. The weights'
   gradient is cut into tiles of about 16 Mflop, none under 64 x 64, the longer side first: so operands are read least. */
static void cut(product *p)
{
    double tasks = 2.0 * (double)p->m * (double)p->n * (double)p->k / 16e6;
    int64_t rows = p->m, wide = p->n;
    if (p->kind == WEIGHT) {
        while ((double)((p->m + rows - 1) / rows * ((p->n + wide - 1) / wide)) < tasks && (rows > 64 || wide > 64)) {
            if (wide >= rows) wide = (wide / 2 + 63) / 64 * 64;
            else rows = (rows + 1) / 2;
        }
    } else {
        rows = p->n * p->k > 1 << 20 ? 32 : 16;
        while (rows < p->m && (p->m / rows > 32 || 2.0 * (double)(rows * p->n) * (double)p->k < 5e5)) rows *= 2;
    }
    p->rows_cut = (int)((p->m + rows - 1) / rows);
    p->wide = wide;
    p->columns_cut = (int)((p->n + wide - 1) / wide);
}

static void product_of(const anl__call *c, side kind, product *p)
{
    const anl_shape *x = &c->in[0].shape, *w = kind == WEIGHT ? &c->out[0].shape : &c->in[1].shape;
    int64_t out = w->dim[0], in = w->dim[1], rows = rows_of(x);
    *p = (product){.kind = kind, .type = c->in[0].dtype, .result = c->out[0].dtype, .accum = c->accum[0]};
    if (kind == FORWARD) {
        p->m = rows, p->n = out, p->k = in;
        p->a[0] = in, p->a[1] = 1, p->b[0] = 1, p->b[1] = in;
        p->bias = anl__has_in(c, 2);
        p->relu = anl__attr_int(c, "act");
    } else if (kind == DATA) {
        p->m = rows, p->n = in, p->k = out;
        p->a[0] = out, p->a[1] = 1, p->b[0] = in, p->b[1] = 1;
    } else {
        p->m = out, p->n = in, p->k = rows;
        p->a[0] = 1, p->a[1] = out, p->b[0] = in, p->b[1] = 1;
    }
    cut(p);
}

static int64_t last_wide(const product *p) { return p->n - p->wide * (p->columns_cut - 1); }

static void specify(anl__dnnl_spec *s, const product *p, int less, int last)
{
    int64_t m = (p->m + p->rows_cut - 1) / p->rows_cut - less, n = last ? last_wide(p) : p->wide;
    *s = (anl__dnnl_spec){.kind = ANL__DNNL_MATMUL, .own_layout = p->kind != WEIGHT, .relu = p->relu, .accum = p->accum};
    s->tensor[ANL__DNNL_SRC] = (anl__dnnl_tensor){p->type, 2, {m, p->k}, {p->a[0], p->a[1]}};
    s->tensor[ANL__DNNL_WEIGHTS] = (anl__dnnl_tensor){p->type, 2, {p->k, n}, {p->b[0], p->b[1]}};
    s->tensor[ANL__DNNL_DST] = (anl__dnnl_tensor){p->result, 2, {m, n}, {p->n, 1}};
    if (p->bias) s->tensor[ANL__DNNL_BIAS] = (anl__dnnl_tensor){ANL_F32, 2, {1, n}, {n, 1}};
    s->dilation[0] = s->dilation[1] = 1;
}

static bool supports(const anl__env *env, const anl__call *c, side kind, char why[ANL__WHY])
{
    product p;
    anl__dnnl_spec s;
    if (!anl__cpu_dtype(env, c, why)) return false;
    if (kind != WEIGHT && !c->param[1]) {
        snprintf(why, ANL__WHY, "the weights are not a parameter: they cannot be packed");
        return false;
    }
    product_of(c, kind, &p);
    specify(&s, &p, 0, 0);
    return anl__dnnl_supports(env->device->impl, &s, why);
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    state *s = p->state;
    if (!s) return;
    for (int i = 0; i < 4; i++) anl__dnnl_destroy(s->op[i / 2][i % 2]);
    anl__free(ctx, s);
    p->state = NULL;
}

static anl_status make_ops(const anl__env *env, state *s)
{
    for (int last = 0; last < 2; last++)
        for (int less = 0; less < 2; less++) {
            anl__dnnl_spec spec;
            if (less && s->p.m % s->p.rows_cut == 0) continue;
            if (last && s->p.columns_cut == 1) continue;
            specify(&spec, &s->p, less, last);
            spec.like = less && s->p.kind != WEIGHT ? s->op[0][last] : NULL;
            ANL_TRY(anl__dnnl_create(env->ctx, env->device->impl, &spec, &s->op[less][last]));
            size_t bytes = anl__dnnl_scratch(s->op[less][last]);
            if (bytes > s->scratch) s->scratch = bytes;
        }
    return ANL_OK;
}

static anl_status prepare(const anl__env *env, anl__prepared *p, side kind)
{
    state *s = p->state = anl__alloc(env->ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    product_of(&p->call, kind, &s->p);
    anl_status st = make_ops(env, s);
    if (st != ANL_OK) {
        release(env->ctx, p);
        return st;
    }
    p->tasks = s->p.rows_cut * s->p.columns_cut;
    p->workspace = s->scratch * (size_t)env->workers;
    snprintf(p->note, sizeof p->note, "%dx%d tiles, %.28s", s->p.rows_cut, s->p.columns_cut, anl__dnnl_name(s->op[0][0]));
    return ANL_OK;
}

static bool pack(const anl__env *env, const anl__call *c, int in, side kind, anl__pack *out)
{
    product p;
    anl__dnnl_spec s;
    if (in != 1) return false;
    product_of(c, kind, &p);
    specify(&s, &p, 0, 0);
    return anl__dnnl_pack(env->ctx, env->device->impl, &s, out);
}

/* The address of an element of a matrix. */
static void *at_element(void *base, anl_dtype t, int64_t i) { return (char *)base + (size_t)i * anl_dtype_size(t); }

static void task(const anl__prepared *prep, const anl__run *r, int t, int worker)
{
    const state *s = prep->state;
    const product *p = &s->p;
    int column = t / p->rows_cut, part = t % p->rows_cut;
    int64_t i = anl__slice_begin(p->m, p->rows_cut, part), end = anl__slice_begin(p->m, p->rows_cut, part + 1), j = p->wide * column;
    bool less = end - i < (p->m + p->rows_cut - 1) / p->rows_cut, last = column > 0 && column == p->columns_cut - 1;
    void *a = p->kind == WEIGHT ? r->in[1] : r->in[0], *b = p->kind == WEIGHT ? r->in[0] : r->in[1];
    void *at[ANL__DNNL_TENSORS] = {0};
    at[ANL__DNNL_SRC] = at_element(a, p->type, i * p->a[0]);
    at[ANL__DNNL_WEIGHTS] = p->kind == WEIGHT ? at_element(b, p->type, j * p->b[1]) : b;
    at[ANL__DNNL_BIAS] = p->bias ? at_element(r->in[2], ANL_F32, j) : NULL;
    at[ANL__DNNL_DST] = at_element(r->out[0], p->result, i * p->n + j);
    anl__dnnl_run(s->op[less][last], worker, at, (char *)r->ws + s->scratch * (size_t)worker);
}

static bool fwd_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) { return supports(env, c, FORWARD, why); }
static bool data_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) { return supports(env, c, DATA, why); }
static bool weight_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) { return supports(env, c, WEIGHT, why); }
static anl_status fwd_prepare(const anl__env *env, anl__prepared *p) { return prepare(env, p, FORWARD); }
static anl_status data_prepare(const anl__env *env, anl__prepared *p) { return prepare(env, p, DATA); }
static anl_status weight_prepare(const anl__env *env, anl__prepared *p) { return prepare(env, p, WEIGHT); }
static bool fwd_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out) { return pack(env, c, in, FORWARD, out); }
static bool data_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out) { return pack(env, c, in, DATA, out); }

const anl__kernel anl__dense_dnnl = {.op = "dense", .device = "cpu", .name = "dense/dnnl", .rank = 20, .supports = fwd_supports, .pack = fwd_pack,
                                     .prepare = fwd_prepare, .task = task, .release = release};
const anl__kernel anl__dense_data_dnnl = {.op = "dense_bwd_data", .device = "cpu", .name = "dense_bwd_data/dnnl", .rank = 20, .supports = data_supports,
                                          .pack = data_pack, .prepare = data_prepare, .task = task, .release = release};
const anl__kernel anl__dense_weight_dnnl = {.op = "dense_bwd_weight", .device = "cpu", .name = "dense_bwd_weight/dnnl", .rank = 20, .supports = weight_supports,
                                            .prepare = weight_prepare, .task = task, .release = release};
