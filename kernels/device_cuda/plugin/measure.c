/* What a device really does, for `anneal doctor`: the rate of a copy inside its memory and of a bf16 product by cuBLASLt. Sizes follow from the device, so that each
 * takes milliseconds. */
#include "measure.h"

#include "lt_product.h"

#include <cuda_runtime_api.h>

enum { RUNS = 5, REPEATS = 16 };
static const double SHORT = 0.2; /* milliseconds; what takes less is measured several times in a row */

/* Calls of `work` as a recording; NULL: it cannot be recorded. */
static void *record(anl_device *dev, bool (*work)(anl_device *, void *), void *arg, int times)
{
    void *made = NULL;
    bool ok = true;
    if (dev->vt->record_begin(dev) != ANL_OK) return NULL;
    for (int i = 0; i < times && ok; i++) ok = work(dev, arg);
    if (dev->vt->record_end(dev, &made) != ANL_OK) return NULL;
    if (ok) return made;
    dev->vt->forget(dev, made);
    return NULL;
}

/* Milliseconds of the recording, or of a call where there is none; negative: it failed. */
static double once(anl_device *dev, cudaEvent_t a, cudaEvent_t b, void *recording,
                   bool (*work)(anl_device *, void *), void *arg)
{
    cudaStream_t stream = anl__cuda_stream(dev);
    float ms = 0;
    bool ok = cudaEventRecord(a, stream) == cudaSuccess;
    ok = ok && (recording ? dev->vt->replay(dev, recording) == ANL_OK : work(dev, arg));
    ok = ok && cudaEventRecord(b, stream) == cudaSuccess && cudaEventSynchronize(b) == cudaSuccess &&
         cudaEventElapsedTime(&ms, a, b) == cudaSuccess;
    return ok ? (double)ms : -1;
}

/* By recordings, as steps are launched: a library's call takes the host longer than a small layer takes the
 * device, and all plans would look alike. */
double anl__cuda_fastest(anl_device *dev, bool (*work)(anl_device *, void *), void *arg)
{
    cudaEvent_t a = NULL, b = NULL;
    double best = -1;
    int times = 1;
    bool ok = work(dev, arg) && cudaEventCreateWithFlags(&a, cudaEventDefault) == cudaSuccess &&
              cudaEventCreateWithFlags(&b, cudaEventDefault) == cudaSuccess;
    void *recording = ok ? record(dev, work, arg, 1) : NULL;
    double first = recording ? once(dev, a, b, recording, work, arg) : SHORT;
    if (first < SHORT) {
        dev->vt->forget(dev, recording);
        recording = first < 0 ? NULL : record(dev, work, arg, REPEATS);
        times = recording ? REPEATS : 1;
    }
    for (int i = 0; i < RUNS && ok; i++) {
        double ms = once(dev, a, b, recording, work, arg);
        ok = ms >= 0;
        if (ok && (best < 0 || ms / times < best)) best = ms / times;
    }
    if (recording) dev->vt->forget(dev, recording);
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
