/* Groups of GPUs; see group.h. */
#include "group.h"

#include "calls.h"
#include "libs.h"
#include "nccl_table.h"

#include <cuda_runtime_api.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 64, LOOK_AROUND = 4096 /* looks at the own stream between two at the others' */ };
struct anl__cuda_group {
    anl_ctx *ctx; /* of the first member, who outlives the others' */
    anl__nccl nccl;
    int n, members;       /* made; still open */
    _Atomic bool failing, failed; /* communicators are being aborted; are */
    char why[160];                /* by then */
    anl_device *dev[MOST];
    void *comm[MOST];
};

static int rank_of(const anl__cuda_group *g, const anl_device *dev)
{
    int i = 0;
    while (g->dev[i] != dev) i++;
    return i;
}

anl_status anl__cuda_group_make(anl_device *const *dev, const int *index, int n, anl__cuda_group **out)
{
    anl_ctx *ctx = dev[0]->ctx;
    if (n > MOST) return anl__fail(ctx, ANL_UNSUPPORTED, "%d devices: at most %d can be a group", n, MOST);
    anl__cuda_group *g = anl__alloc(ctx, sizeof *g);
    if (!g) return ANL_NOMEM;
    *g = (anl__cuda_group){.ctx = ctx, .n = n, .members = n};
    memcpy(g->dev, dev, (size_t)n * sizeof *dev);
    anl_status st = anl__cuda_nccl_open(ctx, &g->nccl);
    int status = st == ANL_OK ? g->nccl.CommInitAll(g->comm, n, index) : NCCL_SUCCESS;
    if (status != NCCL_SUCCESS) st = anl__fail(ctx, ANL_DEVICE, "NCCL cannot connect the %d devices: %s (status %d); NCCL_DEBUG=WARN says more", n, g->nccl.GetErrorString(status), status);
    if (st != ANL_OK) anl__free(ctx, g);
    else *out = g;
    return st;
}

static void fail_all(anl__cuda_group *g, const char *why)
{
    if (atomic_exchange(&g->failing, true)) return; /* it is done, or another thread is at it */
    snprintf(g->why, sizeof g->why, "%s", why);
    for (int i = 0; i < g->n; i++) {
        g->dev[i]->vt->use(g->dev[i]);
        g->nccl.CommAbort(g->comm[i]);
    }
    g->failed = true;
}

void anl__cuda_group_give_up(anl__cuda_group *g, const anl_device *dev)
{
    char why[64];
    snprintf(why, sizeof why, "device %d of the group gave up", rank_of(g, dev));
    fail_all(g, why);
}

void anl__cuda_group_leave(anl__cuda_group *g)
{
    bool whole = !atomic_exchange(&g->failing, true);
    for (int i = 0; i < g->n && whole; i++) cudaStreamSynchronize(anl__cuda_stream(g->dev[i]));
    for (int i = 0; i < g->n && whole; i++) {
        g->dev[i]->vt->use(g->dev[i]);
        g->nccl.CommDestroy(g->comm[i]);
    }
    if (!--g->members) anl__free(g->ctx, g);
}

static anl_status lost(const anl__cuda_group *g, const anl_device *dev)
{
    return anl__fail(dev->ctx, ANL_DEVICE, "the group of %d CUDA devices is broken: %s; results on them are lost, checkpoints are whole", g->n, g->why);
}

anl_status anl__cuda_group_exchange(anl__cuda_group *g, anl_device *dev, const anl__transfer *list, int n)
{
    const anl__nccl *nccl = &g->nccl;
    if (g->failed) return lost(g, dev);
    void *comm = g->comm[rank_of(g, dev)], *stream = anl__cuda_stream(dev);
    int status = nccl->GroupStart(), ended;
    for (int i = 0; i < n && status == NCCL_SUCCESS; i++)
        status = list[i].give ? nccl->Send(list[i].at, list[i].bytes, NCCL_BYTES, list[i].peer, comm, stream) : nccl->Recv(list[i].at, list[i].bytes, NCCL_BYTES, list[i].peer, comm, stream);
    ended = nccl->GroupEnd(); /* always, or the thread stays in the group */
    if (status == NCCL_SUCCESS) status = ended;
    if (status == NCCL_SUCCESS) return ANL_OK;
    return anl__fail(dev->ctx, ANL_DEVICE, "NCCL failed in an exchange of gradients: %s (status %d); results on the devices are lost, checkpoints are whole", nccl->GetErrorString(status),
                     status);
}

anl_status anl__cuda_group_exchange_all(anl__cuda_group *g, const anl__transfer *const *list, int n)
{
    anl_status st = ANL_OK;
    int status = g->nccl.GroupStart();
    for (int i = 0; i < g->n && status == NCCL_SUCCESS && st == ANL_OK; i++) st = anl__cuda_group_exchange(g, g->dev[i], list[i], n);
    if (status == NCCL_SUCCESS) status = g->nccl.GroupEnd();
    if (st != ANL_OK || status == NCCL_SUCCESS) return st;
    return anl__fail(g->ctx, ANL_DEVICE, "NCCL failed in an exchange of all members: %s (status %d)", g->nccl.GetErrorString(status), status);
}

/* Is a member, or what NCCL does for this one, broken? Then the group is aborted. */
static void look_around(anl__cuda_group *g, const anl_device *dev)
{
    char why[128];
    int status = NCCL_SUCCESS;
    for (int i = 0; i < g->n; i++) {
        cudaError_t e = cudaStreamQuery(anl__cuda_stream(g->dev[i]));
        if (e == cudaErrorNotReady) cudaGetLastError(); /* no error, but remembered as one */
        if (e == cudaSuccess || e == cudaErrorNotReady) continue;
        snprintf(why, sizeof why, "device %d failed, %s", i, cudaGetErrorString(e));
        fail_all(g, why);
    }
    if (g->failed || g->nccl.CommGetAsyncError(g->comm[rank_of(g, dev)], &status) != NCCL_SUCCESS || status == NCCL_SUCCESS || status == NCCL_IN_PROGRESS) return;
    snprintf(why, sizeof why, "NCCL says %s (status %d)", g->nccl.GetErrorString(status), status);
    fail_all(g, why);
}

anl_status anl__cuda_group_wait(anl__cuda_group *g, const anl_device *dev)
{
    for (int look = 1;; look++) {
        cudaError_t e = cudaStreamQuery(anl__cuda_stream(dev));
        if (g->failed) return lost(g, dev); /* a kernel that was aborted ends as if it had done its work */
        if (e == cudaSuccess) return ANL_OK;
        if (e == cudaErrorNotReady) cudaGetLastError();
        if (e != cudaErrorNotReady || look % LOOK_AROUND == 0) look_around(g, dev);
        if (look % 64 == 0) sched_yield();
    }
}
