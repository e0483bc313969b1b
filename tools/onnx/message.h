/* A model in the format of ONNX (https://github.com/onnx/onnx, docs/IR.md), put together message by message
 * and written as one file. The only part that knows protobuf-c. What it does not know: Anneal's graphs,
 * operators, layouts.
 *
 * Everything lives in the arena that is given, but for lists, freed by onnx_message_destroy. The first
 * failure sticks: calls need no check one by one, onnx_message_write returns it.
 */
#ifndef ONNX_MESSAGE_H
#define ONNX_MESSAGE_H

#include "runtime/base/base.h"

enum { ONNX_OPSET = 17, ONNX_IR = 8 };

typedef enum onnx_type { ONNX_F32, ONNX_I32, ONNX_I64 } onnx_type;

/* A dimension of an input or output: a size, or (size 0) a symbol such as "N"; neither: not said. */
typedef struct onnx_dim {
    int64_t size;
    const char *symbol;
} onnx_dim;

typedef struct onnx_message onnx_message;
anl_status onnx_message_create(anl_ctx *ctx, anl__arena *a, const char *model, onnx_message **out) ANL_MUST;
void onnx_message_destroy(onnx_message *m);
anl_status onnx_message_status(const onnx_message *m);
void onnx_message_fail(onnx_message *m, anl_status st); /* a message of the caller's is in the context */

/* A name of an operator, value or initializer that no other has: `name`, or with _2, _3, ... behind it. */
const char *onnx_unique(onnx_message *m, const char *name);

/* Operators of the default domain, in an order in which each stands behind what it reads. in[i] NULL: an
   optional input that is absent. Attributes are those of the operator added last. */
void onnx_node(onnx_message *m, const char *op, const char *name, const char *const *in, int n_in,
               const char *const *out, int n_out);
void onnx_attr_int(onnx_message *m, const char *name, int64_t v);
void onnx_attr_type(onnx_message *m, const char *name, onnx_type type);
void onnx_attr_ints(onnx_message *m, const char *name, const int64_t *v, int n);
void onnx_attr_float(onnx_message *m, const char *name, double v);
void onnx_attr_text(onnx_message *m, const char *name, const char *v);
void onnx_attr_texts(onnx_message *m, const char *name, const char *const *v, int n);

/* A constant, dense row-major. data is borrowed until the file is written (little endian, as every machine
   that this is built for). */
void onnx_tensor(onnx_message *m, const char *name, onnx_type type, int rank, const int64_t *dim,
                 const void *data);
void onnx_input(onnx_message *m, const char *name, onnx_type type, const onnx_dim *dim, int rank,
                const char *doc);
void onnx_output(onnx_message *m, const char *name, onnx_type type, const onnx_dim *dim, int rank,
                 const char *doc);
/* A property of the model: key and text. */
void onnx_property(onnx_message *m, const char *key, const char *value);
int onnx_node_count(const onnx_message *m);

/* Replaces the file atomically. UNSUPPORTED: 2 GiB or more, which protobuf cannot hold. */
anl_status onnx_message_write(onnx_message *m, const char *path, const char *doc) ANL_MUST;

#endif
