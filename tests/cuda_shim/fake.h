/* Test only: what the stand-ins for NVIDIA's libraries share. */
#ifndef ANL_SHIM_FAKE_H
#define ANL_SHIM_FAKE_H

#include "include/cuda_runtime.h"

extern "C" {
#include "kernels/device_cuda/plugin/cudnn_table.h"
}

#include <cstring>
#include <functional>

void anl_shim_enqueue(cudaStream_t s, std::function<void()> work);

struct dnn_handle { cudaStream_t stream = nullptr; };
void fake_rnn(anl__cudnn *table); /* fills in the RNN API */

/* Element i of an f32 or bf16 array. */
static inline float load(const void *p, bool narrow, size_t i)
{
    if (!narrow) return ((const float *)p)[i];
    uint32_t u = (uint32_t)((const uint16_t *)p)[i] << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline void store(void *p, bool narrow, size_t i, double v)
{
    float f = (float)v;
    uint32_t u;
    if (!narrow) {
        ((float *)p)[i] = f;
        return;
    }
    memcpy(&u, &f, sizeof u);
    ((uint16_t *)p)[i] = (uint16_t)(f != f ? 0x7fc0u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

#endif
