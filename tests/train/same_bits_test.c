/* The same weights, whatever the threads, lanes, plan, fusion of memory or recomputation: whole training steps, a short last batch included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <string.h>

enum { SAMPLES = 45, BATCH = 20, STEPS_EPOCH = 3, EPOCHS = 2 };

static void train(const anl__trainer_opts *o, char hex[65], double *loss)
{
    toy data;
    anl__trainer *t;
    anl_ctx *ctx = anl_ctx_create();
    toy_make(&data, SAMPLES, BATCH, true);
    anl__feed f = toy_feed(&data);
    if (anl__trainer_create(ctx, o, &t) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(anl__trainer_init(t), ANL_OK);
    int64_t step = 0;
    double num = 0, den = 0;
    for (int64_t e = 0; e < EPOCHS; e++) {
        assert_int_equal(f.start(f.self, e, 0), ANL_OK);
        for (;;) {
            anl__feed_batch b;
            anl__step_result r;
            assert_int_equal(f.next(f.self, &b), ANL_OK);
            if (!b.n) break;
            if (anl__trainer_step(t, &b, ++step, e, 0.01, &r) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
            assert_true(r.finite);
            if (r.loss_den != (double)b.n) fail_msg("step %d: den %g of %d", (int)step, r.loss_den, (int)b.n);
            num += r.loss_num;
            den += r.loss_den;
            f.release(f.self, &b);
        }
    }
    assert_int_equal(step, EPOCHS * STEPS_EPOCH);
    *loss = num / den;
    toy_digest(t, hex);
    anl__trainer_destroy(t);
    toy_free(&data);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static anl__trainer_opts base(int shards)
{
    toy data = {.n = SAMPLES, .batch = BATCH};
    anl__trainer_opts o = toy_opts(&data, NULL);
    o.shards = shards;
    o.optim.ema = 0.9;
    return o;
}

static void expect_same(const anl__trainer_opts *a, const anl__trainer_opts *b)
{
    char ha[65], hb[65];
    double la, lb;
    train(a, ha, &la);
    train(b, hb, &lb);
    assert_string_equal(ha, hb);
    assert_true(la == lb);
}

static void test_twice(void **state)
{
    (void)state;
    anl__trainer_opts a = base(1);
    expect_same(&a, &a);
}

static void test_threads(void **state)
{
    (void)state;
    anl__trainer_opts a = base(1), b = base(1);
    a.device_opts.threads = 1;
    for (int n = 2; n <= 3; n++) {
        b.device_opts.threads = n;
        expect_same(&a, &b);
    }
}

static void test_plan(void **state)
{
    (void)state;
    anl__trainer_opts a = base(1), b = base(1);
    b.plan = false;
    expect_same(&a, &b);
}

/* Eight shards on 1, 2, 3, 4 and 8 replicas, one after the other or beside each other. The short batch has 5 samples, so
   three shards are empty there. */
/* What is cheap is made anew in the backward pass: dropout's masks too, over shards and lanes. */
static void test_recompute(void **state)
{
    (void)state;
    for (int shards = 1; shards <= 4; shards += 3) {
        anl__trainer_opts a = base(shards), b = base(shards);
        b.recompute = true;
        b.lanes = shards > 1 ? 2 : 1;
        expect_same(&a, &b);
        a.rewrite = b.rewrite = false;
        expect_same(&a, &b);
    }
}

static void test_replicas(void **state)
{
    (void)state;
    static const int counts[] = {2, 3, 4, 8};
    anl__trainer_opts a = base(8), b = base(8);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        b.lanes = counts[i];
        expect_same(&a, &b);
    }
}

/* The same on 2, 3, 4 and 8 devices that exchange gradients; where the kind of device is one, the trainer says so. */
static void test_devices(void **state)
{
    (void)state;
    static const int counts[] = {2, 3, 4, 8};
    anl_ctx *ctx = anl_ctx_create();
    int there = anl_device_count(ctx, "auto");
    anl__trainer_opts a = base(8), b = base(8);
    if (there < 2) {
        anl__trainer *t;
        b.devices = 2;
        assert_int_equal(anl__trainer_create(ctx, &b, &t), ANL_UNSUPPORTED);
        assert_non_null(strstr(anl_last_error(ctx), "devices: 2 were asked for, but "));
        assert_int_equal(anl__live_blocks(ctx), 0);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0] && counts[i] <= there; i++) {
        b.devices = counts[i];
        expect_same(&a, &b);
    }
    anl_ctx_destroy(ctx);
}

/* Shards change statistics of batch normalisation, and so the result: the test above would see a difference. */
static void test_shards_matter(void **state)
{
    (void)state;
    char ha[65], hb[65];
    double loss;
    anl__trainer_opts a = base(1), b = base(8);
    train(&a, ha, &loss);
    train(&b, hb, &loss);
    assert_string_not_equal(ha, hb);
}

static void test_too_many(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t;
    anl__trainer_opts o = base(2);
    o.lanes = 3;
    assert_int_equal(anl__trainer_create(ctx, &o, &t), ANL_INVALID);
    assert_non_null(strstr(anl_last_error(ctx), "train.shards"));
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_twice), cmocka_unit_test(test_threads), cmocka_unit_test(test_plan), cmocka_unit_test(test_recompute),
                                       cmocka_unit_test(test_replicas), cmocka_unit_test(test_devices),
                                       cmocka_unit_test(test_shards_matter), cmocka_unit_test(test_too_many)};
    return cmocka_run_group_tests_name("train/same_bits", tests, NULL, NULL);
}
