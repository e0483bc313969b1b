/* See dnn_adds.h. */
#include "dnn_adds.h"

#include "calls.h"
#include "dnn_conv.h"

#include <string.h>

enum { SIDE = 8, CHANNELS = 8, ELEMENTS = SIDE * SIDE * CHANNELS, FILTERS = CHANNELS * 9 * CHANNELS };

static void ones(anl_dtype type, int n, void *out)
{
    float f = 1;
    uint16_t half = type == ANL_BF16 ? 0x3f80 : 0x3c00;
    for (int i = 0; i < n; i++)
        if (type == ANL_F32) memcpy((float *)out + i, &f, sizeof f);
        else memcpy((uint16_t *)out + i, &half, sizeof half);
}

/* 1 + the gradient of zeros is 1. */
static bool adds(anl_device *dev, const anl__dnn_conv *p)
{
    const anl__device_vt *vt = dev->vt;
    size_t bytes = ELEMENTS * anl_dtype_size(p->shape.type);
    float want[ELEMENTS], got[ELEMENTS] = {0};
    void *x = NULL, *w = NULL, *y = NULL, *ws = NULL;
    ones(p->shape.type, ELEMENTS, want);
    bool ok = vt->alloc(dev, bytes, &x) == ANL_OK && vt->alloc(dev, FILTERS * anl_dtype_size(p->shape.type), &w) == ANL_OK && vt->alloc(dev, bytes, &y) == ANL_OK &&
              vt->alloc(dev, (size_t)p->workspace + 16, &ws) == ANL_OK && vt->upload(dev, x, want, bytes) == ANL_OK && !anl__dnn_conv_run(p, x, w, y, NULL, ws) &&
              vt->sync(dev) == ANL_OK && vt->download(dev, got, x, bytes) == ANL_OK && !memcmp(want, got, bytes);
    void *all[] = {x, w, y, ws};
    for (int i = 0; i < 4; i++)
        if (all[i]) vt->free(dev, all[i]);
    return ok;
}

bool anl__dnn_adds(anl_device *dev, anl_dtype type)
{
    anl__cudnn *dnn = anl__cuda_libs_of(dev)->cudnn;
    anl__dnn_shape s = {.kind = ANL__DNN_DATA, .type = type, .add = true, .n = 1, .h = SIDE, .w = SIDE, .c = CHANNELS, .k = CHANNELS, .r = 3, .s = 3, .oh = SIDE, .ow = SIDE, .groups = 1,
                        .stride = {1, 1}, .dilation = {1, 1}, .before = {1, 1}, .after = {1, 1}, .deterministic = true, .workspace_most = (size_t)64 << 20};
    anl__dnn_conv p;
    char why[128];
    if (dnn->adds[type]) return dnn->adds[type] > 0;
    bool made = anl__dnn_conv_make(dnn, &s, &p, why);
    dnn->adds[type] = made && adds(dev, &p) ? 1 : -1;
    if (made) anl__dnn_conv_release(&p);
    return dnn->adds[type] > 0;
}
