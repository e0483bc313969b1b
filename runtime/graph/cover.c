/* Cover: a step whose work another step's kernel does too, so that on a GPU both are one launch. */
#include "net.h"

/* The value whose bytes v is, under whatever shape. */
static anl_value seen_through(const anl_graph *g, anl_value v)
{
    while (v != ANL_NONE && g->value[v].node >= 0 && g->node[g->value[v].node].op->view) v = g->node[g->value[v].node].in[0];
    return v;
}

/* The input of node n that is v; -1: none, or more than one. */
static int input_of(const anl_graph *g, const anl__node *n, anl_value v)
{
    int at = -1, count = 0;
    for (int i = 0; i < n->n_in; i++)
        if (seen_through(g, n->in[i]) == v) at = i, count++;
    return count == 1 ? at : -1;
}

/* Does a node other than `but` read v? */
static bool is_read(const anl_graph *g, anl_value v, int64_t but)
{
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        if (n->dead || n->op->view || k == but) continue;
        if (n->accum != ANL_NONE && seen_through(g, n->accum) == v) return true;
        for (int i = 0; i < n->n_in; i++)
            if (seen_through(g, n->in[i]) == v) return true;
    }
    return false;
}

/* Is v wanted when the program is done? */
static bool is_kept(const anl_graph *g, const int *last, anl_value v)
{
    for (int64_t k = v; k < g->n_value; k++)
        if (last[k] == INT32_MAX && seen_through(g, (anl_value)k) == v) return true;
    return false;
}

int anl__covered(const anl_program *p, const int *node_of, const int *last, const bool *copy, int s)
{
    const anl_graph *g = p->graph;
    const anl__step *own = &p->step[s];
    if (!own->prep.kernel->covers) return -1;
    for (int q = 0; q < p->n_step; q++) {
        const anl__step *other = &p->step[q];
        const anl__node *n = &g->node[node_of[q]];
        if (q == s || other->covered_by || other->chain > 1 || !other->prep.kernel->run || n->n_out != 1 || n->accum != ANL_NONE || copy[node_of[q]] || n->op->mutates) continue;
        int in = q == s - 1 ? input_of(g, &g->node[node_of[s]], n->out[0]) : -1;
        if (in >= 0 ? is_read(g, n->out[0], node_of[s]) || is_kept(g, last, n->out[0]) : n->n_in > 0 || is_read(g, n->out[0], -1)) continue;
        if (in >= 0 && own->prep.call.param[in]) continue;
        if (own->prep.kernel->covers(&own->prep, &other->prep, in)) return q;
    }
    return -1;
}
