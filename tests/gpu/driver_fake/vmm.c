/* Virtual memory management: memory made apart from the addresses that it is mapped to. NCCL takes its buffers so. */
#include "driver.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { MOST_HANDLES = 4096, GRAIN = 2 << 20 };
static struct {
    char *shadow;
    size_t bytes;
    int references;
    CUmemAllocationProp prop;
    const char *owner;
} handles[MOST_HANDLES]; /* 0 is none */

static int handle_of(CUmemGenericAllocationHandle h) { return h > 0 && h < MOST_HANDLES && handles[h].references ? (int)h : 0; }

PLAYED CUresult cuMemGetAllocationGranularity(size_t *bytes, const CUmemAllocationProp *prop, CUmemAllocationGranularity_flags flags)
{
    ENTER;
    (void)prop, (void)flags;
    *bytes = GRAIN;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemCreate(CUmemGenericAllocationHandle *out, size_t bytes, const CUmemAllocationProp *prop, unsigned long long flags)
{
    ENTER;
    int i = 1;
    (void)flags;
    if (prop->location.type != CU_MEM_LOCATION_TYPE_DEVICE) return CUDA_ERROR_NOT_SUPPORTED; /* of the host: libraries have another way */
    if (!bytes || bytes % GRAIN) return refuse(CUDA_ERROR_INVALID_VALUE, "%zu bytes are not whole pages", bytes);
    while (i < MOST_HANDLES && handles[i].references) i++;
    char *shadow = i < MOST_HANDLES ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : MAP_FAILED;
    if (shadow == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
    handles[i].shadow = shadow;
    handles[i].bytes = bytes;
    handles[i].references = 1;
    handles[i].prop = *prop;
    handles[i].owner = OWNER;
    keep(K_MEMORY, handles[i].owner, 1);
    *out = (CUmemGenericAllocationHandle)i;
    return CUDA_SUCCESS;
}

static void let_go(int i)
{
    if (--handles[i].references) return;
    munmap(handles[i].shadow, handles[i].bytes);
    keep(K_MEMORY, handles[i].owner, -1);
}

PLAYED CUresult cuMemRelease(CUmemGenericAllocationHandle h)
{
    ENTER;
    if (!handle_of(h)) return refuse(CUDA_ERROR_INVALID_VALUE, "no memory of this handle");
    let_go((int)h);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemAddressReserve(CUdeviceptr *out, size_t bytes, size_t aligned, CUdeviceptr at, unsigned long long flags)
{
    ENTER;
    (void)at, (void)flags;
    *out = device_addresses(bytes, aligned > GRAIN ? aligned : GRAIN);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

PLAYED CUresult cuMemAddressFree(CUdeviceptr at, size_t bytes)
{
    ENTER;
    (void)bytes;
    return is_device_address(at) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuMemMap(CUdeviceptr at, size_t bytes, size_t offset, CUmemGenericAllocationHandle h, unsigned long long flags)
{
    ENTER;
    (void)flags;
    if (!handle_of(h) || !is_device_address(at) || offset + bytes > handles[h].bytes)
        return refuse(CUDA_ERROR_INVALID_VALUE, "no such memory or addresses");
    block *b = block_find(at);
    if (b && !b->freed) return refuse(CUDA_ERROR_INVALID_VALUE, "something is mapped there");
    if (b) block_remove(b);
    b = block_add(ON_DEVICE, handles[h].prop.location.id, at, handles[h].shadow + offset, bytes, OWNER);
    if (!b) return CUDA_ERROR_OUT_OF_MEMORY;
    b->handle = (int)h;
    handles[h].references++;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemUnmap(CUdeviceptr at, size_t bytes)
{
    ENTER;
    block *b = block_find(at);
    (void)bytes;
    if (!b || b->freed || !b->handle) return refuse(CUDA_ERROR_INVALID_VALUE, "nothing is mapped there");
    let_go(b->handle);
    b->freed = true;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemSetAccess(CUdeviceptr at, size_t bytes, const CUmemAccessDesc *access, size_t n)
{
    ENTER;
    block *b = block_find(at);
    (void)bytes, (void)access, (void)n;
    return b && !b->freed && b->handle ? CUDA_SUCCESS : refuse(CUDA_ERROR_INVALID_VALUE, "nothing is mapped there");
}

PLAYED CUresult cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *out, void *at)
{
    ENTER;
    block *b = block_find((uintptr_t)at);
    if (!b || b->freed || !b->handle) return CUDA_ERROR_INVALID_VALUE;
    handles[b->handle].references++;
    *out = (CUmemGenericAllocationHandle)b->handle;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemGetAllocationPropertiesFromHandle(CUmemAllocationProp *prop, CUmemGenericAllocationHandle h)
{
    ENTER;
    if (!handle_of(h)) return CUDA_ERROR_INVALID_VALUE;
    *prop = handles[h].prop;
    return CUDA_SUCCESS;
}
