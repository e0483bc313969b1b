/* softmax_cross_entropy over rows of logits: with p = softmax(z), label t and smoothing s over K classes,
 *   loss = -(1-s) log p[t] - s/K sum_k log p[k]        (Szegedy et al., 2016)
 *   num = sum over counted rows of w[t] * loss, den = sum of w[t], correct = how many have their first maximum at t
 * Rows whose label is `ignore` count nowhere. A label outside [0, K) makes num NaN: data is checked before it comes here.
 * softmax_cross_entropy_bwd: dz = dnum * w[t] * (p - (1-s) onehot(t) - s/K). */
#include "op.h"

static const anl__attr_def attrs[] = {
    {"label_smoothing", ANL__FLOAT, "0", 0, 0.999, NULL, "weight of the uniform distribution"},
    {"ignore", ANL__INT, "-1", -2147483648.0, 2147483647.0, NULL, "rows of this label do not count"},
    {0},
};

/* weight: the input that holds class weights. */
static anl_status check(anl_ctx *ctx, const anl__call *c, int weight)
{
    char a[96], b[96];
    ANL_TRY(anl__need_rank(ctx, c, 0, "logits (rows x classes)", 2));
    if (c->in[1].dtype != ANL_I32 || anl_shape_count(&c->in[1].shape) != c->in[0].shape.dim[0])
        return anl__fail(ctx, ANL_SHAPE, "labels (%s %s) do not fit logits %s", anl_dtype_name(c->in[1].dtype), anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[0].shape, b));
    if (anl__has_in(c, weight) && anl_shape_count(&c->in[weight].shape) != c->in[0].shape.dim[1])
        return anl__fail(ctx, ANL_SHAPE, "%s class weights for %lld classes", anl__shape_text(&c->in[weight].shape, a), (long long)c->in[0].shape.dim[1]);
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    int64_t one[1] = {1};
    ANL_TRY(check(ctx, c, 2));
    c->n_out = 3;
    for (int j = 0; j < 3; j++) c->out[j] = anl__type_of(anl__wide(c->in[0].dtype), 1, one);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check(ctx, c, 3));
    if (anl_shape_count(&c->in[2].shape) != 1) return anl__fail(ctx, ANL_SHAPE, "the loss's gradient must be one number");
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    anl_value in[4] = {anl__grad_in(g, 0), anl__grad_in(g, 1), anl__grad_dout(g, 0), anl__grad_in(g, 2)};
    if (in[2] == ANL_NONE) return ANL_OK; /* den and correct do not depend on the logits smoothly */
    if (anl__grad_needs(g, 0)) anl__grad_give(g, 0, anl__grad_node(g, "softmax_cross_entropy_bwd", in, in[3] == ANL_NONE ? 3 : 4, true, NULL));
    return ANL_OK;
}

static const anl__op fwd = {.name = "softmax_cross_entropy", .min_in = 2, .max_in = 3, .attrs = attrs, .infer = infer, .grad = grad, .help = "loss of a classifier, on logits"};
static const anl__op bwd = {.name = "softmax_cross_entropy_bwd", .min_in = 3, .max_in = 4, .attrs = attrs, .infer = infer_bwd, .help = "gradient of softmax_cross_entropy"};
const anl__op *const anl__ops_cross_entropy[] = {&fwd, &bwd, NULL};
