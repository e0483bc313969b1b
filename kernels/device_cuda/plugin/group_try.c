/* Whether a group's members really get what the others give, and how fast: before a training, and for `anneal doctor`. */
#include "group.h"

enum { TIMES = 5 };

typedef struct member {
    void *out, *in;      /* a part for each member in both */
    anl__transfer *list; /* [2 n] */
} member;

/* Each part begins with who gives it and who gets it. */
static anl_status fill(anl_device *dev, member *m, int rank, int n, size_t part)
{
    if (!(m->list = anl__calloc(dev->ctx, 2 * (size_t)n, sizeof *m->list))) return ANL_NOMEM;
    ANL_TRY(dev->vt->alloc(dev, part * (size_t)n, &m->out));
    ANL_TRY(dev->vt->alloc(dev, part * (size_t)n, &m->in));
    for (int i = 0; i < n; i++) {
        const int mark[2] = {rank, i};
        ANL_TRY(dev->vt->upload(dev, (char *)m->out + part * (size_t)i, mark, sizeof mark));
        m->list[2 * i] = (anl__transfer){i, true, (char *)m->out + part * (size_t)i, part};
        m->list[2 * i + 1] = (anl__transfer){i, false, (char *)m->in + part * (size_t)i, part};
    }
    return ANL_OK;
}

static anl_status right(anl_device *dev, const member *m, int rank, int n, size_t part)
{
    for (int i = 0; i < n; i++) {
        int mark[2];
        ANL_TRY(dev->vt->download(dev, mark, (char *)m->in + part * (size_t)i, sizeof mark));
        if (mark[0] != i || mark[1] != rank)
            return anl__fail(dev->ctx, ANL_DEVICE, "device %d got other bytes than device %d gave it: what the devices copy between each other is damaged; NCCL_P2P_DISABLE=1 may help", rank, i);
    }
    return ANL_OK;
}

/* A failure of a member's reaches the first one's context. */
static anl_status of_member(anl_device *const *dev, int i, anl_status st)
{
    return st == ANL_OK || dev[i]->ctx == dev[0]->ctx ? st : anl__fail(dev[0]->ctx, st, "device %d: %s", i, anl_last_error(dev[i]->ctx));
}

/* Seconds of one exchange. */
static anl_status timed(anl__cuda_group *g, anl_device *const *dev, const anl__transfer *const *list, int n, double *seconds)
{
    double began = anl__cuda_seconds();
    ANL_TRY(anl__cuda_group_exchange_all(g, list, 2 * n));
    for (int i = 0; i < n; i++) ANL_TRY(of_member(dev, i, dev[i]->vt->sync(dev[i])));
    *seconds = anl__cuda_seconds() - began;
    return ANL_OK;
}

anl_status anl__cuda_group_try(anl__cuda_group *g, anl_device *const *dev, int n, size_t part, double *seconds)
{
    anl_ctx *ctx = dev[0]->ctx;
    member *m = anl__calloc(ctx, (size_t)n, sizeof *m);
    const anl__transfer **list = anl__calloc(ctx, (size_t)n, sizeof *list);
    anl_status st = m && list ? ANL_OK : ANL_NOMEM;
    for (int i = 0; i < n && st == ANL_OK; i++) {
        st = of_member(dev, i, fill(dev[i], &m[i], i, n, part));
        list[i] = m[i].list;
    }
    for (int k = 0; k <= TIMES && st == ANL_OK; k++) { /* the first connects */
        double once = 0;
        st = timed(g, dev, list, n, &once);
        if (k < 2 || once < *seconds) *seconds = once;
    }
    for (int i = 0; i < n && st == ANL_OK; i++) st = of_member(dev, i, right(dev[i], &m[i], i, n, part));
    for (int i = 0; m && i < n; i++) {
        if (m[i].in) dev[i]->vt->free(dev[i], m[i].in);
        if (m[i].out) dev[i]->vt->free(dev[i], m[i].out);
        anl__free(dev[i]->ctx, m[i].list);
    }
    anl__free(ctx, list);
    anl__free(ctx, m);
    return st;
}
