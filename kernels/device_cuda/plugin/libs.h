/* NVIDIA's libraries, opened by name: cuDNN and cuBLASLt for kernels, NCCL for groups of devices. The first two may be absent; our own kernels
 * then do the work. */
#ifndef ANL_CUDA_LIBS_H
#define ANL_CUDA_LIBS_H

#include "base/base.h"

typedef struct anl__cudnn anl__cudnn;       /* cudnn_table.h */
typedef struct anl__cublaslt anl__cublaslt; /* cublaslt_table.h */
typedef struct anl__nccl anl__nccl;         /* nccl_table.h */
struct anl__cuda_libs {
    anl__cudnn *cudnn;    /* NULL: not found, or not of a version we take */
    anl__cublaslt *lt;    /* likewise */
    struct anl__rnn_memory *rnn;    /* dnn_rnn.h */
    struct anl__plan_memory *plans; /* plan_memory.h */
};
typedef struct anl__cuda_libs anl__cuda_libs;

/* stream: a cudaStream_t on which handles work. A missing library is no failure. */
anl_status anl__cuda_libs_open(anl_ctx *ctx, void *stream, anl__cuda_libs **out);
/* ANL_DEVICE: it is not found, or is of another version. */
anl_status anl__cuda_nccl_open(anl_ctx *ctx, anl__nccl *out);
void anl__cuda_libs_close(anl_ctx *ctx, anl__cuda_libs *libs);
void anl__cuda_libs_describe(const anl__cuda_libs *libs, anl__buf *out); /* ", cuDNN 9.19.0, cuBLASLt 13.0.0" */
/* Which file was taken for each library, and which were rejected and why. Opens no device. */
void anl__cuda_libs_report(anl_ctx *ctx, anl__buf *out);

#endif
