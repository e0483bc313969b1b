/* The cpu device: one worker pool, host memory; kernels are tasks of one thread each. */
#include "base/pool.h"
#include "kernels/common/host_memory.h"

#if defined(ANL_HAVE_DNNL)
#include <dnnl.h>
#endif

static anl_status cpu_open(anl_device *dev, const anl_device_opts *opts)
{
    return anl__pool_create(dev->ctx, opts->threads, &dev->pool);
}

static void cpu_close(anl_device *dev) { anl__pool_destroy(dev->pool); }

static const char *instruction_set(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512bf16")) return "AVX-512 with bf16";
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) return "AVX-512";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "AVX2";
    return "SSE2";
#else
    return "generic";
#endif
}

static bool cpu_has(const anl_device *dev, anl_dtype t)
{
    (void)dev;
    return t == ANL_F32 || (t == ANL_BF16 && !strcmp(instruction_set(), "AVX-512 with bf16"));
}

static void cpu_describe(const anl_device *dev, anl__buf *out)
{
    (void)dev;
    anl__buf_add(out, "cpu (%s", instruction_set());
#if defined(ANL_HAVE_DNNL)
    const dnnl_version_t *v = dnnl_version();
    anl__buf_add(out, ", oneDNN %d.%d.%d", v->major, v->minor, v->patch);
#endif
    anl__buf_add(out, ")");
}

const anl__device_vt anl__device_cpu = {
    .name = "cpu", .host_memory = true, .auto_rank = 10, .open = cpu_open, .close = cpu_close,
    .alloc = anl__host_alloc, .free = anl__host_free, .upload = anl__host_copy, .download = anl__host_copy, .copy = anl__host_copy,
    .sync = anl__host_sync, .has_dtype = cpu_has, .describe = cpu_describe,
};
