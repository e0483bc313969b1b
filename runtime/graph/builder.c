/* Building a graph: values, nodes, and what the program is for. The first failure sticks. */
#include "attrs.h"
#include "graph.h"

#include <stdio.h>
#include <string.h>

anl_status anl_graph_create(anl_ctx *ctx, anl_mode mode, anl_dtype dtype, anl_graph **out)
{
    if (dtype != ANL_F32 && dtype != ANL_BF16 && dtype != ANL_F16 && dtype != ANL_F64)
        return anl__fail(ctx, ANL_INVALID, "activations cannot be %s", anl_dtype_name(dtype));
    anl_graph *g = anl__alloc(ctx, sizeof *g);
    if (!g) return ANL_NOMEM;
    *g = (anl_graph){.ctx = ctx, .mode = mode, .dtype = dtype, .rng = ANL_NONE, .hyper = ANL_NONE, .scale = ANL_NONE};
    anl_status st = anl__arena_create(ctx, &g->arena);
    if (st != ANL_OK) {
        anl__free(ctx, g);
        return st;
    }
    *out = g;
    return ANL_OK;
}

void anl_graph_destroy(anl_graph *g)
{
    if (!g) return;
    anl__free(g->ctx, g->value);
    anl__free(g->ctx, g->node);
    anl__free(g->ctx, g->loss);
    anl__free(g->ctx, g->sum);
    anl__free(g->ctx, g->output);
    anl__free(g->ctx, g->seed);
    anl__free(g->ctx, g->want);
    anl__arena_destroy(g->arena);
    anl__free(g->ctx, g);
}

anl_status anl_graph_status(const anl_graph *g) { return g->status; }
anl_mode anl_graph_mode(const anl_graph *g) { return g->mode; }
anl_dtype anl_graph_dtype(const anl_graph *g) { return g->dtype; }

void anl_graph_fail(anl_graph *g, anl_status code, const char *fmt, ...)
{
    va_list ap;
    if (g->status != ANL_OK) return;
    va_start(ap, fmt);
    g->status = anl__failv(g->ctx, code, fmt, ap);
    va_end(ap);
}

anl_ctx *anl_graph_ctx(const anl_graph *g) { return g->ctx; }
int anl_graph_node_count(const anl_graph *g) { return (int)g->n_node; }

void anl_graph_context(anl_graph *g, const char *where)
{
    if (g->status != ANL_OK && where) anl__context(g->ctx, g->status, "%s", where);
}

static bool valid(const anl_graph *g, anl_value v) { return v >= 0 && v < g->n_value; }

anl_value anl__graph_value(anl_graph *g, const anl__value *v)
{
    if (g->status != ANL_OK) return ANL_NONE;
    g->status = anl__grow(g->ctx, &g->value, &g->cap_value, g->n_value + 1, sizeof *g->value);
    if (g->status != ANL_OK) return ANL_NONE;
    g->value[g->n_value] = *v;
    if (v->name && !(g->value[g->n_value].name = anl__arena_strdup(g->arena, v->name))) {
        g->status = ANL_NOMEM;
        return ANL_NONE;
    }
    return (anl_value)g->n_value++;
}

static anl_value find_named(const anl_graph *g, anl__kind kind, const char *name)
{
    for (int64_t i = 0; i < g->n_value; i++)
        if (g->value[i].kind == kind && g->value[i].name && !strcmp(g->value[i].name, name)) return (anl_value)i;
    return ANL_NONE;
}

/* A named value of `kind`; naming it again gives the same value when the shapes agree (shared weights). */
static anl_value named(anl_graph *g, const char *what, const anl__value *v)
{
    char a[96], b[96];
    if (g->status != ANL_OK) return ANL_NONE;
    if (v->type.shape.rank < 0 || v->type.shape.rank > ANL_MAX_RANK) {
        anl_graph_fail(g, ANL_INVALID, "%s '%s': rank %d is outside 0 to %d", what, v->name, v->type.shape.rank, ANL_MAX_RANK);
        return ANL_NONE;
    }
    for (int i = 0; i < v->type.shape.rank; i++)
        if (v->type.shape.dim[i] <= 0) {
            anl_graph_fail(g, ANL_SHAPE, "%s '%s' has an empty dimension: %s", what, v->name, anl__shape_text(&v->type.shape, a));
            return ANL_NONE;
        }
    anl_value old = find_named(g, v->kind, v->name);
    if (old != ANL_NONE && v->kind != ANL__INPUT && anl__shape_equal(&g->value[old].type.shape, &v->type.shape)) return old;
    if (old != ANL_NONE) {
        anl_graph_fail(g, ANL_SHAPE, "%s '%s' is named twice, as %s and as %s", what, v->name,
                       anl__shape_text(&g->value[old].type.shape, a), anl__shape_text(&v->type.shape, b));
        return ANL_NONE;
    }
    return anl__graph_value(g, v);
}

anl_value anl_input(anl_graph *g, const char *name, anl_dtype dtype, int rank, const int64_t *dim)
{
    if (g->n_input >= ANL_MAX_INPUTS) anl_graph_fail(g, ANL_INVALID, "more than %d inputs", ANL_MAX_INPUTS);
    anl__value v = {.kind = ANL__INPUT, .type = anl__type_of(dtype, rank, dim), .name = name, .node = -1, .slot = g->n_input};
    anl_value out = named(g, "input", &v);
    if (out != ANL_NONE) g->n_input++;
    return out;
}

void anl_graph_freeze(anl_graph *g, const char *const *name, int n)
{
    g->frozen = name;
    g->n_frozen = n;
}

static bool freezes(const anl_graph *g, const char *name)
{
    for (int i = 0; i < g->n_frozen; i++)
        if (!strcmp(g->frozen[i], name)) return true;
    return false;
}

bool anl_param_is_frozen(const anl_graph *g, anl_value param)
{
    if (!valid(g, param) || g->value[param].kind != ANL__PARAM) return false;
    return g->value[param].flags & ANL_PARAM_FROZEN;
}

anl_value anl_param(anl_graph *g, const char *name, int rank, const int64_t *dim, anl_init init, unsigned flags)
{
    anl__value v = {.kind = ANL__PARAM, .type = anl__type_of(anl__wide(g->dtype), rank, dim), .name = name, .node = -1,
                    .flags = flags, .init = init, .slot = -1, .derived = true};
    if (freezes(g, name)) v.flags |= ANL_PARAM_FROZEN;
    return named(g, "parameter", &v);
}

anl_value anl_buffer(anl_graph *g, const char *name, int rank, const int64_t *dim, double fill)
{
    anl__value v = {.kind = ANL__BUFFER, .type = anl__type_of(anl__wide(g->dtype), rank, dim), .name = name, .node = -1,
                    .init = {ANL_INIT_CONSTANT, fill}, .slot = -1, .derived = true};
    return named(g, "buffer", &v);
}

void anl__graph_call(const anl_graph *g, int node, anl__call *c)
{
    const anl__node *n = &g->node[node];
    memset(c, 0, sizeof *c);
    c->op = n->op;
    c->name = n->name;
    c->mode = g->mode;
    c->n_in = n->n_in;
    c->n_out = n->n_out;
    c->attr = n->attr;
    for (int i = 0; i < n->n_in; i++) {
        if (n->in[i] == ANL_NONE) {
            c->in[i].shape.rank = -1;
            continue;
        }
        const anl__value *v = &g->value[n->in[i]];
        c->in[i] = v->type;
        c->param[i] = v->kind == ANL__PARAM || (v->derived && v->kind == ANL__TENSOR);
    }
    for (int j = 0; j < n->n_out; j++)
        if (n->out[j] != ANL_NONE) c->out[j] = g->value[n->out[j]].type;
    c->accum[0] = n->accum != ANL_NONE;
}

/* A node that reads only parameters and buffers gives the same until those change: run when they do. */
static bool is_derived(const anl_graph *g, const anl__node *n)
{
    if (g->mode != ANL_EVAL || n->op->random || n->op->mutates || n->n_in == 0) return false;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] != ANL_NONE && !g->value[n->in[i]].derived) return false;
    return true;
}

anl_value anl__graph_add(anl_graph *g, const anl__op *op, const char *name, const anl_value *in, int n_in,
                         const anl__call *const *base, int n_base, const char *attrs)
{
    if (g->status != ANL_OK) return ANL_NONE;
    anl__node n = {.op = op, .n_in = n_in, .accum = ANL_NONE, .backward = g->in_backward};
    if (n_in < op->min_in || n_in > op->max_in || n_in > ANL__MAX_IN) {
        anl_graph_fail(g, ANL_INVALID, "layer '%s' (%s): %d inputs given, %d to %d wanted", name, op->name, n_in, op->min_in, op->max_in);
        return ANL_NONE;
    }
    for (int i = 0; i < n_in; i++) {
        n.in[i] = in[i];
        if (in[i] == ANL_NONE ? i < op->min_in : !valid(g, in[i])) {
            anl_graph_fail(g, ANL_INVALID, "layer '%s' (%s): input %d is missing", name, op->name, i);
            return ANL_NONE;
        }
    }
    int n_attr = anl__attrs_count(op);
    n.name = anl__arena_strdup(g->arena, name);
    n.attr = anl__arena_alloc(g->arena, sizeof(anl__attr) * (size_t)(n_attr + 1));
    if (!n.name || !n.attr) g->status = ANL_NOMEM;
    else g->status = anl__attrs_parse(g->ctx, op, base, n_base, attrs, n.attr);
    if (g->status == ANL_OK) g->status = anl__grow(g->ctx, &g->node, &g->cap_node, g->n_node + 1, sizeof *g->node);
    if (g->status == ANL_OK) {
        anl__call c;
        g->node[g->n_node] = n;
        anl__graph_call(g, (int)g->n_node, &c);
        g->status = op->infer(g->ctx, &c);
        n.n_out = c.n_out;
        bool derived = is_derived(g, &n);
        for (int j = 0; j < n.n_out && g->status == ANL_OK; j++)
            n.out[j] = anl__graph_value(g, &(anl__value){.kind = ANL__TENSOR, .type = c.out[j], .node = (int)g->n_node, .out = j, .derived = derived});
    }
    if (g->status != ANL_OK) {
        anl__context(g->ctx, g->status, "layer '%s' (%s)", name, op->name);
        return ANL_NONE;
    }
    g->node[g->n_node++] = n;
    return n.n_out > 0 ? n.out[0] : ANL_NONE;
}

/* Every user node has a name of its own: it keys dropout and names messages. */
static const char *node_name(anl_graph *g, const char *op, const char *name)
{
    int same = 0;
    for (int64_t i = 0; i < g->n_node; i++) {
        if (name && !strcmp(g->node[i].name, name)) {
            anl_graph_fail(g, ANL_INVALID, "two layers are named '%s'", name);
            return NULL;
        }
        same += !strcmp(g->node[i].op->name, op);
    }
    if (name) return name;
    name = anl__arena_printf(g->arena, "%s.%d", op, same + 1);
    if (!name) g->status = ANL_NOMEM;
    return name;
}

anl_value anl_node(anl_graph *g, const char *op_name, const char *name, const anl_value *in, int n_in, const char *attrs, ...)
{
    anl_value ins[ANL__MAX_IN];
    if (g->status != ANL_OK) return ANL_NONE;
    const anl__op *op = anl__op_find(op_name);
    if (!op) anl_graph_fail(g, ANL_INVALID, "there is no operator '%s'", op_name);
    name = node_name(g, op_name, name);
    if (g->status != ANL_OK) return ANL_NONE;
    char *text = NULL;
    if (attrs) {
        char buf[512];
        va_list ap;
        va_start(ap, attrs);
        int len = vsnprintf(buf, sizeof buf, attrs, ap);
        va_end(ap);
        if (len >= (int)sizeof buf) anl_graph_fail(g, ANL_INVALID, "layer '%s': attributes are longer than %zu bytes", name, sizeof buf);
        else if (!(text = anl__arena_strdup(g->arena, buf))) g->status = ANL_NOMEM;
    }
    if (n_in >= ANL__MAX_IN) {
        anl_graph_fail(g, ANL_INVALID, "layer '%s' (%s): more than %d inputs", name, op_name, ANL__MAX_IN - 1);
        return ANL_NONE;
    }
    for (int i = 0; i < n_in; i++) ins[i] = in[i];
    if (op->random && n_in == op->max_in - 1) ins[n_in++] = anl__graph_rng(g); /* the rng block comes last, unasked */
    return anl__graph_add(g, op, name, ins, n_in, NULL, 0, text);
}

anl_value anl_node_output(anl_graph *g, anl_value first, int index)
{
    if (g->status != ANL_OK) return ANL_NONE;
    if (!valid(g, first) || g->value[first].node < 0 || index < 0 || index >= g->node[g->value[first].node].n_out) {
        anl_graph_fail(g, ANL_INVALID, "there is no output %d of value %d", index, (int)first);
        return ANL_NONE;
    }
    return g->node[g->value[first].node].out[index];
}

anl_shape anl_value_shape(const anl_graph *g, anl_value v) { return valid(g, v) ? g->value[v].type.shape : (anl_shape){.rank = -1}; }
anl_dtype anl_value_dtype(const anl_graph *g, anl_value v) { return valid(g, v) ? g->value[v].type.dtype : g->dtype; }

static void add_named(anl_graph *g, anl__named **list, int64_t *n, int64_t *cap, const char *what, anl__named item)
{
    if (g->status != ANL_OK) return;
    if (!valid(g, item.v)) {
        anl_graph_fail(g, ANL_INVALID, "%s '%s' has no value", what, item.name ? item.name : "");
        return;
    }
    for (int64_t i = 0; i < *n; i++)
        if (item.name && !strcmp((*list)[i].name, item.name)) {
            anl_graph_fail(g, ANL_INVALID, "two %ss are named '%s'", what, item.name);
            return;
        }
    g->status = anl__grow(g->ctx, list, cap, *n + 1, sizeof item);
    if (g->status != ANL_OK) return;
    if (item.name && !(item.name = anl__arena_strdup(g->arena, item.name))) {
        g->status = ANL_NOMEM;
        return;
    }
    (*list)[(*n)++] = item;
}

static bool need_scalar(anl_graph *g, const char *what, const char *name, anl_value v)
{
    char text[96];
    if (g->status != ANL_OK) return false;
    if (valid(g, v) && anl_shape_count(&g->value[v].type.shape) == 1 && g->value[v].type.dtype == anl__wide(g->dtype)) return true;
    anl_graph_fail(g, ANL_SHAPE, "%s '%s' must be one %s, not %s", what, name, anl_dtype_name(anl__wide(g->dtype)),
                   valid(g, v) ? anl__shape_text(&g->value[v].type.shape, text) : "absent");
    return false;
}

void anl_loss(anl_graph *g, const char *name, anl_value num, anl_value den, double weight)
{
    if (need_scalar(g, "loss", name, num) && need_scalar(g, "loss", name, den))
        add_named(g, &g->loss, &g->n_loss, &g->cap_loss, "loss", (anl__named){name, num, den, weight});
}

void anl_sum(anl_graph *g, const char *name, anl_value scalar)
{
    if (need_scalar(g, "sum", name, scalar))
        add_named(g, &g->sum, &g->n_sum, &g->cap_sum, "sum", (anl__named){name, scalar, ANL_NONE, 0});
}

void anl_output(anl_graph *g, const char *name, anl_value v)
{
    add_named(g, &g->output, &g->n_output, &g->cap_output, "output", (anl__named){name, v, ANL_NONE, 0});
}

void anl__graph_seed(anl_graph *g, anl_value y, anl_value dy)
{
    add_named(g, &g->seed, &g->n_seed, &g->cap_seed, "seed", (anl__named){NULL, y, dy, 0});
}

void anl__graph_want_grad(anl_graph *g, anl_value input)
{
    const char *name = valid(g, input) ? g->value[input].name : NULL;
    char *label = name ? anl__arena_printf(g->arena, "grad.%s", name) : NULL;
    add_named(g, &g->want, &g->n_want, &g->cap_want, "wanted gradient", (anl__named){label, input, ANL_NONE, 0});
}

anl_value anl__graph_rng(anl_graph *g)
{
    int64_t dim[1] = {ANL__RNG_WORDS};
    if (g->rng == ANL_NONE) g->rng = anl__graph_value(g, &(anl__value){.kind = ANL__SCALAR, .type = anl__type_of(ANL_I32, 1, dim), .node = -1, .slot = 0});
    return g->rng;
}

anl_value anl__graph_hyper(anl_graph *g)
{
    int64_t dim[1] = {ANL_HYPER_WORDS};
    if (g->hyper == ANL_NONE) g->hyper = anl__graph_value(g, &(anl__value){.kind = ANL__SCALAR, .type = anl__type_of(ANL_F32, 1, dim), .node = -1, .slot = 1});
    return g->hyper;
}

anl_value anl__graph_scale(anl_graph *g)
{
    int64_t dim[1] = {ANL__SCALE_WORDS};
    if (g->scale == ANL_NONE) g->scale = anl__graph_value(g, &(anl__value){.kind = ANL__SCALAR, .type = anl__type_of(ANL_F32, 1, dim), .node = -1, .slot = 2});
    return g->scale;
}
