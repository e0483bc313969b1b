/* Layouts of bf16 for products against the same written element by element, over shapes that are and are not whole blocks. */
#include "kernels/common/layout16.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { UNTOUCHED = 0x7777 };

static anl__bf16 *untouched(int64_t n)
{
    anl__bf16 *v = malloc(sizeof *v * (size_t)n);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++) v[i] = UNTOUCHED;
    return v;
}

static void check_turn(int64_t rows, int64_t n)
{
    int64_t stride = n + 3, all = (rows + 31) / 32 * 32, to_row = all + 5;
    anl__bf16 *from = untouched(rows * stride), *to = untouched(n * to_row);
    for (int64_t i = 0; i < rows * stride; i++) from[i] = (anl__bf16)(i * 7919 + 1);
    anl__turn16(from, rows, stride, n, to, to_row);
    for (int64_t i = 0; i < n; i++)
        for (int64_t q = 0; q < to_row; q++) {
            anl__bf16 want = q < rows ? from[q * stride + i] : q < all ? 0 : UNTOUCHED;
            if (to[i * to_row + q] != want) fail_msg("%lld x %lld: row %lld column %lld", (long long)rows, (long long)n, (long long)i, (long long)q);
        }
    free(from);
    free(to);
}

static void turned(void **state)
{
    (void)state;
    for (int64_t rows = 1; rows < 70; rows += rows < 18 ? 1 : 7)
        for (int64_t n = 1; n < 70; n += n < 18 ? 1 : 7) check_turn(rows, n);
}

static void pairs(void **state)
{
    anl__bf16 a[67], b[67], to[136];
    (void)state;
    for (int i = 0; i < 67; i++) a[i] = (anl__bf16)(3 * i), b[i] = (anl__bf16)(5 * i + 1);
    for (int n = 0; n <= 67; n++) {
        memset(to, 0x77, sizeof to);
        anl__pairs16(a, b, n, to);
        for (int i = 0; i < 136; i++) assert_int_equal(to[i], i >= 2 * n ? UNTOUCHED : i % 2 ? b[i / 2] : a[i / 2]);
    }
}

/* `along`: the column's rows lie one number apart. */
static void check_pack(bool along, int64_t first, int64_t k, int64_t live, int wide)
{
    int64_t ld = 16 * wide, row_step = along ? 1 : live + 2, column_step = along ? k + 3 : 1, size = (first + k + 1) / 2 * 2 * ld;
    float *w = malloc(sizeof *w * (size_t)((k + 3) * (live + 2)));
    anl__bf16 *to = untouched(size), *want = untouched(size);
    assert_non_null(w);
    for (int64_t i = 0; i < (k + 3) * (live + 2); i++) w[i] = (float)(i * 7919 % 1013 - 500) / 97;
    for (int64_t q = 0; q < k; q++)
        for (int64_t j = 0; j < 16; j++)
            want[(first + q) / 2 * 2 * ld + 2 * j + (first + q) % 2] = j < live ? anl__to_bf16(w[q * row_step + j * column_step]) : 0;
    anl__pack16(w, row_step, column_step, first, k, live, to, ld);
    for (int64_t i = 0; i < size; i++)
        if (to[i] != want[i])
            fail_msg("%s, rows %lld from %lld on, %lld live: number %lld", along ? "along" : "across", (long long)k, (long long)first,
                     (long long)live, (long long)i);
    free(w);
    free(to);
    free(want);
}

static void packed(void **state)
{
    static const int64_t lives[] = {1, 7, 15, 16}, firsts[] = {0, 3, 32};
    (void)state;
    for (int64_t k = 0; k < 100; k += k < 34 ? 1 : 9)
        for (int l = 0; l < 4; l++)
            for (int f = 0; f < 3; f++)
                for (int along = 0; along < 2; along++) check_pack(along, firsts[f], k, lives[l], 1 + f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(turned), cmocka_unit_test(pairs), cmocka_unit_test(packed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
