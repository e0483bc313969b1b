/* base/: messages, memory, text, digests, files, the pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/philox.h"
#include "base/pool.h"
#include "tests/common/scratch.h"

static void digests(void **state)
{
    (void)state;
    char hex[65];
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, "abc", 3);
    anl__sha256_hex(&s, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    anl__sha256_init(&s); /* a million 'a' in uneven pieces */
    char *a = malloc(1000000);
    memset(a, 'a', 1000000);
    for (size_t at = 0, step = 1; at < 1000000; at += step, step = step % 997 + 1) anl__sha256_add(&s, a + at, at + step < 1000000 ? step : 1000000 - at);
    anl__sha256_hex(&s, hex);
    free(a);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_int_equal(anl__crc32c(0, "123456789", 9), 0xe3069283);
}

/* Known answers of Random123's kat_vectors. */
static void philox(void **state)
{
    (void)state;
    anl__u32x4 r = anl__philox(0, 0, 0, 0, 0);
    assert_int_equal(r.v[0], 0x6627e8d5);
    assert_int_equal(r.v[3], 0x9b00dbd8);
    r = anl__philox(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
    assert_int_equal(r.v[0], 0x408f276d);
    assert_int_equal(r.v[3], 0x6d5451fd);
}

static void memory(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    int64_t *list = NULL, cap = 0;
    assert_int_equal(anl__grow(ctx, &list, &cap, 100, sizeof *list), ANL_OK);
    assert_true(cap >= 100);
    anl__inject(ctx, ANL__INJECT_ALLOC, 1);
    assert_int_equal(anl__grow(ctx, &list, &cap, 1000, sizeof *list), ANL_NOMEM);
    assert_non_null(strstr(anl_last_error(ctx), "no memory"));
    anl__inject(ctx, ANL__INJECT_ALLOC, 0);
    assert_null(anl__calloc(ctx, SIZE_MAX / 2, 4));
    anl__free(ctx, list);
    anl__arena *a;
    assert_int_equal(anl__arena_create(ctx, &a), ANL_OK);
    for (int i = 0; i < 1000; i++) assert_true(((uintptr_t)anl__arena_alloc(a, (size_t)i * 7) & 15) == 0);
    assert_string_equal(anl__arena_printf(a, "%d-%s", 7, "x"), "7-x");
    anl__arena_destroy(a);
    anl__buf b;
    anl__buf_init(&b, ctx);
    for (int i = 0; i < 100; i++) anl__buf_add(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3);
    anl__buf_release(&b);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void messages(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    assert_int_equal(anl__fail(ctx, ANL_SHAPE, "%d", 5), ANL_SHAPE);
    assert_int_equal(anl__context(ctx, ANL_SHAPE, "layer %s", "fc"), ANL_SHAPE);
    assert_string_equal(anl_last_error(ctx), "layer fc: 5");
    const char *names[] = {"learning-rate", "momentum", "epochs"};
    char fit[4 * 5 + 1];
    assert_string_equal(anl__text_fit("gr\xc3\xbc\xc3\x9f" "e und", 5, fit), "gr\xc3\xbc\xc3\x9f" "e");
    assert_string_equal(anl__text_fit("\xc3\xa4", 5, fit), "\xc3\xa4    ");
    assert_string_equal(anl__text_fit("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 5, fit), "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80");
    assert_string_equal(anl__nearest("momentun", names, 3), "momentum");
    assert_null(anl__nearest("zzz", names, 3));
    assert_string_equal(anl_status_name(ANL_IO), "IO");
    anl_ctx_destroy(ctx);
}

static void files(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 8];
    void *data;
    size_t n;
    assert_true(scratch_make(dir, "base"));
    snprintf(path, sizeof path, "%s/a/b", dir);
    assert_int_equal(anl__dir_make(ctx, path), ANL_OK);
    snprintf(path, sizeof path, "%s/a/b/f", dir);
    assert_int_equal(anl__file_replace(ctx, path, "old", 3), ANL_OK);
    for (int kind = ANL__INJECT_WRITE; kind < ANL__INJECT_COUNT; kind++) {
        anl__inject(ctx, (anl__inject_kind)kind, 1);
        assert_int_equal(anl__file_replace(ctx, path, "new", 3), ANL_IO);
        anl__inject(ctx, (anl__inject_kind)kind, 0);
        assert_int_equal(anl__file_read(ctx, path, 0, &data, &n), ANL_OK);
        assert_string_equal(data, "old");
        anl__free(ctx, data);
    }
    assert_int_equal(anl__file_read(ctx, path, 2, &data, &n), ANL_IO);
    assert_int_equal(anl__file_read(ctx, dir, 0, &data, &n), ANL_IO);
    unlink(path);
    char line[800]; /* a pipe tells no size */
    snprintf(line, sizeof line, "mkfifo %s && (head -c 300000 /dev/zero > %s &)", path, path);
    assert_int_equal(system(line), 0);
    assert_int_equal(anl__file_read(ctx, path, 0, &data, &n), ANL_OK);
    assert_int_equal(n, 300000);
    anl__free(ctx, data);
    snprintf(line, sizeof line, "(head -c 300000 /dev/zero > %s 2> /dev/null &)", path);
    assert_int_equal(system(line), 0);
    assert_int_equal(anl__file_read(ctx, path, 1000, &data, &n), ANL_IO);
    assert_true(scratch_remove(dir));
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static _Atomic int hits[1000];
static void hit(void *arg, int task, int worker)
{
    (void)worker;
    atomic_fetch_add(&hits[task], *(int *)arg);
}

static void pool(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (int threads = 1; threads <= 3; threads++) {
        anl__pool *p;
        int one = 1;
        assert_int_equal(anl__pool_create(ctx, threads, &p), ANL_OK);
        assert_int_equal(anl__pool_size(p), threads);
        memset(hits, 0, sizeof hits);
        for (int round = 0; round < 500; round++) anl__pool_run(p, round % 1000 + 1, hit, &one);
        for (int t = 0; t < 500; t++) assert_int_equal(hits[t], 500 - t);
        anl__pool_destroy(p);
    }
    anl_ctx_destroy(ctx);
}

/* Each task writes its place, all meet, each reads every place, all meet again. */
typedef struct meeting { anl__barrier b; int n, place[3], wrong[3]; } meeting;

static void meet(void *arg, int task, int worker)
{
    meeting *m = arg;
    (void)worker;
    for (int round = 1; round <= 300; round++) {
        m->place[task] = round * (task + 1);
        anl__barrier_wait(&m->b);
        for (int i = 0; i < m->n; i++) m->wrong[task] += m->place[i] != round * (i + 1);
        anl__barrier_wait(&m->b);
    }
}

static void barrier(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    for (int threads = 1; threads <= 3; threads++)
        for (int n = 1; n <= threads; n++) {
            anl__pool *p;
            meeting m = {.n = n};
            assert_int_equal(anl__pool_create(ctx, threads, &p), ANL_OK);
            anl__barrier_init(&m.b, n);
            anl__pool_run(p, n, meet, &m);
            for (int i = 0; i < n; i++) assert_int_equal(m.wrong[i], 0);
            anl__pool_destroy(p);
        }
    anl_ctx_destroy(ctx);
}

/* Set to nothing is not set. */
static void environment(void **state)
{
    (void)state;
    unsetenv("ANNEAL_TEST_WORD");
    assert_null(anl__environment("ANNEAL_TEST_WORD"));
    setenv("ANNEAL_TEST_WORD", "", 1);
    assert_null(anl__environment("ANNEAL_TEST_WORD"));
    setenv("ANNEAL_TEST_WORD", "a", 1);
    assert_string_equal(anl__environment("ANNEAL_TEST_WORD"), "a");
    unsetenv("ANNEAL_TEST_WORD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(digests), cmocka_unit_test(philox), cmocka_unit_test(memory),
                                       cmocka_unit_test(messages), cmocka_unit_test(files), cmocka_unit_test(pool),
                                       cmocka_unit_test(barrier), cmocka_unit_test(environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
