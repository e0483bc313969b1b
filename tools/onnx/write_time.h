/* Steps of sequences as numbers: for masks. */
#ifndef ONNX_WRITE_TIME_H
#define ONNX_WRITE_TIME_H

#include "emit.h"

/* The i32 vector 0 .. T - 1 for x whose dimension `axis` is its `steps`; `free`: they may be any number. */
const char *onnx_places(onnx_emit *e, const char *x, int axis, int64_t steps, uint8_t free);

#endif
