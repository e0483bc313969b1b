/* concat: 2 to 16 tensors one after the other along an axis. slice: [begin, end) of an axis (negative counts from the end;
 * end 0: the end). slice_bwd: a gradient put back among zeros. */
#include "concat.h"

static const anl__attr_def concat_attrs[] = {{"axis", ANL__INT, "-1", -6, 5, NULL, "negative: from the last"}, {0}};
static const anl__attr_def slice_attrs[] = {{"axis", ANL__INT, "-1", -6, 5, NULL, "negative: from the last"},
                                            {"begin", ANL__INT, "0", -1e15, 1e15, NULL, "first index kept"},
                                            {"end", ANL__INT, "0", -1e15, 1e15, NULL, "first index not kept; 0: the end"},
                                            {0}};
static const anl__attr_def slice_bwd_attrs[] = {{"axis", ANL__INT, NULL, 0, 5, NULL, "axis"},
                                                {"begin", ANL__INT, NULL, 0, 1e15, NULL, "where the gradient goes"},
                                                {"dim", ANL__INT, NULL, 1, 1e15, NULL, "size of the forward input there"},
                                                {0}};

static anl_status infer_concat(anl_ctx *ctx, anl__call *c)
{
    int axis = anl__concat_axis(c);
    char a[96], b[96];
    ANL_TRY(anl__need_axis(ctx, c, axis));
    anl__type out = c->in[0];
    for (int i = 1; i < c->n_in; i++) {
        const anl_shape *s = &c->in[i].shape;
        bool fits = s->rank == out.shape.rank && c->in[i].dtype == out.dtype;
        for (int d = 0; fits && d < s->rank; d++) fits = d == axis || s->dim[d] == out.shape.dim[d];
        if (!fits) return anl__fail(ctx, ANL_SHAPE, "input %d is %s and does not fit %s along axis %d", i + 1, anl__shape_text(s, a), anl__shape_text(&c->in[0].shape, b), axis);
        out.shape.dim[axis] += s->dim[axis];
    }
    c->n_out = 1;
    c->out[0] = out;
    return ANL_OK;
}

static anl_status grad_concat(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    int axis = anl__concat_axis(c);
    int64_t begin = 0;
    for (int i = 0; i < c->n_in; i++) {
        int64_t end = begin + c->in[i].shape.dim[axis];
        anl_value dy = anl__grad_dout(g, 0);
        if (anl__grad_needs(g, i)) anl__grad_give(g, i, anl__grad_node(g, "slice", &dy, 1, false, "axis=%d begin=%lld end=%lld", axis, (long long)begin, (long long)end));
        begin = end;
    }
    return ANL_OK;
}

static anl_status infer_slice(anl_ctx *ctx, anl__call *c)
{
    int axis = anl__concat_axis(c);
    int64_t begin, end;
    ANL_TRY(anl__need_axis(ctx, c, axis));
    anl__slice_range(c, &begin, &end);
    int64_t dim = c->in[0].shape.dim[axis];
    if (begin < 0 || end > dim || begin >= end) return anl__fail(ctx, ANL_SHAPE, "[%lld, %lld) is no part of the %lld along axis %d", (long long)begin, (long long)end, (long long)dim, axis);
    c->n_out = 1;
    c->out[0] = c->in[0];
    c->out[0].shape.dim[axis] = end - begin;
    return ANL_OK;
}

static anl_status grad_slice(anl__grad *g)
{
    const anl__call *c = anl__grad_call(g);
    int axis = anl__concat_axis(c);
    int64_t begin, end;
    anl__slice_range(c, &begin, &end);
    anl_value dy = anl__grad_dout(g, 0);
    anl__grad_give(g, 0, anl__grad_node(g, "slice_bwd", &dy, 1, false, "axis=%d begin=%lld dim=%lld", axis, (long long)begin, (long long)c->in[0].shape.dim[axis]));
    return ANL_OK;
}

static anl_status infer_slice_bwd(anl_ctx *ctx, anl__call *c)
{
    int axis = anl__concat_axis(c);
    int64_t begin = anl__attr_int(c, "begin"), dim = anl__attr_int(c, "dim");
    ANL_TRY(anl__need_axis(ctx, c, axis));
    if (begin + c->in[0].shape.dim[axis] > dim) return anl__fail(ctx, ANL_SHAPE, "%lld from %lld on do not fit into %lld", (long long)c->in[0].shape.dim[axis], (long long)begin, (long long)dim);
    c->n_out = 1;
    c->out[0] = c->in[0];
    c->out[0].shape.dim[axis] = dim;
    return ANL_OK;
}

static const anl__op concat = {.name = "concat", .min_in = 2, .max_in = ANL__MAX_IN, .attrs = concat_attrs, .infer = infer_concat, .grad = grad_concat, .cheap = true, .help = "tensors one after the other along an axis"};
static const anl__op slice = {.name = "slice", .min_in = 1, .max_in = 1, .attrs = slice_attrs, .infer = infer_slice, .grad = grad_slice, .cheap = true, .help = "a range of an axis"};
static const anl__op slice_bwd = {.name = "slice_bwd", .min_in = 1, .max_in = 1, .attrs = slice_bwd_attrs, .infer = infer_slice_bwd, .help = "gradient of slice"};
const anl__op *const anl__ops_concat[] = {&concat, &slice, &slice_bwd, NULL};
