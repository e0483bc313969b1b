/* The reduction order: for every number of replicas the same tree, split at the largest power of two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/dist/reduce.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 16, TEXT = 512 };

static void expected(int a, int b, char *out)
{
    char left[TEXT] = "", right[TEXT] = "";
    int half = 1;
    if (b - a == 1) {
        snprintf(out, TEXT, "%d", a);
        return;
    }
    while (half * 2 < b - a) half *= 2;
    expected(a, a + half, left);
    expected(a + half, b, right);
    snprintf(out, TEXT, "(%.250s+%.250s)", left, right);
}

/* Runs the operations on texts: local ones replica by replica, as they may in truth be interleaved. */
static void simulate(const anl__reduce *r, int ranks, char *out)
{
    static char slab[MOST][ANL__MOST_SLABS][TEXT];
    memset(slab, 0, sizeof slab);
    for (int pass = 0; pass <= ranks; pass++)
        for (int i = pass < ranks ? 0 : r->n_local; i < (pass < ranks ? r->n_local : r->n); i++) {
            const anl__reduce_op *o = &r->op[i];
            char *dst = slab[o->rank][o->slab];
            if (pass < ranks && o->rank != pass) continue;
            if (pass < ranks) assert_true(o->shard >= 0 || o->src_rank == o->rank);
            if (o->shard >= 0) {
                snprintf(dst, TEXT, "%d", o->shard);
                continue;
            }
            char sum[2 * TEXT + 4], *src = slab[o->src_rank][o->src_slab];
            assert_true(dst[0] && src[0]);
            snprintf(sum, sizeof sum, "(%s+%s)", dst, src);
            assert_true(strlen(sum) < TEXT);
            memcpy(dst, sum, strlen(sum) + 1);
            src[0] = 0; /* used up */
        }
    memcpy(out, slab[0][r->root], TEXT);
}

static void test_every_count(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (int shards = 1; shards <= MOST; shards++)
        for (int used = 1; used <= shards; used++)
            for (int ranks = 1; ranks <= shards; ranks++) {
                char want[TEXT], got[TEXT];
                anl__reduce r;
                int log = 0;
                while ((1 << log) < used) log++;
                assert_int_equal(anl__reduce_make(ctx, shards, used, ranks, &r), ANL_OK);
                expected(0, used, want);
                simulate(&r, ranks, got);
                assert_string_equal(got, want);
                if (ranks == 1) assert_true(r.slabs <= log + 1);
                anl__reduce_release(ctx, &r);
            }
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_owner(void **state)
{
    (void)state;
    int count[3] = {0};
    for (int s = 0; s < 8; s++) {
        int r = anl__reduce_owner(8, 3, s);
        assert_in_range(r, 0, 2);
        count[r]++;
        if (s) assert_true(r >= anl__reduce_owner(8, 3, s - 1));
    }
    assert_int_equal(count[0], 3);
    assert_int_equal(count[1], 3);
    assert_int_equal(count[2], 2);
}

static void test_refusals(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__reduce r;
    assert_int_equal(anl__reduce_make(ctx, 2, 2, 3, &r), ANL_INVALID);
    assert_non_null(strstr(anl_last_error(ctx), "train.shards = 2"));
    assert_int_equal(anl__reduce_make(ctx, 0, 1, 1, &r), ANL_INVALID);
    assert_int_equal(anl__reduce_make(ctx, 5000, 1, 1, &r), ANL_INVALID);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_count), cmocka_unit_test(test_owner), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("dist/reduce", tests, NULL, NULL);
}
