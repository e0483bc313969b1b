/* Convolutions by cuDNN's backend graph API: a plan for one convolution, forward (with bias, or bias and relu, behind it) or either gradient (of data also
 * added to what is there), NHWC, prepared once. */
#ifndef ANL_DNN_CONV_H
#define ANL_DNN_CONV_H

#include "cudnn_table.h"
#include "libs.h"

typedef enum anl__dnn_kind { ANL__DNN_FORWARD, ANL__DNN_DATA, ANL__DNN_FILTER } anl__dnn_kind;
typedef struct anl__dnn_shape {
    anl__dnn_kind kind;
    anl_dtype type; /* of all three tensors and of the bias: f32, bf16 or f16; sums are f32 */
    bool bias, relu; /* forward: in the same graph; relu only with a bias */
    bool add;        /* the result is added to what is there, before it is rounded */
    int64_t n, h, w, c, k, r, s, oh, ow, groups;
    int64_t stride[2], dilation[2], before[2], after[2]; /* rows, columns */
    bool deterministic;
    size_t workspace_most;
} anl__dnn_shape;

typedef struct anl__dnn_conv {
    const anl__cudnn *dnn;
    void *plan; /* stands on its form (dnn_form.h) */
    int64_t workspace, engine;
    int mode, index; /* where the plan stands: DNN_HEUR_*, and the place in that list */
    bool tensor_core;
    double us; /* as measured; 0: it was not */
    anl__dnn_shape shape; /* what the plan does; anl__dnn_conv_best may have taken other channels, and no bias */
} anl__dnn_conv;

/* The first plan in the library's order, in tf32 and 16 bits of those with tensor cores if there are any, that is deterministic (when asked),
   exact in f32 (TF32 only where dnn->tf32) and within the workspace. False: there is none. */
bool anl__dnn_conv_make(const anl__cudnn *dnn, const anl__dnn_shape *s, anl__dnn_conv *out, char why[128]);
/* May the case have 8 input channels instead of its own? */
bool anl__dnn_conv_may_widen(const anl__dnn_shape *s);
/* The plan that stands there. False: there is none, or it is not acceptable. */
bool anl__dnn_conv_at(const anl__cudnn *dnn, const anl__dnn_shape *s, int mode, int index, anl__dnn_conv *out);
/* The best form of the case: with the bias in the graph where that has a plan, else without; narrow types with fewer than 8 input channels (the first layer of a net) also with 8,
   of which the caller fills the rest with 0: taken where only that has tensor cores, or needs less memory, its copy of x included. */
bool anl__dnn_conv_best(const anl__cudnn *dnn, const anl__dnn_shape *s, anl__dnn_conv *out, char why[128]);
void anl__dnn_conv_release(anl__dnn_conv *p);
/* x: N,H,W,C; w: K,R,S,C/groups; y: N,OH,OW,K; bias: K, where the shape has it; the result is y, x or w by kind. ws: p->workspace bytes. Returns cuDNN's status; 0: done. */
int anl__dnn_conv_run(const anl__dnn_conv *p, void *x, void *w, void *y, void *bias, void *ws);

#endif
