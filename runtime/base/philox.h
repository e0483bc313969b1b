/* Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3" (SC'11). Everything random in Anneal is a function of (seed, stream, step or epoch, index):
 * never of a thread, a device or what was drawn before. Shared by C and CUDA.
 *
 * Counter words: c0 = index low (element/4 or position), c1 = index high or sample, c2 = step or epoch, c3 = stream
 * (an anl__stream value, or mixed with a stable name's hash). Key: the 64-bit seed.
 */
#ifndef ANL_PHILOX_H
#define ANL_PHILOX_H

#include <stdint.h>

#ifdef __CUDACC__
#define ANL_HD __host__ __device__ static inline
#else
#define ANL_HD static inline
#endif

typedef enum anl__stream { ANL__STREAM_INIT = 1, ANL__STREAM_SHUFFLE = 2, ANL__STREAM_AUGMENT = 3, ANL__STREAM_DROPOUT = 4, ANL__STREAM_SPLIT = 5, ANL__STREAM_SAMPLE = 6 } anl__stream;

typedef struct anl__u32x4 { uint32_t v[4]; } anl__u32x4;

ANL_HD anl__u32x4 anl__philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int r = 0; r < 10; r++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    anl__u32x4 out = {{c0, c1, c2, c3}};
    return out;
}

/* Uniform in (0,1): never 0, never 1. */
ANL_HD float anl__u32_to_unit(uint32_t u) { return ((float)(u >> 8) + 0.5f) * (1.0f / 16777216.0f); }
ANL_HD double anl__u32_to_unit64(uint32_t hi, uint32_t lo)
{
    return ((double)(((uint64_t)hi << 21) ^ (lo >> 11)) + 0.5) * (1.0 / 9007199254740992.0);
}

/* FNV-1a over a stable name: the part of a counter that stands for "which node" or "which parameter". */
ANL_HD uint32_t anl__name_hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

#endif
