/* Scalars that start a computation: a constant, and the seed of a loss's gradient. */
#include "op.h"

static const anl__attr_def fill_attrs[] = {
    {"value", ANL__FLOAT, "0", 0, 0, NULL, "the constant"},
    {"wide", ANL__BOOL, "0", 0, 1, NULL, "f64 instead of f32"},
    {0},
};

static anl_status infer_fill(anl_ctx *ctx, anl__call *c)
{
    (void)ctx;
    int64_t one[1] = {1};
    c->n_out = 1;
    c->out[0] = anl__type_of(anl__attr_int(c, "wide") ? ANL_F64 : ANL_F32, 1, one);
    return ANL_OK;
}

static const anl__attr_def seed_attrs[] = {
    {"weight", ANL__FLOAT, "1", 0, 0, NULL, "the loss's weight in the total"},
    {0},
};

static anl_status infer_seed(anl_ctx *ctx, anl__call *c)
{
    if (c->in[0].dtype != ANL_F32 || anl_shape_count(&c->in[0].shape) != ANL_HYPER_WORDS)
        return anl__fail(ctx, ANL_SHAPE, "needs the hyper block");
    if (anl__has_in(c, 1) != anl__has_in(c, 2)) return anl__fail(ctx, ANL_SHAPE, "needs both denominators, or none");
    for (int i = 1; i < 3 && anl__has_in(c, i); i++)
        if ((c->in[i].dtype != ANL_F32 && c->in[i].dtype != ANL_F64) || anl_shape_count(&c->in[i].shape) != 1 || c->in[i].dtype != c->in[1].dtype)
            return anl__fail(ctx, ANL_SHAPE, "a denominator is one number");
    if (anl__has_in(c, 3) && (c->in[3].dtype != ANL_F32 || anl_shape_count(&c->in[3].shape) != ANL__SCALE_WORDS))
        return anl__fail(ctx, ANL_SHAPE, "needs the scale block");
    int64_t one[1] = {1};
    c->n_out = 1;
    c->out[0] = anl__type_of(ANL_F32, 1, one);
    return ANL_OK;
}

static const anl__op fill = {.name = "fill", .attrs = fill_attrs, .infer = infer_fill, .help = "one constant"};
static const anl__op loss_seed = {.name = "loss_seed", .min_in = 1, .max_in = 4, .attrs = seed_attrs, .infer = infer_seed,
                                  .help = "loss scale (times the scale block's) times weight: the gradient of a loss's numerator; with the first loss's denominator and its own: times their ratio"};
const anl__op *const anl__ops_fill[] = {&fill, &loss_seed, NULL};
