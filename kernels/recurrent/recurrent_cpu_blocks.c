/* Operands of the weights' gradients laid out for products whose k are the rows (t, n): f32 as they lie but densely, bf16 turned
 * (the left side) and in pairs (the right). */
#include "kernels/common/layout16.h"
#include "recurrent_cpu.h"

ANL__CLONES static void copy_and_sum(const float *restrict from, int64_t rows, int64_t stride, int64_t n, float *restrict to, int64_t to_row, float *restrict sums)
{
    for (int64_t q = 0; q < rows; q++, from += stride, to += to_row)
        for (int64_t i = 0; i < n; i++) {
            to[i] = from[i];
            sums[i] += from[i];
        }
}

ANL__CLONES void anl__block_sums(const float *v, int64_t rows, int64_t stride, int64_t n, float *restrict sums)
{
    int64_t i = 0;
    for (; i + ANL__STRIP <= n; i += ANL__STRIP) {
        float s[ANL__STRIP] = {0};
        for (int64_t q = 0; q < rows; q++)
            for (int64_t j = 0; j < ANL__STRIP; j++) s[j] += v[q * stride + i + j];
        for (int64_t j = 0; j < ANL__STRIP; j++) sums[i + j] += s[j];
    }
    for (int64_t q = 0; q < rows; q++)
        for (int64_t j = i; j < n; j++) sums[j] += v[q * stride + j];
}

ANL__CLONES static void add_row(const anl__bf16 *restrict from, int64_t n, float *restrict sums)
{
    for (int64_t i = 0; i < n; i++) sums[i] += anl__from_bf16(from[i]);
}

void anl__block_left(anl_dtype type, const void *v, int64_t at, int64_t rows, int64_t stride, int64_t n, void *to, int64_t to_row, float *sums)
{
    if (type == ANL_F32) {
        copy_and_sum((const float *)v + at, rows, stride, n, to, to_row, sums);
        return;
    }
    const anl__bf16 *from = (const anl__bf16 *)v + at;
    for (int64_t q = 0; q < rows; q++) add_row(from + q * stride, n, sums);
    anl__turn16(from, rows, stride, n, to, to_row);
}

/* Columns [first, first + live) of a row in bf16, where they lie or in `space`. */
static const anl__bf16 *half_row(const anl__rows_at *r, int64_t q, int64_t first, int64_t live, anl__bf16 space[ANL__STRIP])
{
    if (q < r->n && r->at[q] && r->type[q] == ANL_BF16) return (const anl__bf16 *)r->at[q] + first;
    for (int64_t j = 0; j < live; j++) space[j] = q < r->n && r->at[q] ? anl__to_bf16(((const float *)r->at[q])[first + j]) : 0;
    return space;
}

void anl__block_right(anl_dtype type, const anl__rows_at *r, int64_t first, int64_t live, int64_t wide, void *strip)
{
    anl__bf16 space[2][ANL__STRIP];
    for (int64_t q = 0; type == ANL_F32 && q < r->n; q++) {
        float *to = (float *)strip + q * wide;
        for (int64_t i = 0; i < live; i++) to[i] = r->at[q] ? ((const float *)r->at[q])[first + i] : 0;
        for (int64_t i = live; i < wide; i++) to[i] = 0;
    }
    for (int64_t q = 0; type == ANL_BF16 && q < anl__deep16(r->n); q += 2) {
        anl__bf16 *to = (anl__bf16 *)strip + q * wide;
        anl__pairs16(half_row(r, q, first, live, space[0]), half_row(r, q + 1, first, live, space[1]), live, to);
        memset(to + 2 * live, 0, sizeof *to * (size_t)(2 * (wide - live)));
    }
}
