/* What a device really does, for `anneal doctor`: the rate of a copy inside its memory and of a bf16 product by cuBLASLt. Sizes follow from the device, so that each
 * takes milliseconds. */
#include "measure.h"

#include "lt_product.h"

#include <cuda_runtime_api.h>

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
