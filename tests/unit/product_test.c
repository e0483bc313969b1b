/* Products over packed strips: every instruction set that this processor has, every width and number of rows, against sums in double. */
#include "kernels/common/product.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static float value(int64_t i) { return (float)((i * 7919 + 13) % 101 - 50) / 64; }

static float *filled(int64_t n, int64_t seed)
{
    float *v = malloc(sizeof(float) * (size_t)(n + 1)); /* no more: a read past the end is seen by a sanitizer */
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++) v[i] = value(i + seed);
    return v;
}

/* b: k rows of 16 wide numbers. */
static float *pack(const anl__product *p, int64_t k, const float *b, int wide)
{
    int64_t ld;
    float *packed = filled(k * ANL__COLUMN * wide, 0);
    for (int v = 0; v < wide; v++) {
        float *to = packed + anl__product_column(p, k, wide, v, &ld);
        for (int64_t q = 0; q < k; q++) memcpy(to + q * ld, b + (q * wide + v) * ANL__COLUMN, sizeof(float) * ANL__COLUMN);
    }
    return packed;
}

/* a is rows x k, or k x rows when transposed; what lies between the result's rows must stay. */
static void check(const anl__product *p, int64_t rows, int64_t k, int wide, bool transposed, bool add)
{
    int64_t strip = ANL__COLUMN * wide, ldc = strip + 3, lda = (transposed ? rows : k) + 2, ldb = transposed ? strip + 5 : strip;
    float *a = filled((transposed ? k : rows) * lda, 1), *b = filled(k * ldb, 2), *c = filled(rows * ldc, 3), *was = filled(rows * ldc, 3);
    if (transposed) anl__product_columns(p, rows, k, a, lda, b, ldb, wide, c, ldc, add);
    else {
        float *packed = pack(p, k, b, wide);
        anl__product_rows(p, rows, k, a, lda, packed, wide, c, ldc, add);
        free(packed);
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ldc; j++) {
            double sum = add || j >= strip ? (double)was[i * ldc + j] : 0;
            for (int64_t q = 0; q < k && j < strip; q++) sum += (double)a[transposed ? q * lda + i : i * lda + q] * (double)b[q * ldb + j];
            if (fabs(sum - (double)c[i * ldc + j]) > 1e-6 * (double)(k + 1))
                fail_msg("%s: %lld x %lld, %d wide: row %lld column %lld is %g, not %g", anl__product_name(p), (long long)rows, (long long)k, wide, (long long)i,
                         (long long)j, (double)c[i * ldc + j], sum);
        }
    free(a);
    free(b);
    free(c);
    free(was);
}

/* A product in pieces is the product of a left side that has them one after the other, to the bit. Pieces overlap where apart < k. */
static void check_pieces(const anl__product *p, int64_t rows, int64_t pieces, int64_t k, int64_t apart, bool transposed, bool add)
{
    int64_t deep = pieces * k, lda = transposed ? rows + 2 : 5, step = transposed ? lda : 1, row = transposed ? 1 : lda, part = apart * step;
    int64_t last = (rows - 1) * row + (pieces - 1) * part + (k - 1) * step, whole = transposed ? rows : deep;
    float *a = filled(last + 1, 1), *b = filled(deep * ANL__COLUMN, 2), *c = filled(rows * 20, 3), *want = filled(rows * 20, 3);
    float *joined = filled(rows * deep, 0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t q = 0; q < deep; q++) joined[transposed ? q * whole + i : i * whole + q] = a[i * row + q / k * part + q % k * step];
    if (transposed) {
        anl__product_column_pieces(p, rows, pieces, k, a, lda, part, b, c, 20, add);
        anl__product_columns(p, rows, deep, joined, whole, b, ANL__COLUMN, 1, want, 20, add);
    } else {
        anl__product_row_pieces(p, rows, pieces, k, a, lda, part, b, c, 20, add);
        anl__product_rows(p, rows, deep, joined, whole, b, 1, want, 20, add);
    }
    for (int64_t i = 0; i < rows * 20; i++)
        if (memcmp(&c[i], &want[i], sizeof *c))
            fail_msg("%s: %lld x %lld pieces of %lld: number %lld is %g, not %g", anl__product_name(p), (long long)rows, (long long)pieces, (long long)k,
                     (long long)i, (double)c[i], (double)want[i]);
    free(a);
    free(b);
    free(c);
    free(want);
    free(joined);
}

static void every_set(void **state)
{
    static const char *const name[] = {"avx512", "avx2", "plain"};
    int sets = 0;
    (void)state;
    for (int s = 0; s < 3; s++) {
        const anl__product *p = anl__product_named(name[s]);
        if (!p) continue;
        sets++;
        for (int wide = 1; wide <= 4; wide++)
            for (int64_t rows = 1; rows <= 27; rows += rows < 14 ? 1 : 13)
                for (int way = 0; way < 4; way++) check(p, rows, 1 + rows * 3 % 17, wide, way & 1, way >> 1);
        check(p, 5, 1100, 4, false, false); /* k in several pieces */
        check(p, 5, 1100, 3, true, true);
        check(p, 27, 600, 2, true, true);
        for (int way = 0; way < 4; way++) {
            check_pieces(p, 14, 3, 9, 20, way & 1, way >> 1);
            check_pieces(p, 7, 5, 9, 4, way & 1, way >> 1);
            check_pieces(p, 5, 7, 200, 203, way & 1, way >> 1); /* two at a time */
            check_pieces(p, 3, 2, 1100, 1100, way & 1, way >> 1);
            check_pieces(p, 13, 1, 3, 0, way & 1, way >> 1);
        }
    }
    assert_true(sets > 0);
}

/* Bits of a row must not depend on the rows beside it. */
static void rows_are_alike(void **state)
{
    const anl__product *p = anl__product_best();
    float *a = filled(23 * 40, 5), *b = filled(40 * 64, 6), all[23 * 64], one[64];
    (void)state;
    anl__product_rows(p, 23, 40, a, 40, b, 4, all, 64, false);
    for (int i = 0; i < 23; i++) {
        anl__product_rows(p, 1, 40, a + i * 40, 40, b, 4, one, 64, false);
        assert_memory_equal(one, all + i * 64, sizeof one);
    }
    free(a);
    free(b);
}

/* A column of any matrix, turned or not, with zeros where it has none. */
static void columns_are_packed(void **state)
{
    enum { K = 23, N = 40 };
    float *w = filled(K * N, 9), to[K * 17];
    (void)state;
    for (int turned = 0; turned < 2; turned++)
        for (int64_t k = 1; k <= K; k++)
            for (int64_t live = 1; live <= 17; live += live < 15 ? 7 : 1) {
                int64_t row = turned ? 1 : N, column = turned ? K : 1;
                for (int i = 0; i < K * 17; i++) to[i] = 7;
                anl__product_pack(w, row, column, k, live, to, 17);
                for (int64_t q = 0; q < K; q++)
                    for (int64_t j = 0; j < 17; j++) {
                        float want = q >= k || j >= ANL__COLUMN ? 7 : j < live ? w[q * row + j * column] : 0;
                        assert_true(to[q * 17 + j] == want);
                    }
            }
    free(w);
}

static void unknown_set(void **state)
{
    (void)state;
    assert_null(anl__product_named("altivec"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_set), cmocka_unit_test(rows_are_alike), cmocka_unit_test(columns_are_packed), cmocka_unit_test(unknown_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
