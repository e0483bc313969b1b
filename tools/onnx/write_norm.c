/* Normalisations: batchnorm, layernorm, groupnorm. */
#include "emit.h"

/* ONNX has the channels second: planes of images, rows of anything else. */
static void batchnorm(onnx_emit *e)
{
    const anl_shape *s = onnx_shape(e, 0);
    const uint8_t *free = onnx_free_dims(e, 0);
    bool rows = s->rank != 2 && s->rank != 4;
    const char *x = onnx_in(e, 0, ONNX_PLANES);
    anl_shape flat = {2, {anl_shape_count(s) / s->dim[s->rank - 1], s->dim[s->rank - 1]}};
    const uint8_t flat_free[ANL_MAX_RANK] = {EVAL_SAMPLES};
    if (onnx_has(e, 5))
        return onnx_refuse(e, "a sum inside: it belongs to a graph that was rewritten for a device");
    if (rows) x = onnx_reshaped(e, x, s, free, &flat, flat_free);
    const char *in[5] = {x};
    for (int i = 1; i < 5; i++) in[i] = onnx_weight(e, i, ONNX_AS_IS);
    const char *y = onnx_op(e, "BatchNormalization", in, 5);
    onnx_attr_float(e->m, "epsilon", anl__attr_float(&e->call, "eps"));
    y = onnx_activated(e, y);
    if (rows) y = onnx_reshaped(e, y, &flat, flat_free, s, free);
    onnx_give(e, 0, ONNX_PLANES, y);
}

static void layernorm(onnx_emit *e)
{
    const char *in[3] = {onnx_in(e, 0, ONNX_PLAIN), onnx_weight(e, 1, ONNX_AS_IS),
                         onnx_weight(e, 2, ONNX_AS_IS)};
    const char *y = onnx_op(e, "LayerNormalization", in, 3);
    onnx_attr_int(e->m, "axis", -1);
    onnx_attr_float(e->m, "epsilon", anl__attr_float(&e->call, "eps"));
    onnx_give(e, 0, ONNX_PLAIN, y);
}

/* A vector of so many equal numbers. */
static const char *constant(onnx_emit *e, const char *what, int64_t n, float v)
{
    float *p = onnx_room(e, n);
    for (int64_t i = 0; p && i < n; i++) p[i] = v;
    return onnx_floats(e, what, 1, &n, p);
}

/* Opset 17 has no operator of groups: an instance's channels are the groups, then scale and shift a channel.
 */
static void groupnorm(onnx_emit *e)
{
    const anl_shape *s = onnx_shape(e, 0);
    const uint8_t *free = onnx_free_dims(e, 0);
    int64_t groups = anl__attr_int(&e->call, "groups"), k = s->dim[s->rank - 1];
    if (s->rank > 4 || (s->rank == 3 && free[1]))
        return onnx_refuse(e, "its groups reach over the samples of a batch");
    const char *x = onnx_in(e, 0, ONNX_PLANES), *shape[2] = {NULL, NULL};
    anl_shape planes = s->rank == 4 ? (anl_shape){4, {s->dim[0], k, s->dim[1], s->dim[2]}}
                                    : (anl_shape){3, {s->dim[0], k, s->dim[1]}};
    anl_shape flat = {3, {s->dim[0], groups, anl_shape_count(s) / s->dim[0] / groups}};
    const uint8_t one[ANL_MAX_RANK] = {free[0]};
    if (s->rank == 3) x = onnx_transposed(e, x, (int64_t[]){0, 2, 1}, 3);
    x = onnx_reshaped(e, x, &planes, one, &flat, one);
    x = onnx_op(e, "InstanceNormalization",
                (const char *[]){x, constant(e, "one", groups, 1), constant(e, "zero", groups, 0)}, 3);
    onnx_attr_float(e->m, "epsilon", anl__attr_float(&e->call, "eps"));
    x = onnx_reshaped(e, x, &flat, one, &planes, one);
    for (int i = 0; i < 2; i++) {
        const float *w = onnx_data(e, 1 + i);
        if (!w) return;
        shape[i] = onnx_floats(e, i ? "bias" : "weight", s->rank - 1, (int64_t[]){k, 1, 1}, w);
    }
    x = onnx_op2(e, "Add", onnx_op2(e, "Mul", x, shape[0]), shape[1]);
    if (s->rank == 3) x = onnx_transposed(e, x, (int64_t[]){0, 2, 1}, 3);
    onnx_give(e, 0, ONNX_PLANES, x);
}

const onnx_writer onnx_write_norm[] = {
    {"batchnorm", batchnorm}, {"layernorm", layernorm}, {"groupnorm", groupnorm}, {NULL, NULL}};
