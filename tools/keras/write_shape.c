/* What moves elements and computes nothing. */
#include "emit.h"

static int axis_of(const keras_emit *e)
{
    int64_t a = anl__attr_int(&e->call, "axis");
    return (int)(a < 0 ? a + keras_shape(e, 0)->rank : a);
}

static void reshape(keras_emit *e)
{
    int64_t to[ANL_MAX_RANK];
    const anl_value in = e->node->in[0], out = e->node->out[0];
    keras_tensor x = keras_in(e, 0);
    if (keras_samples(e, in) != 0 || keras_samples(e, out) != 0)
        return keras_refuse(e, "samples are not its first dimension");
    int n = keras_sizes(e, out, to);
    if (n == 1) keras_give(e, 0, keras_add1(e, "Flatten", NULL, x));
    else keras_give(e, 0, keras_reshaped(e, NULL, x, to, n));
}

/* In Keras the samples stay in front; what is left of the order is the others'. */
static void transpose(keras_emit *e)
{
    int64_t order[ANL_MAX_RANK] = {0};
    const anl_value in = e->node->in[0], out = e->node->out[0];
    const anl__attr *p = anl__attr_get(&e->call, "perm");
    keras_tensor x = keras_in(e, 0);
    if (keras_samples(e, in) < 0) return keras_refuse(e, "samples are not a dimension of their own");
    for (int i = 0; i < p->n; i++) {
        int place = keras_place(e, out, i);
        if (place) order[place - 1] = keras_place(e, in, (int)p->i[i]);
    }
    keras_give(e, 0, keras_permuted(e, NULL, x, order, p->n - 1));
}

/* An end of 0 is the axis' end; what is negative counts from there. */
static void slice(keras_emit *e)
{
    int64_t begin = anl__attr_int(&e->call, "begin"), end = anl__attr_int(&e->call, "end"),
            sizes[ANL_MAX_RANK];
    const anl_value v = e->node->in[0];
    keras_tensor x = keras_in(e, 0);
    int n = keras_sizes(e, v, sizes), axis = axis_of(e), place = keras_place(e, v, axis);
    int64_t size = keras_shape(e, 0)->dim[axis];
    if (!place) return keras_refuse(e, "a part of the samples");
    if (e->graph->free[v][axis] && (begin < 0 || end > 0))
        return keras_refuse(e, "a part of as many steps as a user likes");
    if (begin < 0) begin += size;
    int64_t behind = end > 0 ? size - end : -end;
    keras_give(e, 0, keras_cropped(e, NULL, x, sizes, n, place, begin, behind));
}

static void concat(keras_emit *e)
{
    keras_tensor in[ANL__MAX_IN];
    int place = keras_place(e, e->node->in[0], axis_of(e));
    if (!place) return keras_refuse(e, "it puts samples behind each other");
    for (int i = 0; i < e->call.n_in; i++) {
        in[i] = keras_in(e, i);
        if (keras_samples(e, e->node->in[i]) != keras_samples(e, e->node->in[0]))
            return keras_refuse(e, "samples are not the same dimension of all");
    }
    keras_tensor y = keras_add(e, "Concatenate", NULL, in, e->call.n_in);
    keras_set_int(e->f, "axis", place);
    keras_give(e, 0, y);
}

/* Outside of training it changes nothing. */
static void dropout(keras_emit *e)
{
    keras_tensor y = keras_add1(e, "Dropout", NULL, keras_in(e, 0));
    keras_set_float(e->f, "rate", anl__attr_float(&e->call, "p"));
    keras_give(e, 0, y);
}

static void cast(keras_emit *e)
{
    if (e->call.in[0].dtype != e->call.out[0].dtype)
        return keras_refuse(e, "numbers of type %s", anl_dtype_name(e->call.out[0].dtype));
    keras_give(e, 0, keras_in(e, 0));
}

const keras_writer keras_write_shape[] = {{"reshape", reshape}, {"transpose", transpose}, {"slice", slice},
                                          {"concat", concat},   {"dropout", dropout},     {"cast", cast},
                                          {NULL, NULL}};
