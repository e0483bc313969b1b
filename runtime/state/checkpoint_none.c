/* Checkpoints in a build without HDF5: every call says so. */
#include "checkpoint.h"

#ifndef ANL_HAVE_HDF5

static anl_status none(anl_ctx *ctx, const char *path)
{
    return anl__fail(ctx, ANL_UNSUPPORTED,
                     "%s: this build has no HDF5, so it can neither write nor read checkpoints", path);
}

anl_status anl__ckpt_write(anl_ctx *ctx, const char *path, const anl__ckpt_content *c)
{
    (void)c;
    return none(ctx, path);
}

anl_status anl__ckpt_open(anl_ctx *ctx, const char *path, anl__ckpt **out)
{
    (void)out;
    return none(ctx, path);
}

void anl__ckpt_close(anl__ckpt *c) { (void)c; }
int64_t anl__ckpt_step(const anl__ckpt *c) { return c ? 0 : -1; }
const char *anl__ckpt_path(const anl__ckpt *c) { return c ? "" : NULL; }
const char *anl__ckpt_digest(const anl__ckpt *c) { return c ? "" : NULL; }
int anl__ckpt_count(const anl__ckpt *c) { return c ? 0 : -1; }
int anl__ckpt_attr_count(const anl__ckpt *c) { return c ? 0 : -1; }
anl__ckpt_tensor anl__ckpt_at(const anl__ckpt *c, int i)
{
    return (anl__ckpt_tensor){.shape.rank = c ? i : -1};
}
anl__ckpt_attr anl__ckpt_attr_at(const anl__ckpt *c, int i) { return (anl__ckpt_attr){.i = c ? i : -1}; }
anl__ckpt_tensor anl__ckpt_find(const anl__ckpt *c, const char *group, const char *name)
{
    return (anl__ckpt_tensor){.group = group, .name = name, .shape.rank = c ? 0 : -1};
}
int64_t anl__ckpt_int(const anl__ckpt *c, const char *name, int64_t def) { return c && name ? def : def; }
double anl__ckpt_double(const anl__ckpt *c, const char *name, double def) { return c && name ? def : def; }
const char *anl__ckpt_text(const anl__ckpt *c, const char *name, const char *def)
{
    return c && name ? def : def;
}

#else
typedef int anl__not_empty; /* a translation unit holds something */
#endif
