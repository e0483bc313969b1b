/* Memory: device addresses lie where the host cannot go, each allocation apart from the next, and are never given out again, so that a
 * pointer to what was freed, or past an end, is seen for what it is. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096, GAP = 16 << 20 }; /* GAP: between blocks, so that an address near one is not in another */
#define SPACE ((size_t)1 << 44)
static uintptr_t space, space_next;
static block *blocks; /* by address */
static size_t block_count, block_room;
static size_t in_use[MOST_DEVICES];
static uint64_t last_id;

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Two numbers of 32 bits beside each other, the upper left over from an address, look like one: the lower quarter of each 4 GiB, where small numbers
 * would point to, is left free by what fits into the rest. */
static uintptr_t apart_from_numbers(uintptr_t at, size_t bytes)
{
    const uintptr_t whole = (uintptr_t)1 << 32, quarter = whole / 4, low = at % whole;
    if (low >= quarter && low + bytes <= whole) return at;
    if (low < quarter && bytes <= whole - quarter) return at - low + quarter;
    return at - low + whole + quarter;
}

uintptr_t device_addresses(size_t bytes, size_t aligned)
{
    if (!space) {
        /* Far from the host's own addresses, halves of which may lie between the arguments of a launch. */
        void *p = mmap((void *)0x100000000000, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) return 0;
        space = (uintptr_t)p;
        space_next = space;
    }
    if (aligned < PAGE) aligned = PAGE;
    uintptr_t at = apart_from_numbers((space_next + aligned - 1) / aligned * aligned, bytes);
    if (bytes > SPACE || at + bytes + GAP > space + SPACE) return 0;
    space_next = (at + bytes + GAP) / PAGE * PAGE;
    return at;
}

bool is_device_address(uintptr_t at) { return space && at >= space && at < space + SPACE; }

/* The first block above `at`. */
static size_t above(uintptr_t at)
{
    size_t low = 0, high = block_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (blocks[mid].at <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

block *block_find(uintptr_t at)
{
    size_t i = above(at);
    if (!i) return NULL;
    block *b = &blocks[i - 1];
    return at < b->at + (b->bytes ? b->bytes : 1) ? b : NULL;
}

/* The block whose end `at` lies behind, by little. */
block *block_before(uintptr_t at)
{
    size_t i = above(at);
    return i && at < blocks[i - 1].at + blocks[i - 1].bytes + (1 << 16) ? &blocks[i - 1] : NULL;
}

block *block_add(place where, int device, uintptr_t at, char *shadow, size_t bytes, const char *owner)
{
    if (block_count == block_room) {
        size_t room = block_room ? 2 * block_room : 1024;
        block *more = realloc(blocks, room * sizeof *more);
        if (!more) return NULL;
        blocks = more;
        block_room = room;
    }
    size_t i = above(at);
    memmove(blocks + i + 1, blocks + i, (block_count - i) * sizeof *blocks);
    block_count++;
    blocks[i] = (block){.at = at, .bytes = bytes, .shadow = shadow, .place = where, .device = device, .owner = owner, .id = ++last_id};
    return &blocks[i];
}

void block_remove(block *b)
{
    size_t i = (size_t)(b - blocks);
    memmove(blocks + i, blocks + i + 1, (block_count - i - 1) * sizeof *blocks);
    block_count--;
}

char *bytes_at(uintptr_t at, size_t bytes, const char *what)
{
    block *b = block_find(at);
    if (b && b->freed)
        return fault(0, "%s: %#zx (%zu bytes) lies in memory that was freed (%zu bytes of %s)", what, (size_t)at, bytes, b->bytes, b->owner), NULL;
    if (b && at + bytes > b->at + b->bytes)
        return fault(0, "%s: %#zx with %zu bytes goes past the end of its memory (%zu bytes of %s, at %zu of them)", what, (size_t)at, bytes,
                     b->bytes, b->owner, (size_t)(at - b->at)),
               NULL;
    if (b) return b->shadow + (at - b->at);
    if (is_device_address(at)) return fault(0, "%s: %#zx (%zu bytes) is no memory of a device", what, (size_t)at, bytes), NULL;
    return at ? (char *)at : (fault(0, "%s: a null pointer", what), NULL); /* memory of the host that is not ours */
}

CUresult memory_take(size_t bytes, const char *owner, CUdeviceptr *out)
{
    CUcontext ctx = context_current();
    size_t taken = (bytes + 511) / 512 * 512;
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    if (in_use[ctx->device] + taken > device_memory()) return CUDA_ERROR_OUT_OF_MEMORY;
    uintptr_t at = device_addresses(bytes, 512);
    void *shadow = at ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : MAP_FAILED;
    if (shadow == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
    if (!block_add(ON_DEVICE, ctx->device, at, shadow, bytes, owner)) return CUDA_ERROR_OUT_OF_MEMORY;
    in_use[ctx->device] += taken;
    keep(K_MEMORY, owner, 1);
    *out = at;
    return CUDA_SUCCESS;
}

CUresult memory_give_back(uintptr_t at)
{
    block *b = block_find(at);
    if (!b || b->at != at || b->place == ON_HOST || b->handle) return refuse(CUDA_ERROR_INVALID_VALUE, "%#zx was not given out", (size_t)at);
    if (b->freed) return refuse(CUDA_ERROR_INVALID_VALUE, "memory of %s is freed twice", b->owner);
    munmap(b->shadow, b->bytes);
    if (b->place == ON_DEVICE) in_use[b->device] -= (b->bytes + 511) / 512 * 512;
    keep(K_MEMORY, b->owner, -1);
    b->freed = true;
    if (b->place == MANAGED) block_remove(b);
    return CUDA_SUCCESS;
}

/* ---- allocation ------------------------------------------------------------------------------ */

PLAYED CUresult cuMemGetInfo(size_t *room, size_t *total)
{
    ENTER;
    NEED_CONTEXT(ctx);
    *total = device_memory();
    *room = *total - in_use[ctx->device];
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemAlloc(CUdeviceptr *out, size_t bytes)
{
    ENTER;
    NEED_CONTEXT(ctx);
    CUresult r = capture_forbids(ctx, "memory is taken");
    return r ? r : memory_take(bytes, OWNER, out);
}

PLAYED CUresult cuMemAllocPitch(CUdeviceptr *out, size_t *pitch, size_t width, size_t height, unsigned element)
{
    ENTER;
    NEED_CONTEXT(ctx);
    (void)element;
    CUresult r = capture_forbids(ctx, "memory is taken");
    *pitch = (width + 511) / 512 * 512;
    return r ? r : memory_take(*pitch * height, OWNER, out);
}

PLAYED CUresult cuMemFree(CUdeviceptr at)
{
    ENTER;
    NEED_CONTEXT(ctx);
    if (!at) return CUDA_SUCCESS;
    CUresult r = capture_forbids(ctx, "memory is freed");
    return r ? r : memory_give_back(at);
}

static CUresult host_memory(size_t bytes, const char *owner, place where, void **out)
{
    NEED_CONTEXT(ctx);
    CUresult r = capture_forbids(ctx, "memory is taken");
    if (r) return r;
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || !block_add(where, ctx->device, (uintptr_t)p, p, bytes, owner)) return CUDA_ERROR_OUT_OF_MEMORY;
    keep(where == ON_HOST ? K_PINNED : K_MEMORY, owner, 1);
    *out = p;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemHostAlloc(void **out, size_t bytes, unsigned flags)
{
    ENTER;
    (void)flags;
    return host_memory(bytes, OWNER, ON_HOST, out);
}

PLAYED CUresult cuMemAllocHost(void **out, size_t bytes)
{
    ENTER;
    return host_memory(bytes, OWNER, ON_HOST, out);
}

PLAYED CUresult cuMemAllocManaged(CUdeviceptr *out, size_t bytes, unsigned flags)
{
    ENTER;
    (void)flags;
    return host_memory(bytes, OWNER, MANAGED, (void **)out);
}

PLAYED CUresult cuMemFreeHost(void *p)
{
    ENTER;
    NEED_CONTEXT(ctx);
    CUresult r = capture_forbids(ctx, "memory is freed");
    if (r) return r;
    block *b = block_find((uintptr_t)p);
    if (!b || b->at != (uintptr_t)p || b->place != ON_HOST) return refuse(CUDA_ERROR_INVALID_VALUE, "%p is no pinned memory", p);
    munmap(p, b->bytes);
    keep(K_PINNED, b->owner, -1);
    block_remove(b);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemHostRegister(void *p, size_t bytes, unsigned flags)
{
    ENTER;
    NEED_CONTEXT(ctx);
    (void)flags;
    CUresult r = capture_forbids(ctx, "memory is pinned");
    if (r) return r;
    if (block_find((uintptr_t)p)) return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    block *b = block_add(ON_HOST, ctx->device, (uintptr_t)p, p, bytes, OWNER);
    if (!b) return CUDA_ERROR_OUT_OF_MEMORY;
    keep(K_PINNED, b->owner, 1);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemHostUnregister(void *p)
{
    ENTER;
    block *b = block_find((uintptr_t)p);
    if (!b || b->place != ON_HOST) return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    keep(K_PINNED, b->owner, -1);
    block_remove(b);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemHostGetDevicePointer(CUdeviceptr *out, void *p, unsigned flags)
{
    ENTER;
    (void)flags;
    if (!block_find((uintptr_t)p)) return CUDA_ERROR_INVALID_VALUE;
    *out = (CUdeviceptr)(uintptr_t)p;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemHostGetFlags(unsigned *flags, void *p)
{
    ENTER;
    if (!block_find((uintptr_t)p)) return CUDA_ERROR_INVALID_VALUE;
    *flags = CU_MEMHOSTALLOC_DEVICEMAP;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuMemGetAddressRange(CUdeviceptr *base, size_t *bytes, CUdeviceptr at)
{
    ENTER;
    block *b = block_find(at);
    if (!b || b->freed) return CUDA_ERROR_NOT_FOUND;
    if (base) *base = b->at;
    if (bytes) *bytes = b->bytes;
    return CUDA_SUCCESS;
}

static CUresult pointer_attribute(void *data, CUpointer_attribute a, CUdeviceptr at)
{
    block *b = block_find(at);
    if (b && b->freed) b = NULL;
    switch (a) {
    case CU_POINTER_ATTRIBUTE_CONTEXT: *(CUcontext *)data = b ? context_primary(b->device) : NULL; break;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        if (!b) return *(unsigned *)data = 0, CUDA_ERROR_INVALID_VALUE;
        *(unsigned *)data = b->place == ON_HOST ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
        break;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER: *(CUdeviceptr *)data = b ? at : 0; break;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER: *(void **)data = b && b->place != ON_DEVICE ? (void *)(uintptr_t)at : NULL; break;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID: *(unsigned long long *)data = b ? b->id : 0; break;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED: *(unsigned *)data = b && b->place == MANAGED; break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: *(int *)data = b ? b->device : -2; break;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR: *(void **)data = b ? (void *)b->at : NULL; break;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *(size_t *)data = b ? b->bytes : 0; break;
    case CU_POINTER_ATTRIBUTE_MAPPED: *(bool *)data = b != NULL; break;
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE: *(bool *)data = b && b->place == ON_DEVICE && !b->handle; break;
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES: *(unsigned long long *)data = 0; break;
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS: *(unsigned *)data = b ? 3 : 0; break;
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE: *(CUmemoryPool *)data = NULL; break;
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE: *(bool *)data = false; break;
    default: return CUDA_ERROR_NOT_SUPPORTED;
    }
    return b ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuPointerGetAttribute(void *data, CUpointer_attribute a, CUdeviceptr at)
{
    ENTER;
    return pointer_attribute(data, a, at);
}

/* Of memory that is not known the attributes are zeros, and that is no failure. */
PLAYED CUresult cuPointerGetAttributes(unsigned n, CUpointer_attribute *a, void **data, CUdeviceptr at)
{
    ENTER;
    for (unsigned i = 0; i < n; i++)
        if (pointer_attribute(data[i], a[i], at) == CUDA_ERROR_NOT_SUPPORTED)
            return fault(CUDA_ERROR_INVALID_VALUE, "attribute %d of a pointer is not played", (int)a[i]);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute a, CUdeviceptr at)
{
    ENTER;
    (void)value, (void)a;
    return block_find(at) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
