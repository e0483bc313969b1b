/* Launches of kernels: their sizes are held to the GPU and to the kernel's own code, the pointers among their arguments to memory that is alive. */
#include "driver.h"

#include <cuda_occupancy.h>
#include <stdlib.h>
#include <string.h>

void launch_release(launch *l)
{
    free(l->params);
    l->params = NULL;
}

/* Copies the arguments: from `params`, or from one buffer in `extra`. */
CUresult launch_prepare(launch *l, void **params, void **extra)
{
    l->f = function_of(l->f);
    if (!l->f) return refuse(CUDA_ERROR_INVALID_HANDLE, "no function");
    const kernel_info *k = l->f->info;
    void *buffer = NULL;
    size_t bytes = 0;
    for (void **e = extra; e && *e != CU_LAUNCH_PARAM_END; e += 2) {
        if (*e == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = e[1];
        if (*e == CU_LAUNCH_PARAM_BUFFER_SIZE) bytes = *(size_t *)e[1];
    }
    if (params && extra) return refuse(CUDA_ERROR_INVALID_VALUE, "%s: arguments are given twice", k->name);
    l->param_bytes = buffer ? bytes : k->known ? (size_t)k->param_bytes : 0;
    l->params = calloc(1, l->param_bytes + 1);
    if (!l->params) return CUDA_ERROR_OUT_OF_MEMORY;
    if (buffer)
        memcpy(l->params, buffer, bytes);
    else if (k->known && k->params && !params)
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: no arguments", k->name);
    for (int i = 0; !buffer && k->known && i < k->params; i++) memcpy(l->params + k->param[i].offset, params[i], (size_t)k->param[i].bytes);
    return CUDA_SUCCESS;
}

static const cudaOccDeviceProp gpu = {.computeMajor = 9,
                                      .computeMinor = 0,
                                      .maxThreadsPerBlock = 1024,
                                      .maxThreadsPerMultiprocessor = 2048,
                                      .regsPerBlock = REGISTERS,
                                      .regsPerMultiprocessor = REGISTERS,
                                      .warpSize = 32,
                                      .sharedMemPerBlock = SHARED_STATIC,
                                      .sharedMemPerMultiprocessor = SHARED_SM,
                                      .numSms = SM_COUNT,
                                      .sharedMemPerBlockOptin = SHARED_OPTIN,
                                      .reservedSharedMemPerBlock = 1024};

int launch_blocks_per_sm(CUfunction f, int threads, size_t dynamic)
{
    const kernel_info *k = f->info;
    cudaOccFuncAttributes a = {.maxThreadsPerBlock = k->max_threads,
                               .numRegs = k->registers,
                               .sharedSizeBytes = k->shared,
                               .partitionedGCConfig = PARTITIONED_GC_OFF,
                               .shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN,
                               .maxDynamicSharedSizeBytes = f->dynamic_most,
                               .numBlockBarriers = 1};
    cudaOccDeviceState s = {.cacheConfig = CACHE_PREFER_NONE, .carveoutConfig = f->carveout};
    cudaOccResult r;
    return cudaOccMaxActiveBlocksPerMultiprocessor(&r, &gpu, &a, &s, threads, dynamic) == CUDA_OCC_SUCCESS ? r.activeBlocksPerMultiprocessor : 0;
}

/* One argument: every word of it that is an address of a device. What lies far from all memory is taken for two numbers of 32 bits; the end of an
 * array may be an argument. */
static bool argument_live(const launch *l, size_t from, size_t bytes, bool ours, const char *when)
{
    for (size_t i = from; i + 8 <= from + bytes; i += 8) {
        uintptr_t at;
        memcpy(&at, l->params + i, 8);
        const block *b = is_device_address(at) ? block_before(at) : NULL;
        bool inside = b && at <= b->at + b->bytes;
        if (!b || (inside && !b->freed) || (!inside && !ours)) continue;
        fault(0, "%s %s: the argument at byte %zu, %#zx, lies %s memory of %zu bytes of %s, at %zu", l->f->info->name, when, i, (size_t)at,
              b->freed ? "in freed" : "behind the end of", b->bytes, b->owner, (size_t)(at - b->at));
        return false;
    }
    return true;
}

/* NVIDIA's libraries give structures with words that were never set, and addresses before the first element of an array: of their kernels only
 * arguments that are one word are looked at, and only for memory that was freed. */
bool launch_pointers_live(const launch *l, const char *when)
{
    const kernel_info *k = l->f->info;
    bool ours = strncmp(module_owner(l->f->module), "lib", 3) != 0;
    for (int i = 0; i < k->params; i++) {
        size_t bytes = (size_t)k->param[i].bytes, from = ((size_t)k->param[i].offset + 7) / 8 * 8;
        if ((ours || bytes == 8) && !argument_live(l, from, bytes, ours, when)) return false;
    }
    return true;
}

CUresult launch_check(const launch *l, CUcontext ctx)
{
    const kernel_info *k = l->f->info;
    uint64_t threads = (uint64_t)l->block[0] * l->block[1] * l->block[2], blocks = (uint64_t)l->grid[0] * l->grid[1] * l->grid[2];
    (void)ctx;
    if (!blocks || !threads)
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u x %u x %u blocks of %u x %u x %u threads", k->name, l->grid[0], l->grid[1], l->grid[2],
                      l->block[0], l->block[1], l->block[2]);
    if (l->grid[0] > 2147483647u || l->grid[1] > 65535 || l->grid[2] > 65535)
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u x %u x %u blocks", k->name, l->grid[0], l->grid[1], l->grid[2]);
    if (l->block[0] > 1024 || l->block[1] > 1024 || l->block[2] > 64 || threads > 1024)
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u x %u x %u threads", k->name, l->block[0], l->block[1], l->block[2]);
    if (threads > (uint64_t)k->max_threads)
        return refuse(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "%s: %d threads, made for %d", k->name, (int)threads, k->max_threads);
    if (k->required[0] &&
        (l->block[0] != (unsigned)k->required[0] || l->block[1] != (unsigned)k->required[1] || l->block[2] != (unsigned)k->required[2]))
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u x %u x %u threads, compiled for %d x %d x %d", k->name, l->block[0], l->block[1], l->block[2],
                      k->required[0], k->required[1], k->required[2]);
    if (l->shared > l->f->dynamic_most)
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %zu bytes of shared memory at launch, %zu are allowed", k->name, l->shared, l->f->dynamic_most);
    if (l->shared + k->shared > SHARED_OPTIN)
        return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %zu + %zu bytes of shared memory", k->name, k->shared, l->shared);
    int per_sm = launch_blocks_per_sm(l->f, (int)threads, l->shared);
    if (!per_sm)
        return refuse(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
                      "%s: a block of %d threads, %d registers each, %zu bytes of shared memory fits no multiprocessor", k->name, (int)threads,
                      k->registers, l->shared + k->shared);
    if (l->cooperative && blocks > (uint64_t)per_sm * SM_COUNT)
        return refuse(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "%s: %llu blocks at once, %d fit", k->name, (unsigned long long)blocks,
                      per_sm * SM_COUNT);
    unsigned in_cluster = l->cluster[0] * l->cluster[1] * l->cluster[2];
    if (in_cluster > (l->f->nonportable ? 16u : 8u)) return refuse(CUDA_ERROR_INVALID_CLUSTER_SIZE, "%s: %u blocks a cluster", k->name, in_cluster);
    for (int i = 0; in_cluster && i < 3; i++)
        if (l->grid[i] % l->cluster[i])
            return refuse(CUDA_ERROR_INVALID_CLUSTER_SIZE, "%s: %u blocks in clusters of %u", k->name, l->grid[i], l->cluster[i]);
    return launch_pointers_live(l, "launched") ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_ADDRESS;
}

static CUresult launched(launch l, CUstream handle, void **params, void **extra)
{
    NEED_CONTEXT(ctx);
    CUstream s;
    CUgraphNode node = NULL;
    CUresult r = launch_prepare(&l, params, extra);
    if (!r) r = launch_check(&l, ctx);
    if (!r) r = stream_takes(handle, NODE_KERNEL, &s, &node, l.f->info->name);
    if (!r)
        note("%s of %s, %u x %u x %u blocks of %u x %u x %u threads, %zu bytes", l.f->info->name, OWNER, l.grid[0], l.grid[1], l.grid[2], l.block[0],
             l.block[1], l.block[2], l.shared);
    if (!r && l.cooperative) count(N_COOPERATIVE, 1);
    if (node) {
        node->launch = l;
        node->given = (CUDA_KERNEL_NODE_PARAMS){.func = l.f,
                                                .gridDimX = l.grid[0],
                                                .gridDimY = l.grid[1],
                                                .gridDimZ = l.grid[2],
                                                .blockDimX = l.block[0],
                                                .blockDimY = l.block[1],
                                                .blockDimZ = l.block[2],
                                                .sharedMemBytes = (unsigned)l.shared};
        count(N_LAUNCHES_CAPTURED, 1);
        return CUDA_SUCCESS;
    }
    if (!r) {
        count(N_LAUNCHES, 1);
        context_launches(ctx);
        if (!ctx->lost) launch_play(&l);
    }
    launch_release(&l);
    return r;
}

PLAYED CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                               CUstream s, void **params, void **extra)
{
    ENTER;
    return launched((launch){.f = f, .grid = {gx, gy, gz}, .block = {bx, by, bz}, .shared = shared}, s, params, extra);
}

PLAYED CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                                          CUstream s, void **params)
{
    ENTER;
    return launched((launch){.f = f, .grid = {gx, gy, gz}, .block = {bx, by, bz}, .shared = shared, .cooperative = true}, s, params, NULL);
}

PLAYED CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **params, void **extra)
{
    ENTER;
    launch l = {
        .f = f, .grid = {c->gridDimX, c->gridDimY, c->gridDimZ}, .block = {c->blockDimX, c->blockDimY, c->blockDimZ}, .shared = c->sharedMemBytes};
    for (unsigned i = 0; i < c->numAttrs; i++) {
        const CUlaunchAttribute *a = &c->attrs[i];
        if (a->id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE) l.cooperative = a->value.cooperative;
        if (a->id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
            l.cluster[0] = a->value.clusterDim.x, l.cluster[1] = a->value.clusterDim.y, l.cluster[2] = a->value.clusterDim.z;
    }
    return launched(l, c->hStream, params, extra);
}

/* ---- occupancy ------------------------------------------------------------------------------------ */

static CUresult occupancy(int *n, CUfunction f, int threads, size_t dynamic)
{
    f = function_of(f);
    if (!f) return refuse(CUDA_ERROR_INVALID_HANDLE, "no function");
    *n = launch_blocks_per_sm(f, threads, dynamic);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, CUfunction f, int threads, size_t dynamic)
{
    ENTER;
    return occupancy(n, f, threads, dynamic);
}
PLAYED CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, CUfunction f, int threads, size_t dynamic, unsigned flags)
{
    ENTER;
    (void)flags;
    return occupancy(n, f, threads, dynamic);
}

/* A cluster is of one group of multiprocessors. */
static const int gpcs[] = {16, 16, 16, 16, 16, 16, 18, 18};

PLAYED CUresult cuOccupancyMaxActiveClusters(int *n, CUfunction f, const CUlaunchConfig *c)
{
    ENTER;
    unsigned in_cluster = 1;
    for (unsigned i = 0; i < c->numAttrs; i++)
        if (c->attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
            in_cluster = c->attrs[i].value.clusterDim.x * c->attrs[i].value.clusterDim.y * c->attrs[i].value.clusterDim.z;
    int per_sm = 0;
    CUresult r = occupancy(&per_sm, f, (int)(c->blockDimX * c->blockDimY * c->blockDimZ), c->sharedMemBytes);
    *n = 0;
    if (!r && in_cluster > (function_of(f)->nonportable ? 16u : 8u)) r = CUDA_ERROR_INVALID_CLUSTER_SIZE;
    for (size_t i = 0; !r && i < sizeof gpcs / sizeof *gpcs; i++) *n += per_sm * gpcs[i] / (int)in_cluster;
    note("%u blocks of %u threads a cluster, %u bytes: %d at once", in_cluster, c->blockDimX * c->blockDimY * c->blockDimZ, c->sharedMemBytes, *n);
    return r;
}

PLAYED CUresult cuOccupancyMaxPotentialClusterSize(int *n, CUfunction f, const CUlaunchConfig *c)
{
    ENTER;
    (void)c;
    f = function_of(f);
    if (!f) return refuse(CUDA_ERROR_INVALID_HANDLE, "no function");
    *n = f->nonportable ? 16 : 8;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuOccupancyAvailableDynamicSMemPerBlock(size_t *bytes, CUfunction f, int blocks, int threads)
{
    ENTER;
    (void)threads;
    f = function_of(f);
    if (!f || blocks < 1) return CUDA_ERROR_INVALID_VALUE;
    size_t each = (size_t)SHARED_SM / (size_t)blocks;
    *bytes = each > f->info->shared + 1024 ? each - f->info->shared - 1024 : 0;
    return CUDA_SUCCESS;
}
