/* Nothing is allocated in a step: malloc and its relatives are interposed for the whole process, every thread; calls that come
 * from our code are counted after a warm-up. What oneDNN's execute allocates for its own argument list is the library's and
 * is told apart by the caller's address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSED 0
#else
#define INTERPOSED 1
#endif

static _Atomic int counting;
static _Atomic long ours, others;

#if INTERPOSED
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

static void *base_of(const void *code)
{
    Dl_info i;
    return dladdr(code, &i) ? i.dli_fbase : NULL;
}

static void count(const void *caller)
{
    if (!atomic_load(&counting)) return;
    atomic_fetch_add(base_of(caller) == base_of((const void *)(uintptr_t)&base_of) ? &ours : &others, 1);
}

/* Not inlined here: the caller's address is asked for. */
#define WRAPPER __attribute__((noinline))
WRAPPER void *malloc(size_t n)
{
    count(__builtin_return_address(0));
    return __libc_malloc(n);
}

WRAPPER void *calloc(size_t n, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, size);
}

WRAPPER void *realloc(void *p, size_t n)
{
    count(__builtin_return_address(0));
    return __libc_realloc(p, n);
}

WRAPPER void *aligned_alloc(size_t align, size_t n)
{
    count(__builtin_return_address(0));
    return __libc_memalign(align, n);
}

WRAPPER int posix_memalign(void **p, size_t align, size_t n)
{
    count(__builtin_return_address(0));
    *p = __libc_memalign(align, n);
    return *p ? 0 : 12;
}
#endif

static void steps(const char *device, int shards, int lanes)
{
    toy data, valid;
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t;
    toy_make(&data, 50, 20, true);
    toy_make(&valid, 24, 20, false);
    anl__trainer_opts o = toy_opts(&data, &valid);
    o.device = device;
    o.shards = shards;
    o.lanes = lanes;
    o.optim.ema = 0.9;
    if (anl__trainer_create(ctx, &o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    anl__feed f = toy_feed(&data), v = toy_feed(&valid);
    int64_t step = 0;
    atomic_store(&ours, 0);
    for (int epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(f.start(f.self, epoch, 0), ANL_OK);
        for (;;) {
            anl__feed_batch b;
            anl__step_result r;
            assert_int_equal(f.next(f.self, &b), ANL_OK);
            if (!b.n) break;
            atomic_store(&counting, epoch > 0);
            anl_status st = anl__trainer_step(t, &b, ++step, epoch, 0.01, &r);
            atomic_store(&counting, 0);
            assert_int_equal(st, ANL_OK);
        }
        anl__feed_batch b;
        anl__eval_result r;
        assert_int_equal(v.start(v.self, 0, 0), ANL_OK);
        assert_int_equal(v.next(v.self, &b), ANL_OK);
        atomic_store(&counting, epoch > 0);
        anl_status st = anl__trainer_eval(t, &b, true, &r);
        atomic_store(&counting, 0);
        assert_int_equal(st, ANL_OK);
    }
    long n = atomic_load(&ours);
    if (n) fail_msg("%ld allocations of ours in the steps of device %s", n, device);
    anl__trainer_destroy(t);
    toy_free(&data);
    toy_free(&valid);
    anl_ctx_destroy(ctx);
}

static void test_steps(void **state)
{
    (void)state;
    if (!INTERPOSED) {
        print_message("skipped: sanitizers interpose malloc themselves\n");
        skip();
    }
    steps("reference", 1, 1);
    if (!toy_has("cpu", ANL_F32)) skip();
    steps("cpu", 1, 1);
    steps("cpu", 4, 2);
    printf("%ld allocations by libraries\n", atomic_load(&others));
}

/* The counter counts. */
static void test_counter(void **state)
{
    (void)state;
    if (!INTERPOSED) {
        print_message("skipped: sanitizers interpose malloc themselves\n");
        skip();
    }
    atomic_store(&ours, 0);
    atomic_store(&counting, 1);
    void *volatile p = malloc(10);
    void *volatile q = NULL;
    int failed = posix_memalign((void **)(uintptr_t)&q, 64, 10);
    atomic_store(&counting, 0);
    free(p);
    free(q);
    assert_int_equal(failed, 0);
    assert_int_equal(atomic_load(&ours), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counter), cmocka_unit_test(test_steps)};
    return cmocka_run_group_tests_name("train/allocation", tests, NULL, NULL);
}
