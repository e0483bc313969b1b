/* Graphs: nodes in the order in which they were added, edges, and their execution one after the other. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

const unsigned graph_magic = 0x68707267, node_magic = 0x65646f6e;

bool graph_is(CUgraph g) { return g && g->magic == graph_magic && !g->exec; }
static bool node_is(CUgraphNode n) { return n && n->magic == node_magic; }

CUgraph graph_new(const char *owner)
{
    CUgraph g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->magic = graph_magic;
    g->owner = owner;
    keep(K_GRAPH, owner, 1);
    return g;
}

static void object_let_go(CUuserObject o, unsigned n)
{
    o->references -= n;
    if (o->references) return;
    int out = driver_out();
    o->gone(o->data);
    driver_in(out);
    free(o);
}

static void node_release(CUgraphNode n)
{
    if (n->kind == NODE_KERNEL) launch_release(&n->launch);
    if (n->child) graph_free(n->child);
    free(n->after);
    n->magic = 0;
    free(n);
}

void graph_free(CUgraph g)
{
    for (size_t i = 0; i < g->count; i++) node_release(g->nodes[i]);
    for (held_object *h = g->objects, *next; h; h = next) {
        next = h->next;
        object_let_go(h->object, h->references);
        free(h);
    }
    keep(g->exec ? K_EXEC : K_GRAPH, g->owner, -1);
    free(g->nodes);
    g->magic = 0; /* kept, so that a later use is seen */
}

CUgraphNode graph_add(CUgraph g, node_kind kind, CUgraphNode const *after, size_t n)
{
    if (g->count == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        CUgraphNode *more = realloc(g->nodes, room * sizeof *more);
        if (!more) return NULL;
        g->nodes = more;
        g->room = room;
    }
    CUgraphNode node = calloc(1, sizeof *node);
    if (!node) return NULL;
    *node = (struct CUgraphNode_st){.magic = node_magic, .kind = kind, .graph = g, .after = malloc((n + 1) * sizeof *after), .after_count = n};
    if (!node->after) return free(node), NULL;
    if (n) memcpy(node->after, after, n * sizeof *after);
    g->nodes[g->count++] = node;
    return node;
}

static bool comes_before(CUgraphNode a, CUgraphNode b, uint64_t search)
{
    if (a == b) return true;
    if (b->seen == search) return false; /* looked at before */
    b->seen = search;
    for (size_t i = 0; i < b->after_count; i++)
        if (comes_before(a, b->after[i], search)) return true;
    return false;
}

bool node_before(CUgraphNode a, CUgraphNode b)
{
    static uint64_t search;
    return comes_before(a, b, ++search);
}

/* ---- making ------------------------------------------------------------------------------------ */

PLAYED CUresult cuGraphCreate(CUgraph *out, unsigned flags)
{
    ENTER;
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    *out = graph_new(OWNER);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

PLAYED CUresult cuGraphDestroy(CUgraph g)
{
    ENTER;
    if (!graph_is(g)) return refuse(CUDA_ERROR_INVALID_VALUE, "no graph");
    graph_free(g);
    return CUDA_SUCCESS;
}

static CUresult added(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, node_kind kind)
{
    if (!graph_is(g)) return refuse(CUDA_ERROR_INVALID_VALUE, "no graph");
    for (size_t i = 0; i < n; i++)
        if (!node_is(after[i]) || after[i]->graph != g) return refuse(CUDA_ERROR_INVALID_VALUE, "a node is to come after one of another graph");
    *out = graph_add(g, kind, after, n);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

PLAYED CUresult cuGraphAddKernelNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, const CUDA_KERNEL_NODE_PARAMS *p)
{
    ENTER;
    NEED_CONTEXT(ctx);
    launch l = {.f = p->func ? p->func : (CUfunction)p->kern,
                .grid = {p->gridDimX, p->gridDimY, p->gridDimZ},
                .block = {p->blockDimX, p->blockDimY, p->blockDimZ},
                .shared = p->sharedMemBytes};
    CUresult r = launch_prepare(&l, p->kernelParams, p->extra);
    if (!r) r = launch_check(&l, ctx);
    if (!r) r = added(out, g, after, n, NODE_KERNEL);
    if (r)
        launch_release(&l);
    else
        (*out)->launch = l, (*out)->given = *p;
    return r;
}

PLAYED CUresult cuGraphKernelNodeGetParams(CUgraphNode n, CUDA_KERNEL_NODE_PARAMS *p)
{
    ENTER;
    if (!node_is(n) || n->kind != NODE_KERNEL) return CUDA_ERROR_INVALID_VALUE;
    *p = n->given;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuGraphAddMemcpyNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, const CUDA_MEMCPY3D *c, CUcontext ctx)
{
    ENTER;
    (void)ctx;
    uintptr_t to = c->dstMemoryType == CU_MEMORYTYPE_HOST ? (uintptr_t)c->dstHost : (uintptr_t)c->dstDevice;
    uintptr_t from = c->srcMemoryType == CU_MEMORYTYPE_HOST ? (uintptr_t)c->srcHost : (uintptr_t)c->srcDevice;
    copy_work w = {to + c->dstXInBytes, from + c->srcXInBytes, c->WidthInBytes, c->Height, c->dstPitch, c->srcPitch};
    if (c->Depth != 1 || c->srcMemoryType == CU_MEMORYTYPE_ARRAY || c->dstMemoryType == CU_MEMORYTYPE_ARRAY)
        return fault(CUDA_ERROR_NOT_SUPPORTED, "such a copy is not played");
    CUresult r = copy_check(&w);
    if (!r) r = added(out, g, after, n, NODE_COPY);
    if (!r) (*out)->copy = w;
    return r;
}

PLAYED CUresult cuGraphAddMemsetNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, const CUDA_MEMSET_NODE_PARAMS *p, CUcontext ctx)
{
    ENTER;
    (void)ctx;
    set_work w = {p->dst, p->value, (int)p->elementSize, p->width, p->height, p->pitch};
    CUresult r = set_check(&w);
    if (!r) r = added(out, g, after, n, NODE_SET);
    if (!r) (*out)->set = w;
    return r;
}

PLAYED CUresult cuGraphAddHostNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, const CUDA_HOST_NODE_PARAMS *p)
{
    ENTER;
    CUresult r = added(out, g, after, n, NODE_HOST);
    if (!r) (*out)->host = *p;
    return r;
}

PLAYED CUresult cuGraphAddEmptyNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n)
{
    ENTER;
    return added(out, g, after, n, NODE_EMPTY);
}

PLAYED CUresult cuGraphAddEventRecordNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, CUevent e)
{
    ENTER;
    CUresult r = added(out, g, after, n, NODE_RECORD);
    if (!r) (*out)->event = e;
    return r;
}

PLAYED CUresult cuGraphAddEventWaitNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, CUevent e)
{
    ENTER;
    CUresult r = added(out, g, after, n, NODE_WAIT);
    if (!r) (*out)->event = e;
    return r;
}

PLAYED CUresult cuGraphAddChildGraphNode(CUgraphNode *out, CUgraph g, const CUgraphNode *after, size_t n, CUgraph child)
{
    ENTER;
    if (!graph_is(child)) return refuse(CUDA_ERROR_INVALID_VALUE, "no graph");
    CUresult r = added(out, g, after, n, NODE_CHILD);
    if (!r) (*out)->child = graph_copy(child, false, OWNER);
    return r;
}

PLAYED CUresult cuGraphAddDependencies(CUgraph g, const CUgraphNode *from, const CUgraphNode *to, const CUgraphEdgeData *data, size_t n)
{
    ENTER;
    (void)data;
    for (size_t i = 0; i < n; i++) {
        if (!node_is(from[i]) || !node_is(to[i]) || from[i]->graph != g || to[i]->graph != g)
            return refuse(CUDA_ERROR_INVALID_VALUE, "an edge between nodes of another graph");
        if (node_before(to[i], from[i])) return refuse(CUDA_ERROR_INVALID_VALUE, "an edge makes a circle");
        CUgraphNode *more = realloc(to[i]->after, (to[i]->after_count + 2) * sizeof *more);
        if (!more) return CUDA_ERROR_OUT_OF_MEMORY;
        to[i]->after = more;
        more[to[i]->after_count++] = from[i];
    }
    return CUDA_SUCCESS;
}

/* ---- looking ------------------------------------------------------------------------------------ */

static CUresult give(CUgraphNode *out, size_t *n, CUgraphNode const *all, size_t count)
{
    if (out)
        for (size_t i = 0; i < *n; i++) out[i] = i < count ? all[i] : NULL;
    if (!out || *n > count) *n = count;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuGraphGetNodes(CUgraph g, CUgraphNode *out, size_t *n)
{
    ENTER;
    return graph_is(g) ? give(out, n, g->nodes, g->count) : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuGraphGetRootNodes(CUgraph g, CUgraphNode *out, size_t *n)
{
    ENTER;
    if (!graph_is(g)) return CUDA_ERROR_INVALID_VALUE;
    CUgraphNode *roots = malloc((g->count + 1) * sizeof *roots);
    size_t k = 0;
    if (!roots) return CUDA_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < g->count; i++)
        if (!g->nodes[i]->after_count) roots[k++] = g->nodes[i];
    CUresult r = give(out, n, roots, k);
    free(roots);
    return r;
}

PLAYED CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *out, CUgraphEdgeData *data, size_t *n)
{
    ENTER;
    if (!node_is(node)) return CUDA_ERROR_INVALID_VALUE;
    if (data && out) memset(data, 0, *n * sizeof *data);
    return give(out, n, node->after, node->after_count);
}

PLAYED CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type)
{
    ENTER;
    static const CUgraphNodeType types[] = {
        [NODE_KERNEL] = CU_GRAPH_NODE_TYPE_KERNEL,   [NODE_COPY] = CU_GRAPH_NODE_TYPE_MEMCPY, [NODE_SET] = CU_GRAPH_NODE_TYPE_MEMSET,
        [NODE_HOST] = CU_GRAPH_NODE_TYPE_HOST,       [NODE_EMPTY] = CU_GRAPH_NODE_TYPE_EMPTY, [NODE_RECORD] = CU_GRAPH_NODE_TYPE_EVENT_RECORD,
        [NODE_WAIT] = CU_GRAPH_NODE_TYPE_WAIT_EVENT, [NODE_CHILD] = CU_GRAPH_NODE_TYPE_GRAPH, [NODE_ALLOC] = CU_GRAPH_NODE_TYPE_MEM_ALLOC,
        [NODE_FREE] = CU_GRAPH_NODE_TYPE_MEM_FREE};
    if (!node_is(node)) return CUDA_ERROR_INVALID_VALUE;
    *type = types[node->kind];
    return CUDA_SUCCESS;
}

PLAYED CUresult cuGraphKernelNodeSetAttribute(CUgraphNode node, CUkernelNodeAttrID a, const CUkernelNodeAttrValue *v)
{
    ENTER;
    if (!node_is(node) || node->kind != NODE_KERNEL) return CUDA_ERROR_INVALID_VALUE;
    if (a == CU_LAUNCH_ATTRIBUTE_COOPERATIVE) node->launch.cooperative = v->cooperative;
    return CUDA_SUCCESS;
}

/* ---- user objects --------------------------------------------------------------------------------- */

PLAYED CUresult cuUserObjectCreate(CUuserObject *out, void *data, CUhostFn gone, unsigned references, unsigned flags)
{
    ENTER;
    if (flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC || !references) return CUDA_ERROR_INVALID_VALUE;
    CUuserObject o = calloc(1, sizeof *o);
    if (!o) return CUDA_ERROR_OUT_OF_MEMORY;
    *o = (struct CUuserObject_st){data, gone, references};
    *out = o;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuUserObjectRetain(CUuserObject o, unsigned n)
{
    ENTER;
    o->references += n;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuUserObjectRelease(CUuserObject o, unsigned n)
{
    ENTER;
    object_let_go(o, n);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuGraphRetainUserObject(CUgraph g, CUuserObject o, unsigned n, unsigned flags)
{
    ENTER;
    held_object *h = malloc(sizeof *h);
    if (!graph_is(g)) return free(h), CUDA_ERROR_INVALID_VALUE;
    if (!h) return CUDA_ERROR_OUT_OF_MEMORY;
    if (!(flags & CU_GRAPH_USER_OBJECT_MOVE)) o->references += n;
    *h = (held_object){o, n, g->objects};
    g->objects = h;
    return CUDA_SUCCESS;
}
