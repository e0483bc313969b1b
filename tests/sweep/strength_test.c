/* How good the samplers are, on seven functions, 100 trials each. The bounds are the upper quartiles, over 20
 * seeds, of a reference multivariate TPE (docs/sweeps.md); the full table is bench/sampler_table's.
 */
#include "fixture.h"

static const struct {
    const char *name;
    double median, upper;
} reference[] = {
    {"sphere5", 0.263, 0.387}, {"rosen5", 89.9, 187},   {"ackley5", 6.95, 7.52},  {"rastrigin5", 26.8, 32.0},
    {"branin", 0.417, 0.428},  {"hart6", -3.23, -3.15}, {"mixed", 0.0029, 0.081},
};

static const problem *find(const char *name)
{
    for (const problem *p = problems; p->name; p++)
        if (!strcmp(p->name, name)) return p;
    fail_msg("no problem %s", name);
    return NULL;
}

static double median_best(anl_ctx *ctx, const char *name, const char *with, int seeds)
{
    double last[20];
    for (int k = 0; k < seeds; k++) {
        last[k] = problem_search(ctx, find(name), with, (uint64_t)k, 100, NULL, NULL);
        if (isnan(last[k])) fail_msg("%s, %s: %s", name, with, anl_last_error(ctx));
    }
    return percentile(last, seeds, 50);
}

static void test_tpe(void **state)
{
    for (size_t i = 0; i < sizeof reference / sizeof reference[0]; i++) {
        double m = median_best(*state, reference[i].name, "tpe", 20);
        if (!(m <= reference[i].upper))
            fail_msg("tpe on %s: the median best is %g, above %g", reference[i].name, m, reference[i].upper);
    }
}

/* Better than the reference's median, with fewer seeds: a proposal takes milliseconds. */
static void test_gp(void **state)
{
    enum { SEEDS = 3 };
    assert_true(median_best(*state, "branin", "gp", SEEDS) < 0.417);
    assert_true(median_best(*state, "hart6", "gp", SEEDS) < -3.23);
}

/* Evenly spread points are no worse than random ones, models are better than both. */
static void test_others(void **state)
{
    double random = median_best(*state, "hart6", "random", 20);
    assert_true(median_best(*state, "hart6", "cmaes", 20) < random - 0.5);
    assert_true(median_best(*state, "branin", "sobol", 20) < median_best(*state, "branin", "random", 20));
    assert_true(median_best(*state, "branin", "cmaes", 20) < 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {sweep_test(test_tpe), sweep_test(test_gp), sweep_test(test_others)};
    return cmocka_run_group_tests_name("sweep/strength", tests, NULL, NULL);
}
