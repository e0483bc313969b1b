/* What dense's products of our own share, in whatever type (dense_cpu_product.c, dense_cpu_product16.c): the three products
 * as one, m x n over the inner dimension k, and how tasks cut the result into rows and strips of columns. */
#ifndef ANL_DENSE_CPU_TILES_H
#define ANL_DENSE_CPU_TILES_H

#include "kernels/common/cpu.h"
#include "kernels/common/product.h"

typedef enum anl__dense_side { ANL__DENSE_FORWARD, ANL__DENSE_DATA, ANL__DENSE_WEIGHT } anl__dense_side;
typedef struct anl__dense_size {
    int64_t m, n, k;
} anl__dense_size;

static inline anl__dense_size anl__dense_size_of(const anl__call *c, anl__dense_side side)
{
    const anl_shape *x = &c->in[0].shape, *w = side == ANL__DENSE_WEIGHT ? &c->out[0].shape : &c->in[1].shape;
    int64_t rows = anl_shape_count(x) / x->dim[x->rank - 1], out = w->dim[0], in = w->dim[1];
    if (side == ANL__DENSE_DATA) return (anl__dense_size){rows, in, out};
    return side == ANL__DENSE_WEIGHT ? (anl__dense_size){out, in, rows} : (anl__dense_size){rows, out, in};
}

/* What a task makes: rows [i, i + rows) of strips [strip, end). In its space a strip's part of the result is `rows` rows
 * of its columns, one strip after the other. */
typedef struct anl__dense_part {
    int64_t i, rows, strip, end;
} anl__dense_part;

static inline anl__dense_part anl__dense_part_of(int64_t m, int64_t n, int blocks, int groups, int task)
{
    int group = task / blocks, block = task % blocks;
    int64_t i = anl__slice_begin(m, blocks, block), strips = anl__strips(n);
    return (anl__dense_part){i, anl__slice_begin(m, blocks, block + 1) - i, anl__slice_begin(strips, groups, group),
                             anl__slice_begin(strips, groups, group + 1)};
}

static inline void anl__dense_free_state(anl_ctx *ctx, void *state)
{
    anl__free(ctx, state);
}

static inline void anl__dense_release(anl_ctx *ctx, anl__prepared *p)
{
    anl__free(ctx, p->state);
    p->state = NULL;
}

/* The kernel's functions for each side, of a file's own supports, prepare and pack, which are told the side. */
#define ANL__DENSE_SIDE(name, side)                                                     \
    static bool name##_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY]) \
    {                                                                                   \
        return supports(env, c, side, why);                                             \
    }                                                                                   \
    static anl_status name##_prepare(const anl__env *env, anl__prepared *p)             \
    {                                                                                   \
        return prepare(env, p, side);                                                   \
    }
#define ANL__DENSE_PACKED_SIDE(name, side)                                              \
    ANL__DENSE_SIDE(name, side)                                                         \
    static bool name##_pack(const anl__env *env, const anl__call *c, int in, anl__pack *out) \
    {                                                                                   \
        return pack(env, c, in, side, out);                                             \
    }

#endif
