/* IDX files, plain and compressed: what is read, and what is said about bad ones. */
#include "tests/data/data_test.h"

#include "datasets/known.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static anl__data_opts opts_of(const fixture *f)
{
    anl__data_opts o = anl__data_opts_default();
    o.path = f->dir;
    o.cache = false;
    return o;
}

static void check_set(const anl__dataset *ds, int n)
{
    assert_int_equal(ds->n, n);
    assert_int_equal(ds->fields, 2);
    assert_string_equal(ds->field[0].name, "image");
    assert_int_equal(ds->field[0].dtype, ANL_U8);
    assert_int_equal(ds->field[0].shape.rank, 3);
    assert_int_equal(ds->field[0].shape.dim[0], SET_H);
    assert_int_equal(ds->field[0].shape.dim[1], SET_W);
    assert_int_equal(ds->field[0].shape.dim[2], 1);
    assert_int_equal(ds->classes, SET_CLASSES);
    int64_t sum = 0;
    for (int c = 0; c < ds->classes; c++) sum += ds->class_count[c];
    assert_int_equal(sum, n);
    for (int i = 0; i < n; i++) {
        const uint8_t *p = anl__dataset_get(ds, ANL__FIELD_X, i);
        const int32_t *y = anl__dataset_get(ds, ANL__FIELD_LABEL, i);
        for (int k = 0; k < SET_H * SET_W; k++) assert_int_equal(p[k], set_pixel(i, k));
        assert_int_equal(*y, i % SET_CLASSES);
    }
}

static void plain_and_compressed_are_the_same(void **state)
{
    fixture *f = *state;
    anl__dataset *ds;
    char plain[65], gz[65];
    anl__data_opts o = opts_of(f);
    put_set(f, 100, true);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    check_set(ds, 100);
    assert_int_equal(anl__dataset_fingerprint(ds, gz), ANL_OK);
    anl__dataset_close(ds);
    put_set(f, 100, false);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    check_set(ds, 100);
    assert_int_equal(anl__dataset_fingerprint(ds, plain), ANL_OK);
    anl__dataset_close(ds);
    assert_string_equal(plain, gz);
    put_set(f, 99, false);
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(anl__dataset_fingerprint(ds, plain), ANL_OK);
    assert_string_not_equal(plain, gz);
    anl__dataset_close(ds);
}

static void several_gzip_members(void **state)
{
    fixture *f = *state;
    uint8_t file[4 + 16 + 20000], gz[65536];
    memset(file, 7, sizeof file);
    make_idx(file, 2, (uint32_t[]){100, 200}, NULL, 0);
    put_gz(at(f, "a.gz"), file, 15000);
    put_gz(at(f, "b.gz"), file + 15000, 12 + 20000 - 15000);
    size_t n = take(at(f, "a.gz"), gz, sizeof gz);
    n += take(at(f, "b.gz"), gz + n, sizeof gz - n);
    put(at(f, "both.gz"), gz, n);
    anl__data_opts o = anl__data_opts_default();
    anl__dataset *ds;
    o.images = at(f, "both.gz");
    o.cache = false;
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(ds->n, 100);
    assert_string_equal(ds->field[0].name, "features");
    assert_int_equal(ds->field[0].shape.dim[0], 200);
    assert_int_equal(ds->fields, 1);
    assert_int_equal(ds->classes, 0);
    anl__dataset_close(ds);
}

static void colour_images(void **state)
{
    fixture *f = *state;
    uint8_t file[64], data[2 * 2 * 3 * 3] = {1, 2, 3};
    put(at(f, "c"), file, make_idx(file, 4, (uint32_t[]){2, 2, 3, 3}, data, sizeof data));
    anl__data_opts o = anl__data_opts_default();
    anl__dataset *ds;
    o.images = at(f, "c");
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(ds->field[0].shape.dim[2], 3);
    assert_int_equal(ds->field[0].bytes, 18);
    anl__dataset_close(ds);
}

/* ---- bad files -------------------------------------------------------------------------------- */

static void refuse(const fixture *f, const anl__data_opts *o, anl_status want, const char *text)
{
    anl__dataset *ds = NULL;
    anl_status got = anl__dataset_open(f->ctx, o, &ds);
    if (got != want || !strstr(anl_last_error(f->ctx), text))
        fail_msg("got %s: %s; expected %s: %s", anl_status_name(got), anl_last_error(f->ctx),
                 anl_status_name(want), text);
    assert_null(ds);
    assert_int_equal(anl__live_blocks(f->ctx), 0);
}

static void refuse_images(const fixture *f, const void *bytes, size_t n, anl_status want, const char *text)
{
    anl__data_opts o = anl__data_opts_default();
    o.cache = false;
    o.images = at(f, "bad");
    put(at(f, "bad"), bytes, n);
    refuse(f, &o, want, text);
}

static void missing_files(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    refuse(f, &o, ANL_DATA, "found no train files there");
    o.part = "test";
    refuse(f, &o, ANL_DATA, "t10k-images");
    assert_false(is_there(f, &o));
    o.part = "tets";
    refuse(f, &o, ANL_INVALID, "train or test, not tets");
    o = opts_of(f);
    o.path = "fashion-mnits";
    refuse(f, &o, ANL_DATA, "did you mean fashion-mnist?");
    o.path = NULL;
    refuse(f, &o, ANL_INVALID, "needs a path");
    o.images = at(f, "nothing");
    refuse(f, &o, ANL_DATA, "nothing: there is no such file");
    o.images = f->dir;
    refuse(f, &o, ANL_DATA, "no pictures there");
    o.optional = true; /* a file that is named must be there */
    o.images = at(f, "nothing");
    refuse(f, &o, ANL_DATA, "nothing: there is no such file");
    o.images = NULL;
    assert_false(is_there(f, &o));
    o.images = f->dir;
    o.format = "ixd";
    refuse(f, &o, ANL_INVALID, "did you mean idx?");
}

static void bad_headers(void **state)
{
    fixture *f = *state;
    uint8_t b[128], data[64] = {0};
    refuse_images(f, "", 0, ANL_FORMAT, "found 0 bytes");
    refuse_images(f, "\x89PNG\r\n", 6, ANL_FORMAT, "not an IDX file");
    refuse_images(f, "\0\0\x0d\x03", 4, ANL_FORMAT, "32-bit float");
    refuse_images(f, "\0\0\x08\x01", 4, ANL_FORMAT, "2 to 4 IDX dimensions, found 1");
    refuse_images(f, "\0\0\x08\x03\0\0", 6, ANL_FORMAT, "cut short after 6");
    refuse_images(f, b, make_idx(b, 3, (uint32_t[]){2, 4, 4}, data, 31), ANL_FORMAT, "cut short?");
    refuse_images(f, b, make_idx(b, 3, (uint32_t[]){2, 4, 4}, data, 33), ANL_FORMAT, "too long");
    refuse_images(f, b, make_idx(b, 3, (uint32_t[]){0, 4, 4}, data, 0), ANL_DATA, "dimension 0 is 0");
    refuse_images(f, b, make_idx(b, 3, (uint32_t[]){2, 4, 0}, data, 0), ANL_DATA, "dimension 2 is 0");
    refuse_images(f, b, make_idx(b, 4, (uint32_t[]){~0u, ~0u, ~0u, ~0u}, data, 9), ANL_FORMAT, "too large");
    refuse_images(f, b, make_idx(b, 3, (uint32_t[]){~0u, ~0u, ~0u}, data, 9), ANL_FORMAT, "do not make");
}

static void bad_compression(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    const char *images = at(f, "train-images-idx3-ubyte.gz");
    struct stat s;
    put_set(f, 1000, true);
    assert_int_equal(stat(images, &s), 0);
    flip_byte(images, s.st_size / 2);
    refuse(f, &o, ANL_FORMAT, "damaged or cut short");
    put_set(f, 1000, true);
    for (long n = 2; n < s.st_size;
         n += n < 30 ? 1 : s.st_size / 7) { /* every length of a cut header, and some of the body */
        put_set(f, 1000, true);
        cut(images, n);
        refuse(f, &o, ANL_FORMAT, "damaged or cut short");
    }
    put_set(f, 1000, true);
    flip_byte(images, -1); /* the size in the trailer */
    refuse(f, &o, ANL_FORMAT, "damaged or cut short");
    put_set(f, 1000, true);
    o.max_bytes = 8192;
    refuse(f, &o, ANL_DATA, "more than the allowed 8192 bytes");
}

static void bad_labels(void **state)
{
    fixture *f = *state;
    uint8_t b[128], y[30];
    anl__data_opts o = opts_of(f);
    put_set(f, 30, false);
    for (int i = 0; i < 30; i++) y[i] = (uint8_t)(i % 3);
    const char *labels = at(f, "train-labels-idx1-ubyte");
    put(labels, b, make_idx(b, 1, (uint32_t[]){29}, y, 29));
    refuse(f, &o, ANL_DATA, "30 images, but");
    y[17] = 5;
    put(labels, b, make_idx(b, 1, (uint32_t[]){30}, y, 30));
    refuse(f, &o, ANL_DATA, "class 3 of 6 has no sample");
    o.classes = 3;
    refuse(f, &o, ANL_DATA, "record 17: label 5 is out of range, expected 0..2");
    o.classes = 65537;
    refuse(f, &o, ANL_INVALID, "65537 classes");
    put(labels, b, make_idx(b, 3, (uint32_t[]){30, 1, 1}, y, 30));
    o.classes = 0;
    refuse(f, &o, ANL_FORMAT, "expected 1 to 1 IDX dimensions, found 3");
}

static void an_empty_class_can_be_allowed(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    anl__dataset *ds;
    put_set(f, 30, false);
    o.classes = 4;
    refuse(f, &o, ANL_DATA, "class 3 of 4 has no sample");
    static const char *const names[] = {"red", "green", "blue", "black"};
    o.class_names = names;
    refuse(f, &o, ANL_DATA, "class 3 (black) of 4");
    o.allow_empty_class = true;
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(ds->class_count[3], 0);
    anl__dataset_close(ds);
}

static void every_failed_allocation_is_reported(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    anl__dataset *ds = NULL;
    anl_status st = ANL_NOMEM;
    put_set(f, 50, true);
    for (int64_t nth = 1; st != ANL_OK; nth++) {
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        st = anl__dataset_open(f->ctx, &o, &ds);
        if (st != ANL_OK) {
            assert_int_equal(st, ANL_NOMEM);
            assert_int_equal(anl__live_blocks(f->ctx), 0);
        }
    }
    anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
    check_set(ds, 50);
    anl__dataset_close(ds);
}

static void fashion_mnist(void **state)
{
    fixture *f = *state;
    const anl__known_set *known = anl__known_find("fashion-mnist");
    anl__data_opts o = anl__data_opts_default();
    anl__dataset *ds;
    assert_non_null(known);
#ifdef ANL_HAVE_DEFLATE
    const char *why = access(known->dir, R_OK) ? "Fashion-MNIST is not installed" : NULL;
#else
    const char *why = "a build without a decoder refuses .gz";
#endif
    if (why) {
        print_message("skipped: %s\n", why);
        skip();
    }
    o.path = "fashion-mnist";
    o.cache = false;
    o.part = "test";
    assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
    assert_int_equal(ds->n, 10000);
    assert_int_equal(ds->classes, 10);
    assert_string_equal(ds->class_names[9], "Ankle boot");
    for (int c = 0; c < 10; c++) assert_int_equal(ds->class_count[c], 1000);
    assert_int_equal(*(const int32_t *)anl__dataset_get(ds, ANL__FIELD_LABEL, 0), 9);
    anl__dataset_close(ds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_and_compressed_are_the_same),
        TEST(several_gzip_members),
        TEST(colour_images),
        TEST(missing_files),
        TEST(bad_headers),
        TEST(bad_compression),
        TEST(bad_labels),
        TEST(an_empty_class_can_be_allowed),
        TEST(every_failed_allocation_is_reported),
        TEST(fashion_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
