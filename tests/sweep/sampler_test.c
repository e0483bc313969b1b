/* Samplers: pure functions of what they saw, within the space, in every state that results can have; and each
 * one's own theory. */
#include "fixture.h"

#include "tools/sweep/cholesky.h"
#include "tools/sweep/sobol.h"

static const char *const optimizers[] = {"sgd", "adam", "rmsprop"}, *const sgd[] = {"sgd"};
static const space_axis axes[] = {
    {.name = "lr", .low = 1e-5, .high = 1, .log = true, .grid = 3},
    {.name = "optim", .kind = SPACE_CHOICE, .choice = optimizers, .n_choices = 3},
    {.name = "layers", .kind = SPACE_INT, .low = 1, .high = 6},
    {.name = "batch", .kind = SPACE_INT, .low = 16, .high = 1024, .log = true, .grid = 3},
    {.name = "dropout", .low = 0, .high = 0.5, .step = 0.1},
    {.name = "momentum", .low = 0, .high = 0.99, .grid = 3, .parent = "optim", .when = sgd, .n_when = 1},
    {.name = "fixed", .low = 3, .high = 3},
};
enum { AXES = sizeof axes / sizeof axes[0], TRIALS = 60 };

static space *make(anl_ctx *ctx)
{
    space *sp = NULL;
    assert_int_equal(space_create(ctx, axes, AXES, &sp), ANL_OK);
    return sp;
}

static double loss_of(const double *x)
{
    return pow(log10(x[0]) + 3, 2) + 0.1 * x[2] + x[4] + (x[1] == 0 ? pow(x[5] - 0.9, 2) : 0.3);
}

/* A history with every state, and values that are not finite. */
static void history(anl_ctx *ctx, const space *sp, trial_result *seen, double values[][AXES],
                    double *objective)
{
    sampler_task t = {.space = sp, .seed = 5, .n_objectives = 1, .options = sampler_options_default()};
    const sampler *s;
    assert_int_equal(sampler_find(ctx, "random", &s), ANL_OK);
    for (int k = 0; k < TRIALS; k++) {
        assert_int_equal(sampler_propose(ctx, s, &t, k, NULL, 0, values[k]), ANL_OK);
        objective[k] = k % 13 == 5 ? NAN : loss_of(values[k]);
        seen[k] = (trial_result){
            .number = k - 5, .state = TRIAL_COMPLETE, .values = values[k], .objective = &objective[k]};
        if (k % 7 == 3)
            seen[k] = (trial_result){.number = k - 5,
                                     .state = TRIAL_PRUNED,
                                     .values = values[k],
                                     .step = k % 4,
                                     .intermediate = k % 2 ? NAN : objective[k] + 1};
        if (k % 11 == 4)
            seen[k] = (trial_result){.number = k - 5, .state = TRIAL_FAILED, .values = values[k]};
        if (k % 9 == 8)
            seen[k] = (trial_result){.number = k - 5, .state = TRIAL_RUNNING, .values = values[k]};
    }
}

/* Same inputs, same bits, in any order of calls; other seeds and numbers, other points; always a valid point.
 */
static void test_pure(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    static double values[TRIALS][AXES], objective[TRIALS];
    trial_result seen[TRIALS];
    double a[AXES], b[AXES];
    history(ctx, sp, seen, values, objective);
    for (int i = 0; samplers[i]; i++) {
        const sampler *s = samplers[i];
        sampler_task t = {.space = sp, .seed = 1, .n_objectives = 1, .options = sampler_options_default()};
        int other_number = 0, other_seed = 0;
        t.options.population = 8;
        assert_int_equal(sampler_check(ctx, s, &t), ANL_OK);
        for (int n = 0; n <= TRIALS; n += 6) {
            assert_int_equal(sampler_propose(ctx, s, &t, 60 + n, seen, n, a), ANL_OK);
            assert_int_equal(space_check(ctx, sp, a), ANL_OK);
            assert_int_equal(sampler_propose(ctx, s, &t, 61 + n, seen, n, b), ANL_OK);
            other_number += !space_same(sp, a, b);
            t.seed = 2;
            assert_int_equal(sampler_propose(ctx, s, &t, 60 + n, seen, n, b), ANL_OK);
            other_seed += !space_same(sp, a, b);
            t.seed = 1;
            assert_int_equal(sampler_propose(ctx, s, &t, 60 + n, seen, n, b), ANL_OK);
            for (int j = 0; j < AXES; j++) assert_true(a[j] == b[j] || (isnan(a[j]) && isnan(b[j])));
        }
        assert_true(other_number > 8);
        assert_true(!strcmp(s->name, "grid") ? other_seed == 0 : other_seed > 8);
    }
    space_destroy(sp);
}

/* The objective's sign does not matter: maximising minus f is minimising f. */
static void test_maximize(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    static double values[TRIALS][AXES], objective[TRIALS], minus[TRIALS];
    trial_result seen[TRIALS], turned[TRIALS];
    double a[AXES], b[AXES];
    bool up = true;
    history(ctx, sp, seen, values, objective);
    for (int k = 0; k < TRIALS; k++) {
        minus[k] = -objective[k];
        turned[k] = seen[k];
        turned[k].intermediate = -seen[k].intermediate;
        if (seen[k].objective) turned[k].objective = &minus[k];
    }
    for (int i = 0; samplers[i]; i++) {
        sampler_task t = {.space = sp, .seed = 1, .n_objectives = 1, .options = sampler_options_default()};
        t.options.population = 8;
        assert_int_equal(sampler_propose(ctx, samplers[i], &t, 90, seen, TRIALS, a), ANL_OK);
        t.maximize = &up;
        assert_int_equal(sampler_propose(ctx, samplers[i], &t, 90, turned, TRIALS, b), ANL_OK);
        assert_true(space_same(sp, a, b));
    }
    space_destroy(sp);
}

static void test_points_first(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    double points[2][AXES] = {{0.1, 0, 2, 64, 0.1, 0.9, 3}, {0.0123456789, 1, 2, 64, 0.1, NAN, 3}}, a[AXES],
           bad[AXES] = {0.1, 0, 2, 64, 0.15, 0.9, 3};
    sampler_task t = {.space = sp,
                      .n_objectives = 1,
                      .points = points[0],
                      .n_points = 2,
                      .options = sampler_options_default()};
    for (int i = 0; samplers[i]; i++) {
        int64_t limit;
        assert_int_equal(sampler_check(ctx, samplers[i], &t), ANL_OK);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(sampler_propose(ctx, samplers[i], &t, k, NULL, 0, a), ANL_OK);
            assert_true(space_same(sp, a, points[k]));
        }
        assert_int_equal(sampler_limit(ctx, samplers[i], &t, &limit), ANL_OK);
        assert_int_equal(limit, strcmp(samplers[i]->name, "grid") ? -1 : 2 + 3 * 6 * 3 * 6 * (3 + 2));
        if (limit > 0) {
            assert_int_equal(sampler_propose(ctx, samplers[i], &t, limit - 1, NULL, 0, a), ANL_OK);
            assert_int_equal(sampler_propose(ctx, samplers[i], &t, limit, NULL, 0, a), ANL_INVALID);
        }
    }
    t.points = bad;
    t.n_points = 1;
    assert_int_equal(sampler_check(ctx, samplers[1], &t), ANL_RECIPE);
    assert_string_equal(
        anl_last_error(ctx),
        "point 1 of those to be tried first: search space, dropout: 0.15 is not on the steps 0, 0.1, ...");
    space_destroy(sp);
}

static void test_refusals(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    const sampler *s;
    double a[AXES];
    trial_result seen[2] = {{.number = 3, .state = TRIAL_FAILED, .values = a},
                            {.number = 3, .state = TRIAL_FAILED, .values = a}};
    sampler_task t = {.space = sp, .n_objectives = 2, .options = sampler_options_default()};
    assert_int_equal(sampler_find(ctx, "tpa", &s), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "there is no sampler 'tpa', did you mean 'tpe'?; there are: "
                                             "grid, random, sobol, tpe, gp, cmaes, nsga2");
    assert_int_equal(sampler_find(ctx, "gp", &s), ANL_OK);
    assert_int_equal(sampler_check(ctx, s, &t), ANL_RECIPE);
    assert_string_equal(
        anl_last_error(ctx),
        "sampler gp optimises one objective, and there are 2; several: nsga2, tpe, random, sobol, grid");
    t.n_objectives = 1;
    t.n_constraints = 1;
    assert_int_equal(sampler_check(ctx, s, &t), ANL_RECIPE);
    t.n_constraints = 0;
    t.options.startup = 0;
    assert_int_equal(sampler_check(ctx, s, &t), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "sampler: startup is 0 trials and must be 1 or more");
    assert_int_equal(sampler_propose(ctx, s, &t, 5, seen, 2, a), ANL_INVALID);
    assert_string_equal(anl_last_error(ctx),
                        "sampler gp: results must come in ascending order of number, and 3 stands before 3");
    space_destroy(sp);
}

/* The first points of Joe and Kuo's page, and points of high dimensions as other implementations of the table
 * give them. */
static void test_sobol(void **state)
{
    static const double first[10][3] = {{0, 0, 0},
                                        {.5, .5, .5},
                                        {.75, .25, .25},
                                        {.25, .75, .75},
                                        {.375, .375, .625},
                                        {.875, .875, .125},
                                        {.625, .125, .875},
                                        {.125, .625, .375},
                                        {.1875, .3125, .9375},
                                        {.6875, .8125, .4375}};
    static const int dimension[] = {0, 1, 2, 9, 49, 127, 255};
    static const double tenth[] = {.9375, .0625, .6875, .5625, .8125, .3125, .6875},
                        last[] = {.015625, .796875, .359375, .578125, .671875, .640625, .046875};
    (void)state;
    for (int k = 0; k < 10; k++)
        for (int j = 0; j < 3; j++) assert_true(sobol_word(j, (uint32_t)k) / 4294967296.0 == first[k][j]);
    for (int j = 0; j < 7; j++) {
        assert_true(sobol_word(dimension[j], 10) / 4294967296.0 == tenth[j]);
        assert_true(sobol_word(dimension[j], 63) / 4294967296.0 == last[j]);
    }
    /* scrambled: of each 2^k points from the start one in each 2^k-th, in every dimension; and other points
     * for another seed */
    for (int j = 0; j < SOBOL_DIMENSIONS; j++) {
        bool taken[64] = {false};
        for (uint32_t k = 0; k < 64; k++) {
            double u = sobol_scrambled(7, j, k);
            assert_true(u > 0 && u < 1);
            assert_false(taken[(int)(u * 64)]);
            taken[(int)(u * 64)] = true;
        }
        assert_true(sobol_scrambled(7, j, 5) != sobol_scrambled(8, j, 5));
    }
}

static void test_cholesky(void **state)
{
    enum { N = 9 };
    double a[N * N], l[N * N], inverse[N * N], x[N];
    (void)state;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) a[i * N + j] = exp(-0.3 * abs(i - j)) + (i == j ? 0.1 * i : 0);
    memcpy(l, a, sizeof l);
    assert_true(cholesky(l, N));
    cholesky_inverse(l, N, inverse);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double s = 0;
            for (int k = 0; k < N; k++) s += a[i * N + k] * inverse[k * N + j];
            assert_true(fabs(s - (i == j)) < 1e-12);
        }
    for (int i = 0; i < N; i++) x[i] = i;
    cholesky_forward(l, N, x);
    cholesky_backward(l, N, x);
    for (int i = 0; i < N; i++) {
        double s = 0;
        for (int k = 0; k < N; k++) s += a[i * N + k] * x[k];
        assert_true(fabs(s - i) < 1e-12);
    }
    a[0] = -1;
    assert_false(cholesky(a, N));
}

/* CMA-ES converges on a sphere whose centre is not the middle of the box, and on one stretched by a thousand.
 */
static double far_sphere(const double *x)
{
    return pow(x[0] - 2.3, 2) + pow(x[1] + 3.1, 2) + pow(x[2] - 0.7, 2) + pow(x[3] + 1.9, 2);
}
static double ellipsoid(const double *x)
{
    return pow(x[0] - 2.3, 2) + 10 * pow(x[1] + 3.1, 2) + 100 * pow(x[2] - 0.7, 2) +
           1000 * pow(x[3] + 1.9, 2);
}

static void test_cmaes(void **state)
{
    static const space_axis four[] = {{.name = "a", .low = -5, .high = 5},
                                      {.name = "b", .low = -5, .high = 5},
                                      {.name = "c", .low = -5, .high = 5},
                                      {.name = "d", .low = -5, .high = 5}};
    static const problem sphere = {"far sphere", four, 4, far_sphere},
                         stretched = {"ellipsoid", four, 4, ellipsoid};
    for (uint64_t seed = 0; seed < 3; seed++) {
        assert_true(problem_search(*state, &sphere, "cmaes", seed, 500, NULL, NULL) < 1e-6);
        assert_true(problem_search(*state, &stretched, "cmaes", seed, 1000, NULL, NULL) < 1e-5);
    }
}

/* Two running trials keep TPE and GP away from their points. */
static void test_constant_liar(void **state)
{
    static const space_axis one[] = {{.name = "x", .low = 0, .high = 1}};
    anl_ctx *ctx = *state;
    double values[60], objective[60];
    trial_result seen[60];
    space *sp;
    assert_int_equal(space_create(ctx, one, 1, &sp), ANL_OK);
    for (int k = 0; k < 30; k++) {
        values[k] = (k + 0.5) / 30;
        objective[k] = fabs(values[k] - 0.35);
        seen[k] = (trial_result){
            .number = k, .state = TRIAL_COMPLETE, .values = &values[k], .objective = &objective[k]};
    }
    for (int k = 30; k < 60; k++) {
        values[k] = 0.35 + 0.0005 * (k - 45);
        seen[k] = (trial_result){.number = k, .state = TRIAL_RUNNING, .values = &values[k]};
    }
    for (int i = 0; samplers[i]; i++) {
        sampler_task t = {.space = sp, .seed = 3, .n_objectives = 1, .options = sampler_options_default()};
        double near[2] = {0};
        if (strcmp(samplers[i]->name, "tpe") && strcmp(samplers[i]->name, "gp")) continue;
        for (int liar = 0; liar < 2; liar++)
            for (int k = 60; k < 80; k++) {
                double x;
                t.options.constant_liar = liar;
                assert_int_equal(sampler_propose(ctx, samplers[i], &t, k, seen, 60, &x), ANL_OK);
                near[liar] += fabs(x - 0.35);
            }
        assert_true(near[1] > 1.3 * near[0]);
    }
    space_destroy(sp);
}

/* Fronts and order against the definition. */
static void test_order(void **state)
{
    enum { N = 80 };
    anl_ctx *ctx = *state;
    double objective[N][2], constraint[N];
    trial_result seen[N];
    int64_t order[N];
    int front[N];
    bool up[2] = {false, true};
    sampler_task t = {.n_objectives = 2, .maximize = up, .n_constraints = 1};
    for (int k = 0; k < N; k++) {
        objective[k][0] = (k * 37 % 41) / 4;
        objective[k][1] = -(double)(k * 53 % 43) / 5;
        constraint[k] = k % 10 == 7 ? k : -1;
        seen[k] = (trial_result){.number = k,
                                 .state = k % 12 == 5 ? TRIAL_FAILED : TRIAL_COMPLETE,
                                 .objective = objective[k],
                                 .constraint = &constraint[k]};
    }
    assert_int_equal(sampler_order(ctx, &t, seen, N, order, front), ANL_OK);
    for (int a = 0; a < N; a++) {
        bool usable = a % 12 != 5 && a % 10 != 7;
        int deepest = -1; /* the front is one more than the deepest front of those that dominate it */
        for (int b = 0; b < N; b++)
            if (usable && b % 12 != 5 && b % 10 != 7 && objective[b][0] <= objective[a][0] &&
                objective[b][1] >= objective[a][1] &&
                (objective[b][0] < objective[a][0] || objective[b][1] > objective[a][1]) &&
                front[b] > deepest)
                deepest = front[b];
        assert_int_equal(front[a], usable ? deepest + 1 : -1);
    }
    for (int k = 1; k < N; k++) {
        int f = front[order[k - 1]], g = front[order[k]];
        if (g >= 0) assert_true(f >= 0 && f <= g);
        if (seen[order[k - 1]].state == TRIAL_FAILED) assert_true(seen[order[k]].state == TRIAL_FAILED);
    }
}

/* The best few are the first of the whole order, for every kind of result. */
static void test_best(void **state)
{
    enum { N = 120 };
    anl_ctx *ctx = *state;
    double objective[N][2], constraint[N];
    trial_result seen[N];
    int64_t order[N], best[N], count;
    bool up[2] = {true, false};
    for (int k = 0; k < N; k++) {
        objective[k][0] = (k * 37 % 41) / 4; /* many are equal */
        objective[k][1] = k * 53 % 43;
        constraint[k] = k % 10 == 7 ? k % 4 : -1;
        seen[k] = (trial_result){.number = k,
                                 .state = k % 12 == 5   ? TRIAL_FAILED
                                          : k % 11 == 3 ? TRIAL_PRUNED
                                          : k % 13 == 2 ? TRIAL_RUNNING
                                                        : TRIAL_COMPLETE,
                                 .step = k % 5,
                                 .intermediate = k % 7,
                                 .objective = objective[k],
                                 .constraint = &constraint[k]};
    }
    for (int objectives = 1; objectives <= 2; objectives++)
        for (int n = 0; n <= N; n += 40)
            for (int most = 0; most <= N; most += 7) {
                sampler_task t = {.n_objectives = objectives, .maximize = up, .n_constraints = 1};
                assert_int_equal(sampler_order(ctx, &t, seen, n, order, NULL), ANL_OK);
                assert_int_equal(sampler_best(ctx, &t, seen, n, most, best, &count), ANL_OK);
                assert_int_equal(count, n < most ? n : most);
                if (count) assert_memory_equal(best, order, (size_t)count * sizeof *order);
            }
}

/* Two objectives, x1^2 + x2^2 and (x1 - 2)^2 + x2^2, with x1 >= 0.5: the front is x2 = 0, 0.5 <= x1 <= 2. */
static double front_error(anl_ctx *ctx, const char *name, int *on_front)
{
    static const space_axis two[] = {{.name = "x1", .low = -4, .high = 4},
                                     {.name = "x2", .low = -4, .high = 4}};
    enum { N = 400 };
    static double values[N][2], objective[N][2], constraint[N];
    static trial_result seen[N];
    static int64_t order[N];
    static int front[N];
    const sampler *s;
    space *sp;
    double error = 0;
    sampler_task t = {.seed = 3, .n_objectives = 2, .n_constraints = 1, .options = sampler_options_default()};
    assert_int_equal(space_create(ctx, two, 2, &sp), ANL_OK);
    assert_int_equal(sampler_find(ctx, name, &s), ANL_OK);
    t.space = sp;
    t.options.population = 40;
    assert_int_equal(sampler_check(ctx, s, &t), ANL_OK);
    for (int k = 0; k < N; k++) {
        double *x = values[k];
        assert_int_equal(sampler_propose(ctx, s, &t, k, seen, k, x), ANL_OK);
        objective[k][0] = x[0] * x[0] + x[1] * x[1];
        objective[k][1] = pow(x[0] - 2, 2) + x[1] * x[1];
        constraint[k] = 0.5 - x[0];
        seen[k] = (trial_result){.number = k,
                                 .state = TRIAL_COMPLETE,
                                 .values = x,
                                 .objective = objective[k],
                                 .constraint = &constraint[k]};
    }
    assert_int_equal(sampler_order(ctx, &t, seen, N, order, front), ANL_OK);
    *on_front = 0;
    for (int k = 0; k < N; k++) {
        if (front[k] != 0) continue;
        assert_true(values[k][0] >= 0.5);
        error += fabs(values[k][1]);
        (*on_front)++;
    }
    space_destroy(sp);
    return error / *on_front;
}

static void test_pareto(void **state)
{
    int by_nsga2, by_tpe, by_random;
    double nsga2 = front_error(*state, "nsga2", &by_nsga2), tpe = front_error(*state, "tpe", &by_tpe),
           random = front_error(*state, "random", &by_random);
    assert_true(by_nsga2 > 2 * by_random && by_nsga2 >= 30);
    assert_true(nsga2 < 0.5 * random && tpe < random);
}

/* Results of another sweep (numbers below 0) replace the random beginning. */
static void test_warm_start(void **state)
{
    anl_ctx *ctx = *state;
    static const space_axis one[] = {{.name = "x", .low = 0, .high = 1}};
    double values[40], objective[40], x, sum = 0;
    trial_result seen[40];
    space *sp;
    const sampler *s;
    assert_int_equal(space_create(ctx, one, 1, &sp), ANL_OK);
    assert_int_equal(sampler_find(ctx, "tpe", &s), ANL_OK);
    for (int k = 0; k < 40; k++) {
        values[k] = fmod(0.618 * k, 1);
        objective[k] = fabs(values[k] - 0.8);
        seen[k] = (trial_result){
            .number = k - 40, .state = TRIAL_COMPLETE, .values = &values[k], .objective = &objective[k]};
    }
    sampler_task t = {.space = sp, .seed = 1, .n_objectives = 1, .options = sampler_options_default()};
    for (int k = 0; k < 20; k++) {
        assert_int_equal(sampler_propose(ctx, s, &t, k, seen, 40, &x), ANL_OK);
        sum += fabs(x - 0.8) / 20;
    }
    assert_true(sum < 0.1);
    space_destroy(sp);
}

static void test_memory(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    static double values[TRIALS][AXES], objective[TRIALS];
    trial_result seen[TRIALS];
    double a[AXES];
    history(ctx, sp, seen, values, objective);
    for (int i = 0; samplers[i]; i++) {
        sampler_task t = {.space = sp, .seed = 1, .n_objectives = 1, .options = sampler_options_default()};
        t.options.population = 8;
        for (int64_t nth = 1;; nth++) {
            anl__inject(ctx, ANL__INJECT_ALLOC, nth);
            anl_status st = sampler_propose(ctx, samplers[i], &t, 90, seen, TRIALS, a);
            anl__inject(ctx, ANL__INJECT_ALLOC, 0);
            if (st == ANL_OK) break;
            assert_int_equal(st, ANL_NOMEM);
        }
    }
    space_destroy(sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sweep_test(test_pure),          sweep_test(test_maximize), sweep_test(test_points_first),
        sweep_test(test_refusals),      sweep_test(test_sobol),    sweep_test(test_cholesky),
        sweep_test(test_cmaes),         sweep_test(test_order),    sweep_test(test_best),
        sweep_test(test_constant_liar), sweep_test(test_pareto),   sweep_test(test_warm_start),
        sweep_test(test_memory),
    };
    return cmocka_run_group_tests_name("sweep/sampler", tests, NULL, NULL);
}
