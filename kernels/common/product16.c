/* AMX multiplies tiles of 16 x 32 by 32 x 16; AVX512_BF16 pairs: a pair of a against 16 pairs of b, blocks as in product.c. On processors
 * that have both the latter is slower than f32, so it is taken only where AMX is not. */
#include "product16.h"
#include "isa.h"

#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define X86 1
#endif

enum { DEEP = 1024, MOST_ROWS = 12 };

typedef void (*rows_fn)(int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c, int64_t ldc, bool add);
struct anl__product16 { const char *name; rows_fn rows; void (*end)(void); };

#if defined(X86)
#define AMX_TARGET __attribute__((target("amx-tile,amx-bf16")))
/* The compiler's own functions do not say which memory they read and write. */
#define SETTLE(p) __asm__ volatile("" : : "r"(p) : "memory")
#define TILE_CONFIG(p) tile_config_unless_there(p)
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, p, bytes) _tile_loadd(t, p, bytes)
#define TILE_ADD(c, a, b) _tile_dpbf16ps(c, a, b)
#define TILE_STORE(t, p, bytes)     \
    do {                            \
        _tile_stored(t, p, bytes);  \
        SETTLE(p);                  \
    } while (0)
typedef struct tile_config { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } tile_config;
/* To ask which shapes the tiles have costs a tenth of giving them their shapes (5 and 50 ns). Whoever used tiles in between on this thread
 * left others, or none. */
AMX_TARGET static void tile_config_unless_there(const tile_config *want)
{
    tile_config now;
    _tile_storeconfig(&now);
    SETTLE(&now);
    if (!memcmp(&now, want, sizeof now)) return;
    SETTLE(want);
    _tile_loadconfig(want);
}
#include "product_amx.h"
AMX_TARGET static void amx_end(void) { _tile_release(); }
static const anl__product16 amx = {"amx", amx_rows, amx_end};

typedef void (*block_fn)(int64_t pairs, const uint16_t *a, int64_t lda, const uint16_t *b, float *c, int64_t ldc, bool add);
#define EACH(i, n) _Pragma("GCC unroll 12") for (int i = 0; i < (n); i++)
#define PAIRS(ROWS, WIDE)                                                                                                         \
    __attribute__((target("avx512f,avx512bf16"))) static void pairs_##ROWS##_##WIDE(int64_t pairs, const uint16_t *a, int64_t lda, \
                                                                                    const uint16_t *b, float *c, int64_t ldc, bool add) \
    {                                                                                                                             \
        __m512 s[ROWS][WIDE];                                                                                                     \
        EACH(i, ROWS) EACH(v, WIDE) s[i][v] = add ? _mm512_loadu_ps(c + i * ldc + 16 * v) : _mm512_setzero_ps();                  \
        for (int64_t q = 0; q < pairs; q++, b += 32 * (WIDE), a += 2) {                                                           \
            __m512i w[WIDE];                                                                                                      \
            EACH(v, WIDE) w[v] = _mm512_loadu_si512(b + 32 * v);                                                                  \
            EACH(i, ROWS)                                                                                                         \
            {                                                                                                                     \
                int pair;                                                                                                         \
                memcpy(&pair, a + i * lda, sizeof pair);                                                                          \
                __m512i x = _mm512_set1_epi32(pair);                                                                              \
                EACH(v, WIDE) s[i][v] = _mm512_dpbf16_ps(s[i][v], (__m512bh)x, (__m512bh)w[v]);                                   \
            }                                                                                                                     \
        }                                                                                                                         \
        EACH(i, ROWS) EACH(v, WIDE) _mm512_storeu_ps(c + i * ldc + 16 * v, s[i][v]);                                              \
    }
#define TO_6(X, W) X(1, W) X(2, W) X(3, W) X(4, W) X(5, W) X(6, W)
#define TO_8(X, W) TO_6(X, W) X(7, W) X(8, W)
#define TO_12(X, W) TO_8(X, W) X(9, W) X(10, W) X(11, W) X(12, W)
TO_12(PAIRS, 1) TO_12(PAIRS, 2) TO_8(PAIRS, 3) TO_6(PAIRS, 4)
#define NAME(R, W) pairs_##R##_##W,

static void pairs_rows(int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c, int64_t ldc, bool add)
{
    static const int most[] = {0, 12, 12, 8, 6};
    static const block_fn table[5][MOST_ROWS + 1] = {{0}, {0, TO_12(NAME, 1)}, {0, TO_12(NAME, 2)}, {0, TO_8(NAME, 3)}, {0, TO_6(NAME, 4)}};
    int blocks = (int)((rows + most[wide] - 1) / most[wide]);
    for (int64_t q = 0; q < k; q += DEEP)
        for (int t = 0; t < blocks; t++) {
            int64_t i = anl__slice_begin(rows, blocks, t), end = anl__slice_begin(rows, blocks, t + 1), deep = k - q < DEEP ? k - q : DEEP;
            table[wide][end - i](deep / 2, a + i * lda + q, lda, b + q * ANL__COLUMN * wide, c + i * ldc, ldc, add || q);
        }
}
static void pairs_end(void) { }
static const anl__product16 pairs = {"avx512bf16", pairs_rows, pairs_end};
#endif

const anl__product16 *anl__product16_named(const char *name)
{
#if defined(X86)
    if (!strcmp(name, "amx")) return anl__isa_used() >= ANL__ISA_AMX ? &amx : NULL;
    if (!strcmp(name, "avx512bf16")) return anl__isa_used() >= ANL__ISA_AVX512_BF16 ? &pairs : NULL;
#endif
    (void)name;
    return NULL;
}

const anl__product16 *anl__product16_best(void)
{
    const anl__product16 *p = anl__product16_named("amx");
    return p ? p : anl__product16_named("avx512bf16");
}

const char *anl__product16_name(const anl__product16 *p) { return p->name; }

void anl__product16_rows(const anl__product16 *p, int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c,
                         int64_t ldc, bool add)
{
    p->rows(rows, k, a, lda, b, wide, c, ldc, add);
}

void anl__product16_end(const anl__product16 *p) { p->end(); }
