/* dropout on the workers. Random numbers are drawn for LANES counters side by side, four numbers each; the mask
 * is that of the reference bit for bit (kernels/common/dropout.h). */
#ifndef T
#include "kernels/common/dropout_call.h"
#define ANL__CPU_FILE "kernels/dropout/dropout_cpu.c"
#include "kernels/common/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LANES 64

/* c[0][i]: words 0 (low half) and 1 of counter q + i, c[1][i]: words 2 and 3. Philox4x32-10 as in base/philox.h; each 32-bit word lies in a lane of 64 bits, the
   width of its products, so that no lane moves, and MUL multiplies low halves. */
#define WORDS(fn, isa, bytes, MUL) \
    typedef uint64_t fn##_lanes __attribute__((vector_size(bytes))); \
    isa static void fn(const anl__dropout *d, uint32_t sample, uint32_t q, uint64_t c[2][LANES]) \
    { \
        const fn##_lanes zero = {0}, m0 = zero + 0xD2511F53u, m1 = zero + 0xCD9E8D57u; \
        for (uint32_t i = 0; i < LANES; i += bytes / 8) { \
            fn##_lanes a0 = zero, a1 = zero + sample, a2 = zero + d->step, a3 = zero + (ANL__STREAM_DROPOUT ^ d->key); \
            fn##_lanes k0 = zero + d->seed, k1 = zero + (d->seed >> 32); \
            for (uint32_t j = 0; j < bytes / 8; j++) a0[j] = q + i + j; \
            for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) { \
                fn##_lanes p0 = MUL(m0, a0), p1 = MUL(m1, a2); \
                a0 = (p1 >> 32) ^ a1 ^ k0; \
                a2 = (p0 >> 32) ^ a3 ^ k1; \
                a1 = p1; \
                a3 = p0; \
            } \
            a0 = (a0 & UINT32_MAX) | a1 << 32; \
            a2 = (a2 & UINT32_MAX) | a3 << 32; \
            memcpy(&c[0][i], &a0, bytes); \
            memcpy(&c[1][i], &a2, bytes); \
        } \
    }

#if defined(__x86_64__)
#define MUL_512(a, b) (words_512_lanes)_mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define MUL_256(a, b) (words_256_lanes)_mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define MUL_128(a, b) (words_lanes)_mm_mul_epu32((__m128i)(a), (__m128i)(b))
WORDS(words_512, __attribute__((target("avx512f"))), 64, MUL_512)
WORDS(words_256, __attribute__((target("avx2"))), 32, MUL_256)
WORDS(words, , 16, MUL_128)
#else
#define MUL_128(a, b) (((a) & UINT32_MAX) * ((b) & UINT32_MAX))
WORDS(words, , 16, MUL_128)
#endif

static void draw(const anl__dropout *d, uint32_t sample, uint32_t q, uint64_t c[2][LANES])
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) words_512(d, sample, q, c);
    else if (__builtin_cpu_supports("avx2")) words_256(d, sample, q, c);
    else
#endif
    words(d, sample, q, c);
}

#include "kernels/common/cpu_twice.h"

static void task(const anl__prepared *p, const anl__run *r, int t, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, t);
    anl__dropout d = anl__dropout_of(c, r->in[1]);
    (void)worker;
    if (d.off) {
        size_t bytes = (size_t)rows.each * anl_dtype_size(c->in[0].dtype), at = (size_t)rows.begin * bytes;
        if (r->out[0] != r->in[0]) memcpy((char *)r->out[0] + at, (char *)r->in[0] + at, (size_t)(rows.end - rows.begin) * bytes);
        return;
    }
    int64_t per = rows.each / d.piece; /* pieces of a row: 1, or with time before the samples all of them */
    for (int64_t k = rows.begin * per; k < rows.end * per; k++) ANL__BY_TYPE(c->in[0].dtype, drop, &d, r->in[0], r->out[0], k);
}

#define KERNEL(op_name) {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = anl__sliced_prepare, \
                         .task = task, .samplewise = true, .inplace = {1}}
static const anl__kernel fwd = KERNEL("dropout"), bwd = KERNEL("dropout_bwd");
const anl__kernel *const anl__kernels_dropout_cpu[] = {&fwd, &bwd, NULL};
#else
ANL__INLINE void FN(apply)(const uint64_t c[2][LANES], uint32_t keep_below, float scale, const T *x, T *y,
                           int64_t m)
{
    uint64_t pair[2 * LANES];
    uint32_t word[4 * LANES];
    for (int l = 0; l < LANES; l++) {
        pair[2 * l] = c[0][l];
        pair[2 * l + 1] = c[1][l];
    }
    memcpy(word, pair, sizeof word); /* little-endian: the low half comes first */
    ANL__LANES for (int64_t j = 0; j < m; j++) y[j] = word[j] < keep_below ? PUT(GET(x[j]) * scale) : 0;
}

ANL__CLONES static void FN(drop)(const anl__dropout *d, const T *x, T *y, int64_t k)
{
    float scale = (float)d->scale;
    uint64_t c[2][LANES];
    uint32_t sample = d->sample0 + (uint32_t)(k % d->samples);
    int64_t first = k / d->samples * d->piece, from = k * d->piece;
    int64_t skip = first % 4 ? 4 - first % 4 : 0; /* up to where four features share a counter */
    if (skip > d->piece) skip = d->piece;
    for (int64_t i = 0; i < skip; i++) {
        unsigned keep = anl__dropout_keep4(d->seed, d->key, d->step, sample, (uint32_t)(first / 4), d->keep_below);
        y[from + i] = keep >> ((first + i) & 3) & 1 ? PUT(GET(x[from + i]) * scale) : 0;
    }
    for (int64_t i = skip; i < d->piece; i += 4 * LANES) {
        int64_t at = from + i, m = d->piece - i;
        draw(d, sample, (uint32_t)((first + i) / 4), c);
        if (m < 4 * LANES) FN(apply)(c, d->keep_below, scale, x + at, y + at, m);
        else FN(apply)(c, d->keep_below, scale, x + at, y + at, 4 * LANES);
    }
}
#endif
