/* Memory pools and allocation in the order of a stream. In a graph, memory is there from its capture on. */
#include "driver.h"

#include <stdlib.h>

static const unsigned magic = 0x6c6f6f70;
struct CUmemPoolHandle_st {
    unsigned magic;
    int device;
    cuuint64_t attribute[16];
};
static struct CUmemPoolHandle_st defaults[MOST_DEVICES];

static CUmemoryPool default_of(int device)
{
    defaults[device].magic = magic;
    defaults[device].device = device;
    return &defaults[device];
}

static bool pool_is(CUmemoryPool p) { return p && p->magic == magic; }

PLAYED CUresult cuMemPoolCreate(CUmemoryPool *out, const CUmemPoolProps *props)
{
    ENTER;
    CUmemoryPool p = calloc(1, sizeof *p);
    if (!p) return CUDA_ERROR_OUT_OF_MEMORY;
    p->magic = magic;
    p->device = props->location.id;
    *out = p;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemPoolDestroy(CUmemoryPool p)
{
    ENTER;
    if (!pool_is(p) || p == default_of(p->device)) return refuse(CUDA_ERROR_INVALID_VALUE, "no pool");
    p->magic = 0;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemPoolSetAttribute(CUmemoryPool p, CUmemPool_attribute a, void *value)
{
    ENTER;
    if (!pool_is(p) || (unsigned)a >= 16) return CUDA_ERROR_INVALID_VALUE;
    p->attribute[a] = a <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES ? (cuuint64_t) * (int *)value : *(cuuint64_t *)value;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemPoolGetAttribute(CUmemoryPool p, CUmemPool_attribute a, void *value)
{
    ENTER;
    if (!pool_is(p) || (unsigned)a >= 16) return CUDA_ERROR_INVALID_VALUE;
    if (a <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES)
        *(int *)value = (int)p->attribute[a];
    else
        *(cuuint64_t *)value = p->attribute[a];
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemPoolSetAccess(CUmemoryPool p, const CUmemAccessDesc *access, size_t n)
{
    ENTER;
    (void)access, (void)n;
    return pool_is(p) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
PLAYED CUresult cuMemPoolTrimTo(CUmemoryPool p, size_t bytes)
{
    ENTER;
    (void)bytes;
    return pool_is(p) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *out, CUdevice dev)
{
    ENTER;
    if (dev < 0 || dev >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    *out = default_of(dev);
    return CUDA_SUCCESS;
}
PLAYED CUresult cuDeviceGetMemPool(CUmemoryPool *out, CUdevice dev)
{
    ENTER;
    return cuDeviceGetDefaultMemPool(out, dev);
}

static CUresult take(CUdeviceptr *out, size_t bytes, CUstream handle, const char *owner)
{
    CUstream s;
    CUgraphNode node;
    CUresult r = stream_takes(handle, NODE_ALLOC, &s, &node, "memory");
    return r ? r : memory_take(bytes, owner, out);
}

PLAYED CUresult cuMemAllocAsync(CUdeviceptr *out, size_t bytes, CUstream s)
{
    ENTER;
    return take(out, bytes, s, OWNER);
}
PLAYED CUresult cuMemAllocFromPoolAsync(CUdeviceptr *out, size_t bytes, CUmemoryPool p, CUstream s)
{
    ENTER;
    return pool_is(p) ? take(out, bytes, s, OWNER) : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuMemFreeAsync(CUdeviceptr at, CUstream handle)
{
    ENTER;
    CUstream s;
    CUgraphNode node;
    CUresult r = stream_takes(handle, NODE_FREE, &s, &node, "freeing memory");
    return r || node ? r : memory_give_back(at);
}
