/* Where a row of the time-major side comes from. */
#ifndef ANL_EMBEDDING_H
#define ANL_EMBEDDING_H

#include "op.h"

typedef struct anl__lookup {
    const int32_t *index;
    int64_t samples, steps, vocabulary, width; /* row t * samples + n is of index[n * steps + t] */
} anl__lookup;

/* index: of the call's first input; wide: the tensor (rows..., width) on the other side. */
static inline anl__lookup anl__lookup_of(const anl__call *c, const anl__run *r, const anl_shape *wide, int64_t vocabulary)
{
    const anl_shape *i = &c->in[0].shape;
    return (anl__lookup){(const int32_t *)r->in[0], i->dim[0], i->rank > 1 ? i->dim[1] : 1, vocabulary, wide->dim[wide->rank - 1]};
}

/* The table's row; -1: nothing. */
static inline int64_t anl__lookup_row(const anl__lookup *l, int64_t row)
{
    int64_t v = l->index[row % l->samples * l->steps + row / l->samples];
    return v >= 0 && v < l->vocabulary ? v : -1;
}

#endif
