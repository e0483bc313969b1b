/* Measured rates of an open device, as lines of text. */
#ifndef ANL_CUDA_MEASURE_H
#define ANL_CUDA_MEASURE_H

#include "calls.h"
#include "device.h"

/* Milliseconds of the fastest of some calls, recorded where they can be, after one that is not counted; negative: it failed. */
double anl__cuda_fastest(anl_device *dev, bool (*work)(anl_device *, void *), void *arg);
void anl__cuda_measure(anl_device *dev, int multiprocessors, anl__buf *out);
#endif
