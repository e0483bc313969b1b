/* anneal inspect of a safetensors file: its names, to be wanted by train.init. */
#ifndef INSPECT_SAFETENSORS_H
#define INSPECT_SAFETENSORS_H

#include "runtime/base/base.h"

bool inspect_is_safetensors(const char *path); /* by its ending */
/* Prints the format and all tensors; or (tensor not NULL) the values of that one. ANL_INVALID: there is none. */
anl_status inspect_safetensors(anl_ctx *ctx, const char *path, const char *tensor) ANL_MUST;

#endif
