/* The two ends of an exported graph: inputs as a user has them, made what the model reads, and results as
 * `anneal predict` gives them. */
#ifndef ONNX_ENDS_H
#define ONNX_ENDS_H

#include "emit.h"

/* Inputs that the results depend on. Images: N,C,H,W, 8-bit values divided by 255; tables: N,F; both are
 * normalised inside. */
void onnx_inputs(onnx_emit *e, const job *j);
/* Classes: logits and probabilities; numbers: values; of further heads with the head's name before them. */
void onnx_outputs(onnx_emit *e, const job *j);
/* What a user must know beside the graph: class names, features, tokens. */
void onnx_properties(onnx_emit *e, const job *j);

#endif
