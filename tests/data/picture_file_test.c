/* What a file says of itself: kinds, names, cut and damaged files of every kind, EXIF's orientation. */
#include "tests/common/files_fixture.h"
#include "tests/common/pictures_fixture.h"

#include "datasets/picture.h"
#include "datasets/picture_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 7, H = 5, MOST = W * H * 4 };

static anl__picture_kind kind(const char *bytes, size_t n, const char **other) { return anl__picture_kind_of((const uint8_t *)bytes, n, other); }

static void kinds_by_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        anl__picture_kind kind;
        const char *other;
    } known[] = {
        {"\xff\xd8\xff\xe0", 4, ANL__PICTURE_JPEG, NULL},
        {"\xff\xd8", 2, ANL__PICTURE_NONE, NULL},
        {"\x89PNG\r\n\x1a\n", 8, ANL__PICTURE_PNG, NULL},
        {"\x89PNG\n\x1a\n\n", 8, ANL__PICTURE_NONE, NULL}, /* sent as text */
        {"\x89PNG\r\n\x1a", 7, ANL__PICTURE_NONE, NULL},
        {"BM", 2, ANL__PICTURE_BMP, NULL},
        {"P5", 2, ANL__PICTURE_PNM, NULL},
        {"P6", 2, ANL__PICTURE_PNM, NULL},
        {"P2\n", 3, ANL__PICTURE_NONE, "ASCII PNM"},
        {"GIF89a", 6, ANL__PICTURE_GIF, NULL},
        {"GIF", 3, ANL__PICTURE_NONE, NULL},
        {"RIFF\0\0\0\0WEBP", 12, ANL__PICTURE_WEBP, NULL},
        {"RIFF\0\0\0\0WAVE", 12, ANL__PICTURE_NONE, NULL},
        {"II*\0", 4, ANL__PICTURE_TIFF, NULL},
        {"MM\0*", 4, ANL__PICTURE_TIFF, NULL},
        {"II+\0", 4, ANL__PICTURE_TIFF, NULL},
        {"MM\0+", 4, ANL__PICTURE_TIFF, NULL},
        {"MM*\0", 4, ANL__PICTURE_NONE, NULL},
        {"\0\0\0\x18" "ftypheic", 12, ANL__PICTURE_NONE, "HEIC"},
        {"\0\0\0\x18" "ftypavif", 12, ANL__PICTURE_NONE, "AVIF"},
        {"\0\0\0\x0cjP  \r\n", 10, ANL__PICTURE_NONE, "JPEG 2000"},
        {"8BPS", 4, ANL__PICTURE_NONE, "PSD"},
        {"text", 4, ANL__PICTURE_NONE, NULL},
        {"", 0, ANL__PICTURE_NONE, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *other = "unset";
        assert_int_equal(kind(known[i].bytes, known[i].n, &other), known[i].kind);
        assert_int_equal(kind(known[i].bytes, known[i].n, NULL), known[i].kind);
        if (known[i].other) assert_string_equal(other, known[i].other);
        else assert_null(other);
    }
    char dicom[132] = {0};
    const char *other;
    memcpy(dicom + 128, "DICM", 4);
    assert_int_equal(kind(dicom, 132, &other), ANL__PICTURE_NONE);
    assert_string_equal(other, "DICOM");
    assert_int_equal(kind(dicom, 131, &other), ANL__PICTURE_NONE);
    assert_null(other);
}

static void names(void **state)
{
    (void)state;
    const char *yes[] = {"a.jpg", "a.JPEG", "a.b.Png", "x/y.bmp", "a.ppm", "a.pgm", ".jpg", "a.gif", "a.webp", "a.dcm", "a.tif"},
               *no[] = {"jpg", "a.jpg.txt", "a", "", "a.", "a.jp", "a.jpgx", "Thumbs.db", "a.csv"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(anl__picture_name(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(anl__picture_name(no[i]));
}

static const char *read_as(const uint8_t *p, size_t n, int channels, uint8_t *out)
{
    anl__picture_shape s = {H, W, channels};
    return anl__picture_read(p, n, &s, ANL__FIT_STRETCH, out);
}

/* Cut at every length, in a block of that length so that a sanitizer sees what is read behind it: always refused. */
static void cut_everywhere(const picture_file *f)
{
    uint8_t out[MOST];
    int o = 0;
    assert_null(anl__picture_file_check(f->p, f->n, &o));
    const char *said = anl__picture_here() ? read_as(f->p, f->n, 3, out) : NULL;
    if (said) fail_msg("%.4s of %zu bytes: %s", (const char *)f->p, f->n, said);
    for (size_t n = 0; n < f->n; n++) {
        uint8_t *p = malloc(n ? n : 1);
        memcpy(p, f->p, n);
        const char *why = anl__picture_file_check(p, n, &o);
        if (!why || strlen(why) < 5) fail_msg("cut at %zu of %zu bytes it is whole", n, f->n);
        assert_in_range(o, 1, 8);
        assert_non_null(read_as(p, n, 3, out));
        free(p);
    }
}

static void cut_files(void **state)
{
    (void)state;
    uint8_t pixel[MOST * 2];
    picture_fill(pixel, W, H, 8);
    picture_file all[] = {picture_png(W, H, PNG_GREY, 8, pixel), picture_png(W, H, PNG_RGB, 8, pixel), picture_png(W, H, PNG_RGBA, 16, pixel),
                          picture_png_palette(W, H, (const uint8_t[W * H]){0, 1, 1}, pixel, NULL, 2), picture_bmp(W, H, 24, false, pixel), picture_bmp(W, H, 24, true, pixel),
                          picture_bmp(W, H, 32, false, pixel), picture_bmp_os2(W, H, pixel), picture_pnm(W, H, 1, 255, pixel), picture_pnm(W, H, 3, 255, pixel),
                          picture_pnm(W, H, 3, 65535, pixel)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cut_everywhere(&all[i]);
        picture_free(&all[i]);
    }
}

static void need_stb(void)
{
    if (anl__picture_here()) return;
    print_message("skipped: a build without stb makes and reads no JPEG\n");
    skip();
}

static void cut_jpegs(void **state)
{
    (void)state;
    need_stb();
    uint8_t pixel[MOST];
    picture_fill(pixel, W, H, 3);
    picture_file grey = picture_jpeg(W, H, 1, 90, pixel), colour = picture_jpeg(W, H, 3, 90, pixel), thumb = picture_jpeg(2, 2, 3, 50, pixel),
                 turned = picture_exif(&colour, 3, true, 8, &thumb);
    assert_memory_equal(turned.p + turned.n - 2, "\xff\xd9", 2);
    picture_file *all[] = {&grey, &colour, &turned};
    for (int i = 0; i < 3; i++) cut_everywhere(all[i]);
    picture_free(&grey);
    picture_free(&colour);
    picture_free(&thumb);
    picture_free(&turned);
}

/* The thumbnail's end is not the picture's; what lies behind the end is nobody's business. */
static void ends_of_jpegs(void **state)
{
    (void)state;
    need_stb();
    uint8_t pixel[MOST], out[MOST];
    int o;
    picture_fill(pixel, W, H, 3);
    picture_file plain = picture_jpeg(W, H, 3, 90, pixel), thumb = picture_jpeg(2, 2, 3, 50, pixel), f = picture_exif(&plain, 1, false, 8, &thumb);
    assert_null(anl__picture_file_check(f.p, f.n, &o));
    assert_null(read_as(f.p, f.n, 3, out));
    for (size_t lost = 1; lost <= plain.n / 2; lost++) {
        const char *why = anl__picture_file_check(f.p, f.n - lost, &o);
        assert_non_null(why);
        assert_non_null(strstr(why, "cut short"));
    }
    f.p = realloc(f.p, f.n + 40);
    memset(f.p + f.n, 0xff, 40);
    assert_null(anl__picture_file_check(f.p, f.n + 40, &o));
    assert_null(read_as(f.p, f.n + 40, 3, out));
    /* an end before any scan: no picture */
    assert_non_null(strstr(anl__picture_file_check((const uint8_t *)"\xff\xd8\xff\xd9", 4, &o), "before its first scan"));
    assert_non_null(strstr(anl__picture_file_check((const uint8_t *)"\xff\xd8\xff\xff\xff\xff", 6, &o), "cut short"));
    assert_non_null(anl__picture_file_check((const uint8_t *)"\xff\xd8\xff\xe0\0\1\xff\xd9", 8, &o)); /* a length that is none */
    picture_free(&f);
    picture_free(&thumb);
    picture_free(&plain);
}

/* Some cameras pad a segment of the head with bytes that are no marker: they are passed over, and the picture is the same. */
static void padded_segments(void **state)
{
    (void)state;
    need_stb();
    uint8_t pixel[MOST], plain[MOST], padded[MOST];
    int o;
    picture_fill(pixel, W, H, 3);
    picture_file jpeg = picture_jpeg(W, H, 3, 90, pixel);
    size_t first = 4 + ((size_t)jpeg.p[4] << 8 | jpeg.p[5]); /* behind the first segment */
    uint8_t *p = calloc(1, jpeg.n + 5);
    memcpy(p, jpeg.p, first);
    memcpy(p + first + 5, jpeg.p + first, jpeg.n - first);
    assert_null(read_as(jpeg.p, jpeg.n, 3, plain));
    assert_null(anl__picture_file_check(p, jpeg.n + 5, &o));
    assert_null(read_as(p, jpeg.n + 5, 3, padded));
    assert_memory_equal(plain, padded, W * H * 3);
    assert_non_null(anl__picture_file_check(p, jpeg.n + 3, &o));
    free(p);
    picture_free(&jpeg);
}

/* Tables of Huffman codes with more values than there may be, or than the segment has: decoders would write behind theirs. */
static void tables_of_jpegs(void **state)
{
    (void)state;
    static const struct {
        int count, values, tables; /* of each length, in the segment, tables of that form */
        bool fine;
    } kinds[] = {{16, 256, 1, true}, {17, 272, 1, false}, {255, 4080, 1, false}, {16, 255, 1, false}, {16, 257, 1, false}, {0, 0, 1, true}, {1, 16, 3, true}, {0, 0, 0, true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint8_t p[8192] = {0xff, 0xd8, 0xff, 0xc4};
        size_t len = 2 + (size_t)kinds[i].tables * (17 + (size_t)kinds[i].values), n = 6;
        int o;
        p[4] = (uint8_t)(len >> 8), p[5] = (uint8_t)len;
        for (int t = 0; t < kinds[i].tables; t++) {
            p[n++] = (uint8_t)t;
            memset(p + n, kinds[i].count, 16);
            n += 16 + (size_t)kinds[i].values;
        }
        memcpy(p + n, "\xff\xda\0\2x\xff\xd9", 7);
        const char *why = anl__picture_file_check(p, n + 7, &o);
        if (kinds[i].fine) assert_null(why);
        else assert_non_null(strstr(why, "Huffman"));
    }
}

/* Any byte of a PNG, changed in any of three ways. */
static void damaged_pngs(void **state)
{
    (void)state;
    uint8_t pixel[MOST], out[MOST];
    picture_fill(pixel, W, H, 4);
    picture_file f = picture_png(W, H, PNG_RGBA, 8, pixel);
    int o;
    assert_null(anl__picture_file_check(f.p, f.n, &o));
    assert_int_equal(o, 1);
    const uint8_t change[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < f.n; i++)
        for (int k = 0; k < 3; k++) {
            f.p[i] ^= change[k];
            assert_non_null(anl__picture_file_check(f.p, f.n, &o));
            assert_non_null(read_as(f.p, f.n, 3, out));
            f.p[i] ^= change[k];
        }
    assert_null(anl__picture_file_check(f.p, f.n, &o));
    f.p[f.n - 14] ^= 1; /* the data's sum: a place known */
    assert_non_null(strstr(anl__picture_file_check(f.p, f.n, &o), "checksum"));
    picture_free(&f);
}

/* In a JPEG and a PNG, which say the same. */
static int orientation_of(const picture_file *jpeg, int o, bool little, uint32_t at)
{
    int found[2] = {0};
    picture_file png = picture_png(1, 1, PNG_GREY, 8, (const uint8_t[]){7}), f[2] = {picture_exif(jpeg, o, little, at, NULL), picture_png_exif(&png, o, little, at, little)};
    for (int i = 0; i < 2; i++) {
        assert_null(anl__picture_file_check(f[i].p, f[i].n, &found[i]));
        picture_free(&f[i]);
    }
    picture_free(&png);
    assert_int_equal(found[0], found[1]);
    return found[0];
}

/* Markers that make a whole JPEG for the check, without one to decode. */
static const uint8_t bare[] = {0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xd9};

static void orientations(void **state)
{
    (void)state;
    const picture_file jpeg = {(uint8_t *)(uintptr_t)bare, sizeof bare};
    for (int o = 0; o <= 9; o++) {
        assert_int_equal(orientation_of(&jpeg, o, true, 8), o >= 1 && o <= 8 ? o : 1);
        assert_int_equal(orientation_of(&jpeg, o, false, 8), o >= 1 && o <= 8 ? o : 1);
    }
    assert_int_equal(orientation_of(&jpeg, 0x0600, false, 8), 1); /* another byte order */
    const uint32_t elsewhere[] = {0, 9, 20, 30, 34, 35, 36, 37, 38, 39, 40, 100, 65535, 0x7fffffff, 0x80000000u, 0xfffffff0u, 0xffffffffu};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        for (int little = 0; little < 2; little++) assert_int_equal(orientation_of(&jpeg, 6, little, elsewhere[i]), 1);
}

/* The segment cut at every length, each time a whole JPEG around it: never read behind, and found as soon as its entry is there. */
static void short_segments(void **state)
{
    (void)state;
    const picture_file jpeg = {(uint8_t *)(uintptr_t)bare, sizeof bare};
    picture_file f = picture_exif(&jpeg, 8, false, 8, NULL);
    size_t segment = (size_t)(f.p[4] << 8 | f.p[5]); /* its own two bytes and the content */
    const size_t entry_end = 2 + 6 + 8 + 2 + 24;     /* length, Exif, TIFF's head, count, two entries */
    int found = 0;
    for (size_t len = 2; len <= segment; len++) {
        size_t n = 2 + 2 + len + sizeof bare - 2;
        uint8_t *p = malloc(n);
        int o = 0;
        memcpy(p, f.p, 4 + len);
        p[4] = (uint8_t)(len >> 8), p[5] = (uint8_t)len;
        memcpy(p + 4 + len, bare + 2, sizeof bare - 2);
        assert_null(anl__picture_file_check(p, n, &o));
        assert_int_equal(o, len >= entry_end ? 8 : 1);
        found += o == 8;
        free(p);
    }
    assert_true(found > 0);
    picture_free(&f);
}

/* Heads of BMP and PNM that say what cannot be. */
static void impossible_heads(void **state)
{
    (void)state;
    uint8_t pixel[MOST];
    int o;
    picture_fill(pixel, W, H, 4);
    static const struct {
        size_t at;
        uint32_t v;
    } wrong[] = {{18, 0}, {18, 0x80000000u}, {18, 0x7fffffff}, {22, 0}, {22, 0x80000000u}, {22, 0x7fffffff}, {28, 64}, {10, 0xffffffffu}, {10, 0}, {10, 53}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        picture_file f = picture_bmp(W, H, 24, false, pixel);
        for (int k = 0; k < (wrong[i].at == 28 ? 2 : 4); k++) f.p[wrong[i].at + (size_t)k] = (uint8_t)(wrong[i].v >> 8 * k);
        assert_non_null(anl__picture_file_check(f.p, f.n, &o));
        picture_free(&f);
    }
    picture_file pale = picture_bmp(W, H, 24, false, pixel);
    pale.p[28] = 8; /* and the pixels right behind the head */
    assert_non_null(strstr(anl__picture_file_check(pale.p, pale.n, &o), "no palette"));
    picture_free(&pale);
    picture_file packed = picture_bmp(W, H, 24, false, pixel);
    packed.p[30] = 1;
    assert_non_null(strstr(anl__picture_file_check(packed.p, packed.n, &o), "compressed BMP"));
    picture_free(&packed);
    const char *heads[] = {"P5", "P5 ", "P5 0 5 255\n", "P5 5 0 255\n", "P5 1 1 0\nx", "P5 1 1 65536\nxx", "P5 -1 1 255\nx", "P5 99999999999999999999 99999999999999999999 255\nx",
                           "P6 x", "P5 1 1 #255\nx", "P5 #", "P5 2 2 255 xxx"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        uint8_t *p = malloc(strlen(heads[i]));
        memcpy(p, heads[i], strlen(heads[i]));
        assert_non_null(anl__picture_file_check(p, strlen(heads[i]), &o));
        free(p);
    }
    assert_null(anl__picture_file_check((const uint8_t *)"P5#c\n2#d\n2\t255 xxxx", 20, &o));
}

static void sizes_of_pngs(void **state)
{
    (void)state;
    uint32_t w = 1, h = 2;
    picture_file f = picture_png_claims(0x01020304, 0x7fffffff);
    assert_true(anl__picture_png_size(f.p, f.n, &w, &h));
    assert_int_equal(w, 0x01020304);
    assert_int_equal(h, 0x7fffffff);
    assert_false(anl__picture_png_size(f.p, 23, &w, &h));
    assert_false(anl__picture_png_size((const uint8_t *)"P5 1 1 255 xxxxxxxxxxxxxxxxx", 28, &w, &h));
    picture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_by_first_bytes), cmocka_unit_test(names), cmocka_unit_test(cut_files), cmocka_unit_test(cut_jpegs),
                                       cmocka_unit_test(ends_of_jpegs), cmocka_unit_test(padded_segments), cmocka_unit_test(tables_of_jpegs), cmocka_unit_test(damaged_pngs), cmocka_unit_test(orientations), cmocka_unit_test(short_segments),
                                       cmocka_unit_test(impossible_heads), cmocka_unit_test(sizes_of_pngs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
