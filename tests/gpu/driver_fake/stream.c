/* Streams and what goes to them. Work is done as it comes; in a capture it becomes a node. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

const unsigned stream_magic = 0x6d727473;
static CUstream streams;
static struct CUstream_st legacy[MOST_DEVICES];
static uint64_t last_id;

bool stream_is(CUstream s) { return s && s->magic == stream_magic; }

CUstream stream_of(CUstream handle, CUcontext ctx)
{
    if ((uintptr_t)handle > 2) return stream_is(handle) ? handle : NULL;
    CUstream s = &legacy[ctx->device];
    *s = (struct CUstream_st){.magic = stream_magic, .ctx = ctx, .legacy = true};
    return s;
}

void stream_tips(CUstream s, CUgraphNode const *tips, size_t n)
{
    CUgraphNode *copy = n ? malloc(n * sizeof *copy) : NULL;
    if (n && copy) memcpy(copy, tips, n * sizeof *copy);
    free(s->tips);
    s->tips = copy;
    s->tip_count = copy ? n : 0;
    s->tips_set = false;
}

/* It comes after these too. */
void stream_joins(CUstream s, capture *c, CUgraphNode const *tips, size_t n)
{
    CUgraphNode *all = malloc((s->tip_count + n + 1) * sizeof *all);
    size_t k = s->tip_count;
    if (!all) return;
    memcpy(all, s->tips, k * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < k && all[j] != tips[i]) j++;
        if (j == k) all[k++] = tips[i];
    }
    s->capture = c;
    stream_tips(s, all, k);
    free(all);
}

void streams_forget_capture(capture *c)
{
    for (CUstream s = streams; s; s = s->next)
        if (s->capture == c) {
            s->capture = NULL;
            stream_tips(s, NULL, 0);
        }
}

/* A stream of the capture whose last work the origin's end does not come after. */
CUstream stream_unjoined(const capture *c)
{
    for (CUstream s = streams; s; s = s->next) {
        if (s->capture != c || s == c->origin || s->tips_set) continue;
        for (size_t i = 0; i < s->tip_count; i++) {
            bool joined = false;
            for (size_t k = 0; k < c->origin->tip_count && !joined; k++) joined = node_before(s->tips[i], c->origin->tips[k]);
            if (!joined) return s;
        }
    }
    return NULL;
}

CUresult stream_takes(CUstream handle, node_kind kind, CUstream *out, CUgraphNode *node, const char *what)
{
    NEED_CONTEXT(ctx);
    CUstream s = stream_of(handle, ctx);
    *node = NULL;
    *out = s;
    if (!s) return refuse(CUDA_ERROR_INVALID_HANDLE, "%s goes to what is no stream", what);
    if (!s->legacy && s->ctx->device != ctx->device && kind == NODE_KERNEL)
        return refuse(CUDA_ERROR_INVALID_HANDLE, "%s goes to a stream of device %d, and device %d is the thread's", what, s->ctx->device,
                      ctx->device);
    if (s->legacy) {
        CUresult r = capture_forbids_legacy(ctx, what);
        count(N_LEGACY, 1);
        return r;
    }
    if (!s->capture) return CUDA_SUCCESS;
    if (s->capture->broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    *node = graph_add(s->capture->graph, kind, s->tips, s->tip_count);
    if (!*node) return CUDA_ERROR_OUT_OF_MEMORY;
    stream_tips(s, node, 1);
    return CUDA_SUCCESS;
}

static CUresult create(CUstream *out, unsigned flags, int priority, const char *owner)
{
    NEED_CONTEXT(ctx);
    if (flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    CUstream s = calloc(1, sizeof *s);
    if (!s) return CUDA_ERROR_OUT_OF_MEMORY;
    *s = (struct CUstream_st){.magic = stream_magic,
                              .ctx = ctx,
                              .flags = flags,
                              .priority = priority > 0    ? 0
                                          : priority < -5 ? -5
                                                          : priority,
                              .id = ++last_id,
                              .owner = owner,
                              .next = streams};
    streams = s;
    keep(K_STREAM, owner, 1);
    *out = s;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamCreate(CUstream *out, unsigned flags)
{
    ENTER;
    return create(out, flags, 0, OWNER);
}
PLAYED CUresult cuStreamCreateWithPriority(CUstream *out, unsigned flags, int priority)
{
    ENTER;
    return create(out, flags, priority, OWNER);
}

PLAYED CUresult cuStreamDestroy(CUstream s)
{
    ENTER;
    if (!stream_is(s) || s->legacy) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream");
    if (s->capture && s->capture->origin == s) capture_break(s->capture, 0, "its stream is destroyed");
    for (CUstream *p = &streams; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
    keep(K_STREAM, s->owner, -1);
    stream_tips(s, NULL, 0);
    s->magic = 0; /* kept, so that a later use is seen */
    return CUDA_SUCCESS;
}

/* Waiting for, or asking after, a stream. */
static CUresult settled(CUstream handle, const char *what)
{
    NEED_STREAM(s, handle);
    if (s->capture)
        return capture_break(s->capture, s->capture->broken ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, what);
    return s->legacy ? capture_forbids_legacy(ctx, what) : CUDA_SUCCESS;
}

PLAYED CUresult cuStreamSynchronize(CUstream s)
{
    ENTER;
    return settled(s, "a stream is waited for");
}
PLAYED CUresult cuStreamQuery(CUstream s)
{
    ENTER;
    return settled(s, "a stream is asked whether it is done");
}

PLAYED CUresult cuStreamGetFlags(CUstream handle, unsigned *flags)
{
    ENTER;
    NEED_STREAM(s, handle);
    *flags = s->flags;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuStreamGetId(CUstream handle, unsigned long long *id)
{
    ENTER;
    NEED_STREAM(s, handle);
    *id = s->id;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuStreamGetPriority(CUstream handle, int *p)
{
    ENTER;
    NEED_STREAM(s, handle);
    *p = s->priority;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuStreamGetCtx(CUstream handle, CUcontext *c)
{
    ENTER;
    NEED_STREAM(s, handle);
    *c = s->ctx;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuStreamGetCtx_v2(CUstream handle, CUcontext *c, CUgreenCtx *g)
{
    ENTER;
    NEED_STREAM(s, handle);
    *c = s->ctx;
    if (g) *g = NULL;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuStreamGetDevice(CUstream handle, CUdevice *d)
{
    ENTER;
    NEED_STREAM(s, handle);
    *d = s->ctx->device;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamGetAttribute(CUstream handle, CUstreamAttrID a, CUstreamAttrValue *value)
{
    ENTER;
    NEED_STREAM(s, handle);
    memset(value, 0, sizeof *value);
    if (a == CU_LAUNCH_ATTRIBUTE_PRIORITY) value->priority = s->priority;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamSetAttribute(CUstream handle, CUstreamAttrID a, const CUstreamAttrValue *value)
{
    ENTER;
    NEED_STREAM(s, handle);
    (void)a, (void)value;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamCopyAttributes(CUstream to, CUstream from)
{
    ENTER;
    (void)to, (void)from;
    return CUDA_SUCCESS;
}

static CUresult host_call(CUstream handle, CUhostFn fn, void *data)
{
    CUstream s;
    CUgraphNode node;
    CUresult r = stream_takes(handle, NODE_HOST, &s, &node, "a host function");
    if (r) return r;
    if (node) {
        node->host = (CUDA_HOST_NODE_PARAMS){fn, data};
        return CUDA_SUCCESS;
    }
    int out = driver_out();
    fn(data);
    driver_in(out);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuLaunchHostFunc(CUstream s, CUhostFn fn, void *data)
{
    ENTER;
    return host_call(s, fn, data);
}

PLAYED CUresult cuStreamAddCallback(CUstream handle, CUstreamCallback fn, void *data, unsigned flags)
{
    ENTER;
    NEED_STREAM(s, handle);
    (void)flags;
    if (s->capture) return capture_break(s->capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a callback is added to its stream");
    int out = driver_out();
    fn(handle, CUDA_SUCCESS, data);
    driver_in(out);
    return CUDA_SUCCESS;
}

/* ---- memory operations of a stream ------------------------------------------------------------ */

static CUresult write_value(CUstream handle, CUdeviceptr at, uint64_t v, size_t bytes)
{
    CUstream s;
    CUgraphNode node;
    CUresult r = stream_takes(handle, NODE_EMPTY, &s, &node, "a written value");
    char *to = r ? NULL : bytes_at(at, bytes, "a value is written");
    if (to && !node) memcpy(to, &v, bytes);
    return r ? r : to ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
PLAYED CUresult cuStreamWriteValue32(CUstream s, CUdeviceptr at, cuuint32_t v, unsigned flags)
{
    ENTER;
    (void)flags;
    return write_value(s, at, v, 4);
}
PLAYED CUresult cuStreamWriteValue64(CUstream s, CUdeviceptr at, cuuint64_t v, unsigned flags)
{
    ENTER;
    (void)flags;
    return write_value(s, at, v, 8);
}
