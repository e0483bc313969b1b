/* layernorm (Ba, Kiros and Hinton, 2016) over the last dimension, and groupnorm (Wu and He, 2018) over groups of channels of
 * images N,H,W,C: y = gamma (x - mean) rstd + beta. Inputs x, gamma, beta; outputs y, mean, rstd (one a set).
 * *_bwd: x, gamma, mean, rstd, dy -> dx, dgamma, dbeta. */
#include "layernorm.h"

static const anl__attr_def layer_attrs[] = {{"eps", ANL__FLOAT, "1e-5", 1e-12, 1, NULL, "added to the variance"}, {0}};
static const anl__attr_def group_attrs[] = {{"groups", ANL__INT, NULL, 1, 1 << 20, NULL, "groups of channels"}, {"eps", ANL__FLOAT, "1e-5", 1e-12, 1, NULL, "added to the variance"}, {0}};
static const anl__attr_def group_bwd_attrs[] = {{"groups", ANL__INT, NULL, 1, 1 << 20, NULL, "groups of channels"}, {0}};

static anl_status check(anl_ctx *ctx, const anl__call *c, bool group)
{
    char a[96];
    const anl_shape *x = &c->in[0].shape;
    if (x->rank < 2 || (group && x->rank < 3)) return anl__fail(ctx, ANL_SHAPE, "needs at least %d dimensions, not %s", group ? 3 : 2, anl__shape_text(x, a));
    int64_t k = x->dim[x->rank - 1];
    if (group && k % anl__attr_int(c, "groups")) return anl__fail(ctx, ANL_SHAPE, "%lld channels are not %lld equal groups", (long long)k, (long long)anl__attr_int(c, "groups"));
    if (anl_shape_count(&c->in[1].shape) != k) return anl__fail(ctx, ANL_SHAPE, "gamma (%s) does not fit %lld channels", anl__shape_text(&c->in[1].shape, a), (long long)k);
    return ANL_OK;
}

static anl__type stat_type(const anl__call *c)
{
    anl__sets s = anl__sets_of(c);
    anl__type t = {.dtype = anl__wide(c->in[0].dtype), .shape = {2, {c->in[0].shape.dim[0], s.rows / c->in[0].shape.dim[0] * s.groups}}};
    return t;
}

static anl_status infer_with(anl_ctx *ctx, anl__call *c, bool group)
{
    char a[96];
    ANL_TRY(check(ctx, c, group));
    if (anl_shape_count(&c->in[2].shape) != anl_shape_count(&c->in[1].shape)) return anl__fail(ctx, ANL_SHAPE, "beta (%s) does not fit gamma", anl__shape_text(&c->in[2].shape, a));
    c->n_out = 3;
    c->out[0] = c->in[0];
    c->out[1] = c->out[2] = stat_type(c);
    return ANL_OK;
}

static anl_status infer_bwd_with(anl_ctx *ctx, anl__call *c, bool group)
{
    ANL_TRY(check(ctx, c, group));
    anl__type stat = stat_type(c);
    if (!anl__shape_equal(&c->in[0].shape, &c->in[4].shape)) return anl__fail(ctx, ANL_SHAPE, "gradient and input differ in shape");
    for (int i = 2; i < 4; i++)
        if (anl_shape_count(&c->in[i].shape) != anl_shape_count(&stat.shape)) return anl__fail(ctx, ANL_SHAPE, "statistics do not fit the input");
    c->n_out = 3;
    c->out[0] = c->in[0];
    c->out[1] = c->out[2] = anl__type_of(stat.dtype, 1, &c->in[0].shape.dim[c->in[0].shape.rank - 1]);
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c) { return infer_with(ctx, c, false); }
static anl_status infer_bwd(anl_ctx *ctx, anl__call *c) { return infer_bwd_with(ctx, c, false); }
static anl_status infer_group(anl_ctx *ctx, anl__call *c) { return infer_with(ctx, c, true); }
static anl_status infer_group_bwd(anl_ctx *ctx, anl__call *c) { return infer_bwd_with(ctx, c, true); }

static anl_status grad_with(anl__grad *g, const char *op)
{
    anl_value in[5] = {anl__grad_in(g, 0), anl__grad_in(g, 1), anl__grad_out(g, 1), anl__grad_out(g, 2), anl__grad_dout(g, 0)};
    anl_value first = anl__grad_node(g, op, in, 5, true, NULL);
    for (int i = 0; i < 3; i++)
        if (anl__grad_needs(g, i)) anl__grad_give(g, i, anl__grad_node_output(g, first, i));
    return ANL_OK;
}

static anl_status grad(anl__grad *g) { return grad_with(g, "layernorm_bwd"); }
static anl_status grad_group(anl__grad *g) { return grad_with(g, "groupnorm_bwd"); }

static const anl__op layer = {.name = "layernorm", .min_in = 3, .max_in = 3, .attrs = layer_attrs, .infer = infer, .grad = grad, .cheap = true, .help = "normalises the last dimension"};
static const anl__op layer_bwd = {.name = "layernorm_bwd", .min_in = 5, .max_in = 5, .infer = infer_bwd, .help = "gradient of layernorm"};
static const anl__op group = {.name = "groupnorm", .min_in = 3, .max_in = 3, .attrs = group_attrs, .infer = infer_group, .grad = grad_group, .cheap = true, .help = "normalises groups of channels"};
static const anl__op group_bwd = {.name = "groupnorm_bwd", .min_in = 5, .max_in = 5, .attrs = group_bwd_attrs, .infer = infer_group_bwd, .help = "gradient of groupnorm"};
const anl__op *const anl__ops_layernorm[] = {&layer, &layer_bwd, &group, &group_bwd, NULL};
