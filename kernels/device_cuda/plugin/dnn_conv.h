/* Convolutions by cuDNN's backend graph API: a plan for one convolution, forward or either gradient, NHWC, prepared once. */
#ifndef ANL_DNN_CONV_H
#define ANL_DNN_CONV_H

#include "cudnn_table.h"
#include "libs.h"

typedef enum anl__dnn_kind { ANL__DNN_FORWARD, ANL__DNN_DATA, ANL__DNN_FILTER } anl__dnn_kind;
typedef struct anl__dnn_shape {
    anl__dnn_kind kind;
    anl_dtype type; /* of all three tensors: f32 or bf16; sums are f32 */
    int64_t n, h, w, c, k, r, s, oh, ow, groups;
    int64_t stride[2], dilation[2], before[2], after[2]; /* rows, columns */
    bool deterministic;
    size_t workspace_most;
} anl__dnn_shape;

typedef struct anl__dnn_conv {
    const anl__cudnn *dnn;
    void *part[16]; /* descriptors that the plan stands on */
    int n_part;
    void *plan;
    int64_t workspace, engine;
    bool tensor_core;
} anl__dnn_conv;

/* The first plan in the library's order that is deterministic (when asked), exact in f32 (no TF32) and within the workspace. False: there is none. */
bool anl__dnn_conv_make(const anl__cudnn *dnn, const anl__dnn_shape *s, anl__dnn_conv *out, char why[128]);
void anl__dnn_conv_release(anl__dnn_conv *p);
/* x: N,H,W,C; w: K,R,S,C/groups; y: N,OH,OW,K; the result is y, x or w by kind. ws: p->workspace bytes. False: the library failed. */
bool anl__dnn_conv_run(const anl__dnn_conv *p, void *x, void *w, void *y, void *ws);

#endif
