/* Sets in one HDF5 file, as h5py and others write them and `anneal data pack` does:
 *
 *   images [N,H,W,C] or [N,H,W], or features [N,F]   uint8 or float (any size; kept as float32)
 *   labels [N]                                       whole numbers: classes; any numbers where values are predicted; may be missing
 *   part   [N], optional                             0 training, 1 validation, 2 test; without it the test part is drawn
 *   class_names, optional                            a text a class
 *
 * Files of other shapes or types are refused by name. Call from one thread at a time: HDF5 may not be safe otherwise.
 */
#ifndef ANL_HDF5_H
#define ANL_HDF5_H

#include "datasets/dataset.h"

bool anl__hdf5_is(const char *path); /* by its first bytes */
/* Is it HDF5 with the samples of a set in it, rather than a checkpoint or anything else? */
bool anl__hdf5_is_set(const char *path);
/* Replaces the file by these sets: training, with its own validation part if it has one, and test (NULL: none). Both of
   one shape and type; labels or values as they are. */
anl_status anl__hdf5_write(anl_ctx *ctx, const char *path, const anl__dataset *train, const anl__dataset *test) ANL_MUST;

#endif
