/* Sequences: tables of vectors, and one vector a sequence. In Keras N,T,C. */
#include "emit.h"

#include <string.h>

static void embedding(keras_emit *e)
{
    const anl_shape *w = keras_shape(e, 1);
    keras_tensor y = keras_add1(e, "Embedding", NULL, keras_in_at(e, 0, KERAS_FIRST));
    keras_set_int(e->f, "input_dim", w->dim[0]);
    keras_set_int(e->f, "output_dim", w->dim[1]);
    keras_weight_add(e->f, "embeddings", 2, w->dim, keras_data(e, 1));
    keras_give(e, 0, y);
}

enum { LAST, MEAN, MOST };

static void time_pool(keras_emit *e)
{
    int64_t mode = anl__attr_int(&e->call, "mode"), sizes[ANL_MAX_RANK];
    int n = keras_sizes(e, e->node->in[0], sizes);
    keras_tensor x = keras_in_at(e, 0, KERAS_SEQUENCE);
    if (keras_has(e, 1) && e->g->value[e->node->in[1]].kind != ANL__INPUT)
        return keras_refuse(e, "lengths that are computed");
    if (mode == MEAN) return keras_give(e, 0, keras_add1(e, "GlobalAveragePooling1D", NULL, x));
    if (mode == MOST) return keras_give(e, 0, keras_add1(e, "GlobalMaxPooling1D", NULL, x));
    if (n != 2 || sizes[0] == INT64_MIN) return keras_refuse(e, "the last of as many steps as a user likes");
    x = keras_cropped(e, "step", x, sizes, n, 1, sizes[0] - 1, 0);
    keras_give(e, 0, keras_reshaped(e, NULL, x, sizes + 1, 1));
}

const keras_writer keras_write_time[] = {{"embedding", embedding}, {"time_pool", time_pool}, {NULL, NULL}};
