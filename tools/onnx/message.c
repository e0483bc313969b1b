/* See message.h. */
#include "message.h"

#include "runtime/base/files.h"

#include <limits.h>
#include <onnx.pb-c.h>
#include <string.h>

typedef struct list { /* of pointers; protobuf-c wants them so */
    void **item;
    int64_t n, cap;
} list;

struct onnx_message {
    anl_ctx *ctx;
    anl__arena *arena;
    anl_status status;
    char *model;
    list name, node, attr, tensor, input, output, property; /* attr: of the last node */
};

static const struct {
    int32_t code;
    size_t bytes;
} types[] = {[ONNX_F32] = {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 4},
             [ONNX_I32] = {ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 4},
             [ONNX_I64] = {ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 8}};

anl_status onnx_message_create(anl_ctx *ctx, anl__arena *a, const char *model, onnx_message **out)
{
    onnx_message *m = anl__arena_alloc(a, sizeof *m);
    if (!m) return ANL_NOMEM;
    *m = (onnx_message){.ctx = ctx, .arena = a, .model = anl__arena_strdup(a, model)};
    if (!m->model) return ANL_NOMEM;
    *out = m;
    return ANL_OK;
}

void onnx_message_destroy(onnx_message *m)
{
    if (!m) return;
    list *all[] = {&m->name, &m->node, &m->attr, &m->tensor, &m->input, &m->output, &m->property};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) anl__free(m->ctx, all[i]->item);
}

anl_status onnx_message_status(const onnx_message *m) { return m->status; }
int onnx_node_count(const onnx_message *m) { return (int)m->node.n; }

void onnx_message_fail(onnx_message *m, anl_status st)
{
    if (m->status == ANL_OK) m->status = st;
}

/* Memory of the arena, or NULL with the failure kept. */
static void *take(onnx_message *m, size_t bytes)
{
    void *p = m->status == ANL_OK ? anl__arena_alloc(m->arena, bytes) : NULL;
    if (!p) onnx_message_fail(m, ANL_NOMEM);
    return p;
}

static char *text(onnx_message *m, const char *s)
{
    char *p = take(m, strlen(s) + 1);
    return p ? strcpy(p, s) : NULL;
}

static void append(onnx_message *m, list *l, void *item)
{
    if (m->status != ANL_OK) return;
    m->status = anl__grow(m->ctx, &l->item, &l->cap, l->n + 1, sizeof *l->item);
    if (m->status == ANL_OK) l->item[l->n++] = item;
}

static bool is_taken(const onnx_message *m, const char *name)
{
    for (int64_t i = 0; i < m->name.n; i++)
        if (!strcmp(m->name.item[i], name)) return true;
    return false;
}

const char *onnx_unique(onnx_message *m, const char *name)
{
    char *own = text(m, name);
    for (int k = 2; own && is_taken(m, own); k++)
        if (!(own = anl__arena_printf(m->arena, "%s_%d", name, k))) onnx_message_fail(m, ANL_NOMEM);
    append(m, &m->name, own);
    return own ? own : "";
}

/* ---- operators ------------------------------------------------------------------------------- */

/* What was added last has all its attributes now. */
static void close_node(onnx_message *m)
{
    if (!m->node.n || !m->attr.n) return;
    Onnx__NodeProto *node = m->node.item[m->node.n - 1];
    node->attribute = take(m, sizeof *node->attribute * (size_t)m->attr.n);
    if (!node->attribute) return;
    for (int64_t i = 0; i < m->attr.n; i++) node->attribute[i] = m->attr.item[i];
    node->n_attribute = (size_t)m->attr.n;
    m->attr.n = 0;
}

static char **texts(onnx_message *m, const char *const *v, int n)
{
    char **copy = take(m, sizeof *copy * (size_t)(n + 1));
    for (int i = 0; i < n && copy; i++) copy[i] = text(m, v[i] ? v[i] : "");
    return copy;
}

void onnx_node(onnx_message *m, const char *op, const char *name, const char *const *in, int n_in,
               const char *const *out, int n_out)
{
    close_node(m);
    Onnx__NodeProto *node = take(m, sizeof *node);
    if (!node) return;
    onnx__node_proto__init(node);
    node->op_type = text(m, op);
    node->name = text(m, name);
    node->input = texts(m, in, n_in);
    node->n_input = (size_t)n_in;
    node->output = texts(m, out, n_out);
    node->n_output = (size_t)n_out;
    append(m, &m->node, node);
}

static Onnx__AttributeProto *attribute(onnx_message *m, const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = take(m, sizeof *a);
    if (!a) return NULL;
    onnx__attribute_proto__init(a);
    a->name = text(m, name);
    a->has_type = 1;
    a->type = type;
    append(m, &m->attr, a);
    return a;
}

void onnx_attr_int(onnx_message *m, const char *name, int64_t v)
{
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (!a) return;
    a->has_i = 1;
    a->i = v;
}

void onnx_attr_type(onnx_message *m, const char *name, onnx_type type)
{
    onnx_attr_int(m, name, types[type].code);
}

void onnx_attr_float(onnx_message *m, const char *name, double v)
{
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (!a) return;
    a->has_f = 1;
    a->f = (float)v;
}

void onnx_attr_ints(onnx_message *m, const char *name, const int64_t *v, int n)
{
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *copy = take(m, sizeof *copy * (size_t)(n + 1));
    if (!a || !copy) return;
    memcpy(copy, v, sizeof *v * (size_t)n);
    a->ints = copy;
    a->n_ints = (size_t)n;
}

static ProtobufCBinaryData bytes_of(onnx_message *m, const char *v)
{
    char *copy = text(m, v);
    return (ProtobufCBinaryData){copy ? strlen(copy) : 0, (uint8_t *)copy};
}

void onnx_attr_text(onnx_message *m, const char *name, const char *v)
{
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (!a) return;
    a->has_s = 1;
    a->s = bytes_of(m, v);
}

void onnx_attr_texts(onnx_message *m, const char *name, const char *const *v, int n)
{
    Onnx__AttributeProto *a = attribute(m, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    ProtobufCBinaryData *copy = take(m, sizeof *copy * (size_t)(n + 1));
    if (!a || !copy) return;
    for (int i = 0; i < n; i++) copy[i] = bytes_of(m, v[i]);
    a->strings = copy;
    a->n_strings = (size_t)n;
}

/* ---- constants, inputs, outputs -------------------------------------------------------------- */

void onnx_tensor(onnx_message *m, const char *name, onnx_type type, int rank, const int64_t *dim,
                 const void *data)
{
    Onnx__TensorProto *t = take(m, sizeof *t);
    int64_t *copy = take(m, sizeof *copy * (size_t)(rank + 1));
    if (!t || !copy) return;
    onnx__tensor_proto__init(t);
    size_t bytes = types[type].bytes;
    for (int i = 0; i < rank; i++) bytes *= (size_t)(copy[i] = dim[i]);
    t->name = text(m, name);
    t->dims = copy;
    t->n_dims = (size_t)rank;
    t->has_data_type = 1;
    t->data_type = types[type].code;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)(uintptr_t)data};
    append(m, &m->tensor, t);
}

static Onnx__TensorShapeProto *shape_of(onnx_message *m, const onnx_dim *dim, int rank)
{
    Onnx__TensorShapeProto *s = take(m, sizeof *s);
    Onnx__TensorShapeProto__Dimension **d = take(m, sizeof *d * (size_t)(rank + 1));
    if (!s || !d) return NULL;
    onnx__tensor_shape_proto__init(s);
    s->dim = d;
    s->n_dim = (size_t)rank;
    for (int i = 0; i < rank; i++) {
        if (!(d[i] = take(m, sizeof **d))) return NULL;
        onnx__tensor_shape_proto__dimension__init(d[i]);
        if (dim[i].size) {
            d[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d[i]->dim_value = dim[i].size;
        } else if (dim[i].symbol) {
            d[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            d[i]->dim_param = text(m, dim[i].symbol);
        }
    }
    return s;
}

static void add_value(onnx_message *m, list *to, const char *name, onnx_type type, const onnx_dim *dim,
                      int rank, const char *doc)
{
    Onnx__ValueInfoProto *v = take(m, sizeof *v);
    Onnx__TypeProto *t = take(m, sizeof *t);
    Onnx__TypeProto__Tensor *tensor = take(m, sizeof *tensor);
    if (!v || !t || !tensor) return;
    onnx__value_info_proto__init(v);
    onnx__type_proto__init(t);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = types[type].code;
    tensor->shape = shape_of(m, dim, rank);
    t->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    t->tensor_type = tensor;
    v->name = text(m, name);
    v->type = t;
    v->doc_string = doc ? text(m, doc) : NULL;
    append(m, to, v);
}

void onnx_input(onnx_message *m, const char *name, onnx_type type, const onnx_dim *dim, int rank,
                const char *doc)
{
    add_value(m, &m->input, name, type, dim, rank, doc);
}

void onnx_output(onnx_message *m, const char *name, onnx_type type, const onnx_dim *dim, int rank,
                 const char *doc)
{
    add_value(m, &m->output, name, type, dim, rank, doc);
}

void onnx_property(onnx_message *m, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *p = take(m, sizeof *p);
    if (!p) return;
    onnx__string_string_entry_proto__init(p);
    p->key = text(m, key);
    p->value = text(m, value);
    append(m, &m->property, p);
}

/* ---- the file -------------------------------------------------------------------------------- */

static anl_status pack(onnx_message *m, const Onnx__ModelProto *model, const char *path)
{
    size_t bytes = onnx__model_proto__get_packed_size(model);
    if (bytes > INT_MAX)
        return anl__fail(
            m->ctx, ANL_UNSUPPORTED,
            "the model is %zu MiB as ONNX; a protobuf message is below 2048: use --to safetensors",
            bytes >> 20);
    uint8_t *data = anl__alloc(m->ctx, bytes);
    if (!data) return ANL_NOMEM;
    anl_status st = ANL_OK;
    if (onnx__model_proto__pack(model, data) != bytes)
        st = anl__fail(m->ctx, ANL_INTERNAL, "the ONNX message has another size than it said");
    if (st == ANL_OK) st = anl__file_replace(m->ctx, path, data, bytes);
    anl__free(m->ctx, data);
    return st;
}

anl_status onnx_message_write(onnx_message *m, const char *path, const char *doc)
{
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[1] = {&opset};
    char empty[] = "";
    close_node(m);
    char *about = text(m, doc), *producer = text(m, "anneal"), *version = text(m, anl_version());
    ANL_TRY(m->status);
    opset.domain = empty;
    opset.has_version = 1;
    opset.version = ONNX_OPSET;
    graph.name = m->model;
    graph.n_node = (size_t)m->node.n;
    graph.node = (Onnx__NodeProto **)m->node.item;
    graph.n_initializer = (size_t)m->tensor.n;
    graph.initializer = (Onnx__TensorProto **)m->tensor.item;
    graph.n_input = (size_t)m->input.n;
    graph.input = (Onnx__ValueInfoProto **)m->input.item;
    graph.n_output = (size_t)m->output.n;
    graph.output = (Onnx__ValueInfoProto **)m->output.item;
    model.has_ir_version = 1;
    model.ir_version = ONNX_IR;
    model.producer_name = producer;
    model.producer_version = version;
    model.doc_string = about;
    model.n_opset_import = 1;
    model.opset_import = opsets;
    model.graph = &graph;
    model.n_metadata_props = (size_t)m->property.n;
    model.metadata_props = (Onnx__StringStringEntryProto **)m->property.item;
    return pack(m, &model, path);
}
