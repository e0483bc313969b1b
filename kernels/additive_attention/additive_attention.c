/* additive_attention: y[q] = sum_k p[q,k] m[k], p = softmax_k(sum_a v_a tanh(q_a + k_a)) (Bahdanau et al., 2015; the products of
 * queries and keys with their weights are layers before). Time-major: q (Tq,N,A), k (Tk,N,A), v (A) a parameter, m (Tk,N,D) the
 * memory, lengths (N) i32 of the keys, optional. A query that sees nothing gives zeros. Outputs: y (Tq,N,D), probabilities (N,Tq,Tk).
 *
 * additive_attention_bwd: q, k, v, m, probabilities, dy, lengths -> dq, dk, dv, dm. */
#include "additive.h"

static anl_status check(anl_ctx *ctx, const anl__call *c, int lengths)
{
    char a[96], b[96], d[96];
    ANL_TRY(anl__need_rank(ctx, c, 0, "queries (time, batch, features)", 3));
    ANL_TRY(anl__need_rank(ctx, c, 1, "keys", 3));
    ANL_TRY(anl__need_rank(ctx, c, 3, "the memory", 3));
    const anl_shape *q = &c->in[0].shape, *k = &c->in[1].shape, *m = &c->in[3].shape;
    if (q->dim[1] != k->dim[1] || q->dim[2] != k->dim[2] || k->dim[0] != m->dim[0] || k->dim[1] != m->dim[1])
        return anl__fail(ctx, ANL_SHAPE, "queries %s, keys %s and memory %s do not fit", anl__shape_text(q, a), anl__shape_text(k, b), anl__shape_text(m, d));
    if (anl_shape_count(&c->in[2].shape) != q->dim[2])
        return anl__fail(ctx, ANL_SHAPE, "the weights v are %s, not %lld", anl__shape_text(&c->in[2].shape, a), (long long)q->dim[2]);
    if (anl__has_in(c, lengths) && (c->in[lengths].dtype != ANL_I32 || anl_shape_count(&c->in[lengths].shape) != q->dim[1]))
        return anl__fail(ctx, ANL_SHAPE, "needs one i32 length a sample, not %s %s", anl_dtype_name(c->in[lengths].dtype), anl__shape_text(&c->in[lengths].shape, a));
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check(ctx, c, 4));
    const anl_shape *q = &c->in[0].shape, *m = &c->in[3].shape;
    const int64_t y[3] = {q->dim[0], q->dim[1], m->dim[2]}, p[3] = {q->dim[1], q->dim[0], m->dim[0]};
    c->n_out = 2;
    c->out[0] = anl__type_of(c->in[0].dtype, 3, y);
    c->out[1] = anl__type_of(c->in[0].dtype, 3, p);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    ANL_TRY(check(ctx, c, 6));
    const anl_shape *q = &c->in[0].shape, *m = &c->in[3].shape;
    if (anl_shape_count(&c->in[4].shape) != q->dim[1] * q->dim[0] * m->dim[0] || anl_shape_count(&c->in[5].shape) != q->dim[0] * q->dim[1] * m->dim[2])
        return anl__fail(ctx, ANL_SHAPE, "probabilities %s or gradient %s do not fit", anl__shape_text(&c->in[4].shape, a), anl__shape_text(&c->in[5].shape, b));
    c->n_out = 4;
    for (int i = 0; i < 4; i++) c->out[i] = c->in[i];
    return ANL_OK;
}

static double flops(const anl__call *c)
{
    const anl_shape *q = &c->in[0].shape, *m = &c->in[3].shape;
    return 2.0 * (double)q->dim[0] * (double)m->dim[0] * (double)q->dim[1] * (double)(q->dim[2] + m->dim[2]);
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    anl_value in[7] = {anl__grad_in(g, 0), anl__grad_in(g, 1), anl__grad_in(g, 2), anl__grad_in(g, 3), anl__grad_out(g, 1), anl__grad_dout(g, 0), ANL_NONE};
    if (in[5] == ANL_NONE) return ANL_OK;
    if (anl__has_in(c, 4)) in[6] = anl__grad_in(g, 4);
    anl_value d = anl__grad_node(g, "additive_attention_bwd", in, 7, false, NULL);
    for (int i = 0; i < 4; i++)
        if (anl__grad_needs(g, i)) anl__grad_give(g, i, anl__grad_node_output(g, d, i));
    return ANL_OK;
}

static const anl__op fwd = {.name = "additive_attention", .min_in = 4, .max_in = 5, .infer = infer, .grad = grad, .flops = flops, .help = "Bahdanau's attention over time"};
static const anl__op bwd = {.name = "additive_attention_bwd", .min_in = 6, .max_in = 7, .infer = infer_bwd, .flops = flops, .help = "gradient of additive_attention"};
const anl__op *const anl__ops_additive_attention[] = {&fwd, &bwd, NULL};
