/* conv2d: cross-correlation of images N,H,W,C with filters K,R,S,C/groups, optional bias (K) and activation:
 *   y[n,i,j,k] = act(b[k] + sum_{r,s,c} x[n, i*stride+r*dilation-pad, j*stride+s*dilation-pad, c] w[k,r,s,c])
 * conv2d_bwd_data gives dx from dy and w, conv2d_bwd_filter gives dw from x and dy.
 * conv2d_bwd_data is also the transposed convolution, from its input dy to a larger image; so it has a gradient: conv2d for
 * dy, conv2d_bwd_filter for w. */
#include "conv2d.h"

#include <string.h>

#define GEOMETRY                                                                                         \
    {"stride", ANL__INTS, "1", 1, 1 << 12, NULL, "steps between windows (height, width)"},               \
    {"pad", ANL__INTS, "0", 0, 1 << 12, NULL, "zeros around: all, (h, w) or (top, left, bottom, right)"}, \
    {"dilation", ANL__INTS, "1", 1, 1 << 12, NULL, "distance between a filter's taps (height, width)"},  \
    {"groups", ANL__INT, "1", 1, 1 << 20, NULL, "independent groups of channels"}

static const anl__attr_def fwd_attrs[] = {GEOMETRY, {"act", ANL__ENUM, "none", 0, 0, "none|relu", "applied after the bias"}, {0}};
static const anl__attr_def data_attrs[] = {GEOMETRY, {"in_h", ANL__INT, NULL, 1, 1 << 24, NULL, "height of the forward input"},
                                           {"in_w", ANL__INT, NULL, 1, 1 << 24, NULL, "width of the forward input"}, {0}};
static const anl__attr_def filter_attrs[] = {GEOMETRY, {"kernel_h", ANL__INT, NULL, 1, 1 << 12, NULL, "filter height"},
                                             {"kernel_w", ANL__INT, NULL, 1, 1 << 12, NULL, "filter width"}, {0}};

void anl__conv_geometry_of(const anl__call *c, anl__conv_geometry *g)
{
    const int64_t *a = c->in[0].shape.dim, *b = c->in[1].shape.dim;
    bool data = !strcmp(c->op->name, "conv2d_bwd_data"), filter = !strcmp(c->op->name, "conv2d_bwd_filter");
    for (int i = 0; i < 2; i++) {
        g->stride[i] = anl__attr_at(c, "stride", i);
        g->dilation[i] = anl__attr_at(c, "dilation", i);
    }
    g->groups = anl__attr_int(c, "groups");
    anl__pads(c, g->pad);
    g->n = a[0];
    g->h = data ? anl__attr_int(c, "in_h") : a[1];
    g->w = data ? anl__attr_int(c, "in_w") : a[2];
    g->k = filter ? b[3] : b[0];
    g->r = filter ? anl__attr_int(c, "kernel_h") : b[1];
    g->s = filter ? anl__attr_int(c, "kernel_w") : b[2];
    g->c = data ? b[3] * g->groups : a[3];
    g->oh = anl__window_out(g->h, g->pad[0], g->pad[2], g->r, g->dilation[0], g->stride[0]);
    g->ow = anl__window_out(g->w, g->pad[1], g->pad[3], g->s, g->dilation[1], g->stride[1]);
}

static anl_status check(anl_ctx *ctx, const anl__call *c, anl__conv_geometry *g)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    ANL_TRY(anl__need_rank(ctx, c, 1, "filters", 4));
    const anl__attr *pad = anl__attr_get(c, "pad");
    if (pad->n == 3 || pad->n > 4) return anl__fail(ctx, ANL_INVALID, "pad takes 1, 2 or 4 numbers, not %d", pad->n);
    anl__conv_geometry_of(c, g);
    if (g->k % g->groups || g->c % g->groups)
        return anl__fail(ctx, ANL_SHAPE, "%lld groups do not divide %lld input channels and %lld filters", (long long)g->groups, (long long)g->c, (long long)g->k);
    if (g->oh < 1 || g->ow < 1)
        return anl__fail(ctx, ANL_SHAPE, "input %lldx%lld with its padding is smaller than the %lldx%lld filter", (long long)g->h, (long long)g->w,
                         (long long)((g->r - 1) * g->dilation[0] + 1), (long long)((g->s - 1) * g->dilation[1] + 1));
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    anl__conv_geometry g;
    char a[96], b[96];
    ANL_TRY(check(ctx, c, &g));
    if (c->in[1].shape.dim[3] * g.groups != g.c)
        return anl__fail(ctx, ANL_SHAPE, "filters %s want %lld input channels, but the input %s has %lld", anl__shape_text(&c->in[1].shape, a),
                         (long long)(c->in[1].shape.dim[3] * g.groups), anl__shape_text(&c->in[0].shape, b), (long long)g.c);
    if (anl__has_in(c, 2) && anl_shape_count(&c->in[2].shape) != g.k)
        return anl__fail(ctx, ANL_SHAPE, "bias %s does not fit %lld filters", anl__shape_text(&c->in[2].shape, a), (long long)g.k);
    int64_t out[4] = {g.n, g.oh, g.ow, g.k};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status infer_data(anl_ctx *ctx, anl__call *c)
{
    anl__conv_geometry g;
    char a[96];
    ANL_TRY(check(ctx, c, &g));
    const int64_t *d = c->in[0].shape.dim;
    if (d[1] != g.oh || d[2] != g.ow || d[3] != g.k)
        return anl__fail(ctx, ANL_SHAPE, "gradient %s is not the %lldx%lldx%lld of the forward output", anl__shape_text(&c->in[0].shape, a), (long long)g.oh, (long long)g.ow, (long long)g.k);
    int64_t out[4] = {g.n, g.h, g.w, g.c};
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 4, out);
    return ANL_OK;
}

static anl_status infer_filter(anl_ctx *ctx, anl__call *c)
{
    anl__conv_geometry g;
    char a[96];
    ANL_TRY(check(ctx, c, &g));
    const int64_t *d = c->in[1].shape.dim;
    if (d[0] != g.n || d[1] != g.oh || d[2] != g.ow)
        return anl__fail(ctx, ANL_SHAPE, "gradient %s is not the %lldx%lldx%lld of the forward output", anl__shape_text(&c->in[1].shape, a), (long long)g.n, (long long)g.oh, (long long)g.ow);
    int64_t out[4] = {g.k, g.r, g.s, g.c / g.groups};
    c->n_out = 1;
    c->out[0] = anl__type_of(anl__wide(c->in[0].dtype), 4, out);
    return ANL_OK;
}

static double flops(const anl__call *c)
{
    anl__conv_geometry g;
    anl__conv_geometry_of(c, &g);
    return 2.0 * (double)(g.n * g.oh * g.ow * g.k) * (double)(g.r * g.s * (g.c / g.groups));
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
        const int64_t *w = c->in[1].shape.dim;
        anl__grad_give(g, 1, anl__grad_node(g, "conv2d_bwd_filter", in, 2, true, "kernel_h=%lld kernel_w=%lld", (long long)w[1], (long long)w[2]));
    }
    if (anl__grad_needs(g, 0)) {
        anl_value in[2] = {dz, anl__grad_in(g, 1)};
        const int64_t *x = c->in[0].shape.dim;
        anl__grad_give(g, 0, anl__grad_node(g, "conv2d_bwd_data", in, 2, true, "in_h=%lld in_w=%lld", (long long)x[1], (long long)x[2]));
    }
    return ANL_OK;
}

static anl_status grad_data(anl__grad *g)
{
    anl_value dx = anl__grad_dout(g, 0), by_dy[2] = {dx, anl__grad_in(g, 1)}, by_w[2] = {dx, anl__grad_in(g, 0)};
    const int64_t *w = anl__grad_call(g)->in[1].shape.dim;
    if (anl__grad_needs(g, 0)) anl__grad_give(g, 0, anl__grad_node(g, "conv2d", by_dy, 2, true, NULL));
    if (anl__grad_needs(g, 1))
        anl__grad_give(g, 1, anl__grad_node(g, "conv2d_bwd_filter", by_w, 2, true, "kernel_h=%lld kernel_w=%lld", (long long)w[1], (long long)w[2]));
    return ANL_OK;
}

static const anl__op fwd = {.name = "conv2d", .min_in = 2, .max_in = 3, .attrs = fwd_attrs, .infer = infer, .grad = grad, .flops = flops, .help = "convolution of images"};
static const anl__op bwd_data = {.name = "conv2d_bwd_data", .min_in = 2, .max_in = 2, .attrs = data_attrs, .infer = infer_data, .grad = grad_data, .flops = flops, .accum_ok = true,
                                 .help = "gradient of conv2d for its input; the transposed convolution"};
static const anl__op bwd_filter = {.name = "conv2d_bwd_filter", .min_in = 2, .max_in = 2, .attrs = filter_attrs, .infer = infer_filter, .flops = flops, .accum_ok = true,
                                   .help = "gradient of conv2d for its filters"};
const anl__op *const anl__ops_conv2d[] = {&fwd, &bwd_data, &bwd_filter, NULL};
