/* The reference device: plain C, no library, one thread. The oracle, and a build with nothing installed. */
#include "kernels/common/host_memory.h"

static anl_status ref_open(anl_device *dev, const anl_device_opts *opts)
{
    (void)dev;
    (void)opts;
    return ANL_OK;
}

static void ref_close(anl_device *dev) { (void)dev; }

static bool ref_has(const anl_device *dev, anl_dtype t)
{
    (void)dev;
    return t == ANL_F32 || t == ANL_F64;
}

static void ref_describe(const anl_device *dev, anl__buf *out)
{
    (void)dev;
    anl__buf_add(out, "reference (plain C, one thread)");
}

const anl__device_vt anl__device_reference = {
    .name = "reference", .host_memory = true, .auto_rank = 1, .open = ref_open, .close = ref_close,
    .alloc = anl__host_alloc, .free = anl__host_free, .upload = anl__host_copy, .download = anl__host_copy, .copy = anl__host_copy,
    .sync = anl__host_sync, .has_dtype = ref_has, .describe = ref_describe,
};
