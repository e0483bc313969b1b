/* Updates of whole slabs. grad_stats looks at the reduced gradient once; the updates then read its verdict and do nothing
 * when anything was not finite, so no bad number ever reaches a weight.
 *
 *   g = grad * stat[1], stat[1] = clip / (den * loss scale);   sgd (PyTorch's form): g += wd*p; m = mu*m + g; p -= lr * (nesterov ? g + mu*m : m)
 *   adam (Kingma and Ba, 2015), adamw (Loshchilov and Hutter, 2019), rmsprop (Hinton's lecture 6e), adagrad (Duchi et al., 2011),
 *   lamb (You et al., 2020: the step of each parameter is scaled by |p| / |step|), ema: e = d*e + (1-d)*p.
 * Gradients made under a scale block (fp16) are divided by it too; loss_scale then moves the block, once a step, by the verdict.
 * Weight decay applies to segments whose decay flag is set. Slab arguments have the parameter slab's length. */
#include "optimizer.h"

static anl_status one_slab(anl_ctx *ctx, const anl__call *c, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (c->in[i].dtype != ANL_F32 || anl_shape_count(&c->in[i].shape) != anl_shape_count(&c->in[0].shape))
            return anl__fail(ctx, ANL_SHAPE, "slab %d has %lld elements, the first %lld", i, (long long)anl_shape_count(&c->in[i].shape), (long long)anl_shape_count(&c->in[0].shape));
    return ANL_OK;
}

static anl_status infer_stats(anl_ctx *ctx, anl__call *c)
{
    int64_t words[1] = {ANL__STAT_WORDS};
    if (anl_shape_count(&c->in[ANL__STATS_DEN].shape) != 1 || anl_shape_count(&c->in[ANL__STATS_HYPER].shape) != ANL_HYPER_WORDS)
        return anl__fail(ctx, ANL_SHAPE, "needs the gradient slab, the denominator and the hyper block");
    if (anl__has_in(c, ANL__STATS_SCALE) && anl_shape_count(&c->in[ANL__STATS_SCALE].shape) != ANL__SCALE_WORDS) return anl__fail(ctx, ANL_SHAPE, "needs the scale block");
    c->n_out = 1;
    c->out[0] = anl__type_of(ANL_F32, 1, words);
    return ANL_OK;
}

static const anl__attr_def stats_attrs[] = {{"scale_min", ANL__FLOAT, "0", 0, 0, NULL, "smallest loss scale: below it a gradient that is not finite is not the scale's fault"}, {0}};
static const anl__attr_def scale_attrs[] = {{"steps", ANL__FLOAT, "2000", 0, 1e7, NULL, "good steps in a row after which it doubles; 0: never"},
                                            {"min", ANL__FLOAT, "1", 0, 0, NULL, "smallest scale"},
                                            {"max", ANL__FLOAT, "16777216", 0, 0, NULL, "largest scale"},
                                            {0}};

static anl_status infer_scale(anl_ctx *ctx, anl__call *c)
{
    if (anl_shape_count(&c->in[0].shape) != ANL__SCALE_WORDS || anl_shape_count(&c->in[1].shape) != ANL__STAT_WORDS)
        return anl__fail(ctx, ANL_SHAPE, "needs the scale block and grad_stats' result");
    c->n_out = 0;
    return ANL_OK;
}

/* param, grad, stat, hyper, then the moments. */
static anl_status infer_update(anl_ctx *ctx, anl__call *c)
{
    if (anl_shape_count(&c->in[2].shape) != ANL__STAT_WORDS || anl_shape_count(&c->in[3].shape) != ANL_HYPER_WORDS) return anl__fail(ctx, ANL_SHAPE, "needs grad_stats' result and the hyper block");
    ANL_TRY(one_slab(ctx, c, 0, 1));
    if (c->n_in > 4) ANL_TRY(one_slab(ctx, c, 4, c->n_in - 1));
    c->n_out = 0;
    return ANL_OK;
}

static anl_status infer_ema(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(one_slab(ctx, c, 0, 1));
    c->n_out = 0;
    return ANL_OK;
}

static anl_status infer_add(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(one_slab(ctx, c, 0, 1));
    c->n_out = 0;
    return ANL_OK;
}

#define UPDATE(id, moments, text) \
    static const anl__op id = {.name = #id, .min_in = 4 + moments, .max_in = 4 + moments, .infer = infer_update, .mutates = 1u | (((1u << moments) - 1) << 4), .help = text}
static const anl__op grad_stats = {.name = "grad_stats", .min_in = 3, .max_in = 5, .attrs = stats_attrs, .infer = infer_stats, .help = "finite?, factor and norm of the reduced gradient; too large a loss scale?"};
UPDATE(sgd, 1, "gradient descent with momentum");
UPDATE(adam, 2, "Adam, decay added to the gradient");
UPDATE(adamw, 2, "Adam, decay apart from the gradient");
UPDATE(rmsprop, 2, "RMSprop: mean square, momentum");
UPDATE(adagrad, 1, "Adagrad");
UPDATE(lamb, 2, "Adam with a trust ratio a tensor");
static const anl__op ema = {.name = "ema", .min_in = 4, .max_in = 4, .infer = infer_ema, .mutates = 1, .help = "moving average of parameters"};
static const anl__op loss_scale = {.name = "loss_scale", .min_in = 2, .max_in = 2, .attrs = scale_attrs, .infer = infer_scale, .mutates = 1, .help = "moves the loss scale of fp16"};
static const anl__op slab_add = {.name = "slab_add", .min_in = 2, .max_in = 2, .infer = infer_add, .mutates = 1, .help = "one slab added to another"};
const anl__op *const anl__ops_optimizer[] = {&grad_stats, &sgd, &adam, &adamw, &rmsprop, &adagrad, &lamb, &ema, &loss_scale, &slab_add, NULL};
