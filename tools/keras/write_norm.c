/* Normalisations over the last dimension, the channels. */
#include "emit.h"

static void scale_and_shift(keras_emit *e)
{
    keras_set_int(e->f, "axis", -1);
    keras_set_float(e->f, "epsilon", anl__attr_float(&e->call, "eps"));
    keras_weight_add(e->f, "gamma", 1, keras_shape(e, 1)->dim, keras_data(e, 1));
    keras_weight_add(e->f, "beta", 1, keras_shape(e, 2)->dim, keras_data(e, 2));
}

/* momentum is the old value's share in Keras. */
static void batchnorm(keras_emit *e)
{
    if (keras_has(e, 5))
        return keras_refuse(e, "a sum inside: it belongs to a graph that was rewritten for a device");
    keras_tensor y = keras_add1(e, "BatchNormalization", NULL, keras_in_at(e, 0, KERAS_NOT_LAST));
    scale_and_shift(e);
    keras_set_float(e->f, "momentum", 1 - anl__attr_float(&e->call, "momentum"));
    keras_weight_add(e->f, "moving_mean", 1, keras_shape(e, 3)->dim, keras_data(e, 3));
    keras_weight_add(e->f, "moving_variance", 1, keras_shape(e, 4)->dim, keras_data(e, 4));
    keras_give(e, 0, keras_activated(e, y));
}

static void layernorm(keras_emit *e)
{
    keras_tensor y = keras_add1(e, "LayerNormalization", NULL, keras_in_at(e, 0, KERAS_NOT_LAST));
    scale_and_shift(e);
    keras_give(e, 0, y);
}

static void groupnorm(keras_emit *e)
{
    if (keras_samples(e, e->node->in[0]) != 0)
        return keras_refuse(e, "its groups reach over the samples of a batch");
    keras_tensor y = keras_add1(e, "GroupNormalization", NULL, keras_in_at(e, 0, KERAS_NOT_LAST));
    keras_set_int(e->f, "groups", anl__attr_int(&e->call, "groups"));
    scale_and_shift(e);
    keras_give(e, 0, y);
}

const keras_writer keras_write_norm[] = {
    {"batchnorm", batchnorm}, {"layernorm", layernorm}, {"groupnorm", groupnorm}, {NULL, NULL}};
