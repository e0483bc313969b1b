/* The decoded cache: used, renewed when the source changes, rebuilt when damaged, and never in the way. */
#include "tests/data/data_test.h"

#include "datasets/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAMPLES = 300 };

static anl__data_opts opts_of(const fixture *f)
{
    anl__data_opts o = anl__data_opts_default();
    o.path = f->dir;
    o.cache_dir = at(f, "cache");
    o.cache_wait = true;
    return o;
}

/* Opens, checks the content, and tells whether the images came from the cache. */
static bool opens_from_cache(const fixture *f, const anl__data_opts *o, char fingerprint[65])
{
    anl__dataset *ds;
    if (anl__dataset_open(f->ctx, o, &ds) != ANL_OK) fail_msg("%s", anl_last_error(f->ctx));
    bool cached = ds->source[0]->from_cache;
    for (int i = 0; i < ds->n; i++)
        for (int k = 0; k < SET_H * SET_W; k++)
            assert_int_equal(((const uint8_t *)anl__dataset_get(ds, 0, i))[k], set_pixel(i, k));
    assert_int_equal(anl__dataset_fingerprint(ds, fingerprint), ANL_OK);
    anl__dataset_close(ds);
    return cached;
}

/* The cache's files; *image is the largest one. */
static int entries(const fixture *f, char image[512])
{
    DIR *d = opendir(at(f, "cache"));
    struct dirent *e;
    int n = 0;
    off_t most = -1;
    while (d && (e = readdir(d))) {
        char path[512];
        struct stat s;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/cache/%.200s", f->dir, e->d_name);
        n++;
        if (stat(path, &s) == 0 && s.st_size > most) {
            most = s.st_size;
            snprintf(image, 512, "%s", path);
        }
    }
    if (d) closedir(d);
    return n;
}

static void second_opening_is_from_the_cache(void **state)
{
    fixture *f = *state;
    char first[65], second[65], image[512];
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, true);
    assert_false(opens_from_cache(f, &o, first));
    assert_int_equal(entries(f, image), 2);
    assert_true(opens_from_cache(f, &o, second));
    assert_string_equal(first, second);
    o.cache = false;
    assert_false(opens_from_cache(f, &o, second));
    assert_string_equal(first, second);
    assert_string_equal(f->log, "");
}

static void written_beside_the_callers_work(void **state)
{
    fixture *f = *state;
    char first[65], second[65];
    anl__data_opts o = opts_of(f);
    o.cache_wait = false;
    put_set(f, SAMPLES, true);
    assert_false(opens_from_cache(f, &o, first));
    assert_true(opens_from_cache(f, &o, second));
    assert_string_equal(first, second);
}

static void plain_files_are_not_cached(void **state)
{
    fixture *f = *state;
    char print[65], image[512];
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, false);
    assert_false(opens_from_cache(f, &o, print));
    assert_false(opens_from_cache(f, &o, print));
    assert_int_equal(entries(f, image), 0);
}

static void a_changed_source_is_decoded_again(void **state)
{
    fixture *f = *state;
    char first[65], second[65], image[512];
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, true);
    assert_false(opens_from_cache(f, &o, first));
    put_set(f, SAMPLES + 1, true);
    assert_false(opens_from_cache(f, &o, second));
    assert_string_not_equal(first, second);
    assert_int_equal(entries(f, image), 2);
    assert_true(opens_from_cache(f, &o, second));
    assert_string_equal(f->log, "");
}

/* Same size, same time, other content: the gzip trailer in the key tells. */
static void the_trailer_is_part_of_the_key(void **state)
{
    fixture *f = *state;
    uint8_t idx[64], data[2][8] = {{1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 5, 4, 6, 7, 8}};
    struct stat s[2];
    anl__data_opts o = opts_of(f);
    o.path = NULL;
    o.images = at(f, "x.gz");
    for (int i = 0; i < 2; i++) {
        anl__dataset *ds;
        put_gz(o.images, idx, make_idx(idx, 3, (uint32_t[]){2, 2, 2}, data[i], 8));
        struct timespec t[2] = {{1000000000, 5}, {1000000000, 5}};
        assert_int_equal(utimensat(AT_FDCWD, o.images, t, 0), 0);
        assert_int_equal(stat(o.images, &s[i]), 0);
        assert_int_equal(anl__dataset_open(f->ctx, &o, &ds), ANL_OK);
        assert_memory_equal(anl__dataset_get(ds, 0, 0), data[i], 8);
        anl__dataset_close(ds);
    }
    assert_int_equal(s[0].st_size, s[1].st_size);
}

static void damage_is_found_and_repaired(void **state)
{
    fixture *f = *state;
    char first[65], again[65], image[512];
    struct stat s;
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, true);
    assert_false(opens_from_cache(f, &o, first));
    entries(f, image);
    assert_int_equal(stat(image, &s), 0);
    long places[] = {
        0, 12, 40, 5000, s.st_size / 2 + 4096, s.st_size - 1}; /* magic, sum, key, unused header, content */
    for (int i = 0; i < 6; i++) {
        f->log[0] = 0;
        flip_byte(image, places[i]);
        bool unused = places[i] == 5000;
        assert_int_equal(opens_from_cache(f, &o, again), unused);
        assert_string_equal(first, again);
        assert_int_equal(strstr(f->log, "is made again") != NULL, !unused);
        assert_true(opens_from_cache(f, &o, again));
    }
    long sizes[] = {0, 100, 8192, s.st_size - 1};
    for (int i = 0; i < 4; i++) {
        f->log[0] = 0;
        cut(image, sizes[i]);
        assert_false(opens_from_cache(f, &o, again));
        assert_non_null(strstr(f->log, "cut short"));
        assert_string_equal(first, again);
    }
}

static void no_place_for_a_cache(void **state)
{
    fixture *f = *state;
    char print[65];
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, true);
    put(at(f, "cache"), "x", 1); /* a file where the directory should be: fails for root, too */
    assert_false(opens_from_cache(f, &o, print));
    assert_false(opens_from_cache(f, &o, print));
    assert_non_null(strstr(f->log, "is not cached"));
    o.cache_wait = false;
    f->log[0] = 0;
    assert_false(opens_from_cache(f, &o, print));
    assert_non_null(strstr(f->log, "is not cached"));
}

static void read_only_directory(void **state)
{
    fixture *f = *state;
    char print[65];
    anl__data_opts o = opts_of(f);
    bool root = geteuid() == 0; /* who writes anywhere: become nobody for the while */
    put_set(f, SAMPLES, true);
    assert_int_equal(mkdir(o.cache_dir, 0555), 0);
    if (root) assert_int_equal(chmod(f->dir, 0755), 0);
    if (root) assert_int_equal(seteuid(65534), 0);
    assert_false(opens_from_cache(f, &o, print));
    if (root) assert_int_equal(seteuid(0), 0);
    assert_non_null(strstr(f->log, "cannot be created"));
}

static void default_directory(void **state)
{
    fixture *f = *state;
    char print[65], *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL,
                    *xdg = getenv("XDG_CACHE_HOME") ? strdup(getenv("XDG_CACHE_HOME")) : NULL;
    anl__data_opts o = opts_of(f);
    struct stat s;
    o.cache_dir = NULL;
    put_set(f, SAMPLES, true);
    unsetenv("HOME");
    unsetenv("XDG_CACHE_HOME");
    assert_false(opens_from_cache(f, &o, print));
    assert_false(opens_from_cache(f, &o, print));
    setenv("HOME", at(f, "home"), 1);
    setenv("XDG_CACHE_HOME", "relative", 1);
    assert_false(opens_from_cache(f, &o, print));
    assert_true(opens_from_cache(f, &o, print));
    assert_int_equal(stat(at(f, "home/.cache/anneal"), &s), 0);
    setenv("XDG_CACHE_HOME", at(f, "xdg"), 1);
    assert_false(opens_from_cache(f, &o, print));
    assert_int_equal(stat(at(f, "xdg/anneal"), &s), 0);
    if (home)
        setenv("HOME", home, 1);
    else
        unsetenv("HOME");
    if (xdg)
        setenv("XDG_CACHE_HOME", xdg, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(home);
    free(xdg);
}

/* A failing write, rename or fsync costs the entry, never the data; nothing half-written is ever used. */
static void failing_writes(void **state)
{
    fixture *f = *state;
    char print[65], image[512];
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, true);
    const anl__inject_kind kinds[] = {ANL__INJECT_WRITE, ANL__INJECT_RENAME};
    for (int k = 0; k < 2; k++)
        for (int64_t nth = 1; nth <= 2;
             nth++) { /* an image entry's header or content; either file's rename */
            f->log[0] = 0;
            anl__inject(f->ctx, kinds[k], nth);
            opens_from_cache(f, &o, print);
            anl__inject(f->ctx, kinds[k], 0);
            assert_non_null(strstr(f->log, "is not cached"));
            assert_int_equal(entries(f, image), 1); /* the other file's, and no leftover */
            unlink(image);
        }
    opens_from_cache(f, &o, print);
    assert_int_equal(entries(f, image), 2);
    assert_true(opens_from_cache(f, &o, print));
}

static void failing_allocations(void **state)
{
    fixture *f = *state;
    anl__data_opts o = opts_of(f);
    anl__dataset *ds = NULL;
    put_set(f, SAMPLES, true);
    int failed = 0;
    for (int64_t nth = 1, seen = 1; seen >= nth - 1; nth++) { /* until one is not reached */
        anl__inject(f->ctx, ANL__INJECT_ALLOC, nth);
        anl_status st = anl__dataset_open(f->ctx, &o, &ds);
        seen = anl__inject_seen(f->ctx, ANL__INJECT_ALLOC);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK)
            anl__dataset_close(ds);
        else
            assert_int_equal(st, ANL_NOMEM);
        failed += st != ANL_OK;
        assert_int_equal(anl__live_blocks(f->ctx), 0);
        char image[512];
        while (entries(f, image) > 0) unlink(image); /* each round decodes and writes anew */
    }
    assert_in_range(failed, 10, 1000);
}

/* A leftover of a killed writer is taken over; while another writer is at work, this one steps back. */
static void other_writers(void **state)
{
    fixture *f = *state;
    char print[65], image[512], tmp[520];
    anl__data_opts o = opts_of(f);
    put_set(f, SAMPLES, true);
    assert_false(opens_from_cache(f, &o, print));
    entries(f, image);
    snprintf(tmp, sizeof tmp, "%s.tmp", image);
    unlink(image);
    put(tmp, "half an entry", 13);
    int fd = open(tmp, O_WRONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_false(opens_from_cache(f, &o, print));
    assert_int_not_equal(access(image, F_OK), 0);
    close(fd);
    assert_false(opens_from_cache(f, &o, print));
    assert_true(opens_from_cache(f, &o, print));
    assert_int_not_equal(access(tmp, F_OK), 0);
    assert_string_equal(f->log, "");
}

/* Several processes open the set at the same time, again and again, while the entries appear and are
 * replaced. */
static void many_processes(void **state)
{
    fixture *f = *state;
    pid_t child[6];
    put_set(f, SAMPLES, true);
    for (int c = 0; c < 6; c++) {
        child[c] = fork();
        assert_true(child[c] >= 0);
        for (int turn = 0; child[c] == 0 && turn < 20; turn++) {
            anl__data_opts o = opts_of(f);
            anl__dataset *ds;
            char print[65], image[512];
            if (anl__dataset_open(f->ctx, &o, &ds) != ANL_OK || anl__dataset_fingerprint(ds, print) != ANL_OK)
                _exit(1);
            for (int i = 0; i < SAMPLES; i++)
                if (((const uint8_t *)anl__dataset_get(ds, 0, i))[5] != set_pixel(i, 5)) _exit(2);
            anl__dataset_close(ds);
            if (f->log[0]) _exit(3);
            if (turn % 4 == c % 4 && entries(f, image) > 0 && !strstr(image, ".tmp")) unlink(image);
        }
        if (child[c] == 0) _exit(0);
    }
    for (int c = 0; c < 6; c++) {
        int status = -1;
        assert_int_equal(waitpid(child[c], &status, 0), child[c]);
        assert_int_equal(status, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(second_opening_is_from_the_cache),
        TEST(written_beside_the_callers_work),
        TEST(plain_files_are_not_cached),
        TEST(a_changed_source_is_decoded_again),
        TEST(the_trailer_is_part_of_the_key),
        TEST(damage_is_found_and_repaired),
        TEST(no_place_for_a_cache),
        TEST(read_only_directory),
        TEST(default_directory),
        TEST(failing_writes),
        TEST(failing_allocations),
        TEST(other_writers),
        TEST(many_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
