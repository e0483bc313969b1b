/* What is said when a device has no room for a net: what it needs, its largest tensors, and the batch that would fit. */
#include "net.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST = 3 };

typedef struct tensor { const char *name; const anl_shape *shape; double bytes; } tensor;

static double mib(double bytes) { return bytes / 1048576; }

static void largest_of(const anl_program *p, tensor top[LARGEST])
{
    const anl_graph *g = p->graph;
    for (int i = 0; i < g->n_node; i++)
        for (int j = 0; j < g->node[i].n_out && !g->node[i].dead; j++) {
            const anl__value *v = &g->value[g->node[i].out[j]];
            tensor t = {g->node[i].name, &v->type.shape, (double)anl_shape_count(&v->type.shape) * (double)anl_dtype_size(v->type.dtype)};
            bool view = g->node[i].op->view || v->kind != ANL__TENSOR || v->type.shape.rank < 0;
            for (int k = 0; k < LARGEST && !view; k++) {
                if (t.bytes <= top[k].bytes) continue;
                tensor was = top[k];
                top[k] = t;
                t = was;
            }
        }
}

/* The first input's first dimension. */
static int64_t samples_of(const anl_program *p)
{
    for (int i = 0; i < p->graph->n_value; i++)
        if (p->graph->value[i].kind == ANL__INPUT && p->graph->value[i].type.shape.rank > 0) return p->graph->value[i].type.shape.dim[0];
    return 0;
}

anl_status anl__net_no_room(anl_net *net, anl_status st, size_t slabs, size_t room)
{
    const anl_program *p = NULL;
    tensor top[LARGEST] = {{0}};
    char text[512] = "", shape[96];
    size_t used = 0;
    if (st != ANL_DEVICE_NOMEM) return st;
    for (int64_t i = 0; i < net->n_program; i++)
        if (!p || net->program[i]->stats.arena_bytes > p->stats.arena_bytes) p = net->program[i];
    if (!p) return st;
    largest_of(p, top);
    for (int k = 0; k < LARGEST && top[k].bytes > 0; k++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.48s %s (%.1f MiB)", k ? ", " : "; the largest tensors are ", top[k].name, anl__shape_text(top[k].shape, shape), mib(top[k].bytes));
    int64_t batch = samples_of(p);
    double fixed = (double)(slabs + net->derived_bytes), left = 0.9 * (double)room - fixed, fit = batch ? left / ((double)net->arena_bytes / (double)batch) : 0;
    if (room && batch > 1 && fit >= 1 && fit < (double)batch) snprintf(text + used, sizeof text - used, "; of a batch of %lld about %lld samples fit", (long long)batch, (long long)fit);
    else if (room && fit < 1) snprintf(text + used, sizeof text - used, "; not one sample fits");
    return anl__context(net->ctx, st, "the net needs %.1f MiB for parameters, gradients and moments, %.1f for activations, %.1f for packed weights%s", mib((double)slabs),
                        mib((double)net->arena_bytes), mib((double)net->derived_bytes), text);
}
