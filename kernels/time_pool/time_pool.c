/* time_pool: one vector a sample from a sequence (T,N,C): the mean over its steps, the largest value of each feature, or the last
 * step. lengths (N) i32, optional: steps from there on do not count; of a sequence of no steps it is zero.
 * time_pool_bwd: x, y, dy, lengths -> dx; of equal largest values the first has the gradient. */
#include "op.h"

static const anl__attr_def attrs[] = {{"mode", ANL__ENUM, "last", 0, 0, "last|mean|max", "what stands for the sequence"}, {0}};

static anl_status check(anl_ctx *ctx, const anl__call *c, int lengths)
{
    char a[96];
    ANL_TRY(anl__need_rank(ctx, c, 0, "a sequence (time, batch, features)", 3));
    if (anl__has_in(c, lengths) && (c->in[lengths].dtype != ANL_I32 || anl_shape_count(&c->in[lengths].shape) != c->in[0].shape.dim[1]))
        return anl__fail(ctx, ANL_SHAPE, "needs one i32 length a sample, not %s %s", anl_dtype_name(c->in[lengths].dtype), anl__shape_text(&c->in[lengths].shape, a));
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check(ctx, c, 1));
    c->n_out = 1;
    c->out[0] = anl__type_of(c->in[0].dtype, 2, c->in[0].shape.dim + 1);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    ANL_TRY(check(ctx, c, 3));
    int64_t n = anl_shape_count(&c->in[0].shape) / c->in[0].shape.dim[0];
    if (anl_shape_count(&c->in[1].shape) != n || anl_shape_count(&c->in[2].shape) != n)
        return anl__fail(ctx, ANL_SHAPE, "result %s or gradient %s does not fit", anl__shape_text(&c->in[1].shape, a), anl__shape_text(&c->in[2].shape, b));
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    anl_value in[4] = {anl__grad_in(g, 0), anl__grad_out(g, 0), anl__grad_dout(g, 0), ANL_NONE};
    if (anl__has_in(anl__grad_call(g), 1)) in[3] = anl__grad_in(g, 1);
    anl__grad_give(g, 0, anl__grad_node(g, "time_pool_bwd", in, 4, true, NULL));
    return ANL_OK;
}

static const anl__op fwd = {.name = "time_pool", .min_in = 1, .max_in = 2, .attrs = attrs, .infer = infer, .grad = grad, .help = "one vector a sequence"};
static const anl__op bwd = {.name = "time_pool_bwd", .min_in = 3, .max_in = 4, .attrs = attrs, .infer = infer_bwd, .help = "gradient of time_pool"};
const anl__op *const anl__ops_time_pool[] = {&fwd, &bwd, NULL};
