/* The mask of batchnorm with a residual and relu: which outputs are positive. A sample has anl__bn_mask_bytes bytes; of every 512
 * elements, element 64 j + i is bit j of byte i, so that a vector of elements meets a vector of bytes. */
#ifndef ANL_BATCHNORM_H
#define ANL_BATCHNORM_H

#include "base/philox.h"
#include "op.h"

#define ANL__BN_PLANE 64                   /* elements whose bits lie in bytes side by side */
#define ANL__BN_BLOCK (8 * ANL__BN_PLANE)

ANL_HD int64_t anl__bn_mask_bytes(int64_t each) { return (each + ANL__BN_BLOCK - 1) / ANL__BN_BLOCK * ANL__BN_PLANE; }
ANL_HD int64_t anl__bn_mask_byte(int64_t e) { return e / ANL__BN_BLOCK * ANL__BN_PLANE + e % ANL__BN_PLANE; }
ANL_HD int anl__bn_mask_bit(int64_t e) { return (int)(e % ANL__BN_BLOCK / ANL__BN_PLANE); }

/* Does the forward operator measure mean and variance (and not take the running ones)? */
static inline bool anl__bn_measures(const anl__call *c)
{
    return c->mode == ANL_TRAIN && !anl__attr_int(c, "global_stats");
}

/* Does the forward operator give a mask? Without a residual backward finds the sign again from x and beta. */
static inline bool anl__bn_has_mask(const anl__call *c)
{
    return anl__bn_measures(c) && anl__attr_int(c, "act") && anl__has_in(c, 5);
}

#endif
