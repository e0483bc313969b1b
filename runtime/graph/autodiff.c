/* Autodiff: appends ordinary nodes that compute the gradients of the losses' numerators.
 *
 * Walks the forward nodes backwards; each operator's grad gives contributions to its inputs. A second contribution
 * to the same value is written with accum (out += result) when its operator honours that, else by an add node; always
 * in reverse node order, so the sum's order is fixed.
 */
#include "passes.h"

#include <stdio.h>
#include <string.h>

struct anl__grad {
    anl_graph *g;
    anl__call call;
    int node;
    anl_value *grad;   /* by value */
    bool *need, *shared;
    int64_t n_value;   /* forward values */
    int64_t n_forward; /* forward nodes */
};

const anl__call *anl__grad_call(const anl__grad *G) { return &G->call; }
anl_value anl__grad_in(const anl__grad *G, int i) { return i < G->g->node[G->node].n_in ? G->g->node[G->node].in[i] : ANL_NONE; }
anl_value anl__grad_out(const anl__grad *G, int j) { return G->g->node[G->node].out[j]; }

anl_value anl__grad_dout(const anl__grad *G, int j)
{
    return j < G->g->node[G->node].n_out ? G->grad[G->g->node[G->node].out[j]] : ANL_NONE;
}

bool anl__grad_needs(const anl__grad *G, int i)
{
    anl_value v = anl__grad_in(G, i);
    return v != ANL_NONE && G->need[v];
}

anl_value anl__grad_node(anl__grad *G, const char *op_name, const anl_value *in, int n_in, bool attrs_of, const char *attrs, ...)
{
    char buf[512] = "";
    const anl__call *base[1] = {&G->call};
    const anl__op *op = anl__op_find(op_name);
    if (!op) {
        anl_graph_fail(G->g, ANL_INTERNAL, "operator %s, which the gradient of layer '%s' (%s) needs, is not built in", op_name, G->call.name, G->call.op->name);
        return ANL_NONE;
    }
    if (attrs) {
        va_list ap;
        va_start(ap, attrs);
        vsnprintf(buf, sizeof buf, attrs, ap);
        va_end(ap);
    }
    return anl__graph_add(G->g, op, G->call.name, in, n_in, base, attrs_of ? 1 : 0, buf);
}

anl_value anl__grad_node_output(anl__grad *G, anl_value first, int j) { return anl_node_output(G->g, first, j); }

/* May d take the sum by accumulation? It must come fresh from a node that honours accum and be nobody else's. */
static bool can_accum(const anl__grad *G, anl_value prev, anl_value d)
{
    const anl__value *v = &G->g->value[d];
    if (G->shared[prev] || G->shared[d] || v->node < G->n_forward || v->out != 0 || v->kind != ANL__TENSOR) return false;
    const anl__node *n = &G->g->node[v->node];
    if (!n->op->accum_ok || n->accum != ANL_NONE || v->type.dtype != G->g->value[prev].type.dtype) return false;
    for (int64_t k = v->node + 1; k < G->g->n_node; k++) /* d is already read: its plain value is wanted */
        for (int i = 0; i < G->g->node[k].n_in; i++)
            if (G->g->node[k].in[i] == d) return false;
    return true;
}

/* Room for the flags of values that backward nodes have made meanwhile. */
static anl_status cover(anl__grad *G, int64_t *cap)
{
    anl_ctx *ctx = G->g->ctx;
    int64_t old = *cap, cap2 = *cap, cap3 = *cap, need = G->g->n_value + 64;
    if (need <= old) return ANL_OK;
    ANL_TRY(anl__grow(ctx, &G->grad, cap, need, sizeof *G->grad));
    ANL_TRY(anl__grow(ctx, &G->shared, &cap2, need, sizeof *G->shared));
    ANL_TRY(anl__grow(ctx, &G->need, &cap3, need, sizeof *G->need));
    for (int64_t i = old; i < *cap; i++) G->grad[i] = ANL_NONE;
    return ANL_OK;
}

void anl__grad_give(anl__grad *G, int i, anl_value d)
{
    anl_graph *g = G->g;
    anl_value v = anl__grad_in(G, i);
    if (g->status != ANL_OK || d == ANL_NONE || v == ANL_NONE || !G->need[v]) return;
    if (anl_shape_count(&g->value[d].type.shape) != anl_shape_count(&g->value[v].type.shape)) {
        char a[96], b[96];
        anl_graph_fail(g, ANL_INTERNAL, "gradient of input %d of layer '%s' (%s) is %s, the input %s", i, G->call.name, G->call.op->name,
                       anl__shape_text(&g->value[d].type.shape, a), anl__shape_text(&g->value[v].type.shape, b));
        return;
    }
    anl_value prev = G->grad[v];
    bool given = false; /* d already stands for another value's gradient */
    for (int64_t k = 0; k < G->n_value && !given; k++) given = G->grad[k] == d;
    if (given) G->shared[d] = true;
    if (prev == ANL_NONE) {
        G->grad[v] = d;
    } else if (!given && can_accum(G, prev, d)) {
        g->node[g->value[d].node].accum = prev;
        G->grad[v] = d;
    } else {
        anl_value in[2] = {prev, d};
        G->grad[v] = anl__grad_node(G, "add", in, 2, false, NULL);
    }
}

static void mark_need(anl__grad *G)
{
    anl_graph *g = G->g;
    for (int64_t v = 0; v < G->n_value; v++) G->need[v] = g->value[v].kind == ANL__PARAM && !(g->value[v].flags & ANL_PARAM_FROZEN);
    for (int64_t i = 0; i < g->n_want; i++) G->need[g->want[i].v] = true;
    for (int64_t k = 0; k < G->n_forward; k++) {
        if (g->node[k].dead) continue;
        bool need = false;
        for (int i = 0; i < g->node[k].n_in; i++) need |= g->node[k].in[i] != ANL_NONE && G->need[g->node[k].in[i]];
        for (int j = 0; j < g->node[k].n_out; j++) G->need[g->node[k].out[j]] |= need;
    }
}

/* Gradients in f16 need a scale of their own. */
static bool scaled(const anl_graph *g) { return g->dtype == ANL_F16; }

static void seed_losses(anl__grad *G)
{
    anl_graph *g = G->g;
    for (int64_t i = 0; i < g->n_seed; i++) G->grad[g->seed[i].v] = g->seed[i].v2;
    if (g->n_seed) return;
    for (int64_t i = 0; i < g->n_loss && g->status == ANL_OK; i++) {
        char attrs[64];
        snprintf(attrs, sizeof attrs, "weight=%.17g", g->loss[i].weight);
        const anl__op *op = anl__op_find("loss_seed");
        if (!op) return anl_graph_fail(g, ANL_INTERNAL, "operator loss_seed is not built in");
        anl_value in[4] = {anl__graph_hyper(g), i ? g->loss[0].v2 : ANL_NONE, i ? g->loss[i].v2 : ANL_NONE, scaled(g) ? anl__graph_scale(g) : ANL_NONE};
        G->grad[g->loss[i].v] = anl__graph_add(g, op, g->loss[i].name, in, scaled(g) ? 4 : i ? 3 : 1, NULL, 0, attrs);
    }
}

static void walk(anl__grad *G, int64_t *cap)
{
    anl_graph *g = G->g;
    for (int64_t k = G->n_forward - 1; k >= 0 && g->status == ANL_OK; k--) {
        const anl__node *n = &g->node[k];
        bool wanted = false, need = false;
        if (n->dead) continue;
        for (int j = 0; j < n->n_out; j++) wanted |= G->grad[n->out[j]] != ANL_NONE;
        for (int i = 0; i < n->n_in; i++) need |= n->in[i] != ANL_NONE && G->need[n->in[i]];
        if (!wanted || !need) continue;
        if (!n->op->grad) return anl_graph_fail(g, ANL_UNSUPPORTED, "layer '%s' (%s) has no gradient, but parameters before it need one", n->name, n->op->name);
        G->node = (int)k;
        anl__graph_call(g, (int)k, &G->call);
        if ((g->status = cover(G, cap)) != ANL_OK) return;
        anl_status st = n->op->grad(G);
        if (g->status == ANL_OK) g->status = st;
    }
}

void anl__pass_autodiff(anl_graph *g, anl_value **grad_of)
{
    if (g->status != ANL_OK) return;
    anl__grad G = {.g = g, .n_forward = g->n_node};
    int64_t cap = 0;
    g->in_backward = true;
    if (!g->n_seed && g->n_loss) { /* before the forward values are counted */
        anl__graph_hyper(g);
        if (scaled(g)) anl__graph_scale(g);
    }
    G.n_value = g->n_value;
    if (g->status == ANL_OK) g->status = cover(&G, &cap);
    if (g->status == ANL_OK) {
        mark_need(&G);
        seed_losses(&G);
        if (g->status == ANL_OK) g->status = cover(&G, &cap);
        walk(&G, &cap);
    }
    *grad_of = NULL;
    if (g->status == ANL_OK && !(*grad_of = anl__arena_alloc(g->arena, sizeof(anl_value) * (size_t)(G.n_value + 1)))) g->status = ANL_NOMEM;
    if (g->status == ANL_OK)
        for (int64_t v = 0; v < G.n_value; v++) (*grad_of)[v] = g->value[v].kind == ANL__PARAM || g->value[v].kind == ANL__INPUT ? G.grad[v] : ANL_NONE;
    g->in_backward = false;
    anl__free(g->ctx, G.grad);
    anl__free(g->ctx, G.need);
    anl__free(g->ctx, G.shared);
}
