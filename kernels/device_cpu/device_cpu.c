/* The cpu device: one worker pool, host memory; kernels are tasks of one thread each. */
#include "base/pool.h"
#include "kernels/common/host_memory.h"
#include "kernels/common/isa.h"

#if defined(ANL_HAVE_DNNL)
#include "kernels/common/dnnl.h"
#endif

/* dev->impl is the library (anl__dnnl), or NULL without it. */
static void cpu_close(anl_device *dev)
{
    anl__pool_destroy(dev->pool);
    dev->pool = NULL;
#if defined(ANL_HAVE_DNNL)
    anl__dnnl_close(dev->impl);
    dev->impl = NULL;
#endif
}

static anl_status cpu_open(anl_device *dev, const anl_device_opts *opts)
{
    anl__isa limit;
    anl_status st = anl__isa_limit(dev->ctx, &limit);
    if (st == ANL_OK) st = anl__pool_create(dev->ctx, opts->threads, &dev->pool);
#if defined(ANL_HAVE_DNNL)
    anl__dnnl *lib = NULL;
    if (st == ANL_OK) st = anl__dnnl_open(dev->ctx, anl__pool_size(dev->pool), limit, &lib);
    dev->impl = lib;
#endif
    if (st != ANL_OK) cpu_close(dev);
    return st;
}

static anl_status cpu_fault(anl_device *dev)
{
#if defined(ANL_HAVE_DNNL)
    int status = anl__dnnl_fault(dev->impl);
    if (status) return anl__fail(dev->ctx, ANL_DEVICE, "a oneDNN primitive failed while it was executed (its status %d)", status);
#else
    (void)dev;
#endif
    return ANL_OK;
}

static const char *instruction_set(void)
{
#if defined(__x86_64__)
    static const char *const text[] = {"SSE2", "AVX2", "AVX-512", "AVX-512 with bf16", "AVX-512 with bf16 and AMX"};
    return text[anl__isa_used()];
#else
    return "generic";
#endif
}

static bool cpu_has(const anl_device *dev, anl_dtype t)
{
    (void)dev;
    return t == ANL_F32 || (t == ANL_BF16 && anl__isa_used() >= ANL__ISA_AVX512_BF16);
}

static void cpu_describe(const anl_device *dev, anl__buf *out)
{
    (void)dev;
    anl__buf_add(out, "cpu (%s", instruction_set());
#if defined(ANL_HAVE_DNNL)
    int version[3];
    anl__dnnl_version(version);
    anl__buf_add(out, ", oneDNN %d.%d.%d", version[0], version[1], version[2]);
#endif
    anl__buf_add(out, ")");
}

const anl__device_vt anl__device_cpu = {
    .name = "cpu", .host_memory = true, .auto_rank = 10, .open = cpu_open, .close = cpu_close,
    .alloc = anl__host_alloc, .free = anl__host_free, .upload = anl__host_copy, .download = anl__host_copy, .copy = anl__host_copy,
    .sync = anl__host_sync, .fault = cpu_fault, .has_dtype = cpu_has, .describe = cpu_describe,
};
