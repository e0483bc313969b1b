/* Splits by key and stratified folds: complete, disjoint, stable, in proportion; and what is refused. */
#include "datasets/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { N = 3001, CLASSES = 7 };
static int32_t label[N];
static int64_t class_size[CLASSES];

static int setup(void **state)
{
    memset(class_size, 0, sizeof class_size);
    for (int i = 0; i < N; i++) {
        label[i] = i % 100 < 40 ? 0 : i % CLASSES; /* class 0 is the largest */
        class_size[label[i]]++;
    }
    *state = anl_ctx_create();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int64_t live = anl__live_blocks(*state);
    anl_ctx_destroy(*state);
    return live == 0 ? 0 : -1;
}

static void check_partition(const anl__split *s, int64_t n)
{
    static uint8_t seen[N];
    memset(seen, 0, sizeof seen);
    assert_int_equal(s->n_train + s->n_valid, n);
    for (int64_t i = 0; i < s->n_train; i++) {
        if (i) assert_true(s->train[i] > s->train[i - 1]);
        seen[s->train[i]]++;
    }
    for (int64_t i = 0; i < s->n_valid; i++) {
        if (i) assert_true(s->valid[i] > s->valid[i - 1]);
        seen[s->valid[i]]++;
    }
    for (int64_t i = 0; i < n; i++) assert_int_equal(seen[i], 1);
}

static void count_classes(const int64_t *index, int64_t n, int64_t count[CLASSES])
{
    memset(count, 0, CLASSES * sizeof *count);
    for (int64_t i = 0; i < n; i++) count[label[index[i]]]++;
}

static void every_count_is_exact_and_in_proportion(void **state)
{
    anl__split_input in = {N, label, CLASSES};
    for (int64_t want = 1; want < N; want += 97) {
        anl__split s;
        anl__split_opts o = anl__split_opts_default();
        o.seed = (uint64_t)want;
        o.count = want;
        assert_int_equal(anl__split_make(*state, &in, &o, &s), ANL_OK);
        check_partition(&s, N);
        assert_int_equal(s.n_valid, want);
        int64_t count[CLASSES];
        count_classes(s.valid, s.n_valid, count);
        for (int c = 0; c < CLASSES; c++) {
            int64_t share = class_size[c] * want / N;
            assert_in_range(count[c], share, share + 1);
        }
        anl__split_release(*state, &s);
    }
}

static void fraction_without_strata(void **state)
{
    anl__split_input in = {N, NULL, 0};
    anl__split_opts o = anl__split_opts_default();
    anl__split s, again, other;
    o.fraction = 0.1;
    assert_int_equal(anl__split_make(*state, &in, &o, &s), ANL_OK);
    assert_int_equal(anl__split_make(*state, &in, &o, &again), ANL_OK);
    o.seed = 1;
    assert_int_equal(anl__split_make(*state, &in, &o, &other), ANL_OK);
    check_partition(&s, N);
    assert_int_equal(s.n_valid, 300);
    assert_memory_equal(s.valid, again.valid, 300 * sizeof *s.valid);
    assert_int_equal(other.n_valid, 300);
    assert_memory_not_equal(s.valid, other.valid, 300 * sizeof *s.valid);
    anl__split_release(*state, &s);
    anl__split_release(*state, &again);
    anl__split_release(*state, &other);
}

static void no_validation_part(void **state)
{
    anl__split_input in = {N, label, CLASSES};
    anl__split_opts o = anl__split_opts_default();
    anl__split s;
    assert_int_equal(anl__split_make(*state, &in, &o, &s), ANL_OK);
    check_partition(&s, N);
    assert_int_equal(s.n_valid, 0);
    anl__split_release(*state, &s);
}

static void folds_cover_the_set_once(void **state)
{
    static uint8_t seen[N];
    anl__split_input in = {N, label, CLASSES};
    anl__split_opts o = anl__split_opts_default();
    memset(seen, 0, sizeof seen);
    o.folds = 5;
    for (o.fold = 0; o.fold < 5; o.fold++) {
        anl__split s;
        assert_int_equal(anl__split_make(*state, &in, &o, &s), ANL_OK);
        check_partition(&s, N);
        assert_in_range(s.n_valid, N / 5, N / 5 + 1);
        int64_t count[CLASSES];
        count_classes(s.valid, s.n_valid, count);
        for (int c = 0; c < CLASSES; c++) assert_in_range(count[c], class_size[c] / 5, class_size[c] / 5 + 1);
        for (int64_t i = 0; i < s.n_valid; i++) seen[s.valid[i]]++;
        anl__split_release(*state, &s);
    }
    for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
}

static void refuse(anl_ctx *ctx, anl__split_input in, anl__split_opts o, anl_status want, const char *text)
{
    anl__split s = {0};
    assert_int_equal(anl__split_make(ctx, &in, &o, &s), want);
    assert_non_null(strstr(anl_last_error(ctx), text));
    assert_null(s.train);
}

static void bad_requests(void **state)
{
    anl__split_input in = {N, label, CLASSES}, few = {3, label, CLASSES};
    refuse(*state, in, (anl__split_opts){.count = N}, ANL_DATA, "leaves nothing to train on");
    refuse(*state, in, (anl__split_opts){.count = -1}, ANL_INVALID, "must not be negative");
    refuse(*state, in, (anl__split_opts){.fraction = 1.0}, ANL_INVALID, "fraction 1");
    refuse(*state, few, (anl__split_opts){.fraction = 0.01}, ANL_DATA, "is none");
    refuse(*state, in, (anl__split_opts){.folds = 3, .fold = 3}, ANL_INVALID, "fold 3 of 3");
    refuse(*state, few, (anl__split_opts){.folds = 4}, ANL_DATA, "4 folds of 3 samples");
}

static void bad_labels(void **state)
{
    int32_t bad[] = {0, 1, 2, 1}, rare[] = {0, 0, 0, 0, 1};
    anl__split_input in = {4, bad, 2}, thin = {5, rare, 2};
    refuse(*state, in, (anl__split_opts){.count = 1}, ANL_DATA, "sample 2: label 2");
    refuse(*state, thin, (anl__split_opts){.folds = 2}, ANL_DATA, "class 1 has 1 samples");
    refuse(*state, (anl__split_input){0}, (anl__split_opts){.count = 1}, ANL_DATA, "at least one sample");
}

static void every_failed_allocation_is_reported(void **state)
{
    anl__split_input in = {N, label, CLASSES};
    anl__split_opts o = anl__split_opts_default();
    anl__split s = {0};
    anl_status st = ANL_NOMEM;
    o.count = 100;
    for (int64_t nth = 1; st != ANL_OK; nth++) {
        anl__inject(*state, ANL__INJECT_ALLOC, nth);
        st = anl__split_make(*state, &in, &o, &s);
        if (st != ANL_OK) {
            assert_int_equal(st, ANL_NOMEM);
            assert_int_equal(anl__live_blocks(*state), 0);
        }
    }
    anl__inject(*state, ANL__INJECT_ALLOC, 0);
    anl__split_release(*state, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_count_is_exact_and_in_proportion),
        cmocka_unit_test(fraction_without_strata),
        cmocka_unit_test(no_validation_part),
        cmocka_unit_test(folds_cover_the_set_once),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(bad_labels),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
