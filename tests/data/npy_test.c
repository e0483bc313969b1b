/* NPY files: the types and shapes that are read, and what is said about the rest. */
#include "tests/data/data_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_npy(const char *path, int version, const char *descr, const char *order, const char *shape,
                    const void *data, size_t n)
{
    uint8_t file[4096];
    char text[256];
    int len = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n", descr,
                       order, shape);
    size_t head = version == 1 ? 10 : 12;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)version;
    file[7] = 0;
    for (size_t i = 8; i < head; i++) file[i] = (uint8_t)((size_t)len >> 8 * (i - 8));
    memcpy(file + head, text, (size_t)len);
    memcpy(file + head + (size_t)len, data, n);
    put(path, file, head + (size_t)len + n);
}

static anl__data_opts opts_of(const fixture *f)
{
    anl__data_opts o = anl__data_opts_default();
    o.images = at(f, "x.npy");
    o.labels = at(f, "y.npy");
    return o;
}

static void floats_and_doubles(void **state)
{
    fixture *f = *state;
    float x4[6] = {1, 2, 3, 4, 5, 6.5f};
    double x8[6] = {1, 2, 3, 4, 5, 6.5};
    int64_t y8[3] = {0, 1, 0};
    int32_t y4[3] = {0, 1, 0};
    anl__data_opts o = opts_of(f);
    for (int v = 1; v <= 2; v++) {
        anl__dataset *ds;
        if (v == 1) {
            put_npy(o.images, v, "<f4", "False", "3, 2", x4, sizeof x4);
            put_npy(o.labels, v, "<i8", "False", "3,", y8, sizeof y8);
        } else {
            put_npy(o.images, v, "<f8", "False", "3, 2", x8, sizeof x8);
            put_npy(o.labels, v, "<i4", "False", "3, 1", y4, sizeof y4);
        }
        if (anl__dataset_open(f->ctx, &o, &ds) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
        assert_int_equal(ds->n, 3);
        assert_string_equal(ds->field[0].name, "features");
        assert_int_equal(ds->field[0].dtype, ANL_F32);
        assert_memory_equal(anl__dataset_get(ds, 0, 0), x4, sizeof x4);
        assert_int_equal(ds->classes, 2);
        assert_int_equal(ds->class_count[0], 2);
        anl__dataset_close(ds);
    }
}

static void bytes_as_images(void **state)
{
    fixture *f = *state;
    uint8_t x[2 * 3 * 4] = {9}, y[2] = {1, 0};
    anl__data_opts o = opts_of(f);
    anl__dataset *ds;
    put_npy(o.images, 1, "|u1", "False", "2, 3, 4", x, sizeof x);
    put_npy(o.labels, 1, "|u1", "False", "2,", y, sizeof y);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(ds->field[0].shape.rank, 3);
    assert_int_equal(ds->field[0].shape.dim[1], 4);
    assert_int_equal(ds->field[0].shape.dim[2], 1);
    assert_memory_equal(anl__dataset_get(ds, 0, 0), x, sizeof x);
    anl__dataset_close(ds);
}

static void refuse_of(const fixture *f, bool values, anl_status want, const char *text)
{
    anl__data_opts o = opts_of(f);
    o.values = values;
    anl__dataset *ds = NULL;
    anl_status got = anl__dataset_open(f->ctx, &o, &ds);
    if (got != want || !strstr(anl_last_error(f->ctx), text))
        fail_msg("got %s: %s; expected %s: %s", anl_status_name(got), anl_last_error(f->ctx),
                 anl_status_name(want), text);
    assert_int_equal(anl__live_blocks(f->ctx), 0);
}

static void refuse(const fixture *f, anl_status want, const char *text) { refuse_of(f, false, want, text); }

static void bad_arrays(void **state)
{
    fixture *f = *state;
    const char *x = at(f, "x.npy");
    float data[6] = {0}, nan[2] = {1, NAN};
    int64_t y[3] = {0, 1, -1};
    put_npy(at(f, "y.npy"), 1, "<i8", "False", "3,", y, sizeof y);
    refuse(f, ANL_DATA, "x.npy: there is no such file");
    put(x, "PK\3\4nothing like it", 20);
    refuse(f, ANL_FORMAT, "magic");
    put(x, "\x93NUMPY\1\0\xff\xff{", 11);
    refuse(f, ANL_FORMAT, "header of 65535 bytes in a file of 11");
    put_npy(x, 3, "<f4", "False", "3, 2", data, sizeof data);
    refuse(f, ANL_FORMAT, "version 3.0");
    put_npy(x, 1, ">f4", "False", "3, 2", data, sizeof data);
    refuse(f, ANL_FORMAT, "type '>f4'");
    put_npy(x, 1, "<f4", "True", "3, 2", data, sizeof data);
    refuse(f, ANL_FORMAT, "C order");
    put_npy(x, 1, "<f4", "False", "3, 3", data, sizeof data);
    refuse(f, ANL_FORMAT, "do not make the 24 bytes");
    put_npy(x, 1, "<f4", "False", "3, a", data, sizeof data);
    refuse(f, ANL_FORMAT, "1 to 4 counts");
    put_npy(x, 1, "<f4", "False", "1, 1, 1, 1, 6", data, sizeof data);
    refuse(f, ANL_FORMAT, "1 to 4 counts");
    put_npy(x, 1, "<f4", "False", "", data, 4);
    refuse(f, ANL_FORMAT, "scalar");
    put_npy(x, 1, "<f4", "False", "0, 6", data, 0);
    refuse(f, ANL_DATA, "dimension 0 is 0");
    put_npy(x, 1, "<f4", "False", "4, 4611686018427387904, 4", data, sizeof data);
    refuse(f, ANL_FORMAT, "too large");
    put_npy(x, 1, "<f4", "False", "6,", data, sizeof data);
    refuse(f, ANL_FORMAT, "2 to 4 dimensions");
    put_npy(x, 1, "<i8", "False", "3, 1", y, sizeof y);
    refuse(f, ANL_FORMAT, "u1, f4 or f8");
    put_npy(x, 1, "<f4", "False", "2, 1", nan, sizeof nan);
    refuse(f, ANL_DATA, "record 1: element 0 is not finite");
}

static void bad_labels(void **state)
{
    fixture *f = *state;
    const char *y = at(f, "y.npy");
    float x[6] = {0};
    int64_t y8[3] = {0, 1, -1};
    put_npy(at(f, "x.npy"), 1, "<f4", "False", "3, 2", x, sizeof x);
    put_npy(y, 1, "<i8", "False", "3,", y8, sizeof y8);
    refuse(f, ANL_DATA, "record 2: label -1");
    y8[2] = (int64_t)1 << 40;
    put_npy(y, 1, "<i8", "False", "3,", y8, sizeof y8);
    refuse(f, ANL_DATA, "record 2: label 1099511627776");
    put_npy(y, 1, "<i8", "False", "2,", y8, 16);
    refuse(f, ANL_DATA, "has 3 samples, but");
    put_npy(y, 1, "<f4", "False", "3,", x, 12);
    refuse(f, ANL_FORMAT, "labels must be u1, i4 or i8");
    put_npy(y, 1, "<i8", "False", "1, 3", y8, sizeof y8);
    refuse(f, ANL_FORMAT, "3 a sample");
}

/* Labels that are values to predict, of every type that a file may have. */
static void values(void **state)
{
    fixture *f = *state;
    const char *y = at(f, "y.npy");
    float x[6] = {0}, f4[3] = {1.5f, -2, 3};
    double f8[3] = {1.5, -2, 3};
    int32_t i4[3] = {-7, 0, 7};
    int64_t i8[3] = {-7, 0, 7};
    uint8_t u1[3] = {0, 7, 255};
    const struct { const char *type; const void *data; size_t bytes; float want[3]; } list[] = {
        {"<f4", f4, sizeof f4, {1.5f, -2, 3}}, {"<f8", f8, sizeof f8, {1.5f, -2, 3}}, {"<i4", i4, sizeof i4, {-7, 0, 7}},
        {"<i8", i8, sizeof i8, {-7, 0, 7}}, {"|u1", u1, sizeof u1, {0, 7, 255}}};
    anl__data_opts o = opts_of(f);
    o.values = true;
    put_npy(at(f, "x.npy"), 1, "<f4", "False", "3, 2", x, sizeof x);
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        anl__dataset *ds = NULL;
        put_npy(y, 1, list[k].type, "False", "3,", list[k].data, list[k].bytes);
        assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
        assert_int_equal(ds->field[1].dtype, ANL_F32);
        assert_int_equal(ds->classes, 1);
        assert_null(ds->label);
        assert_memory_equal(ds->field[1].data, list[k].want, sizeof list[k].want);
        anl__dataset_close(ds);
    }
}

static void bad_values(void **state)
{
    fixture *f = *state;
    const char *y = at(f, "y.npy");
    float x[6] = {0};
    double f8[6] = {1, NAN, 3};
    put_npy(at(f, "x.npy"), 1, "<f4", "False", "3, 2", x, sizeof x);
    put_npy(y, 1, "<f8", "False", "3,", f8, 3 * sizeof *f8);
    refuse_of(f, true, ANL_DATA, "y.npy: record 1: the value nan is not finite");
    f8[1] = 1e300;
    put_npy(y, 1, "<f8", "False", "3,", f8, 3 * sizeof *f8);
    refuse_of(f, true, ANL_DATA, "record 1: the value 1e+300");
    put_npy(y, 1, "<f8", "False", "3, 2", f8, sizeof f8);
    refuse_of(f, true, ANL_FORMAT, "one value a sample is expected, found 2");
    put_npy(y, 1, "<f8", "False", "2,", f8, 2 * sizeof *f8);
    refuse_of(f, true, ANL_DATA, "has 3 samples, but");
    put_npy(y, 1, "<f8", "False", "3,", f8, 3 * sizeof *f8);
    refuse(f, ANL_FORMAT, "set data.label_type to value");
}

/* Several labels a sample: whole numbers of a file of floats are classes, -1 is not known, one may be passed over. */
static void columns(void **state)
{
    fixture *f = *state;
    const char *y = at(f, "y.npy");
    float x[6] = {0};
    double f8[12] = {1, 0.5, 7, -1, 0, -2.5, 7, 1, 1, 3.5, 7, 0};
    const int32_t first[3] = {1, 0, 1}, fourth[3] = {-1, 1, 0};
    const float second[3] = {0.5f, -2.5f, 3.5f};
    anl__dataset *ds = NULL;
    anl__data_opts o = opts_of(f);
    o.more[1] = ANL__LABEL_VALUE;
    o.more[3] = ANL__LABEL_CLASS;
    put_npy(at(f, "x.npy"), 1, "<f4", "False", "3, 2", x, sizeof x);
    put_npy(y, 1, "<f8", "False", "3, 4", f8, sizeof f8);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(ds->fields, 5);
    assert_memory_equal(ds->field[1].data, first, sizeof first);
    assert_memory_equal(ds->field[2].data, second, sizeof second);
    assert_null(ds->field[3].data);
    assert_memory_equal(ds->field[4].data, fourth, sizeof fourth);
    assert_string_equal(ds->field[4].name, "label4");
    assert_int_equal(ds->more_classes[3], 2);
    anl__dataset_close(ds);
    o.more_classes[3] = 1;
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "record 1: label4 1 is out of range, expected 0..0"));
    o.more_classes[3] = 0;
    f8[11] = 0.25;
    put_npy(y, 1, "<f8", "False", "3, 4", f8, sizeof f8);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "record 2: label4 0.25 is no class"));
    f8[11] = -2;
    put_npy(y, 1, "<f8", "False", "3, 4", f8, sizeof f8);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_DATA);
    assert_non_null(strstr(anl_last_error(f->ctx), "record 2: label4 -2 is outside"));
    put_npy(y, 1, "<f8", "False", "3, 2", f8, 6 * sizeof *f8);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_FORMAT);
    assert_non_null(strstr(anl_last_error(f->ctx), "a head reads label4, but there are 2 labels a sample"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(floats_and_doubles), TEST(bytes_as_images), TEST(bad_arrays),
                                       TEST(bad_labels), TEST(values), TEST(bad_values), TEST(columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
