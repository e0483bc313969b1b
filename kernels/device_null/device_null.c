/* The null device: counts its calls, computes nothing. Pipeline tests run on it in microseconds. */
#include "device_null.h"

#include "op.h"

#include <string.h>

static anl_status null_open(anl_device *dev, const anl_device_opts *opts)
{
    (void)opts;
    dev->impl = anl__alloc(dev->ctx, sizeof(anl__null_counts));
    return dev->impl ? ANL_OK : ANL_NOMEM;
}

static void null_close(anl_device *dev) { anl__free(dev->ctx, dev->impl); }

static anl_status null_alloc(anl_device *dev, size_t bytes, void **out)
{
    anl__null_counts *n = dev->impl;
    n->allocs++;
    n->bytes += bytes;
    *out = anl__alloc(dev->ctx, bytes);
    return *out ? ANL_OK : ANL_NOMEM;
}

static void null_free(anl_device *dev, void *p)
{
    ((anl__null_counts *)dev->impl)->frees++;
    anl__free(dev->ctx, p);
}

static anl_status null_copy(anl_device *dev, void *dst, const void *src, size_t bytes)
{
    ((anl__null_counts *)dev->impl)->copies++;
    if (bytes) memcpy(dst, src, bytes);
    return ANL_OK;
}

static anl_status null_sync(anl_device *dev)
{
    ((anl__null_counts *)dev->impl)->syncs++;
    return ANL_OK;
}

static bool null_has(const anl_device *dev, anl_dtype t)
{
    (void)dev;
    return t == ANL_F32 || t == ANL_BF16 || t == ANL_F16;
}

static void null_describe(const anl_device *dev, anl__buf *out)
{
    (void)dev;
    anl__buf_add(out, "null (computes nothing)");
}

const anl__null_counts *anl__null_device_counts(const anl_device *dev) { return dev->impl; }

static anl_status nothing(const anl__prepared *p, const anl__run *r)
{
    (void)p;
    ((anl__null_counts *)r->device->impl)->runs++;
    return ANL_OK;
}

/* Stands for every operator's kernel. */
static const anl__kernel null_kernel = {.op = "*", .device = "null", .name = "null", .run = nothing};

const anl__device_vt anl__device_null = {
    .name = "null", .host_memory = true, .auto_rank = -1, .open = null_open, .close = null_close, .alloc = null_alloc, .free = null_free,
    .upload = null_copy, .download = null_copy, .copy = null_copy, .sync = null_sync, .has_dtype = null_has, .describe = null_describe, .any = &null_kernel,
};
