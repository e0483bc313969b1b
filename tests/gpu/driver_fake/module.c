/* Modules, libraries, kernels and their attributes. A CUkernel is its CUfunction here. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

static const unsigned module_magic = 0x6c756d6d, function_magic = 0x636e7566;
typedef struct placed {
    variable v;
    CUdeviceptr at[MOST_DEVICES];
} placed;
struct CUmod_st {
    unsigned magic;
    image *images;
    int image_count;
    struct CUfunc_st **all;
    size_t count, room;
    placed *globals;
    size_t global_count, global_room;
    const char *owner;
};

bool function_is(CUfunction f) { return f && f->magic == function_magic; }
CUfunction function_of(CUfunction f) { return function_is(f) ? f : NULL; }
static bool module_is(CUmodule m) { return m && m->magic == module_magic; }

const char *module_owner(CUmodule m) { return m->owner; }

static void add_function(void *to, kernel_info *k)
{
    CUmodule m = to;
    if (m->count == m->room) {
        size_t room = m->room ? 2 * m->room : 64;
        struct CUfunc_st **more = realloc(m->all, room * sizeof *more);
        if (!more) return;
        m->all = more;
        m->room = room;
    }
    CUfunction f = calloc(1, sizeof *f);
    if (!f) return;
    *f = (struct CUfunc_st){.magic = function_magic, .info = k, .module = m, .carveout = -1};
    f->dynamic_most = k->shared < SHARED_STATIC ? SHARED_STATIC - k->shared : 0;
    m->all[m->count++] = f;
}

static void add_global(void *to, variable v)
{
    CUmodule m = to;
    if (m->global_count == m->global_room) {
        size_t room = m->global_room ? 2 * m->global_room : 64;
        placed *more = realloc(m->globals, room * sizeof *more);
        if (!more) return;
        m->globals = more;
        m->global_room = room;
    }
    m->globals[m->global_count++] = (placed){.v = v};
}

static CUresult load(CUmodule *out, const void *data, const char *owner)
{
    CUresult why;
    CUmodule m = calloc(1, sizeof *m);
    if (!data || !m) return free(m), data ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_VALUE;
    m->magic = module_magic;
    m->owner = owner;
    m->image_count = images_of(data, &m->images, &why);
    if (!m->image_count) return free(m), why;
    for (int i = 0; i < m->image_count; i++)
        if (!m->images[i].ptx) cubin_read(&m->images[i], add_function, add_global, m);
    count(N_MODULES, 1);
    *out = m;
    return CUDA_SUCCESS;
}

static CUresult unload(CUmodule m)
{
    if (!module_is(m)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no module");
    for (size_t i = 0; i < m->count; i++) m->all[i]->magic = 0; /* kept, so that a later launch is seen */
    for (int i = 0; i < m->image_count; i++) free(m->images[i].bytes);
    m->magic = 0;
    return CUDA_SUCCESS;
}

static CUresult find_function(CUfunction *out, CUmodule m, const char *name)
{
    if (!module_is(m)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no module");
    for (size_t i = 0; i < m->count; i++)
        if (!strcmp(m->all[i]->info->name, name)) return *out = m->all[i], CUDA_SUCCESS;
    for (int i = 0; i < m->image_count; i++) {
        if (!m->images[i].ptx || !strstr(m->images[i].bytes, name)) continue;
        kernel_info *k = calloc(1, sizeof *k); /* PTX is not compiled: nothing more is known of it */
        if (!k) return CUDA_ERROR_OUT_OF_MEMORY;
        *k = (kernel_info){.name = strdup(name), .registers = 32, .max_threads = 1024};
        add_function(m, k);
        return *out = m->all[m->count - 1], CUDA_SUCCESS;
    }
    note("no function %s", name);
    return CUDA_ERROR_NOT_FOUND;
}

static CUresult find_global(CUdeviceptr *out, size_t *bytes, CUmodule m, const char *name)
{
    NEED_CONTEXT(ctx);
    if (!module_is(m)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no module");
    for (size_t i = 0; i < m->global_count; i++) {
        placed *p = &m->globals[i];
        if (strcmp(p->v.name, name)) continue;
        if (!p->at[ctx->device]) {
            CUresult r = memory_take(p->v.bytes ? p->v.bytes : 1, "modules", &p->at[ctx->device]);
            if (r) return r;
            if (p->v.first) memcpy(bytes_at(p->at[ctx->device], p->v.bytes, "a variable"), p->v.first, p->v.bytes);
        }
        if (out) *out = p->at[ctx->device];
        if (bytes) *bytes = p->v.bytes;
        note("variable %s of %zu bytes", name, p->v.bytes);
        return CUDA_SUCCESS;
    }
    note("no variable %s among %zu", name, m->global_count);
    return CUDA_ERROR_NOT_FOUND;
}

CUresult module_load(CUmodule *out, const void *data, const char *owner)
{
    NEED_CONTEXT(ctx);
    CUresult r = capture_forbids(ctx, "a module is loaded");
    return r ? r : load(out, data, owner);
}

PLAYED CUresult cuModuleLoadData(CUmodule *out, const void *data)
{
    ENTER;
    return module_load(out, data, OWNER);
}
PLAYED CUresult cuModuleLoadFatBinary(CUmodule *out, const void *data)
{
    ENTER;
    return module_load(out, data, OWNER);
}
PLAYED CUresult cuModuleLoadDataEx(CUmodule *out, const void *data, unsigned n, CUjit_option *o, void **v)
{
    ENTER;
    (void)n, (void)o, (void)v;
    return module_load(out, data, OWNER);
}
PLAYED CUresult cuModuleUnload(CUmodule m)
{
    ENTER;
    return unload(m);
}
PLAYED CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
    ENTER;
    *mode = CU_MODULE_LAZY_LOADING;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuModuleGetFunction(CUfunction *out, CUmodule m, const char *name)
{
    ENTER;
    return find_function(out, m, name);
}
PLAYED CUresult cuModuleGetGlobal(CUdeviceptr *out, size_t *bytes, CUmodule m, const char *name)
{
    ENTER;
    return find_global(out, bytes, m, name);
}
PLAYED CUresult cuModuleGetFunctionCount(unsigned *n, CUmodule m)
{
    ENTER;
    *n = (unsigned)m->count;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuModuleEnumerateFunctions(CUfunction *out, unsigned n, CUmodule m)
{
    ENTER;
    for (unsigned i = 0; i < n && i < m->count; i++) out[i] = m->all[i];
    return CUDA_SUCCESS;
}

PLAYED CUresult cuLibraryLoadData(CUlibrary *out, const void *code, CUjit_option *jo, void **jv, unsigned jn, CUlibraryOption *lo, void **lv,
                                  unsigned ln)
{
    ENTER;
    (void)jo, (void)jv, (void)jn, (void)lo, (void)lv, (void)ln;
    CUcontext ctx = context_current();
    if (ctx && ctx->captures) count(N_LOADS_CAPTURED, 1); /* may wait, NVIDIA says of lazy loading, and is not refused */
    return load((CUmodule *)out, code, OWNER);
}

PLAYED CUresult cuLibraryUnload(CUlibrary l)
{
    ENTER;
    return unload((CUmodule)l);
}
PLAYED CUresult cuLibraryGetKernel(CUkernel *out, CUlibrary l, const char *name)
{
    ENTER;
    return find_function((CUfunction *)out, (CUmodule)l, name);
}
PLAYED CUresult cuLibraryGetModule(CUmodule *out, CUlibrary l)
{
    ENTER;
    *out = (CUmodule)l;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuLibraryGetGlobal(CUdeviceptr *out, size_t *bytes, CUlibrary l, const char *name)
{
    ENTER;
    return find_global(out, bytes, (CUmodule)l, name);
}
PLAYED CUresult cuLibraryGetManaged(CUdeviceptr *out, size_t *bytes, CUlibrary l, const char *name)
{
    ENTER;
    return find_global(out, bytes, (CUmodule)l, name);
}
PLAYED CUresult cuLibraryGetKernelCount(unsigned *n, CUlibrary l)
{
    ENTER;
    *n = (unsigned)((CUmodule)l)->count;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuLibraryEnumerateKernels(CUkernel *out, unsigned n, CUlibrary l)
{
    ENTER;
    CUmodule m = (CUmodule)l;
    for (unsigned i = 0; i < n && i < m->count; i++) out[i] = (CUkernel)m->all[i];
    return CUDA_SUCCESS;
}

#define NEED_FUNCTION(f) \
    if (!function_is(f)) return refuse(CUDA_ERROR_INVALID_HANDLE, "no function")

PLAYED CUresult cuKernelGetFunction(CUfunction *out, CUkernel k)
{
    ENTER;
    NEED_FUNCTION((CUfunction)k);
    *out = (CUfunction)k;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuKernelGetLibrary(CUlibrary *out, CUkernel k)
{
    ENTER;
    NEED_FUNCTION((CUfunction)k);
    *out = (CUlibrary)((CUfunction)k)->module;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuFuncGetModule(CUmodule *out, CUfunction f)
{
    ENTER;
    NEED_FUNCTION(f);
    *out = f->module;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuFuncGetName(const char **name, CUfunction f)
{
    ENTER;
    NEED_FUNCTION(f);
    *name = f->info->name;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuKernelGetName(const char **name, CUkernel k)
{
    ENTER;
    return cuFuncGetName(name, (CUfunction)k);
}
PLAYED CUresult cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction f)
{
    ENTER;
    NEED_FUNCTION(f);
    *state = CU_FUNCTION_LOADING_STATE_LOADED;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuFuncLoad(CUfunction f)
{
    ENTER;
    NEED_FUNCTION(f);
    return CUDA_SUCCESS;
}
PLAYED CUresult cuFuncSetCacheConfig(CUfunction f, CUfunc_cache c)
{
    ENTER;
    NEED_FUNCTION(f);
    (void)c;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuKernelSetCacheConfig(CUkernel k, CUfunc_cache c, CUdevice d)
{
    ENTER;
    NEED_FUNCTION((CUfunction)k);
    (void)c, (void)d;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuFuncSetSharedMemConfig(CUfunction f, CUsharedconfig c)
{
    ENTER;
    NEED_FUNCTION(f);
    (void)c;
    return CUDA_SUCCESS;
}

PLAYED CUresult cuFuncGetParamInfo(CUfunction f, size_t i, size_t *offset, size_t *bytes)
{
    ENTER;
    NEED_FUNCTION(f);
    if (i >= (size_t)f->info->params) return CUDA_ERROR_INVALID_VALUE;
    *offset = (size_t)f->info->param[i].offset;
    if (bytes) *bytes = (size_t)f->info->param[i].bytes;
    return CUDA_SUCCESS;
}
PLAYED CUresult cuKernelGetParamInfo(CUkernel k, size_t i, size_t *offset, size_t *bytes)
{
    ENTER;
    return cuFuncGetParamInfo((CUfunction)k, i, offset, bytes);
}

PLAYED CUresult cuFuncGetAttribute(int *v, CUfunction_attribute a, CUfunction f)
{
    ENTER;
    NEED_FUNCTION(f);
    const kernel_info *k = f->info;
    switch (a) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *v = k->max_threads; break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *v = (int)k->shared; break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *v = k->local; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *v = k->registers; break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION: *v = 90; break;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *v = 90; break;
    case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA: *v = 0; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *v = (int)f->dynamic_most; break;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *v = f->carveout; break;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED: *v = f->nonportable; break;
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH: *v = f->cluster[a - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH]; break;
    default: *v = 0;
    }
    return CUDA_SUCCESS;
}

PLAYED CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v)
{
    ENTER;
    NEED_FUNCTION(f);
    switch (a) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        if (v < 0 || (size_t)v + f->info->shared > SHARED_OPTIN)
            return refuse(CUDA_ERROR_INVALID_VALUE, "%s: %zu + %d bytes of shared memory are to be allowed", f->info->name, f->info->shared, v);
        f->dynamic_most = (size_t)v;
        break;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        if (v < -1 || v > 100) return CUDA_ERROR_INVALID_VALUE;
        f->carveout = v;
        break;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED: f->nonportable = v; break;
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH: f->cluster[a - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH] = v; break;
    default: break;
    }
    return CUDA_SUCCESS;
}
PLAYED CUresult cuKernelGetAttribute(int *v, CUfunction_attribute a, CUkernel k, CUdevice d)
{
    ENTER;
    (void)d;
    return cuFuncGetAttribute(v, a, (CUfunction)k);
}
PLAYED CUresult cuKernelSetAttribute(CUfunction_attribute a, int v, CUkernel k, CUdevice d)
{
    ENTER;
    (void)d;
    return cuFuncSetAttribute((CUfunction)k, a, v);
}
