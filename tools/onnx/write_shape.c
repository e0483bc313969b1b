/* What moves elements and computes nothing. */
#include "emit.h"

/* Where N,H,W,C's dimension lies in planes. */
static int64_t axis_in(onnx_layout l, int64_t axis)
{
    return l == ONNX_PLAIN ? axis : (const int64_t[]){0, 2, 3, 1}[axis];
}

static int64_t axis_of(const onnx_emit *e)
{
    int64_t a = anl__attr_int(&e->call, "axis");
    return a < 0 ? a + onnx_shape(e, 0)->rank : a;
}

static void reshape(onnx_emit *e)
{
    const anl_value out = e->node->out[0];
    onnx_give(e, 0, ONNX_PLAIN,
              onnx_reshaped(e, onnx_in(e, 0, ONNX_PLAIN), onnx_shape(e, 0), onnx_free_dims(e, 0),
                            &e->call.out[0].shape, e->graph->free[out]));
}

static void transpose(onnx_emit *e)
{
    const anl__attr *p = anl__attr_get(&e->call, "perm");
    onnx_give(e, 0, ONNX_PLAIN, onnx_transposed(e, onnx_in(e, 0, ONNX_PLAIN), p->i, p->n));
}

/* An end of 0 is the axis' end. */
static void slice(onnx_emit *e)
{
    onnx_layout l = onnx_in_planes(e, 0) ? ONNX_PLANES : ONNX_PLAIN;
    int64_t begin = anl__attr_int(&e->call, "begin"), end = anl__attr_int(&e->call, "end"),
            axis = axis_in(l, axis_of(e));
    if (!end) end = INT64_MAX;
    const char *in[4] = {onnx_in(e, 0, l), onnx_ints(e, "starts", &begin, 1), onnx_ints(e, "ends", &end, 1),
                         onnx_ints(e, "axes", &axis, 1)};
    onnx_give(e, 0, l, onnx_op(e, "Slice", in, 4));
}

static void concat(onnx_emit *e)
{
    onnx_layout l = ONNX_PLAIN;
    const char *in[ANL__MAX_IN] = {NULL};
    for (int i = 0; i < e->call.n_in; i++)
        if (onnx_in_planes(e, i)) l = ONNX_PLANES;
    for (int i = 0; i < e->call.n_in; i++) in[i] = onnx_in(e, i, l);
    const char *y = onnx_op(e, "Concat", in, e->call.n_in);
    onnx_attr_int(e->m, "axis", axis_in(l, axis_of(e)));
    onnx_give(e, 0, l, y);
}

/* The same value under another name: nothing is added. */
static void same(onnx_emit *e)
{
    onnx_layout l = onnx_in_planes(e, 0) ? ONNX_PLANES : ONNX_PLAIN;
    onnx_give(e, 0, l, onnx_in(e, 0, l));
}

static void cast(onnx_emit *e)
{
    if (e->call.in[0].dtype != e->call.out[0].dtype)
        return onnx_refuse(e, "numbers of type %s", anl_dtype_name(e->call.out[0].dtype));
    same(e);
}

/* Outside of training dropout changes nothing. */
const onnx_writer onnx_write_shape[] = {{"reshape", reshape}, {"transpose", transpose}, {"slice", slice},
                                        {"concat", concat},   {"dropout", same},        {"cast", cast},
                                        {NULL, NULL}};
