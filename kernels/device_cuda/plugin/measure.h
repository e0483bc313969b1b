/* Measured rates of an open device, as lines of text. */
#ifndef ANL_CUDA_MEASURE_H
#define ANL_CUDA_MEASURE_H

#include "calls.h"
#include "device.h"
#include "group.h"

/* Milliseconds of the fastest of some calls, after one that is not counted; negative: it failed. */
double anl__cuda_fastest(anl_device *dev, bool (*work)(anl_device *, void *), void *arg);
void anl__cuda_measure(anl_device *dev, int multiprocessors, anl__buf *out);
/* What devices that are a group give each other at once, by NCCL, and whether the right bytes come. One device gives to itself. */
void anl__cuda_measure_group(anl__cuda_group *g, anl_device *const *dev, int n, int multiprocessors, anl__buf *out);

#endif
