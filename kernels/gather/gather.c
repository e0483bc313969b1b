/* gather: rows of x picked by i32 indices along an axis: the axis is replaced by the dimensions of the index
 * (ONNX Gather, PyTorch's index_select). An index below 0 or not below the axis' size stands for nothing:
 * zeros, without a gradient, as in embedding.
 *
 * gather_bwd: index, dy -> dx (attribute size: of the axis); each row adds its gradients in the order of the
 * indices. */
#include "gather.h"

#define LIMIT ANL_MAX_RANK
#define AXIS {"axis", ANL__INT, "0", -LIMIT, LIMIT - 1, NULL, "along which; negative: from the end"}
static const anl__attr_def attrs[] = {AXIS, {0}};
static const anl__attr_def bwd_attrs[] = {AXIS,
                                          {"size", ANL__INT, NULL, 1, 1 << 30, NULL, "of the axis before"},
                                          {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *x = &c->in[0].shape, *i = &c->in[1].shape;
    int axis = anl__pick_axis(c, x->rank);
    anl_shape y = {.rank = x->rank - 1 + i->rank};
    if (axis < 0 || axis >= x->rank)
        return anl__fail(ctx, ANL_INVALID, "axis %d of %s", (int)anl__attr_int(c, "axis"),
                         anl__shape_text(x, a));
    if (c->in[1].dtype != ANL_I32)
        return anl__fail(ctx, ANL_SHAPE, "needs i32 indices, not %s %s", anl_dtype_name(c->in[1].dtype),
                         anl__shape_text(i, a));
    if (y.rank > ANL_MAX_RANK || y.rank < 1)
        return anl__fail(ctx, ANL_SHAPE, "%s indices into %s make %d dimensions, 1 to %d are possible",
                         anl__shape_text(i, a), anl__shape_text(x, b), y.rank, ANL_MAX_RANK);
    if (c->in[0].dtype == ANL_I32 || c->in[0].dtype == ANL_U8)
        return anl__fail(ctx, ANL_UNSUPPORTED, "picks rows of activations and parameters, not of %s",
                         anl_dtype_name(c->in[0].dtype));
    for (int k = 0; k < axis; k++) y.dim[k] = x->dim[k];
    for (int k = 0; k < i->rank; k++) y.dim[axis + k] = i->dim[k];
    for (int k = axis + 1; k < x->rank; k++) y.dim[i->rank + k - 1] = x->dim[k];
    c->n_out = 1;
    c->out[0] = (anl__type){c->in[0].dtype, y};
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    char a[96], b[96];
    const anl_shape *i = &c->in[0].shape, *d = &c->in[1].shape;
    anl_shape x = {.rank = d->rank - i->rank + 1};
    int axis = anl__pick_axis(c, x.rank);
    bool fits = c->in[0].dtype == ANL_I32 && x.rank >= 1 && axis >= 0 && axis < x.rank;
    for (int k = 0; fits && k < i->rank; k++) fits = d->dim[axis + k] == i->dim[k];
    if (!fits)
        return anl__fail(ctx, ANL_SHAPE, "indices %s and gradient %s do not fit", anl__shape_text(i, a),
                         anl__shape_text(d, b));
    for (int k = 0; k < x.rank; k++)
        x.dim[k] = k < axis ? d->dim[k] : k == axis ? anl__attr_int(c, "size") : d->dim[i->rank + k - 1];
    c->n_out = 1;
    c->out[0] = (anl__type){c->in[1].dtype, x};
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    const anl_shape *x = &c->in[0].shape;
    anl_value in[2] = {anl__grad_in(g, 1), anl__grad_dout(g, 0)};
    if (anl__grad_needs(g, 0))
        anl__grad_give(g, 0,
                       anl__grad_node(g, "gather_bwd", in, 2, true, "size=%lld",
                                      (long long)x->dim[anl__pick_axis(c, x->rank)]));
    return ANL_OK;
}

static const anl__op fwd = {.name = "gather", .min_in = 2, .max_in = 2, .attrs = attrs, .infer = infer,
                            .grad = grad, .help = "rows picked by index along an axis"};
static const anl__op bwd = {.name = "gather_bwd", .min_in = 2, .max_in = 2, .attrs = bwd_attrs,
                            .infer = infer_bwd, .help = "gradient of gather"};
const anl__op *const anl__ops_gather[] = {&fwd, &bwd, NULL};
