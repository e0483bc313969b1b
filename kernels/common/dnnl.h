/* The one place that speaks to oneDNN (2.6 and 3.x): convolutions and matrix products as single-threaded primitives that
 * pool workers execute side by side, and packing of parameters into the layout that a primitive asks for.
 *
 * Every primitive is created for one thread and executed so; a worker has a stream and memory objects of its own, the
 * scratchpad comes from the caller. The library is built on OpenMP: its thread count is set to 1 around each call, whatever
 * the calling thread had, and put back. Nothing of the library shows in this header. */
#ifndef ANL_DNNL_H
#define ANL_DNNL_H

#include "isa.h"
#include "op.h"

#define ANL__DNNL_DIMS 5

typedef struct anl__dnnl anl__dnnl; /* an engine, and a stream for each worker */
anl_status anl__dnnl_open(anl_ctx *ctx, int workers, anl__isa limit, anl__dnnl **out) ANL_MUST;
void anl__dnnl_close(anl__dnnl *lib);
void anl__dnnl_version(int version[3]);
/* The status of the first execution that failed since the last call; 0: none. */
int anl__dnnl_fault(anl__dnnl *lib);

/* A tensor in memory: sizes and strides in elements, in the library's order (images n, c, h, w; filters [g,] k, c, h, w;
   matrices rows, columns). n = 0: absent. */
typedef struct anl__dnnl_tensor {
    anl_dtype dtype;
    int n;
    int64_t dim[ANL__DNNL_DIMS], stride[ANL__DNNL_DIMS];
} anl__dnnl_tensor;

/* Backward convolutions name the forward's tensors: src is x or dx, weights w or dw, dst y or dy. */
typedef enum anl__dnnl_kind { ANL__DNNL_CONV, ANL__DNNL_CONV_DATA, ANL__DNNL_CONV_FILTER, ANL__DNNL_MATMUL } anl__dnnl_kind;
enum { ANL__DNNL_SRC, ANL__DNNL_WEIGHTS, ANL__DNNL_BIAS, ANL__DNNL_DST, ANL__DNNL_TENSORS };
typedef struct anl__dnnl_spec {
    anl__dnnl_kind kind;
    anl__dnnl_tensor tensor[ANL__DNNL_TENSORS];
    bool own_layout;                      /* the library chooses the weights' layout; their strides say where a parameter lies plain */
    const struct anl__dnnl_op *like;      /* ... or it is that operation's: the two may then read the same weights */
    int64_t stride[2], dilation[2], pad[4]; /* convolutions; dilation 1 is dense, pad: top, left, bottom, right */
    bool jit;                             /* convolutions for AVX-512 without AMX: of the library's two families (brgconv first) take jit */
    bool relu;                            /* on the result (forward, matmul) */
    bool accum;                           /* dst += (matmul) */
} anl__dnnl_spec;

/* False with a reason when the library has no optimised implementation. */
bool anl__dnnl_supports(anl__dnnl *lib, const anl__dnnl_spec *spec, char why[ANL__WHY]);

typedef struct anl__dnnl_op anl__dnnl_op;
anl_status anl__dnnl_create(anl_ctx *ctx, anl__dnnl *lib, const anl__dnnl_spec *spec, anl__dnnl_op **out) ANL_MUST;
void anl__dnnl_destroy(anl__dnnl_op *op);
size_t anl__dnnl_scratch(const anl__dnnl_op *op); /* bytes of one execution, a multiple of 64 */
const char *anl__dnnl_name(const anl__dnnl_op *op); /* the library's name of the implementation */
/* at[]: where the tensors are, in the order of anl__dnnl_spec.tensor. Two workers may run one operation at once. */
void anl__dnnl_run(const anl__dnnl_op *op, int worker, void *const at[ANL__DNNL_TENSORS], void *scratch);

/* The layout of an operation's weights: sizes, strides of the outer blocks, inner blocks from the outermost on. */
typedef struct anl__dnnl_layout {
    anl_dtype dtype;
    size_t bytes;
    int n, blocks;
    int64_t dim[ANL__DNNL_DIMS], padded[ANL__DNNL_DIMS], stride[ANL__DNNL_DIMS];
    int64_t block[12];
    int block_dim[12];
} anl__dnnl_layout;
void anl__dnnl_weights(const anl__dnnl_op *op, anl__dnnl_layout *out);
/* What index i of dimension d adds to an element's offset: blocked layouts are separable. */
int64_t anl__dnnl_offset(const anl__dnnl_layout *l, int d, int64_t i);

/* Fills `pack` for the weights of `spec`, a parameter that lies plain in f32 with the strides given there; false with
   pack->status set on failure. */
bool anl__dnnl_pack(anl_ctx *ctx, anl__dnnl *lib, const anl__dnnl_spec *spec, anl__pack *pack);

#endif
