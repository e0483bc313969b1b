/* The sizes of an additive attention call. */
#ifndef ANL_ADDITIVE_H
#define ANL_ADDITIVE_H

#include "op.h"

#include <math.h>

typedef struct anl__additive {
    int64_t queries, keys, samples, width, out;
    const int32_t *length; /* NULL: all keys count */
} anl__additive;

/* Inputs 0, 1, 3 are queries, keys and values, forward and backward. */
static inline anl__additive anl__additive_of(const anl__call *c, const int32_t *length)
{
    const anl_shape *q = &c->in[0].shape, *m = &c->in[3].shape;
    return (anl__additive){q->dim[0], m->dim[0], q->dim[1], q->dim[2], m->dim[2], length};
}

static inline int64_t anl__additive_seen(const anl__additive *a, int64_t n)
{
    int64_t seen = a->length ? a->length[n] : a->keys;
    return seen < 0 ? 0 : seen < a->keys ? seen : a->keys;
}

#endif
