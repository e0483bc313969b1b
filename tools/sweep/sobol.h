/* The Sobol sequence in up to SOBOL_DIMENSIONS dimensions, plain and scrambled. */
#ifndef SWEEP_SOBOL_H
#define SWEEP_SOBOL_H

#include <stdint.h>

enum { SOBOL_DIMENSIONS = 256 };

/* Coordinate `dimension` (from 0) of point `index`, times 2^32; points in Gray-code order, the first is the
 * origin. */
uint32_t sobol_word(int dimension, uint32_t index);
/* The same under an Owen scrambling that the seed chooses, independently for each dimension: in (0, 1). */
double sobol_scrambled(uint64_t seed, int dimension, uint32_t index);

#endif
