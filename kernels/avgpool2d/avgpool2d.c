/* avgpool2d: the mean over each window; with count_include_pad the border's zeros count. global_avgpool: the mean of each
 * channel, [N,H,W,C] -> [N,C]. avgpool2d_bwd, global_avgpool_bwd: their gradients. */
#include "kernels/common/window.h"

static const anl__attr_def attrs[] = {ANL__WINDOW_ATTRS, {"count_include_pad", ANL__BOOL, "0", 0, 1, NULL, "divide by the whole window"}, {0}};
static const anl__attr_def bwd_attrs[] = {ANL__WINDOW_BWD_ATTRS, {"count_include_pad", ANL__BOOL, "0", 0, 1, NULL, "divide by the whole window"}, {0}};
static const anl__attr_def global_bwd_attrs[] = {{"in_h", ANL__INT, NULL, 1, 1 << 24, NULL, "height of the forward input"}, {"in_w", ANL__INT, NULL, 1, 1 << 24, NULL, "width of the forward input"}, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    anl__window g;
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    anl__window_fwd(c, &g);
    ANL_TRY(anl__window_check(ctx, c, &g));
    int64_t out[4] = {g.n, g.oh, g.ow, g.c};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    anl__window g;
    ANL_TRY(anl__need_rank(ctx, c, 0, "gradients", 4));
    anl__window_bwd(c, &g);
    ANL_TRY(anl__window_check(ctx, c, &g));
    if (c->in[0].shape.dim[1] != g.oh || c->in[0].shape.dim[2] != g.ow) return anl__fail(ctx, ANL_SHAPE, "gradient is not the %lldx%lld of the forward output", (long long)g.oh, (long long)g.ow);
    int64_t out[4] = {g.n, g.h, g.w, g.c};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status infer_global(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    int64_t out[2] = {c->in[0].shape.dim[0], c->in[0].shape.dim[3]};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 2, out);
    return ANL_OK;
}

static anl_status infer_global_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "gradients", 2));
    int64_t out[4] = {c->in[0].shape.dim[0], anl__attr_int(c, "in_h"), anl__attr_int(c, "in_w"), c->in[0].shape.dim[1]};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status grad_with(anl__grad *g, const char *op)
{
    anl_value dy = anl__grad_dout(g, 0);
    const int64_t *x = anl__grad_call(g)->in[0].shape.dim;
    anl__grad_give(g, 0, anl__grad_node(g, op, &dy, 1, true, "in_h=%lld in_w=%lld", (long long)x[1], (long long)x[2]));
    return ANL_OK;
}

static anl_status grad(anl__grad *g) { return grad_with(g, "avgpool2d_bwd"); }
static anl_status grad_global(anl__grad *g) { return grad_with(g, "global_avgpool_bwd"); }

static const anl__op avg = {.name = "avgpool2d", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer, .grad = grad, .help = "mean of each window"};
static const anl__op avg_bwd = {.name = "avgpool2d_bwd", .min_in = 1, .max_in = 1, .attrs = bwd_attrs, .infer = infer_bwd, .help = "gradient of avgpool2d"};
static const anl__op global = {.name = "global_avgpool", .min_in = 1, .max_in = 1, .infer = infer_global, .grad = grad_global, .help = "mean of each channel"};
static const anl__op global_bwd = {.name = "global_avgpool_bwd", .min_in = 1, .max_in = 1, .attrs = global_bwd_attrs, .infer = infer_global_bwd, .help = "gradient of global_avgpool"};
const anl__op *const anl__ops_avgpool2d[] = {&avg, &avg_bwd, &global, &global_bwd, NULL};
