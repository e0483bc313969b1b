/* Contexts: one primary a device, a stack a thread, and what libraries keep with them. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

static const unsigned magic = 0x78746321;
enum { DEEP = 32 };
static __thread CUcontext stack[DEEP];
static __thread int deep;
static struct CUctx_st primaries[MOST_DEVICES];
static uint64_t last_id;

static void begin(CUcontext c, int device, bool primary)
{
    static const size_t limits[] = {[CU_LIMIT_STACK_SIZE] = 1024,
                                    [CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20,
                                    [CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20,
                                    [CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2,
                                    [CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048,
                                    [CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64,
                                    [CU_LIMIT_PERSISTING_L2_CACHE_SIZE] = 0};
    c->magic = magic;
    c->device = device;
    c->primary = primary;
    c->id = ++last_id;
    memcpy(c->limits, limits, sizeof limits);
}

bool context_is(CUcontext c) { return c && c->magic == magic; }
CUcontext context_current(void) { return deep ? stack[deep - 1] : NULL; }

CUcontext context_primary(int device)
{
    CUcontext c = &primaries[device];
    if (!c->magic) begin(c, device, true);
    return c;
}

void context_launches(CUcontext c)
{
    const char *lost = getenv("ANL_DRIVER_LOST"), *colon = lost ? strchr(lost, ':') : NULL;
    c->launches++;
    if (colon && atoi(lost) == c->device && c->launches > atoll(colon + 1)) c->lost = true;
}

/* What libraries hung on it is told that it goes. */
static void end(CUcontext c)
{
    while (c->storage) {
        storage *s = c->storage;
        c->storage = s->next;
        int out = driver_out();
        if (s->gone) s->gone(c, s->key, s->value);
        driver_in(out);
        free(s);
    }
    c->active = false;
}

PLAYED CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice dev)
{
    ENTER;
    if (!device_ready()) return CUDA_ERROR_NOT_INITIALIZED;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    *out = context_primary(dev);
    (*out)->references++;
    (*out)->active = true;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
{
    ENTER;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    CUcontext c = context_primary(dev);
    if (!c->references) return CUDA_ERROR_INVALID_CONTEXT;
    if (!--c->references) end(c);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDevicePrimaryCtxReset(CUdevice dev)
{
    ENTER;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    end(context_primary(dev));
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned *flags, int *active)
{
    ENTER;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    *flags = context_primary(dev)->flags;
    *active = context_primary(dev)->active;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDevicePrimaryCtxSetFlags(CUdevice dev, unsigned flags)
{
    ENTER;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    context_primary(dev)->flags = flags;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxCreate(CUcontext *out, CUctxCreateParams *params, unsigned flags, CUdevice dev)
{
    ENTER;
    (void)params;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    CUcontext c = calloc(1, sizeof *c);
    if (!c || deep == DEEP) return CUDA_ERROR_OUT_OF_MEMORY;
    begin(c, dev, false);
    c->flags = flags;
    c->active = true;
    stack[deep++] = *out = c;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxDestroy(CUcontext c)
{
    ENTER;
    if (!context_is(c) || c->primary) return CUDA_ERROR_INVALID_CONTEXT;
    if (context_current() == c) deep--;
    end(c);
    c->magic = 0; /* kept, so that a later use is seen */
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetCurrent(CUcontext *out)
{
    ENTER;
    if (!device_ready()) return CUDA_ERROR_NOT_INITIALIZED;
    *out = context_current();
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxSetCurrent(CUcontext c)
{
    ENTER;
    if (c && !context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    if (deep) deep--;
    if (c) stack[deep++] = c;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxPushCurrent(CUcontext c)
{
    ENTER;
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    if (deep == DEEP) return fault(CUDA_ERROR_INVALID_CONTEXT, "%d contexts are pushed", DEEP);
    stack[deep++] = c;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxPopCurrent(CUcontext *out)
{
    ENTER;
    if (!deep) return CUDA_ERROR_INVALID_CONTEXT;
    if (out) *out = stack[deep - 1];
    deep--;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetDevice(CUdevice *dev)
{
    ENTER;
    NEED_CONTEXT(c);
    *dev = c->device;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetDevice_v2(CUdevice *dev, CUcontext c)
{
    ENTER;
    if (!c) c = context_current();
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    *dev = c->device;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetFlags(unsigned *flags)
{
    ENTER;
    NEED_CONTEXT(c);
    *flags = c->flags;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxSetFlags(unsigned flags)
{
    ENTER;
    NEED_CONTEXT(c);
    c->flags = flags;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetId(CUcontext c, unsigned long long *id)
{
    ENTER;
    if (!c) c = context_current();
    if (!context_is(c)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    *id = c->id;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetApiVersion(CUcontext c, unsigned *version)
{
    ENTER;
    (void)c;
    *version = 3020;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxSynchronize(void)
{
    ENTER;
    NEED_CONTEXT(c);
    if (c->captures)
        return capture_breaks_all(c, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the context is waited for while one of its streams is captured");
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxSynchronize_v2(CUcontext c)
{
    ENTER;
    if (!context_is(c)) return CUDA_ERROR_INVALID_CONTEXT;
    if (c->captures)
        return capture_breaks_all(c, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the context is waited for while one of its streams is captured");
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
    ENTER;
    NEED_CONTEXT(c);
    if ((unsigned)limit >= 16) return CUDA_ERROR_UNSUPPORTED_LIMIT;
    *value = c->limits[limit];
    note("limit %d is %zu", (int)limit, *value);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    ENTER;
    NEED_CONTEXT(c);
    if ((unsigned)limit >= 16) return CUDA_ERROR_UNSUPPORTED_LIMIT;
    CUresult r = capture_forbids(c, "a limit of the context is set");
    if (r) return r;
    c->limits[limit] = value;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetCacheConfig(CUfunc_cache *config)
{
    ENTER;
    *config = CU_FUNC_CACHE_PREFER_NONE;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
    ENTER;
    (void)config;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    ENTER;
    if (least) *least = 0;
    if (greatest) *greatest = -5;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags)
{
    ENTER;
    NEED_CONTEXT(c);
    (void)flags;
    if (!context_is(peer) || peer->device == c->device) return CUDA_ERROR_INVALID_DEVICE;
    if (c->peers[peer->device]) return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
    c->peers[peer->device] = true;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
    ENTER;
    NEED_CONTEXT(c);
    if (!context_is(peer) || !c->peers[peer->device]) return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
    c->peers[peer->device] = false;
    return CUDA_SUCCESS;
}
