/* The cuda device: memory, copies, recording of programs (CUDA graphs), one stream a device handle.
 *
 * Uploads go through a ring of pinned buffers, so that the host goes on while they run; everything is ordered by the one
 * stream. A failure that CUDA calls sticky ends the device, not the host's data: every later call says so again.
 */
#include "plugin.h"

#include "cublaslt_table.h"
#include "cudnn_table.h"
#include "group.h"
#include "libs.h"
#include "measure.h"
#include "plan_memory.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 8, SLOT_LEAST = 1 << 16, SLOT_MOST = 32 << 20 };
typedef struct slot {
    void *host;
    size_t bytes;
    cudaEvent_t copied;
} slot;

typedef struct cuda_impl {
    int index;
    cudaStream_t stream;
    struct cudaDeviceProp prop;
    int driver, runtime;
    slot ring[RING];
    int next;
    bool recording;
    void *counters; /* calls.h */
    anl__cuda_libs *libs;
    anl__cuda_group *group; /* NULL: it is in none */
    char *plans, *plan_dir; /* what dev->opts points to */
} cuda_impl;

static anl_status failed(const anl_device *dev, cudaError_t e, const char *what)
{
    if (((const cuda_impl *)dev->impl)->recording) /* nothing was done; of a lost device the next call says so */
        return anl__fail(dev->ctx, ANL_DEVICE, "%s fails in a recording: %s (%s)", what, cudaGetErrorString(e), cudaGetErrorName(e));
    return anl__fail(dev->ctx, ANL_DEVICE, "the CUDA device failed in %s: %s (%s); results on it are lost, checkpoints are whole", what, cudaGetErrorString(e), cudaGetErrorName(e));
}
#define CUDA_TRY(dev, call)                                                  \
    do {                                                                     \
        cudaError_t cuda_error_ = (call);                                    \
        if (cuda_error_ != cudaSuccess) return failed((dev), cuda_error_, #call); \
    } while (0)

/* CUDA's calls are of the calling thread's current device. */
static void cuda_use(const anl_device *dev)
{
    cudaSetDevice(((const cuda_impl *)dev->impl)->index); /* cheap where it is so already */
}

void *anl__cuda_stream(const anl_device *dev)
{
    cuda_use(dev);
    return ((cuda_impl *)dev->impl)->stream;
}

/* Libraries are opened when first asked for: that takes a second, and asking whether there is a GPU should not. */
const anl__cuda_libs *anl__cuda_libs_of(const anl_device *dev)
{
    static const anl__cuda_libs none = {0};
    cuda_impl *d = dev->impl;
    cuda_use(dev); /* handles are of the current one */
    if (!d->libs && anl__cuda_libs_open(dev->ctx, d->stream, &d->libs) != ANL_OK) return &none;
    if (d->libs->cudnn) d->libs->cudnn->tf32 = dev->opts.tf32;
    if (d->libs->lt) d->libs->lt->tf32 = dev->opts.tf32;
    if (d->libs->lt) d->libs->lt->timed_on = dev->opts.tune ? (anl_device *)(uintptr_t)dev : NULL;
    return d->libs;
}

/* What CUDA says of the device, where that is why a library fails: it may say no more than that it does not support the case. */
static void said_by_cuda(const anl_device *dev, char text[256])
{
    cudaError_t e = ((const cuda_impl *)dev->impl)->recording ? cudaSuccess : cudaStreamQuery(anl__cuda_stream(dev));
    if (e != cudaSuccess && e != cudaErrorNotReady) snprintf(text, 256, "CUDA says %s (%s)", cudaGetErrorString(e), cudaGetErrorName(e));
    cudaGetLastError();
}

anl_status anl__cuda_failed(const anl_device *dev, const char *library, int status, const char *where)
{
    const anl__cudnn *dnn = anl__cuda_libs_of(dev)->cudnn;
    char text[256] = "";
    if (dnn && !strcmp(library, "cuDNN")) dnn->GetLastErrorString(text, sizeof text);
    said_by_cuda(dev, text);
    return anl__fail(dev->ctx, ANL_DEVICE, "%s failed in %s: status %d%s%.200s; results on the device are lost, checkpoints are whole", library, where, status, *text ? ", " : "", text);
}

/* An error that is not sticky is of this launch only: it is taken away. */
anl_status anl__cuda_launched(const anl_device *dev)
{
    cudaError_t e = cudaGetLastError();
    return e == cudaSuccess ? ANL_OK : failed(dev, e, "a kernel's launch");
}

anl_status anl__cuda_zero(const anl_device *dev, void *p, size_t bytes)
{
    CUDA_TRY(dev, cudaMemsetAsync(p, 0, bytes, anl__cuda_stream(dev)));
    return ANL_OK;
}

unsigned *anl__cuda_counters(const anl_device *dev) { return ((const cuda_impl *)dev->impl)->counters; }

typedef struct narrow { anl_dtype to; int64_t n; } narrow;

/* All that are to be of one type in one launch. */
static anl_status narrow_all(anl_device *dev, const anl__copy *list, int n)
{
    anl__cuda_cast cast[ANL__MOST_COPIES];
    for (int i = 0, many; i < n; i += many) {
        anl_dtype to = ((const narrow *)list[i].state)->to;
        for (many = 0; i + many < n; many++) {
            const anl__copy *c = &list[i + many];
            const narrow *w = c->state;
            if (w->to != to) break;
            cast[many] = (anl__cuda_cast){c->src, c->dst, w->n};
        }
        ANL_TRY(anl__cuda_convert(dev, to, ANL_F32, cast, many));
    }
    return ANL_OK;
}

static void narrow_release(anl_ctx *ctx, void *state) { anl__free(ctx, state); }

bool anl__cuda_pack_half(const anl__env *env, const anl__call *c, int in, anl_dtype to, anl__pack *out)
{
    narrow *w = anl__alloc(env->ctx, sizeof *w);
    if (!w) return out->status = ANL_NOMEM, false;
    *w = (narrow){to, anl_shape_count(&c->in[in].shape)};
    *out = (anl__pack){.bytes = (size_t)w->n * 2, .state = w, .run_all = narrow_all, .release = narrow_release};
    memcpy(out->key, anl_dtype_name(to), strlen(anl_dtype_name(to)) + 1);
    return true;
}

/* Until the stream has done its work; false: it, or a device of its group, has failed. */
static bool settled(const anl_device *dev)
{
    const cuda_impl *d = dev->impl;
    return d->group ? anl__cuda_group_settled(d->group, dev, NULL) : cudaStreamSynchronize(anl__cuda_stream(dev)) == cudaSuccess;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* What is wrong with the driver, in one line. */
static anl_status no_device(anl_device *dev, cudaError_t e)
{
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (!driver) return anl__fail(dev->ctx, ANL_DEVICE, "no CUDA device: no NVIDIA driver is installed (libcuda.so.1 is not found)");
    if (e == cudaErrorInsufficientDriver)
        return anl__fail(dev->ctx, ANL_DEVICE, "no CUDA device: the driver knows CUDA %d.%d, this build needs %d.0 or newer", driver / 1000, driver % 1000 / 10, runtime / 1000);
    return anl__fail(dev->ctx, ANL_DEVICE, "no CUDA device: %s (%s)", cudaGetErrorString(e), cudaGetErrorName(e));
}

static void cuda_close(anl_device *dev)
{
    cuda_impl *d = dev->impl;
    if (!d) return;
    if (d->stream) (void)settled(dev);
    if (d->group) anl__cuda_group_leave(d->group);
    cuda_use(dev);
    if (d->libs) anl__plan_save(dev);
    anl__cuda_libs_close(dev->ctx, d->libs);
    anl__free(dev->ctx, d->plans);
    anl__free(dev->ctx, d->plan_dir);
    for (int i = 0; i < RING; i++) {
        if (d->ring[i].host) cudaFreeHost(d->ring[i].host);
        if (d->ring[i].copied) cudaEventDestroy(d->ring[i].copied);
    }
    if (d->counters) cudaFree(d->counters);
    if (d->stream) cudaStreamDestroy(d->stream);
    anl__free(dev->ctx, d);
    dev->impl = NULL;
}

static anl_status cuda_alloc(anl_device *dev, size_t bytes, void **out);

static anl_status prepare(anl_device *dev, cuda_impl *d)
{
    CUDA_TRY(dev, cudaSetDevice(d->index));
    CUDA_TRY(dev, cudaGetDeviceProperties(&d->prop, d->index));
    if (d->prop.major * 10 + d->prop.minor < 75)
        return anl__fail(dev->ctx, ANL_DEVICE, "no usable CUDA device: %s has compute capability %d.%d, this build needs 7.5 or newer", d->prop.name, d->prop.major, d->prop.minor);
    if (!anl__cuda_has_code()) {
        cudaGetLastError();
        return anl__fail(dev->ctx, ANL_DEVICE, "no usable CUDA device: %s has compute capability %d.%d, for which this build has no code: build it with -DANL_CUDA_ARCHS=%d", d->prop.name,
                         d->prop.major, d->prop.minor, 10 * d->prop.major + d->prop.minor);
    }
    CUDA_TRY(dev, cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking));
    for (int i = 0; i < RING; i++) CUDA_TRY(dev, cudaEventCreateWithFlags(&d->ring[i].copied, cudaEventDisableTiming));
    return cuda_alloc(dev, ANL__CUDA_COUNTERS * sizeof(unsigned), &d->counters);
}

static anl_status cuda_open(anl_device *dev, const anl_device_opts *opts)
{
    int count = 0;
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0); /* before the first call: else cuBLAS inside cuDNN's RNN may give other bits each time */
    cudaError_t e = cudaGetDeviceCount(&count);
    if (e != cudaSuccess || count < 1) return no_device(dev, e == cudaSuccess ? cudaErrorNoDevice : e);
    if (opts->index < 0 || opts->index >= count) return anl__fail(dev->ctx, ANL_DEVICE, "there is no CUDA device %d: this process sees %d (CUDA_VISIBLE_DEVICES chooses them)", opts->index, count);
    cuda_impl *d = anl__alloc(dev->ctx, sizeof *d);
    if (!d) return ANL_NOMEM;
    dev->impl = d;
    d->index = opts->index;
    d->plans = opts->plans ? anl__strdup(dev->ctx, opts->plans) : NULL;
    d->plan_dir = opts->plan_dir ? anl__strdup(dev->ctx, opts->plan_dir) : NULL;
    dev->opts.plans = d->plans;
    dev->opts.plan_dir = d->plan_dir;
    cudaDriverGetVersion(&d->driver);
    cudaRuntimeGetVersion(&d->runtime);
    anl_status st = (opts->plans && !d->plans) || (opts->plan_dir && !d->plan_dir) ? ANL_NOMEM : prepare(dev, d);
    if (st != ANL_OK) cuda_close(dev);
    return st;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static anl_status cuda_alloc(anl_device *dev, size_t bytes, void **out)
{
    void *p = NULL;
    cuda_use(dev);
    cudaError_t e = cudaMalloc(&p, bytes ? bytes : 256);
    if (e == cudaErrorMemoryAllocation) {
        size_t room = 0, total = 0;
        cudaGetLastError(); /* not sticky: cleared */
        cudaMemGetInfo(&room, &total);
        return anl__fail(dev->ctx, ANL_DEVICE_NOMEM, "the CUDA device has no room for %.1f MiB: %.1f MiB of %.1f MiB are free",
                         (double)bytes / 1048576, (double)room / 1048576, (double)total / 1048576);
    }
    if (e != cudaSuccess) return failed(dev, e, "cudaMalloc");
    anl_status st = anl__cuda_zero(dev, p, bytes);
    if (st != ANL_OK) cudaFree(p);
    else *out = p;
    return st;
}

static size_t cuda_room(const anl_device *dev)
{
    size_t room = 0, total = 0;
    cuda_use(dev);
    return cudaMemGetInfo(&room, &total) == cudaSuccess ? room : 0;
}

static void cuda_free(anl_device *dev, void *p)
{
    (void)settled(dev);
    cuda_use(dev);
    cudaFree(p);
}

static anl_status slot_take(anl_device *dev, cuda_impl *d, size_t bytes, slot **out)
{
    slot *s = &d->ring[d->next];
    d->next = (d->next + 1) % RING;
    if (d->group) ANL_TRY(anl__cuda_group_wait(d->group, dev, s->copied));
    else CUDA_TRY(dev, cudaEventSynchronize(s->copied));
    if (s->bytes < bytes) {
        if (s->host) cudaFreeHost(s->host);
        *s = (slot){.copied = s->copied};
        size_t size = SLOT_LEAST;
        while (size < bytes) size *= 2;
        CUDA_TRY(dev, cudaHostAlloc(&s->host, size, 0));
        s->bytes = size;
    }
    *out = s;
    return ANL_OK;
}

static anl_status cuda_upload(anl_device *dev, void *dst, const void *src, size_t bytes)
{
    cuda_impl *d = dev->impl;
    cuda_use(dev);
    if (d->recording) return anl__fail(dev->ctx, ANL_INTERNAL, "an upload while a program is recorded");
    while (bytes) {
        slot *s = NULL;
        size_t part = bytes < SLOT_MOST ? bytes : SLOT_MOST;
        ANL_TRY(slot_take(dev, d, part, &s));
        memcpy(s->host, src, part);
        CUDA_TRY(dev, cudaMemcpyAsync(dst, s->host, part, cudaMemcpyHostToDevice, d->stream));
        CUDA_TRY(dev, cudaEventRecord(s->copied, d->stream));
        src = (const char *)src + part;
        dst = (char *)dst + part;
        bytes -= part;
    }
    return ANL_OK;
}

anl_status anl__cuda_keep(anl_device *dev, const void *host, size_t bytes, void **out)
{
    ANL_TRY(cuda_alloc(dev, bytes, out));
    return cuda_upload(dev, *out, host, bytes);
}

void anl__cuda_drop(anl_device *dev, void *p) { cuda_free(dev, p); }

static anl_status cuda_sync(anl_device *dev)
{
    const cuda_impl *d = dev->impl;
    if (d->group) return anl__cuda_group_wait(d->group, dev, NULL);
    CUDA_TRY(dev, cudaStreamSynchronize(anl__cuda_stream(dev)));
    return ANL_OK;
}

static anl_status cuda_download(anl_device *dev, void *dst, const void *src, size_t bytes)
{
    if (((const cuda_impl *)dev->impl)->group) ANL_TRY(cuda_sync(dev)); /* into memory that is not pinned the copy itself waits, and looks at nobody */
    if (bytes) CUDA_TRY(dev, cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToHost, anl__cuda_stream(dev)));
    return cuda_sync(dev);
}

static anl_status cuda_copy(anl_device *dev, void *dst, const void *src, size_t bytes)
{
    if (bytes) CUDA_TRY(dev, cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, anl__cuda_stream(dev)));
    return ANL_OK;
}

static anl_status cuda_fault(anl_device *dev)
{
    CUDA_TRY(dev, cudaGetLastError());
    return ANL_OK;
}

/* ---- recording ------------------------------------------------------------------------------- */

static anl_status cuda_record_begin(anl_device *dev)
{
    cuda_impl *d = dev->impl;
    cuda_use(dev);
    cudaError_t e = cudaStreamBeginCapture(d->stream, cudaStreamCaptureModeThreadLocal);
    d->recording = e == cudaSuccess;
    if (e == cudaSuccess) return ANL_OK;
    cudaGetLastError();
    return anl__fail(dev->ctx, ANL_DEVICE, "no recording begins: %s (%s)", cudaGetErrorString(e), cudaGetErrorName(e));
}

/* What went wrong inside is forgotten: a capture has done nothing. An error that is sticky stays. */
static anl_status cuda_record_end(anl_device *dev, void **out)
{
    cuda_impl *d = dev->impl;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;
    cuda_use(dev);
    cudaError_t e = cudaStreamEndCapture(d->stream, &graph), inside = cudaGetLastError();
    if (e == cudaSuccess) e = inside;
    if (e == cudaSuccess) e = cudaGraphInstantiate(&exec, graph, 0);
    if (e == cudaSuccess && d->group) e = cudaGraphUpload(exec, d->stream); /* now, and not while another device's step waits for this one */
    if (graph) cudaGraphDestroy(graph);
    anl_status st = e == cudaSuccess ? ANL_OK : failed(dev, e, "the end of it");
    d->recording = false;
    cudaGetLastError();
    if (st == ANL_OK) *out = exec;
    return st;
}

static anl_status cuda_replay(anl_device *dev, void *recording)
{
    CUDA_TRY(dev, cudaGraphLaunch((cudaGraphExec_t)recording, anl__cuda_stream(dev)));
    return ANL_OK;
}

static void cuda_forget(anl_device *dev, void *recording)
{
    (void)settled(dev);
    cudaGraphExecDestroy((cudaGraphExec_t)recording);
}

/* ---- several devices ------------------------------------------------------------------------- */

static int cuda_count(anl_ctx *ctx)
{
    int n = 0;
    (void)ctx;
    return cudaGetDeviceCount(&n) == cudaSuccess ? n : 0;
}

enum { FIRST_BYTES = 4096 };

/* How long a first exchange may take: ANNEAL_NCCL_SECONDS, 60 without it. */
static double first_seconds(void)
{
    const char *given = anl__environment("ANNEAL_NCCL_SECONDS");
    double seconds = given ? strtod(given, NULL) : 0;
    return seconds > 0 ? seconds : 60;
}

/* A first exchange, in which NCCL connects and takes its memory, shows whether the right bytes come at all. */
static anl_status cuda_join(anl_device *const *dev, int n)
{
    int *index = anl__calloc(dev[0]->ctx, (size_t)n, sizeof *index);
    anl__cuda_group *g = NULL;
    double seconds;
    if (!index) return ANL_NOMEM;
    for (int i = 0; i < n; i++) index[i] = ((const cuda_impl *)dev[i]->impl)->index;
    anl_status st = anl__cuda_group_make(dev, index, n, &g);
    anl__free(dev[0]->ctx, index);
    ANL_TRY(st);
    for (int i = 0; i < n; i++) ((cuda_impl *)dev[i]->impl)->group = g;
    anl__cuda_group_patience(g, first_seconds());
    ANL_TRY(anl__cuda_group_try(g, dev, n, FIRST_BYTES, &seconds));
    anl__cuda_group_patience(g, 0);
    return ANL_OK;
}

static anl_status cuda_exchange(anl_device *dev, const anl__transfer *list, int n)
{
    return anl__cuda_group_exchange(((const cuda_impl *)dev->impl)->group, dev, list, n);
}

static void cuda_give_up(anl_device *dev, const char *why)
{
    anl__cuda_group *g = ((const cuda_impl *)dev->impl)->group;
    if (g) anl__cuda_group_give_up(g, dev, why);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static int capability(const anl_device *dev)
{
    const cuda_impl *d = dev->impl;
    return d->prop.major * 10 + d->prop.minor;
}

static bool cuda_has_tf32(const anl_device *dev) { return capability(dev) >= 80; }

/* Tensor cores multiply f16 on all GPUs that this build takes, bf16 from 8.0 on. */
static bool cuda_has(const anl_device *dev, anl_dtype t) { return t == ANL_F32 || t == ANL_F16 || (t == ANL_BF16 && capability(dev) >= 80); }

static void cuda_describe(const anl_device *dev, anl__buf *out)
{
    const cuda_impl *d = dev->impl;
    anl__buf_add(out, "cuda (%s, %d.%d, %d multiprocessors, %.0f GiB, driver CUDA %d.%d", d->prop.name, d->prop.major, d->prop.minor, d->prop.multiProcessorCount,
                 (double)d->prop.totalGlobalMem / 1073741824.0, d->driver / 1000, d->driver % 1000 / 10);
    anl__cuda_libs_describe(anl__cuda_libs_of(dev), out);
    anl__buf_add(out, ")");
}

static void cuda_plans(anl_device *dev, anl__buf *out) { anl__plan_text(dev, true, out); }

static const anl__device_vt device = {
    .name = "cuda", .host_memory = false, .auto_rank = 50, .open = cuda_open, .close = cuda_close, .alloc = cuda_alloc, .free = cuda_free, .room = cuda_room,
    .upload = cuda_upload, .download = cuda_download, .copy = cuda_copy, .sync = cuda_sync, .has_dtype = cuda_has, .has_tf32 = cuda_has_tf32,
    .kernels = anl__cuda_kernel_table, .record_begin = cuda_record_begin, .record_end = cuda_record_end, .replay = cuda_replay, .forget = cuda_forget,
    .count = cuda_count, .use = cuda_use, .join = cuda_join, .exchange = cuda_exchange, .give_up = cuda_give_up,
    .fault = cuda_fault, .describe = cuda_describe, .plans = cuda_plans,
};

enum { MOST_REPORTED = 64 };

static void report_group(anl_device *const *dev, int n, anl__buf *out)
{
    const cuda_impl *first = dev[0]->impl;
    size_t part = (first->prop.multiProcessorCount >= 32 ? (size_t)256 << 20 : 1 << 16) / (size_t)n / 256 * 256;
    double seconds;
    anl_status st = cuda_join(dev, n);
    if (st == ANL_OK) anl__cuda_group_patience(first->group, first_seconds());
    if (st == ANL_OK) st = anl__cuda_group_try(first->group, dev, n, part, &seconds);
    if (st != ANL_OK) anl__buf_add(out, "exchange by NCCL: fails: %s\n", anl_last_error(dev[0]->ctx));
    else if (n == 1) anl__buf_add(out, "exchange by NCCL: works; there is one device, it gave itself %zu KiB in %.3f ms\n", part >> 10, 1e3 * seconds);
    else anl__buf_add(out, "exchange by NCCL: works; each of %d devices gives the others %.1f GB/s in all, at once\n", n, 1e-9 * (double)part * (n - 1) / seconds);
}

static void report(anl_ctx *ctx, anl__buf *out)
{
    int driver = 0, runtime = 0, count = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaError_t e = cudaGetDeviceCount(&count);
    anl__buf_add(out, "runtime CUDA %d.%d (in the plug-in), smallest driver that would do: CUDA %d.0\n", runtime / 1000, runtime % 1000 / 10, runtime / 1000);
    if (driver) anl__buf_add(out, "driver knows CUDA %d.%d\n", driver / 1000, driver % 1000 / 10);
    else anl__buf_add(out, "driver: none (libcuda.so.1 is not found)\n");
    if (e != cudaSuccess) anl__buf_add(out, "devices: none, %s (%s)\n", cudaGetErrorString(e), cudaGetErrorName(e));
    else anl__buf_add(out, "devices: %d\n", count);
    anl__cuda_libs_report(ctx, out);
    if (e != cudaSuccess) return;
    anl_device *dev[MOST_REPORTED] = {0}, *made = anl__calloc(ctx, MOST_REPORTED, sizeof *made);
    int n = 0;
    for (; made && n < count && n < MOST_REPORTED; n++) {
        made[n] = (anl_device){.vt = &device, .ctx = ctx, .opts = {.deterministic = true, .index = n}};
        if (cuda_open(&made[n], &made[n].opts) != ANL_OK) break;
        dev[n] = &made[n];
    }
    if (n) anl__cuda_measure(dev[0], ((cuda_impl *)dev[0]->impl)->prop.multiProcessorCount, out);
    for (int i = 1; i < n; i++) {
        anl__buf_add(out, "device %d: ", i);
        cuda_describe(dev[i], out);
        anl__buf_add(out, "\n");
    }
    const char *patience = anl__environment("ANNEAL_NCCL_SECONDS");
    if (n && patience && !strcmp(patience, "0")) anl__buf_add(out, "exchange by NCCL: not tried, ANNEAL_NCCL_SECONDS is 0\n");
    else if (n) report_group(dev, n, out);
    for (int i = 0; i < n; i++) cuda_close(dev[i]);
    anl__free(ctx, made);
}

const anl__cuda_plugin *anl__cuda_plugin_entry(void);
__attribute__((visibility("default"))) const anl__cuda_plugin *anl__cuda_plugin_entry(void)
{
    static const anl__cuda_plugin p = {.abi = ANL__CUDA_ABI, .version = ANL_VERSION, .kernel_bytes = sizeof(anl__kernel), .env_bytes = sizeof(anl__env),
                                       .run_bytes = sizeof(anl__run), .device_bytes = sizeof(anl__device_vt), .device = &device, .report = report};
    return &p;
}
