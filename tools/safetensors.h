/* The safetensors format: 8 bytes with the header's length (little endian), a JSON header
 * {"name": {dtype, shape, data_offsets}}, then the tensors one behind the other.
 * https://github.com/huggingface/safetensors */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include "runtime/state/checkpoint.h"

typedef struct safetensor {
    const char *name;
    anl_shape shape;
    const float *data;
} safetensor;

/* Replaces the file atomically. meta: n_meta pairs of key and text. */
anl_status safetensors_write(anl_ctx *ctx, const char *path, const safetensor *t, int n,
                             const char *const (*meta)[2], int n_meta) ANL_MUST;

#endif
