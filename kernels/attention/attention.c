/* attention: y[q] = sum_k p[q,k] v[k], p = softmax_k(scale * q . k), a head at a time (Vaswani et al., 2017; with one head and
 * scale 1 the dot product of Luong et al., 2015). Time-major: q (Tq,N,D), k (Tk,N,D), v (Tk,N,Dv); lengths (N) i32, optional: keys
 * from there on do not count; causal: query t sees keys 0 .. t. A query that sees nothing gives zeros. Outputs: y (Tq,N,Dv) and the
 * probabilities (N, heads, Tq, Tk), which the backward pass reads.
 *
 * attention_bwd: q, k, v, probabilities, dy, lengths -> dq, dk, dv. */
#include "attention.h"

static const anl__attr_def attrs[] = {{"heads", ANL__INT, "1", 1, 65536, NULL, "parts of the last dimension that attend by themselves"},
                                      {"causal", ANL__BOOL, "0", 0, 0, NULL, "nothing later is seen"},
                                      {"scale", ANL__FLOAT, "0", 0, 1e9, NULL, "of the products; 0: 1 / sqrt(width of a head)"},
                                      {0}};

static anl_status check(anl_ctx *ctx, const anl__call *c, int lengths)
{
    char a[96], b[96], d[96];
    static const char *const what[3] = {"queries (time, batch, features)", "keys", "values"};
    for (int i = 0; i < 3; i++) ANL_TRY(anl__need_rank(ctx, c, i, what[i], 3));
    const anl_shape *q = &c->in[0].shape, *k = &c->in[1].shape, *v = &c->in[2].shape;
    int64_t heads = anl__attr_int(c, "heads");
    if (q->dim[1] != k->dim[1] || q->dim[2] != k->dim[2] || k->dim[0] != v->dim[0] || k->dim[1] != v->dim[1])
        return anl__fail(ctx, ANL_SHAPE, "queries %s, keys %s and values %s do not fit", anl__shape_text(q, a), anl__shape_text(k, b), anl__shape_text(v, d));
    if (q->dim[2] % heads || v->dim[2] % heads)
        return anl__fail(ctx, ANL_SHAPE, "%lld heads do not divide queries %s and values %s evenly", (long long)heads, anl__shape_text(q, a), anl__shape_text(v, b));
    if (anl__has_in(c, lengths) && (c->in[lengths].dtype != ANL_I32 || anl_shape_count(&c->in[lengths].shape) != q->dim[1]))
        return anl__fail(ctx, ANL_SHAPE, "needs one i32 length a sample, not %s %s", anl_dtype_name(c->in[lengths].dtype), anl__shape_text(&c->in[lengths].shape, a));
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check(ctx, c, 3));
    const anl_shape *q = &c->in[0].shape, *k = &c->in[1].shape;
    const int64_t y[3] = {q->dim[0], q->dim[1], c->in[2].shape.dim[2]}, p[4] = {q->dim[1], anl__attr_int(c, "heads"), q->dim[0], k->dim[0]};
    c->n_out = 2;
    c->out[0] = anl__type_of(c->in[0].dtype, 3, y);
    c->out[1] = anl__type_of(c->in[0].dtype, 4, p);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    ANL_TRY(check(ctx, c, 5));
    const anl_shape *q = &c->in[0].shape, *p = &c->in[3].shape, *dy = &c->in[4].shape;
    int64_t heads = anl__attr_int(c, "heads");
    if (anl_shape_count(p) != q->dim[1] * heads * q->dim[0] * c->in[1].shape.dim[0] || anl_shape_count(dy) != q->dim[0] * q->dim[1] * c->in[2].shape.dim[2])
        return anl__fail(ctx, ANL_SHAPE, "probabilities %s or gradient %s do not fit", anl__shape_text(p, a), anl__shape_text(dy, b));
    c->n_out = 3;
    for (int i = 0; i < 3; i++) c->out[i] = c->in[i];
    return ANL_OK;
}

static double flops(const anl__call *c)
{
    const anl_shape *q = &c->in[0].shape, *k = &c->in[1].shape, *v = &c->in[2].shape;
    return 2.0 * (double)q->dim[0] * (double)k->dim[0] * (double)q->dim[1] * (double)(q->dim[2] + v->dim[2]);
}

static double flops_bwd(const anl__call *c) { return 2 * flops(c); }

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    anl_value in[6] = {anl__grad_in(g, 0), anl__grad_in(g, 1), anl__grad_in(g, 2), anl__grad_out(g, 1), anl__grad_dout(g, 0), ANL_NONE};
    if (in[4] == ANL_NONE) return ANL_OK;
    if (anl__has_in(c, 3)) in[5] = anl__grad_in(g, 3);
    anl_value d = anl__grad_node(g, "attention_bwd", in, 6, true, NULL);
    for (int i = 0; i < 3; i++)
        if (anl__grad_needs(g, i)) anl__grad_give(g, i, anl__grad_node_output(g, d, i));
    return ANL_OK;
}

static const anl__op fwd = {.name = "attention", .min_in = 3, .max_in = 4, .attrs = attrs, .infer = infer, .grad = grad, .flops = flops, .help = "softmax attention over time, in heads"};
static const anl__op bwd = {.name = "attention_bwd", .min_in = 5, .max_in = 6, .attrs = attrs, .infer = infer_bwd, .flops = flops_bwd, .help = "gradient of attention"};
const anl__op *const anl__ops_attention[] = {&fwd, &bwd, NULL};
