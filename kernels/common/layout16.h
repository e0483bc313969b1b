/* Numbers of bf16 as products of product16.h want them: turned (the left side) or in pairs of k (the right side). */
#ifndef ANL_LAYOUT16_H
#define ANL_LAYOUT16_H

#include "cpu.h"

enum { ANL__TURNED = 32, /* rows become columns in multiples of it, with zeros */
       ANL__PACKED = 16 /* columns that are packed together */ };

/* to[i][q] = from[q][i] for i < n and q < rows, zeros for q from rows to the next multiple of ANL__TURNED. Rows of from are `stride`
 * numbers apart, those of to `to_row`. */
void anl__turn16(const anl__bf16 *from, int64_t rows, int64_t stride, int64_t n, anl__bf16 *to, int64_t to_row);

/* to[2j] = a[j], to[2j + 1] = b[j]. */
void anl__pairs16(const anl__bf16 *a, const anl__bf16 *b, int64_t n, anl__bf16 *to);

/* A column of 16 of a packed strip from any matrix of f32: its element (q, j) is w[q * row_step + j * column_step] for q < k, zero
 * where j >= live. Rows of 16 pairs, ld pairs apart; the column's rows before `first` are another call's. */
void anl__pack16(const float *w, int64_t row_step, int64_t column_step, int64_t first, int64_t k, int64_t live, anl__bf16 *to, int64_t ld);

#endif
