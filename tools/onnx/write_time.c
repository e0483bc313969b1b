/* Sequences, T,N,C: tables of vectors, and one vector a sequence. */
#include "emit.h"
#include "write_time.h"

#include <string.h>

static const char *with_axis(onnx_emit *e, const char *op, const char *x, int64_t axis)
{
    return onnx_op2(e, op, x, onnx_ints(e, "axes", &axis, 1));
}

/* Of a sequence whose steps may be any number. */
static const char *counted_places(onnx_emit *e, const char *x, int axis)
{
    const char *n = onnx_op2(e, "Gather", onnx_op1(e, "Shape", x), onnx_whole(e, "axis", ONNX_I64, axis));
    const char *zero = onnx_whole(e, "zero", ONNX_I64, 0), *one = onnx_whole(e, "one", ONNX_I64, 1);
    const char *all = onnx_op1(e, "Cast", onnx_op(e, "Range", (const char *[]){zero, n, one}, 3));
    onnx_attr_type(e->m, "to", ONNX_I32); /* as lengths are */
    return all;
}

const char *onnx_places(onnx_emit *e, const char *x, int axis, int64_t steps, uint8_t free)
{
    if (free) return counted_places(e, x, axis);
    const char *name = onnx_fresh(e, "steps");
    int32_t *p = anl__arena_alloc(e->arena, sizeof *p * (size_t)steps);
    for (int64_t t = 0; p && t < steps; t++) p[t] = (int32_t)t;
    onnx_tensor(e->m, name, ONNX_I32, 1, &steps, p);
    if (!p) onnx_message_fail(e->m, ANL_NOMEM);
    return name;
}

/* ---- embedding ------------------------------------------------------------------------------- */

/* An index that is none of the table's stands for nothing: a row of zeros behind the last. */
static void embedding(onnx_emit *e)
{
    const anl_shape *w = onnx_shape(e, 1);
    const char *i = onnx_in(e, 0, ONNX_PLAIN), *table = onnx_own(e, 1);
    if (!table) {
        const float *data = onnx_data(e, 1);
        float *rows = onnx_room(e, (w->dim[0] + 1) * w->dim[1]);
        if (!data || !rows) return;
        memcpy(rows, data, sizeof *rows * (size_t)anl_shape_count(w));
        table = onnx_unique(e->m, e->g->value[e->node->in[1]].name);
        onnx_tensor(e->m, table, ONNX_F32, 2, (int64_t[]){w->dim[0] + 1, w->dim[1]}, rows);
        onnx_keep_own(e, 1, table);
    }
    if (onnx_shape(e, 0)->rank == 2) i = onnx_transposed(e, i, (int64_t[]){1, 0}, 2);
    const char *last = onnx_whole(e, "nothing", ONNX_I32, w->dim[0]);
    const char *bad = onnx_op2(e, "Or", onnx_op2(e, "Less", i, onnx_whole(e, "zero", ONNX_I32, 0)),
                               onnx_op2(e, "Greater", i, last));
    i = onnx_op(e, "Where", (const char *[]){bad, last, i}, 3);
    onnx_give(e, 0, ONNX_PLAIN, onnx_op2(e, "Gather", table, i));
}

/* ---- one vector a sequence ------------------------------------------------------------------- */

enum { LAST, MEAN, MOST };

static const char *reduced(onnx_emit *e, const char *op, const char *x)
{
    const char *y = onnx_op1(e, op, x);
    onnx_attr_ints(e->m, "axes", (int64_t[]){0}, 1);
    onnx_attr_int(e->m, "keepdims", 0);
    return y;
}

static const char *sum_over_time(onnx_emit *e, const char *x)
{
    const char *y = onnx_op2(e, "ReduceSum", x, onnx_ints(e, "axes", (int64_t[]){0}, 1));
    onnx_attr_int(e->m, "keepdims", 0);
    return y;
}

/* All steps count. */
static const char *pool_whole(onnx_emit *e, const char *x, int64_t mode)
{
    if (mode == MEAN) return reduced(e, "ReduceMean", x);
    if (mode == MOST) return reduced(e, "ReduceMax", x);
    return onnx_op2(e, "Gather", x, onnx_whole(e, "last", ONNX_I64, -1));
}

/* Steps below a sequence's length count; of none the result is zero. */
static const char *pool_ragged(onnx_emit *e, const char *x, int64_t mode)
{
    const char *places = onnx_places(e, x, 0, onnx_shape(e, 0)->dim[0], onnx_free_dims(e, 0)[0]);
    const char *length = with_axis(e, "Unsqueeze", onnx_in(e, 1, ONNX_PLAIN), 0),
               *zero = onnx_number(e, "zero", 0);
    const char *inside;
    places = with_axis(e, "Unsqueeze", places, 1);
    if (mode == LAST)
        inside = onnx_op2(e, "Equal", places, onnx_op2(e, "Sub", length, onnx_whole(e, "one", ONNX_I32, 1)));
    else inside = onnx_op2(e, "Less", places, length);
    inside = with_axis(e, "Unsqueeze", inside, 2);
    if (mode != MOST) {
        const char *sum = sum_over_time(e, onnx_op(e, "Where", (const char *[]){inside, x, zero}, 3));
        if (mode == LAST) return sum;
        const char *weight = onnx_op1(e, "Cast", inside);
        onnx_attr_type(e->m, "to", ONNX_F32);
        const char *steps = onnx_op2(e, "Max", sum_over_time(e, weight), onnx_number(e, "least", 1));
        return onnx_op2(e, "Div", sum, steps);
    }
    const char *most =
        reduced(e, "ReduceMax",
                onnx_op(e, "Where", (const char *[]){inside, x, onnx_number(e, "lowest", -3.4e38)}, 3));
    const char *some =
        with_axis(e, "Unsqueeze",
                  onnx_op2(e, "Greater", onnx_in(e, 1, ONNX_PLAIN), onnx_whole(e, "none", ONNX_I32, 0)), 1);
    return onnx_op(e, "Where", (const char *[]){some, most, zero}, 3);
}

static void time_pool(onnx_emit *e)
{
    int64_t mode = anl__attr_int(&e->call, "mode");
    const char *x = onnx_in(e, 0, ONNX_PLAIN);
    onnx_give(e, 0, ONNX_PLAIN, onnx_has(e, 1) ? pool_ragged(e, x, mode) : pool_whole(e, x, mode));
}

const onnx_writer onnx_write_time[] = {{"embedding", embedding}, {"time_pool", time_pool}, {NULL, NULL}};
