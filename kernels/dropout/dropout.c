/* dropout: in training, units are dropped with probability p and the others scaled by 1/(1-p) (Srivastava et al., 2014);
 * in evaluation it changes nothing. dropout_bwd draws the same mask again: nothing is kept for it. */
#include "op.h"

#include "base/philox.h"

static const anl__attr_def attrs[] = {
    {"p", ANL__FLOAT, "0.5", 0, 0.999, NULL, "probability of dropping a unit"},
    {"sample_axis", ANL__INT, "0", 0, 1, NULL, "which dimension is the sample: 1 for sequences T x N x C"},
    {"key", ANL__INT, "0", 0, 4294967295.0, NULL, "which mask; 0: from the layer's name"},
    {0},
};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    if (c->in[0].shape.rank <= anl__attr_int(c, "sample_axis")) return anl__fail(ctx, ANL_SHAPE, "needs a batch axis");
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    int64_t key = anl__attr_int(c, "key");
    anl_value in[2] = {anl__grad_dout(g, 0), anl__grad_in(g, 1)};
    anl__grad_give(g, 0, anl__grad_node(g, "dropout_bwd", in, 2, true, "key=%lld", (long long)(key ? key : anl__name_hash(c->name))));
    return ANL_OK;
}

static const anl__op fwd = {.name = "dropout", .min_in = 2, .max_in = 2, .attrs = attrs, .infer = infer, .grad = grad, .random = true, .cheap = true, .help = "drops units in training"};
static const anl__op bwd = {.name = "dropout_bwd", .min_in = 2, .max_in = 2, .attrs = attrs, .infer = infer, .random = true, .help = "gradient of dropout"};
const anl__op *const anl__ops_dropout[] = {&fwd, &bwd, NULL};
