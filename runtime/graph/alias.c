/* Alias: which values share memory. A view shares with its input; a kernel that may work in place takes the memory of
 * an input that nobody reads afterwards; an accumulating node takes that of the sum so far. */
#include "net.h"

#include <string.h>

typedef struct alias {
    const anl_graph *g;
    const anl_program *p;
    const int *position;
    int *last;       /* by value; of a root: of its whole class */
    anl_value *root;
    bool *pinned;    /* the class must keep its bytes to the end, or is not the arena's */
} alias;

static anl_value find(const alias *a, anl_value v)
{
    while (a->root[v] != v) v = a->root[v];
    return v;
}

static size_t bytes_of(const alias *a, anl_value v)
{
    const anl__type *t = &a->g->value[v].type;
    return (size_t)anl_shape_count(&t->shape) * anl_dtype_size(t->dtype);
}

static void join(alias *a, anl_value to, anl_value v)
{
    anl_value r = find(a, to);
    a->root[v] = r;
    if (a->last[v] > a->last[r]) a->last[r] = a->last[v];
    a->pinned[r] |= a->pinned[v];
}

static bool reads_twice(const anl__node *n, const alias *a, anl_value root)
{
    int count = 0;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] != ANL_NONE && find(a, n->in[i]) == root) count++;
    return count > 1;
}

/* Nobody reads the class of v after position `at` (v itself is not needed at the end). */
static bool dies_at(const alias *a, anl_value v, int at)
{
    anl_value r = find(a, v);
    return a->g->value[r].kind == ANL__TENSOR && !a->g->value[r].derived && !a->pinned[r] && a->last[r] <= at;
}

static bool in_place(alias *a, const anl__node *n, const anl__kernel *kernel, int at)
{
    for (int j = 0; j < n->n_out; j++) {
        int i = kernel->inplace[j] - 1;
        if (i < 0 || i >= n->n_in || n->in[i] == ANL_NONE || (j == 0 && n->accum != ANL_NONE)) continue;
        anl_value r = find(a, n->in[i]);
        if (!dies_at(a, n->in[i], at) || reads_twice(n, a, r) || a->root[n->out[j]] != n->out[j]) continue;
        if (bytes_of(a, n->out[j]) > bytes_of(a, r) || anl_dtype_size(a->g->value[n->out[j]].type.dtype) != anl_dtype_size(a->g->value[r].type.dtype)) continue;
        bool taken = false; /* another output of this node already sits there */
        for (int q = 0; q < j; q++) taken |= find(a, n->out[q]) == r;
        if (!taken) join(a, n->in[i], n->out[j]);
    }
    return true;
}

anl_status anl__alias(anl_program *p, const int *position, int *last, anl_value *root, bool *copy)
{
    const anl_graph *g = p->graph;
    alias a = {.g = g, .p = p, .position = position, .last = last, .root = root};
    a.pinned = anl__alloc(g->ctx, (size_t)g->n_value + 1);
    if (!a.pinned) return ANL_NOMEM;
    for (int64_t v = 0; v < g->n_value; v++) {
        root[v] = (anl_value)v;
        a.pinned[v] = g->value[v].kind != ANL__TENSOR || last[v] == INT32_MAX;
    }
    int s = 0;
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        copy[k] = false;
        if (n->dead) continue;
        if (n->op->view) {
            join(&a, n->in[0], n->out[0]);
            continue;
        }
        bool derived = n->n_out > 0 && g->value[n->out[0]].derived;
        const anl__kernel *kernel = derived ? NULL : p->step[s++].prep.kernel;
        if (n->accum != ANL_NONE) {
            anl_value r = find(&a, n->accum);
            bool self = false;
            for (int i = 0; i < n->n_in; i++) self |= n->in[i] != ANL_NONE && find(&a, n->in[i]) == r;
            if (!self && dies_at(&a, n->accum, position[k])) join(&a, n->accum, n->out[0]);
            else copy[k] = true;
        }
        if (kernel && p->opts.plan) in_place(&a, n, kernel, position[k]);
    }
    anl__free(g->ctx, a.pinned);
    return ANL_OK;
}
