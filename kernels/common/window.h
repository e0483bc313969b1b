/* Windows that slide over images: geometry of max and average pooling, from attributes and shapes. */
#ifndef ANL_WINDOW_H
#define ANL_WINDOW_H

#include "op.h"

typedef struct anl__window {
    int64_t n, h, w, c, oh, ow;
    int64_t kh, kw, sh, sw;
    int64_t pad[4]; /* top, left, bottom, right */
} anl__window;

#define ANL__WINDOW_ATTRS                                                                                        \
    {"kernel", ANL__INTS, NULL, 1, 4096, NULL, "window height and width"},                                       \
    {"stride", ANL__INTS, "0", 0, 4096, NULL, "steps between windows; 0: the window's size"},                    \
    {"pad", ANL__INTS, "0", 0, 4096, NULL, "border: all, (h, w) or (top, left, bottom, right)"}
#define ANL__WINDOW_BWD_ATTRS                                                                                    \
    ANL__WINDOW_ATTRS, {"in_h", ANL__INT, NULL, 1, 1 << 24, NULL, "height of the forward input"},                \
    {"in_w", ANL__INT, NULL, 1, 1 << 24, NULL, "width of the forward input"}

/* images: the shape of the forward input's N and C come from `t`; h, w as given. */
static inline void anl__window_of(const anl__call *c, const anl_shape *t, int64_t h, int64_t w, anl__window *g)
{
    const anl__attr *p = anl__attr_get(c, "pad");
    for (int i = 0; i < 4; i++) g->pad[i] = p->n == 1 ? p->i[0] : p->n == 2 ? p->i[i & 1] : p->i[i];
    g->n = t->dim[0];
    g->h = h;
    g->w = w;
    g->c = t->dim[3];
    g->kh = anl__attr_at(c, "kernel", 0);
    g->kw = anl__attr_at(c, "kernel", 1);
    g->sh = anl__attr_at(c, "stride", 0) ? anl__attr_at(c, "stride", 0) : g->kh;
    g->sw = anl__attr_at(c, "stride", 1) ? anl__attr_at(c, "stride", 1) : g->kw;
    g->oh = g->h + g->pad[0] + g->pad[2] < g->kh ? 0 : (g->h + g->pad[0] + g->pad[2] - g->kh) / g->sh + 1;
    g->ow = g->w + g->pad[1] + g->pad[3] < g->kw ? 0 : (g->w + g->pad[1] + g->pad[3] - g->kw) / g->sw + 1;
}

static inline void anl__window_fwd(const anl__call *c, anl__window *g)
{
    anl__window_of(c, &c->in[0].shape, c->in[0].shape.dim[1], c->in[0].shape.dim[2], g);
}

static inline void anl__window_bwd(const anl__call *c, anl__window *g)
{
    anl__window_of(c, &c->in[0].shape, anl__attr_int(c, "in_h"), anl__attr_int(c, "in_w"), g);
}

static inline anl_status anl__window_check(anl_ctx *ctx, const anl__call *c, const anl__window *g)
{
    const anl__attr *p = anl__attr_get(c, "pad");
    if (p->n == 3 || p->n > 4) return anl__fail(ctx, ANL_INVALID, "pad takes 1, 2 or 4 numbers, not %d", p->n);
    if (g->oh < 1 || g->ow < 1)
        return anl__fail(ctx, ANL_SHAPE, "input %lldx%lld with its padding is smaller than the %lldx%lld window", (long long)g->h, (long long)g->w, (long long)g->kh, (long long)g->kw);
    if (g->pad[0] >= g->kh || g->pad[2] >= g->kh || g->pad[1] >= g->kw || g->pad[3] >= g->kw)
        return anl__fail(ctx, ANL_INVALID, "padding as large as the window leaves windows of nothing but padding");
    return ANL_OK;
}

#endif
