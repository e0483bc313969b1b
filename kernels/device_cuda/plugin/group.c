/* Groups of GPUs; see group.h. */
#include "group.h"

#include "calls.h"
#include "libs.h"
#include "nccl_table.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 64, LOOK_AROUND = 4096 /* looks at the own stream between two at the others' */ };
/* That threads in NCCL's calls have to leave them; and that the end takes then, before it is left to itself. */
static const double ABORT_SECONDS = 5;

/* Not from a context: the thread that aborts may outlive all of them. */
struct anl__cuda_group {
    anl__nccl nccl;
    int n;
    _Atomic int holders;   /* members, and the thread that aborts */
    pthread_mutex_t guard; /* of why, until failing */
    char why[256];
    _Atomic bool failing; /* the group is being aborted, or is */
    _Atomic bool aborted; /* communicators are gone */
    bool ended;           /* likewise, because a member left; members are closed one after the other */
    _Atomic int inside;   /* threads in NCCL's calls */
    double until;         /* of waits, on the monotonic clock; 0: no end */
    double patience;
    anl_device *dev[MOST];
    int index[MOST]; /* of CUDA's, by member */
    void *comm[MOST];
};

double anl__cuda_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void millisecond(void) { nanosleep(&(struct timespec){0, 1000000}, NULL); }

static int rank_of(const anl__cuda_group *g, const anl_device *dev)
{
    int i = 0;
    while (g->dev[i] != dev) i++;
    return i;
}

static void drop(anl__cuda_group *g)
{
    if (atomic_fetch_sub(&g->holders, 1) > 1) return;
    pthread_mutex_destroy(&g->guard);
    free(g);
}

anl_status anl__cuda_group_make(anl_device *const *dev, const int *index, int n, anl__cuda_group **out)
{
    anl_ctx *ctx = dev[0]->ctx;
    if (n > MOST) return anl__fail(ctx, ANL_UNSUPPORTED, "%d devices: at most %d can be a group", n, MOST);
    anl__cuda_group *g = calloc(1, sizeof *g);
    if (!g) return anl__fail(ctx, ANL_NOMEM, "no memory for a group of devices");
    g->n = n;
    g->holders = n;
    memcpy(g->dev, dev, (size_t)n * sizeof *dev);
    memcpy(g->index, index, (size_t)n * sizeof *index);
    anl_status st = anl__cuda_nccl_open(ctx, &g->nccl);
    int status = st == ANL_OK ? g->nccl.CommInitAll(g->comm, n, index) : NCCL_SUCCESS;
    if (status != NCCL_SUCCESS)
        st = anl__fail(ctx, ANL_DEVICE, "NCCL cannot connect the %d devices: %s (status %d); NCCL_DEBUG=WARN says more",
                       n, g->nccl.GetErrorString(status), status);
    if (st != ANL_OK) {
        free(g);
        return st;
    }
    pthread_mutex_init(&g->guard, NULL);
    *out = g;
    return ANL_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* All but the last abort only tell the kernels to end; the last frees all communicators, under whoever is still in a
 * call of NCCL's. */
static void *abort_all(void *arg)
{
    anl__cuda_group *g = arg;
    double until = anl__cuda_seconds() + ABORT_SECONDS;
    for (int i = 0; i < g->n; i++) {
        while (i == g->n - 1 && g->inside && anl__cuda_seconds() < until) millisecond();
        cudaSetDevice(g->index[i]); /* the members may be closed by now */
        g->nccl.CommAbort(g->comm[i]);
    }
    g->aborted = true;
    drop(g);
    return NULL;
}

static void fail_all(anl__cuda_group *g, const char *why)
{
    pthread_t thread;
    pthread_mutex_lock(&g->guard);
    bool first = !g->failing && !g->ended;
    if (first) {
        snprintf(g->why, sizeof g->why, "%s", why);
        g->holders++;
        g->failing = true;
    }
    pthread_mutex_unlock(&g->guard);
    if (!first) return;
    if (pthread_create(&thread, NULL, abort_all, g)) abort_all(g);
    else pthread_detach(thread);
}

void anl__cuda_group_give_up(anl__cuda_group *g, const anl_device *dev, const char *why)
{
    char text[256];
    snprintf(text, sizeof text, "device %d: %.200s", rank_of(g, dev), why);
    fail_all(g, text);
}

void anl__cuda_group_leave(anl__cuda_group *g)
{
    double until = anl__cuda_seconds() + 2 * ABORT_SECONDS;
    for (int i = 0; i < g->n && !g->ended; i++) (void)anl__cuda_group_settled(g, g->dev[i], NULL);
    for (int i = 0; i < g->n && !g->ended && !g->failing; i++) {
        cudaSetDevice(g->index[i]);
        g->nccl.CommDestroy(g->comm[i]);
    }
    g->ended = true;
    while (g->failing && !g->aborted && anl__cuda_seconds() < until) millisecond();
    drop(g);
}

/* ---- exchanges ------------------------------------------------------------------------------- */

static anl_status lost(const anl__cuda_group *g, const anl_device *dev)
{
    return anl__fail(dev->ctx, ANL_DEVICE,
                     "the group of %d CUDA devices is broken: %s; results on them are lost, checkpoints are whole",
                     g->n, g->why);
}

static int exchange(anl__cuda_group *g, anl_device *dev, const anl__transfer *list, int n)
{
    const anl__nccl *nccl = &g->nccl;
    void *comm = g->comm[rank_of(g, dev)], *stream = anl__cuda_stream(dev);
    int status = nccl->GroupStart(), ended;
    for (int i = 0; i < n && status == NCCL_SUCCESS; i++)
        status = list[i].give ? nccl->Send(list[i].at, list[i].bytes, NCCL_BYTES, list[i].peer, comm, stream)
                              : nccl->Recv(list[i].at, list[i].bytes, NCCL_BYTES, list[i].peer, comm, stream);
    ended = nccl->GroupEnd(); /* always, or the thread stays in the group */
    return status == NCCL_SUCCESS ? ended : status;
}

static anl_status exchanged(anl__cuda_group *g, anl_device *dev, int status)
{
    if (g->failing) return lost(g, dev);
    if (status == NCCL_SUCCESS) return ANL_OK;
    return anl__fail(
        dev->ctx, ANL_DEVICE,
        "NCCL failed in an exchange of memory: %s (status %d); results on the devices are lost, checkpoints are whole",
        g->nccl.GetErrorString(status), status);
}

anl_status anl__cuda_group_exchange(anl__cuda_group *g, anl_device *dev, const anl__transfer *list, int n)
{
    int status = NCCL_SUCCESS;
    g->inside++; /* before the look: who aborts waits for those inside */
    if (!g->failing) status = exchange(g, dev, list, n);
    g->inside--;
    return exchanged(g, dev, status);
}

anl_status anl__cuda_group_exchange_all(anl__cuda_group *g, const anl__transfer *const *list, int n)
{
    int status = NCCL_SUCCESS, ended;
    g->inside++;
    if (!g->failing) {
        status = g->nccl.GroupStart();
        for (int i = 0; i < g->n && status == NCCL_SUCCESS; i++) status = exchange(g, g->dev[i], list[i], n);
        ended = g->nccl.GroupEnd();
        if (status == NCCL_SUCCESS) status = ended;
    }
    g->inside--;
    return exchanged(g, g->dev[0], status);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void anl__cuda_group_patience(anl__cuda_group *g, double seconds)
{
    g->patience = seconds;
    g->until = seconds > 0 ? anl__cuda_seconds() + seconds : 0;
}

/* Is a member, or what NCCL does for this one, broken? Then the group is aborted. */
static void look_around(anl__cuda_group *g, const anl_device *dev)
{
    char why[192];
    int status = NCCL_SUCCESS;
    for (int i = 0; i < g->n; i++) {
        cudaError_t e = cudaStreamQuery(anl__cuda_stream(g->dev[i]));
        if (e == cudaErrorNotReady) cudaGetLastError(); /* no error, but remembered as one */
        if (e == cudaSuccess || e == cudaErrorNotReady) continue;
        snprintf(why, sizeof why, "device %d failed, %s (%s)", i, cudaGetErrorString(e), cudaGetErrorName(e));
        fail_all(g, why);
    }
    if (g->until > 0 && anl__cuda_seconds() > g->until) {
        snprintf(why, sizeof why,
                 "an exchange is not done after %g s: NCCL_P2P_DISABLE=1 may help, NCCL_DEBUG=INFO says more",
                 g->patience);
        fail_all(g, why);
    }
    g->inside++;
    if (!g->failing && g->nccl.CommGetAsyncError(g->comm[rank_of(g, dev)], &status) != NCCL_SUCCESS)
        status = NCCL_SUCCESS;
    g->inside--;
    if (status == NCCL_SUCCESS || status == NCCL_IN_PROGRESS) return;
    snprintf(why, sizeof why, "NCCL says %s (status %d)", g->nccl.GetErrorString(status), status);
    fail_all(g, why);
}

bool anl__cuda_group_settled(anl__cuda_group *g, const anl_device *dev, void *event)
{
    cudaStream_t stream = anl__cuda_stream(dev);
    if (g->ended) return cudaStreamSynchronize(stream) == cudaSuccess;
    for (int look = 1;; look++) {
        cudaError_t e = event ? cudaEventQuery((cudaEvent_t)event) : cudaStreamQuery(stream);
        if (g->failing) return false; /* a kernel that was aborted ends as if it had done its work */
        if (e == cudaSuccess) return true;
        if (e == cudaErrorNotReady) cudaGetLastError();
        if (e != cudaErrorNotReady || look % LOOK_AROUND == 0) {
            look_around(g, dev);
            (void)anl__cuda_stream(dev); /* the current device again */
        }
        if (look % 64 == 0) sched_yield();
    }
}

anl_status anl__cuda_group_wait(anl__cuda_group *g, const anl_device *dev, void *event)
{
    return anl__cuda_group_settled(g, dev, event) ? ANL_OK : lost(g, dev);
}
