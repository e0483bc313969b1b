/* The inner kernels keep a block of the result in registers: for AVX-512 12 x 16, 12 x 32, 8 x 48 or 6 x 64, for AVX2 6 x 16 a
 * strip's column at a time, plainly 3 x 16. Rows are divided into nearly equal blocks. k is cut at DEEP, so that a strip's piece
 * (128 KiB) stays in the second-level cache while all rows pass. */
#include "product.h"

#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define X86 1
#endif

enum { DEEP = 512, MOST_ROWS = 12 };

/* One block: rows as in the table's place; a: step from row to row and from k to k, one of which is 1. */
typedef void (*block_fn)(int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc, bool add);

struct anl__product {
    const char *name;
    int most[5];    /* rows of a block, by the strip's width */
    bool by_column; /* blocks are one column wide */
    block_fn rows[5][MOST_ROWS + 1], columns[5][MOST_ROWS + 1];
};

#define BLOCK_ARGS int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc, bool add
#define EACH(i, n) _Pragma("GCC unroll 12") for (int i = 0; i < (n); i++)

typedef float four __attribute__((vector_size(16), aligned(4)));
#define PLAIN(name, ROWS, A, STEP)                                                                \
    static void name(BLOCK_ARGS)                                                                  \
    {                                                                                             \
        four s[ROWS][4];                                                                          \
        EACH(i, ROWS) EACH(v, 4) s[i][v] = add ? *(const four *)(c + i * ldc + 4 * v) : (four){0}; \
        for (int64_t q = 0; q < k; q++, b += ldb, a += (STEP)) {                                  \
            EACH(i, ROWS)                                                                         \
            {                                                                                     \
                float x = A;                                                                      \
                EACH(v, 4) s[i][v] += x * *(const four *)(b + 4 * v);                             \
            }                                                                                     \
        }                                                                                         \
        EACH(i, ROWS) EACH(v, 4) *(four *)(c + i * ldc + 4 * v) = s[i][v];                        \
    }
#define PLAIN_PAIR(ROWS) PLAIN(plain_rows_##ROWS, ROWS, a[i * lda], 1) PLAIN(plain_columns_##ROWS, ROWS, a[i], lda)
PLAIN_PAIR(1) PLAIN_PAIR(2) PLAIN_PAIR(3)
static const anl__product plain = {
    .name = "plain", .most = {0, 3, 3, 3, 3}, .by_column = true,
    .rows = {[1] = {0, plain_rows_1, plain_rows_2, plain_rows_3}},
    .columns = {[1] = {0, plain_columns_1, plain_columns_2, plain_columns_3}},
};

#if defined(X86)
#define AVX2(name, ROWS, A, STEP)                                                                 \
    __attribute__((target("avx2,fma"))) static void name(BLOCK_ARGS)                              \
    {                                                                                             \
        __m256 s[ROWS][2];                                                                        \
        EACH(i, ROWS) EACH(v, 2) s[i][v] = add ? _mm256_loadu_ps(c + i * ldc + 8 * v) : _mm256_setzero_ps(); \
        for (int64_t q = 0; q < k; q++, b += ldb, a += (STEP)) {                                  \
            __m256 w[2];                                                                          \
            EACH(v, 2) w[v] = _mm256_loadu_ps(b + 8 * v);                                         \
            EACH(i, ROWS)                                                                         \
            {                                                                                     \
                __m256 x = _mm256_broadcast_ss(&(A));                                             \
                EACH(v, 2) s[i][v] = _mm256_fmadd_ps(x, w[v], s[i][v]);                           \
            }                                                                                     \
        }                                                                                         \
        EACH(i, ROWS) EACH(v, 2) _mm256_storeu_ps(c + i * ldc + 8 * v, s[i][v]);                  \
    }
#define AVX2_PAIR(ROWS) AVX2(avx2_rows_##ROWS, ROWS, a[i * lda], 1) AVX2(avx2_columns_##ROWS, ROWS, a[i], lda)
AVX2_PAIR(1) AVX2_PAIR(2) AVX2_PAIR(3) AVX2_PAIR(4) AVX2_PAIR(5) AVX2_PAIR(6)
static const anl__product avx2 = {
    .name = "avx2", .most = {0, 6, 6, 6, 6}, .by_column = true,
    .rows = {[1] = {0, avx2_rows_1, avx2_rows_2, avx2_rows_3, avx2_rows_4, avx2_rows_5, avx2_rows_6}},
    .columns = {[1] = {0, avx2_columns_1, avx2_columns_2, avx2_columns_3, avx2_columns_4, avx2_columns_5, avx2_columns_6}},
};

#define AVX512(name, ROWS, WIDE, A, STEP)                                                         \
    __attribute__((target("avx512f"))) static void name(BLOCK_ARGS)                               \
    {                                                                                             \
        __m512 s[ROWS][WIDE];                                                                     \
        EACH(i, ROWS) EACH(v, WIDE) s[i][v] = add ? _mm512_loadu_ps(c + i * ldc + 16 * v) : _mm512_setzero_ps(); \
        for (int64_t q = 0; q < k; q++, b += ldb, a += (STEP)) {                                  \
            __m512 w[WIDE];                                                                       \
            EACH(v, WIDE) w[v] = _mm512_loadu_ps(b + 16 * v);                                     \
            EACH(i, ROWS)                                                                         \
            {                                                                                     \
                __m512 x = _mm512_set1_ps(A);                                                     \
                EACH(v, WIDE) s[i][v] = _mm512_fmadd_ps(x, w[v], s[i][v]);                        \
            }                                                                                     \
        }                                                                                         \
        EACH(i, ROWS) EACH(v, WIDE) _mm512_storeu_ps(c + i * ldc + 16 * v, s[i][v]);              \
    }
#define AVX512_PAIR(ROWS, WIDE)                                       \
    AVX512(avx512_rows_##ROWS##_##WIDE, ROWS, WIDE, a[i * lda], 1)    \
    AVX512(avx512_columns_##ROWS##_##WIDE, ROWS, WIDE, a[i], lda)
#define TO_6(X, W) X(1, W) X(2, W) X(3, W) X(4, W) X(5, W) X(6, W)
#define TO_8(X, W) TO_6(X, W) X(7, W) X(8, W)
#define TO_12(X, W) TO_8(X, W) X(9, W) X(10, W) X(11, W) X(12, W)
TO_12(AVX512_PAIR, 1) TO_12(AVX512_PAIR, 2) TO_8(AVX512_PAIR, 3) TO_6(AVX512_PAIR, 4)
#define ROWS_NAME(R, W) avx512_rows_##R##_##W,
#define COLUMNS_NAME(R, W) avx512_columns_##R##_##W,
static const anl__product avx512 = {
    .name = "avx512", .most = {0, 12, 12, 8, 6},
    .rows = {{0}, {0, TO_12(ROWS_NAME, 1)}, {0, TO_12(ROWS_NAME, 2)}, {0, TO_8(ROWS_NAME, 3)}, {0, TO_6(ROWS_NAME, 4)}},
    .columns = {{0}, {0, TO_12(COLUMNS_NAME, 1)}, {0, TO_12(COLUMNS_NAME, 2)}, {0, TO_8(COLUMNS_NAME, 3)}, {0, TO_6(COLUMNS_NAME, 4)}},
};
#endif

const anl__product *anl__product_named(const char *name)
{
#if defined(X86)
    if (!strcmp(name, "avx512")) return __builtin_cpu_supports("avx512f") ? &avx512 : NULL;
    if (!strcmp(name, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2 : NULL;
#endif
    return strcmp(name, "plain") ? NULL : &plain;
}

const anl__product *anl__product_best(void)
{
    static const char *const by_speed[] = {"avx512", "avx2", "plain"};
    const anl__product *p = NULL;
    for (int i = 0; !p; i++) p = anl__product_named(by_speed[i]);
    return p;
}

const char *anl__product_name(const anl__product *p) { return p->name; }

static void run(const anl__product *p, const block_fn (*table)[MOST_ROWS + 1], int64_t step, int64_t rows, int64_t k, const float *a,
                int64_t lda, int64_t deep_step, const float *b, int64_t ldb, int wide, float *c, int64_t ldc, bool add)
{
    int blocks = (int)((rows + p->most[wide] - 1) / p->most[wide]), each = p->by_column ? 1 : wide;
    for (int64_t q = 0; q < k || q == 0; q += DEEP) {
        int64_t deep = k - q < DEEP ? k - q : DEEP;
        for (int t = 0; t < blocks; t++) {
            int64_t i = anl__slice_begin(rows, blocks, t), end = anl__slice_begin(rows, blocks, t + 1);
            for (int v = 0; v < wide; v += each)
                table[each][end - i](deep, a + i * step + q * deep_step, lda, b + q * ldb + ANL__COLUMN * v, ldb, c + i * ldc + ANL__COLUMN * v, ldc, add || q);
        }
    }
}

void anl__product_rows(const anl__product *p, int64_t rows, int64_t k, const float *a, int64_t lda, const float *b, int wide, float *c,
                       int64_t ldc, bool add)
{
    run(p, p->rows, lda, rows, k, a, lda, 1, b, ANL__COLUMN * wide, wide, c, ldc, add);
}

void anl__product_columns(const anl__product *p, int64_t rows, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, int wide,
                          float *c, int64_t ldc, bool add)
{
    run(p, p->columns, 1, rows, k, a, lda, lda, b, ldb, wide, c, ldc, add);
}
