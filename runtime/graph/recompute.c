/* Recompute: values that are cheap to make again die after the forward pass, and are made once more beside their
 * first backward reader. Fewer bytes are alive at once, for a second run of elementwise kernels; the bits are the
 * same (dropout draws by (step, the layer's name, sample), so a clone draws the same mask).
 *
 * A node is cloned when its operator says `cheap`, its first output is read by the backward pass and is not small,
 * and its inputs live that long anyway: parameters, inputs of the graph, or values that a backward node reads not
 * earlier. An input that no backward node reads is cloned with it, by the same rule (gelu before dropout). Inputs
 * that are made anew for readers of their own do not count, else a chain of blocks would be recomputed from its
 * beginning. */
#include "passes.h"

#include <string.h>

typedef struct recompute {
    anl_graph *g;
    int *first, *last; /* by value: backward nodes that read it or a view of it; INT32_MAX, -1: none */
    bool *again;       /* by value: made anew */
    anl_value *clone;  /* by value: what backward reads instead; ANL_NONE: not made yet */
    anl__node *node;   /* the graph's nodes with clones in between */
    int64_t n, cap, n_value;
} recompute;

static anl_value root_of(const anl_graph *g, anl_value v)
{
    while (g->value[v].node >= 0 && g->node[g->value[v].node].op->view) v = g->node[g->value[v].node].in[0];
    return v;
}

static size_t bytes_of(const anl_graph *g, anl_value v)
{
    return (size_t)anl_shape_count(&g->value[v].type.shape) * anl_dtype_size(g->value[v].type.dtype);
}

static void read_by(recompute *r, anl_value v, int at)
{
    anl_value root;
    if (v == ANL_NONE || v >= r->n_value) return;
    root = root_of(r->g, v);
    if (at < r->first[root]) r->first[root] = at;
    if (at > r->last[root]) r->last[root] = at;
}

static void find_readers(recompute *r)
{
    const anl_graph *g = r->g;
    for (int64_t v = 0; v < r->n_value; v++) {
        r->first[v] = INT32_MAX;
        r->last[v] = -1;
        r->clone[v] = ANL_NONE;
    }
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        if (n->dead || !n->backward) continue;
        for (int i = 0; i < n->n_in; i++) read_by(r, n->in[i], (int)k);
        read_by(r, n->accum, (int)k);
    }
}

/* Is it read after the run? Then it is kept whatever we do. */
static bool wanted(const anl_graph *g, anl_value v)
{
    bool hit = false;
    for (int64_t i = 0; i < g->n_output; i++) hit |= root_of(g, g->output[i].v) == v;
    for (int64_t i = 0; i < g->n_sum; i++) hit |= root_of(g, g->sum[i].v) == v;
    for (int64_t i = 0; i < g->n_loss; i++)
        hit |= root_of(g, g->loss[i].v) == v || root_of(g, g->loss[i].v2) == v;
    return hit;
}

/* Values that a clone may read without a reader of their own are made from others so many levels deep. */
enum { MOST_DEEP = 3 };

static bool cloneable(const anl__node *n)
{
    bool plain = !n->op->mutates && !n->op->view && n->accum == ANL_NONE && n->n_out > 0;
    return plain && n->op->cheap && !n->dead && !n->backward;
}

/* Can node n run again at position `at` of the backward pass? mark: then it and what is made for it will. */
static bool runs_again(recompute *r, const anl__node *n, int at, size_t small, int deep, bool mark)
{
    const anl_graph *g = r->g;
    bool ok = cloneable(n) && deep <= MOST_DEEP;
    for (int i = 0; i < n->n_in && ok; i++) {
        if (n->in[i] == ANL_NONE) continue;
        anl_value x = root_of(g, n->in[i]);
        bool kept = !r->again[x] && r->last[x] >= at;
        if (g->value[x].kind != ANL__TENSOR || bytes_of(g, x) <= small || kept) continue;
        int made = g->value[x].node;
        ok = r->last[x] < 0 && made >= 0 && g->value[x].out == 0 &&
             runs_again(r, &g->node[made], at, small, deep + 1, mark);
    }
    if (ok && mark) r->again[n->out[0]] = true;
    return ok;
}

/* Forward values in order, so that what a clone reads is decided before it. small: not worth a kernel. */
static void choose(recompute *r, size_t small)
{
    const anl_graph *g = r->g;
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        anl_value y = n->n_out ? n->out[0] : ANL_NONE;
        if (y == ANL_NONE || y >= r->n_value || r->last[y] < 0) continue;
        if (bytes_of(g, y) <= small || wanted(g, y)) continue;
        if (runs_again(r, n, r->first[y], small, 0, false)) runs_again(r, n, r->first[y], small, 0, true);
    }
}

static anl_status put(recompute *r, const anl__node *n)
{
    ANL_TRY(anl__grow(r->g->ctx, &r->node, &r->cap, r->n + 1, sizeof *r->node));
    for (int j = 0; j < n->n_out; j++) r->g->value[n->out[j]].node = (int)r->n;
    r->node[r->n++] = *n;
    return ANL_OK;
}

/* What a backward node reads for v: itself, or its clone, whose node is put here when it is first asked for. */
static anl_value instead(recompute *r, anl_value v)
{
    anl_graph *g = r->g;
    if (g->status != ANL_OK || v == ANL_NONE || v >= r->n_value) return v;
    if (r->clone[v] != ANL_NONE) return r->clone[v];
    int made = g->value[v].node;
    if (made < 0) return v;
    anl__node n = r->node[made];
    if (n.backward || (!r->again[v] && !n.op->view)) return v;
    if (n.op->view) {
        n.in[0] = instead(r, n.in[0]);
        if (n.in[0] == r->node[made].in[0]) return v; /* a view of what is kept */
    }
    for (int i = 0; i < n.n_in && !n.op->view; i++) {
        bool inner = n.in[i] != ANL_NONE && n.in[i] < r->n_value && r->last[root_of(g, n.in[i])] < 0;
        if (inner) n.in[i] = instead(r, n.in[i]);
    }
    n.backward = true;
    for (int j = 0; j < n.n_out; j++) {
        anl__value copy = g->value[n.out[j]];
        n.out[j] = anl__graph_value(g, &copy);
        if (g->status != ANL_OK) return v;
    }
    if ((g->status = put(r, &n)) != ANL_OK) return v;
    return r->clone[v] = n.out[0];
}

static void rebuild(recompute *r)
{
    anl_graph *g = r->g;
    for (int64_t k = 0; k < g->n_node && g->status == ANL_OK; k++) {
        anl__node n = g->node[k];
        for (int i = 0; i < n.n_in && n.backward && !n.dead; i++) n.in[i] = instead(r, n.in[i]);
        if (g->status == ANL_OK) g->status = put(r, &n);
    }
    if (g->status != ANL_OK) return;
    anl__free(g->ctx, g->node);
    g->node = r->node;
    g->n_node = r->n;
    g->cap_node = r->cap;
    r->node = NULL;
}

void anl__pass_recompute(anl_graph *g)
{
    if (g->status != ANL_OK) return;
    recompute r = {.g = g, .n_value = g->n_value};
    size_t n = (size_t)g->n_value + 1, most = 0;
    r.first = anl__calloc(g->ctx, n, sizeof *r.first);
    r.last = anl__calloc(g->ctx, n, sizeof *r.last);
    r.again = anl__calloc(g->ctx, n, sizeof *r.again);
    r.clone = anl__calloc(g->ctx, n, sizeof *r.clone);
    if (!r.first || !r.last || !r.again || !r.clone) g->status = ANL_NOMEM;
    for (int64_t v = 0; v < g->n_value; v++) {
        size_t bytes = g->value[v].kind == ANL__TENSOR ? bytes_of(g, (anl_value)v) : 0;
        if (bytes > most) most = bytes;
    }
    if (g->status == ANL_OK) {
        find_readers(&r);
        choose(&r, most / 64);
        rebuild(&r);
    }
    anl__free(g->ctx, r.first);
    anl__free(g->ctx, r.last);
    anl__free(g->ctx, r.again);
    anl__free(g->ctx, r.clone);
    anl__free(g->ctx, r.node);
}
