/* The vectors are the compiler's own, of 32 bytes as two halves that never mix: where a processor has only 16, each is two. */
#include "layout16.h"

enum { TALL = 8, WIDE = 16 }; /* of a block that is turned at a time */
enum { LINE = 32 };           /* numbers of a line of the cache: its other half is not read later, when it is gone */

typedef uint16_t halves __attribute__((vector_size(32)));
typedef uint32_t words __attribute__((vector_size(32)));
typedef uint64_t longs __attribute__((vector_size(32)));

#if defined(__clang__)
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector((type)(a), (type)(b), __VA_ARGS__)
#else
#define SHUFFLE(type, a, b, ...) __builtin_shuffle((type)(a), (type)(b), (type){__VA_ARGS__})
#endif
#define LOW_16(a, b) SHUFFLE(halves, a, b, 0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27)
#define HIGH_16(a, b) SHUFFLE(halves, a, b, 4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW_32(a, b) SHUFFLE(words, a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_32(a, b) SHUFFLE(words, a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_64(a, b) SHUFFLE(longs, a, b, 0, 4, 2, 6)
#define HIGH_64(a, b) SHUFFLE(longs, a, b, 1, 5, 3, 7)

/* 8 rows of 16 numbers become 16 rows of 8. */
ANL__INLINE void turn_block(const anl__bf16 *from, int64_t stride, anl__bf16 *to, int64_t to_row)
{
    halves a[TALL], b[TALL];
    words c[TALL];
    longs d[TALL];
    for (int i = 0; i < TALL; i++) memcpy(&a[i], from + i * stride, sizeof a[i]);
    for (int i = 0; i < 4; i++) {
        b[2 * i] = LOW_16(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = HIGH_16(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 4; i++) { /* pairs of rows 0..3 and 4..7; columns 0..3 (i even) and 4..7 */
        c[2 * i] = LOW_32(b[i / 2 * 4 + i % 2], b[i / 2 * 4 + i % 2 + 2]);
        c[2 * i + 1] = HIGH_32(b[i / 2 * 4 + i % 2], b[i / 2 * 4 + i % 2 + 2]);
    }
    for (int i = 0; i < 4; i++) {
        d[2 * i] = LOW_64(c[i], c[i + 4]);
        d[2 * i + 1] = HIGH_64(c[i], c[i + 4]);
    }
    for (int i = 0; i < TALL; i++) {
        memcpy(to + i * to_row, &d[i], 16);
        memcpy(to + (i + TALL) * to_row, (const char *)&d[i] + 16, 16);
    }
}

/* The same where not all rows or columns are there: zeros for rows, nothing for columns. */
static void turn_edge(const anl__bf16 *from, int64_t rows, int64_t stride, int64_t n, anl__bf16 *to, int64_t to_row)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t q = 0; q < TALL; q++) to[i * to_row + q] = q < rows ? from[q * stride + i] : 0;
}

ANL__CLONES void anl__turn16(const anl__bf16 *from, int64_t rows, int64_t stride, int64_t n, anl__bf16 *to, int64_t to_row)
{
    int64_t all = (rows + ANL__TURNED - 1) / ANL__TURNED * ANL__TURNED;
    for (int64_t line = 0; line < n; line += LINE)
        for (int64_t q = 0; q < all; q += TALL)
            for (int64_t i = line; i < line + LINE && i < n; i += WIDE) {
                bool whole = q + TALL <= rows && i + WIDE <= n;
                if (whole) turn_block(from + q * stride + i, stride, to + i * to_row + q, to_row);
                else turn_edge(from + q * stride + i, rows - q, stride, n - i < WIDE ? n - i : WIDE, to + i * to_row + q, to_row);
            }
}

ANL__CLONES void anl__pairs16(const anl__bf16 *restrict a, const anl__bf16 *restrict b, int64_t n, anl__bf16 *restrict to)
{
    for (int64_t j = 0; j < n; j++) {
        to[2 * j] = a[j];
        to[2 * j + 1] = b[j];
    }
}

/* 4 rows of 8 pairs become 8 rows of 4. */
ANL__INLINE void turn_pairs(const anl__bf16 *from, int64_t stride, anl__bf16 *to, int64_t to_row)
{
    words a[4], b[4];
    longs c[4];
    for (int i = 0; i < 4; i++) memcpy(&a[i], from + i * stride, sizeof a[i]);
    for (int i = 0; i < 2; i++) {
        b[2 * i] = LOW_32(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = HIGH_32(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        c[2 * i] = LOW_64(b[i], b[i + 2]);
        c[2 * i + 1] = HIGH_64(b[i], b[i + 2]);
    }
    for (int i = 0; i < 4; i++) {
        memcpy(to + i * to_row, &c[i], 16);
        memcpy(to + (i + 4) * to_row, (const char *)&c[i] + 16, 16);
    }
}

ANL__INLINE void halve(const float *from, int64_t n, anl__bf16 *to)
{
    for (int64_t i = 0; i < n; i++) to[i] = anl__to_bf16(from[i]);
}

/* 32 rows of the column, whose rows lie along w's: halved, then turned in pairs. */
ANL__INLINE void pack_along(const float *w, int64_t column_step, int64_t k, int64_t live, anl__bf16 *to, int64_t ld)
{
    enum { DEEP = 32 };
    anl__bf16 block[ANL__PACKED][DEEP];
    for (int64_t q = 0; q < k; q += DEEP) {
        for (int64_t j = 0; j < ANL__PACKED; j++)
            if (j < live) halve(w + q + j * column_step, DEEP, block[j]);
            else memset(block[j], 0, sizeof block[j]);
        for (int64_t p = 0; p < DEEP / 2; p += 8)
            for (int64_t j = 0; j < ANL__PACKED; j += 4) turn_pairs(block[j] + 2 * p, DEEP, to + 2 * ((q / 2 + p) * ld + j), 2 * ld);
    }
}

/* Two rows at a time, that lie as the column's. */
ANL__INLINE void pack_across(const float *w, int64_t row_step, int64_t k, anl__bf16 *to, int64_t ld)
{
    for (int64_t q = 0; q < k; q += 2, to += 2 * ld) {
        const float *a = w + q * row_step, *b = a + row_step;
        uint32_t pair[ANL__PACKED];
        for (int64_t j = 0; j < ANL__PACKED; j++) pair[j] = anl__to_bf16(a[j]) | (uint32_t)anl__to_bf16(b[j]) << 16;
        memcpy(to, pair, sizeof pair);
    }
}

ANL__CLONES void anl__pack16(const float *w, int64_t row_step, int64_t column_step, int64_t first, int64_t k, int64_t live, anl__bf16 *to, int64_t ld)
{
    int64_t q = 0;
    if (first % 2 == 0 && row_step == 1) {
        q = k / 32 * 32;
        pack_along(w, column_step, q, live, to + first * ld, ld);
    } else if (first % 2 == 0 && column_step == 1 && live >= ANL__PACKED) {
        q = k / 2 * 2;
        pack_across(w, row_step, q, to + first * ld, ld);
    }
    for (; q < k; q++)
        for (int64_t j = 0; j < ANL__PACKED; j++)
            to[(first + q) / 2 * 2 * ld + 2 * j + (first + q) % 2] = anl__to_bf16(j < live ? w[q * row_step + j * column_step] : 0);
}
