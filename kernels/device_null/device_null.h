/* What the null device has counted. */
#ifndef ANL_DEVICE_NULL_H
#define ANL_DEVICE_NULL_H

#include "device.h"

typedef struct anl__null_counts { int64_t allocs, frees, copies, syncs, runs; size_t bytes; } anl__null_counts;
const anl__null_counts *anl__null_device_counts(const anl_device *dev);

#endif
