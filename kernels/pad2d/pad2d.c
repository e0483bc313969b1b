/* pad2d: zeros around images, pad = top, left, bottom, right (one number: all four; two: rows, columns). pad2d_bwd: the
 * gradient's inside. */
#include "pad2d.h"

static const anl__attr_def attrs[] = {{"pad", ANL__INTS, NULL, 0, 1 << 20, NULL, "top, left, bottom, right; one number: all; two: rows, columns"}, {0}};

static anl_status check(anl_ctx *ctx, const anl__call *c)
{
    int n = anl__attr_get(c, "pad")->n;
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    return n == 1 || n == 2 || n == 4 ? ANL_OK : anl__fail(ctx, ANL_SHAPE, "pad has %d numbers, not 1, 2 or 4", n);
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    int64_t p[4];
    ANL_TRY(check(ctx, c));
    anl__pad2d_sides(c, p);
    c->n_out = 1;
    c->out[0] = c->in[0];
    c->out[0].shape.dim[1] += p[0] + p[2];
    c->out[0].shape.dim[2] += p[1] + p[3];
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    int64_t p[4];
    ANL_TRY(check(ctx, c));
    anl__pad2d_sides(c, p);
    c->n_out = 1;
    c->out[0] = c->in[0];
    int64_t *d = c->out[0].shape.dim;
    d[1] -= p[0] + p[2];
    d[2] -= p[1] + p[3];
    return d[1] > 0 && d[2] > 0 ? ANL_OK : anl__fail(ctx, ANL_SHAPE, "the gradient is smaller than the border");
}

static anl_status grad(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, anl__grad_node(g, "pad2d_bwd", &dy, 1, true, NULL));
    return ANL_OK;
}

static const anl__op pad2d = {.name = "pad2d", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer, .grad = grad, .cheap = true, .help = "zeros around images"};
static const anl__op bwd = {.name = "pad2d_bwd", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer_bwd, .help = "gradient of pad2d"};
const anl__op *const anl__ops_pad2d[] = {&pad2d, &bwd, NULL};
