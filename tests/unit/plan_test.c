/* plan.c: intervals that are alive together never share bytes; the arena is no smaller than what is alive at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/philox.h"
#include "graph/passes.h"

static void check(anl_ctx *ctx, anl__interval *iv, int n, bool share)
{
    size_t arena, peak;
    anl__interval again[64];
    memcpy(again, iv, sizeof *iv * (size_t)n);
    assert_int_equal(anl__plan(ctx, iv, n, 64, share, &arena, &peak), ANL_OK);
    assert_true(arena >= peak);
    for (int a = 0; a < n; a++) {
        assert_true(iv[a].offset % 64 == 0);
        assert_true(iv[a].offset + iv[a].bytes <= arena);
        for (int b = 0; b < a; b++) {
            bool together = !share || (iv[a].first <= iv[b].last && iv[b].first <= iv[a].last);
            bool apart = iv[a].offset + iv[a].bytes <= iv[b].offset || iv[b].offset + iv[b].bytes <= iv[a].offset || !iv[a].bytes || !iv[b].bytes;
            assert_true(!together || apart);
        }
    }
    size_t arena2;
    assert_int_equal(anl__plan(ctx, again, n, 64, share, &arena2, NULL), ANL_OK);
    assert_int_equal(arena, arena2);
    for (int a = 0; a < n; a++) assert_int_equal(iv[a].offset, again[a].offset);
}

static void random_plans(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (uint32_t seed = 0; seed < 300; seed++) {
        anl__interval iv[64];
        int n = (int)(anl__philox(seed, 0, 0, 0, 9).v[0] % 64);
        for (int i = 0; i < n; i++) {
            anl__u32x4 r = anl__philox(seed, (uint32_t)i, 1, 0, 9);
            int first = (int)(r.v[0] % 40);
            iv[i] = (anl__interval){.bytes = r.v[1] % 3 ? r.v[1] % 5000 : 0, .first = first, .last = first + (int)(r.v[2] % 12)};
        }
        check(ctx, iv, n, seed % 5 != 0);
    }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

/* A chain a -> b -> c needs room for two neighbours only. */
static void chain(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__interval iv[10];
    size_t arena, peak;
    for (int i = 0; i < 10; i++) iv[i] = (anl__interval){.bytes = 1024, .first = i, .last = i + 1};
    assert_int_equal(anl__plan(ctx, iv, 10, 64, true, &arena, &peak), ANL_OK);
    assert_int_equal(arena, 2048);
    assert_int_equal(peak, 2048);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_plans), cmocka_unit_test(chain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
