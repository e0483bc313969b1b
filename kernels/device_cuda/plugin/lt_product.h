/* Products by cuBLASLt, prepared once: D (+)= op(A) op(B), column-major, with an optional epilogue. */
#ifndef ANL_LT_PRODUCT_H
#define ANL_LT_PRODUCT_H

#include "cublaslt_table.h"
#include "libs.h"

typedef struct anl__lt_shape {
    uint64_t m, n, k;    /* D is m x n, the inner size k */
    bool trans_a, trans_b;
    anl_dtype in, out;   /* of A and B; of D. f32, bf16 or f16 */
    int epilogue;        /* LT_EPILOGUE_* */
} anl__lt_shape;
typedef struct anl__lt_product {
    const anl__cublaslt *lt;
    void *desc, *a, *b, *d;
    anl__lt_choice choice;
} anl__lt_product;

/* The heuristics are asked once a shape. False: the library has no algorithm for it. */
bool anl__lt_product_make(const anl__cublaslt *lt, const anl__lt_shape *s, anl__lt_product *out);
void anl__lt_product_release(anl__lt_product *p);
void anl__lt_product_forget(anl__cublaslt *lt); /* what the heuristics said */
/* bias: of m elements of D's type, for epilogues that have one. ws: p->choice.workspace bytes. Returns cuBLASLt's status; 0: done. */
int anl__lt_product_run(const anl__lt_product *p, const void *a, const void *b, void *d, bool accum, const void *bias, void *ws, void *stream);

#endif
