/* The functions and constants of cuBLASLt that we use, declared here so that kernels that call it are compiled and tested where it is
 * not installed; tables_check.c holds them to NVIDIA's header. */
#ifndef ANL_CUBLASLT_TABLE_H
#define ANL_CUBLASLT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LT_R_32F = 0, LT_R_16F = 2, LT_R_16BF = 14, LT_COMPUTE_32F = 68, LT_COMPUTE_TF32 = 77, LT_OP_N = 0, LT_OP_T = 1,
    LT_DESC_TRANSA = 3, LT_DESC_TRANSB = 4, LT_DESC_EPILOGUE = 7, LT_DESC_BIAS_POINTER = 8,
    LT_EPILOGUE_DEFAULT = 1, LT_EPILOGUE_BIAS = 4,
    LT_PREF_WORKSPACE = 1, LT_PREF_REDUCTION = 3, LT_PREF_ALIGN_A = 5, LT_PREF_ALIGN_B = 6, LT_PREF_ALIGN_C = 7, LT_PREF_ALIGN_D = 8,
    LT_REDUCTION_COMPUTE_TYPE = 2
};
typedef struct anl__lt_algo { uint64_t data[8]; } anl__lt_algo;
typedef struct anl__lt_choice { /* cublasLtMatmulHeuristicResult_t */
    anl__lt_algo algo;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
} anl__lt_choice;

/* Status 0 is success. Handles, descriptors and streams are opaque. */
typedef struct anl__cublaslt {
    void *handle;
    bool tf32; /* f32 products may round what they multiply to TF32 */
    size_t version;
    size_t (*GetVersion)(void);
    int (*Create)(void **);
    int (*Destroy)(void *);
    int (*MatmulDescCreate)(void **, int compute, int scale);
    int (*MatmulDescDestroy)(void *);
    int (*MatmulDescSetAttribute)(void *, int attribute, const void *, size_t);
    int (*MatrixLayoutCreate)(void **, int type, uint64_t rows, uint64_t columns, int64_t ld); /* column-major */
    int (*MatrixLayoutDestroy)(void *);
    int (*MatmulPreferenceCreate)(void **);
    int (*MatmulPreferenceDestroy)(void *);
    int (*MatmulPreferenceSetAttribute)(void *, int attribute, const void *, size_t);
    int (*MatmulAlgoGetHeuristic)(void *, void *desc, void *a, void *b, void *c, void *d, void *preference, int wanted, anl__lt_choice *, int *found);
    int (*Matmul)(void *, void *desc, const void *alpha, const void *a, void *la, const void *b, void *lb, const void *beta, const void *c, void *lc, void *d, void *ld,
                  const anl__lt_algo *, void *workspace, size_t bytes, void *stream);
    struct anl_ctx *ctx;              /* of the device that opened it */
    struct anl_device *timed_on;      /* where algorithms are timed; NULL: the heuristics' first is taken */
    struct anl__lt_memory *memory;    /* lt_product.c */
} anl__cublaslt;

#endif
