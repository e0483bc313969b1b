/* Tables of functions that the driver gives its own libraries under 16 bytes of name (cuGetExportTable). */
#ifndef ANL_TEST_DRIVER_TABLES_H
#define ANL_TEST_DRIVER_TABLES_H

#include "driver.h"

void integrity_digest(uint32_t version, uint64_t seconds, const void *integrity, const void *cudart, const void *function, uint64_t out[2]);
void *thunk_for(const char *name); /* a function that reports `name` (kept) as unplayed and gives CUDA_ERROR_NOT_SUPPORTED */
CUresult module_load(CUmodule *out, const void *data, const char *owner);

#endif
