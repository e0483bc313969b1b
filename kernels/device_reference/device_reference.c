/* The reference device: plain C, no library, one thread. The oracle, and a build with nothing installed. */
#include "device.h"

#include <string.h>

static anl_status ref_open(anl_device *dev, const anl_device_opts *opts)
{
    (void)dev;
    (void)opts;
    return ANL_OK;
}

static void ref_close(anl_device *dev) { (void)dev; }

static anl_status ref_alloc(anl_device *dev, size_t bytes, void **out)
{
    void *p = anl__alloc(dev->ctx, bytes);
    if (!p) return ANL_NOMEM;
    *out = p;
    return ANL_OK;
}

static void ref_free(anl_device *dev, void *p) { anl__free(dev->ctx, p); }

static anl_status ref_upload(anl_device *dev, void *dst, const void *src, size_t bytes)
{
    (void)dev;
    if (bytes) memcpy(dst, src, bytes);
    return ANL_OK;
}

static anl_status ref_sync(anl_device *dev)
{
    (void)dev;
    return ANL_OK;
}

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
    .name = "reference", .host_memory = true, .auto_rank = 1, .open = ref_open, .close = ref_close, .alloc = ref_alloc, .free = ref_free,
    .upload = ref_upload, .download = ref_upload, .copy = ref_upload, .sync = ref_sync, .has_dtype = ref_has, .describe = ref_describe,
};
