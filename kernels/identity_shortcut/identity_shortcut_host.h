/* identity_shortcut on the host: copies of channel rows, so any element type. */
#ifndef ANL_IDENTITY_SHORTCUT_HOST_H
#define ANL_IDENTITY_SHORTCUT_HOST_H

#include "op.h"

#include <string.h>

/* Sample n: the wide tensor (more channels, fewer pixels) from the narrow one, or back. */
static void anl__shortcut_sample(const anl__call *c, const char *in, char *out, int64_t n, bool back)
{
    const int64_t *a = back ? c->out[0].shape.dim : c->in[0].shape.dim; /* narrow: N,H,W,C */
    const int64_t *b = back ? c->in[0].shape.dim : c->out[0].shape.dim; /* wide */
    size_t e = anl_dtype_size(c->in[0].dtype), narrow = (size_t)a[3] * e, wide = (size_t)b[3] * e, before = (size_t)((b[3] - a[3]) / 2) * e;
    int64_t s = anl__attr_int(c, "stride");
    if (back) memset(out + (size_t)(n * a[1] * a[2]) * narrow, 0, (size_t)(a[1] * a[2]) * narrow);
    for (int64_t y = 0; y < b[1]; y++)
        for (int64_t x = 0; x < b[2]; x++) {
            size_t at_wide = (size_t)((n * b[1] + y) * b[2] + x) * wide, at_narrow = (size_t)((n * a[1] + y * s) * a[2] + x * s) * narrow;
            if (back) {
                memcpy(out + at_narrow, in + at_wide + before, narrow);
                continue;
            }
            memset(out + at_wide, 0, before);
            memcpy(out + at_wide + before, in + at_narrow, narrow);
            memset(out + at_wide + before + narrow, 0, wide - before - narrow);
        }
}

static inline void anl__shortcut_rows(const anl__prepared *p, const anl__run *r, int64_t begin, int64_t end)
{
    bool back = !strcmp(p->call.op->name, "identity_shortcut_bwd");
    for (int64_t n = begin; n < end; n++) anl__shortcut_sample(&p->call, r->in[0], r->out[0], n, back);
}

#endif
