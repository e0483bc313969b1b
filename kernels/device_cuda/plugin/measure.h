/* Measured rates of an open device, as lines of text. */
#ifndef ANL_CUDA_MEASURE_H
#define ANL_CUDA_MEASURE_H

#include "calls.h"
#include "device.h"
#include "group.h"

/* Milliseconds of the fastest of some calls, after one that is not counted; negative: it failed. */
double anl__cuda_fastest(anl_device *dev, bool (*work)(anl_device *, void *), void *arg);
void anl__cuda_measure(anl_device *dev, int multiprocessors, anl__buf *out);
/* Members of a group give each other `part` bytes each at once, some times; the seconds of the fastest time after the first. One device gives to itself.
   ANL_DEVICE: it fails, or wrong bytes come; the message is in the first one's context. */
anl_status anl__cuda_try_group(anl__cuda_group *g, anl_device *const *dev, int n, size_t part, double *seconds);

#endif
