/* What devices really do, for `anneal doctor`: the rate of a copy inside one's memory and of a bf16 product by cuBLASLt, and of what several give each other. Sizes follow
 * from the device, so that each takes milliseconds. */
#include "measure.h"

#include "lt_product.h"

#include <cuda_runtime_api.h>
#include <time.h>

enum { RUNS = 5 };

double anl__cuda_fastest(anl_device *dev, bool (*work)(anl_device *, void *), void *arg)
{
    cudaStream_t stream = anl__cuda_stream(dev);
    cudaEvent_t a = NULL, b = NULL;
    double best = -1;
    bool ok = work(dev, arg) && cudaEventCreateWithFlags(&a, cudaEventDefault) == cudaSuccess && cudaEventCreateWithFlags(&b, cudaEventDefault) == cudaSuccess;
    for (int i = 0; i < RUNS && ok; i++) {
        float ms = 0;
        ok = cudaEventRecord(a, stream) == cudaSuccess && work(dev, arg) && cudaEventRecord(b, stream) == cudaSuccess && cudaEventSynchronize(b) == cudaSuccess &&
             cudaEventElapsedTime(&ms, a, b) == cudaSuccess;
        if (ok && (best < 0 || (double)ms < best)) best = (double)ms;
    }
    if (a) cudaEventDestroy(a);
    if (b) cudaEventDestroy(b);
    return ok ? best : -1;
}

typedef struct job {
    void *src, *dst, *ws;
    size_t bytes;
    anl__lt_product product;
} job;

static bool copy(anl_device *dev, void *arg)
{
    job *j = arg;
    return dev->vt->copy(dev, j->dst, j->src, j->bytes) == ANL_OK;
}

static bool multiply(anl_device *dev, void *arg)
{
    job *j = arg;
    return !anl__lt_product_run(&j->product, j->src, j->src, j->dst, false, NULL, j->ws, anl__cuda_stream(dev));
}

void anl__cuda_measure(anl_device *dev, int multiprocessors, anl__buf *out)
{
    uint64_t n = multiprocessors >= 128 ? 8192 : multiprocessors >= 32 ? 4096 : 256;
    job j = {.bytes = n < 1024 ? 1 << 20 : (size_t)1 << 30};
    const anl__cublaslt *lt = anl__cuda_libs_of(dev)->lt;
    anl__lt_shape s = {.m = n, .n = n, .k = n, .in = ANL_BF16, .out = ANL_BF16, .epilogue = LT_EPILOGUE_DEFAULT};
    if (dev->vt->alloc(dev, j.bytes, &j.src) == ANL_OK && dev->vt->alloc(dev, j.bytes, &j.dst) == ANL_OK) {
        double ms = anl__cuda_fastest(dev, copy, &j);
        if (ms > 0) anl__buf_add(out, "copy bandwidth %.2f TB/s (read and write, %zu MiB)\n", 2e-9 * (double)j.bytes / ms, j.bytes >> 20);
        bool ready = lt && anl__lt_product_make(lt, &s, &j.product);
        if (ready && dev->vt->alloc(dev, j.product.choice.workspace + 256, &j.ws) == ANL_OK) {
            ms = anl__cuda_fastest(dev, multiply, &j);
            if (ms > 0) anl__buf_add(out, "bf16 product of %llu cubed: %.0f TFLOP/s on zeros\n", (unsigned long long)n, 2e-9 * (double)n * (double)n * (double)n / ms);
        }
        if (ready) anl__lt_product_release(&j.product);
    }
    if (j.ws) dev->vt->free(dev, j.ws);
    if (j.dst) dev->vt->free(dev, j.dst);
    if (j.src) dev->vt->free(dev, j.src);
}

/* ---- a group --------------------------------------------------------------------------------- */

typedef struct member {
    void *out, *in;      /* a part for each member in both */
    anl__transfer *list; /* [2 n] */
} member;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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
    double began = now();
    ANL_TRY(anl__cuda_group_exchange_all(g, list, 2 * n));
    for (int i = 0; i < n; i++) ANL_TRY(of_member(dev, i, dev[i]->vt->sync(dev[i])));
    *seconds = now() - began;
    return ANL_OK;
}

anl_status anl__cuda_try_group(anl__cuda_group *g, anl_device *const *dev, int n, size_t part, double *seconds)
{
    anl_ctx *ctx = dev[0]->ctx;
    member *m = anl__calloc(ctx, (size_t)n, sizeof *m);
    const anl__transfer **list = anl__calloc(ctx, (size_t)n, sizeof *list);
    anl_status st = m && list ? ANL_OK : ANL_NOMEM;
    for (int i = 0; i < n && st == ANL_OK; i++) {
        st = of_member(dev, i, fill(dev[i], &m[i], i, n, part));
        list[i] = m[i].list;
    }
    for (int k = 0; k <= RUNS && st == ANL_OK; k++) { /* the first connects */
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
