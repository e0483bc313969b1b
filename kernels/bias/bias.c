/* bias: y = x + b over the last axis. bias_grad: the sum of a gradient over all axes but the last. */
#include "op.h"

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *x = &c->in[0].shape;
    if (x->rank < 1 || anl_shape_count(&c->in[1].shape) != x->dim[x->rank - 1])
        return anl__fail(ctx, ANL_SHAPE, "bias %s does not fit the last axis of %s", anl__shape_text(&c->in[1].shape, a), anl__shape_text(x, b));
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status infer_grad(anl_ctx *ctx, anl__call *c)
{
    const anl_shape *d = &c->in[0].shape;
    if (d->rank < 1) return anl__fail(ctx, ANL_SHAPE, "a scalar has no last axis");
    c->n_out = 1;
    c->out[0] = anl__type_of(anl__wide(c->in[0].dtype), 1, &d->dim[d->rank - 1]);
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, dy);
    if (anl__grad_needs(g, 1)) anl__grad_give(g, 1, anl__grad_node(g, "bias_grad", &dy, 1, false, NULL));
    return ANL_OK;
}

static const anl__op bias = {.name = "bias", .min_in = 2, .max_in = 2, .infer = infer, .grad = grad, .help = "adds a vector over the last axis"};
static const anl__op bias_grad = {.name = "bias_grad", .min_in = 1, .max_in = 1, .infer = infer_grad, .accum_ok = true, .help = "sum over all axes but the last"};
const anl__op *const anl__ops_bias[] = {&bias, &bias_grad, NULL};
