/* Writing a graph's nodes as operators of ONNX: what every writer uses. A writer is called for one node; it
 * asks for its inputs, adds operators and says which of their results its outputs are.
 *
 * Layouts. Anneal's images are N,H,W,C, ONNX's operators take N,C,H,W ("planes"). A value of four dimensions
 * may be there in either; where the other one is asked for, a Transpose is added, once. All other values have
 * Anneal's layout only.
 *
 * Failures stick to e->m (message.h); names returned then are "".
 */
#ifndef ONNX_EMIT_H
#define ONNX_EMIT_H

#include "tools/export/eval_graph.h"
#include "message.h"

#include "runtime/state/checkpoint.h"

typedef enum onnx_layout { ONNX_PLAIN, ONNX_PLANES } onnx_layout;
/* Forms in which a parameter is kept: as it is; filters K,C,R,S; a matrix transposed; what a layer makes of
 * it. */
typedef enum onnx_form { ONNX_AS_IS, ONNX_KCRS, ONNX_TURNED, ONNX_OWN, ONNX_FORMS } onnx_form;

typedef struct onnx_seen { /* what ONNX calls a value; NULL: nothing yet */
    const char *layout[2];
    const char *form[ONNX_FORMS];
} onnx_seen;

typedef struct onnx_emit {
    anl_ctx *ctx;
    anl__arena *arena;
    onnx_message *m;
    const eval_graph *graph;
    const anl_graph *g;
    const anl__ckpt *from;
    onnx_seen *seen;       /* [values] */
    const char *at;        /* names of operators begin so: the layer's name */
    const anl__node *node; /* that is being written */
    anl__call call;
} onnx_emit;

typedef struct onnx_writer {
    const char *op; /* of Anneal */
    void (*write)(onnx_emit *e);
} onnx_writer;
/* Each ends with a NULL op. */
extern const onnx_writer onnx_write_image[], onnx_write_norm[], onnx_write_math[], onnx_write_shape[],
    onnx_write_recurrent[], onnx_write_attention[], onnx_write_time[];

/* ---- the node's inputs and outputs ---- */
const char *onnx_in(onnx_emit *e, int i, onnx_layout layout);
bool onnx_has(const onnx_emit *e, int i);       /* is optional input i there? */
bool onnx_in_planes(const onnx_emit *e, int i); /* is it there as N,C,H,W? */
void onnx_give(onnx_emit *e, int j, onnx_layout layout, const char *name);
const anl_shape *onnx_shape(const onnx_emit *e, int i);   /* of input i */
const uint8_t *onnx_free_dims(const onnx_emit *e, int i); /* of input i: eval_graph.h */
/* A name of an operator or constant that no other has: "<layer>/<what>". */
const char *onnx_fresh(onnx_emit *e, const char *what);
/* Dimension i of a value: a size, or "N" (samples) or "T" (steps). */
onnx_dim onnx_dim_of(const onnx_emit *e, anl_value v, int i);
/* Any value, by its handle. */
const char *onnx_value(onnx_emit *e, anl_value v, onnx_layout layout);
void onnx_name(onnx_emit *e, anl_value v, onnx_layout layout, const char *name);

/* ---- operators ---- */
/* Adds an operator with one result; attributes follow by onnx_attr_*(e->m, ...). */
const char *onnx_op(onnx_emit *e, const char *op, const char *const *in, int n_in);
const char *onnx_op1(onnx_emit *e, const char *op, const char *x);
const char *onnx_op2(onnx_emit *e, const char *op, const char *a, const char *b);
/* The same with n_out results; out[j] NULL: not wanted, else filled. */
void onnx_op_many(onnx_emit *e, const char *op, const char *const *in, int n_in, const char **out,
                  const bool *wanted, int n_out);
const char *onnx_transposed(onnx_emit *e, const char *x, const int64_t *perm, int n);
/* x, of shape `from`, as `to`; each with its free dimensions. */
const char *onnx_reshaped(onnx_emit *e, const char *x, const anl_shape *from, const uint8_t *from_free,
                          const anl_shape *to, const uint8_t *to_free);
/* Behind operators with the attribute act. */
const char *onnx_activated(onnx_emit *e, const char *x);

/* ---- constants ---- */
const char *onnx_ints(onnx_emit *e, const char *what, const int64_t *v, int n);
const char *onnx_number(onnx_emit *e, const char *what, double v);
const char *onnx_whole(onnx_emit *e, const char *what, onnx_type type, int64_t v); /* ONNX_I64 or ONNX_I32 */
/* data: the arena's. */
const char *onnx_floats(onnx_emit *e, const char *what, int rank, const int64_t *dim, const float *data);
float *onnx_room(onnx_emit *e, int64_t count); /* NULL: failed */

/* ---- weights ---- */
/* Numbers of input i, a parameter or buffer, from the checkpoint; NULL: failed. */
const float *onnx_data(onnx_emit *e, int i);
const char *onnx_weight(onnx_emit *e, int i, onnx_form form);
/* What a writer has made of input i, kept for the next one that wants it: NULL for nothing yet. */
const char *onnx_own(const onnx_emit *e, int i);
void onnx_keep_own(onnx_emit *e, int i, const char *name);

/* "layer 'X' (op): <text>": it cannot be exported. */
void onnx_refuse(onnx_emit *e, const char *fmt, ...) ANL_FORMAT(2, 3);

#endif
