/* See emit.h. */
#include "emit.h"

#include "tools/export/facts.h"

#include <string.h>

static const int64_t to_planes[4] = {0, 3, 1, 2}, to_plain[4] = {0, 2, 3, 1};

void onnx_refuse(onnx_emit *e, const char *fmt, ...)
{
    va_list ap;
    if (onnx_message_status(e->m) != ANL_OK) return;
    va_start(ap, fmt);
    anl_status st = anl__failv(e->ctx, ANL_UNSUPPORTED, fmt, ap);
    va_end(ap);
    onnx_message_fail(
        e->m, anl__context(e->ctx, st, "layer '%s' (%s)", e->at, e->node ? e->node->op->name : "input"));
}

/* A bug of the exporter: "" so that callers need no check. */
static const char *missing(onnx_emit *e, const char *what)
{
    onnx_message_fail(e->m, anl__fail(e->ctx, ANL_INTERNAL, "%s: %s", e->at, what));
    return "";
}

/* ---- operators ------------------------------------------------------------------------------- */

const char *onnx_fresh(onnx_emit *e, const char *what)
{
    const char *name = anl__arena_printf(e->arena, "%s/%s", e->at, what);
    if (name) return onnx_unique(e->m, name);
    onnx_message_fail(e->m, ANL_NOMEM);
    return "";
}

void onnx_op_many(onnx_emit *e, const char *op, const char *const *in, int n_in, const char **out,
                  const bool *wanted, int n_out)
{
    const char *name = onnx_fresh(e, op);
    for (int j = 0; j < n_out; j++) out[j] = !wanted[j] ? NULL : j ? onnx_fresh(e, op) : name;
    onnx_node(e->m, op, name, in, n_in, out, n_out);
}

const char *onnx_op(onnx_emit *e, const char *op, const char *const *in, int n_in)
{
    const char *out;
    onnx_op_many(e, op, in, n_in, &out, &(bool){true}, 1);
    return out;
}

const char *onnx_op1(onnx_emit *e, const char *op, const char *x) { return onnx_op(e, op, &x, 1); }
const char *onnx_op2(onnx_emit *e, const char *op, const char *a, const char *b)
{
    return onnx_op(e, op, (const char *[]){a, b}, 2);
}

const char *onnx_transposed(onnx_emit *e, const char *x, const int64_t *perm, int n)
{
    const char *y = onnx_op1(e, "Transpose", x);
    onnx_attr_ints(e->m, "perm", perm, n);
    return y;
}

/* ONNX's Reshape: 0 is the input's dimension of that place, one -1 what is left. */
const char *onnx_reshaped(onnx_emit *e, const char *x, const anl_shape *from, const uint8_t *from_free,
                          const anl_shape *to, const uint8_t *to_free)
{
    int64_t shape[ANL_MAX_RANK];
    int open = 0;
    for (int i = 0; i < to->rank; i++) open += to_free[i] != 0;
    bool one = open == 1;
    open = 0;
    for (int i = 0; i < to->rank; i++) {
        bool kept = i < from->rank && from_free[i] == to_free[i] && from->dim[i] == to->dim[i];
        shape[i] = !to_free[i] ? to->dim[i] : kept && !one ? 0 : -1;
        open += shape[i] < 0;
    }
    if (open > 1) {
        onnx_refuse(e, "what becomes of each dimension is not known where samples and steps are any number");
        return "";
    }
    return onnx_op2(e, "Reshape", x, onnx_ints(e, "shape", shape, to->rank));
}

const char *onnx_activated(onnx_emit *e, const char *x)
{
    return anl__attr_int(&e->call, "act") ? onnx_op1(e, "Relu", x) : x;
}

/* ---- constants ------------------------------------------------------------------------------- */

const char *onnx_ints(onnx_emit *e, const char *what, const int64_t *v, int n)
{
    int64_t *copy = anl__arena_alloc(e->arena, sizeof *copy * (size_t)(n + 1)), dim = n;
    if (!copy) return missing(e, "no memory");
    memcpy(copy, v, sizeof *v * (size_t)n);
    const char *name = onnx_fresh(e, what);
    onnx_tensor(e->m, name, ONNX_I64, 1, &dim, copy);
    return name;
}

const char *onnx_whole(onnx_emit *e, const char *what, onnx_type type, int64_t v)
{
    const char *name = onnx_fresh(e, what);
    int64_t *p = anl__arena_alloc(e->arena, sizeof *p); /* little endian: its first half is the same number */
    if (!p) return missing(e, "no memory");
    *p = v;
    onnx_tensor(e->m, name, type, 0, NULL, p);
    return name;
}

float *onnx_room(onnx_emit *e, int64_t count)
{
    float *p = anl__arena_alloc(e->arena, sizeof *p * (size_t)(count + 1));
    if (!p) onnx_message_fail(e->m, ANL_NOMEM);
    return p;
}

const char *onnx_floats(onnx_emit *e, const char *what, int rank, const int64_t *dim, const float *data)
{
    const char *name = onnx_fresh(e, what);
    onnx_tensor(e->m, name, ONNX_F32, rank, dim, data);
    return name;
}

const char *onnx_number(onnx_emit *e, const char *what, double v)
{
    float *p = onnx_room(e, 1);
    if (!p) return "";
    *p = (float)v;
    return onnx_floats(e, what, 0, NULL, p);
}

/* ---- weights --------------------------------------------------------------------------------- */

static const float *data_of(onnx_emit *e, anl_value v)
{
    const anl__value *x = &e->g->value[v];
    const float *data = NULL;
    if (x->kind != ANL__PARAM && x->kind != ANL__BUFFER) {
        onnx_refuse(e, "its weights are computed by another layer");
        return NULL;
    }
    anl_status st = facts_weight(e->ctx, e->from, x, &data);
    if (st != ANL_OK) onnx_message_fail(e->m, st);
    return data;
}

const float *onnx_data(onnx_emit *e, int i) { return data_of(e, e->node->in[i]); }

/* (k, rs, c) to (k, c, rs); a matrix (a, b) is k = 1: to (b, a). */
static const float *turned(onnx_emit *e, const float *w, int64_t k, int64_t rs, int64_t c)
{
    float *y = facts_turned(e->arena, w, k, rs, c);
    if (!y) onnx_message_fail(e->m, ANL_NOMEM);
    return y;
}

static const char *weight_of(onnx_emit *e, anl_value v, onnx_form form)
{
    const anl__value *x = &e->g->value[v];
    const anl_shape *s = &x->type.shape;
    const char **known = &e->seen[v].form[form];
    int64_t dim[ANL_MAX_RANK];
    if (*known) return *known;
    const float *data = data_of(e, v);
    if (!data) return "";
    memcpy(dim, s->dim, sizeof dim);
    if (form == ONNX_KCRS) {
        data = turned(e, data, dim[0], dim[1] * dim[2], dim[3]);
        for (int i = 0; i < 4; i++) dim[i] = s->dim[to_planes[i]];
    } else if (form == ONNX_TURNED) {
        data = turned(e, data, 1, dim[0], dim[1]);
        dim[0] = s->dim[1];
        dim[1] = s->dim[0];
    }
    *known = onnx_unique(e->m, x->name);
    if (data) onnx_tensor(e->m, *known, ONNX_F32, s->rank, dim, data);
    return *known;
}

const char *onnx_weight(onnx_emit *e, int i, onnx_form form) { return weight_of(e, e->node->in[i], form); }
const char *onnx_own(const onnx_emit *e, int i) { return e->seen[e->node->in[i]].form[ONNX_OWN]; }
void onnx_keep_own(onnx_emit *e, int i, const char *name) { e->seen[e->node->in[i]].form[ONNX_OWN] = name; }

/* ---- values ---------------------------------------------------------------------------------- */

const char *onnx_value(onnx_emit *e, anl_value v, onnx_layout layout)
{
    const anl__value *x = &e->g->value[v];
    onnx_seen *s = &e->seen[v];
    if (x->type.shape.rank != 4) layout = ONNX_PLAIN;
    if (s->layout[layout]) return s->layout[layout];
    const char *other = s->layout[layout == ONNX_PLAIN ? ONNX_PLANES : ONNX_PLAIN];
    if (!other && (x->kind == ANL__PARAM || x->kind == ANL__BUFFER)) {
        other = s->layout[ONNX_PLAIN] = weight_of(e, v, ONNX_AS_IS);
        if (layout == ONNX_PLAIN) return other;
    }
    if (!other) return missing(e, "a value is read before it is written");
    return s->layout[layout] = onnx_transposed(e, other, layout == ONNX_PLANES ? to_planes : to_plain, 4);
}

void onnx_name(onnx_emit *e, anl_value v, onnx_layout layout, const char *name)
{
    e->seen[v].layout[e->g->value[v].type.shape.rank == 4 ? layout : ONNX_PLAIN] = name;
}

const char *onnx_in(onnx_emit *e, int i, onnx_layout layout) { return onnx_value(e, e->node->in[i], layout); }
bool onnx_has(const onnx_emit *e, int i) { return anl__has_in(&e->call, i); }
bool onnx_in_planes(const onnx_emit *e, int i) { return e->seen[e->node->in[i]].layout[ONNX_PLANES] != NULL; }
void onnx_give(onnx_emit *e, int j, onnx_layout layout, const char *name)
{
    onnx_name(e, e->node->out[j], layout, name);
}
const anl_shape *onnx_shape(const onnx_emit *e, int i) { return &e->call.in[i].shape; }
const uint8_t *onnx_free_dims(const onnx_emit *e, int i) { return e->graph->free[e->node->in[i]]; }

onnx_dim onnx_dim_of(const onnx_emit *e, anl_value v, int i)
{
    static const char *const symbol[] = {NULL, "N", "T", NULL};
    uint8_t any = e->graph->free[v][i];
    return (onnx_dim){any ? 0 : e->g->value[v].type.shape.dim[i], symbol[any]};
}
