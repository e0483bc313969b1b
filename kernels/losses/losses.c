/* Losses on values, element by element: mse (y - t)^2, huber(delta), bce_logits (binary cross-entropy of sigmoid(y) against
 * t in [0, 1]). num = the sum over elements, den = their number. *_bwd: dy = dnum * l'(y, t). */
#include "losses.h"

static const anl__attr_def huber_attrs[] = {{"delta", ANL__FLOAT, "1", 1e-12, 1e30, NULL, "where it becomes linear"}, {0}};

static anl_status check(anl_ctx *ctx, const anl__call *c)
{
    char a[96], b[96];
    anl_dtype t = c->in[1].dtype;
    if ((t != ANL_I32 && t != anl__wide(c->in[0].dtype)) || anl_shape_count(&c->in[1].shape) != anl_shape_count(&c->in[0].shape))
        return anl__fail(ctx, ANL_SHAPE, "targets (%s %s) do not fit predictions %s", anl_dtype_name(t), anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[0].shape, b));
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    int64_t one[1] = {1};
    ANL_TRY(check(ctx, c));
    c->n_out = 2;
    for (int j = 0; j < 2; j++) c->out[j] = anl__type_of(anl__wide(c->in[0].dtype), 1, one);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check(ctx, c));
    if (anl_shape_count(&c->in[2].shape) != 1) return anl__fail(ctx, ANL_SHAPE, "the loss's gradient must be one number");
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad_with(anl__grad *g, const char *op)
{
    anl_value in[3] = {anl__grad_in(g, 0), anl__grad_in(g, 1), anl__grad_dout(g, 0)};
    if (in[2] != ANL_NONE && anl__grad_needs(g, 0)) anl__grad_give(g, 0, anl__grad_node(g, op, in, 3, true, NULL));
    return ANL_OK;
}

#define LOSS(id, table, text)                                                                                                                  \
    static anl_status id##_grad(anl__grad *g) { return grad_with(g, #id "_bwd"); }                                                           \
    static const anl__op id = {.name = #id, .min_in = 2, .max_in = 2, .attrs = table, .infer = infer, .grad = id##_grad, .help = text};      \
    static const anl__op id##_bwd = {.name = #id "_bwd", .min_in = 3, .max_in = 3, .attrs = table, .infer = infer_bwd, .help = "gradient of " #id};
LOSS(mse, NULL, "squared error")
LOSS(huber, huber_attrs, "squared error, linear for large ones")
LOSS(bce_logits, NULL, "binary cross-entropy on logits")
const anl__op *const anl__ops_losses[] = {&mse, &mse_bwd, &huber, &huber_bwd, &bce_logits, &bce_logits_bwd, NULL};
