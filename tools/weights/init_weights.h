/* train.init from a safetensors file: a trainer's parameters and buffers from tensors of PyTorch's layout or
 * of ours. */
#ifndef INIT_WEIGHTS_H
#define INIT_WEIGHTS_H

#include "models/model.h"
#include "runtime/train/trainer.h"

/* Does train.init name such a file (or one of PyTorch's own, which is refused with the way to turn it into
 * one)? */
bool init_weights_is_file(const char *init);
/* Takes every tensor whose name and shape fit; *report (anl__free) lists turned, missing, unmatched, extra
   and matched ones. ANL_MISMATCH: none fits, or one cannot be brought into our order. `model` is what the
   trainer's graph was built from. */
anl_status init_weights(anl__trainer *t, const anl_model_opts *model, const char *path,
                        char **report) ANL_MUST;

#endif
