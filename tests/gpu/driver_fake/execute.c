/* Executable graphs: copies whose nodes are done one after the other. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

static bool exec_is(CUgraphExec e) { return e && ((CUgraph)e)->magic == graph_magic && ((CUgraph)e)->exec; }

/* The copy of a node, or NULL where one that it waits for has none yet. */
static CUgraphNode copy_node(CUgraph from, size_t at, CUgraph to, CUgraphNode *made)
{
    CUgraphNode old = from->nodes[at];
    CUgraphNode *after = malloc((old->after_count + 1) * sizeof *after);
    size_t k = 0;
    for (; after && k < old->after_count; k++) {
        size_t j = 0;
        while (j < from->count && from->nodes[j] != old->after[k]) j++;
        if (j == from->count || !made[j]) break;
        after[k] = made[j];
    }
    CUgraphNode n = after && k == old->after_count ? graph_add(to, old->kind, after, k) : NULL;
    free(after);
    if (!n) return NULL;
    struct CUgraphNode_st links = *n;
    *n = *old;
    n->graph = to;
    n->after = links.after;
    n->after_count = links.after_count;
    if (old->launch.params) {
        n->launch.params = malloc(old->launch.param_bytes + 1);
        if (n->launch.params) memcpy(n->launch.params, old->launch.params, old->launch.param_bytes);
    }
    if (old->child) n->child = graph_copy(old->child, false, to->owner);
    return n;
}

CUgraph graph_copy(CUgraph g, bool exec, const char *owner)
{
    CUgraph to = calloc(1, sizeof *to);
    CUgraphNode *made = calloc(g->count + 1, sizeof *made);
    if (!to || !made) return free(to), free(made), NULL;
    *to = (struct CUgraph_st){.magic = graph_magic, .owner = owner, .exec = exec};
    keep(exec ? K_EXEC : K_GRAPH, owner, 1);
    for (bool more = true; more;) { /* edges may lead back: until a round brings nothing */
        more = false;
        for (size_t i = 0; i < g->count; i++)
            if (!made[i] && (made[i] = copy_node(g, i, to, made))) more = true;
    }
    free(made);
    for (held_object *h = g->objects; h; h = h->next) {
        held_object *mine = malloc(sizeof *mine);
        if (!mine) break;
        *mine = (held_object){h->object, h->references, to->objects};
        h->object->references += h->references;
        to->objects = mine;
    }
    return to;
}

static CUresult instantiated(CUgraphExec *out, CUgraph g, const char *owner)
{
    NEED_CONTEXT(ctx);
    if (!graph_is(g)) return refuse(CUDA_ERROR_INVALID_VALUE, "no graph");
    CUresult r = capture_forbids(ctx, "a graph is instantiated");
    if (r) return r;
    CUgraph e = graph_copy(g, true, owner);
    *out = (CUgraphExec)e;
    return e ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

PLAYED CUresult cuGraphInstantiateWithFlags(CUgraphExec *out, CUgraph g, unsigned long long flags)
{
    ENTER;
    (void)flags;
    return instantiated(out, g, OWNER);
}

PLAYED CUresult cuGraphInstantiateWithParams(CUgraphExec *out, CUgraph g, CUDA_GRAPH_INSTANTIATE_PARAMS *p)
{
    ENTER;
    CUresult r = instantiated(out, g, OWNER);
    p->result_out = r ? CUDA_GRAPH_INSTANTIATE_ERROR : CUDA_GRAPH_INSTANTIATE_SUCCESS;
    p->hErrNode_out = NULL;
    return r;
}

PLAYED CUresult cuGraphExecDestroy(CUgraphExec e)
{
    ENTER;
    if (!exec_is(e)) return refuse(CUDA_ERROR_INVALID_VALUE, "no executable graph");
    graph_free((CUgraph)e);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuGraphUpload(CUgraphExec e, CUstream s)
{
    ENTER;
    NEED_CONTEXT(ctx);
    if (!exec_is(e) || !stream_of(s, ctx)) return refuse(CUDA_ERROR_INVALID_VALUE, "no executable graph, or no stream");
    return CUDA_SUCCESS;
}

static CUresult executed(CUgraph g, CUcontext ctx)
{
    CUresult r = CUDA_SUCCESS;
    for (size_t i = 0; i < g->count && !r && !ctx->lost; i++) {
        CUgraphNode n = g->nodes[i];
        switch (n->kind) {
        case NODE_KERNEL:
            count(N_LAUNCHES_REPLAYED, 1);
            context_launches(ctx);
            if (!function_is(n->launch.f))
                r = fault(CUDA_ERROR_ILLEGAL_ADDRESS, "a graph launches a function of a module that is gone");
            else if (!launch_pointers_live(&n->launch, "in a graph"))
                r = CUDA_ERROR_ILLEGAL_ADDRESS;
            else
                launch_play(&n->launch);
            break;
        case NODE_COPY: r = copy_do(&n->copy); break;
        case NODE_SET: r = set_do(&n->set); break;
        case NODE_HOST: {
            int out = driver_out();
            n->host.fn(n->host.userData);
            driver_in(out);
            break;
        }
        case NODE_RECORD: n->event->recorded = true, n->event->at = now(); break;
        case NODE_CHILD: r = executed(n->child, ctx); break;
        default: break;
        }
    }
    return r;
}

PLAYED CUresult cuGraphLaunch(CUgraphExec e, CUstream handle)
{
    ENTER;
    NEED_CONTEXT(ctx);
    CUstream s = stream_of(handle, ctx);
    if (!exec_is(e)) return refuse(CUDA_ERROR_INVALID_VALUE, "no executable graph");
    if (!s) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream");
    if (s->capture) {
        CUgraphNode node;
        CUresult r = stream_takes(handle, NODE_CHILD, &s, &node, "a graph");
        if (!r) node->child = graph_copy((CUgraph)e, false, OWNER);
        return r;
    }
    if (s->legacy) {
        CUresult r = capture_forbids_legacy(ctx, "a graph");
        if (r) return r;
        count(N_LEGACY, 1);
    }
    count(N_GRAPH_LAUNCHES, 1);
    return executed((CUgraph)e, ctx);
}
