/* The devices: how many, and what they say of themselves (an H200 as tests/gpu/h200_guess.json has it). */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

int device_count;
static bool ready;

#define A(name, value) [CU_DEVICE_ATTRIBUTE_##name] = {1, value}
static const struct { int known, value; } attributes[CU_DEVICE_ATTRIBUTE_MAX] = {
    A(MAX_THREADS_PER_BLOCK, 1024), A(MAX_BLOCK_DIM_X, 1024), A(MAX_BLOCK_DIM_Y, 1024), A(MAX_BLOCK_DIM_Z, 64),
    A(MAX_GRID_DIM_X, 2147483647), A(MAX_GRID_DIM_Y, 65535), A(MAX_GRID_DIM_Z, 65535), A(MAX_SHARED_MEMORY_PER_BLOCK, SHARED_STATIC),
    A(TOTAL_CONSTANT_MEMORY, 65536), A(WARP_SIZE, 32), A(MAX_PITCH, 2147483647), A(MAX_REGISTERS_PER_BLOCK, REGISTERS), A(CLOCK_RATE, 1980000),
    A(TEXTURE_ALIGNMENT, 512), A(GPU_OVERLAP, 1), A(MULTIPROCESSOR_COUNT, SM_COUNT), A(KERNEL_EXEC_TIMEOUT, 0), A(INTEGRATED, 0),
    A(CAN_MAP_HOST_MEMORY, 1), A(COMPUTE_MODE, 0), A(MAXIMUM_TEXTURE1D_WIDTH, 131072), A(MAXIMUM_TEXTURE2D_WIDTH, 131072),
    A(MAXIMUM_TEXTURE2D_HEIGHT, 65536), A(MAXIMUM_TEXTURE3D_WIDTH, 16384), A(MAXIMUM_TEXTURE3D_HEIGHT, 16384), A(MAXIMUM_TEXTURE3D_DEPTH, 16384),
    A(MAXIMUM_TEXTURE2D_LAYERED_WIDTH, 32768), A(MAXIMUM_TEXTURE2D_LAYERED_HEIGHT, 32768), A(MAXIMUM_TEXTURE2D_LAYERED_LAYERS, 2048),
    A(SURFACE_ALIGNMENT, 512), A(CONCURRENT_KERNELS, 1), A(ECC_ENABLED, 1), A(PCI_BUS_ID, 25), A(PCI_DEVICE_ID, 0), A(TCC_DRIVER, 0),
    A(MEMORY_CLOCK_RATE, 3201000), A(GLOBAL_MEMORY_BUS_WIDTH, 6144), A(L2_CACHE_SIZE, 62914560), A(MAX_THREADS_PER_MULTIPROCESSOR, 2048),
    A(ASYNC_ENGINE_COUNT, 3), A(UNIFIED_ADDRESSING, 1), A(MAXIMUM_TEXTURE1D_LAYERED_WIDTH, 32768), A(MAXIMUM_TEXTURE1D_LAYERED_LAYERS, 2048),
    A(PCI_DOMAIN_ID, 0), A(TEXTURE_PITCH_ALIGNMENT, 32), A(MAXIMUM_TEXTURE1D_LINEAR_WIDTH, 268435456),
    A(STREAM_PRIORITIES_SUPPORTED, 1), A(GLOBAL_L1_CACHE_SUPPORTED, 1), A(LOCAL_L1_CACHE_SUPPORTED, 1),
    A(MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, SHARED_SM), A(MAX_REGISTERS_PER_MULTIPROCESSOR, REGISTERS), A(MANAGED_MEMORY, 1), A(MULTI_GPU_BOARD, 0),
    A(HOST_NATIVE_ATOMIC_SUPPORTED, 0), A(SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, 2), A(PAGEABLE_MEMORY_ACCESS, 0), A(CONCURRENT_MANAGED_ACCESS, 1),
    A(COMPUTE_PREEMPTION_SUPPORTED, 1), A(CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1), A(COOPERATIVE_LAUNCH, 1),
    A(MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, SHARED_OPTIN), A(CAN_FLUSH_REMOTE_WRITES, 0), A(HOST_REGISTER_SUPPORTED, 1),
    A(VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1), A(HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED, 1), A(MAX_BLOCKS_PER_MULTIPROCESSOR, 32),
    A(GENERIC_COMPRESSION_SUPPORTED, 1), A(MAX_PERSISTING_L2_CACHE_SIZE, 39321600), A(MAX_ACCESS_POLICY_WINDOW_SIZE, 134213632),
    A(GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED, 1), A(RESERVED_SHARED_MEMORY_PER_BLOCK, 1024), A(READ_ONLY_HOST_REGISTER_SUPPORTED, 1),
    A(TIMELINE_SEMAPHORE_INTEROP_SUPPORTED, 1), A(MEMORY_POOLS_SUPPORTED, 1), A(GPU_DIRECT_RDMA_SUPPORTED, 1), A(MEMPOOL_SUPPORTED_HANDLE_TYPES, 1),
    A(CLUSTER_LAUNCH, 1), A(CAN_USE_64_BIT_STREAM_MEM_OPS, 1), A(CAN_USE_STREAM_WAIT_VALUE_NOR, 1), A(IPC_EVENT_SUPPORTED, 1),
    A(MEM_SYNC_DOMAIN_COUNT, 4), A(TENSOR_MAP_ACCESS_SUPPORTED, 1), A(UNIFIED_FUNCTION_POINTERS, 1), A(NUMA_CONFIG, 0), A(NUMA_ID, -1),
    A(MULTICAST_SUPPORTED, 0), A(HOST_NUMA_ID, 0),
};

bool device_ready(void) { return ready; }

size_t device_memory(void)
{
    const char *mib = getenv("ANL_DRIVER_MEMORY");
    return mib ? (size_t)atoll(mib) << 20 : 150754820096;
}

int device_arch(void)
{
    const char *arch = getenv("ANL_DRIVER_ARCH");
    return arch ? atoi(arch) : 90;
}

int device_attribute(CUdevice_attribute a, CUdevice dev, bool *known)
{
    bool in = a > 0 && a < CU_DEVICE_ATTRIBUTE_MAX;
    *known = in;
    if (!in) return 0;
    if (a == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) return device_arch() / 10;
    if (a == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) return device_arch() % 10;
    if (a == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID) return attributes[a].value + 16 * dev;
    return attributes[a].value;
}

#define NEED_DEVICE(dev) \
    if (!ready) return CUDA_ERROR_NOT_INITIALIZED; \
    if ((dev) < 0 || (dev) >= device_count) return CUDA_ERROR_INVALID_DEVICE

/* CUDA_VISIBLE_DEVICES as the driver reads it: numbers, up to the first that is none. */
static int visible(int have)
{
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    int n = 0;
    if (!list) return have;
    while (*list) {
        char *end;
        long i = strtol(list, &end, 10);
        if (end == list || i < 0 || i >= have) break;
        n++;
        list = *end == ',' ? end + 1 : end;
        if (*end && *end != ',') break;
    }
    return n;
}

PLAYED CUresult cuInit(unsigned flags)
{
    ENTER;
    const char *n = getenv("ANL_DRIVER_DEVICES");
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    if (!ready) {
        int have = n ? atoi(n) : 1;
        device_count = visible(have < MOST_DEVICES ? have : MOST_DEVICES);
    }
    if (device_count < 1) return CUDA_ERROR_NO_DEVICE;
    ready = true;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDriverGetVersion(int *version)
{
    ENTER;
    if (!version) return CUDA_ERROR_INVALID_VALUE;
    const char *other = getenv("ANL_DRIVER_VERSION");
    *version = other ? atoi(other) : CUDA_VERSION;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetCount(int *n)
{
    ENTER;
    if (!ready) return CUDA_ERROR_NOT_INITIALIZED;
    *n = device_count;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGet(CUdevice *dev, int i)
{
    ENTER;
    NEED_DEVICE(i);
    *dev = i;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetName(char *name, int room, CUdevice dev)
{
    ENTER;
    NEED_DEVICE(dev);
    snprintf(name, (size_t)room, "NVIDIA H200 (played)");
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
    ENTER;
    NEED_DEVICE(dev);
    memcpy(uuid->bytes, "anneal stand-in", 16);
    uuid->bytes[15] = (char)dev;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetLuid(char *luid, unsigned *mask, CUdevice dev)
{
    ENTER;
    (void)luid, (void)mask, (void)dev;
    return CUDA_ERROR_NOT_SUPPORTED; /* of Windows */
}

PLAYED CUresult cuDeviceTotalMem(size_t *bytes, CUdevice dev)
{
    ENTER;
    NEED_DEVICE(dev);
    *bytes = device_memory();
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute a, CUdevice dev)
{
    ENTER;
    bool known;
    NEED_DEVICE(dev);
    *value = device_attribute(a, dev, &known);
    note("attribute %d is %d", (int)a, *value);
    return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuDeviceGetPCIBusId(char *id, int room, CUdevice dev)
{
    ENTER;
    NEED_DEVICE(dev);
    snprintf(id, (size_t)room, "0000:%02X:00.0", 25 + 16 * dev);
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetByPCIBusId(CUdevice *dev, const char *id)
{
    ENTER;
    unsigned domain, bus;
    if (!ready) return CUDA_ERROR_NOT_INITIALIZED;
    if (sscanf(id, "%x:%x", &domain, &bus) != 2 || (bus - 25) % 16 || (bus - 25) / 16 >= (unsigned)device_count) return CUDA_ERROR_INVALID_DEVICE;
    *dev = (int)(bus - 25) / 16;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceCanAccessPeer(int *can, CUdevice dev, CUdevice peer)
{
    ENTER;
    NEED_DEVICE(dev);
    NEED_DEVICE(peer);
    *can = dev != peer;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute a, CUdevice dev, CUdevice peer)
{
    ENTER;
    NEED_DEVICE(dev);
    NEED_DEVICE(peer);
    *value = a == CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK ? 0 : 1;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuDeviceGetExecAffinitySupport(int *value, CUexecAffinityType type, CUdevice dev)
{
    ENTER;
    NEED_DEVICE(dev);
    (void)type;
    *value = 0;
    return CUDA_SUCCESS;
}
