/* Attention over time, in heads, made of products and a softmax: opset 17 has no operator of it. */
#include "emit.h"
#include "write_time.h"

#include <math.h>

/* (T,N,D) as heads: (N, heads, T, D / heads), or its last two dimensions turned. */
static const char *heads_of(onnx_emit *e, int i, int64_t heads, bool turned)
{
    const anl_shape *s = onnx_shape(e, i);
    const uint8_t *free = onnx_free_dims(e, i), to_free[ANL_MAX_RANK] = {free[0], free[1]};
    const anl_shape to = {4, {s->dim[0], s->dim[1], heads, s->dim[2] / heads}};
    const char *x = onnx_reshaped(e, onnx_in(e, i, ONNX_PLAIN), s, free, &to, to_free);
    return onnx_transposed(e, x, turned ? (const int64_t[]){1, 2, 3, 0} : (const int64_t[]){1, 2, 0, 3}, 4);
}

static const char *unsqueezed(onnx_emit *e, const char *x, int64_t a, int64_t b, int64_t c, int n)
{
    return onnx_op2(e, "Unsqueeze", x, onnx_ints(e, "axes", (int64_t[]){a, b, c}, n));
}

/* Which keys a query sees, to be repeated over (N, heads, Tq, Tk); NULL: all. */
static const char *seen_by(onnx_emit *e)
{
    const char *k = NULL, *mask = NULL;
    const int64_t *q = onnx_shape(e, 0)->dim, *m = onnx_shape(e, 1)->dim;
    if (onnx_has(e, 3) || anl__attr_int(&e->call, "causal"))
        k = onnx_places(e, onnx_in(e, 1, ONNX_PLAIN), 0, m[0], onnx_free_dims(e, 1)[0]);
    if (anl__attr_int(&e->call, "causal")) {
        const char *own = onnx_places(e, onnx_in(e, 0, ONNX_PLAIN), 0, q[0], onnx_free_dims(e, 0)[0]);
        mask = onnx_op2(e, "LessOrEqual", unsqueezed(e, k, 0, 0, 0, 1), unsqueezed(e, own, 1, 0, 0, 1));
    }
    if (!onnx_has(e, 3)) return mask;
    const char *inside = onnx_op2(e, "Less", k, unsqueezed(e, onnx_in(e, 3, ONNX_PLAIN), 1, 2, 3, 3));
    return mask ? onnx_op2(e, "And", inside, mask) : inside;
}

static void attention(onnx_emit *e)
{
    int64_t heads = anl__attr_int(&e->call, "heads");
    const anl_shape *q = onnx_shape(e, 0), *v = onnx_shape(e, 2), *y = &e->call.out[0].shape;
    const uint8_t *free = onnx_free_dims(e, 0), own_free[ANL_MAX_RANK] = {free[0], free[1]};
    double scale = anl__attr_float(&e->call, "scale");
    if (scale == 0) scale = 1 / sqrt((double)(q->dim[2] / heads));
    const char *p = onnx_op2(e, "MatMul", heads_of(e, 0, heads, false), heads_of(e, 1, heads, true)),
               *mask = seen_by(e);
    p = onnx_op2(e, "Mul", p, onnx_number(e, "scale", scale));
    if (mask) p = onnx_op(e, "Where", (const char *[]){mask, p, onnx_number(e, "lowest", -3.4e38)}, 3);
    p = onnx_op1(e, "Softmax", p);
    onnx_attr_int(e->m, "axis", -1);
    if (onnx_has(e, 3))
        p = onnx_op(e, "Where", (const char *[]){mask, p, onnx_number(e, "zero", 0)},
                    3); /* of nothing: zeros */
    const char *x = onnx_op2(e, "MatMul", p, heads_of(e, 2, heads, false));
    x = onnx_transposed(e, x, (const int64_t[]){2, 0, 1, 3}, 4);
    const anl_shape from = {4, {q->dim[0], q->dim[1], heads, v->dim[2] / heads}};
    onnx_give(e, 0, ONNX_PLAIN, onnx_reshaped(e, x, &from, own_free, y, own_free));
}

const onnx_writer onnx_write_attention[] = {{"attention", attention}, {NULL, NULL}};
