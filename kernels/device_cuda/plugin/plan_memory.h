/* Which plan of cuDNN's a convolution takes, asked once a case: kept with the libraries of the device. */
#ifndef ANL_PLAN_MEMORY_H
#define ANL_PLAN_MEMORY_H

#include "calls.h"
#include "dnn_conv.h"

/* As anl__dnn_conv_best, from memory where the case has been asked before. A lack of memory is a refusal. */
bool anl__plan_find(anl_device *dev, const anl__dnn_shape *s, anl__dnn_conv *out, char why[ANL__WHY]);
void anl__plan_forget(anl_ctx *ctx, anl__cuda_libs *libs);

#endif
