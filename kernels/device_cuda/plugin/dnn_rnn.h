/* One layer of a recurrent network in one direction by cuDNN's RNN API: all sequences equally long,
 * time-major, both biases. Prepared once.
 *
 * cuDNN says only when it runs whether an algorithm takes a case. So a case is tried once, forward and
 * backward on zeros, before anything depends on it: the persistent algorithm (weights stay in the
 * multiprocessors over all steps), then the standard one; with opts.tune both are timed, and the faster is
 * taken and kept as plans are. What was found is kept with the libraries of the device, so that forward and
 * backward, which share the reserve, take the same. */
#ifndef ANL_DNN_RNN_H
#define ANL_DNN_RNN_H

#include "calls.h"
#include "cudnn_table.h"
#include "libs.h"

enum { ANL__RNN_MOST_BATCH = 4096 };
enum { ANL__RNN_W_IH, ANL__RNN_W_HH, ANL__RNN_B_IH, ANL__RNN_B_HH, ANL__RNN_PARTS, ANL__RNN_MOST_GATES = 4 };
typedef struct anl__rnn_shape {
    int cell;       /* DNN_RNN_RELU ... DNN_RNN_GRU */
    anl_dtype type; /* of activations and of the weight space; sums are f32 */
    int64_t steps, batch, inputs, units, gates;
    bool train;
} anl__rnn_shape;

/* What cuDNN wants for a shape; sizes in bytes. */
typedef struct anl__rnn_found {
    anl__rnn_shape shape;
    int algo;  /* DNN_RNN_PERSIST_STATIC or DNN_RNN_STANDARD; negative: none, see why */
    double us; /* of its passes, when that was measured; else 0 */
    size_t weights, workspace, reserve;
    size_t at[ANL__RNN_PARTS]
             [ANL__RNN_MOST_GATES]; /* in the weight space: where a gate's rows of each parameter begin */
    char why[ANL__WHY];
} anl__rnn_found;

typedef struct anl__dnn_rnn {
    const anl__cudnn *dnn;
    anl__rnn_found found;
    void *rnn, *dropout, *x, *y, *state; /* descriptors; state: of h and c */
} anl__dnn_rnn;

/* ANL_UNSUPPORTED with the reason in `why` (nothing in the context): cuDNN does not take the shape. */
anl_status anl__dnn_rnn_find(anl_device *dev, const anl__rnn_shape *s, anl__rnn_found *out,
                             char why[ANL__WHY]);
/* Descriptors for what find gave. False: cuDNN refuses them. */
bool anl__dnn_rnn_make(const anl__cudnn *dnn, const anl__rnn_found *found, anl__dnn_rnn *out);
void anl__dnn_rnn_release(anl__dnn_rnn *r);

/* Absent states are NULL and count as 0. reserve: NULL in evaluation. Each returns cuDNN's status; 0: done. */
int anl__dnn_rnn_forward(const anl__dnn_rnn *r, const void *x, void *y, const void *h0, const void *c0,
                          void *hn, void *cn, const void *weights, void *ws, void *reserve);
/* dh0, dc0 may be NULL. Changes the reserve. */
int anl__dnn_rnn_data(const anl__dnn_rnn *r, const void *y, const void *dy, void *dx, const void *h0,
                       const void *c0, const void *dhn, const void *dcn, void *dh0, void *dc0,
                       const void *weights, void *ws, void *reserve);
/* After data, with the reserve that it left: adds to dweights. */
int anl__dnn_rnn_weights(const anl__dnn_rnn *r, const void *x, const void *h0, const void *y, void *dweights,
                          void *ws, void *reserve);

void anl__dnn_rnn_forget(anl_ctx *ctx, anl__cuda_libs *libs); /* what find has kept */

#endif
