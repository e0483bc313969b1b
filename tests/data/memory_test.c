/* Sets over the caller's memory. */
#include "tests/data/data_test.h"

#include <string.h>

static void copied_and_checked(void **state)
{
    fixture *f = *state;
    float x[4][3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};
    int32_t y[4] = {1, 0, 1, 2};
    anl_shape shape = {1, {3}};
    anl__dataset *a, *b;
    char fa[65], fb[65];
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_F32, &shape, 4, x, y, 3, &a), ANL_OK);
    assert_int_equal(a->n, 4);
    assert_string_equal(a->field[0].name, "features");
    assert_memory_equal(anl__dataset_get(a, ANL__FIELD_X, 2), x[2], sizeof x[2]);
    assert_int_equal(a->class_count[1], 2);
    assert_int_equal(anl__dataset_fingerprint(a, fa), ANL_OK);
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_F32, &shape, 4, x, y, 3, &b), ANL_OK);
    assert_int_equal(anl__dataset_fingerprint(b, fb), ANL_OK);
    assert_string_equal(fa, fb);
    anl__dataset_close(b);
    y[0] = 2;
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_F32, &shape, 4, x, y, 3, &b), ANL_OK);
    assert_int_equal(anl__dataset_fingerprint(b, fb), ANL_OK);
    assert_string_not_equal(fa, fb);
    anl__dataset_close(b);
    anl__dataset_close(a);
}

static void refused(void **state)
{
    fixture *f = *state;
    uint8_t x[8] = {0};
    int32_t y[2] = {0, 3};
    anl_shape flat = {1, {4}}, square = {2, {2, 2}};
    anl__dataset *ds = NULL;
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_U8, &square, 2, x, NULL, 0, &ds), ANL_INVALID);
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_F64, &flat, 2, x, NULL, 0, &ds), ANL_INVALID);
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_U8, &flat, 2, x, y, 3, &ds), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "record 1: label 3"));
    y[0] = -1;
    assert_int_equal(anl__dataset_from_memory(f->ctx, ANL_U8, &flat, 2, x, y, 4, &ds), ANL_DATA);
    assert_null(ds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(copied_and_checked), TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
