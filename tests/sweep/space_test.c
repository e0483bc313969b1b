/* Search spaces: refusals, canonical values, conditions, the unit cube, grids, text. */
#include "fixture.h"
#include "tools/sweep/space_text.h"

static const char *const optimizers[] = {"sgd", "adam", "rmsprop"}, *const sgd[] = {"sgd"},
                         *const adaptive[] = {"adam", "rmsprop"}, *const on[] = {"on"};
static const char *const yes_no[] = {"on", "off"};

static const space_axis all_kinds[] = {
    {.name = "lr", .low = 1e-5, .high = 1, .log = true, .grid = 6},
    {.name = "optim", .kind = SPACE_CHOICE, .choice = optimizers, .n_choices = 3},
    {.name = "layers", .kind = SPACE_INT, .low = 1, .high = 6},
    {.name = "batch", .kind = SPACE_INT, .low = 16, .high = 1024, .log = true, .grid = 7},
    {.name = "filters", .kind = SPACE_INT, .low = 8, .high = 70, .step = 8},
    {.name = "dropout", .low = 0, .high = 0.5, .step = 0.1},
    {.name = "decay", .low = 0, .high = 0.3, .grid = 4},
    {.name = "momentum", .low = 0, .high = 0.99, .grid = 3, .parent = "optim", .when = sgd, .n_when = 1},
    {.name = "beta", .low = 0.9, .high = 0.999, .grid = 2, .parent = "optim", .when = adaptive, .n_when = 2},
    {.name = "nesterov",
     .kind = SPACE_CHOICE,
     .choice = yes_no,
     .n_choices = 2,
     .parent = "optim",
     .when = sgd,
     .n_when = 1},
    {.name = "damp", .low = 0, .high = 1, .step = 0.5, .parent = "nesterov", .when = on, .n_when = 1},
};
enum { KINDS = sizeof all_kinds / sizeof all_kinds[0] };

static void refused(anl_ctx *ctx, const space_axis *axes, int n, const char *message)
{
    space *sp = NULL;
    assert_int_equal(space_create(ctx, axes, n, &sp), ANL_RECIPE);
    assert_null(sp);
    assert_string_equal(anl_last_error(ctx), message);
}

static void test_refusals(void **state)
{
    static const char *const twice[] = {"a", "a"}, *const other[] = {"lion"};
    anl_ctx *ctx = *state;
#define REFUSED(message, ...)                                                                                \
    do {                                                                                                     \
        const space_axis bad_[] = {__VA_ARGS__};                                                             \
        refused(ctx, bad_, (int)(sizeof bad_ / sizeof bad_[0]), message);                                    \
    } while (0)
    refused(ctx, NULL, 0, "search space: there is no axis");
    REFUSED("search space, lr: the range from 1 to 0.1 is empty", {.name = "lr", .low = 1, .high = 0.1});
    REFUSED("search space, lr: a logarithmic range must begin above 0, and it begins at 0",
            {.name = "lr", .low = 0, .high = 0.1, .log = true});
    REFUSED("search space, lr: a logarithmic range must begin above 0, and it begins at -1",
            {.name = "lr", .low = -1, .high = 0.1, .log = true});
    REFUSED("search space, lr: its range must be two finite numbers",
            {.name = "lr", .low = 0, .high = INFINITY});
    REFUSED("search space, lr: its step is -0.1 and must be above 0",
            {.name = "lr", .low = 0, .high = 1, .step = -0.1});
    REFUSED("search space, lr: a logarithmic range has no step (0.1 was given); use choices, or grid: N",
            {.name = "lr", .low = 0.1, .high = 1, .log = true, .step = 0.1});
    REFUSED("search space, n: an integer's range and step must be whole: 0.5 to 2, step 0",
            {.name = "n", .kind = SPACE_INT, .low = 0.5, .high = 2});
    REFUSED("search space, n: a grid of 1 points; it needs 2 or more",
            {.name = "n", .kind = SPACE_INT, .low = 0, .high = 2, .grid = 1});
    REFUSED("search space, o: there is no choice", {.name = "o", .kind = SPACE_CHOICE});
    REFUSED("search space, o: the choice 'a' stands there twice",
            {.name = "o", .kind = SPACE_CHOICE, .choice = twice, .n_choices = 2});
    REFUSED("search space: lr stands there twice", {.name = "lr", .high = 1}, {.name = "lr", .high = 1});
    REFUSED("search space: axis 1 has no name", {.high = 1});
    REFUSED("search space, m: it depends on 'optim', which is no axis before it",
            {.name = "m", .high = 1, .parent = "optim", .when = sgd, .n_when = 1});
    REFUSED("search space, m: it depends on x, which has a range; only choices can make another axis active",
            {.name = "x", .high = 1}, {.name = "m", .high = 1, .parent = "x", .when = sgd, .n_when = 1});
    REFUSED("search space, m: it is active when o is 'lion', which is none of its choices",
            {.name = "o", .kind = SPACE_CHOICE, .choice = optimizers, .n_choices = 3},
            {.name = "m", .high = 1, .parent = "o", .when = other, .n_when = 1});
    REFUSED("search space, m: it depends on o, but no value of it is given",
            {.name = "o", .kind = SPACE_CHOICE, .choice = optimizers, .n_choices = 3},
            {.name = "m", .high = 1, .parent = "o"});
}

static space *make(anl_ctx *ctx)
{
    space *sp = NULL;
    assert_int_equal(space_create(ctx, all_kinds, KINDS, &sp), ANL_OK);
    return sp;
}

/* Every value is within its range, is its own text, and comes back from the unit cube. */
static void test_values(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    assert_int_equal(space_levels(sp, space_find(sp, "filters")), 8);
    assert_int_equal(space_levels(sp, space_find(sp, "dropout")), 6);
    assert_int_equal(space_levels(sp, space_find(sp, "batch")), 1009);
    assert_int_equal(space_levels(sp, space_find(sp, "lr")), 0);
    for (int i = 0; i < KINDS; i++) {
        const space_axis *a = space_axis_at(sp, i);
        double before = -INFINITY;
        for (int k = 0; k <= 1000; k++) {
            double v = space_from_unit(sp, i, k / 1000.0), back;
            anl__buf text;
            assert_true(v >= before); /* rises with u */
            before = v;
            assert_true(v >= (a->kind == SPACE_CHOICE ? 0 : a->low) &&
                        v <= (a->kind == SPACE_CHOICE ? a->n_choices - 1 : a->high));
            anl__buf_init(&text, ctx);
            space_text(sp, i, v, &text);
            assert_true(text.len <= 12);
            assert_int_equal(space_parse(ctx, sp, i, text.text, &back), ANL_OK);
            assert_memory_equal(&v, &back, sizeof v);
            anl__buf_release(&text);
            back = space_from_unit(sp, i, space_to_unit(sp, i, v));
            assert_true(space_levels(sp, i) ? back == v
                                            : fabs(back - v) <= 2e-6 * (a->log ? v : a->high - a->low));
        }
        assert_true(before == (a->kind == SPACE_CHOICE                ? a->n_choices - 1
                               : a->kind == SPACE_INT && a->step == 8 ? 64
                                                                      : a->high));
    }
    assert_true(space_from_unit(sp, space_find(sp, "dropout"), 0.6) == 0.3); /* not 0.30000000000000004 */
    space_destroy(sp);
}

static void test_conditions(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    double u[KINDS], p[KINDS], wrong[KINDS];
    int seen[3] = {0};
    for (int k = 0; k < 300; k++) {
        for (int i = 0; i < KINDS; i++) u[i] = fmod(0.137 * (k + 1) * (i + 1), 1);
        space_point(sp, u, p);
        assert_int_equal(space_check(ctx, sp, p), ANL_OK);
        seen[(int)p[1]]++;
        assert_int_equal(isnan(p[7]), p[1] != 0);
        assert_int_equal(isnan(p[8]), p[1] == 0);
        assert_int_equal(isnan(p[9]), p[1] != 0);
        assert_int_equal(isnan(p[10]), p[1] != 0 || p[9] != 0);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_int_equal(space_group(sp, 0), 0);
    assert_int_equal(space_group(sp, 7), 1);
    assert_int_equal(space_group(sp, 8), 2);
    assert_int_equal(space_group(sp, 9), 1);
    assert_int_equal(space_group(sp, 10), 3);
    for (int i = 0; i < KINDS; i++) u[i] = 0.5;
    space_point(sp, u, p); /* adam */
    memcpy(wrong, p, sizeof p);
    wrong[7] = 0.5;
    assert_int_equal(space_check(ctx, sp, wrong), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx),
                        "search space, momentum: it has a value, but is not active when optim is adam");
    memcpy(wrong, p, sizeof p);
    wrong[8] = NAN;
    assert_int_equal(space_check(ctx, sp, wrong), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "search space, beta: this point has no value for it");
    memcpy(wrong, p, sizeof p);
    wrong[4] = 12;
    assert_int_equal(space_check(ctx, sp, wrong), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "search space, filters: 12 is not on the steps 8, 16, ...");
    memcpy(wrong, p, sizeof p);
    wrong[0] = 2;
    assert_int_equal(space_check(ctx, sp, wrong), ANL_RECIPE);
    space_destroy(sp);
}

static void test_grid(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    int64_t count, n;
    double a[KINDS], b[KINDS];
    /* 6 rates, 6 layers, 7 batches, 8 filters, 6 dropouts, 4 decays; sgd 3 x (3 + 1), adam 2, rmsprop 2 */
    n = 6 * 6 * 7 * 8 * 6 * 4 * (3 * (3 + 1) + 2 + 2);
    assert_int_equal(space_grid_count(ctx, sp, &count), ANL_OK);
    assert_int_equal(count, n);
    for (int64_t k = 0; k < count; k += 97) {
        space_grid_point(sp, k, a);
        assert_int_equal(space_check(ctx, sp, a), ANL_OK);
        for (int64_t j = k + 1; j < k + 20 && j < count; j++) {
            space_grid_point(sp, j, b);
            assert_false(space_same(sp, a, b));
        }
    }
    space_destroy(sp);
    static const space_axis small[] = {
        {.name = "n", .kind = SPACE_INT, .low = 1, .high = 5, .log = true, .grid = 4},
        {.name = "x", .low = 0, .high = 1, .grid = 3}};
    static const double wanted[][2] = {{1, 0}, {1, 0.5}, {1, 1}, {2, 0}, {2, 0.5}, {2, 1},
                                       {3, 0}, {3, 0.5}, {3, 1}, {5, 0}, {5, 0.5}, {5, 1}};
    assert_int_equal(space_create(ctx, small, 2, &sp), ANL_OK);
    assert_int_equal(space_grid_count(ctx, sp, &count), ANL_OK);
    assert_int_equal(count, 12);
    for (int k = 0; k < 12; k++) {
        space_grid_point(sp, k, a);
        assert_true(a[0] == wanted[k][0] && a[1] == wanted[k][1]);
    }
    space_destroy(sp);
    static const space_axis real[] = {{.name = "lr", .low = 0.001, .high = 1}};
    assert_int_equal(space_create(ctx, real, 1, &sp), ANL_OK);
    assert_int_equal(space_grid_count(ctx, sp, &count), ANL_RECIPE);
    assert_string_equal(
        anl_last_error(ctx),
        "search space, lr: a grid over the continuous range from 0.001 to 1 needs a step, or grid: N points");
    space_destroy(sp);
}

static void test_text(void **state)
{
    anl_ctx *ctx = *state;
    space *sp = make(ctx);
    double p[KINDS] = {0.001, 0, 3, 128, 32, 0.3, 0.05, 0.9, NAN, 1, NAN}, v;
    anl__buf text;
    assert_int_equal(space_check(ctx, sp, p), ANL_OK);
    anl__buf_init(&text, ctx);
    space_point_text(sp, p, &text);
    assert_string_equal(
        text.text,
        "lr=0.001 optim=sgd layers=3 batch=128 filters=32 dropout=0.3 decay=0.05 momentum=0.9 nesterov=off");
    anl__buf_release(&text);
    anl__buf_init(&text, ctx);
    space_describe(sp, &text);
    assert_non_null(strstr(text.text, "\"batch\": log int 16 .. 1024 grid 7\n"));
    assert_non_null(strstr(text.text, "\"dropout\": real 0 .. 0.5 step 0.1\n"));
    assert_non_null(strstr(text.text, "\"damp\": real 0 .. 1 step 0.5 when \"nesterov\" in [\"on\"]\n"));
    anl__buf_release(&text);
    assert_int_equal(space_parse(ctx, sp, 1, "adan", &v), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx),
                        "search space, optim: 'adan' is none of its choices; did you mean 'adam'?");
    assert_int_equal(space_parse(ctx, sp, 0, "1e-3x", &v), ANL_RECIPE);
    space_destroy(sp);
}

/* Points of another sweep: by name, and only if they fit. */
static void test_convert(void **state)
{
    static const char *const reordered[] = {"adam", "sgd"};
    static const space_axis now[] = {
        {.name = "optim", .kind = SPACE_CHOICE, .choice = reordered, .n_choices = 2},
        {.name = "lr", .low = 1e-4, .high = 0.1, .log = true}};
    anl_ctx *ctx = *state;
    space *from = make(ctx), *to;
    double p[KINDS] = {0.001, 0, 3, 128, 32, 0.3, 0.05, 0.9, NAN, 1, NAN}, q[2];
    assert_int_equal(space_create(ctx, now, 2, &to), ANL_OK);
    assert_int_equal(space_convert(ctx, from, p, to, q), ANL_OK);
    assert_true(q[0] == 1 && q[1] == 0.001);
    p[0] = 0.5;
    assert_int_equal(space_convert(ctx, from, p, to, q), ANL_MISMATCH);
    assert_string_equal(anl_last_error(ctx),
                        "a point of another sweep: search space, lr: 0.5 is not within 0.0001 to 0.1");
    assert_int_equal(space_convert(ctx, to, q, from, p), ANL_MISMATCH);
    space_destroy(from);
    space_destroy(to);
}

static void test_memory(void **state)
{
    anl_ctx *ctx = *state;
    for (int64_t nth = 1;; nth++) {
        space *sp = NULL;
        anl__inject(ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = space_create(ctx, all_kinds, KINDS, &sp);
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        space_destroy(sp);
        if (st == ANL_OK) return;
        assert_int_equal(st, ANL_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sweep_test(test_refusals), sweep_test(test_values), sweep_test(test_conditions),
        sweep_test(test_grid),     sweep_test(test_text),   sweep_test(test_convert),
        sweep_test(test_memory),
    };
    return cmocka_run_group_tests_name("sweep/space", tests, NULL, NULL);
}
