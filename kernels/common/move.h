/* Kernels that only move elements: one loop for every element size, on host memory, for the reference and the cpu device. */
#ifndef ANL_MOVE_H
#define ANL_MOVE_H

#include "kernels/common/cpu.h"

/* A tensor seen along one axis: `outer` blocks, each of dim x inner elements. */
typedef struct anl__axis {
    int64_t outer, dim;
    size_t inner; /* bytes */
} anl__axis;

static inline anl__axis anl__axis_of(const anl__type *t, int axis)
{
    anl__axis a = {1, t->shape.dim[axis], anl_dtype_size(t->dtype)};
    for (int i = 0; i < axis; i++) a.outer *= t->shape.dim[i];
    for (int i = axis + 1; i < t->shape.rank; i++) a.inner *= (size_t)t->shape.dim[i];
    return a;
}

static inline anl_status anl__need_axis(anl_ctx *ctx, const anl__call *c, int64_t axis)
{
    if (axis >= 0 && axis < c->in[0].shape.rank) return ANL_OK;
    return anl__fail(ctx, ANL_SHAPE, "axis %lld is outside 0 to %d", (long long)axis, c->in[0].shape.rank - 1);
}

/* Outer blocks [*begin, *end) that belong to the rows of a task (axis > 0: the first dimension is in the outer ones). */
static inline void anl__outer_of(const anl__prepared *p, const anl__axis *a, int task, int64_t *begin, int64_t *end)
{
    anl__rows rows = anl__rows_of(p, &p->call.in[0].shape, task);
    int64_t each = a->outer / p->call.in[0].shape.dim[0];
    *begin = rows.begin * each;
    *end = rows.end * each;
}

#endif
