/* Precisions; see precision.h. */
#include "precision.h"

#include <string.h>

static const anl__precision all[] = {
    {"fp32", ANL_F32, false}, {"tf32", ANL_F32, true}, {"bf16", ANL_BF16, false}, {"fp16", ANL_F16, false}};
enum { FP32, TF32, BF16, FP16, ALL };

static bool has(const anl_device *dev, anl_dtype dtype, bool tf32)
{
    return dev->vt->has_dtype(dev, dtype) && (!tf32 || (dev->vt->has_tf32 && dev->vt->has_tf32(dev)));
}

const anl__precision *anl__precision_find(const char *name)
{
    for (int i = 0; i < ALL; i++)
        if (!strcmp(all[i].name, name)) return &all[i];
    return NULL;
}

const anl__precision *anl__precision_auto(const anl_device *dev)
{
    return &all[has(dev, ANL_BF16, false) ? BF16 : has(dev, ANL_F16, false) ? FP16 : FP32];
}

void anl__precision_list(const anl_device *dev, anl__buf *out)
{
    int n = 0;
    for (int i = 0; i < ALL; i++)
        if (has(dev, all[i].dtype, all[i].tf32)) anl__buf_add(out, "%s%s", n++ ? ", " : "", all[i].name);
}

anl_status anl__precision_need(const anl_device *dev, anl_dtype dtype, bool tf32)
{
    const char *name = anl_dtype_name(dtype);
    anl__buf have;
    if (has(dev, dtype, tf32)) return ANL_OK;
    for (int i = 0; i < ALL; i++)
        if (all[i].dtype == dtype && all[i].tf32 == tf32) name = all[i].name;
    anl__buf_init(&have, dev->ctx);
    anl__precision_list(dev, &have);
    anl_status st = anl__fail(dev->ctx, ANL_UNSUPPORTED, "device %s has no %s here; train.precision may be: %s",
                              dev->vt->name, name, have.text);
    anl__buf_release(&have);
    return st;
}
