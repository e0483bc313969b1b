/* upsample2d: images larger by whole factors; nearest, or bilinear with pixel centres at halves (PyTorch's align_corners
 * false). upsample2d_bwd: its gradient. */
#include "upsample2d.h"

static const anl__attr_def attrs[] = {{"scale", ANL__INTS, "2", 1, 64, NULL, "factor; two numbers: rows, columns"},
                                      {"mode", ANL__ENUM, "nearest", 0, 0, "nearest|bilinear", "how new pixels are made"},
                                      {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "images", 4));
    c->n_out = 1;
    c->out[0] = c->in[0];
    c->out[0].shape.dim[1] *= anl__attr_at(c, "scale", 0);
    c->out[0].shape.dim[2] *= anl__attr_at(c, "scale", 1);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(anl__need_rank(ctx, c, 0, "gradients", 4));
    c->n_out = 1;
    c->out[0] = c->in[0];
    for (int i = 0; i < 2; i++) {
        int64_t s = anl__attr_at(c, "scale", i), *d = &c->out[0].shape.dim[1 + i];
        if (*d % s) return anl__fail(ctx, ANL_SHAPE, "%lld is no multiple of the factor %lld", (long long)*d, (long long)s);
        *d /= s;
    }
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, anl__grad_node(g, "upsample2d_bwd", &dy, 1, true, NULL));
    return ANL_OK;
}

static const anl__op up = {.name = "upsample2d", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer, .grad = grad, .cheap = true, .help = "larger images: nearest or bilinear"};
static const anl__op bwd = {.name = "upsample2d_bwd", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer_bwd, .help = "gradient of upsample2d"};
const anl__op *const anl__ops_upsample2d[] = {&up, &bwd, NULL};
