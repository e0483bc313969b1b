/* Captures of streams, and what the driver forbids while one goes on. */
#include "driver.h"

#include <stdlib.h>

static capture *captures; /* that go on */
static uint64_t last_id;
static __thread CUstreamCaptureMode thread_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

capture *capture_alive(uint64_t id)
{
    capture *c = captures;
    while (c && c->id != id) c = c->next;
    return c;
}

/* `r` 0: nobody is told. */
CUresult capture_break(capture *c, CUresult r, const char *why)
{
    c->broken = true;
    return r == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED ? r : refuse(r, "a capture is broken: %s", why);
}

CUresult capture_breaks_all(CUcontext ctx, CUresult r, const char *why)
{
    for (capture *c = captures; c; c = c->next)
        if (c->origin->ctx == ctx) c->broken = true;
    return refuse(r, "captures are broken: %s", why);
}

/* Calls that may wait or change what others see, such as taking memory: as cuThreadExchangeStreamCaptureMode has it. */
CUresult capture_forbids(CUcontext ctx, const char *what)
{
    (void)ctx;
    if (thread_mode == CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_SUCCESS;
    for (capture *c = captures; c; c = c->next) {
        bool own = pthread_equal(c->thread, pthread_self());
        bool forbidden = own ? c->mode != CU_STREAM_CAPTURE_MODE_RELAXED
                             : c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL && thread_mode == CU_STREAM_CAPTURE_MODE_GLOBAL;
        if (forbidden) return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, what);
    }
    return CUDA_SUCCESS;
}

/* The legacy stream waits for every blocking stream, so it may not be used while one of them is captured. */
CUresult capture_forbids_legacy(CUcontext ctx, const char *what)
{
    for (capture *c = captures; c; c = c->next) {
        if (c->origin->ctx != ctx) continue;
        if (!(c->origin->flags & CU_STREAM_NON_BLOCKING)) return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, what);
        if (pthread_equal(c->thread, pthread_self())) fault(0, "%s goes to the legacy stream while this thread captures another", what);
    }
    return CUDA_SUCCESS;
}

static CUresult begin(CUstream handle, CUstreamCaptureMode mode, CUgraph graph, const CUgraphNode *after, size_t n, const char *owner)
{
    NEED_CONTEXT(ctx);
    CUstream s = stream_of(handle, ctx);
    if (!s) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream");
    if (s->legacy) return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the legacy stream is to be captured");
    if (s->capture) return refuse(CUDA_ERROR_ILLEGAL_STATE, "a stream that is captured is to be captured");
    capture *c = calloc(1, sizeof *c);
    if (!c) return CUDA_ERROR_OUT_OF_MEMORY;
    *c = (capture){.id = ++last_id,
                   .graph = graph ? graph : graph_new(owner),
                   .own_graph = !graph,
                   .origin = s,
                   .mode = mode,
                   .thread = pthread_self(),
                   .next = captures};
    captures = c;
    s->ctx->captures++;
    s->capture = c;
    stream_tips(s, after, n);
    count(N_CAPTURES, 1);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode)
{
    ENTER;
    return begin(s, mode, NULL, NULL, 0, OWNER);
}

PLAYED CUresult cuStreamBeginCaptureToGraph(CUstream s, CUgraph g, const CUgraphNode *after, const CUgraphEdgeData *data, size_t n,
                                            CUstreamCaptureMode mode)
{
    ENTER;
    (void)data;
    return graph_is(g) ? begin(s, mode, g, after, n, OWNER) : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuStreamEndCapture(CUstream s, CUgraph *out)
{
    ENTER;
    CUresult r = CUDA_SUCCESS;
    if (!stream_is(s)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream");
    capture *c = s->capture;
    *out = NULL;
    if (!c) return refuse(CUDA_ERROR_ILLEGAL_STATE, "a stream is not captured");
    if (c->origin != s) return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "it is ended on another stream than it began on");
    if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED && !pthread_equal(c->thread, pthread_self()))
        return refuse(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "a capture is ended by another thread");
    if (c->broken)
        r = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    else if (stream_unjoined(c))
        r = refuse(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "a stream that was forked from it was not joined");
    streams_forget_capture(c);
    for (capture **p = &captures; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            break;
        }
    s->ctx->captures--;
    if (!r)
        *out = c->graph;
    else if (c->own_graph)
        graph_free(c->graph);
    free(c);
    return r;
}

PLAYED CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status)
{
    ENTER;
    NEED_CONTEXT(ctx);
    CUstream s = stream_of(handle, ctx);
    if (!s) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream");
    if (s->legacy && ctx->captures) return capture_forbids_legacy(ctx, "the legacy stream is asked whether it is captured");
    *status = !s->capture          ? CU_STREAM_CAPTURE_STATUS_NONE
              : s->capture->broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                   : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
}

static CUresult info(CUstream handle, CUstreamCaptureStatus *status, cuuint64_t *id, CUgraph *graph, const CUgraphNode **after, size_t *n)
{
    CUresult r = cuStreamIsCapturing(handle, status);
    CUstream s = r ? NULL : stream_of(handle, context_current());
    if (r || *status == CU_STREAM_CAPTURE_STATUS_NONE) return r;
    if (id) *id = s->capture->id;
    if (graph) *graph = s->capture->graph;
    if (after) *after = s->tips;
    if (n) *n = s->tip_count;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamGetCaptureInfo_v2(CUstream s, CUstreamCaptureStatus *status, cuuint64_t *id, CUgraph *graph, const CUgraphNode **after,
                                          size_t *n)
{
    ENTER;
    return info(s, status, id, graph, after, n);
}

PLAYED CUresult cuStreamGetCaptureInfo(CUstream s, CUstreamCaptureStatus *status, cuuint64_t *id, CUgraph *graph, const CUgraphNode **after,
                                       const CUgraphEdgeData **data, size_t *n)
{
    ENTER;
    if (data) *data = NULL;
    return info(s, status, id, graph, after, n);
}

static CUresult update(CUstream s, CUgraphNode *after, size_t n, unsigned flags)
{
    if (!stream_is(s)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no stream");
    if (!s->capture) return refuse(CUDA_ERROR_ILLEGAL_STATE, "a stream is not captured");
    if (s->capture->broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES)
        stream_tips(s, after, n);
    else
        stream_joins(s, s->capture, after, n);
    s->tips_set = flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamUpdateCaptureDependencies(CUstream s, CUgraphNode *after, const CUgraphEdgeData *data, size_t n, unsigned flags)
{
    ENTER;
    (void)data;
    return update(s, after, n, flags);
}

#undef cuStreamUpdateCaptureDependencies /* its older form */
PLAYED CUresult cuStreamUpdateCaptureDependencies(CUstream s, CUgraphNode *after, size_t n, unsigned flags)
{
    ENTER;
    return update(s, after, n, flags);
}

PLAYED CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    ENTER;
    CUstreamCaptureMode old = thread_mode;
    thread_mode = *mode;
    *mode = old;
    return CUDA_SUCCESS;
}
