/* batchnorm (Ioffe and Szegedy, 2015) over all axes but the last, with optional residual and relu:
 *   y = act(gamma (x - mean) rstd + beta + residual),  rstd = 1/sqrt(var + eps)
 * In training mean and variance are the shard's (Welford/Chan, never E[x^2]-E[x]^2); they go out as save_mean and save_rstd, and as
 * stat_sum = (n*mean, n*unbiased var) with n samples, which the engine adds over shards; batchnorm_running then moves the
 * running statistics once a step. In evaluation the running statistics are used; with global_stats in
 * training too, which then leaves them as they are: the layer is a scale and a shift, for networks whose
 * normalisations are frozen.
 * Inputs: x, gamma, beta, running_mean, running_var, residual. Outputs: y, save_mean, save_rstd, stat_sum, and with residual
 * and relu in training a bit mask of what is positive (batchnorm.h).
 * batchnorm_bwd: x, dy, gamma, save_mean, save_rstd, beta, mask -> dx, dgamma, dbeta, dresidual. With act=relu it needs the mask, or
 * where there was no residual beta: the sign of y is then computed again from x. y itself is never read. */
#include "batchnorm.h"

static const anl__attr_def attrs[] = {
    {"eps", ANL__FLOAT, "1e-5", 1e-12, 1, NULL, "added to the variance"},
    {"act", ANL__ENUM, "none", 0, 0, "none|relu", "applied last"},
    {"momentum", ANL__FLOAT, "0.1", 0, 1, NULL, "weight of the new value in the running statistics"},
    {"global_stats", ANL__BOOL, "0", 0, 1, NULL, "use running statistics in training too; gamma, beta are frozen"},
    {0},
};
static const anl__attr_def bwd_attrs[] = {
    {"act", ANL__ENUM, "none", 0, 0, "none|relu", "of the forward operator"},
    {"residual", ANL__BOOL, "0", 0, 1, NULL, "also give the residual's gradient"},
    {0},
};
static const anl__attr_def running_attrs[] = {{"momentum", ANL__FLOAT, "0.1", 0, 1, NULL, "weight of the new value"}, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *x = &c->in[0].shape;
    if (x->rank < 2) return anl__fail(ctx, ANL_SHAPE, "needs at least two dimensions, not %s", anl__shape_text(x, a));
    int64_t k = x->dim[x->rank - 1], two = 2 * k;
    for (int i = 1; i < 5; i++)
        if (anl_shape_count(&c->in[i].shape) != k) return anl__fail(ctx, ANL_SHAPE, "parameter %d (%s) does not fit %lld channels", i, anl__shape_text(&c->in[i].shape, a), (long long)k);
    if (anl__has_in(c, 5) && !anl__shape_equal(x, &c->in[5].shape))
        return anl__fail(ctx, ANL_SHAPE, "residual %s is not of the input's shape %s", anl__shape_text(&c->in[5].shape, a), anl__shape_text(x, b));
    if (anl__bn_measures(c) && anl_shape_count(x) / k < 2) return anl__fail(ctx, ANL_SHAPE, "one value a channel (%s) has no variance; use a larger batch", anl__shape_text(x, a));
    anl_dtype wide = anl__wide(c->in[0].dtype);
    int64_t mask[2] = {x->dim[0], anl__bn_mask_bytes(anl_shape_count(x) / x->dim[0])};
    c->n_out = anl__bn_measures(c) ? 4 + anl__bn_has_mask(c) : 1;
    c->out[0] = c->in[0];
    c->out[1] = c->out[2] = anl__type_of(wide, 1, &k);
    c->out[3] = anl__type_of(wide, 1, &two);
    c->out[4] = anl__type_of(ANL_U8, 2, mask);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    const anl_shape *x = &c->in[0].shape;
    if (x->rank < 2 || !anl__shape_equal(x, &c->in[1].shape)) return anl__fail(ctx, ANL_SHAPE, "gradient and input differ in shape");
    int64_t k = x->dim[x->rank - 1], bytes = x->dim[0] * anl__bn_mask_bytes(anl_shape_count(x) / x->dim[0]);
    if (anl__attr_int(c, "act") && !anl__has_in(c, 5) && !anl__has_in(c, 6)) return anl__fail(ctx, ANL_INVALID, "relu's gradient needs beta or the mask");
    if (anl__has_in(c, 6) && (c->in[6].dtype != ANL_U8 || anl_shape_count(&c->in[6].shape) != bytes))
        return anl__fail(ctx, ANL_SHAPE, "the mask must have %lld bytes", (long long)bytes);
    for (int i = 2; i < 6; i++)
        if (anl__has_in(c, i) && anl_shape_count(&c->in[i].shape) != k) return anl__fail(ctx, ANL_SHAPE, "parameter %d does not fit %lld channels", i, (long long)k);
    c->n_out = anl__attr_int(c, "residual") ? 4 : 3;
    c->out[0] = c->out[3] = c->in[0];
    c->out[1] = c->out[2] = anl__type_of(anl__wide(c->in[0].dtype), 1, &k);
    return ANL_OK;
}

static anl_status infer_running(anl_ctx *ctx, anl__call *c)
{
    int64_t k = anl_shape_count(&c->in[0].shape);
    if (anl_shape_count(&c->in[1].shape) != k || anl_shape_count(&c->in[2].shape) != 2 * k || anl_shape_count(&c->in[3].shape) != 1)
        return anl__fail(ctx, ANL_SHAPE, "statistics do not fit %lld channels", (long long)k);
    c->n_out = 0;
    return ANL_OK;
}

/* With the running statistics it is a scale and a shift: its gradient is itself around a mean and a shift of 0. */
static anl_status grad_global(anl__grad *g)
{
    anl_value dz = anl__grad_dout(g, 0), gamma = anl__grad_in(g, 1);
    if (anl__grad_needs(g, 1) || anl__grad_needs(g, 2)) return ANL_UNSUPPORTED;
    if (dz == ANL_NONE) return ANL_OK;
    anl_value relu[2] = {dz, anl__grad_out(g, 0)};
    if (anl__attr_int(anl__grad_call(g), "act")) dz = anl__grad_node(g, "relu_bwd", relu, 2, false, NULL);
    if (anl__has_in(anl__grad_call(g), 5)) anl__grad_give(g, 5, dz);
    if (!anl__grad_needs(g, 0)) return ANL_OK;
    anl_value zero = anl__grad_node(g, "scale", &gamma, 1, false, "factor=0");
    anl_value in[5] = {dz, gamma, zero, zero, anl__grad_in(g, 4)};
    anl__grad_give(g, 0, anl__grad_node(g, "batchnorm", in, 5, true, "act=none"));
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    if (c->mode == ANL_TRAIN && !anl__bn_measures(c)) return grad_global(g);
    bool residual = anl__has_in(c, 5) && anl__grad_needs(g, 5), mask = anl__bn_has_mask(c);
    anl_value in[7] = {anl__grad_in(g, 0), anl__grad_dout(g, 0), anl__grad_in(g, 1), anl__grad_out(g, 1), anl__grad_out(g, 2), ANL_NONE, ANL_NONE};
    if (in[1] == ANL_NONE) return ANL_OK;
    if (c->mode != ANL_TRAIN) return ANL_UNSUPPORTED;
    if (mask) in[6] = anl__grad_out(g, 4);
    else if (anl__attr_int(c, "act")) in[5] = anl__grad_in(g, 2);
    anl_value dx = anl__grad_node(g, "batchnorm_bwd", in, mask ? 7 : anl__attr_int(c, "act") ? 6 : 5, true, "residual=%d", residual);
    anl__grad_give(g, 0, dx);
    anl__grad_give(g, 1, anl__grad_node_output(g, dx, 1));
    anl__grad_give(g, 2, anl__grad_node_output(g, dx, 2));
    if (residual) anl__grad_give(g, 5, anl__grad_node_output(g, dx, 3));
    return ANL_OK;
}

static const anl__op fwd = {.name = "batchnorm", .min_in = 5, .max_in = 6, .attrs = attrs, .infer = infer, .grad = grad, .cheap = true, .running = "batchnorm_running", .running_out = 3,
                            .help = "normalisation over the batch, a channel"};
static const anl__op bwd = {.name = "batchnorm_bwd", .min_in = 5, .max_in = 7, .attrs = bwd_attrs, .infer = infer_bwd, .help = "gradient of batchnorm"};
static const anl__op running = {.name = "batchnorm_running", .min_in = 4, .max_in = 4, .attrs = running_attrs, .infer = infer_running, .mutates = 3, .help = "moves running statistics once a step"};
const anl__op *const anl__ops_batchnorm[] = {&fwd, &bwd, &running, NULL};
