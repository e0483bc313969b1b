/* Products and sums. */
#include "emit.h"

/* Over the last dimension, of rows as of sequences. */
static void dense(keras_emit *e)
{
    const anl_shape *w = keras_shape(e, 1);
    keras_tensor y = keras_add1(e, "Dense", NULL, keras_in_at(e, 0, KERAS_NOT_LAST));
    keras_set_int(e->f, "units", w->dim[0]);
    keras_set_bool(e->f, "use_bias", keras_has(e, 2));
    keras_weight_add(e->f, "kernel", 2, (int64_t[]){w->dim[1], w->dim[0]},
                     keras_turned(e, keras_data(e, 1), w->dim[0], w->dim[1]));
    if (keras_has(e, 2)) keras_weight_add(e->f, "bias", 1, keras_shape(e, 2)->dim, keras_data(e, 2));
    keras_give(e, 0, keras_activated(e, y));
}

/* The second operand where it is smaller, [samples, .., last]: repeated over what lies between. */
static keras_tensor repeated(keras_emit *e)
{
    const anl_shape *a = keras_shape(e, 0), *b = keras_shape(e, 1);
    int first = keras_samples(e, e->node->in[0]), second = keras_samples(e, e->node->in[1]);
    keras_tensor y = keras_in(e, 1);
    if (anl__shape_equal(a, b) && first == second) return y;
    int64_t to[ANL_MAX_RANK];
    for (int i = 1; i < a->rank; i++) to[i - 1] = i == a->rank - 1 ? b->dim[b->rank - 1] : 1;
    if (first != 0 || second != 0) keras_refuse(e, "its second operand has no samples to be repeated in");
    return keras_reshaped(e, "repeated", y, to, a->rank - 1);
}

static void two(keras_emit *e, const char *kind)
{
    const keras_tensor in[2] = {keras_in(e, 0), repeated(e)};
    keras_give(e, 0, keras_add(e, kind, NULL, in, 2));
}

static void add(keras_emit *e) { two(e, "Add"); }
static void sub(keras_emit *e) { two(e, "Subtract"); }
static void mul(keras_emit *e) { two(e, "Multiply"); }

static void scale(keras_emit *e)
{
    keras_give(e, 0, keras_rescaled(e, NULL, keras_in(e, 0), anl__attr_float(&e->call, "factor"), 0));
}

const keras_writer keras_write_math[] = {{"dense", dense}, {"add", add},     {"sub", sub},
                                         {"mul", mul},     {"scale", scale}, {NULL, NULL}};
