/* How a small tensor repeats over a large one: element i of the large one meets element
 * (i / (middle * last)) % outer * last + i % last of the small one. */
#ifndef ANL_BROADCAST_H
#define ANL_BROADCAST_H

#include "op.h"

typedef struct anl__broadcast { int64_t outer, middle, last; } anl__broadcast;

/* big: [outer, middle, last]; small: [outer, last], [last] (outer = 1) or one number. False when it does not repeat. */
static inline bool anl__broadcast_of(const anl_shape *big, const anl_shape *small, anl__broadcast *m)
{
    int64_t n = anl_shape_count(big), k = anl_shape_count(small);
    *m = (anl__broadcast){1, n, 1};
    if (anl__shape_equal(big, small)) {
        *m = (anl__broadcast){1, 1, n};
        return true;
    }
    if (k == 1) return true;
    if (big->rank < 1) return false;
    int64_t last = big->dim[big->rank - 1];
    if (small->rank == 1 && k == last) {
        *m = (anl__broadcast){1, n / last, last};
        return true;
    }
    if (small->rank < 2 || small->dim[0] != big->dim[0] || small->dim[small->rank - 1] != last || k != big->dim[0] * last) return false;
    *m = (anl__broadcast){big->dim[0], n / (big->dim[0] * last), last};
    return true;
}

#endif
