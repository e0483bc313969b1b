/* Measured rates of an open device, as lines of text. */
#ifndef ANL_CUDA_MEASURE_H
#define ANL_CUDA_MEASURE_H

#include "calls.h"
#include "device.h"

void anl__cuda_measure(anl_device *dev, int multiprocessors, anl__buf *out);

#endif
