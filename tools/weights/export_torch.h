/* A checkpoint's weights as PyTorch has them: a safetensors file whose tensors `load_state_dict` takes. */
#ifndef EXPORT_TORCH_H
#define EXPORT_TORCH_H

#include "runtime/state/checkpoint.h"

/* weights: gives the values of a parameter (averaged or not). *n: tensors written. ANL_MISMATCH,
   ANL_UNSUPPORTED: a tensor that PyTorch could not have, by name. */
anl_status export_torch(anl_ctx *ctx, const anl__ckpt *c, const char *file,
                        const float *(*weights)(const anl__ckpt *, const anl__ckpt_tensor *),
                        int *n) ANL_MUST;

#endif
