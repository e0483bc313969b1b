/* Sets of pictures as data sets: parts, labels, one size and channels for all, damaged files, the decoded cache. */
#include "tests/data/data_test.h"

#include "tests/common/pictures_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 6 };

static anl__data_opts opts_of(const fixture *f)
{
    static char set[SCRATCH_PATH + 8], cache[SCRATCH_PATH + 8];
    anl__data_opts o = anl__data_opts_default();
    snprintf(set, sizeof set, "%s/s", f->dir);
    snprintf(cache, sizeof cache, "%s/cache", f->dir);
    o.path = set;
    o.cache_dir = cache;
    o.pictures.threads = 2;
    return o;
}

static anl__dataset *opened(fixture *f, const anl__data_opts *o)
{
    anl__dataset *ds = NULL;
    if (anl__dataset_open(f->ctx, o, &ds) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    return ds;
}

static void refuses(fixture *f, const anl__data_opts *o, const char *a, const char *b)
{
    anl__dataset *ds = NULL;
    assert_int_equal(anl__dataset_open(f->ctx, o, &ds), ANL_DATA);
    assert_null(ds);
    if (!strstr(anl_last_error(f->ctx), a) || (b && !strstr(anl_last_error(f->ctx), b))) fail_msg("\"%s\" does not say \"%s\" and \"%s\"", anl_last_error(f->ctx), a, b ? b : a);
}

static void logged(const fixture *f, const char *what)
{
    if (!strstr(f->log, what)) fail_msg("the log does not say \"%s\":\n%s", what, f->log);
}

static void grey(const fixture *f, const char *name, uint8_t value) { picture_put_grey(at(f, name), SIDE, SIDE, value); }

static int first_value(const anl__dataset *ds, int64_t i) { return *(const uint8_t *)anl__dataset_get(ds, ANL__FIELD_X, i); }

/* Four classes' names, values and labels of each sample: all of a sample's pixels are of one value. */
static void samples_are(const anl__dataset *ds, int n, const int *value, const int *label)
{
    assert_int_equal(ds->n, n);
    for (int i = 0; i < n; i++) {
        const uint8_t *p = anl__dataset_get(ds, ANL__FIELD_X, i);
        for (size_t k = 0; k < ds->field[ANL__FIELD_X].bytes; k++) assert_int_equal(p[k], value[i]);
        if (label) assert_int_equal(ds->label[i], label[i]);
    }
}

static void fingerprint_of(fixture *f, const anl__data_opts *o, char hex[65])
{
    anl__dataset *ds = opened(f, o);
    assert_int_equal(anl__dataset_fingerprint(ds, hex), ANL_OK);
    anl__dataset_close(ds);
}

/* ---- what a set is ----------------------------------------------------------------------------- */

static void parts_of_folders(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    grey(f, "s/train/cat/1.png", 10);
    grey(f, "s/train/cat/2.png", 20);
    grey(f, "s/train/dog/1.png", 30);
    grey(f, "s/val/dog/9.png", 90);
    grey(f, "s/test/dog/5.png", 50);
    grey(f, "s/train/readme.png", 1); /* in no class */
    assert_true(is_there(f, &o));
    anl__dataset *ds = opened(f, &o);
    samples_are(ds, 4, (const int[]){10, 20, 30, 90}, (const int[]){0, 0, 1, 1});
    assert_int_equal(ds->valid_from, 3);
    assert_true(ds->own_parts);
    assert_int_equal(ds->classes, 2);
    assert_string_equal(ds->class_names[0], "cat");
    assert_string_equal(ds->class_names[1], "dog");
    assert_string_equal(ds->item[2], at(f, "s/train/dog/1.png"));
    const anl_shape *s = &ds->field[ANL__FIELD_X].shape;
    assert_true(s->rank == 3 && s->dim[0] == SIDE && s->dim[1] == SIDE && s->dim[2] == 1);
    assert_int_equal(ds->field[ANL__FIELD_X].dtype, ANL_U8);
    anl__dataset_close(ds);
    logged(f, "1 files are no pictures by their names, or lie in no class's folder, and are left out, the first");
    o.part = "test";
    assert_true(is_there(f, &o));
    o.allow_empty_class = true;
    ds = opened(f, &o);
    samples_are(ds, 1, (const int[]){50}, (const int[]){1});
    assert_int_equal(ds->classes, 2);
    anl__dataset_close(ds);
    o.allow_empty_class = false;
    refuses(f, &o, "class 0 (cat) of 2 has no sample", NULL);
}

static void drawn_test_part(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char name[64];
    uint8_t seen[256] = {0};
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "s/%c/%02d.png", 'a' + i % 2, i);
        grey(f, name, (uint8_t)i);
    }
    o.part = "test";
    assert_false(is_there(f, &o)); /* none is drawn where none is asked for */
    refuses(f, &o, "found no samples of a test part", NULL);
    o.parts.test = 0.1;
    assert_true(is_there(f, &o));
    for (int round = 0; round < 2; round++)
        for (int part = 0; part < 2; part++) {
            o.part = part ? "test" : "train";
            anl__dataset *ds = opened(f, &o);
            assert_int_equal(ds->n, part ? 4 : 36);
            assert_int_equal(ds->class_count[0], part ? 2 : 18);
            assert_false(ds->own_parts);
            assert_int_equal(ds->valid_from, ds->n);
            for (int64_t i = 0; i < ds->n; i++) {
                assert_int_equal(ds->label[i], first_value(ds, i) % 2);
                seen[first_value(ds, i)] += part ? 16 : 1;
            }
            anl__dataset_close(ds);
        }
    for (int i = 0; i < 40; i++) assert_true(seen[i] == 2 || seen[i] == 32); /* twice in the same part */
    o.parts = (anl__parts_opts){.test_only = true};
    o.part = "test";
    anl__dataset *ds = opened(f, &o);
    assert_int_equal(ds->n, 40);
    anl__dataset_close(ds);
}

static void tables(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    grey(f, "s/x/1.png", 11);
    grey(f, "s/2.png", 22);
    grey(f, "s/3.png", 33);
    const char classes[] = "file,label,part\n3.png,no,test\nx/1.png,yes,valid\n2.png,no,train\n2.png,yes,train\n";
    put(at(f, "s/labels.csv"), classes, sizeof classes - 1);
    anl__dataset *ds = opened(f, &o); /* a table beside the pictures is found */
    samples_are(ds, 3, (const int[]){22, 22, 11}, (const int[]){0, 1, 1});
    assert_int_equal(ds->valid_from, 2);
    anl__dataset_close(ds);
    o.part = "test";
    o.allow_empty_class = true;
    assert_true(is_there(f, &o));
    ds = opened(f, &o);
    samples_are(ds, 1, (const int[]){33}, (const int[]){0});
    anl__dataset_close(ds);
    const char values[] = "picture,y\nx/1.png,-0.5\n3.png,7\n";
    put(at(f, "values.csv"), values, sizeof values - 1);
    o = opts_of(f);
    o.path = NULL;
    o.images = at(f, "s");
    o.labels = at(f, "values.csv");
    o.values = true;
    o.pictures.file = "picture";
    o.pictures.label = "y";
    ds = opened(f, &o);
    samples_are(ds, 2, (const int[]){11, 33}, NULL);
    assert_null(ds->label);
    assert_true(ds->value[0] == -0.5f && ds->value[1] == 7.0f);
    assert_int_equal(ds->field[ANL__FIELD_LABEL].dtype, ANL_F32);
    anl__dataset_close(ds);
    o.part = "test";
    assert_false(is_there(f, &o));
}

static void without_labels(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    grey(f, "s/1.png", 1);
    grey(f, "s/deep/2.png", 2);
    grey(f, "odd", 3);
    o.path = NULL;
    o.images = at(f, "odd"); /* found to be a picture by its first bytes */
    anl__dataset *ds = opened(f, &o);
    samples_are(ds, 1, (const int[]){3}, NULL);
    assert_int_equal(ds->fields, 1);
    anl__dataset_close(ds);
    const char *files[] = {at(f, "odd"), at(f, "s")};
    o.pictures.files = files;
    o.pictures.n_files = 2;
    ds = opened(f, &o);
    samples_are(ds, 3, (const int[]){3, 1, 2}, NULL);
    assert_string_equal(ds->item[2], at(f, "s/deep/2.png"));
    anl__dataset_close(ds);
    assert_int_equal(access(at(f, "cache"), F_OK), -1);
}

static void number_of_classes(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    grey(f, "s/a/1.png", 1);
    grey(f, "s/b/1.png", 2);
    o.classes = 3;
    refuses(f, &o, "has 2 classes, and data.classes says 3", NULL);
    o.classes = 2;
    anl__dataset_close(opened(f, &o));
    assert_int_equal(mkdir(at(f, "s/c"), 0755), 0);
    o.classes = 0;
    refuses(f, &o, "class 2 (c) of 3 has no sample", NULL);
}

static void one_size_for_all(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    grey(f, "s/a/1.png", 1);
    picture_put_grey(at(f, "s/a/2.png"), 9, 4, 2);
    refuses(f, &o, "are not of one size: ", "a/1.png is 6x6");
    refuses(f, &o, "a/2.png is 4x9 (height, width)", "data.size: [6, 6]");
    o.pictures.height = 3;
    o.pictures.width = 5;
    anl__dataset *ds = opened(f, &o);
    samples_are(ds, 2, (const int[]){1, 2}, NULL);
    assert_true(ds->field[0].shape.dim[0] == 3 && ds->field[0].shape.dim[1] == 5);
    anl__dataset_close(ds);
    o.max_bytes = 29;
    refuses(f, &o, "2 pictures of 3x5x1 are more than the allowed 29 bytes: choose a smaller data.size", NULL);
    o.max_bytes = 30;
    anl__dataset_close(opened(f, &o));
}

static void channels_of_all(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    uint8_t rgb[SIDE * SIDE * 3];
    for (int i = 0; i < SIDE * SIDE; i++) memcpy(rgb + 3 * i, (const uint8_t[]){200, 100, 0}, 3);
    picture_file colour = picture_png(SIDE, SIDE, PNG_RGB, 8, rgb);
    grey(f, "s/a/1.png", 70);
    anl__dataset *ds = opened(f, &o);
    assert_int_equal(ds->field[0].shape.dim[2], 1);
    anl__dataset_close(ds);
    picture_put(at(f, "s/a/2.png"), &colour);
    picture_free(&colour);
    ds = opened(f, &o);
    assert_int_equal(ds->field[0].shape.dim[2], 3);
    assert_memory_equal(anl__dataset_get(ds, 0, 0), "\x46\x46\x46\x46", 4);
    assert_memory_equal(anl__dataset_get(ds, 0, 1), "\xc8\x64\0\xc8", 4);
    anl__dataset_close(ds);
    o.pictures.channels = 1;
    ds = opened(f, &o);
    assert_int_equal(ds->field[0].shape.dim[2], 1);
    assert_int_equal(first_value(ds, 1), (77 * 200 + 150 * 100) >> 8);
    anl__dataset_close(ds);
}

/* ---- damaged files ----------------------------------------------------------------------------- */

static void damaged_files(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    for (int given = 0; given < 2; given++) { /* found when it is looked at, and when it is decoded only */
        o.pictures.height = o.pictures.width = given ? SIDE : 0;
        o.pictures.channels = given;
        o.pictures.drop_damaged = false;
        f->log[0] = 0;
        grey(f, "s/a/1.png", 1);
        grey(f, "s/a/2.png", 2);
        grey(f, "s/a/3.png", 3);
        grey(f, "s/b/4.png", 4);
        cut(at(f, "s/a/2.png"), 40);
        refuses(f, &o, "s/a/2.png: it is cut short: no end chunk (`data.damaged: drop` leaves such files out)", NULL);
        put(at(f, "s/a/3.png"), "", 0);
        refuses(f, &o, "s/a/2.png: it is cut short", "(and 1 more of 4 files;");
        o.pictures.drop_damaged = true;
        assert_string_equal(f->log, "");
        for (int again = 0; again < 2; again++) { /* made, and from the cache */
            anl__dataset *ds = opened(f, &o);
            samples_are(ds, 2, (const int[]){1, 4}, (const int[]){0, 1});
            assert_string_equal(ds->item[1], at(f, "s/b/4.png"));
            anl__dataset_close(ds);
            logged(f, "2 of 4 files of ");
            logged(f, "cannot be read and are left out");
            if (!again) logged(f, "a/2.png: it is cut short");
            f->log[0] = 0;
        }
        o.cache = false;
        anl__dataset_close(opened(f, &o));
        logged(f, "2 of 4 files of ");
        o.cache = true;
        put(at(f, "s/b/4.png"), "\0\0\0\x18" "ftypheic", 12);
        refuses(f, &o, "class 1 (b) of 2 has no sample", NULL);
        o.pictures.drop_damaged = false;
        grey(f, "s/a/2.png", 2);
        grey(f, "s/a/3.png", 3);
        refuses(f, &o, "s/b/4.png: HEIC: such files are not read", NULL);
        o.pictures.drop_damaged = true;
        put(at(f, "s/a/1.png"), "no", 2);
        put(at(f, "s/a/2.png"), "no", 2);
        put(at(f, "s/a/3.png"), "no", 2);
        refuses(f, &o, "no file of 4 can be read", NULL);
    }
}

/* ---- the cache --------------------------------------------------------------------------------- */

/* The cache's files; *one is the last that was found. */
static int entries(const fixture *f, char one[512])
{
    DIR *d = opendir(at(f, "cache"));
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(one, 512, "%s/cache/%.200s", f->dir, e->d_name);
        n++;
    }
    if (d) closedir(d);
    return n;
}

/* The file's time, so many billionths of a second later than the others'. */
static void touch(const fixture *f, const char *name, long later)
{
    struct timespec t[2] = {{1000000000, 5 + later}, {1000000000, 5 + later}};
    assert_int_equal(utimensat(AT_FDCWD, at(f, name), t, 0), 0);
}

/* Two pictures; the second is of that value. Files of the same size and time whatever the value: only what is in them tells. */
static void put_two(const fixture *f, uint8_t value)
{
    grey(f, "s/a/1.png", 5);
    grey(f, "s/b/2.png", value);
    touch(f, "s/a/1.png", 0);
    touch(f, "s/b/2.png", 0);
}

static int second_value(fixture *f, const anl__data_opts *o)
{
    anl__dataset *ds = opened(f, o);
    assert_int_equal(ds->n, 2);
    int v = first_value(ds, 1);
    samples_are(ds, 2, (const int[]){5, v}, (const int[]){0, 1});
    anl__dataset_close(ds);
    return v;
}

static void second_opening_is_from_the_cache(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char first[65], second[65], one[512];
    put_two(f, 100);
    assert_int_equal(second_value(f, &o), 100);
    assert_int_equal(entries(f, one), 1);
    fingerprint_of(f, &o, first);
    put_two(f, 200); /* behind the cache's back: what is then seen is what it holds */
    assert_int_equal(second_value(f, &o), 100);
    fingerprint_of(f, &o, second);
    assert_string_equal(first, second);
    o.cache = false;
    assert_int_equal(second_value(f, &o), 200);
    fingerprint_of(f, &o, second);
    assert_string_not_equal(first, second);
    put_two(f, 100);
    fingerprint_of(f, &o, second);
    assert_string_equal(first, second); /* the same with the cache and without */
    assert_string_equal(f->log, "");
    assert_int_equal(entries(f, one), 1);
}

static void changes_are_seen(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char one[512];
    put_two(f, 100);
    assert_int_equal(second_value(f, &o), 100);
    put_two(f, 110);
    touch(f, "s/b/2.png", 1); /* by the time */
    assert_int_equal(second_value(f, &o), 110);
    put_two(f, 120);
    touch(f, "s/b/2.png", 1); /* by the size: nobody reads what is behind the end */
    FILE *end = fopen(at(f, "s/b/2.png"), "ab");
    fputc(0, end);
    fclose(end);
    touch(f, "s/b/2.png", 1);
    assert_int_equal(second_value(f, &o), 120);
    put_two(f, 125);
    assert_int_equal(second_value(f, &o), 125);
    put_two(f, 130);
    assert_int_equal(rename(at(f, "s/b/2.png"), at(f, "s/b/3.png")), 0); /* by the name */
    assert_int_equal(second_value(f, &o), 130);
    assert_int_equal(entries(f, one), 1); /* one entry, made again */
    assert_string_equal(f->log, "");
}

static void entries_of_their_own(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char one[512];
    put_two(f, 100);
    second_value(f, &o);
    o.pictures.height = o.pictures.width = 4;
    second_value(f, &o);
    assert_int_equal(entries(f, one), 2);
    o.pictures.channels = 3;
    second_value(f, &o);
    assert_int_equal(entries(f, one), 3);
    o.pictures.fit = ANL__FIT_STRETCH;
    second_value(f, &o);
    assert_int_equal(entries(f, one), 4);
    o.parts.test_only = true;
    o.part = "test";
    second_value(f, &o);
    assert_int_equal(entries(f, one), 5);
    put_two(f, 200); /* each is still used */
    assert_int_equal(second_value(f, &o), 100);
    o = opts_of(f);
    assert_int_equal(second_value(f, &o), 100);
    assert_int_equal(entries(f, one), 5);
}

static void damaged_entries(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char one[512];
    struct stat s;
    put_two(f, 100);
    second_value(f, &o);
    assert_int_equal(entries(f, one), 1);
    assert_int_equal(stat(one, &s), 0);
    const long places[] = {0, 12, 40, 8192, s.st_size - 1};
    for (int i = 0; i < 10; i++) {
        f->log[0] = 0;
        if (i < 5) flip_byte(one, places[i]);
        else cut(one, (const long[]){0, 100, 8192, 8200, s.st_size - 1}[i - 5]);
        assert_int_equal(second_value(f, &o), 100);
        logged(f, "the decoded pictures of ");
        logged(f, "are made again: ");
        f->log[0] = 0;
        put_two(f, 200);
        assert_int_equal(second_value(f, &o), 100); /* from the new entry */
        assert_string_equal(f->log, "");
        put_two(f, 100);
    }
}

static void no_place_for_a_cache(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char one[512];
    put_two(f, 100);
    put(at(f, "cache"), "x", 1); /* a file where the directory should be */
    assert_int_equal(second_value(f, &o), 100);
    logged(f, "are not cached: ");
    unlink(at(f, "cache"));
    f->log[0] = 0;
    bool root = geteuid() == 0; /* who writes anywhere: become nobody for the while */
    assert_int_equal(mkdir(o.cache_dir, 0555), 0);
    if (root) assert_int_equal(chmod(f->dir, 0755), 0);
    if (root) assert_int_equal(seteuid(65534), 0);
    int v = second_value(f, &o);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(v, 100);
    logged(f, "are not cached: ");
    logged(f, "cannot be created");
    assert_int_equal(entries(f, one), 0);
}

static void full_disk(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    struct rlimit before, little;
    char one[512];
    put_two(f, 100);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){4096, before.rlim_max};
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN); /* as the program does */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int v = second_value(f, &o);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, old);
    assert_int_equal(v, 100);
    logged(f, "are not cached: ");
    logged(f, "no room for ");
    assert_int_equal(entries(f, one), 0);
    f->log[0] = 0;
    second_value(f, &o);
    assert_int_equal(entries(f, one), 1);
    assert_string_equal(f->log, "");
}

static void failing_writes(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char one[512];
    put_two(f, 100);
    const anl__inject_kind kinds[] = {ANL__INJECT_WRITE, ANL__INJECT_RENAME};
    for (int k = 0; k < 2; k++) {
        f->log[0] = 0;
        anl__inject(f->ctx, kinds[k], 1);
        assert_int_equal(second_value(f, &o), 100);
        anl__inject(f->ctx, kinds[k], 0);
        logged(f, "are not cached: ");
        assert_int_equal(entries(f, one), 0);
    }
}

/* What is left of a killed writer is taken over; a living one is not disturbed. */
static void other_writers(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char one[512], tmp[600];
    put_two(f, 100);
    second_value(f, &o);
    assert_int_equal(entries(f, one), 1);
    snprintf(tmp, sizeof tmp, "%s.tmp", one);
    assert_int_equal(rename(one, tmp), 0);
    assert_int_equal(second_value(f, &o), 100);
    assert_int_equal(entries(f, one), 1);
    assert_null(strstr(one, ".tmp"));
    assert_int_equal(unlink(one), 0);
    int fd = open(tmp, O_RDWR | O_CREAT, 0644); /* it is being written: not by us */
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(second_value(f, &o), 100);
    assert_int_equal(entries(f, one), 1);
    assert_non_null(strstr(one, ".tmp"));
    close(fd);
    assert_int_equal(second_value(f, &o), 100);
    assert_int_equal(entries(f, one), 1);
    assert_null(strstr(one, ".tmp"));
    assert_string_equal(f->log, "");
}

/* ---- threads, content, memory ------------------------------------------------------------------ */

/* Pictures of several kinds and sizes. */
static void put_many(const fixture *f, int n)
{
    uint8_t pixel[40 * 40 * 3];
    char name[64];
    for (int i = 0; i < n; i++) {
        int w = 8 + i * 7 % 31, h = 8 + i * 5 % 29;
        picture_fill(pixel, w, h, 3);
        picture_file p = i % 3 == 0 ? picture_jpeg(w, h, 3, 80, pixel) : i % 3 == 1 ? picture_png(w, h, PNG_RGB, 8, pixel) : picture_pnm(w, h, 1, 255, pixel);
        snprintf(name, sizeof name, "s/%c/%03d.%s", 'a' + i % 2, i, (const char *[]){"jpg", "png", "pgm"}[i % 3]);
        picture_put(at(f, name), &p);
        picture_free(&p);
    }
}

static void threads_make_no_difference(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    anl__dataset *ds[3];
    char hex[3][65];
    put_many(f, 60);
    put(at(f, "s/a/000.jpg"), "broken", 6);
    o.pictures.height = o.pictures.width = 12;
    o.pictures.drop_damaged = true;
    for (int k = 0; k < 3; k++) {
        o.pictures.threads = k + 1;
        o.cache = k == 2;
        ds[k] = opened(f, &o);
        assert_int_equal(ds[k]->n, 59);
        assert_int_equal(anl__dataset_fingerprint(ds[k], hex[k]), ANL_OK);
        assert_memory_equal(anl__dataset_get(ds[k], 0, 0), anl__dataset_get(ds[0], 0, 0), (size_t)ds[k]->n * ds[k]->field[0].bytes);
        assert_string_equal(hex[k], hex[0]);
    }
    assert_memory_not_equal(anl__dataset_get(ds[0], 0, 0), anl__dataset_get(ds[0], 0, 1), ds[0]->field[0].bytes);
    for (int k = 0; k < 3; k++) anl__dataset_close(ds[k]);
}

static void fingerprints_tell_content(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char hex[5][65];
    o.cache = false;
    put_two(f, 100);
    fingerprint_of(f, &o, hex[0]);
    put_two(f, 101);
    fingerprint_of(f, &o, hex[1]); /* another value */
    put_two(f, 100);
    grey(f, "s/b/3.png", 100);
    fingerprint_of(f, &o, hex[2]); /* one more */
    assert_int_equal(rename(at(f, "s/b/3.png"), at(f, "s/a/3.png")), 0);
    fingerprint_of(f, &o, hex[3]); /* of the other class */
    o.pictures.height = o.pictures.width = 5;
    fingerprint_of(f, &o, hex[4]); /* another size */
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++) assert_string_not_equal(hex[i], hex[k]);
    unlink(at(f, "s/a/3.png"));
    o.pictures.height = o.pictures.width = 0;
    touch(f, "s/b/2.png", 77);
    assert_int_equal(rename(at(f, "s/b/2.png"), at(f, "s/b/renamed.png")), 0);
    fingerprint_of(f, &o, hex[4]); /* neither names nor times are content */
    assert_string_equal(hex[4], hex[0]);
}

static void failing_allocations(void **state)
{
    fixture *f = *state;
    int failed = 0;
    put_two(f, 100);
    for (int cached = 0; cached < 2; cached++)
        for (int64_t nth = 1, seen = 1; seen >= nth - 1; nth++) { /* until one is not reached */
            char dir[64];
            anl__dataset *ds = NULL;
            anl__data_opts o = opts_of(f);
            snprintf(dir, sizeof dir, "cache%lld", (long long)nth);
            o.cache = cached;
            o.cache_dir = at(f, dir);
            anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
            anl_status st = anl__dataset_open(f->ctx, &o, &ds);
            seen = anl__inject_seen(f->ctx, ANL__INJECT_ALLOC);
            anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
            if (st == ANL_OK) {
                samples_are(ds, 2, (const int[]){5, 100}, (const int[]){0, 1});
                anl__dataset_close(ds);
            } else {
                assert_int_equal(st, ANL_NOMEM);
                assert_null(ds);
                failed++;
            }
            assert_int_equal(anl__live_blocks(f->ctx), 0);
        }
    assert_in_range(failed, 20, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
/* Of six pictures three, spread evenly; the others are not looked at. */
static void some_of_a_part(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    char name[64], one[512];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "s/%c/%d.png", i < 2 ? 'a' : 'b', i);
        if (i % 2) put(at(f, name), "no", 2);
        else grey(f, name, (uint8_t)(10 * i));
    }
    refuses(f, &o, "s/a/1.png", NULL);
    o.most = 3;
    for (int round = 0; round < 2; round++) {
        anl__dataset *ds = opened(f, &o);
        samples_are(ds, 3, (const int[]){0, 20, 40}, (const int[]){0, 1, 1});
        assert_int_equal(ds->classes, 2);
        anl__dataset_close(ds);
    }
    assert_int_equal(entries(f, one), 1);
    o.most = 0;
    o.pictures.drop_damaged = true;
    for (int round = 0; round < 2; round++) { /* all beside some: neither makes the other anew */
        anl__dataset *ds = opened(f, &o);
        samples_are(ds, 3, (const int[]){0, 20, 40}, (const int[]){0, 1, 1});
        anl__dataset_close(ds);
        assert_int_equal(entries(f, one), 2);
    }
    o.most = 7; /* more than there are */
    anl__dataset *ds = opened(f, &o);
    assert_int_equal(ds->n, 3);
    anl__dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(parts_of_folders), TEST(drawn_test_part), TEST(tables), TEST(without_labels), TEST(some_of_a_part), TEST(number_of_classes), TEST(one_size_for_all),
                                       TEST(channels_of_all), TEST(damaged_files), TEST(second_opening_is_from_the_cache), TEST(changes_are_seen), TEST(entries_of_their_own),
                                       TEST(damaged_entries), TEST(no_place_for_a_cache), TEST(full_disk), TEST(failing_writes), TEST(other_writers),
                                       TEST(threads_make_no_difference), TEST(fingerprints_tell_content), TEST(failing_allocations)};
    if (!anl__picture_here()) {
        print_message("skipped: a build without stb decodes no pictures\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
