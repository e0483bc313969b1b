/* A model in the file format of Keras 2, HDF5, which Keras 3 reads too (keras.models.load_model of a .h5): a
 * functional model, put together layer by layer and written as one file. What it does not know: Anneal's
 * graphs, operators, layouts.
 *
 *   /              attributes keras_version, backend, model_config (JSON: layers and what each reads), and
 *                  properties of ours
 *   /model_weights attributes layer_names, keras_version, backend; a group a layer with the attribute
 *                  weight_names and its arrays
 *
 * Keras takes weights by their place, not by name: layers stand in the order in which it will have them
 * (layer_order.c). Everything lives in the arena that is given, but for JSON and lists, freed by
 * keras_file_destroy. The first failure sticks: calls need no check one by one, keras_file_write returns it.
 */
#ifndef KERAS_MODEL_FILE_H
#define KERAS_MODEL_FILE_H

#include "runtime/base/base.h"

#include <cjson/cJSON.h>

typedef struct keras_tensor { /* a result of a layer */
    int layer, out;
} keras_tensor;

enum { KERAS_MOST_WEIGHTS = 6 };

typedef struct keras_weight {
    const char *name; /* inside its layer: "kernel" */
    int rank;
    int64_t dim[4];
    const float *data; /* borrowed until the file is written */
} keras_weight;

typedef struct keras_layer {
    const char *kind, *name; /* kind: Keras's class */
    cJSON *config;
    keras_tensor *in;
    int n_in, n_weight;
    keras_weight weight[KERAS_MOST_WEIGHTS];
} keras_layer;

typedef struct keras_property {
    const char *key, *value;
} keras_property;

typedef struct keras_file {
    anl_ctx *ctx;
    anl__arena *arena;
    anl_status status;
    const char *name;
    keras_layer *layer; /* each behind those that it reads */
    keras_tensor *output;
    keras_property *property;
    int64_t n_layer, cap_layer, n_output, cap_output, n_property, cap_property;
} keras_file;

void keras_file_init(keras_file *f, anl_ctx *ctx, anl__arena *a, const char *name);
void keras_file_destroy(keras_file *f);
void keras_fail(keras_file *f, anl_status st); /* a message of the caller's is in the context */

/* Adds a layer; it is called `name` with what Keras does not take in names replaced, and _2, _3, ... where
   another is called so. Its result 0 is returned. What follows says more of the layer added last. */
keras_tensor keras_layer_add(keras_file *f, const char *kind, const char *name, const keras_tensor *in,
                             int n);
void keras_set_bool(keras_file *f, const char *key, bool v);
void keras_set_int(keras_file *f, const char *key, int64_t v);
void keras_set_float(keras_file *f, const char *key, double v);
void keras_set_text(keras_file *f, const char *key, const char *v);
void keras_set_ints(keras_file *f, const char *key, const int64_t *v, int n); /* INT64_MIN: null */
void keras_set_floats(keras_file *f, const char *key, const double *v, int64_t n);
/* [[a, b], ...]: what is added or cut before and behind, an axis. */
void keras_set_pairs(keras_file *f, const char *key, const int64_t (*v)[2], int n);
/* An object of its own, the file's from then on; NULL: none. */
void keras_set_object(keras_file *f, const char *key, cJSON *v);
void keras_weight_add(keras_file *f, const char *name, int rank, const int64_t *dim, const float *data);

void keras_output_add(keras_file *f, keras_tensor x);
/* An attribute of the file; the texts are copied. */
void keras_property_add(keras_file *f, const char *key, const char *value);

/* order[i]: which layer Keras has in place i (of f->n_layer). */
anl_status keras_order(const keras_file *f, int *order) ANL_MUST; /* layer_order.c */
/* Replaces the file atomically. */
anl_status keras_file_write(keras_file *f, const char *path) ANL_MUST; /* hdf5.c */
/* model_config, cJSON's memory; NULL: none. */
char *keras_config_text(const keras_file *f, const int *order);

#endif
