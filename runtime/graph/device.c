/* Opening a device by name, or the best one that works here. */
#include "precision.h"

#include <string.h>

anl_device_opts anl_device_opts_default(void) { return (anl_device_opts){.deterministic = true}; }

static anl_status open_one(anl_ctx *ctx, const anl__device_vt *vt, const anl_device_opts *opts, anl_device **out)
{
    anl_device *dev = anl__alloc(ctx, sizeof *dev);
    if (!dev) return ANL_NOMEM;
    *dev = (anl_device){.vt = vt, .ctx = ctx, .opts = *opts};
    anl_status st = vt->open(dev, opts);
    if (st != ANL_OK) anl__free(ctx, dev);
    else *out = dev;
    return st;
}

static anl_status open_named(anl_ctx *ctx, const char *name, const anl_device_opts *opts, anl_device **out)
{
    anl__buf have;
    if (!strcmp(name, "auto")) {
        for (int rank = 100; rank >= 0; rank--)
            for (int i = 0; anl__device_table[i]; i++) {
                if (anl__device_table[i]->auto_rank != rank) continue;
                anl_status st = open_one(ctx, anl__device_table[i], opts, out);
                if (st == ANL_OK || st == ANL_NOMEM || st == ANL_INVALID) return st; /* neither is a reason to take a slower device */
            }
        return anl__fail(ctx, ANL_DEVICE, "no device works here");
    }
    for (int i = 0; anl__device_table[i]; i++)
        if (!strcmp(anl__device_table[i]->name, name)) return open_one(ctx, anl__device_table[i], opts, out);
    anl__buf_init(&have, ctx);
    for (int i = 0; anl__device_table[i]; i++) anl__buf_add(&have, "%s%s", i ? ", " : "", anl__device_table[i]->name);
    anl_status st = anl__fail(ctx, ANL_DEVICE, "there is no device '%s' in this build; it has: %s", name, have.text);
    anl__buf_release(&have);
    return st;
}

anl_status anl_device_open(anl_ctx *ctx, const char *name, const anl_device_opts *opts, anl_device **out)
{
    anl_device_opts def = anl_device_opts_default();
    anl_device *dev = NULL;
    ANL_TRY(open_named(ctx, name, opts ? opts : &def, &dev));
    anl_status st = dev->opts.tf32 ? anl__precision_need(dev, ANL_F32, true) : ANL_OK;
    if (st != ANL_OK) anl_device_close(dev);
    else *out = dev;
    return st;
}

void anl_device_close(anl_device *dev)
{
    if (!dev) return;
    dev->vt->close(dev);
    anl__free(dev->ctx, dev);
}

const char *anl_device_name(const anl_device *dev) { return dev->vt->name; }

int anl_device_count(anl_ctx *ctx, const char *name)
{
    anl_device_opts o = anl_device_opts_default();
    anl_device *dev;
    o.threads = 1;
    if (anl_device_open(ctx, name, &o, &dev) != ANL_OK) return 0; /* what does not open is not counted */
    int n = dev->vt->count ? dev->vt->count(ctx) : 1;
    anl_device_close(dev);
    return n;
}
