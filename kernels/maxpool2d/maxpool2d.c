/* maxpool2d: y = act(max over the window of x + bias); out 1 is the place of the first maximum in its window (row-major).
 * Bias and relu after the maximum equal those before it bit for bit, for rounding keeps order: max(x) + b = max(x + b).
 * maxpool2d_bwd gives dx from dy and the places. */
#include "kernels/common/window.h"

static const anl__attr_def attrs[] = {ANL__WINDOW_ATTRS, {"act", ANL__ENUM, "none", 0, 0, "none|relu", "applied after the bias"}, {0}};
static const anl__attr_def bwd_attrs[] = {ANL__WINDOW_BWD_ATTRS, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    anl__window g;
    char a[96];
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    anl__window_fwd(c, &g);
    ANL_TRY(anl__window_check(ctx, c, &g));
    if (g.kh * g.kw > 255) return anl__fail(ctx, ANL_UNSUPPORTED, "windows of more than 255 cells (%lldx%lld)", (long long)g.kh, (long long)g.kw);
    if (anl__has_in(c, 1) && anl_shape_count(&c->in[1].shape) != g.c)
        return anl__fail(ctx, ANL_SHAPE, "bias %s does not fit %lld channels", anl__shape_text(&c->in[1].shape, a), (long long)g.c);
    int64_t out[4] = {g.n, g.oh, g.ow, g.c};
    c->n_out = 2;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    c->out[1] = anl__type_of(ANL_U8, 4, out);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    anl__window g;
    char a[96];
    ANL_TRY(anl__need_rank(ctx, c, 0, "gradients", 4));
    anl__window_bwd(c, &g);
    ANL_TRY(anl__window_check(ctx, c, &g));
    if (!anl__shape_equal(&c->in[0].shape, &c->in[1].shape) || c->in[0].shape.dim[1] != g.oh || c->in[0].shape.dim[2] != g.ow)
        return anl__fail(ctx, ANL_SHAPE, "gradient %s is not the %lldx%lld of the forward output", anl__shape_text(&c->in[0].shape, a), (long long)g.oh, (long long)g.ow);
    int64_t out[4] = {g.n, g.h, g.w, g.c};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    anl_value dz = anl__grad_dout(g, 0);
    if (anl__attr_int(c, "act")) {
        anl_value in[2] = {dz, anl__grad_out(g, 0)};
        dz = anl__grad_node(g, "relu_bwd", in, 2, false, NULL);
    }
    if (anl__has_in(c, 1) && anl__grad_needs(g, 1)) anl__grad_give(g, 1, anl__grad_node(g, "bias_grad", &dz, 1, false, NULL));
    if (anl__grad_needs(g, 0)) {
        anl_value in[2] = {dz, anl__grad_out(g, 1)};
        const int64_t *x = c->in[0].shape.dim;
        anl__grad_give(g, 0, anl__grad_node(g, "maxpool2d_bwd", in, 2, true, "in_h=%lld in_w=%lld", (long long)x[1], (long long)x[2]));
    }
    return ANL_OK;
}

static const anl__op fwd = {.name = "maxpool2d", .min_in = 1, .max_in = 2, .attrs = attrs, .infer = infer, .grad = grad, .help = "largest value of each window"};
static const anl__op bwd = {.name = "maxpool2d_bwd", .min_in = 2, .max_in = 2, .attrs = bwd_attrs, .infer = infer_bwd, .help = "gradient of maxpool2d"};
const anl__op *const anl__ops_maxpool2d[] = {&fwd, &bwd, NULL};
