/* Border sizes, and samples [from, to) moved between the inner and the padded image. */
#ifndef ANL_PAD2D_H
#define ANL_PAD2D_H

#include "op.h"

#include <string.h>

static inline void anl__pad2d_sides(const anl__call *c, int64_t p[4])
{
    const anl__attr *a = anl__attr_get(c, "pad");
    for (int i = 0; i < 4; i++) p[i] = a->n == 1 ? a->i[0] : a->n == 2 ? a->i[i % 2] : a->i[i];
}

static inline void anl__pad2d_samples(const anl__call *c, const anl__run *r, int64_t from, int64_t to, bool back)
{
    const anl__type *small = back ? &c->out[0] : &c->in[0], *large = back ? &c->in[0] : &c->out[0];
    const int64_t *s = small->shape.dim, *l = large->shape.dim;
    int64_t p[4];
    size_t size = anl_dtype_size(small->dtype), pixel = (size_t)s[3] * size, row = (size_t)s[2] * pixel, wide = (size_t)l[2] * pixel;
    anl__pad2d_sides(c, p);
    for (int64_t n = from; n < to; n++)
        for (int64_t y = 0; y < (back ? s[1] : l[1]); y++) {
            int64_t inner = back ? y : y - p[0];
            if (back) {
                memcpy((char *)r->out[0] + (size_t)(n * s[1] + y) * row, (const char *)r->in[0] + (size_t)(n * l[1] + y + p[0]) * wide + (size_t)p[1] * pixel, row);
                continue;
            }
            char *dst = (char *)r->out[0] + (size_t)(n * l[1] + y) * wide;
            if (inner < 0 || inner >= s[1]) {
                memset(dst, 0, wide);
                continue;
            }
            memset(dst, 0, (size_t)p[1] * pixel);
            memcpy(dst + (size_t)p[1] * pixel, (const char *)r->in[0] + (size_t)(n * s[1] + inner) * row, row);
            memset(dst + (size_t)p[1] * pixel + row, 0, (size_t)p[3] * pixel);
        }
}

#endif
