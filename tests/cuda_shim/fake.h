/* Test only: what the stand-ins for NVIDIA's libraries share. */
#ifndef ANL_SHIM_FAKE_H
#define ANL_SHIM_FAKE_H

#include "include/cuda_runtime.h"

extern "C" {
#include "kernels/device_cuda/plugin/cudnn_table.h"
}

#include "runtime/base/half.h"

#include <cmath>
#include <cstring>
#include <functional>

int anl_shim_enqueue(cudaStream_t s, std::function<void()> work); /* 0, or the CUDA runtime's error */

int anl_shim_enqueue_waiting(cudaStream_t s, std::function<void()> work); /* likewise; it waits for other devices */
int anl_shim_device_of(cudaStream_t s);
bool anl_shim_lost(int device);
void anl_shim_stick(cudaStream_t s, bool stuck); /* it waits for what does not come; not any more */

int anl_shim_current_device();

struct dnn_handle { cudaStream_t stream = nullptr; int device = anl_shim_current_device(); };
void fake_rnn(anl__cudnn *table); /* fills in the RNN API */

/* Numbers as NVIDIA's libraries hold or read them; TF32 is an f32 rounded to 10 bits of fraction as it is multiplied. */
enum number { F32, TF32, BF16, F16 };

static inline float load(const void *p, number kind, size_t i)
{
    float f;
    if (kind == F32 || kind == TF32) f = ((const float *)p)[i];
    else if (kind == BF16) anl__bf16_to_f32(&f, (const uint16_t *)p + i, 1);
    else anl__f16_to_f32(&f, (const uint16_t *)p + i, 1);
    if (kind == TF32 && std::isfinite(f)) {
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        u = (u + 0xfffu + (u >> 13 & 1u)) & ~0x1fffu;
        memcpy(&f, &u, sizeof f);
    }
    return f;
}

static inline void store(void *p, number kind, size_t i, double v)
{
    float f = (float)v;
    if (kind == BF16) anl__bf16_from_f32((uint16_t *)p + i, &f, 1);
    else if (kind == F16) anl__f16_from_f32((uint16_t *)p + i, &f, 1);
    else ((float *)p)[i] = f;
}

#endif
