/* One picture: exact values of every lossless kind, grey and colour, alpha, which way is up, and the geometry of the fits. How it is
 * scaled is held to Pillow in golden/pictures. */
#include "tests/common/files_fixture.h"
#include "tests/common/pictures_fixture.h"

#include "datasets/picture.h"
#include "datasets/picture_scale.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16 };

static void read_fit(const picture_file *f, int h, int w, int channels, anl__picture_fit fit, uint8_t *out)
{
    anl__picture_shape s = {h, w, channels};
    const char *why = anl__picture_read(f->p, f->n, &s, fit, out);
    if (why) fail_msg("%s", why);
}

/* As stored: `size` h x w is the picture's own. The file is freed. */
static void becomes(picture_file f, int h, int w, int channels, const uint8_t *want)
{
    static uint8_t out[MOST];
    anl__picture_shape s = {0};
    const char *why = anl__picture_look(f.p, f.n, &s);
    if (why) fail_msg("%s", why);
    assert_int_equal(s.h, h);
    assert_int_equal(s.w, w);
    memset(out, 0xcc, sizeof out);
    read_fit(&f, h, w, channels, ANL__FIT_CROP, out);
    assert_memory_equal(out, want, (size_t)(h * w * channels));
    assert_int_equal(out[h * w * channels], 0xcc); /* and no more */
    picture_free(&f);
}

static int own_channels(const picture_file *f)
{
    anl__picture_shape s = {0};
    const char *why = anl__picture_look(f->p, f->n, &s);
    if (why) fail_msg("%s", why);
    return s.channels;
}

static uint8_t grey_of(const uint8_t *c) { return (uint8_t)((77 * c[0] + 150 * c[1] + 29 * c[2]) >> 8); }

static void values_are_exact(void **state)
{
    (void)state;
    enum { W = 9, H = 6, N = W * H };
    uint8_t grey[N], rgb[N * 3], wide[N * 6], three[N * 3], one[N];
    picture_fill(grey, W, H, 1);
    picture_fill(rgb, W, H, 3);
    for (int i = 0; i < N; i++) memset(three + 3 * i, grey[i], 3), one[i] = grey_of(rgb + 3 * i);
    becomes(picture_png(W, H, PNG_GREY, 8, grey), H, W, 1, grey);
    becomes(picture_png(W, H, PNG_GREY, 8, grey), H, W, 3, three);
    becomes(picture_png(W, H, PNG_RGB, 8, rgb), H, W, 3, rgb);
    becomes(picture_png(W, H, PNG_RGB, 8, rgb), H, W, 1, one);
    becomes(picture_pnm(W, H, 1, 255, grey), H, W, 1, grey);
    becomes(picture_pnm(W, H, 3, 255, rgb), H, W, 3, rgb);
    becomes(picture_bmp(W, H, 24, false, rgb), H, W, 3, rgb);
    becomes(picture_bmp(W, H, 24, true, rgb), H, W, 3, rgb);
    becomes(picture_bmp_os2(W, H, rgb), H, W, 3, rgb);
    /* samples of 16 bits keep the upper 8, whatever is below */
    for (int i = 0; i < N * 3; i++) wide[2 * i] = rgb[i], wide[2 * i + 1] = (uint8_t)(i * 91);
    becomes(picture_png(W, H, PNG_RGB, 16, wide), H, W, 3, rgb);
    becomes(picture_pnm(W, H, 3, 65535, wide), H, W, 3, rgb);
    for (int i = 0; i < N; i++) wide[2 * i] = grey[i], wide[2 * i + 1] = 255;
    becomes(picture_png(W, H, PNG_GREY, 16, wide), H, W, 1, grey);
    becomes(picture_pnm(W, H, 1, 65535, wide), H, W, 1, grey);
}

/* Another largest value is as white. */
static void pnm_of_other_values(void **state)
{
    (void)state;
    becomes(picture_pnm(3, 1, 1, 15, (const uint8_t[]){0, 7, 15}), 1, 3, 1, (const uint8_t[]){0, 119, 255});
    becomes(picture_pnm(3, 1, 1, 1, (const uint8_t[]){0, 1, 9}), 1, 3, 1, (const uint8_t[]){0, 255, 255}); /* 9: more than there may be */
    becomes(picture_pnm(2, 1, 1, 4095, (const uint8_t[]){15, 255, 8, 0}), 1, 2, 1, (const uint8_t[]){255, 128});
}

static void palettes(void **state)
{
    (void)state;
    const uint8_t index[6] = {0, 1, 2, 2, 1, 0}, colour[9] = {10, 20, 30, 200, 100, 50, 0, 0, 0}, alpha[3] = {255, 255, 0};
    uint8_t want[18];
    for (int i = 0; i < 6; i++) memcpy(want + 3 * i, colour + 3 * index[i], 3);
    becomes(picture_png_palette(3, 2, index, colour, NULL, 3), 2, 3, 3, want);
    for (int i = 0; i < 6; i++)
        if (index[i] == 2) memset(want + 3 * i, 255, 3);
    becomes(picture_png_palette(3, 2, index, colour, alpha, 3), 2, 3, 3, want);
}

/* An index without a colour is black, whatever the stack held. */
static void beyond_the_palette(void **state)
{
    (void)state;
    const uint8_t index[4] = {0, 1, 2, 255}, colour[6] = {10, 20, 30, 200, 100, 50}, alpha[2] = {255, 255};
    becomes(picture_png_palette(4, 1, index, colour, NULL, 2), 1, 4, 3, (const uint8_t[]){10, 20, 30, 200, 100, 50, 0, 0, 0, 0, 0, 0});
    becomes(picture_png_palette(4, 1, index, colour, alpha, 2), 1, 4, 3, (const uint8_t[]){10, 20, 30, 200, 100, 50, 0, 0, 0, 0, 0, 0});
    for (int os2 = 0; os2 < 2; os2++) becomes(picture_bmp_palette(4, 1, os2, index, colour, 2), 1, 4, 3, (const uint8_t[]){10, 20, 30, 200, 100, 50, 0, 0, 0, 0, 0, 0});
}

static void bmp_palettes(void **state)
{
    (void)state;
    uint8_t index[256], colour[768];
    for (int i = 0; i < 256; i++) index[i] = (uint8_t)i;
    for (int i = 0; i < 768; i++) colour[i] = (uint8_t)(i * 7 + i / 256);
    for (int n = 1; n <= 256; n++)
        for (int os2 = 0; os2 < 2; os2++) becomes(picture_bmp_palette(n, 1, os2, index, colour, n), 1, n, 3, colour);
}

/* c * a / 255 + 255 - a, rounded. */
static void alpha_over_white(void **state)
{
    (void)state;
    const uint8_t rgba[] = {0, 100, 255, 255, 0, 100, 255, 0, 0, 100, 255, 128, 200, 200, 200, 1}, ga[] = {0, 255, 0, 0, 0, 128, 100, 51},
                  rgb[] = {0, 100, 255, 255, 255, 255, 127, 177, 255, 255, 255, 255}, g[] = {0, 255, 127, 224};
    becomes(picture_png(4, 1, PNG_RGBA, 8, rgba), 1, 4, 3, rgb);
    becomes(picture_png(4, 1, PNG_GREY_ALPHA, 8, ga), 1, 4, 1, g);
    uint8_t wide[32], one[4];
    for (int i = 0; i < 16; i++) wide[2 * i] = rgba[i], wide[2 * i + 1] = (uint8_t)(255 - i);
    becomes(picture_png(4, 1, PNG_RGBA, 16, wide), 1, 4, 3, rgb);
    for (int i = 0; i < 4; i++) one[i] = grey_of(rgb + 3 * i);
    becomes(picture_png(4, 1, PNG_RGBA, 8, rgba), 1, 4, 1, one);
    becomes(picture_bmp(4, 1, 32, false, rgba), 1, 4, 3, rgb);
    /* a BMP without any alpha is meant to be seen */
    const uint8_t clear[] = {1, 2, 3, 0, 4, 5, 6, 0};
    becomes(picture_bmp(2, 1, 32, true, clear), 1, 2, 3, (const uint8_t[]){1, 2, 3, 4, 5, 6});
}

static void grey_or_colour(void **state)
{
    (void)state;
    const uint8_t p[16] = {0};
    picture_file all[] = {picture_png(2, 2, PNG_GREY, 8, p), picture_png(2, 2, PNG_GREY_ALPHA, 8, p), picture_pnm(2, 2, 1, 255, p),
                          picture_png(2, 2, PNG_RGB, 8, p), picture_png(2, 2, PNG_RGBA, 8, p), picture_png_palette(2, 2, p, p, NULL, 2),
                          picture_png_palette(2, 2, p, p, p, 2), picture_pnm(2, 2, 3, 255, p), picture_bmp(2, 2, 24, false, p)};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(own_channels(&all[i]), i < 3 ? 1 : 3);
        picture_free(&all[i]);
    }
    picture_file grey = picture_jpeg(8, 8, 1, 90, (const uint8_t[64]){0}), colour = picture_jpeg(8, 8, 3, 90, (const uint8_t[192]){0});
    assert_int_equal(own_channels(&colour), 3);
    assert_int_equal(own_channels(&grey), 3); /* stb_image_write has no JPEG of one channel */
    picture_free(&grey);
    picture_free(&colour);
}

static void jpegs_are_near(void **state)
{
    (void)state;
    enum { W = 24, H = 17 };
    uint8_t rgb[W * H * 3], out[W * H * 3];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            uint8_t *p = rgb + (y * W + x) * 3;
            p[0] = (uint8_t)(40 + x * 4), p[1] = (uint8_t)(60 + y * 6), p[2] = (uint8_t)(120 + x - y);
        }
    picture_file f = picture_jpeg(W, H, 3, 98, rgb);
    read_fit(&f, H, W, 3, ANL__FIT_CROP, out);
    for (int i = 0; i < W * H * 3; i++)
        if (abs(out[i] - rgb[i]) > 6) fail_msg("value %d is %d, written was %d", i, out[i], rgb[i]);
    picture_free(&f);
}

/* A JPEG of three components whose one scan has the first only, and ends at once: nothing says what the others are, and that is
   the same each time. */
static void parts_that_no_scan_fills(void **state)
{
    (void)state;
    enum { N = 64 };
    if (!mallopt(M_PERTURB, 0x5a)) {
        print_message("skipped: this build's malloc cannot be told what a new block holds\n");
        skip();
    }
    static uint8_t p[N * N * 3], out[2][N * N * 3];
    picture_fill(p, N, N, 3);
    picture_file f = picture_jpeg(N, N, 3, 80, p);
    uint8_t *scan = memmem(f.p, f.n, "\xff\xda\0\x0c\3\1", 6);
    assert_non_null(scan);
    const uint8_t first_only[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0, 0xff, 0xd9};
    memcpy(scan, first_only, sizeof first_only);
    f.n = (size_t)(scan - f.p) + sizeof first_only;
    read_fit(&f, N, N, 3, ANL__FIT_CROP, out[0]);
    assert_int_equal(mallopt(M_PERTURB, 0x17), 1);
    read_fit(&f, N, N, 3, ANL__FIT_CROP, out[1]);
    assert_int_equal(mallopt(M_PERTURB, 0), 1);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    picture_free(&f);
}

/* Six blocks of 16 x 16, stored as
 *     A B C
 *     D E F
 * and what EXIF says is to be seen. */
static void orientations(void **state)
{
    (void)state;
    enum { B = 16 };
    static const char *const shown[9] = {[1] = "ABC/DEF", "CBA/FED", "FED/CBA", "DEF/ABC", "AD/BE/CF", "DA/EB/FC", "FC/EB/DA", "CF/BE/AD"};
    uint8_t stored[B * 2 * B * 3], out[B * 2 * B * 3];
    for (int y = 0; y < 2 * B; y++)
        for (int x = 0; x < 3 * B; x++) stored[y * 3 * B + x] = (uint8_t)(20 + 40 * (y / B * 3 + x / B));
    picture_file plain = picture_jpeg(3 * B, 2 * B, 1, 100, stored), png = picture_png(3 * B, 2 * B, PNG_GREY, 8, stored);
    for (int o = 1; o <= 8; o++)
        for (int way = 0; way < 4; way++) { /* a JPEG, a PNG; the latter's chunk before the data and behind it */
            int w = o < 5 ? 3 : 2, h = o < 5 ? 2 : 3;
            picture_file f = way < 2 ? picture_exif(&plain, o, way, 8, NULL) : picture_png_exif(&png, o, way == 2, 8, way == 3);
            anl__picture_shape s = {0};
            assert_null(anl__picture_look(f.p, f.n, &s));
            assert_int_equal(s.h, h * B);
            assert_int_equal(s.w, w * B);
            read_fit(&f, h * B, w * B, 1, ANL__FIT_CROP, out);
            for (int y = 0; y < h * B; y++)
                for (int x = 0; x < w * B; x++) {
                    int want = 20 + 40 * (shown[o][y / B * (w + 1) + x / B] - 'A');
                    if (abs(out[y * w * B + x] - want) > 2) fail_msg("orientation %d: (%d, %d) is %d, not %d", o, y, x, out[y * w * B + x], want);
                }
            picture_free(&f);
        }
    picture_free(&png);
    picture_free(&plain);
}

/* Within a block too: a ramp's direction, by the two ends. */
static void turned_within(void **state)
{
    (void)state;
    enum { N = 32 };
    uint8_t ramp[N * N], out[N * N];
    for (int i = 0; i < N * N; i++) ramp[i] = (uint8_t)(i % N * 7); /* dark at the left */
    picture_file plain = picture_jpeg(N, N, 1, 100, ramp);
    /* where it is dark then: 'l', 'r', 't', 'b' */
    const char dark[9] = {0, 'l', 'r', 'r', 'l', 't', 't', 'b', 'b'};
    for (int o = 1; o <= 8; o++) {
        picture_file f = picture_exif(&plain, o, true, 8, NULL);
        read_fit(&f, N, N, 1, ANL__FIT_STRETCH, out);
        for (int y = 0; y < N; y++)
            for (int x = 0; x < N; x++) {
                int along = dark[o] == 'l' ? x : dark[o] == 'r' ? N - 1 - x : dark[o] == 't' ? y : N - 1 - y;
                if (abs(out[y * N + x] - along * 7) > 4) fail_msg("orientation %d: (%d, %d) is %d, not %d", o, y, x, out[y * N + x], along * 7);
            }
        picture_free(&f);
    }
    picture_free(&plain);
}

static picture_file ramp(int w, int h, int right, int down)
{
    uint8_t p[MOST];
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) p[y * w + x] = (uint8_t)(x * right + y * down);
    return picture_png(w, h, PNG_GREY, 8, p);
}

/* From 40 x 20 (width, height) to 10 x 10: what each fit keeps. A ramp, scaled by halves, is at pixel i of the result the mean of
   its source's places. */
static void fits_of_a_wide_picture(void **state)
{
    (void)state;
    uint8_t out[100];
    picture_file f = ramp(40, 20, 6, 0);
    read_fit(&f, 10, 10, 1, ANL__FIT_CROP, out); /* scaled by 1/2: columns 10 to 29 */
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 10; x++) assert_in_range(out[y * 10 + x], (10 + 2 * x) * 6 + 2, (10 + 2 * x) * 6 + 4);
    read_fit(&f, 10, 10, 1, ANL__FIT_STRETCH, out); /* by 1/4 across; the edges lean inwards */
    for (int y = 0; y < 10; y++)
        for (int x = 1; x < 9; x++) assert_in_range(out[y * 10 + x], 24 * x + 8, 24 * x + 10);
    read_fit(&f, 10, 10, 1, ANL__FIT_PAD, out); /* by 1/4: 10 x 5, two black rows above and three below */
    for (int y = 0; y < 10; y++)
        for (int x = 1; x < 9; x++)
            if (y < 2 || y >= 7) assert_int_equal(out[y * 10 + x], 0);
            else assert_in_range(out[y * 10 + x], 24 * x + 8, 24 * x + 10);
    picture_free(&f);
    f = ramp(20, 40, 0, 6); /* the same upright */
    read_fit(&f, 10, 10, 1, ANL__FIT_CROP, out);
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 10; x++) assert_in_range(out[y * 10 + x], (10 + 2 * y) * 6 + 2, (10 + 2 * y) * 6 + 4);
    read_fit(&f, 10, 10, 1, ANL__FIT_PAD, out);
    for (int y = 1; y < 9; y++)
        for (int x = 0; x < 10; x++)
            if (x < 2 || x >= 7) assert_int_equal(out[y * 10 + x], 0);
            else assert_in_range(out[y * 10 + x], 24 * y + 8, 24 * y + 10);
    picture_free(&f);
}

/* Blocks of 8 of two colours, to blocks of 4: far from the borders each keeps its colour; a crop begins inside a block. */
static void checkers(void **state)
{
    (void)state;
    uint8_t p[32 * 48 * 3], out[16 * 24 * 3];
    static const uint8_t two[2][3] = {{250, 10, 90}, {20, 200, 60}};
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 48; x++) memcpy(p + (y * 48 + x) * 3, two[(y / 8 + x / 8) & 1], 3);
    picture_file f = picture_png(48, 32, PNG_RGB, 8, p);
    read_fit(&f, 16, 24, 3, ANL__FIT_CROP, out);
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 24; x++)
            if (y % 4 % 3 && x % 4 % 3) assert_memory_equal(out + (y * 24 + x) * 3, two[(y / 4 + x / 4) & 1], 3);
    read_fit(&f, 16, 16, 3, ANL__FIT_CROP, out); /* columns 8 to 39 */
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 16; x++)
            if (y % 4 % 3 && x % 4 % 3) assert_memory_equal(out + (y * 16 + x) * 3, two[(y / 4 + x / 4 + 1) & 1], 3);
    picture_free(&f);
}

static void own_size_is_a_copy(void **state)
{
    (void)state;
    uint8_t p[23 * 17 * 3], out[23 * 17 * 3];
    picture_fill(p, 23, 17, 3);
    picture_file f = picture_png(23, 17, PNG_RGB, 8, p);
    for (int fit = ANL__FIT_CROP; fit <= ANL__FIT_PAD; fit++) {
        memset(out, 0, sizeof out);
        read_fit(&f, 17, 23, 3, (anl__picture_fit)fit, out);
        assert_memory_equal(out, p, sizeof p);
    }
    assert_true(anl__picture_scale(p, 23, 17, 3, 0, 0, 23, 17, out, 23, 17, 69)); /* and the filter itself keeps it */
    assert_memory_equal(out, p, sizeof p);
    picture_free(&f);
}

/* An even picture stays even at any size, for all values; pads may not be less than a pixel. */
static void even_stays_even(void **state)
{
    (void)state;
    static uint8_t p[600 * 5], out[700 * 40];
    static const int to[][2] = {{1, 1}, {2, 7}, {40, 3}, {3, 700}, {5, 599}, {16, 16}};
    for (int v = 0; v < 256; v += 5) {
        memset(p, v, sizeof p);
        for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
            assert_true(anl__picture_scale(p, 600, 5, 1, 0, 0, 600, 5, out, to[i][1], to[i][0], to[i][1]));
            for (int k = 0; k < to[i][0] * to[i][1]; k++) assert_int_equal(out[k], v);
        }
    }
    memset(p, 200, sizeof p);
    picture_file f = picture_png(600, 1, PNG_GREY, 8, p);
    read_fit(&f, 9, 9, 1, ANL__FIT_PAD, out); /* 1/66 of a row is a row */
    for (int i = 0; i < 81; i++) assert_int_equal(out[i], i / 9 == 4 ? 200 : 0);
    picture_free(&f);
}

static void not_decoded(picture_file f, const char *says)
{
    anl__picture_shape s = {4, 4, 3};
    uint8_t out[48];
    const char *why = anl__picture_read(f.p, f.n, &s, ANL__FIT_CROP, out);
    if (!why || !strstr(why, says)) fail_msg("'%s' does not say '%s'", why ? why : "", says);
    picture_free(&f);
}

/* By its head already. */
static void refused(picture_file f, const char *says)
{
    anl__picture_shape s;
    const char *why = anl__picture_look(f.p, f.n, &s);
    if (!why || !strstr(why, says)) fail_msg("'%s' does not say '%s'", why ? why : "", says);
    not_decoded(f, says);
}

static picture_file of_text(const char *p, size_t n)
{
    picture_file f = {malloc(n), n};
    memcpy(f.p, p, n);
    return f;
}

static void limits(void **state)
{
    (void)state;
    refused(picture_png_claims(65536, 1), "it is 65536 x 1, and at most 65535 a side and 268435456 pixels are read");
    refused(picture_png_claims(1, 70000), "it is 1 x 70000,");
    refused(picture_png_claims(16385, 16385), "it is 16385 x 16385,");
    refused(picture_png_claims(0xffffffffu, 0xffffffffu), "it is 4294967295 x 4294967295,");
    not_decoded(picture_png_claims(2, 2), "cannot be decoded"); /* its data is of one pixel */
    uint8_t *wide = calloc(65536, 3);
    refused(picture_pnm(65536, 1, 1, 255, wide), "it is 65536 x 1,");
    refused(picture_bmp(1, 65536, 24, true, wide), "it is 1 x 65536,");
    picture_file most = picture_pnm(65535, 1, 1, 255, wide);
    uint8_t out[4] = {1, 1, 1, 1};
    read_fit(&most, 1, 4, 1, ANL__FIT_STRETCH, out);
    assert_memory_equal(out, "\0\0\0\0", 4);
    picture_free(&most);
    free(wide);
    refused(of_text("\0\0\0\x18" "ftypheic....", 16), "HEIC: such files are not read");
    refused(of_text("hello", 5), "it is no picture (JPEG, PNG, GIF, ");
    refused(of_text("", 0), "it is no picture");
    refused(of_text("\xff\xd8\xff\xda\0\2xx\xff\xd9", 10), "cannot be decoded");
}

#define TEST(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(values_are_exact), TEST(pnm_of_other_values), TEST(palettes), TEST(beyond_the_palette), TEST(bmp_palettes), TEST(alpha_over_white), TEST(grey_or_colour), TEST(jpegs_are_near),
                                       TEST(parts_that_no_scan_fills), TEST(orientations), TEST(turned_within), TEST(fits_of_a_wide_picture), TEST(checkers), TEST(own_size_is_a_copy), TEST(even_stays_even),
                                       TEST(limits)};
    if (!anl__picture_here()) {
        print_message("skipped: a build without stb decodes no pictures\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
