/* Checkpoint files: round trip, refusals, every kind of damage, every failing allocation, write, fsync and
 * rename. */
#include "tests/state/state_test.h"

#include "runtime/state/ckpt_file.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ANL_HAVE_HDF5
#include <hdf5.h>

static void round_trip(void **state)
{
    fixture *f = *state;
    content c;
    anl__ckpt *k;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 42)));
    assert_ok(f, anl__ckpt_open(f->ctx, at(f, "a.h5"), &k));
    assert_true(content_is(k, 42));
    assert_string_equal(anl__ckpt_path(k), at(f, "a.h5"));
    assert_int_equal(strlen(anl__ckpt_digest(k)), 64);
    assert_null(anl__ckpt_find(k, "params", "conv1").data);
    assert_int_equal(anl__ckpt_int(k, "recipe", -5), -5); /* another type is absent */
    anl__ckpt_close(k);
    assert_int_equal(entries(f->dir, ".tmp."), 0);
}

/* Any HDF5 program reads it: what comes after HDF5's end is ignored. */
static void plain_hdf5(void **state)
{
    fixture *f = *state;
    content c;
    float bias[4] = {0};
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 5)));
    hid_t file = H5Fopen(at(f, "a.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "/params/conv1.bias", H5P_DEFAULT);
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, bias) >= 0);
    assert_memory_equal(bias, c.data[1], sizeof bias);
    H5Dclose(set);
    H5Fclose(file);
}

/* Equal contents make equal bytes, in whatever order they come; each change makes another digest. */
static void one_content_one_file(void **state)
{
    fixture *f = *state;
    content c;
    size_t n, m;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 1)));
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "b.h5"), content_make(&c, 1)));
    char *a = take(at(f, "a.h5"), &n), *b = take(at(f, "b.h5"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    char seen[5][65];
    for (int i = 0; i < 5; i++) {
        anl__ckpt *k;
        content_make(&c, 1);
        if (i == 1) {
            anl__ckpt_tensor t = c.tensor[0];
            c.tensor[0] = c.tensor[3];
            c.tensor[3] = t;
        } else if (i == 2) {
            c.tensor[0].shape = (anl_shape){1, {72}};
        } else if (i == 3) { /* the same eight bytes as another type */
            c.attr[5].type = ANL__CKPT_DOUBLE;
            c.attr[5].d = -0.0;
        } else if (i == 4) {
            c.data[4][0] += 1;
        }
        assert_ok(f, anl__ckpt_write(f->ctx, at(f, "c.h5"), &c.c));
        assert_ok(f, anl__ckpt_open(f->ctx, at(f, "c.h5"), &k));
        strcpy(seen[i], anl__ckpt_digest(k));
        anl__ckpt_close(k);
        for (int j = 0; j < i; j++) assert_int_equal(strcmp(seen[i], seen[j]) == 0, i == 1 && j == 0);
    }
}

static void large_and_many(void **state)
{
    fixture *f = *state;
    enum { MANY = 300, LONG = 200000, FLOATS = 100000 };
    static char name[MANY][32];
    anl__ckpt_tensor *t = calloc(MANY, sizeof *t);
    float *data = calloc(FLOATS, sizeof *data);
    char *text = malloc(LONG + 1);
    memset(text, 'x', LONG);
    text[LONG] = 0;
    for (int i = 0; i < FLOATS; i++) data[i] = (float)i;
    for (int i = 0; i < MANY; i++) {
        snprintf(name[i], sizeof name[i], "block.%d.weight", i);
        t[i] = (anl__ckpt_tensor){"params", name[i], {1, {i % 7 ? i % 7 : FLOATS}}, data};
    }
    anl__ckpt_attr a = {.name = "recipe", .type = ANL__CKPT_TEXT, .text = text};
    anl__ckpt *k;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), &(anl__ckpt_content){7, t, MANY, &a, 1}));
    assert_ok(f, anl__ckpt_open(f->ctx, at(f, "a.h5"), &k));
    assert_int_equal(anl__ckpt_count(k), MANY);
    assert_string_equal(anl__ckpt_text(k, "recipe", ""), text);
    for (int i = 0; i < MANY; i++) {
        anl__ckpt_tensor got = anl__ckpt_find(k, "params", name[i]);
        assert_memory_equal(got.data, data, sizeof(float) * (size_t)t[i].shape.dim[0]);
    }
    anl__ckpt_close(k);
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "none.h5"), &(anl__ckpt_content){.step = 0}));
    assert_ok(f, anl__ckpt_open(f->ctx, at(f, "none.h5"), &k));
    assert_int_equal(anl__ckpt_count(k) + anl__ckpt_attr_count(k), 0);
    anl__ckpt_close(k);
    free(t);
    free(data);
    free(text);
}

static void refused_contents(void **state)
{
    fixture *f = *state;
    char endless[400];
    memset(endless, 'n', sizeof endless);
    endless[sizeof endless - 1] = 0;
    const struct {
        const char *group, *name;
        anl_shape shape;
        const char *attr;
        int64_t step;
        const char *says;
    } bad[] = {
        {"params", "a/b", {1, {1}}, "x", 1, "params/a/b"},
        {"params", "", {1, {1}}, "x", 1, "not a name"},
        {"state", "a", {1, {1}}, "x", 1, "state/a"},
        {"meta", "a", {1, {1}}, "x", 1, "meta/a"},
        {"/p", "a", {1, {1}}, "x", 1, "/p/a"},
        {"", "a", {1, {1}}, "x", 1, "not a name"},
        {"p", ".", {1, {1}}, "x", 1, "p/."},
        {"p", endless, {1, {1}}, "x", 1, "not a name"},
        {"p", "a", {2, {3, 0}}, "x", 1, "no elements"},
        {"p", "a", {1, {1}}, "x/y", 1, "x/y"},
        {"p", "a", {1, {1}}, "x", -1, "negative"},
        {"p", "twice", {1, {1}}, "x", 1, "twice"},
    };
    float one = 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        anl__ckpt_tensor t[2] = {{bad[i].group, bad[i].name, bad[i].shape, &one},
                                 {"p", "twice", {1, {1}}, &one}};
        anl__ckpt_attr a = {.name = bad[i].attr, .type = ANL__CKPT_INT};
        assert_int_equal(
            anl__ckpt_write(f->ctx, at(f, "a.h5"), &(anl__ckpt_content){bad[i].step, t, 2, &a, 1}),
            ANL_INVALID);
        assert_says(f, bad[i].says);
    }
    assert_int_equal(entries(f->dir, "a.h5"), 0);
    content c;
    assert_int_equal(anl__ckpt_write(f->ctx, at(f, "missing/a.h5"), content_make(&c, 1)), ANL_IO);
    assert_says(f, "missing/a.h5");
}

/* Every byte of a small file, and every length. */
static void damage(void **state)
{
    fixture *f = *state;
    content c;
    size_t n;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 3)));
    char *good = take(at(f, "a.h5"), &n);
    const char *path = at(f, "bad.h5");
    put(path, good, n);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < n; i += i < 4096 || i > n - 256 ? 1 : 13) {
        char flipped = good[i] ^ (char)(1 << i % 8);
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
        assert_int_equal(verify(f->ctx, path, NULL), ANL_FORMAT);
        assert_says(f, "bad.h5: ");
        assert_int_equal(pwrite(fd, &good[i], 1, (off_t)i), 1);
    }
    assert_ok(f, verify(f->ctx, path, NULL));
    for (size_t len = n - 1; len < n; len -= len <= 128 || len > n - 256 ? 1 : 97) {
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        assert_int_equal(verify(f->ctx, path, NULL), ANL_FORMAT);
        assert_says(f, "bad.h5: ");
    }
    close(fd);
    free(good);
}

/* Files with a right seal, but wrong inside: made by changing a good image and sealing it anew. */
static void put_sealed(const char *path, const char *image, size_t bytes)
{
    char seal[ANL__CKPT_SEAL + 1];
    FILE *o = fopen(path, "wb");
    anl__ckpt_seal(image, bytes, seal);
    fwrite(image, 1, bytes, o);
    fwrite(seal, 1, ANL__CKPT_SEAL, o);
    fclose(o);
}

static void edit(const char *from, const char *to, void (*change)(hid_t file))
{
    size_t n;
    char *image = take(from, &n);
    put(to, image, n - ANL__CKPT_SEAL);
    free(image);
    hid_t file = H5Fopen(to, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    change(file);
    H5Fclose(file);
    image = take(to, &n);
    put_sealed(to, image, n);
    free(image);
}

static void set_int(hid_t file, const char *group, const char *name, int64_t v)
{
    hid_t g = H5Gopen2(file, group, H5P_DEFAULT), a = H5Aopen(g, name, H5P_DEFAULT);
    assert_true(H5Awrite(a, H5T_NATIVE_INT64, &v) >= 0);
    H5Aclose(a);
    H5Gclose(g);
}

static void newer(hid_t file) { set_int(file, "/meta", "format", ANL__CHECKPOINT_FORMAT + 7); }
static void other_step(hid_t file) { set_int(file, "/meta", "step", 4); }
static void other_state(hid_t file) { set_int(file, "/state", "epoch", 4); }
static void no_meta(hid_t file) { H5Ldelete(file, "/meta", H5P_DEFAULT); }
static void no_state(hid_t file) { H5Ldelete(file, "/state", H5P_DEFAULT); }
static void no_tensor(hid_t file) { H5Ldelete(file, "/params/conv1.bias", H5P_DEFAULT); }
static void renamed(hid_t file)
{
    H5Lmove(file, "/params/conv1.bias", file, "/params/conv2.bias", H5P_DEFAULT, H5P_DEFAULT);
}
static void other_weight(hid_t file)
{
    hid_t d = H5Dopen2(file, "/params/conv1.bias", H5P_DEFAULT);
    float v[4] = {1, 2, 3, 4};
    H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
    H5Dclose(d);
}
static void doubles(hid_t file)
{
    hsize_t n = 4;
    hid_t s = H5Screate_simple(1, &n, NULL),
          d = H5Dcreate2(file, "/params/more", H5T_IEEE_F64LE, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(d);
    H5Sclose(s);
}
static void compressed(hid_t file)
{
    hsize_t n = 4;
    hid_t s = H5Screate_simple(1, &n, NULL), p = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(p, 1, &n);
    hid_t d = H5Dcreate2(file, "/params/more", H5T_IEEE_F32LE, s, H5P_DEFAULT, p, H5P_DEFAULT);
    H5Dclose(d);
    H5Pclose(p);
    H5Sclose(s);
}
static void huge(hid_t file) /* a shape without the bytes for it */
{
    hsize_t n = (hsize_t)1 << 40;
    hid_t s = H5Screate_simple(1, &n, NULL),
          d = H5Dcreate2(file, "/params/more", H5T_IEEE_F32LE, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(d);
    H5Sclose(s);
}
static void elsewhere(hid_t file) /* bytes of another file */
{
    hsize_t n = 4;
    hid_t s = H5Screate_simple(1, &n, NULL), p = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(p, "/etc/passwd", 0, 16);
    hid_t d = H5Dcreate2(file, "/params/more", H5T_IEEE_F32LE, s, H5P_DEFAULT, p, H5P_DEFAULT);
    H5Dclose(d);
    H5Pclose(p);
    H5Sclose(s);
}
static void at_root(hid_t file)
{
    hid_t s = H5Screate(H5S_SCALAR),
          d = H5Dcreate2(file, "/lonely", H5T_IEEE_F32LE, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(d);
    H5Sclose(s);
}
static void wide_attribute(hid_t file)
{
    hsize_t n = 3;
    hid_t g = H5Gopen2(file, "/state", H5P_DEFAULT), s = H5Screate_simple(1, &n, NULL);
    hid_t a = H5Acreate2(g, "three", H5T_STD_I64LE, s, H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(a);
    H5Sclose(s);
    H5Gclose(g);
}

static void wrong_inside(void **state)
{
    fixture *f = *state;
    static const struct { void (*change)(hid_t); anl_status st; const char *says; } bad[] = {
        {newer, ANL_UNSUPPORTED, "newer Anneal (format 8; this program reads up to 1)"},
        {other_step, ANL_FORMAT, "digest over all"}, {other_state, ANL_FORMAT, "digest over all"},
        {no_meta, ANL_FORMAT, "no Anneal checkpoint"}, {no_state, ANL_FORMAT, "no /state"},
        {no_tensor, ANL_FORMAT, "digest over all"}, {renamed, ANL_FORMAT, "digest over all"},
        {other_weight, ANL_FORMAT, "/params/conv1.bias is damaged"}, {doubles, ANL_FORMAT, "/params/more"},
        {compressed, ANL_FORMAT, "/params/more"}, {huge, ANL_FORMAT, "/params/more"},
        {elsewhere, ANL_FORMAT, "/params/more"}, {at_root, ANL_FORMAT, "lonely"},
        {wide_attribute, ANL_FORMAT, "attribute three"},
    };
    content c;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 3)));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        edit(at(f, "a.h5"), at(f, "b.h5"), bad[i].change);
        assert_int_equal(verify(f->ctx, at(f, "b.h5"), NULL), bad[i].st);
        assert_says(f, bad[i].says);
    }
    put(at(f, "text.h5"), "a text\n", 7);
    assert_int_equal(verify(f->ctx, at(f, "text.h5"), NULL), ANL_FORMAT);
    assert_says(f, "is no HDF5 file");
    hid_t other = H5Fcreate(at(f, "other.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(other);
    assert_int_equal(verify(f->ctx, at(f, "other.h5"), NULL), ANL_FORMAT);
    assert_says(f, "not written by Anneal");
    assert_int_equal(verify(f->ctx, at(f, "absent.h5"), NULL), ANL_IO);
}

/* The n-th operation of each kind fails, n = 1, 2, ... until all goes well: an error, no leak, and what was
 * there stays. */
static void failing(void **state)
{
    fixture *f = *state;
    content c;
    int64_t step = 0, live = anl__live_blocks(f->ctx);
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "step-000000001.h5"), content_make(&c, 1)));
    assert_ok(f, anl__ckpt_point(f->ctx, f->dir, "last", 1));
    for (int kind = 0; kind < ANL__INJECT_COUNT; kind++) {
        int n = 1;
        for (anl_status st = ANL_NOMEM; st != ANL_OK; n++) {
            const char *path = at(f, "step-000000001.h5");
            content_make(&c, 1 + 1000 * n);
            anl__inject(f->ctx, (anl__inject_kind)kind, n);
            st = anl__ckpt_write(f->ctx, path, &c.c);
            if (st == ANL_OK) st = anl__ckpt_point(f->ctx, f->dir, "last", c.c.step);
            anl__inject(f->ctx, (anl__inject_kind)kind, 0);
            assert_true(st == ANL_OK || st == (kind == ANL__INJECT_ALLOC ? ANL_NOMEM : ANL_IO));
            assert_int_equal(anl__live_blocks(f->ctx), live);
            assert_ok(f, verify(f->ctx, path, &step));
            assert_true(step == c.c.step || st != ANL_OK);
            assert_true(anl__ckpt_pointed(f->ctx, f->dir, "last") >= 0);
            assert_int_equal(entries(f->dir, ".tmp."), 0);
        }
        assert_true(n > 2);
    }
    int n = 1;
    for (anl_status st = ANL_NOMEM; st != ANL_OK; n++) {
        anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
        st = verify(f->ctx, at(f, "step-000000001.h5"), NULL);
        assert_true(st == ANL_OK || st == ANL_NOMEM);
        assert_int_equal(anl__live_blocks(f->ctx), live);
    }
    assert_true(n > 5);
    anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
}

/* Zero bytes until nothing more goes in, or `most` bytes. */
static void fill(const char *path, size_t most)
{
    static const char zero[1024];
    FILE *o = fopen(path, "wb");
    setvbuf(o, NULL, _IONBF, 0);
    for (size_t n = 0; n < most && fwrite(zero, 1, sizeof zero, o) == sizeof zero;) n += sizeof zero;
    fclose(o);
}

static void full_disk(void **state)
{
    fixture *f = *state;
    content c;
    struct stat s;
    mkdir(at(f, "small"), 0700);
    if (geteuid() || mount("none", at(f, "small"), "tmpfs", 0, "size=128k")) {
        print_message("skipped: no small file system can be mounted here\n");
        skip();
    }
    anl_status first = anl__ckpt_write(f->ctx, at(f, "small/a.h5"), content_make(&c, 1)), second, point, old;
    bool room, full;
    stat(at(f, "small/a.h5"), &s);
    fill(at(f, "small/filler"), 131072 - 3 * ((size_t)s.st_size | 4095) + 8192);
    second = anl__ckpt_write(f->ctx, at(f, "small/b.h5"), content_make(&c, 2));
    room = strstr(anl_last_error(f->ctx), "free, the disk has");
    fill(at(f, "small/more"), SIZE_MAX);
    point = anl__ckpt_point(f->ctx, at(f, "small"), "last", 1);
    full = strstr(anl_last_error(f->ctx), "the disk is full");
    int left = entries(at(f, "small"), "b.h5") + entries(at(f, "small"), "last");
    old = verify(f->ctx, at(f, "small/a.h5"), NULL);
    umount(at(f, "small"));
    assert_int_equal(first, ANL_OK);
    assert_int_equal(second, ANL_IO);
    assert_int_equal(point, ANL_IO);
    assert_true(room && full);
    assert_int_equal(left, 0);
    assert_int_equal(old, ANL_OK);
}

/* A write that fails in the middle, as on a disk that fills up while it is written: a file size limit. */
static void file_limit(void **state)
{
    fixture *f = *state;
    content c;
    struct rlimit before, low;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 1)));
    getrlimit(RLIMIT_FSIZE, &before);
    low = before;
    low.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN); /* as anl__signals_install does */
    setrlimit(RLIMIT_FSIZE, &low);
    anl_status st = anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 2));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    int64_t step;
    assert_int_equal(st, ANL_IO);
    assert_says(f, "write failed: File too large");
    assert_int_equal(entries(f->dir, ".tmp."), 0);
    assert_ok(f, verify(f->ctx, at(f, "a.h5"), &step));
    assert_int_equal(step, 1);
}

/* A child writes with so much more memory than it has; its wait status. */
static int limited_write(fixture *f, const anl__ckpt_content *c, rlim_t more)
{
    int status;
    malloc_trim(0); /* what is free here is free in the child */
    pid_t pid = fork();
    if (pid == 0) {
        long pages = 0;
        FILE *o = fopen("/proc/self/statm", "r");
        if (!o || fscanf(o, "%ld", &pages) != 1) _exit(2);
        fclose(o);
        rlim_t size = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
        setrlimit(RLIMIT_AS, &(struct rlimit){size, size});
        _exit(anl__ckpt_write(f->ctx, at(f, "a.h5"), c) == ANL_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Memory that runs out anywhere, HDF5 included: the process may die of it, the checkpoint that was there does
 * not. */
static void memory_limit(void **state)
{
    fixture *f = *state;
#ifdef ANL_SANITIZED
    print_message("skipped: a sanitizer needs more memory than any limit\n");
    skip();
#endif
    enum { FLOATS = 1 << 20, STEP = 256 << 10, NONE = 1 << 30 };
    float *data = calloc(FLOATS, sizeof *data);
    anl__ckpt_tensor t = {"params", "w", {1, {FLOATS}}, data};
    int failed = 0, status = limited_write(f, &(anl__ckpt_content){1, &t, 1, NULL, 0}, NONE);
    assert_int_equal(status, 0);
    status = 1;
    for (rlim_t more = 0; status != 0; more += STEP) {
        anl__ckpt *k;
        status = limited_write(f, &(anl__ckpt_content){2, &t, 1, NULL, 0}, more);
        failed += status != 0;
        assert_ok(f, anl__ckpt_open(f->ctx, at(f, "a.h5"), &k));
        assert_int_equal(anl__ckpt_step(k), status == 0 ? 2 : 1);
        anl__ckpt_close(k);
        assert_true(more < (rlim_t)64 << 20);
    }
    assert_true(failed > 2);
    free(data);
}

static void names_and_pointers(void **state)
{
    fixture *f = *state;
    content c;
    anl__arena *a;
    assert_ok(f, anl__arena_create(f->ctx, &a));
    for (int64_t s = 1; s <= 8; s++)
        assert_ok(f, anl__ckpt_write(f->ctx, anl__ckpt_name(a, f->dir, s), content_make(&c, s)));
    assert_int_equal(anl__ckpt_pointed(f->ctx, f->dir, "last"), -1);
    assert_ok(f, anl__ckpt_point(f->ctx, f->dir, "last", 7));
    assert_ok(f, anl__ckpt_point(f->ctx, f->dir, "best", 2));
    put(at(f, "step-000000003.h5.tmp.99"), "x", 1);
    put(at(f, "last.tmp.99"), "x", 1);
    put(at(f, "step-9.h5"), "not ours", 8);
    put(at(f, "notes.tmp.1"), "not ours", 8);
    assert_ok(f, anl__ckpt_prune_sparing(f->ctx, f->dir, 2, 4));
    for (int s = 1; s <= 8;
         s++) /* newest two up to the last, the best, the spared one, and the one beyond the last */
        assert_int_equal(anl__path_exists(anl__ckpt_name(a, f->dir, s)), s == 2 || s == 4 || s >= 6);
    assert_int_equal(entries(f->dir, ".tmp."), 1);
    assert_true(anl__path_exists(at(f, "step-9.h5")));
    put(at(f, "best"), "rubbish\n", 8); /* then nothing is removed */
    assert_int_equal(anl__ckpt_prune(f->ctx, f->dir, 1), ANL_FORMAT);
    assert_int_equal(entries(f->dir, "step-0"), 5);
    for (int n = 1; n < 9; n++) { /* nor when the pointer cannot be read for want of memory */
        assert_ok(f, anl__ckpt_point(f->ctx, f->dir, "best", 2));
        anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
        if (anl__ckpt_prune(f->ctx, f->dir, 1) == ANL_OK && anl__inject_seen(f->ctx, ANL__INJECT_ALLOC) < n)
            break;
        assert_true(anl__path_exists(anl__ckpt_name(a, f->dir, 2)));
    }
    anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
    assert_true(anl__path_exists(anl__ckpt_name(a, f->dir, 2)));
    anl__arena_destroy(a);
}

static void newest(void **state)
{
    fixture *f = *state;
    content c;
    anl__ckpt *k;
    const char *both[3] = {at(f, "here"), NULL, at(f, "there")};
    assert_ok(f, anl__ckpt_newest(f->ctx, both, 3, &k));
    assert_null(k);
    assert_ok(f, anl__dir_make(f->ctx, both[0]));
    assert_ok(f, anl__dir_make(f->ctx, both[2]));
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "here/step-000000005.h5"), content_make(&c, 5)));
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "there/step-000000004.h5"), content_make(&c, 4)));
    put(at(f, "here/step-000000009.h5"), "torn", 4);
    put(at(f, "here/step-000000011.h5.tmp.1"), "torn", 4);
    assert_ok(f, anl__ckpt_newest(f->ctx, both, 3, &k));
    assert_int_equal(anl__ckpt_step(k), 5);
    anl__ckpt_close(k);
    assert_non_null(strstr(f->log, "checkpoint left aside"));
    assert_non_null(strstr(f->log, "step-000000009.h5: is no HDF5 file"));
    assert_true(anl__path_exists(at(f, "here/step-000000011.h5.tmp.1"))); /* a reader removes nothing */
    assert_ok(f, anl__ckpt_newest(f->ctx, both + 1, 2, &k));
    assert_int_equal(anl__ckpt_step(k), 4);
    anl__ckpt_close(k);
    edit(at(f, "here/step-000000005.h5"), at(f, "there/step-000000012.h5"), newer);
    assert_int_equal(anl__ckpt_newest(f->ctx, both, 3, &k), ANL_UNSUPPORTED); /* never passed over */
    assert_says(f, "step-000000012.h5: was made by a newer Anneal");
    unlink(at(f, "there/step-000000012.h5"));
    for (int n = 1; n < 1000; n++) { /* want of memory does not pass over a good one */
        anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
        anl_status st = anl__ckpt_newest(f->ctx, both, 3, &k);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) {
            int64_t step = anl__ckpt_step(k);
            anl__ckpt_close(k);
            assert_int_equal(step, 5);
            break;
        }
        assert_int_equal(st, ANL_NOMEM);
    }
}

static void copies(void **state)
{
    fixture *f = *state;
    content c;
    assert_ok(f, anl__ckpt_write(f->ctx, at(f, "a.h5"), content_make(&c, 3)));
    assert_ok(f, anl__ckpt_copy(f->ctx, at(f, "a.h5"), at(f, "b.h5")));
    assert_ok(f, verify(f->ctx, at(f, "b.h5"), NULL));
    assert_int_equal(anl__ckpt_copy(f->ctx, at(f, "none.h5"), at(f, "b.h5")), ANL_DATA);
    put(at(f, "a.h5"), "rotten", 6);
    assert_int_equal(anl__ckpt_copy(f->ctx, at(f, "a.h5"), at(f, "b.h5")), ANL_FORMAT);
    assert_ok(f, verify(f->ctx, at(f, "b.h5"), NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    /* memory_limit before the heap has holes that no limit counts */
    const struct CMUnitTest tests[] = {T(memory_limit),
                                       T(round_trip),
                                       T(plain_hdf5),
                                       T(one_content_one_file),
                                       T(large_and_many),
                                       T(refused_contents),
                                       T(damage),
                                       T(wrong_inside),
                                       T(failing),
                                       T(full_disk),
                                       T(file_limit),
                                       T(names_and_pointers),
                                       T(newest),
                                       T(copies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) { return 0; /* a build without HDF5 has no checkpoints */ }
#endif
