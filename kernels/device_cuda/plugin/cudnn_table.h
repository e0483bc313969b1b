/* The functions and constants of cuDNN's backend graph API and of its RNN API that we use, declared here so that kernels that call it are compiled and tested where
 * it is not installed; tables_check.c holds them to NVIDIA's header. */
#ifndef ANL_CUDNN_TABLE_H
#define ANL_CUDNN_TABLE_H

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { /* descriptors */
    DNN_POINTWISE = 0, DNN_CONVOLUTION = 1, DNN_ENGINE = 2, DNN_ENGINECFG = 3, DNN_ENGINEHEUR = 4, DNN_PLAN = 5, DNN_CONV_FORWARD = 10, DNN_CONV_FILTER = 11, DNN_CONV_DATA = 12,
    DNN_OP_POINTWISE = 13, DNN_GRAPH = 15, DNN_VARIANT_PACK = 16, DNN_TENSOR = 17, DNN_DEVICEPROP = 38
};
enum { /* types of attributes */
    DNN_T_HANDLE = 0, DNN_T_DATA_TYPE = 1, DNN_T_BOOLEAN = 2, DNN_T_INT64 = 3, DNN_T_FLOAT = 4, DNN_T_VOID_PTR = 6, DNN_T_CONV_MODE = 7, DNN_T_HEUR_MODE = 8, DNN_T_NAN = 10, DNN_T_NUMERICAL_NOTE = 11, DNN_T_POINTWISE_MODE = 14,
    DNN_T_DESCRIPTOR = 15, DNN_T_BEHAVIOR_NOTE = 19, DNN_T_CHAR = 24
};
enum { /* attributes */
    DNN_A_POINTWISE_MODE = 0, DNN_A_POINTWISE_PRECISION = 1, DNN_A_POINTWISE_NAN = 2, DNN_A_POINTWISE_OF = 750, DNN_A_POINTWISE_X = 751, DNN_A_POINTWISE_B = 752, DNN_A_POINTWISE_Y = 753,
    DNN_A_CONV_COMP_TYPE = 100, DNN_A_CONV_MODE = 101, DNN_A_CONV_DILATIONS = 102, DNN_A_CONV_STRIDES = 103, DNN_A_CONV_POST_PADDINGS = 104, DNN_A_CONV_PRE_PADDINGS = 105,
    DNN_A_CONV_SPATIAL_DIMS = 106, DNN_A_HEUR_MODE = 200, DNN_A_HEUR_GRAPH = 201, DNN_A_HEUR_RESULTS = 202, DNN_A_HEUR_DEVICEPROP = 204, DNN_A_CFG_ENGINE = 300,
    DNN_A_PLAN_HANDLE = 400, DNN_A_PLAN_CFG = 401, DNN_A_PLAN_WORKSPACE = 402, DNN_A_PLAN_DEVICEPROP = 407,
    DNN_A_FORWARD_ALPHA = 700, DNN_A_FORWARD_BETA = 701, DNN_A_FORWARD_CONV = 702, DNN_A_FORWARD_W = 703, DNN_A_FORWARD_X = 704, DNN_A_FORWARD_Y = 705,
    DNN_A_DATA_ALPHA = 706, DNN_A_DATA_BETA = 707, DNN_A_DATA_CONV = 708, DNN_A_DATA_W = 709, DNN_A_DATA_DX = 710, DNN_A_DATA_DY = 711,
    DNN_A_FILTER_ALPHA = 712, DNN_A_FILTER_BETA = 713, DNN_A_FILTER_CONV = 714, DNN_A_FILTER_DW = 715, DNN_A_FILTER_X = 716, DNN_A_FILTER_DY = 717,
    DNN_A_GRAPH_HANDLE = 800, DNN_A_GRAPH_OPS = 801, DNN_A_TENSOR_ALIGNMENT = 900, DNN_A_TENSOR_TYPE = 901, DNN_A_TENSOR_DIMS = 902, DNN_A_TENSOR_STRIDES = 903,
    DNN_A_TENSOR_ID = 906, DNN_A_TENSOR_VIRTUAL = 907, DNN_A_PACK_IDS = 1000, DNN_A_PACK_POINTERS = 1001, DNN_A_PACK_WORKSPACE = 1003, DNN_A_ENGINE_INDEX = 1301, DNN_A_ENGINE_NUMERICAL_NOTE = 1303,
    DNN_A_ENGINE_BEHAVIOR_NOTE = 1305, DNN_A_DEVICEPROP_JSON = 2702
};
enum { /* values */
    DNN_FLOAT = 0, DNN_HALF = 2, DNN_BFLOAT16 = 9, DNN_CROSS_CORRELATION = 1, DNN_ADD = 0, DNN_RELU = 100, DNN_NAN_PASSES = 1, DNN_HEUR_A = 3, DNN_HEUR_FALLBACK = 2,
    DNN_NOTE_TENSOR_CORE = 0, DNN_NOTE_DOWN_CONVERT = 1, DNN_NOTE_REDUCED_REDUCTION = 2, DNN_NOTE_FFT = 3, DNN_NOTE_NONDETERMINISTIC = 4, DNN_NOTE_WINOGRAD = 5,
    DNN_NOTE_RUNTIME_COMPILATION = 0
};
enum { /* the RNN API */
    DNN_RNN_STANDARD = 0, DNN_RNN_PERSIST_STATIC = 1, DNN_RNN_RELU = 0, DNN_RNN_TANH = 1, DNN_RNN_LSTM = 2, DNN_RNN_GRU = 3, DNN_RNN_DOUBLE_BIAS = 2, DNN_RNN_ONE_DIRECTION = 0,
    DNN_RNN_LINEAR_INPUT = 0, DNN_RNN_PADDED_IO = 1, DNN_RNN_TIME_MAJOR = 0, DNN_RNN_INFERENCE = 0, DNN_RNN_TRAINING = 1, DNN_RNN_ADD = 0,
    DNN_MATH_DEFAULT = 0, DNN_MATH_TENSOR_OP = 1, DNN_MATH_FMA = 3
};

/* Status 0 is success. Handles, descriptors and streams are opaque. */
typedef struct anl__cudnn {
    void *handle;     /* NULL without a device */
    void *deviceprop; /* instead of a handle: plans for a device that is not here; they cannot be executed */
    bool tf32;        /* f32 convolutions may round what they multiply to TF32 */
    size_t version;
    size_t (*GetVersion)(void);
    size_t (*GetCudartVersion)(void);
    int (*Create)(void **);
    int (*Destroy)(void *);
    int (*SetStream)(void *, void *stream);
    void (*GetLastErrorString)(char *, size_t);
    int (*BackendCreateDescriptor)(int, void **);
    int (*BackendDestroyDescriptor)(void *);
    int (*BackendFinalize)(void *);
    int (*BackendSetAttribute)(void *, int attribute, int type, int64_t n, const void *);
    int (*BackendGetAttribute)(void *, int attribute, int type, int64_t room, int64_t *n, void *);
    int (*BackendExecute)(void *handle, void *plan, void *pack);
    /* The RNN API; descriptors are opaque. */
    int (*CreateTensorDescriptor)(void **);
    int (*SetTensorNdDescriptor)(void *, int type, int n, const int *dims, const int *strides);
    int (*GetTensorNdDescriptor)(const void *, int room, int *type, int *n, int *dims, int *strides);
    int (*DestroyTensorDescriptor)(void *);
    int (*CreateDropoutDescriptor)(void **);
    int (*SetDropoutDescriptor)(void *, void *handle, float rate, void *states, size_t bytes, unsigned long long seed);
    int (*DestroyDropoutDescriptor)(void *);
    int (*CreateRNNDescriptor)(void **);
    int (*SetRNNDescriptor_v8)(void *, int algo, int cell, int bias, int direction, int input, int type, int precision, int math, int32_t in, int32_t hidden, int32_t projected,
                               int32_t layers, void *dropout, uint32_t flags);
    int (*DestroyRNNDescriptor)(void *);
    int (*CreateRNNDataDescriptor)(void **);
    int (*SetRNNDataDescriptor)(void *, int type, int layout, int steps, int batch, int features, const int *lengths, void *fill);
    int (*DestroyRNNDataDescriptor)(void *);
    int (*GetRNNWeightSpaceSize)(void *handle, void *rnn, size_t *);
    int (*GetRNNTempSpaceSizes)(void *handle, void *rnn, int mode, void *x, size_t *workspace, size_t *reserve);
    int (*GetRNNWeightParams)(void *handle, void *rnn, int32_t layer, size_t bytes, const void *weights, int32_t id, void *matrix, void **at, void *bias, void **bias_at);
    int (*RNNForward)(void *handle, void *rnn, int mode, const int32_t *lengths, void *xd, const void *x, void *yd, void *y, void *hd, const void *hx, void *hy, void *cd, const void *cx,
                      void *cy, size_t bytes, const void *weights, size_t ws_bytes, void *ws, size_t reserve_bytes, void *reserve);
    int (*RNNBackwardData_v8)(void *handle, void *rnn, const int32_t *lengths, void *yd, const void *y, const void *dy, void *xd, void *dx, void *hd, const void *hx, const void *dhy,
                              void *dhx, void *cd, const void *cx, const void *dcy, void *dcx, size_t bytes, const void *weights, size_t ws_bytes, void *ws, size_t reserve_bytes,
                              void *reserve);
    int (*RNNBackwardWeights_v8)(void *handle, void *rnn, int add, const int32_t *lengths, void *xd, const void *x, void *hd, const void *hx, void *yd, const void *y, size_t bytes,
                                 void *dweights, size_t ws_bytes, void *ws, size_t reserve_bytes, void *reserve);
    struct anl_ctx *ctx;           /* of the device that opened it */
    struct anl__dnn_forms *forms;  /* dnn_form.c */
    signed char adds[ANL_DTYPE_COUNT]; /* dnn_adds.c: 1 yes, -1 no, 0 not asked yet */
} anl__cudnn;

#endif
