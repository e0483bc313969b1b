/* fold_batchnorm: filters and bias of a convolution with the batch normalisation behind it, for evaluation (Jacob et al.,
 * 2018, section 3.2). With s = gamma / sqrt(var + eps):
 *   w'[k,...] = s[k] w[k,...],   b'[k] = (b[k] - mean[k]) s[k] + beta[k]
 * Inputs: w (K,R,S,C), gamma, beta, mean, var, b (optional). All depend on parameters only, so it runs when they have changed. */
#include "op.h"

static const anl__attr_def attrs[] = {{"eps", ANL__FLOAT, "1e-5", 1e-12, 1, NULL, "added to the variance"}, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96];
    ANL_TRY(anl__need_rank(ctx, c, 0, "filters", 4));
    int64_t k = c->in[0].shape.dim[0];
    for (int i = 1; i < 6; i++)
        if (anl__has_in(c, i) && anl_shape_count(&c->in[i].shape) != k)
            return anl__fail(ctx, ANL_SHAPE, "parameter %d (%s) does not fit %lld filters", i, anl__shape_text(&c->in[i].shape, a), (long long)k);
    c->n_out = 2;
    c->out[0] = c->in[0];
    c->out[1] = anl__type_of(c->in[0].dtype, 1, &k);
    return ANL_OK;
}

static const anl__op fold = {.name = "fold_batchnorm", .min_in = 5, .max_in = 6, .attrs = attrs, .infer = infer, .help = "a convolution's filters with the batch normalisation behind it"};
const anl__op *const anl__ops_fold_batchnorm[] = {&fold, NULL};
