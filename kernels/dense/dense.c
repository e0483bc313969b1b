/* dense: y[m,o] = act(b[o] + sum_i x[m,i] w[o,i]); leading axes of x are rows. dense_bwd_data, dense_bwd_weight: its gradients. */
#include "op.h"

#include <math.h>

static const anl__attr_def attrs[] = {{"act", ANL__ENUM, "none", 0, 0, "none|relu", "applied after the bias"}, {0}};

static int64_t last(const anl_shape *s) { return s->dim[s->rank - 1]; }

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    ANL_TRY(anl__need_rank(ctx, c, 1, "weights", 2));
    if (c->in[0].shape.rank < 1 || last(&c->in[0].shape) != c->in[1].shape.dim[1])
        return anl__fail(ctx, ANL_SHAPE, "weights %s do not fit an input of %s", anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[0].shape, b));
    if (anl__has_in(c, 2) && anl_shape_count(&c->in[2].shape) != c->in[1].shape.dim[0])
        return anl__fail(ctx, ANL_SHAPE, "bias %s does not fit %lld outputs", anl__shape_text(&c->in[2].shape, a), (long long)c->in[1].shape.dim[0]);
    c->n_out = 1;
    c->out[0] = c->in[0];
    c->out[0].shape.dim[c->in[0].shape.rank - 1] = c->in[1].shape.dim[0];
    return ANL_OK;
}

static anl_status infer_data(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    ANL_TRY(anl__need_rank(ctx, c, 1, "weights", 2));
    if (c->in[0].shape.rank < 1 || last(&c->in[0].shape) != c->in[1].shape.dim[0])
        return anl__fail(ctx, ANL_SHAPE, "gradient %s does not fit weights %s", anl__shape_text(&c->in[0].shape, a), anl__shape_text(&c->in[1].shape, b));
    c->n_out = 1;
    c->out[0] = c->in[0];
    c->out[0].shape.dim[c->in[0].shape.rank - 1] = c->in[1].shape.dim[1];
    return ANL_OK;
}

static anl_status infer_weight(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *x = &c->in[0].shape, *d = &c->in[1].shape;
    if (x->rank < 1 || d->rank < 1 || anl_shape_count(x) / last(x) != anl_shape_count(d) / last(d))
        return anl__fail(ctx, ANL_SHAPE, "input %s and gradient %s have different rows", anl__shape_text(x, a), anl__shape_text(d, b));
    int64_t out[2] = {last(d), last(x)};
    c->n_out = 1;
    c->out[0] = anl__type_of(anl__wide(c->in[0].dtype), 2, out);
    return ANL_OK;
}

/* rows x in x out: of the three matrices' sizes m*i, m*o, i*o the product is (m*i*o)^2. */
static double flops(const anl__call *c)
{
    double a = (double)anl_shape_count(&c->in[0].shape), b = (double)anl_shape_count(&c->in[1].shape), d = (double)anl_shape_count(&c->out[0].shape);
    return 2.0 * sqrt(a * b * d);
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    anl_value dz = anl__grad_dout(g, 0);
    if (anl__attr_int(c, "act")) {
        anl_value in[2] = {dz, anl__grad_out(g, 0)};
        dz = anl__grad_node(g, "relu_bwd", in, 2, false, NULL);
    }
    if (anl__has_in(c, 2) && anl__grad_needs(g, 2)) anl__grad_give(g, 2, anl__grad_node(g, "bias_grad", &dz, 1, false, NULL));
    if (anl__grad_needs(g, 1)) {
        anl_value in[2] = {anl__grad_in(g, 0), dz};
        anl__grad_give(g, 1, anl__grad_node(g, "dense_bwd_weight", in, 2, false, NULL));
    }
    if (anl__grad_needs(g, 0)) {
        anl_value in[2] = {dz, anl__grad_in(g, 1)};
        anl__grad_give(g, 0, anl__grad_node(g, "dense_bwd_data", in, 2, false, NULL));
    }
    return ANL_OK;
}

static const anl__op fwd = {.name = "dense", .min_in = 2, .max_in = 3, .attrs = attrs, .infer = infer, .grad = grad, .flops = flops, .help = "matrix product with weights (out, in)"};
static const anl__op bwd_data = {.name = "dense_bwd_data", .min_in = 2, .max_in = 2, .infer = infer_data, .flops = flops, .accum_ok = true, .help = "gradient of dense for its input"};
static const anl__op bwd_weight = {.name = "dense_bwd_weight", .min_in = 2, .max_in = 2, .infer = infer_weight, .flops = flops, .accum_ok = true, .help = "gradient of dense for its weights"};
const anl__op *const anl__ops_dense[] = {&fwd, &bwd_data, &bwd_weight, NULL};
