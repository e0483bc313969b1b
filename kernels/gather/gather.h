/* x as (outer, size, inner) around the axis, the result as (outer, picks, inner). */
#ifndef ANL_GATHER_H
#define ANL_GATHER_H

#include "op.h"

typedef struct anl__pick {
    int64_t outer, size, picks, inner;
    const int32_t *index;
} anl__pick;

static inline int anl__pick_axis(const anl__call *c, int rank)
{
    int64_t axis = anl__attr_int(c, "axis");
    return (int)(axis < 0 ? axis + rank : axis);
}

/* x: the shape before; size: of its axis. */
static inline anl__pick anl__pick_of(const anl_shape *x, int axis, int64_t size, int64_t picks,
                                     const void *index)
{
    anl__pick p = {1, size, picks, 1, (const int32_t *)index};
    for (int i = 0; i < axis; i++) p.outer *= x->dim[i];
    for (int i = axis + 1; i < x->rank; i++) p.inner *= x->dim[i];
    return p;
}

static inline anl__pick anl__pick_fwd(const anl__call *c, const anl__run *r)
{
    const anl_shape *x = &c->in[0].shape;
    int axis = anl__pick_axis(c, x->rank);
    return anl__pick_of(x, axis, x->dim[axis], anl_shape_count(&c->in[1].shape), r ? r->in[1] : NULL);
}

static inline anl__pick anl__pick_bwd(const anl__call *c, const anl__run *r)
{
    const anl_shape *x = &c->out[0].shape;
    int axis = anl__pick_axis(c, x->rank);
    return anl__pick_of(x, axis, x->dim[axis], anl_shape_count(&c->in[0].shape), r ? r->in[0] : NULL);
}

#endif
