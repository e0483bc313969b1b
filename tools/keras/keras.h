/* A trained model as a file of Keras (HDF5, `keras.models.load_model("model.h5")`), for Keras 2 and 3: a
 * functional model of standard layers.
 *
 * The graph that evaluates the model is walked node by node; a table says how each operator is written
 * (write_*.c). What Keras's layers cannot say is refused by its layer's name.
 */
#ifndef KERAS_KERAS_H
#define KERAS_KERAS_H

#include "tools/job/job.h"

/* j: opened with job_opts.bare from that checkpoint. Replaces the file atomically. *layers: how many it has.
   INVALID: its name does not end as Keras wants it. UNSUPPORTED names the layer that cannot be exported. */
anl_status keras_export(const job *j, const anl__ckpt *from, const char *path, int *layers) ANL_MUST;

#endif
