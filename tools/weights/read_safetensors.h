/* Reading safetensors files (tools/safetensors.h has the format). Strict: every length, shape and offset is
 * checked against the file before anything is made of it; tensors neither overlap nor leave gaps; a name
 * stands once. Nothing in the file is trusted, and no memory is asked for by a number that stands in it. */
#ifndef READ_SAFETENSORS_H
#define READ_SAFETENSORS_H

#include "runtime/base/base.h"

typedef struct safetensors_entry {
    const char *name;
    const char *dtype; /* as in the file: "F32", "I64", ... */
    anl_shape shape;   /* a dimension may be 0 */
    size_t begin, end; /* bytes of the data, behind the header */
} safetensors_entry;

typedef struct safetensors_file safetensors_file;

/* ANL_INVALID: there is no such file. ANL_FORMAT: what of which tensor is wrong. ANL_UNSUPPORTED: a tensor of
   more than ANL_MAX_RANK dimensions, or a file of more than 16 GiB. */
anl_status safetensors_open(anl_ctx *ctx, const char *path, safetensors_file **out) ANL_MUST;
/* The same of bytes in memory, which are borrowed until the close; `name` stands in messages. */
anl_status safetensors_parse(anl_ctx *ctx, const char *name, const void *data, size_t bytes,
                             safetensors_file **out) ANL_MUST;
void safetensors_close(safetensors_file *f);

int safetensors_count(const safetensors_file *f);
const safetensors_entry *safetensors_at(const safetensors_file *f, int i);              /* by name */
const safetensors_entry *safetensors_find(const safetensors_file *f, const char *name); /* NULL: absent */
const char *safetensors_meta(const safetensors_file *f, const char *key);               /* NULL: absent */
const char *safetensors_path(const safetensors_file *f);
bool safetensors_is_float(const safetensors_entry *e); /* F64, F32, F16, BF16 */
/* anl_shape_count(&e->shape) numbers as f32: F32 bit for bit, F16 and BF16 exactly, F64 to the nearest. e is
 * a float. */
void safetensors_floats(const safetensors_file *f, const safetensors_entry *e, float *to);

#endif
