/* Sets in one HDF5 file: written and read back, files as other programs write them, parts, and what is refused. */
#include "tests/data/data_test.h"

#include "datasets/hdf5.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef ANL_HAVE_HDF5

#include <hdf5.h>

enum { N = 12, H = 2, W = 3, BYTES = H * W };

/* What a test file holds; NULL: the array is not there. */
typedef struct content {
    const char *x; /* "images" or "features" */
    hid_t x_type, label_type;
    int rank;
    hsize_t dim[4];
    const void *data, *label, *part;
    hsize_t labels; /* how many */
    const char *const *names;
    int n_names;
    size_t name_size; /* 0: of variable length */
} content;

static void put_array(hid_t f, const char *name, hid_t type, int rank, const hsize_t *dim, const void *data)
{
    hid_t space = H5Screate_simple(rank, dim, NULL), id = H5Dcreate2(f, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(id);
    H5Sclose(space);
}

static void put_texts(hid_t f, const content *c)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    char flat[8][16] = {""};
    hsize_t n = (hsize_t)c->n_names;
    H5Tset_size(type, c->name_size ? sizeof flat[0] : H5T_VARIABLE);
    for (int i = 0; i < c->n_names; i++) snprintf(flat[i], sizeof flat[i], "%s", c->names[i]);
    put_array(f, "class_names", type, 1, &n, c->name_size ? (const void *)flat : (const void *)c->names);
    H5Tclose(type);
}

static const char *put_h5(const fixture *f, const char *name, const content *c)
{
    const char *path = at(f, name);
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(id >= 0);
    if (c->x) put_array(id, c->x, c->x_type, c->rank, c->dim, c->data);
    if (c->label) put_array(id, "labels", c->label_type, 1, &c->labels, c->label);
    if (c->part) put_array(id, "part", H5T_NATIVE_UINT8, 1, c->dim, c->part);
    if (c->names) put_texts(id, c);
    assert_true(H5Fclose(id) >= 0);
    return path;
}

static uint8_t pixel[N * BYTES];
static const int64_t label[N] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
static const uint8_t part[N] = {0, 2, 0, 1, 0, 0, 2, 0, 1, 0, 0, 0};
static const char *const names[] = {"oak", "rowan tree", "yew"};

static content good(void)
{
    for (int i = 0; i < N * BYTES; i++) pixel[i] = (uint8_t)(i * 3);
    return (content){.x = "images", .x_type = H5T_NATIVE_UINT8, .rank = 4, .dim = {N, H, W, 1}, .data = pixel, .label_type = H5T_NATIVE_INT64, .label = label, .labels = N};
}

static anl__data_opts options(const char *path, const char *which)
{
    anl__data_opts o = anl__data_opts_default();
    o.path = path;
    o.part = which;
    return o;
}

static anl__dataset *must_open(const fixture *f, const anl__data_opts *o)
{
    anl__dataset *ds = NULL;
    if (anl__dataset_open(f->ctx, o, &ds) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    return ds;
}

/* The rows of the file that a set is made of. */
static void has_rows(const anl__dataset *ds, const int *row, int n)
{
    assert_int_equal(ds->n, n);
    for (int i = 0; i < n; i++) {
        assert_memory_equal(anl__dataset_get(ds, ANL__FIELD_X, i), pixel + row[i] * BYTES, BYTES);
        assert_int_equal(ds->label[i], label[row[i]]);
    }
}

static void parts_of_the_file(void **state)
{
    const fixture *f = *state;
    content c = good();
    c.part = part;
    anl__data_opts o = options(put_h5(f, "a.h5", &c), "train");
    anl__dataset *ds = must_open(f, &o);
    has_rows(ds, (const int[]){0, 2, 4, 5, 7, 9, 10, 11, 3, 8}, 10); /* the validation part behind */
    assert_int_equal(ds->valid_from, 8);
    assert_true(ds->own_parts);
    assert_int_equal(ds->classes, 3);
    assert_null(ds->class_names);
    anl__dataset_close(ds);
    o.part = "test";
    assert_true(is_there(f, &o));
    o.allow_empty_class = true;
    ds = must_open(f, &o);
    has_rows(ds, (const int[]){1, 6}, 2);
    anl__dataset_close(ds);
}

/* No more than so many of a part, spread evenly: the others are not read, so that what is wrong with them is not seen. */
static void some_of_a_part(void **state)
{
    const fixture *f = *state;
    static float value[N * 2];
    content c = good();
    c.part = part;
    anl__data_opts o = options(put_h5(f, "a.h5", &c), "train");
    o.most = 4;
    anl__dataset *ds = must_open(f, &o);
    has_rows(ds, (const int[]){0, 4, 9, 11}, 4); /* of 0, 2, 4, 5, 7, 9, 10, 11, 3, 8 */
    anl__dataset_close(ds);
    o.most = 10;
    ds = must_open(f, &o);
    assert_int_equal(ds->n, 10);
    anl__dataset_close(ds);
    value[2] = NAN;
    c = (content){.x = "features", .x_type = H5T_NATIVE_FLOAT, .rank = 2, .dim = {N, 2}, .data = value, .label_type = H5T_NATIVE_INT64, .label = label, .labels = N};
    o = options(put_h5(f, "b.h5", &c), "train");
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_DATA);
    o.most = 6; /* every second */
    o.allow_empty_class = true;
    ds = must_open(f, &o);
    assert_int_equal(ds->n, 6);
    anl__dataset_close(ds);
}

/* Without parts of its own: each sample is in one of them, classes in their shares. */
static void drawn_parts(void **state)
{
    const fixture *f = *state;
    content c = good();
    anl__data_opts o = options(put_h5(f, "a.h5", &c), "train");
    int seen[N] = {0}, of_class[3] = {0};
    o.parts.test = 0.25;
    for (int k = 0; k < 2; k++) {
        anl__dataset *ds = must_open(f, &o);
        assert_int_equal(ds->n, k ? 3 : 9);
        assert_int_equal(ds->valid_from, ds->n);
        assert_false(ds->own_parts);
        for (int64_t i = 0; i < ds->n; i++) {
            const uint8_t *x = anl__dataset_get(ds, ANL__FIELD_X, i);
            int row = 0;
            while (row < N && memcmp(x, pixel + row * BYTES, BYTES)) row++;
            assert_true(row < N);
            seen[row]++;
            of_class[ds->label[i]] += k;
        }
        anl__dataset_close(ds);
        o.part = "test";
    }
    for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
    for (int i = 0; i < 3; i++) assert_int_equal(of_class[i], 1);
    o.parts.test = 0;
    assert_false(is_there(f, &o));
}

static void class_names(void **state)
{
    const fixture *f = *state;
    for (int fixed = 0; fixed < 2; fixed++) {
        content c = good();
        c.names = names;
        c.n_names = 3;
        c.name_size = (size_t)fixed;
        anl__data_opts o = options(put_h5(f, "a.h5", &c), NULL);
        anl__dataset *ds = must_open(f, &o);
        for (int i = 0; i < 3; i++) assert_string_equal(ds->class_names[i], names[i]);
        assert_int_equal(ds->n, N);
        anl__dataset_close(ds);
    }
}

/* Floats of 8 bytes become float32; values; a table; images without an axis of channels; no labels. */
static void other_forms(void **state)
{
    const fixture *f = *state;
    double x[N * BYTES], y[N];
    content c = good();
    for (int i = 0; i < N * BYTES; i++) x[i] = i / 8.0;
    for (int i = 0; i < N; i++) y[i] = i * 0.25 - 1;
    c.x_type = c.label_type = H5T_NATIVE_DOUBLE;
    c.data = x;
    c.label = y;
    anl__data_opts o = options(put_h5(f, "a.h5", &c), NULL);
    o.values = true;
    anl__dataset *ds = must_open(f, &o);
    for (int i = 0; i < N; i++) assert_true(ds->value[i] == (float)y[i]);
    for (int i = 0; i < N * BYTES; i++) assert_true(((const float *)ds->field[0].data)[i] == (float)x[i]);
    anl__dataset_close(ds);
    c = good();
    c.x = "features";
    c.rank = 2;
    c.dim[1] = BYTES;
    c.label = NULL;
    o = options(NULL, NULL);
    o.images = put_h5(f, "b.h5", &c);
    ds = must_open(f, &o);
    assert_string_equal(ds->field[0].name, "features");
    assert_int_equal(ds->fields, 1);
    assert_int_equal(ds->n, N);
    anl__dataset_close(ds);
    c = good();
    c.rank = 3;
    o = options(put_h5(f, "c.h5", &c), NULL);
    ds = must_open(f, &o);
    assert_int_equal(ds->field[0].shape.dim[2], 1);
    assert_int_equal(ds->field[0].shape.dim[1], W);
    anl__dataset_close(ds);
}

/* What is written is read back, and the content's fingerprint stays. */
static void round_trip(void **state)
{
    const fixture *f = *state;
    content c = good();
    c.part = part;
    c.names = names;
    c.n_names = 3;
    anl__data_opts o = options(put_h5(f, "a.h5", &c), "train");
    char before[65], after[65];
    anl__dataset *train = must_open(f, &o);
    o.part = "test";
    o.allow_empty_class = true;
    anl__dataset *test = must_open(f, &o);
    assert_int_equal(anl__dataset_fingerprint(train, before), ANL_OK);
    assert_int_equal(anl__hdf5_write(f->ctx, at(f, "out.h5"), train, test), ANL_OK);
    o = options(at(f, "out.h5"), "train");
    anl__dataset *again = must_open(f, &o);
    assert_int_equal(anl__dataset_fingerprint(again, after), ANL_OK);
    assert_string_equal(before, after);
    assert_int_equal(again->valid_from, train->valid_from);
    assert_string_equal(again->class_names[1], "rowan tree");
    anl__dataset_close(again);
    o.part = "test";
    o.allow_empty_class = true;
    again = must_open(f, &o);
    assert_int_equal(again->n, 2);
    assert_int_equal(again->label[0], 1);
    anl__dataset_close(again);
    anl__dataset_close(test);
    anl__dataset_close(train);
}

static void refuse(const fixture *f, const content *c, bool values, const char *text)
{
    anl__dataset *ds = NULL;
    anl__data_opts o = options(put_h5(f, "bad.h5", c), "train");
    o.values = values;
    anl_status st = anl__dataset_open(f->ctx, &o, &ds);
    if ((st != ANL_DATA && st != ANL_FORMAT) || !strstr(anl_last_error(f->ctx), text)) fail_msg("%s: %s; expected %s", anl_status_name(st), anl_last_error(f->ctx), text);
}

static void bad_content(void **state)
{
    const fixture *f = *state;
    static const int64_t negative[N] = {0, 1, -1};
    static const uint8_t fourth[N] = {0, 3};
    static const float endless[N] = {0, 1.0f / 0.0f};
    static const char *const two_lines[] = {"a", "b\nc", "d"};
    content c = good();
    c.x = "pictures";
    refuse(f, &c, false, "neither /images nor /features");
    c = good();
    c.x_type = H5T_NATIVE_INT32;
    c.rank = 3;
    c.data = (const int32_t[N * BYTES]){0};
    refuse(f, &c, false, "/images must be uint8 or float");
    c = good();
    c.rank = 2;
    c.dim[1] = BYTES;
    refuse(f, &c, false, "/images has 2 dimensions");
    c = good();
    c.labels = N - 1;
    refuse(f, &c, false, "/labels is not one number for each of the 12");
    c = good();
    c.label = negative;
    refuse(f, &c, false, "/labels of sample 2 is -1");
    c = good();
    c.part = fourth;
    refuse(f, &c, false, "/part of sample 1 is 3");
    c = good();
    c.label = endless;
    c.label_type = H5T_NATIVE_FLOAT;
    refuse(f, &c, false, "set data.label_type to value");
    refuse(f, &c, true, "/labels of sample 1 is not finite");
    c = good();
    c.names = names;
    c.n_names = 2;
    refuse(f, &c, false, "/class_names must be 3 texts");
    c.names = two_lines;
    c.n_names = 3;
    refuse(f, &c, false, "line break");
}

/* Cut anywhere it is an error, never a crash, and never another content. */
static void cut_files(void **state)
{
    const fixture *f = *state;
    content c = good();
    c.names = names;
    c.n_names = 3;
    static char whole[65536];
    size_t n = take(put_h5(f, "a.h5", &c), whole, sizeof whole);
    for (size_t keep = 8; keep < n; keep += 97) {
        anl__dataset *ds = NULL;
        put(at(f, "cut.h5"), whole, keep);
        anl__data_opts o = options(at(f, "cut.h5"), NULL);
        assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_FORMAT);
    }
}

/* A write that fails leaves the old file. */
static void full_disk(void **state)
{
    const fixture *f = *state;
    content c = good();
    anl__data_opts o = options(put_h5(f, "a.h5", &c), NULL);
    anl__dataset *ds = must_open(f, &o);
    const char *path = at(f, "out.h5");
    char old[8] = "";
    put(path, "old", 3);
    for (int k = 0; k < 2; k++) {
        anl__inject(f->ctx, k ? ANL__INJECT_RENAME : ANL__INJECT_FSYNC, 1);
        assert_int_equal(anl__hdf5_write(f->ctx, path, ds, NULL), ANL_IO);
        assert_int_equal(take(path, old, sizeof old), 3);
    }
    anl__inject(f->ctx, ANL__INJECT_RENAME, 0);
    anl__dataset_close(ds);
}

/* The n-th allocation fails, for every n. */
static void out_of_memory(void **state)
{
    const fixture *f = *state;
    content c = good();
    c.part = part;
    c.names = names;
    c.n_names = 3;
    anl__data_opts o = options(put_h5(f, "a.h5", &c), "train");
    anl_status st = ANL_NOMEM;
    int64_t nth = 1;
    for (; st == ANL_NOMEM; nth++) {
        anl__dataset *ds = NULL;
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        st = anl__dataset_open(f->ctx, &o, &ds);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        anl__dataset_close(ds);
    }
    assert_int_equal(st, ANL_OK);
    assert_true(nth > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_of_the_file, fixture_setup, fixture_teardown), cmocka_unit_test_setup_teardown(drawn_parts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(some_of_a_part, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(class_names, fixture_setup, fixture_teardown),       cmocka_unit_test_setup_teardown(other_forms, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(round_trip, fixture_setup, fixture_teardown),        cmocka_unit_test_setup_teardown(bad_content, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(cut_files, fixture_setup, fixture_teardown),         cmocka_unit_test_setup_teardown(full_disk, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void no_hdf5(void **state)
{
    (void)state;
    print_message("skipped: a build without HDF5 reads no such sets\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_hdf5)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
