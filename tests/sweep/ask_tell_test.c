/* Ask and tell: the life of a trial, what is refused, and that the search is the samplers' pure function and
 * nothing else. */
#include "fixture.h"

static const space_axis axes[] = {{.name = "x", .low = -5, .high = 5},
                                  {.name = "y", .kind = SPACE_INT, .low = 0, .high = 9}};

static search *make(anl_ctx *ctx, const space *sp, const search_options *o)
{
    search *s = NULL;
    assert_int_equal(search_create(ctx, sp, o, &s), ANL_OK);
    return s;
}

static double value(const double *p) { return pow(p[0] - 1, 2) + fabs(p[1] - 4); }

static void test_life(void **state)
{
    anl_ctx *ctx = *state;
    space *sp;
    search_options o = search_options_default();
    double points[2] = {1.5, 4}, x[2], y, again[60][2];
    trial_result best;
    o.points = points;
    o.n_points = 1;
    o.seed = 9;
    assert_int_equal(space_create(ctx, axes, 2, &sp), ANL_OK);
    for (int round = 0; round < 2; round++) {
        search *s = make(ctx, sp, &o);
        int64_t number;
        assert_int_equal(search_best(s, &best), ANL_INVALID);
        assert_string_equal(anl_last_error(ctx), "search: no trial is complete");
        for (int k = 0; k < 60; k++) {
            assert_int_equal(search_ask(s, &number, x), ANL_OK);
            assert_int_equal(number, k);
            if (k == 0) assert_true(x[0] == 1.5 && x[1] == 4);
            if (round) assert_memory_equal(x, again[k], sizeof x);
            memcpy(again[k], x, sizeof x);
            y = value(x);
            if (k % 10 == 9) assert_int_equal(search_tell(s, k, TRIAL_FAILED, NULL, NULL), ANL_OK);
            else if (k % 10 == 8) assert_int_equal(search_tell_pruned(s, k, 3, y), ANL_OK);
            else assert_int_equal(search_tell(s, k, TRIAL_COMPLETE, &y, NULL), ANL_OK);
        }
        assert_int_equal(search_count(s), 60);
        assert_int_equal(search_best(s, &best), ANL_OK);
        assert_true(best.objective[0] <= 0.25 && best.objective[0] == value(best.values));
        assert_int_equal(search_trial(s, 9).state, TRIAL_FAILED);
        search_free(s);
    }
    space_destroy(sp);
}

static void test_refusals(void **state)
{
    anl_ctx *ctx = *state;
    space *sp;
    search_options o = search_options_default();
    double x[2], y = 1, bad = NAN;
    int64_t number;
    search *s;
    assert_int_equal(space_create(ctx, axes, 2, &sp), ANL_OK);
    o.sampler = "gird";
    assert_int_equal(search_create(ctx, sp, &o, &s), ANL_RECIPE);
    o.sampler = "grid";
    assert_int_equal(search_create(ctx, sp, &o, &s), ANL_RECIPE);
    assert_string_equal(
        anl_last_error(ctx),
        "search space, x: a grid over the continuous range from -5 to 5 needs a step, or grid: N points");
    o.sampler = "tpe";
    s = make(ctx, sp, &o);
    assert_int_equal(search_tell(s, 0, TRIAL_COMPLETE, &y, NULL), ANL_INVALID);
    assert_string_equal(anl_last_error(ctx), "search: there is no trial 0; 0 were asked for");
    assert_int_equal(search_ask(s, &number, x), ANL_OK);
    assert_int_equal(search_tell(s, 0, TRIAL_COMPLETE, NULL, NULL), ANL_INVALID);
    assert_int_equal(search_tell(s, 0, TRIAL_PRUNED, &y, NULL), ANL_INVALID);
    assert_int_equal(search_tell(s, 0, TRIAL_COMPLETE, &bad, NULL), ANL_OK);
    assert_int_equal(search_trial(s, 0).state, TRIAL_FAILED);
    assert_int_equal(search_tell(s, 0, TRIAL_COMPLETE, &y, NULL), ANL_INVALID);
    assert_string_equal(anl_last_error(ctx), "search: trial 0 was told before");
    search_free(s);
    search_free(NULL);
    space_destroy(sp);
}

/* Parallel trials, told out of order; the grid's end. */
static void test_parallel(void **state)
{
    static const space_axis small[] = {{.name = "a", .kind = SPACE_INT, .low = 0, .high = 2},
                                       {.name = "b", .kind = SPACE_INT, .low = 0, .high = 1}};
    anl_ctx *ctx = *state;
    space *sp;
    search_options o = search_options_default();
    double x[6][2], extra[2];
    int64_t number;
    trial_result best;
    assert_int_equal(space_create(ctx, small, 2, &sp), ANL_OK);
    o.sampler = "grid";
    search *s = make(ctx, sp, &o);
    for (int k = 0; k < 6; k++) assert_int_equal(search_ask(s, &number, x[k]), ANL_OK);
    assert_int_equal(search_ask(s, &number, extra), ANL_INVALID);
    assert_int_equal(search_count(s), 6);
    for (int k = 5; k >= 0; k--) {
        double y = fabs(x[k][0] - 1) + x[k][1];
        assert_int_equal(search_tell(s, k, TRIAL_COMPLETE, &y, NULL), ANL_OK);
    }
    assert_int_equal(search_best(s, &best), ANL_OK);
    assert_int_equal(best.number, 2);
    search_free(s);
    space_destroy(sp);
}

/* Results from elsewhere steer, but are not the search's own; several objectives have a front. */
static void test_added(void **state)
{
    anl_ctx *ctx = *state;
    space *sp;
    search_options o = search_options_default();
    double x[2], y[2], sum = 0;
    int64_t number, numbers[40], n;
    trial_result best;
    assert_int_equal(space_create(ctx, axes, 2, &sp), ANL_OK);
    search *s = make(ctx, sp, &o);
    for (int k = 0; k < 40; k++) {
        x[0] = -5 + 0.25 * k;
        x[1] = k % 10;
        y[0] = value(x);
        trial_result r = {.state = TRIAL_COMPLETE, .values = x, .objective = y};
        assert_int_equal(search_add(s, &r), ANL_OK);
    }
    assert_int_equal(search_best(s, &best), ANL_INVALID);
    for (int k = 0; k < 20; k++) {
        assert_int_equal(search_ask(s, &number, x), ANL_OK);
        sum += fabs(x[0] - 1) / 20;
    }
    assert_true(sum < 2);
    search_free(s);
    o.n_objectives = 2;
    o.sampler = "random";
    s = make(ctx, sp, &o);
    for (int k = 0; k < 40; k++) {
        assert_int_equal(search_ask(s, &number, x), ANL_OK);
        y[0] = x[0];
        y[1] = -x[0] + (k % 2 ? 100 : 0);
        assert_int_equal(search_tell(s, number, TRIAL_COMPLETE, y, NULL), ANL_OK);
    }
    assert_int_equal(search_front(s, numbers, &n), ANL_OK);
    assert_true(n >= 20);
    search_free(s);
    space_destroy(sp);
}

static void test_memory(void **state)
{
    anl_ctx *ctx = *state;
    space *sp;
    search_options o = search_options_default();
    assert_int_equal(space_create(ctx, axes, 2, &sp), ANL_OK);
    for (int64_t nth = 1;; nth++) {
        search *s = NULL;
        double x[2], y = 1;
        int64_t number;
        anl__inject(ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = search_create(ctx, sp, &o, &s);
        for (int k = 0; k < 12 && st == ANL_OK; k++) {
            st = search_ask(s, &number, x);
            if (st == ANL_OK) st = search_tell(s, number, TRIAL_COMPLETE, &y, NULL);
        }
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        search_free(s);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    space_destroy(sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {sweep_test(test_life), sweep_test(test_refusals),
                                       sweep_test(test_parallel), sweep_test(test_added),
                                       sweep_test(test_memory)};
    return cmocka_run_group_tests_name("sweep/ask_tell", tests, NULL, NULL);
}
