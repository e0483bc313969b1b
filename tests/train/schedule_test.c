/* Schedules against their definitions, plateau against a written-out history, cadence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/train/cadence.h"
#include "runtime/train/schedule.h"

#include <math.h>
#include <string.h>

enum { EPOCH = 10, TOTAL = 100 };

static void near(double got, double want) { assert_true(fabs(got - want) <= 1e-12 * (fabs(want) + 1e-3)); }

static double rate(const anl__schedule *s, int64_t step) { return anl__schedule_rate(s, 0.5, step, TOTAL, EPOCH); }

static void test_shapes(void **state)
{
    (void)state;
    static const double milestones[] = {3, 7};
    anl__schedule s = anl__schedule_default();
    near(rate(&s, 0), 0.5);
    near(rate(&s, 99), 0.5);
    s.name = "step";
    s.every = 4;
    near(rate(&s, 39), 0.5);
    near(rate(&s, 40), 0.05);
    near(rate(&s, 80), 0.005);
    s.name = "multistep";
    s.milestone = milestones;
    s.n_milestone = 2;
    near(rate(&s, 29), 0.5);
    near(rate(&s, 30), 0.05);
    near(rate(&s, 70), 0.005);
    s.name = "exponential";
    s.gamma = 0.5;
    near(rate(&s, 35), 0.5 / 8);
    s.name = "cosine";
    s.final = 0.1;
    near(rate(&s, 0), 0.5);
    near(rate(&s, 50), 0.5 * 0.55);
    near(rate(&s, 100), 0.05);
    s.name = "polynomial";
    s.power = 2;
    s.final = 0;
    near(rate(&s, 50), 0.125);
    s.name = "one-cycle";
    s.peak_at = 0.25;
    s.div = 10;
    near(rate(&s, 0), 0.05);
    near(rate(&s, 25), 0.5);
    near(rate(&s, 100), 0);
}

static void test_warmup(void **state)
{
    (void)state;
    anl__schedule s = anl__schedule_default();
    s.name = "cosine";
    s.warmup = 2;
    near(rate(&s, 0), 0.5 / 20);
    near(rate(&s, 19), 0.5);
    near(rate(&s, 20), 0.5);
    near(rate(&s, 60), 0.25);
}

static void test_plateau(void **state)
{
    (void)state;
    anl__schedule s = anl__schedule_default();
    anl__plateau p = anl__plateau_start();
    s.name = "plateau";
    s.patience = 1;
    s.cooldown = 1;
    s.factor = 0.5;
    static const struct { double value; bool reduced; } history[] = {
        {1.0, false}, {0.9, false}, {0.95, false}, {0.92, true}, {0.91, false} /* cooling */, {0.91, false}, {0.91, true}, {0.5, false}};
    for (size_t i = 0; i < sizeof history / sizeof history[0]; i++) assert_int_equal(anl__plateau_see(&s, &p, history[i].value, true), history[i].reduced);
    near(p.factor, 0.25);
    near(p.best, 0.5);
    p = anl__plateau_start(); /* larger is better */
    assert_false(anl__plateau_see(&s, &p, 0.7, false));
    assert_false(anl__plateau_see(&s, &p, 0.8, false));
    near(p.best, 0.8);
}

static void test_refusals(void **state)
{
    (void)state;
    static const double wrong[] = {5, 5};
    anl_ctx *ctx = anl_ctx_create();
    anl__schedule s = anl__schedule_default();
    s.name = "cosin";
    assert_int_equal(anl__schedule_check(ctx, &s), ANL_RECIPE);
    assert_non_null(strstr(anl_last_error(ctx), "cosine"));
    s.name = "multistep";
    assert_int_equal(anl__schedule_check(ctx, &s), ANL_RECIPE);
    s.milestone = wrong;
    s.n_milestone = 2;
    assert_int_equal(anl__schedule_check(ctx, &s), ANL_RECIPE);
    s = anl__schedule_default();
    s.warmup = NAN;
    assert_int_equal(anl__schedule_check(ctx, &s), ANL_RECIPE);
    anl_ctx_destroy(ctx);
}

static void test_cadence(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    anl__cadence c;
    assert_int_equal(anl__cadence_parse(ctx, "3 steps", &c), ANL_OK);
    assert_false(anl__cadence_due(&c, 1e9, 2, -1, 0));
    assert_true(anl__cadence_due(&c, 0, 3, -1, 0));
    assert_int_equal(anl__cadence_parse(ctx, "2 epochs", &c), ANL_OK);
    assert_false(anl__cadence_due(&c, 1e9, 2, -1, 0));
    assert_false(anl__cadence_due(&c, 0, 2, 1, 0));
    assert_true(anl__cadence_due(&c, 0, 2, 4, 0));
    assert_int_equal(anl__cadence_parse(ctx, "1.5 minutes", &c), ANL_OK);
    assert_false(anl__cadence_due(&c, 89, 1, -1, 0));
    assert_true(anl__cadence_due(&c, 90, 1, -1, 0));
    assert_int_equal(anl__cadence_parse(ctx, "auto", &c), ANL_OK);
    assert_false(anl__cadence_due(&c, 9, 1, -1, 0));
    assert_true(anl__cadence_due(&c, 10, 1, -1, 0.1));
    assert_false(anl__cadence_due(&c, 50, 1, -1, 2)); /* 2 s of writing: 3.5 % of 57 s */
    assert_true(anl__cadence_due(&c, 58, 1, -1, 2));
    assert_true(anl__cadence_due(&c, 100, 1, -1, 60)); /* the 2 minutes come first */
    static const char *const bad[] = {"", "0", "-3", "3.5", "1.5 steps", "2 fortnights", "steps", "auto 3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(anl__cadence_parse(ctx, bad[i], &c), ANL_RECIPE);
        assert_non_null(strstr(anl_last_error(ctx), "checkpoint.every"));
    }
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes), cmocka_unit_test(test_warmup), cmocka_unit_test(test_plateau), cmocka_unit_test(test_refusals), cmocka_unit_test(test_cadence)};
    return cmocka_run_group_tests_name("train/schedule", tests, NULL, NULL);
}
