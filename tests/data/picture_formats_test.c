/* Damaged WebP, TIFF and GIF files: golden/decoded's, cut and changed. What is right with them is held to Pillow there. */
#include "tests/common/files_fixture.h"
#include "tests/common/pictures_fixture.h"

#include "datasets/picture.h"
#include "datasets/picture_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DECODED ANL_TESTS_DIR "/golden/data/decoded"

enum { MOST = 1 << 12 };

static picture_file take(const char *name)
{
    char path[512];
    picture_file f = {malloc(MOST), 0};
    snprintf(path, sizeof path, DECODED "/%s", name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    f.n = fread(f.p, 1, MOST, in);
    assert_in_range(f.n, 1, MOST - 1);
    fclose(in);
    return f;
}

/* NULL and the picture in its own size, or what is wrong, of looking or of reading. */
static const char *read_all(const uint8_t *p, size_t n, uint8_t *out)
{
    anl__picture_shape s = {0};
    const char *why = anl__picture_look(p, n, &s);
    if (why) return why;
    return s.h * s.w * s.channels > MOST ? "it is large" : anl__picture_read(p, n, &s, ANL__FIT_STRETCH, out);
}

static bool here(const char *kind)
{
    if (strstr(anl__picture_formats(), kind)) return true;
    print_message("skipped: this build reads no %s\n", kind);
    return false;
}

static bool is_read(const char *name) { return strstr(anl__picture_formats(), name[0] == 'g' ? "GIF" : name[0] == 'w' ? "WebP" : "TIFF") != NULL; }

/* Every file, as far as this build reads it. */
static int for_all(void (*check)(const char *name, const picture_file *f))
{
    int n = 0;
    DIR *d = opendir(DECODED);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' || !is_read(e->d_name)) continue;
        picture_file f = take(e->d_name);
        check(e->d_name, &f);
        picture_free(&f);
        n++;
    }
    closedir(d);
    return n;
}

/* Refused, in a block of that length so that a sanitizer sees what is read behind it; but a TIFF whose pixels are all there is the same. */
static void cut_everywhere(const char *name, const picture_file *f)
{
    static uint8_t whole[MOST], out[MOST];
    assert_null(read_all(f->p, f->n, whole));
    for (size_t n = 0; n < f->n; n++) {
        uint8_t *p = malloc(n ? n : 1);
        memcpy(p, f->p, n);
        memcpy(out, whole, sizeof out);
        const char *why = read_all(p, n, out);
        if (!why && (strcmp(name + strlen(name) - 4, ".tif") || n < f->n / 2 || memcmp(out, whole, sizeof out))) fail_msg("%s cut at %zu of %zu bytes is whole", name, n, f->n);
        free(p);
    }
}

static void cut_files(void **state)
{
    (void)state;
    assert_true(for_all(cut_everywhere) > 5);
}

/* Each byte in three ways: a message or a picture, and nothing on stderr. */
static void change_everywhere(const char *name, const picture_file *f)
{
    static uint8_t out[MOST];
    const uint8_t change[] = {0x01, 0x80, 0xff};
    (void)name;
    for (size_t i = 0; i < f->n; i++)
        for (int k = 0; k < 3; k++) {
            f->p[i] ^= change[k];
            const char *why = read_all(f->p, f->n, out);
            if (why) assert_true(strlen(why) > 5);
            f->p[i] ^= change[k];
        }
    assert_null(read_all(f->p, f->n, out));
}

static void changed_files(void **state)
{
    (void)state;
    FILE *other = tmpfile();
    assert_non_null(other);
    fflush(stderr);
    int kept = dup(2);
    assert_int_equal(dup2(fileno(other), 2), 2);
    int n = for_all(change_everywhere);
    fflush(stderr);
    assert_int_equal(dup2(kept, 2), 2);
    close(kept);
    assert_true(n > 5);
    assert_int_equal(lseek(fileno(other), 0, SEEK_END), 0);
    fclose(other);
}

static void says(const picture_file *f, const char *what)
{
    static uint8_t out[MOST];
    const char *why = read_all(f->p, f->n, out);
    if (!why || !strstr(why, what)) fail_msg("'%s' is said, not '%s'", why ? why : "nothing", what);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

/* The entry of a tag in the one directory of a TIFF with its low bytes first. */
static uint8_t *entry(const picture_file *f, int tag)
{
    uint8_t *p = f->p + (f->p[4] | f->p[5] << 8);
    for (int n = p[0] | p[1] << 8; n > 0; n--)
        if ((p[2 + 12 * (n - 1)] | p[3 + 12 * (n - 1)] << 8) == tag) return p + 2 + 12 * (n - 1);
    fail_msg("no tag %d", tag);
    return NULL;
}

static void other_tiffs(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int tag;
        uint32_t value;
        const char *said;
    } changes[] = {
        {"tiff-grey-4.tif", 258, 12, "its samples are of 12 bits"},
        {"tiff-grey-4.tif", 262, 5, "inks (CMYK)"},
        {"tiff-grey-4.tif", 262, 8, "its kind of colour is 8"},
        {"tiff-grey-4.tif", 256, 0, "damaged"},
        {"tiff-grey-4.tif", 273, 0, "a part of its pixels is nowhere"},
        {"tiff-grey-4.tif", 273, 0x7fffffff, "cut short: a part of its pixels"},
        {"tiff-rgb-lzw.tif", 279, 100000, "cut short: a part of its pixels"},
        {"tiff-rgb-lzw.tif", 279, 5, "damaged"},
        {"tiff-rgb-16.tif", 262, 1, "it is grey, and has 3 samples a pixel"},
        {"tiff-tiles.tif", 322, 0xfff0, "damaged"}, /* another number of tiles than there are */
    };
    if (!here("TIFF")) return;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        picture_file f = take(changes[i].file);
        put32(entry(&f, changes[i].tag) + 8, changes[i].value);
        says(&f, changes[i].said);
        picture_free(&f);
    }
    picture_file f = take("tiff-turned-2.tif"); /* its orientation becomes the format of its samples */
    uint8_t *e = entry(&f, 274);
    e[0] = 339 & 255, e[1] = 339 >> 8, e[8] = 3;
    says(&f, "its samples are floats of 8 bits");
    e[8] = 2;
    says(&f, "not unsigned");
    put32(f.p + 4, 0);
    says(&f, "it has no picture in it");
    put32(f.p + 4, (uint32_t)f.n + 5);
    says(&f, "cut short: its first page");
    picture_free(&f);
}

/* Alpha that is multiplied in: colour and what it leaves of white, and no more than white. */
static void multiplied_alpha(void **state)
{
    (void)state;
    if (!here("TIFF")) return;
    picture_file f = take("tiff-rgb-and-one-more.tif");
    static uint8_t out[MOST];
    const uint8_t *s = f.p + 8;
    entry(&f, 338)[8] = 1;
    assert_null(read_all(f.p, f.n, out));
    for (int i = 0; i < 35; i++)
        for (int k = 0; k < 3; k++) {
            int want = s[4 * i + k] + 255 - s[4 * i + 3];
            assert_int_equal(out[3 * i + k], want > 255 ? 255 : want);
        }
    picture_free(&f);
}

static void giants(void **state)
{
    (void)state;
    if (here("TIFF")) {
        picture_file f = take("tiff-rgb-lzw.tif");
        const int tags[] = {256, 257, 278}; /* width, height, rows of a strip */
        for (int i = 0; i < 3; i++) entry(&f, tags[i])[2] = 4, put32(entry(&f, tags[i]) + 8, 60000);
        says(&f, "it is 60000 x 60000, and at most");
        for (int i = 0; i < 3; i++) put32(entry(&f, tags[i]) + 8, 0xffffffff);
        says(&f, "damaged");
        picture_free(&f);
    }
    if (here("WebP")) {
        picture_file f = take("webp-animated.webp");
        assert_memory_equal(f.p + 12, "VP8X", 4);
        put32(f.p + 24, 59999 | 0x5f000000); /* 24 bits each */
        f.p[28] = 59999 >> 8, f.p[29] = 0, f.p[27] = 59999 & 255;
        says(&f, "it is 60000 x 60000, and at most");
        picture_free(&f);
    }
}

static void webps(void **state)
{
    (void)state;
    int o;
    picture_file f = take("webp-lossless.webp");
    assert_null(anl__picture_file_check(f.p, f.n, &o));
    put32(f.p + 4, 4);
    says(&f, "it has no picture in it");
    put32(f.p + 4, (uint32_t)f.n - 7);
    says(&f, "cut short");
    put32(f.p + 4, 0xffffffff);
    says(&f, "cut short");
    put32(f.p + 4, (uint32_t)f.n - 8);
    put32(f.p + 16, (uint32_t)f.n - 16);
    says(&f, "longer than its file");
    put32(f.p + 16, 0xffffffff);
    says(&f, "longer than its file");
    put32(f.p + 16, (uint32_t)f.n - 24); /* four bytes are left for another */
    says(&f, "longer than its file");
    picture_free(&f);
    for (int k = 1; k <= 8; k++) {
        f = take("webp-turned-6.webp");
        uint8_t *tag = memmem(f.p, f.n, "\x12\x01\x03\0\x01\0\0\0\x06", 9);
        if (!tag) tag = memmem(f.p, f.n, "\x01\x12\0\x03\0\0\0\x01\0\x06", 10);
        assert_non_null(tag);
        tag[*tag == 1 ? 9 : 8] = (uint8_t)k;
        assert_null(anl__picture_file_check(f.p, f.n, &o));
        assert_int_equal(o, k);
        picture_free(&f);
    }
}

static void not_in_this_build(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {{"WebP", "webp-lossless.webp"}, {"TIFF", "tiff-grey.tif"}};
    for (int i = 0; i < 2; i++) {
        char what[64];
        if (strstr(anl__picture_formats(), kinds[i][0])) continue;
        picture_file f = take(kinds[i][1]);
        snprintf(what, sizeof what, "this build reads no %s", kinds[i][0]);
        says(&f, what);
        picture_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cut_files), cmocka_unit_test(changed_files), cmocka_unit_test(other_tiffs), cmocka_unit_test(multiplied_alpha), cmocka_unit_test(giants),
                                       cmocka_unit_test(webps), cmocka_unit_test(not_in_this_build)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
