/* The functions and constants of cuDNN's backend graph API that we use, declared here so that kernels that call it are compiled and tested where
 * it is not installed; tables_check.c holds them to NVIDIA's header. */
#ifndef ANL_CUDNN_TABLE_H
#define ANL_CUDNN_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { /* descriptors */
    DNN_CONVOLUTION = 1, DNN_ENGINE = 2, DNN_ENGINECFG = 3, DNN_ENGINEHEUR = 4, DNN_PLAN = 5, DNN_CONV_FORWARD = 10, DNN_CONV_FILTER = 11, DNN_CONV_DATA = 12,
    DNN_GRAPH = 15, DNN_VARIANT_PACK = 16, DNN_TENSOR = 17, DNN_DEVICEPROP = 38
};
enum { /* types of attributes */
    DNN_T_HANDLE = 0, DNN_T_DATA_TYPE = 1, DNN_T_INT64 = 3, DNN_T_FLOAT = 4, DNN_T_VOID_PTR = 6, DNN_T_CONV_MODE = 7, DNN_T_HEUR_MODE = 8, DNN_T_NUMERICAL_NOTE = 11,
    DNN_T_DESCRIPTOR = 15, DNN_T_BEHAVIOR_NOTE = 19, DNN_T_CHAR = 24
};
enum { /* attributes */
    DNN_A_CONV_COMP_TYPE = 100, DNN_A_CONV_MODE = 101, DNN_A_CONV_DILATIONS = 102, DNN_A_CONV_STRIDES = 103, DNN_A_CONV_POST_PADDINGS = 104, DNN_A_CONV_PRE_PADDINGS = 105,
    DNN_A_CONV_SPATIAL_DIMS = 106, DNN_A_HEUR_MODE = 200, DNN_A_HEUR_GRAPH = 201, DNN_A_HEUR_RESULTS = 202, DNN_A_HEUR_DEVICEPROP = 204, DNN_A_CFG_ENGINE = 300,
    DNN_A_PLAN_HANDLE = 400, DNN_A_PLAN_CFG = 401, DNN_A_PLAN_WORKSPACE = 402, DNN_A_PLAN_DEVICEPROP = 407,
    DNN_A_FORWARD_ALPHA = 700, DNN_A_FORWARD_BETA = 701, DNN_A_FORWARD_CONV = 702, DNN_A_FORWARD_W = 703, DNN_A_FORWARD_X = 704, DNN_A_FORWARD_Y = 705,
    DNN_A_DATA_ALPHA = 706, DNN_A_DATA_BETA = 707, DNN_A_DATA_CONV = 708, DNN_A_DATA_W = 709, DNN_A_DATA_DX = 710, DNN_A_DATA_DY = 711,
    DNN_A_FILTER_ALPHA = 712, DNN_A_FILTER_BETA = 713, DNN_A_FILTER_CONV = 714, DNN_A_FILTER_DW = 715, DNN_A_FILTER_X = 716, DNN_A_FILTER_DY = 717,
    DNN_A_GRAPH_HANDLE = 800, DNN_A_GRAPH_OPS = 801, DNN_A_TENSOR_ALIGNMENT = 900, DNN_A_TENSOR_TYPE = 901, DNN_A_TENSOR_DIMS = 902, DNN_A_TENSOR_STRIDES = 903,
    DNN_A_TENSOR_ID = 906, DNN_A_PACK_IDS = 1000, DNN_A_PACK_POINTERS = 1001, DNN_A_PACK_WORKSPACE = 1003, DNN_A_ENGINE_INDEX = 1301, DNN_A_ENGINE_NUMERICAL_NOTE = 1303,
    DNN_A_ENGINE_BEHAVIOR_NOTE = 1305, DNN_A_DEVICEPROP_JSON = 2702
};
enum { /* values */
    DNN_FLOAT = 0, DNN_BFLOAT16 = 9, DNN_CROSS_CORRELATION = 1, DNN_HEUR_A = 3, DNN_HEUR_FALLBACK = 2,
    DNN_NOTE_TENSOR_CORE = 0, DNN_NOTE_DOWN_CONVERT = 1, DNN_NOTE_REDUCED_REDUCTION = 2, DNN_NOTE_FFT = 3, DNN_NOTE_NONDETERMINISTIC = 4, DNN_NOTE_WINOGRAD = 5,
    DNN_NOTE_RUNTIME_COMPILATION = 0
};

/* Status 0 is success. Handles, descriptors and streams are opaque. */
typedef struct anl__cudnn {
    void *handle;     /* NULL without a device */
    void *deviceprop; /* instead of a handle: plans for a device that is not here; they cannot be executed */
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
} anl__cudnn;

#endif
