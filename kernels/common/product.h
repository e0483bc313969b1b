/* Matrix products of our own in f32, for one thread: the right side in columns of 16, packed; for shapes that a library serves
 * badly (the few rows of a recurrent step) and where the product's result is used while it is in the first-level cache.
 *
 * A strip is `wide` columns of 16, 1 <= wide <= 4; how it is packed is the products' own (anl__product_column). An
 * element of a result is the sum over k in ascending order, fused multiply-adds where the processor has them: its bits depend on
 * the instruction set and k alone, never on how rows or columns are divided. Never a source of overflow past what it is given. */
#ifndef ANL_PRODUCT_H
#define ANL_PRODUCT_H

#include "op.h"

enum { ANL__COLUMN = 16, ANL__STRIP = 4 * ANL__COLUMN };

typedef struct anl__product anl__product; /* the products of one instruction set */
const anl__product *anl__product_best(void);
/* "avx512", "avx2", "plain"; NULL: this processor has it not. */
const anl__product *anl__product_named(const char *name);
const char *anl__product_name(const anl__product *p);
/* Where column v (16 numbers a row) of a packed strip of k rows begins, in numbers; *ld: from one row to the next. A strip takes
 * 16 wide k numbers. */
int64_t anl__product_column(const anl__product *p, int64_t k, int wide, int v, int64_t *ld);
/* One such column from any matrix: its element (q, j) is w[q * row_step + j * column_step], zero where j >= live. */
void anl__product_pack(const float *w, int64_t row_step, int64_t column_step, int64_t k, int64_t live, float *to, int64_t ld);
/* Packed strips that follow one another are read ahead, so that few rows over weights that fit only an outer cache cost no more
 * than over near ones; and products are faster than the library's (AVX2: measured; it serves AVX-512 better). */
bool anl__product_reads_ahead(const anl__product *p);

/* c (rows x 16 wide, rows ldc apart) = a (rows x k, rows lda apart) b, or += . b: a packed strip. */
void anl__product_rows(const anl__product *p, int64_t rows, int64_t k, const float *a, int64_t lda, const float *b, int wide, float *c,
                       int64_t ldc, bool add);
/* The same with `a` lying transposed: k rows of `rows` numbers, lda apart. b: k rows of 16 wide numbers, ldb apart. */
void anl__product_columns(const anl__product *p, int64_t rows, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, int wide,
                          float *c, int64_t ldc, bool add);

/* Both with a k that lies in `pieces`, each of k, the left side's `apart` numbers from one to the next; the right side (16 columns, one
 * row after the other) has pieces * k rows. What lies in a piece may overlap the next. */
void anl__product_row_pieces(const anl__product *p, int64_t rows, int64_t pieces, int64_t k, const float *a, int64_t lda, int64_t apart,
                             const float *b, float *c, int64_t ldc, bool add);
void anl__product_column_pieces(const anl__product *p, int64_t rows, int64_t pieces, int64_t k, const float *a, int64_t lda, int64_t apart,
                                const float *b, float *c, int64_t ldc, bool add);

/* Columns of 16 that strip s of n numbers has; 64 s + 64 may lie past n. */
static inline int anl__strip_wide(int64_t n, int64_t s)
{
    int64_t left = n - s * ANL__STRIP;
    return left >= ANL__STRIP ? 4 : (int)((left + ANL__COLUMN - 1) / ANL__COLUMN);
}
static inline int64_t anl__strips(int64_t n) { return (n + ANL__STRIP - 1) / ANL__STRIP; }

#endif
