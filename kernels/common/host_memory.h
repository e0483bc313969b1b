/* Memory of devices whose memory is the host's: the functions of the device table that they share. */
#ifndef ANL_HOST_MEMORY_H
#define ANL_HOST_MEMORY_H

#include "device.h"

#include <string.h>

/* Zeroed; anl__alloc aligns to 64 bytes, the contract asks for 256: the block's start is kept before the memory. */
static inline anl_status anl__host_alloc(anl_device *dev, size_t bytes, void **out)
{
    if (bytes > SIZE_MAX - 512) return anl__fail(dev->ctx, ANL_DEVICE_NOMEM, "%zu bytes are more than a device can have", bytes);
    char *block = anl__alloc(dev->ctx, bytes + 512);
    if (!block) return ANL_NOMEM;
    char *p = (char *)(((uintptr_t)block + sizeof(void *) + 255) & ~(uintptr_t)255);
    memcpy(p - sizeof block, &block, sizeof block);
    *out = p;
    return ANL_OK;
}

static inline void anl__host_free(anl_device *dev, void *p)
{
    char *block;
    if (!p) return;
    memcpy(&block, (char *)p - sizeof block, sizeof block);
    anl__free(dev->ctx, block);
}

static inline anl_status anl__host_copy(anl_device *dev, void *dst, const void *src, size_t bytes)
{
    (void)dev;
    if (bytes) memmove(dst, src, bytes);
    return ANL_OK;
}

static inline anl_status anl__host_sync(anl_device *dev)
{
    (void)dev;
    return ANL_OK;
}

#endif
