/* What layernorm and groupnorm have in common: sets of values that share a mean. A sample row is P positions of C channels in G
 * groups of channels; a set is a group over all positions. layernorm: every vector of the last dimension is a row, P = G = 1. */
#ifndef ANL_LAYERNORM_H
#define ANL_LAYERNORM_H

#include "op.h"

#include <string.h>

typedef struct anl__sets { int64_t rows, positions, channels, groups, each; } anl__sets; /* each: rows of a sample */

static inline anl__sets anl__sets_of(const anl__call *c)
{
    const anl_shape *x = &c->in[0].shape;
    int64_t k = x->dim[x->rank - 1], count = anl_shape_count(x);
    if (!strncmp(c->op->name, "layernorm", 9)) return (anl__sets){count / k, 1, k, 1, count / k / x->dim[0]};
    return (anl__sets){x->dim[0], count / k / x->dim[0], k, anl__attr_int(c, "groups"), 1};
}

#endif
