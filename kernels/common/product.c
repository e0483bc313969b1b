/* The inner kernels keep a block of the result in registers: for AVX-512 12 x 16, 12 x 32, 8 x 48 or 6 x 64, for AVX2 6 x 16 a
 * strip's column at a time, plainly 3 x 16. Rows are divided into nearly equal blocks. k is cut at DEEP: where a
 * block is as wide as the strip, the strip's piece (128 KiB) stays in the second-level cache while all rows pass; where it is one
 * column wide, the column's piece (32 KiB) stays about the first-level cache. Then packed columns lie one after the other, the next
 * piece is asked for while the last rows pass, and rows that lie apart are copied first, since at a stride of a power of two they
 * would share a few sets of the cache (AMD Zen 3, 252 x 512 x 512 with rows 2 KiB apart: 44 GFLOP/s of a core's 89 without, 80 with
 * the copy). */
#include "product.h"
#include "isa.h"

#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define X86 1
#endif

enum { DEEP = 512, MOST_ROWS = 12 };

/* A block's k: in the left side, pieces that have a gap between one's end and the next; 1 piece: a gap that nobody crosses. */
typedef struct span { int64_t pieces, each, gap; } span;

/* One block: rows as in the table's place; a: step from row to row and from k to k, one of which is 1. Meanwhile k lines of `next`, next_ld
 * numbers apart, are on their way to the cache. */
typedef void (*block_fn)(const span *k, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc, bool add,
                         const float *next, int64_t next_ld);

struct anl__product {
    const char *name;
    int most[5];    /* rows of a block, by the strip's width */
    bool by_column; /* blocks are one column wide */
    bool reads_ahead;
    block_fn rows[5][MOST_ROWS + 1], columns[5][MOST_ROWS + 1];
};

#define BLOCK_ARGS                                                                                                   \
    const span *k, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc, bool add, const float *next, int64_t next_ld
#define PIECES for (int64_t piece = 0; piece < k->pieces; piece++, a += k->gap)
#define EACH(i, n) _Pragma("GCC unroll 12") for (int i = 0; i < (n); i++)

typedef float four __attribute__((vector_size(16), aligned(4)));
#define PLAIN(name, ROWS, A, STEP)                                                                \
    static void name(BLOCK_ARGS)                                                                  \
    {                                                                                             \
        four s[ROWS][4];                                                                          \
        EACH(i, ROWS) EACH(v, 4) s[i][v] = add ? *(const four *)(c + i * ldc + 4 * v) : (four){0}; \
        PIECES                                                                                    \
        for (int64_t q = 0; q < k->each; q++, b += ldb, a += (STEP), next += next_ld) {           \
            __builtin_prefetch(next);                                                             \
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
        PIECES                                                                                    \
        _Pragma("GCC unroll 4") /* 5 x 16 in the first-level cache: 0.75 of the peak without, 0.95 with it */ \
        for (int64_t q = 0, each = k->each; q < each; q++, b += ldb, a += (STEP), next += next_ld) {                 \
            __m256 w[2];                                                                          \
            __builtin_prefetch(next);                                                             \
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
    .name = "avx2", .most = {0, 6, 6, 6, 6}, .by_column = true, .reads_ahead = true,
    .rows = {[1] = {0, avx2_rows_1, avx2_rows_2, avx2_rows_3, avx2_rows_4, avx2_rows_5, avx2_rows_6}},
    .columns = {[1] = {0, avx2_columns_1, avx2_columns_2, avx2_columns_3, avx2_columns_4, avx2_columns_5, avx2_columns_6}},
};

#define AVX512_SUMS(ROWS, WIDE, A, STEP, END, AHEAD)                                              \
        for (; q < (END); q++, b += ldb, a += (STEP)) {                                           \
            __m512 w[WIDE];                                                                       \
            AHEAD                                                                                 \
            EACH(v, WIDE) w[v] = _mm512_loadu_ps(b + 16 * v);                                     \
            EACH(i, ROWS)                                                                         \
            {                                                                                     \
                __m512 x = _mm512_set1_ps(A);                                                     \
                EACH(v, WIDE) s[i][v] = _mm512_fmadd_ps(x, w[v], s[i][v]);                        \
            }                                                                                     \
        }
#define AVX512(name, ROWS, WIDE, A, STEP, ASKING)                                                 \
    __attribute__((target("avx512f"))) static void name(BLOCK_ARGS)                               \
    {                                                                                             \
        __m512 s[ROWS][WIDE];                                                                     \
        EACH(i, ROWS) EACH(v, WIDE) s[i][v] = add ? _mm512_loadu_ps(c + i * ldc + 16 * v) : _mm512_setzero_ps(); \
        (void)next, (void)next_ld;                                                                \
        PIECES {                                                                                  \
            int64_t q = 0, each = k->each;                                                        \
            ASKING(ROWS, WIDE, A, STEP)                                                           \
            AVX512_SUMS(ROWS, WIDE, A, STEP, each, )                                              \
        }                                                                                         \
        EACH(i, ROWS) EACH(v, WIDE) _mm512_storeu_ps(c + i * ldc + 16 * v, s[i][v]);              \
    }
#define ASKS(ROWS, WIDE, A, STEP) \
    AVX512_SUMS(ROWS, WIDE, A, STEP, next_ld ? each : 0, _mm_prefetch(next, _MM_HINT_T1); next += next_ld;)
#define ASKS_NOT(ROWS, WIDE, A, STEP)
#define AVX512_PAIR(ROWS, WIDE)                                                \
    AVX512(avx512_rows_##ROWS##_##WIDE, ROWS, WIDE, a[i * lda], 1, ASKS) \
    AVX512(avx512_columns_##ROWS##_##WIDE, ROWS, WIDE, a[i], lda, ASKS_NOT)
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
    if (!strcmp(name, "avx512")) return anl__isa_used() >= ANL__ISA_AVX512 ? &avx512 : NULL;
    if (!strcmp(name, "avx2")) return anl__isa_used() >= ANL__ISA_AVX2 ? &avx2 : NULL;
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

int64_t anl__product_column(const anl__product *p, int64_t k, int wide, int v, int64_t *ld)
{
    *ld = p->by_column ? ANL__COLUMN : ANL__COLUMN * wide;
    return (p->by_column ? k : 1) * ANL__COLUMN * v;
}

/* Four numbers each of four rows become four rows of four. */
static inline void turn(const float *w, int64_t row, float *to, int64_t ld)
{
#if defined(X86)
    __m128 a = _mm_loadu_ps(w), b = _mm_loadu_ps(w + row), c = _mm_loadu_ps(w + 2 * row), d = _mm_loadu_ps(w + 3 * row);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + ld, b);
    _mm_storeu_ps(to + 2 * ld, c);
    _mm_storeu_ps(to + 3 * ld, d);
#else
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) to[i * ld + j] = w[j * row + i];
#endif
}

void anl__product_pack(const float *w, int64_t row_step, int64_t column_step, int64_t k, int64_t live, float *to, int64_t ld)
{
    int64_t q = 0;
    if (live >= ANL__COLUMN && column_step == 1)
        for (; q < k; q++) memcpy(to + q * ld, w + q * row_step, sizeof(float) * ANL__COLUMN);
    if (live >= ANL__COLUMN && row_step == 1)
        for (; q + 4 <= k; q += 4)
            for (int64_t j = 0; j < ANL__COLUMN; j += 4) turn(w + q + j * column_step, column_step, to + q * ld + j, ld);
    for (; q < k; q++)
        for (int64_t j = 0; j < ANL__COLUMN; j++) to[q * ld + j] = j < live ? w[q * row_step + j * column_step] : 0;
}

bool anl__product_reads_ahead(const anl__product *p) { return p->reads_ahead; }

/* A result, and its left side: steps from row to row and from k to k. */
typedef struct work {
    const anl__product *p;
    const block_fn (*table)[MOST_ROWS + 1];
    int64_t rows, k, row_step, deep_step, lda, ldc;
    const float *a;
    float *c;
    bool add;
} work;

/* So much of k from `a` on: all rows of `each` columns from number `column` of the result on. `next`, as much as the columns, is asked
 * for by the last block where these are one wide, else by the first ones, a quarter of a strip each: the next strip then comes from an
 * outer cache as fast as all rows are multiplied, not as fast as the first few are (Intel with AMX, 32 rows over 4 MiB: 136 GFLOP/s
 * without, 170 with it). */
static void pass(const work *w, const span *k, const float *a, bool add, const float *b, int64_t ldb, int each, int64_t column, const float *next,
                 int64_t next_ld)
{
    int most = w->p->most[each], blocks = (int)((w->rows + most - 1) / most);
    for (int t = 0; t < blocks; t++) {
        int64_t i = anl__slice_begin(w->rows, blocks, t), end = anl__slice_begin(w->rows, blocks, t + 1);
        bool asks = w->p->by_column ? t + 1 == blocks : t < each;
        const float *rows = a + i * w->row_step, *far = w->p->by_column ? next : next + t * k->each * ANL__COLUMN;
        w->table[each][end - i](k, rows, w->lda, b, ldb, w->c + i * w->ldc + column, w->ldc, add, asks ? far : b,
                                asks ? next_ld : w->p->by_column ? ldb : 0);
    }
}

static span span_at(const work *w, int64_t q) { return (span){1, w->k - q < DEEP ? w->k - q : DEEP, 0}; }

static void whole_strip(const work *w, const float *b, int64_t ldb, int wide)
{
    for (int64_t q = 0; q < w->k || q == 0; q += DEEP) {
        span k = span_at(w, q);
        pass(w, &k, w->a + q * w->deep_step, w->add || q, b + q * ldb, ldb, wide, 0, b + (q + k.each) * ldb, ANL__COLUMN);
    }
}

static void copy_column(const float *b, int64_t ldb, int64_t k, float *to)
{
    for (int64_t q = 0; q < k; q++) memcpy(to + q * ANL__COLUMN, b + q * ldb, sizeof(float) * ANL__COLUMN);
}

/* Column v begins at b + v * apart. Packed strips follow one another, so what comes next is what lies next. */
static void by_columns(const work *w, const float *b, int64_t ldb, int64_t apart, int wide)
{
    _Alignas(64) float near[DEEP * ANL__COLUMN];
    bool copy = ldb != ANL__COLUMN && w->rows > 2 * w->p->most[1];
    for (int64_t q = 0; q < w->k || q == 0; q += DEEP)
        for (int v = 0; v < wide; v++) {
            span k = span_at(w, q);
            const float *column = b + v * apart + q * ldb, *next = column + apart;
            if (v + 1 == wide) next = q + k.each < w->k ? b + (q + k.each) * ldb : b + wide * apart;
            if (copy) copy_column(column, ldb, k.each, near);
            pass(w, &k, w->a + q * w->deep_step, w->add || q, copy ? near : column, copy ? ANL__COLUMN : ldb, 1, ANL__COLUMN * v, next, ldb);
        }
}

/* One column, k in pieces: as many at a time as are about DEEP; a longer one alone, in parts. */
static void by_pieces(const work *w, int64_t pieces, int64_t apart, const float *b)
{
    work part = *w;
    int64_t most = w->k < DEEP ? DEEP / (w->k ? w->k : 1) : 1;
    for (int64_t t = 0; t < pieces; t += most, part.a += most * apart, part.add = true) {
        span k = {pieces - t < most ? pieces - t : most, w->k, apart - w->k * w->deep_step};
        const float *column = b + t * w->k * ANL__COLUMN;
        if (w->k > DEEP) whole_strip(&part, column, ANL__COLUMN, 1);
        else pass(&part, &k, part.a, part.add, column, ANL__COLUMN, 1, 0, column + k.pieces * w->k * ANL__COLUMN, ANL__COLUMN);
    }
}

void anl__product_rows(const anl__product *p, int64_t rows, int64_t k, const float *a, int64_t lda, const float *b, int wide, float *c,
                       int64_t ldc, bool add)
{
    work w = {p, p->rows, rows, k, lda, 1, lda, ldc, a, c, add};
    if (p->by_column) by_columns(&w, b, ANL__COLUMN, k * ANL__COLUMN, wide);
    else whole_strip(&w, b, ANL__COLUMN * wide, wide);
}

void anl__product_columns(const anl__product *p, int64_t rows, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, int wide,
                          float *c, int64_t ldc, bool add)
{
    work w = {p, p->columns, rows, k, 1, lda, lda, ldc, a, c, add};
    if (p->by_column) by_columns(&w, b, ldb, ANL__COLUMN, wide);
    else whole_strip(&w, b, ldb, wide);
}

void anl__product_row_pieces(const anl__product *p, int64_t rows, int64_t pieces, int64_t k, const float *a, int64_t lda, int64_t apart,
                             const float *b, float *c, int64_t ldc, bool add)
{
    work w = {p, p->rows, rows, k, lda, 1, lda, ldc, a, c, add};
    by_pieces(&w, pieces, apart, b);
}

void anl__product_column_pieces(const anl__product *p, int64_t rows, int64_t pieces, int64_t k, const float *a, int64_t lda, int64_t apart,
                                const float *b, float *c, int64_t ldc, bool add)
{
    work w = {p, p->columns, rows, k, 1, lda, lda, ldc, a, c, add};
    by_pieces(&w, pieces, apart, b);
}
