/* identity_shortcut: every stride-th row and column, channels padded with zeros on both sides: the parameter-free shortcut
 * of residual networks (He et al., 2016, section 4.2, option A). identity_shortcut_bwd is its transpose. */
#include "op.h"

static const anl__attr_def attrs[] = {
    {"stride", ANL__INT, "1", 1, 64, NULL, "rows and columns kept: every stride-th"},
    {"channels", ANL__INT, NULL, 1, 1 << 20, NULL, "output channels; the padding is split, the odd one behind"},
    {0},
};
static const anl__attr_def bwd_attrs[] = {
    {"stride", ANL__INT, "1", 1, 64, NULL, "of the forward operator"},
    {"in_h", ANL__INT, NULL, 1, 1 << 24, NULL, "height of the forward input"},
    {"in_w", ANL__INT, NULL, 1, 1 << 24, NULL, "width of the forward input"},
    {"in_c", ANL__INT, NULL, 1, 1 << 20, NULL, "channels of the forward input"},
    {0},
};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    const int64_t *d = c->in[0].shape.dim, s = anl__attr_int(c, "stride"), k = anl__attr_int(c, "channels");
    if (k < d[3]) return anl__fail(ctx, ANL_SHAPE, "%lld output channels are fewer than the input's %lld", (long long)k, (long long)d[3]);
    int64_t out[4] = {d[0], (d[1] + s - 1) / s, (d[2] + s - 1) / s, k};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "gradients", 4));
    int64_t s = anl__attr_int(c, "stride"), h = anl__attr_int(c, "in_h"), w = anl__attr_int(c, "in_w"), k = anl__attr_int(c, "in_c");
    const int64_t *d = c->in[0].shape.dim;
    if (d[1] != (h + s - 1) / s || d[2] != (w + s - 1) / s || d[3] < k)
        return anl__fail(ctx, ANL_SHAPE, "gradient %lldx%lldx%lld does not come from %lldx%lldx%lld", (long long)d[1], (long long)d[2], (long long)d[3], (long long)h, (long long)w, (long long)k);
    int64_t out[4] = {d[0], h, w, k};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    const int64_t *d = anl__grad_call(g)->in[0].shape.dim;
    anl__grad_give(g, 0, anl__grad_node(g, "identity_shortcut_bwd", &dy, 1, true, "in_h=%lld in_w=%lld in_c=%lld", (long long)d[1], (long long)d[2], (long long)d[3]));
    return ANL_OK;
}

static const anl__op fwd = {.name = "identity_shortcut", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer, .grad = grad,
                            .help = "every stride-th pixel, channels padded with zeros"};
static const anl__op bwd = {.name = "identity_shortcut_bwd", .min_in = 1, .max_in = 1, .attrs = bwd_attrs, .infer = infer_bwd, .help = "gradient of identity_shortcut"};
const anl__op *const anl__ops_identity_shortcut[] = {&fwd, &bwd, NULL};
