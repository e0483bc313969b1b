/* The sizes of an attention call. */
#ifndef ANL_ATTENTION_H
#define ANL_ATTENTION_H

#include "op.h"

#include <math.h>

typedef struct anl__attend {
    int64_t queries, keys, samples, heads;
    int64_t width, out; /* of a head: of queries and keys, of values */
    double scale;
    bool causal;
    const int32_t *length; /* NULL: all keys count */
} anl__attend;

static inline anl__attend anl__attend_of(const anl__call *c, const int32_t *length)
{
    const anl_shape *q = &c->in[0].shape, *k = &c->in[1].shape, *v = &c->in[2].shape;
    int64_t heads = anl__attr_int(c, "heads");
    double scale = anl__attr_float(c, "scale");
    anl__attend a = {q->dim[0], k->dim[0], q->dim[1], heads, q->dim[2] / heads, v->dim[2] / heads, scale, anl__attr_int(c, "causal") != 0, length};
    if (scale <= 0) a.scale = 1 / sqrt((double)a.width);
    return a;
}

/* How many keys a query of sample n sees. */
static inline int64_t anl__attend_seen(const anl__attend *a, int64_t n, int64_t query)
{
    int64_t seen = a->length ? a->length[n] : a->keys;
    if (a->causal && query + 1 < seen) seen = query + 1;
    return seen < 0 ? 0 : seen < a->keys ? seen : a->keys;
}

#endif
