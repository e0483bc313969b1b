/* Schedule: the builder's order (forward, then backward in reverse) is kept, for it is topological and frees
 * values early; what nobody needs is dropped. */
#include "passes.h"

void anl__pass_prune(anl_graph *g, const bool *needed)
{
    if (g->status != ANL_OK) return;
    bool *used = anl__alloc(g->ctx, (size_t)g->n_value + 1);
    if (!used) {
        g->status = ANL_NOMEM;
        return;
    }
    for (int64_t v = 0; v < g->n_value; v++) used[v] = needed[v];
    for (int64_t k = g->n_node - 1; k >= 0; k--) {
        anl__node *n = &g->node[k];
        bool live = n->op->mutates != 0;
        for (int j = 0; j < n->n_out; j++) live |= used[n->out[j]];
        if (!live || n->dead) {
            n->dead = true;
            continue;
        }
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i] != ANL_NONE) used[n->in[i]] = true;
        if (n->accum != ANL_NONE) used[n->accum] = true;
    }
    anl__free(g->ctx, used);
}
