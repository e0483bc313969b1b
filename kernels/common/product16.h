/* The products of product.h for bf16 operands, sums in f32: only where the processor has instructions for them.
 *
 * A strip is packed in pairs of k: rows of 16 * wide pairs (b[2q][j], b[2q + 1][j]); k is padded with zeros to a multiple of 32.
 * a's rows must be readable and finite to that multiple too. */
#ifndef ANL_PRODUCT16_H
#define ANL_PRODUCT16_H

#include "product.h"

typedef struct anl__product16 anl__product16;
const anl__product16 *anl__product16_best(void); /* NULL: there is none */
const anl__product16 *anl__product16_named(const char *name); /* "amx", "avx512bf16" */
const char *anl__product16_name(const anl__product16 *p);

static inline int64_t anl__deep16(int64_t k) { return (k + 31) / 32 * 32; }

/* c (rows x 16 wide) = a (rows x k) b, or +=; k is a multiple of 32. */
void anl__product16_rows(const anl__product16 *p, int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c,
                         int64_t ldc, bool add);
/* This thread makes no more products for a while: what they keep set up in the processor is let go. Without it only switches between threads
 * take longer. */
void anl__product16_end(const anl__product16 *p);

#endif
