/* The epoch's shuffle: a bijection for every count, another for every epoch and seed, and not a pattern. */
#include "runtime/base/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 2000 };

static void is_a_permutation(void **state)
{
    (void)state;
    static uint8_t seen[MOST];
    for (int64_t n = 1; n <= MOST; n++) {
        anl__order o = anl__order_make(7, n, true);
        memset(seen, 0, sizeof seen);
        for (int64_t k = 0; k < n; k++) {
            int64_t i = anl__order_at(&o, 3, k);
            assert_in_range(i, 0, n - 1);
            assert_int_equal(seen[i], 0);
            seen[i] = 1;
        }
    }
}

static int64_t same_positions(const anl__order *a, uint32_t ea, const anl__order *b, uint32_t eb)
{
    int64_t same = 0;
    for (int64_t k = 0; k < a->n; k++) same += anl__order_at(a, ea, k) == anl__order_at(b, eb, k);
    return same;
}

static void epochs_and_seeds_differ(void **state)
{
    (void)state;
    for (int64_t n = 50; n <= 1000; n += 19) {
        anl__order a = anl__order_make(1, n, true), b = anl__order_make(2, n, true);
        assert_int_equal(same_positions(&a, 5, &a, 5), n);
        assert_in_range(same_positions(&a, 0, &a, 1), 0, 10); /* one fixed point is expected */
        assert_in_range(same_positions(&a, 0, &b, 0), 0, 10);
    }
}

static void unshuffled_is_the_identity(void **state)
{
    (void)state;
    anl__order o = anl__order_make(1, 100, false);
    for (int64_t k = 0; k < 100; k++) assert_int_equal(anl__order_at(&o, 9, k), k);
}

/* Over many epochs, each sample comes to each position equally often: chi-square with (n-1)^2 degrees of
   freedom, whose mean is (n-1)^2 and variance twice that; the bound is six standard deviations. */
static void small_sets_are_well_shuffled(void **state)
{
    (void)state;
    for (int64_t n = 2; n <= 24; n++) {
        static double count[24][24];
        int epochs = 4000;
        memset(count, 0, sizeof count);
        anl__order o = anl__order_make(11, n, true);
        for (int e = 0; e < epochs; e++)
            for (int64_t k = 0; k < n; k++) count[k][anl__order_at(&o, (uint32_t)e, k)]++;
        double expected = (double)epochs / (double)n, chi = 0, freedom = (double)((n - 1) * (n - 1));
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < n; i++)
                chi += (count[k][i] - expected) * (count[k][i] - expected) / expected;
        double over = chi - freedom;
        assert_true(over < 6 * 1.42 * (double)n);
    }
}

/* Neighbours do not stay neighbours: the mean distance of adjacent positions is n/3 for a random order. */
static void neighbours_part(void **state)
{
    (void)state;
    int64_t n = 60000, sum = 0;
    anl__order o = anl__order_make(3, n, true);
    for (int64_t k = 1; k < n; k++) {
        int64_t d = anl__order_at(&o, 0, k) - anl__order_at(&o, 0, k - 1);
        sum += d < 0 ? -d : d;
    }
    assert_in_range(sum / (n - 1), 19700, 20300);
}

static void large_counts(void **state)
{
    (void)state;
    int64_t counts[] = {(int64_t)1 << 31, ((int64_t)1 << 40) + 12345, (int64_t)1 << 61};
    for (int c = 0; c < 3; c++) {
        anl__order o = anl__order_make(5, counts[c], true);
        for (int64_t k = 0; k < 1000; k++) {
            int64_t i = anl__order_at(&o, 1, counts[c] - 1 - k);
            assert_true(i >= 0 && i < counts[c]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_permutation),
        cmocka_unit_test(epochs_and_seeds_differ),
        cmocka_unit_test(unshuffled_is_the_identity),
        cmocka_unit_test(small_sets_are_well_shuffled),
        cmocka_unit_test(neighbours_part),
        cmocka_unit_test(large_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
