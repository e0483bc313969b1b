/* `anneal data pack`: a set, its parts and its classes' names in one HDF5 file, ready to be trained on elsewhere. */
#ifndef PACK_DATA_H
#define PACK_DATA_H

#include "datasets/dataset.h"

/* Says on standard error what was written. `opts` names the set and how its pictures become samples; its part is not read. */
anl_status pack_data(anl_ctx *ctx, const anl__data_opts *opts, const char *out) ANL_MUST;

#endif
