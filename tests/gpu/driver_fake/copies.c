/* Copies and memsets: done at once, or made a node of a capture; what they read and write must be memory that is alive. */
#include "driver.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

CUresult copy_check(const copy_work *c)
{
    size_t from = c->rows ? (c->rows - 1) * c->from_pitch + c->width : 0, to = c->rows ? (c->rows - 1) * c->to_pitch + c->width : 0;
    if (!from || !to) return CUDA_SUCCESS;
    return bytes_at(c->from, from, "a copy reads") && bytes_at(c->to, to, "a copy writes") ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult copy_do(const copy_work *c)
{
    CUresult r = copy_check(c);
    if (r || !c->rows || !c->width) return r;
    const char *from = bytes_at(c->from, c->width, "a copy reads");
    char *to = bytes_at(c->to, c->width, "a copy writes");
    for (size_t i = 0; i < c->rows; i++) memmove(to + i * c->to_pitch, from + i * c->from_pitch, c->width);
    count(N_COPIES, 1);
    return CUDA_SUCCESS;
}

CUresult set_check(const set_work *s)
{
    size_t bytes = s->rows ? (s->rows - 1) * s->pitch + s->width * (size_t)s->size : 0;
    if (s->to % (size_t)s->size) return refuse(CUDA_ERROR_INVALID_VALUE, "a memset of %d bytes each at %#zx", s->size, (size_t)s->to);
    return !bytes || bytes_at(s->to, bytes, "a memset writes") ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Zeros: whole pages are given back, and are zeros when they are touched again. */
static void zero(char *to, size_t bytes)
{
    size_t head = (PAGE - (uintptr_t)to % PAGE) % PAGE, pages = bytes > head ? (bytes - head) / PAGE * PAGE : 0;
    if (pages < (1 << 20) || madvise(to + head, pages, MADV_DONTNEED)) {
        memset(to, 0, bytes);
        return;
    }
    memset(to, 0, head);
    memset(to + head + pages, 0, bytes - head - pages);
}

CUresult set_do(const set_work *s)
{
    CUresult r = set_check(s);
    if (r || !s->rows || !s->width) return r;
    char *to = bytes_at(s->to, s->width * (size_t)s->size, "a memset writes");
    for (size_t i = 0; i < s->rows; i++)
        for (size_t k = 0; s->size > 1 && k < s->width; k++) memcpy(to + i * s->pitch + k * (size_t)s->size, &s->value, (size_t)s->size);
    for (size_t i = 0; i < s->rows && s->size == 1; i++) {
        if (s->value)
            memset(to + i * s->pitch, (int)s->value, s->width);
        else
            zero(to + i * s->pitch, s->width);
    }
    return CUDA_SUCCESS;
}

static CUresult copy_on(CUstream handle, copy_work c)
{
    CUstream s;
    CUgraphNode node;
    CUresult r = stream_takes(handle, NODE_COPY, &s, &node, "a copy");
    if (r) return r;
    if (!node) return copy_do(&c);
    node->copy = c;
    return copy_check(&c);
}

/* At once, as on the legacy stream. */
static CUresult copy_now(copy_work c)
{
    NEED_CONTEXT(ctx);
    CUresult r = capture_forbids_legacy(ctx, "a copy that waits");
    if (!r) r = capture_forbids(ctx, "a copy that waits");
    return r ? r : copy_do(&c);
}

#define LINE(to, from, n) ((copy_work){(uintptr_t)(to), (uintptr_t)(from), (n), 1, 0, 0})
PLAYED CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t n)
{
    ENTER;
    return copy_now(LINE(to, from, n));
}
PLAYED CUresult cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t n)
{
    ENTER;
    return copy_now(LINE(to, from, n));
}
PLAYED CUresult cuMemcpyDtoH(void *to, CUdeviceptr from, size_t n)
{
    ENTER;
    return copy_now(LINE(to, from, n));
}
PLAYED CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t n)
{
    ENTER;
    return copy_now(LINE(to, from, n));
}
PLAYED CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s)
{
    ENTER;
    return copy_on(s, LINE(to, from, n));
}
PLAYED CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t n, CUstream s)
{
    ENTER;
    return copy_on(s, LINE(to, from, n));
}
PLAYED CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t n, CUstream s)
{
    ENTER;
    return copy_on(s, LINE(to, from, n));
}
PLAYED CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s)
{
    ENTER;
    return copy_on(s, LINE(to, from, n));
}

PLAYED CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext to_ctx, CUdeviceptr from, CUcontext from_ctx, size_t n, CUstream s)
{
    ENTER;
    if (!context_is(to_ctx) || !context_is(from_ctx)) return CUDA_ERROR_INVALID_CONTEXT;
    return copy_on(s, LINE(to, from, n));
}

PLAYED CUresult cuMemcpyPeer(CUdeviceptr to, CUcontext to_ctx, CUdeviceptr from, CUcontext from_ctx, size_t n)
{
    ENTER;
    if (!context_is(to_ctx) || !context_is(from_ctx)) return CUDA_ERROR_INVALID_CONTEXT;
    return copy_now(LINE(to, from, n));
}

static copy_work of_2d(const CUDA_MEMCPY2D *c)
{
    uintptr_t to = c->dstMemoryType == CU_MEMORYTYPE_HOST ? (uintptr_t)c->dstHost : (uintptr_t)c->dstDevice;
    uintptr_t from = c->srcMemoryType == CU_MEMORYTYPE_HOST ? (uintptr_t)c->srcHost : (uintptr_t)c->srcDevice;
    return (copy_work){to + c->dstY * c->dstPitch + c->dstXInBytes,
                       from + c->srcY * c->srcPitch + c->srcXInBytes,
                       c->WidthInBytes,
                       c->Height,
                       c->dstPitch,
                       c->srcPitch};
}

static CUresult good_2d(const CUDA_MEMCPY2D *c)
{
    if (c->srcMemoryType == CU_MEMORYTYPE_ARRAY || c->dstMemoryType == CU_MEMORYTYPE_ARRAY)
        return fault(CUDA_ERROR_NOT_SUPPORTED, "arrays are not played");
    return c->Height > 1 && (c->srcPitch < c->WidthInBytes || c->dstPitch < c->WidthInBytes) ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

PLAYED CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D *c, CUstream s)
{
    ENTER;
    CUresult r = good_2d(c);
    return r ? r : copy_on(s, of_2d(c));
}

PLAYED CUresult cuMemcpy2D(const CUDA_MEMCPY2D *c)
{
    ENTER;
    CUresult r = good_2d(c);
    return r ? r : copy_now(of_2d(c));
}

PLAYED CUresult cuMemcpy2DUnaligned(const CUDA_MEMCPY2D *c)
{
    ENTER;
    CUresult r = good_2d(c);
    return r ? r : copy_now(of_2d(c));
}

static CUresult set_on(CUstream handle, set_work w)
{
    CUstream s;
    CUgraphNode node;
    CUresult r = stream_takes(handle, NODE_SET, &s, &node, "a memset");
    if (r) return r;
    if (!node) return set_do(&w);
    node->set = w;
    return set_check(&w);
}

static CUresult set_now(set_work w)
{
    NEED_CONTEXT(ctx);
    CUresult r = capture_forbids_legacy(ctx, "a memset that waits");
    return r ? r : set_do(&w);
}

PLAYED CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char v, size_t n, CUstream s)
{
    ENTER;
    return set_on(s, (set_work){to, v, 1, n, 1, 0});
}
PLAYED CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short v, size_t n, CUstream s)
{
    ENTER;
    return set_on(s, (set_work){to, v, 2, n, 1, 0});
}
PLAYED CUresult cuMemsetD32Async(CUdeviceptr to, unsigned v, size_t n, CUstream s)
{
    ENTER;
    return set_on(s, (set_work){to, v, 4, n, 1, 0});
}
PLAYED CUresult cuMemsetD2D8Async(CUdeviceptr to, size_t pitch, unsigned char v, size_t w, size_t h, CUstream s)
{
    ENTER;
    return set_on(s, (set_work){to, v, 1, w, h, pitch});
}
PLAYED CUresult cuMemsetD2D32Async(CUdeviceptr to, size_t pitch, unsigned v, size_t w, size_t h, CUstream s)
{
    ENTER;
    return set_on(s, (set_work){to, v, 4, w, h, pitch});
}
PLAYED CUresult cuMemsetD8(CUdeviceptr to, unsigned char v, size_t n)
{
    ENTER;
    return set_now((set_work){to, v, 1, n, 1, 0});
}
PLAYED CUresult cuMemsetD16(CUdeviceptr to, unsigned short v, size_t n)
{
    ENTER;
    return set_now((set_work){to, v, 2, n, 1, 0});
}
PLAYED CUresult cuMemsetD32(CUdeviceptr to, unsigned v, size_t n)
{
    ENTER;
    return set_now((set_work){to, v, 4, n, 1, 0});
}
