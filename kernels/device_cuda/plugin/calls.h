/* What kernels ask of the CUDA device; C and C++. */
#ifndef ANL_CUDA_CALLS_H
#define ANL_CUDA_CALLS_H

#include "base/base.h"

typedef struct anl__cuda_libs anl__cuda_libs;

void *anl__cuda_stream(const anl_device *dev);          /* a cudaStream_t */
anl_status anl__cuda_launched(const anl_device *dev);   /* did the launch just made go through? */
const anl__cuda_libs *anl__cuda_libs_of(const anl_device *dev);
/* cudaMemsetAsync on the device's stream. */
anl_status anl__cuda_zero(const anl_device *dev, void *p, size_t bytes);

#endif
