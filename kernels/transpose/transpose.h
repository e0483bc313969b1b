/* Writes rows [from, to) of the result's first dimension; element size by switch, so that copies are plain moves. */
#ifndef ANL_TRANSPOSE_H
#define ANL_TRANSPOSE_H

#include "kernels/common/cpu.h"

static inline void anl__transpose_rows(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    const anl__attr *perm = anl__attr_get(c, "perm");
    const anl_shape *y = &c->out[0].shape;
    int rank = y->rank;
    int64_t stride[ANL_MAX_RANK], in_stride = 1, index[ANL_MAX_RANK] = {0}, each = anl_shape_count(y) / y->dim[0];
    size_t size = anl_dtype_size(c->out[0].dtype);
    int64_t plain[ANL_MAX_RANK];
    if (rank == 1) { /* its rows are elements */
        memcpy((char *)r->out[0] + (size_t)from * size, (const char *)r->in[0] + (size_t)from * size, (size_t)(to - from) * size);
        return;
    }
    for (int i = rank - 1; i >= 0; i--) {
        plain[i] = in_stride;
        in_stride *= c->in[0].shape.dim[i];
    }
    for (int i = 0; i < rank; i++) stride[i] = plain[perm->i[i]];
    int64_t run = y->dim[rank - 1], step = stride[rank - 1], at = from * stride[0];
    index[0] = from;
    for (int64_t k = from * each; k < to * each; k += run) {
        char *dst = (char *)r->out[0] + (size_t)k * size;
        const char *src = (const char *)r->in[0] + (size_t)at * size;
        if (step == 1) memcpy(dst, src, (size_t)run * size);
        else if (size == 4) for (int64_t i = 0; i < run; i++) ((uint32_t *)(void *)dst)[i] = ((const uint32_t *)(const void *)src)[i * step];
        else if (size == 2) for (int64_t i = 0; i < run; i++) ((uint16_t *)(void *)dst)[i] = ((const uint16_t *)(const void *)src)[i * step];
        else for (int64_t i = 0; i < run; i++) memcpy(dst + (size_t)i * size, src + (size_t)(i * step) * size, size);
        for (int d = rank - 2; d >= 0; d--) {
            at += stride[d];
            if (++index[d] < y->dim[d] || d == 0) break;
            at -= index[d] * stride[d];
            index[d] = 0;
        }
    }
}

#endif
