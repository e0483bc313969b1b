/* Events: recorded at the time of the call; in a capture they stand for the nodes that a stream has come to. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

const unsigned event_magic = 0x746e7665;

static bool event_is(CUevent e) { return e && e->magic == event_magic; }
#define NEED_EVENT(e) \
    if (!event_is(e)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no event")

PLAYED CUresult cuEventCreate(CUevent *out, unsigned flags)
{
    ENTER;
    NEED_CONTEXT(ctx);
    CUevent e = calloc(1, sizeof *e);
    if (!e) return CUDA_ERROR_OUT_OF_MEMORY;
    *e = (struct CUevent_st){.magic = event_magic, .ctx = ctx, .flags = flags, .owner = OWNER};
    keep(K_EVENT, e->owner, 1);
    *out = e;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuEventDestroy(CUevent e)
{
    ENTER;
    NEED_EVENT(e);
    keep(K_EVENT, e->owner, -1);
    free(e->tips);
    e->tips = NULL;
    e->magic = 0;
    return CUDA_SUCCESS;
}

static CUresult record(CUevent e, CUstream handle, unsigned flags)
{
    NEED_STREAM(s, handle);
    NEED_EVENT(e);
    if (e->ctx->device != s->ctx->device)
        return refuse(CUDA_ERROR_INVALID_HANDLE, "an event of device %d is recorded on a stream of device %d", e->ctx->device, s->ctx->device);
    if (s->legacy) {
        CUresult r = capture_forbids_legacy(ctx, "an event is recorded");
        if (r) return r;
    }
    free(e->tips);
    e->tips = NULL;
    e->tip_count = 0;
    e->capture_id = 0;
    e->recorded = true;
    e->at = now();
    if (!s->capture) return CUDA_SUCCESS;
    if (s->capture->broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (flags & CU_EVENT_RECORD_EXTERNAL) {
        CUgraphNode node = graph_add(s->capture->graph, NODE_RECORD, s->tips, s->tip_count);
        if (!node) return CUDA_ERROR_OUT_OF_MEMORY;
        node->event = e;
        stream_tips(s, &node, 1);
        return CUDA_SUCCESS;
    }
    e->capture_id = s->capture->id;
    e->tips = malloc((s->tip_count + 1) * sizeof *e->tips);
    if (!e->tips) return CUDA_ERROR_OUT_OF_MEMORY;
    memcpy(e->tips, s->tips, s->tip_count * sizeof *e->tips);
    e->tip_count = s->tip_count;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuEventRecord(CUevent e, CUstream s)
{
    ENTER;
    return record(e, s, 0);
}
PLAYED CUresult cuEventRecordWithFlags(CUevent e, CUstream s, unsigned flags)
{
    ENTER;
    return record(e, s, flags);
}

/* Waiting for, or asking after, an event: not for one that was recorded in a capture. */
static CUresult event_settled(CUevent e)
{
    NEED_CONTEXT(ctx);
    NEED_EVENT(e);
    capture *c = e->capture_id ? capture_alive(e->capture_id) : NULL;
    if (c) return capture_break(c, CUDA_ERROR_CAPTURED_EVENT, "an event recorded in it is waited for");
    if (e->capture_id) return refuse(CUDA_ERROR_CAPTURED_EVENT, "an event recorded in a capture is waited for");
    return capture_forbids(ctx, "an event is waited for");
}
PLAYED CUresult cuEventQuery(CUevent e)
{
    ENTER;
    return event_settled(e);
}
PLAYED CUresult cuEventSynchronize(CUevent e)
{
    ENTER;
    return event_settled(e);
}

PLAYED CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to)
{
    ENTER;
    NEED_EVENT(from);
    NEED_EVENT(to);
    if ((from->flags | to->flags) & CU_EVENT_DISABLE_TIMING) return refuse(CUDA_ERROR_INVALID_HANDLE, "an event without times is asked for one");
    if (!from->recorded || !to->recorded || from->capture_id || to->capture_id) return refuse(CUDA_ERROR_INVALID_HANDLE, "an event was not recorded");
    *ms = (float)(1e3 * (to->at - from->at));
    return CUDA_SUCCESS;
}

PLAYED CUresult cuStreamWaitEvent(CUstream handle, CUevent e, unsigned flags)
{
    ENTER;
    NEED_STREAM(s, handle);
    NEED_EVENT(e);
    capture *c = e->capture_id ? capture_alive(e->capture_id) : NULL;
    if (flags & CU_EVENT_WAIT_EXTERNAL) {
        if (!s->capture) return CUDA_ERROR_INVALID_VALUE;
        CUgraphNode node = graph_add(s->capture->graph, NODE_WAIT, s->tips, s->tip_count);
        if (!node) return CUDA_ERROR_OUT_OF_MEMORY;
        node->event = e;
        stream_tips(s, &node, 1);
        return CUDA_SUCCESS;
    }
    if (e->capture_id && !c) return refuse(CUDA_ERROR_INVALID_VALUE, "a stream waits for an event of a capture that has ended");
    if (s->capture && !c && e->recorded)
        return capture_break(s->capture, CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "it comes to depend on work that is not captured");
    if (!c) return CUDA_SUCCESS;
    if (s->legacy) return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "the legacy stream comes to depend on it");
    if (s->capture && s->capture != c) return capture_break(c, CUDA_ERROR_STREAM_CAPTURE_MERGE, "two captures would become one");
    if (c->broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    stream_joins(s, c, e->tips, e->tip_count);
    return CUDA_SUCCESS;
}
