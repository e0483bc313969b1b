/* ctc: connectionist temporal classification (Graves et al., 2006): the loss of a sequence of labels that is
 * shorter than the sequence of predictions and not aligned with it. A path gives each time step a class or
 * the blank; it stands for the labels that remain when repetitions are merged and then blanks removed. With
 * p = softmax of the logits of each step,
 *   loss = -log (sum over the paths that stand for the target, of the product of p along the path)
 *
 * Inputs: logits (T, N, C), time-major, before the softmax; targets i32 (N, L), or (N): one label each;
 * optional i32 (N) lengths of the logits (absent: T each) and of the targets (absent: a target ends before
 * its first negative label). Lengths outside their range count as the nearer end. Attribute blank: class of
 * the blank, counted from the end when negative (-1: the last).
 *
 * Outputs, each one number: num, the sum of the losses of the samples that count; den, how many count;
 * correct, in how many the likeliest class of each step gives the target (merged, blanks removed);
 * impossible, how many have no path: fewer steps than labels plus repetitions. Attribute impossible says
 * what becomes of those: `skip` (they count in neither num nor den and have no gradient: PyTorch's
 * zero_infinity, but for den) or `infinite` (num is infinite and their gradient NaN, as PyTorch's default).
 * A label that is the blank or no class makes num NaN: data is checked before it comes here.
 *
 * ctc_bwd: dlogits = dnum * (p - the probability that a path through the target has this class at this
 * step); 0 past the length. */
#include "op.h"

static const anl__attr_def attrs[] = {
    {"blank", ANL__INT, "0", 0, 0, NULL, "class of the blank; negative: from the end"},
    {"impossible", ANL__ENUM, "skip", 0, 0, "skip|infinite",
     "what becomes of a target that does not fit into its steps"},
    {0},
};

/* lengths: the first of the two inputs that hold lengths. */
static anl_status check(anl_ctx *ctx, const anl__call *c, int lengths)
{
    char a[96], b[96];
    static const char *const what[] = {"logits", "targets"};
    ANL_TRY(anl__need_rank(ctx, c, 0, "logits (time, batch, classes)", 3));
    const anl_shape *z = &c->in[0].shape, *t = &c->in[1].shape;
    int64_t blank = anl__attr_int(c, "blank");
    if (z->dim[0] < 1 || z->dim[1] < 1 || z->dim[2] < 1)
        return anl__fail(ctx, ANL_SHAPE, "logits %s have an empty dimension", anl__shape_text(z, a));
    if (c->in[1].dtype != ANL_I32 || t->rank < 1 || t->rank > 2 || t->dim[0] != z->dim[1])
        return anl__fail(ctx, ANL_SHAPE, "targets (%s %s) do not fit logits %s",
                         anl_dtype_name(c->in[1].dtype), anl__shape_text(t, a), anl__shape_text(z, b));
    for (int i = 0; i < 2; i++)
        if (anl__has_in(c, lengths + i) &&
            (c->in[lengths + i].dtype != ANL_I32 || anl_shape_count(&c->in[lengths + i].shape) != z->dim[1]))
            return anl__fail(ctx, ANL_SHAPE, "lengths of the %s must be i32 %lld, not %s %s", what[i],
                             (long long)z->dim[1], anl_dtype_name(c->in[lengths + i].dtype),
                             anl__shape_text(&c->in[lengths + i].shape, a));
    if (blank < -z->dim[2] || blank >= z->dim[2])
        return anl__fail(ctx, ANL_INVALID, "blank %lld is none of the %lld classes", (long long)blank,
                         (long long)z->dim[2]);
    return ANL_OK;
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    const int64_t one[1] = {1};
    ANL_TRY(check(ctx, c, 2));
    c->n_out = 4;
    for (int j = 0; j < c->n_out; j++) c->out[j] = anl__type_of(anl__wide(c->in[0].dtype), 1, one);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check(ctx, c, 3));
    if (anl_shape_count(&c->in[2].shape) != 1)
        return anl__fail(ctx, ANL_SHAPE, "the loss's gradient must be one number");
    c->n_out = 1;
    c->out[0] = c->in[0];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    anl_value in[5] = {anl__grad_in(g, 0), anl__grad_in(g, 1), anl__grad_dout(g, 0), ANL_NONE, ANL_NONE};
    if (in[2] == ANL_NONE) return ANL_OK; /* the counts do not depend on the logits smoothly */
    for (int i = 2; i < c->n_in; i++)
        if (anl__has_in(c, i)) in[i + 1] = anl__grad_in(g, i);
    if (anl__grad_needs(g, 0)) anl__grad_give(g, 0, anl__grad_node(g, "ctc_bwd", in, 5, true, NULL));
    return ANL_OK;
}

static const anl__op fwd = {.name = "ctc", .min_in = 2, .max_in = 4, .attrs = attrs, .infer = infer,
                            .grad = grad,
                            .help = "loss of labels that are not aligned with the steps, on logits"};
static const anl__op bwd = {.name = "ctc_bwd", .min_in = 3, .max_in = 5, .attrs = attrs, .infer = infer_bwd,
                            .help = "gradient of ctc"};
const anl__op *const anl__ops_ctc[] = {&fwd, &bwd, NULL};
