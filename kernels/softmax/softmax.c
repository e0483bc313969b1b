/* softmax and log_softmax over the last dimension; their gradients are made from their outputs:
 *   softmax_bwd: dx = y (dy - sum dy y);   log_softmax_bwd: dx = dy - exp(y) sum dy. */
#include "op.h"

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    if (c->in[0].shape.rank < 1) return anl__fail(ctx, ANL_SHAPE, "needs at least one dimension");
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

/* y, dy */
static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    if (!anl__shape_equal(&c->in[0].shape, &c->in[1].shape) || c->in[0].dtype != c->in[1].dtype || c->in[0].shape.rank < 1)
        return anl__fail(ctx, ANL_SHAPE, "gradient %s does not fit output %s", anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[0].shape, b));
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad_with(anl__grad *g, const char *op)
{
    anl_value in[2] = {anl__grad_out(g, 0), anl__grad_dout(g, 0)};
    anl__grad_give(g, 0, anl__grad_node(g, op, in, 2, false, NULL));
    return ANL_OK;
}

static anl_status grad(anl__grad *g) { return grad_with(g, "softmax_bwd"); }
static anl_status grad_log(anl__grad *g) { return grad_with(g, "log_softmax_bwd"); }

static const anl__op softmax = {.name = "softmax", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad, .help = "probabilities of the last dimension"};
static const anl__op log_softmax = {.name = "log_softmax", .min_in = 1, .max_in = 1, .infer = infer, .grad = grad_log, .help = "logarithms of softmax"};
static const anl__op bwd = {.name = "softmax_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of softmax"};
static const anl__op log_bwd = {.name = "log_softmax_bwd", .min_in = 2, .max_in = 2, .infer = infer_bwd, .help = "gradient of log_softmax"};
const anl__op *const anl__ops_softmax[] = {&softmax, &log_softmax, &bwd, &log_bwd, NULL};
