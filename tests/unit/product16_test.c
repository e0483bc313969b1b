/* Products of bf16: what this processor has, and the tiles of AMX in plain C (so that their bookkeeping is tested everywhere; the
 * instructions themselves only where they are), against sums in double. */
#include "kernels/common/cpu.h"
#include "kernels/common/product16.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Tiles as the processor's manual has them: rows of bytes; what lies outside a tile's shape stays zero. */
static struct tile { int rows, bytes; unsigned char at[16][64]; } tile[8];

static void tile_load(int t, const void *p, size_t stride)
{
    for (int i = 0; i < tile[t].rows; i++) memcpy(tile[t].at[i], (const char *)p + (size_t)i * stride, (size_t)tile[t].bytes);
}

static void tile_store(int t, void *p, size_t stride)
{
    for (int i = 0; i < tile[t].rows; i++) memcpy((char *)p + (size_t)i * stride, tile[t].at[i], (size_t)tile[t].bytes);
}

static void tile_add(int c, int a, int b)
{
    assert_int_equal(tile[c].rows, tile[a].rows);
    assert_int_equal(tile[a].bytes / 4, tile[b].rows);
    for (int m = 0; m < tile[c].rows; m++)
        for (int n = 0; n < tile[c].bytes / 4; n++) {
            float sum;
            memcpy(&sum, tile[c].at[m] + 4 * n, 4);
            for (int k = 0; k < tile[b].rows; k++)
                for (int h = 0; h < 2; h++) {
                    anl__bf16 x, y;
                    memcpy(&x, tile[a].at[m] + 4 * k + 2 * h, 2);
                    memcpy(&y, tile[b].at[k] + 4 * n + 2 * h, 2);
                    sum += anl__from_bf16(x) * anl__from_bf16(y);
                }
            memcpy(tile[c].at[m] + 4 * n, &sum, 4);
        }
}

typedef struct tile_config { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } tile_config;
#define AMX_TARGET
#define TILE_CONFIG(p)                                                                                    \
    do {                                                                                                  \
        assert_int_equal(sizeof(tile_config), 64);                                                        \
        for (int q_ = 0; q_ < 8; q_++) tile[q_] = (struct tile){.rows = (p)->rows[q_], .bytes = (p)->bytes[q_]}; \
    } while (0)
#define TILE_ZERO(t) memset(tile[t].at, 0, sizeof tile[t].at)
#define TILE_LOAD(t, p, bytes) tile_load(t, p, bytes)
#define TILE_ADD(c, a, b) tile_add(c, a, b)
#define TILE_STORE(t, p, bytes) tile_store(t, p, bytes)
#include "kernels/common/product_amx.h"

static void run(const anl__product16 *p, int64_t rows, int64_t k, const uint16_t *a, int64_t lda, const uint16_t *b, int wide, float *c, int64_t ldc, bool add)
{
    if (p) anl__product16_rows(p, rows, k, a, lda, b, wide, c, ldc, add);
    else amx_rows(rows, k, a, lda, b, wide, c, ldc, add);
}

static uint16_t *filled(int64_t n, int64_t seed)
{
    uint16_t *v = malloc(sizeof *v * (size_t)n);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++) v[i] = anl__to_bf16((float)(((i + seed) * 7919 + 13) % 101 - 50) / 64);
    return v;
}

static void check(const anl__product16 *p, int64_t rows, int64_t k, int wide, bool add)
{
    int64_t strip = ANL__COLUMN * wide, ldc = strip + 3, lda = k + 6;
    uint16_t *a = filled(rows * lda - 6, 1), *b = filled(k * strip, 2);
    float *c = malloc(sizeof *c * (size_t)(rows * ldc));
    assert_non_null(c);
    for (int64_t i = 0; i < rows * ldc; i++) c[i] = (float)(i % 17);
    run(p, rows, k, a, lda, b, wide, c, ldc, add);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ldc; j++) {
            double sum = add || j >= strip ? (double)((i * ldc + j) % 17) : 0;
            for (int64_t q = 0; q < k && j < strip; q++)
                sum += (double)anl__from_bf16(a[i * lda + q]) * (double)anl__from_bf16(b[q / 2 * 2 * strip + 2 * j + q % 2]);
            if (fabs(sum - (double)c[i * ldc + j]) > 1e-5 * (double)k)
                fail_msg("%s: %lld x %lld, %d wide: row %lld column %lld is %g, not %g", p ? anl__product16_name(p) : "tiles", (long long)rows, (long long)k, wide,
                         (long long)i, (long long)j, (double)c[i * ldc + j], sum);
        }
    free(a);
    free(b);
    free(c);
}

/* Shapes follow one another as they come, now and then after an end: what a call finds set up is not its business. */
static void check_set(const anl__product16 *p)
{
    for (int wide = 1; wide <= 4; wide++)
        for (int64_t rows = 1; rows <= 70; rows += rows < 18 ? 1 : 13)
            for (int add = 0; add < 2; add++) {
                check(p, rows, 32 * (1 + rows % 3), wide, add);
                if (p && rows % 5 == 0) anl__product16_end(p);
            }
    check(p, 5, 2080, 4, false);
    check(p, 33, 2080, 3, true);
}

static void tiles(void **state)
{
    (void)state;
    check_set(NULL);
}

static void every_set(void **state)
{
    static const char *const name[] = {"amx", "avx512bf16"};
    int sets = 0;
    (void)state;
    for (int s = 0; s < 2; s++) {
        const anl__product16 *p = anl__product16_named(name[s]);
        if (!p) continue;
        check_set(p);
        sets++;
    }
    if (sets) return;
    print_message("skipped: this processor multiplies no bf16\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tiles), cmocka_unit_test(every_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
