/* Functions by name: cuGetProcAddress, and a stand-in for those that are not played. Names and texts of errors. */
#include "tables.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ---- functions that are not played -------------------------------------------------------------------- */

enum { THUNKS = 512 };
static const char *thunk_names[THUNKS];
static int thunk_count;
int unplayed_call(const char *name) /* also older.c's */
{
    ENTER;
    unplayed(name);
    return CUDA_ERROR_NOT_SUPPORTED;
}
static CUresult called(int i) { return unplayed_call(thunk_names[i]); }
#define T1(n) static CUresult thunk_##n(void) { return called(0##n); }
#define T8(n) T1(n##0) T1(n##1) T1(n##2) T1(n##3) T1(n##4) T1(n##5) T1(n##6) T1(n##7)
#define T64(n) T8(n##0) T8(n##1) T8(n##2) T8(n##3) T8(n##4) T8(n##5) T8(n##6) T8(n##7)
T64(0) T64(1) T64(2) T64(3) T64(4) T64(5) T64(6) T64(7)
#define P1(n) thunk_##n,
#define P8(n) P1(n##0) P1(n##1) P1(n##2) P1(n##3) P1(n##4) P1(n##5) P1(n##6) P1(n##7)
#define P64(n) P8(n##0) P8(n##1) P8(n##2) P8(n##3) P8(n##4) P8(n##5) P8(n##6) P8(n##7)
static CUresult (*const thunks[THUNKS])(void) = {P64(0) P64(1) P64(2) P64(3) P64(4) P64(5) P64(6) P64(7)};

void *thunk_for(const char *name)
{
    int i = 0;
    while (i < thunk_count && strcmp(thunk_names[i], name)) i++;
    if (i == THUNKS) return NULL;
    if (i == thunk_count) thunk_names[thunk_count++] = name;
    void *p;
    memcpy(&p, &thunks[i], sizeof p);
    return p;
}

/* ---- cuGetProcAddress -------------------------------------------------------------------------------------- */

/* Where the newest of several functions of a name was not always the one: until this version, this symbol. */
static const struct { const char *name; int before; const char *symbol; } older[] = {
    {"cuStreamGetCaptureInfo", 11030, "-"}, {"cuStreamGetCaptureInfo", 12030, "cuStreamGetCaptureInfo_v2"},
    {"cuStreamUpdateCaptureDependencies", 12030, "cuStreamUpdateCaptureDependencies"},
    {"cuGraphInstantiate", 12000, "-"}, {"cuGraphInstantiate", 1 << 30, "cuGraphInstantiateWithFlags"},
    {"cuCtxCreate", 12050, "-"}, {"cuGraphAddKernelNode", 12000, "-"}, {"cuGraphKernelNodeGetParams", 12000, "-"},
    {"cuGraphAddDependencies", 12030, "-"}, {"cuGraphNodeGetDependencies", 12030, "-"},
    {"cuCtxGetDevice", 13000, "cuCtxGetDevice"}, {"cuCtxSynchronize", 13000, "cuCtxSynchronize"}, {"cuStreamGetCtx", 12050, "cuStreamGetCtx"},
};

static void *played(const char *name)
{
    static void *self;
    Dl_info info;
    if (!self && dladdr(thunks, &info)) self = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    void *p = self ? dlsym(self, name) : NULL;
    return p && dladdr(p, &info) && info.dli_fbase && caller_module(p) == caller_module((void *)(uintptr_t)thunks[0]) ? p : NULL;
}

static void *named(const char *name, int version)
{
    static const char *const suffixes[] = {"_v4", "_v3", "_v2", ""};
    char symbol[128];
    for (size_t i = 0; i < sizeof older / sizeof *older; i++)
        if (!strcmp(older[i].name, name) && version < older[i].before) return played(older[i].symbol);
    for (int i = 0; i < 4; i++) {
        snprintf(symbol, sizeof symbol, "%s%s", name, suffixes[i]);
        void *p = played(symbol);
        if (p) return p;
    }
    return NULL;
}

PLAYED CUresult cuGetProcAddress(const char *name, void **out, int version, cuuint64_t flags, CUdriverProcAddressQueryResult *status)
{
    ENTER;
    (void)flags;
    if (status) *status = CU_GET_PROC_ADDRESS_SUCCESS;
    *out = named(name, version);
    if (!*out) *out = thunk_for(strdup(name));
    return CUDA_SUCCESS;
}

#undef cuGetProcAddress /* its older form */
PLAYED CUresult cuGetProcAddress(const char *name, void **out, int version, cuuint64_t flags) { return cuGetProcAddress_v2(name, out, version, flags, NULL); }

/* ---- errors ------------------------------------------------------------------------------------------------- */

#define E(name) {CUDA_ERROR_##name, "CUDA_ERROR_" #name}
static const struct { CUresult r; const char *name; } errors[] = {{CUDA_SUCCESS, "CUDA_SUCCESS"},
    E(INVALID_VALUE), E(OUT_OF_MEMORY), E(NOT_INITIALIZED), E(DEINITIALIZED), E(NO_DEVICE), E(INVALID_DEVICE), E(INVALID_IMAGE), E(INVALID_CONTEXT),
    E(NO_BINARY_FOR_GPU), E(INVALID_SOURCE), E(FILE_NOT_FOUND), E(INVALID_HANDLE), E(ILLEGAL_STATE), E(NOT_FOUND), E(NOT_READY), E(ILLEGAL_ADDRESS),
    E(LAUNCH_OUT_OF_RESOURCES), E(PEER_ACCESS_ALREADY_ENABLED), E(PEER_ACCESS_NOT_ENABLED), E(CONTEXT_IS_DESTROYED), E(HOST_MEMORY_ALREADY_REGISTERED),
    E(HOST_MEMORY_NOT_REGISTERED), E(COOPERATIVE_LAUNCH_TOO_LARGE), E(NOT_PERMITTED), E(NOT_SUPPORTED), E(STREAM_CAPTURE_UNSUPPORTED), E(STREAM_CAPTURE_INVALIDATED),
    E(STREAM_CAPTURE_MERGE), E(STREAM_CAPTURE_UNMATCHED), E(STREAM_CAPTURE_UNJOINED), E(STREAM_CAPTURE_ISOLATION), E(STREAM_CAPTURE_IMPLICIT), E(CAPTURED_EVENT),
    E(STREAM_CAPTURE_WRONG_THREAD), E(INVALID_CLUSTER_SIZE), E(UNKNOWN)};

PLAYED CUresult cuGetErrorName(CUresult r, const char **out)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].r == r) return *out = errors[i].name, CUDA_SUCCESS;
    *out = NULL;
    return CUDA_ERROR_INVALID_VALUE;
}

PLAYED CUresult cuGetErrorString(CUresult r, const char **out) { return cuGetErrorName(r, out); }
PLAYED CUresult cuProfilerStart(void) { return CUDA_SUCCESS; }
PLAYED CUresult cuProfilerStop(void) { return CUDA_SUCCESS; }
