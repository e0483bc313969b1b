/* What inference and kernels of concat and slice share. */
#ifndef ANL_CONCAT_H
#define ANL_CONCAT_H

#include "kernels/common/move.h"

static inline int anl__concat_axis(const anl__call *c)
{
    int64_t a = anl__attr_int(c, "axis");
    return (int)(a < 0 ? a + c->in[0].shape.rank : a);
}

static inline void anl__slice_range(const anl__call *c, int64_t *begin, int64_t *end)
{
    int64_t dim = c->in[0].shape.dim[anl__concat_axis(c)];
    *begin = anl__attr_int(c, "begin");
    *end = anl__attr_int(c, "end");
    if (*begin < 0) *begin += dim;
    if (*end <= 0) *end += dim;
}

/* Outer blocks [from, to) of each. */
static inline void anl__concat_move(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    int axis = anl__concat_axis(c);
    anl__axis y = anl__axis_of(&c->out[0], axis);
    size_t at = 0, whole = (size_t)y.dim * y.inner;
    for (int i = 0; i < c->n_in; i++) {
        size_t part = (size_t)c->in[i].shape.dim[axis] * y.inner;
        for (int64_t o = from; o < to; o++) memcpy((char *)r->out[0] + (size_t)o * whole + at, (const char *)r->in[i] + (size_t)o * part, part);
        at += part;
    }
}

static inline void anl__slice_move(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    anl__axis x = anl__axis_of(&c->in[0], anl__concat_axis(c));
    int64_t begin, end;
    anl__slice_range(c, &begin, &end);
    size_t part = (size_t)(end - begin) * x.inner, whole = (size_t)x.dim * x.inner;
    for (int64_t o = from; o < to; o++) memcpy((char *)r->out[0] + (size_t)o * part, (const char *)r->in[0] + (size_t)o * whole + (size_t)begin * x.inner, part);
}

static inline void anl__slice_bwd_move(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    anl__axis y = anl__axis_of(&c->out[0], anl__concat_axis(c));
    size_t whole = (size_t)y.dim * y.inner, part = (size_t)c->in[0].shape.dim[anl__concat_axis(c)] * y.inner, at = (size_t)anl__attr_int(c, "begin") * y.inner;
    for (int64_t o = from; o < to; o++) {
        char *dst = (char *)r->out[0] + (size_t)o * whole;
        memset(dst, 0, at);
        memcpy(dst + at, (const char *)r->in[0] + (size_t)o * part, part);
        memset(dst + at + part, 0, whole - at - part);
    }
}

#endif
