/* Rewrite: fusions replace chains of nodes by composite operators that have gradients of their own. */
#include "passes.h"

#include <stdio.h>
#include <string.h>

struct anl__rewrite {
    anl_graph *g;
    int node[ANL__MAX_CHAIN];
    int n;
    anl__call call[ANL__MAX_CHAIN + 1]; /* handed out by anl__rewrite_call */
    int64_t mark;                       /* nodes before the attempt, to undo a declined one */
};

static bool is_named(const anl__named *list, int64_t n, anl_value v)
{
    for (int64_t i = 0; i < n; i++)
        if (list[i].v == v || (list[i].v2 == v && v != ANL_NONE)) return true;
    return false;
}

static bool is_wanted(const anl_graph *g, anl_value v)
{
    return is_named(g->loss, g->n_loss, v) || is_named(g->sum, g->n_sum, v) || is_named(g->output, g->n_output, v) || is_named(g->seed, g->n_seed, v);
}

static int count_readers(const anl_graph *g, anl_value v, int *reader)
{
    int n = 0;
    for (int64_t k = 0; k < g->n_node; k++) {
        if (g->node[k].dead) continue;
        for (int i = 0; i < g->node[k].n_in; i++)
            if (g->node[k].in[i] == v) {
                *reader = (int)k;
                n++;
            }
    }
    return n;
}

const anl__call *anl__rewrite_call(anl__rewrite *rw, int node)
{
    int slot = ANL__MAX_CHAIN;
    for (int k = 0; k < rw->n; k++)
        if (rw->node[k] == node) slot = k;
    anl__graph_call(rw->g, node, &rw->call[slot]);
    return &rw->call[slot];
}

anl_value anl__rewrite_in(anl__rewrite *rw, int node, int i)
{
    return i < rw->g->node[node].n_in ? rw->g->node[node].in[i] : ANL_NONE;
}

anl_value anl__rewrite_out(anl__rewrite *rw, int node, int j) { return rw->g->node[node].out[j]; }

bool anl__rewrite_is_read(anl__rewrite *rw, anl_value v)
{
    int reader;
    return is_wanted(rw->g, v) || count_readers(rw->g, v, &reader) > 0;
}

anl_value anl__rewrite_node(anl__rewrite *rw, const char *op_name, int like, const anl_value *in, int n_in, const char *attrs, ...)
{
    char buf[512] = "";
    const anl__op *op = anl__op_find(op_name);
    if (!op) return ANL_NONE;
    if (attrs) {
        va_list ap;
        va_start(ap, attrs);
        vsnprintf(buf, sizeof buf, attrs, ap);
        va_end(ap);
    }
    const anl__call *base = anl__rewrite_call(rw, like);
    return anl__graph_add(rw->g, op, rw->g->node[like].name, in, n_in, &base, 1, buf);
}

anl_value anl__rewrite_node_output(anl__rewrite *rw, anl_value first, int j) { return anl_node_output(rw->g, first, j); }

void anl__rewrite_replace(anl__rewrite *rw, anl_value old, anl_value now)
{
    anl_graph *g = rw->g;
    if (old == ANL_NONE || now == ANL_NONE) return;
    for (int64_t k = 0; k < g->n_node; k++)
        for (int i = 0; i < g->node[k].n_in; i++)
            if (g->node[k].in[i] == old) g->node[k].in[i] = now;
    anl__named *lists[] = {g->loss, g->sum, g->output, g->seed};
    int64_t counts[] = {g->n_loss, g->n_sum, g->n_output, g->n_seed};
    for (int l = 0; l < 4; l++)
        for (int64_t i = 0; i < counts[l]; i++) {
            if (lists[l][i].v == old) lists[l][i].v = now;
            if (lists[l][i].v2 == old) lists[l][i].v2 = now;
        }
}

/* Follows the pattern forward from `start`; output 0 of each node but the last is read by the next only. */
static bool match(anl__rewrite *rw, const anl__fusion *f, int start)
{
    anl_graph *g = rw->g;
    rw->n = 0;
    for (int at = start; rw->n < ANL__MAX_CHAIN && f->chain[rw->n];) {
        if (g->node[at].dead || strcmp(g->node[at].op->name, f->chain[rw->n])) return false;
        rw->node[rw->n++] = at;
        if (rw->n == ANL__MAX_CHAIN || !f->chain[rw->n]) return true;
        if (g->node[at].n_out == 0 || is_wanted(g, g->node[at].out[0])) return false;
        if (count_readers(g, g->node[at].out[0], &at) != 1) return false;
    }
    return false;
}

/* New nodes were appended at the end; they take the place of the chain's last node, so that the order stays
   topological: readers of the chain's outputs come later. Here nodes are only marked; order is restored by sorting. */
static void move_to(anl_graph *g, int64_t from, int at)
{
    for (int64_t k = from; k < g->n_node; k++) { /* rotate node k down to position at+1, +2, ... */
        anl__node moved = g->node[k];
        int64_t to = at + 1 + (k - from);
        memmove(&g->node[to + 1], &g->node[to], sizeof moved * (size_t)(k - to));
        g->node[to] = moved;
    }
    for (int64_t k = 0; k < g->n_node; k++)
        for (int j = 0; j < g->node[k].n_out; j++)
            if (g->node[k].out[j] != ANL_NONE) g->value[g->node[k].out[j]].node = (int)k;
}

static bool try_fusion(anl_graph *g, const anl__fusion *f)
{
    bool any = false;
    if (!(f->modes >> g->mode & 1) || (f->makes && !anl__op_find(f->makes))) return false;
    for (int64_t start = 0; start < g->n_node && g->status == ANL_OK; start++) {
        anl__rewrite rw = {.g = g};
        if (!match(&rw, f, (int)start)) continue;
        rw.mark = g->n_node;
        int last = rw.node[rw.n - 1];
        bool done = f->apply(&rw, rw.node);
        if (g->status != ANL_OK) return false;
        if (!done) {
            for (int64_t k = rw.mark; k < g->n_node; k++) g->node[k].dead = true;
            continue;
        }
        for (int k = 0; k < rw.n; k++) g->node[rw.node[k]].dead = true;
        move_to(g, rw.mark, last);
        any = true;
    }
    return any;
}

void anl__pass_rewrite(anl_graph *g)
{
    bool again = true;
    for (int round = 0; again && round < 16 && g->status == ANL_OK; round++) {
        again = false;
        for (int rank = 100; rank >= 0 && g->status == ANL_OK; rank--)
            for (int t = 0; anl__fusion_table[t]; t++)
                for (int i = 0; anl__fusion_table[t][i]; i++)
                    if (anl__fusion_table[t][i]->rank == rank) again |= try_fusion(g, anl__fusion_table[t][i]);
    }
}
