/* The two ends of an exported model: inputs as a user has them, made what the model reads, and results as
 * `anneal predict` gives them. */
#ifndef KERAS_ENDS_H
#define KERAS_ENDS_H

#include "emit.h"

/* Inputs that the results depend on. Images: N,H,W,C, 8-bit values divided by 255; tables: N,F; both are
 * normalised inside. Of sequences all steps count: there is no length. */
void keras_inputs(keras_emit *e, const job *j);
/* Classes: probabilities; numbers: values; of further heads with the head's name before them. */
void keras_outputs(keras_emit *e, const job *j);

#endif
