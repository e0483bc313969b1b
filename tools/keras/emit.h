/* Writing a graph's nodes as layers of Keras: what every writer uses. A writer is called for one node; it
 * asks for its inputs, adds layers and says which of their results its outputs are.
 *
 * Layouts. In Keras the samples are the first dimension of everything. A value of Anneal whose samples are
 * another one (sequences T,N,C) is kept with that dimension moved to the front, the others as they are:
 * N,T,C. So a dimension of a value has a place: where it lies in Keras.
 *
 * Failures stick to e->f (model_file.h).
 */
#ifndef KERAS_EMIT_H
#define KERAS_EMIT_H

#include "model_file.h"

#include "tools/export/eval_graph.h"

typedef struct keras_emit {
    anl_ctx *ctx;
    anl__arena *arena;
    keras_file *f;
    const eval_graph *graph;
    const anl_graph *g;
    const anl__ckpt *from;
    keras_tensor *seen;    /* [values]; layer -1: nothing yet */
    const char *at;        /* layers are called so: the layer's name */
    const anl__node *node; /* that is being written */
    anl__call call;
} keras_emit;

typedef struct keras_writer {
    const char *op; /* of Anneal */
    void (*write)(keras_emit *e);
} keras_writer;
/* Each ends with a NULL op. */
extern const keras_writer keras_write_image[], keras_write_pool[], keras_write_norm[], keras_write_math[],
    keras_write_activation[], keras_write_shape[], keras_write_recurrent[], keras_write_time[];

/* ---- the node's inputs and outputs ---- */
keras_tensor keras_in(keras_emit *e, int i);
/* The same for layers that mean dimensions by their place: refuses where the samples are not dimension
   `samples` of it (0 in images, 1 in sequences), or, -1, where they are the last. */
keras_tensor keras_in_at(keras_emit *e, int i, int samples);
enum { KERAS_NOT_LAST = -1, KERAS_FIRST, KERAS_SEQUENCE };
bool keras_has(const keras_emit *e, int i); /* is optional input i there? */
void keras_give(keras_emit *e, int j, keras_tensor x);
const anl_shape *keras_shape(const keras_emit *e, int i); /* of input i, as Anneal has it */
/* Any value, by its handle. */
keras_tensor keras_value(keras_emit *e, anl_value v);
/* Which dimension is the samples'; -1: none, or not it alone. */
int keras_samples(const keras_emit *e, anl_value v);
/* The place of dimension i of a value: 0 for the samples. */
int keras_place(const keras_emit *e, anl_value v, int i);
/* A value's dimensions behind the samples, in Keras's order: how many, sizes (INT64_MIN: any number). Refuses
   where the samples are no dimension of it. */
int keras_sizes(keras_emit *e, anl_value v, int64_t out[ANL_MAX_RANK]);
/* The only wanted node that reads a value, -1: none or several, or it is an output. */
int keras_only_reader(const keras_emit *e, anl_value v);

/* ---- layers ---- */
/* A layer called as the node is, and `.what` where it is not its main one. Its settings follow by
   keras_set_*(e->f, ...), its weights by keras_weight_add. */
keras_tensor keras_add(keras_emit *e, const char *kind, const char *what, const keras_tensor *in, int n);
keras_tensor keras_add1(keras_emit *e, const char *kind, const char *what, keras_tensor x);
/* Dimensions behind the samples in another order, counted from 1; the same order: x itself. */
keras_tensor keras_permuted(keras_emit *e, const char *what, keras_tensor x, const int64_t *order, int n);
/* Dimensions behind the samples; at most one INT64_MIN. */
keras_tensor keras_reshaped(keras_emit *e, const char *what, keras_tensor x, const int64_t *to, int n);
/* x without the first and last elements of place p (from 1) of its `n` dimensions behind the samples, whose
   sizes are as keras_sizes gives them. */
keras_tensor keras_cropped(keras_emit *e, const char *what, keras_tensor x, const int64_t *sizes, int n,
                           int p, int64_t before, int64_t behind);
/* Images: zeros around (top, left, bottom, right); every stride-th pixel. */
keras_tensor keras_padded(keras_emit *e, const char *what, keras_tensor x, const int64_t pad[4]);
keras_tensor keras_picked(keras_emit *e, keras_tensor x, int64_t rows, int64_t columns);
/* Behind operators with the attribute act. */
keras_tensor keras_activated(keras_emit *e, keras_tensor x);
/* factor x + term. */
keras_tensor keras_rescaled(keras_emit *e, const char *what, keras_tensor x, double factor, double term);

/* ---- weights ---- */
/* Numbers of input i, a parameter or buffer, from the checkpoint; NULL: failed. */
const float *keras_data(keras_emit *e, int i);
float *keras_room(keras_emit *e, int64_t count); /* NULL: failed */
/* (a, b) turned: (b, a). */
const float *keras_turned(keras_emit *e, const float *w, int64_t a, int64_t b);

/* "layer 'X' (op): <text>": it cannot be exported. */
void keras_refuse(keras_emit *e, const char *fmt, ...) ANL_FORMAT(2, 3);

#endif
