/* See pictures_fixture.h. */
#include "pictures_fixture.h"

#include "files_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef ANL_HAVE_STB
#define STBI_WRITE_NO_STDIO /* stb_writer.c */
#include <stb/stb_image_write.h>
#endif

void picture_free(picture_file *f)
{
    free(f->p);
    *f = (picture_file){0};
}

static void add(picture_file *f, const void *p, size_t n)
{
    f->p = realloc(f->p, f->n + n + 1);
    assert_non_null(f->p);
    if (n) memcpy(f->p + f->n, p, n);
    f->n += n;
}

static void add_text(picture_file *f, const char *text) { add(f, text, strlen(text)); }

/* A number of n bytes. */
static void add_number(picture_file *f, uint32_t v, int n, bool little)
{
    for (int i = 0; i < n; i++) {
        uint8_t b = (uint8_t)(v >> 8 * (little ? i : n - 1 - i));
        add(f, &b, 1);
    }
}

/* ---- PNG ------------------------------------------------------------------------------------- */

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

static void chunk(picture_file *f, const char *kind, const void *p, size_t n)
{
    add_number(f, (uint32_t)n, 4, false);
    size_t from = f->n;
    add_text(f, kind);
    add(f, p, n);
    add_number(f, crc32_of(f->p + from, n + 4), 4, false);
}

static void png_head(picture_file *f, uint32_t w, uint32_t h, int kind, int bits)
{
    picture_file head = {0};
    add(f, "\x89PNG\r\n\x1a\n", 8);
    add_number(&head, w, 4, false);
    add_number(&head, h, 4, false);
    const uint8_t rest[5] = {(uint8_t)bits, (uint8_t)kind, 0, 0, 0};
    add(&head, rest, 5);
    chunk(f, "IHDR", head.p, head.n);
    picture_free(&head);
}

/* The rows in a zlib stream of stored blocks, and the end. */
static void png_rows(picture_file *f, int h, size_t row, const uint8_t *sample)
{
    picture_file rows = {0}, z = {0};
    uint32_t a = 1, b = 0;
    for (int y = 0; y < h; y++) {
        add(&rows, "", 1); /* no filter */
        add(&rows, sample + (size_t)y * row, row);
    }
    add(&z, "\x78\x01", 2);
    for (size_t at = 0; at < rows.n;) {
        size_t n = rows.n - at > 65535 ? 65535 : rows.n - at;
        add_number(&z, at + n == rows.n, 1, true);
        add_number(&z, (uint32_t)n, 2, true);
        add_number(&z, ~(uint32_t)n, 2, true);
        add(&z, rows.p + at, n);
        at += n;
    }
    for (size_t i = 0; i < rows.n; i++) {
        a = (a + rows.p[i]) % 65521;
        b = (b + a) % 65521;
    }
    add_number(&z, b << 16 | a, 4, false);
    chunk(f, "IDAT", z.p, z.n);
    chunk(f, "IEND", "", 0);
    picture_free(&z);
    picture_free(&rows);
}

picture_file picture_png(int w, int h, int kind, int bits, const uint8_t *sample)
{
    static const int channels[] = {[PNG_GREY] = 1, [PNG_RGB] = 3, [PNG_GREY_ALPHA] = 2, [PNG_RGBA] = 4};
    picture_file f = {0};
    png_head(&f, (uint32_t)w, (uint32_t)h, kind, bits);
    png_rows(&f, h, (size_t)(w * channels[kind] * bits / 8), sample);
    return f;
}

picture_file picture_png_palette(int w, int h, const uint8_t *index, const uint8_t *colour, const uint8_t *alpha, int n)
{
    picture_file f = {0};
    png_head(&f, (uint32_t)w, (uint32_t)h, PNG_PALETTE, 8);
    chunk(&f, "PLTE", colour, (size_t)n * 3);
    if (alpha) chunk(&f, "tRNS", alpha, (size_t)n);
    png_rows(&f, h, (size_t)w, index);
    return f;
}

picture_file picture_png_claims(uint32_t w, uint32_t h)
{
    picture_file f = {0};
    png_head(&f, w, h, PNG_GREY, 8);
    png_rows(&f, 1, 1, (const uint8_t *)"x");
    return f;
}

/* ---- BMP and PNM ------------------------------------------------------------------------------- */

static void bmp_rows(picture_file *f, int w, int h, int bits, bool top_down, const uint8_t *pixel)
{
    int each = bits / 8;
    for (int i = 0; i < h; i++) {
        const uint8_t *row = pixel + (size_t)(top_down ? i : h - 1 - i) * (size_t)(w * each);
        for (int x = 0; x < w; x++, row += each) {
            const uint8_t bgr[4] = {row[2], row[1], row[0], each == 4 ? row[3] : 0};
            add(f, bgr, (size_t)each);
        }
        add(f, "\0\0\0", (size_t)(-w * each & 3));
    }
}

picture_file picture_bmp(int w, int h, int bits, bool top_down, const uint8_t *pixel)
{
    picture_file f = {0};
    int row = (w * bits + 31) / 32 * 4;
    const uint32_t head[] = {40, (uint32_t)w, (uint32_t)(top_down ? -h : h)}, rest[] = {0, (uint32_t)(row * h), 2835, 2835, 0, 0};
    add_text(&f, "BM");
    add_number(&f, (uint32_t)(54 + row * h), 4, true);
    add_number(&f, 0, 4, true);
    add_number(&f, 54, 4, true);
    for (int i = 0; i < 3; i++) add_number(&f, head[i], 4, true);
    add_number(&f, 1, 2, true);
    add_number(&f, (uint32_t)bits, 2, true);
    for (int i = 0; i < 6; i++) add_number(&f, rest[i], 4, true);
    bmp_rows(&f, w, h, bits, top_down, pixel);
    return f;
}

picture_file picture_bmp_palette(int w, int h, bool os2, const uint8_t *index, const uint8_t *colour, int n)
{
    picture_file f = {0};
    int head = os2 ? 12 : 40, size = os2 ? 2 : 4, from = 14 + head + n * (os2 ? 3 : 4);
    add_text(&f, "BM");
    add_number(&f, (uint32_t)(from + (w + 3) / 4 * 4 * h), 4, true);
    add_number(&f, 0, 4, true);
    add_number(&f, (uint32_t)from, 4, true);
    add_number(&f, (uint32_t)head, 4, true);
    add_number(&f, (uint32_t)w, size, true);
    add_number(&f, (uint32_t)h, size, true);
    add_number(&f, 1, 2, true);
    add_number(&f, 8, 2, true);
    for (int i = 0; !os2 && i < 6; i++) add_number(&f, i == 4 ? (uint32_t)n : 0, 4, true);
    for (int i = 0; i < n; i++) {
        const uint8_t bgr[4] = {colour[3 * i + 2], colour[3 * i + 1], colour[3 * i]};
        add(&f, bgr, os2 ? 3 : 4);
    }
    for (int y = h - 1; y >= 0; y--) {
        add(&f, index + y * w, (size_t)w);
        add(&f, "\0\0\0", (size_t)(-w & 3));
    }
    return f;
}

picture_file picture_bmp_os2(int w, int h, const uint8_t *pixel)
{
    picture_file f = {0};
    const uint32_t head[] = {(uint32_t)w, (uint32_t)h, 1, 24};
    add_text(&f, "BM");
    add_number(&f, (uint32_t)(26 + (w * 24 + 31) / 32 * 4 * h), 4, true);
    add_number(&f, 0, 4, true);
    add_number(&f, 26, 4, true);
    add_number(&f, 12, 4, true);
    for (int i = 0; i < 4; i++) add_number(&f, head[i], 2, true);
    bmp_rows(&f, w, h, 24, false, pixel);
    return f;
}

picture_file picture_pnm(int w, int h, int channels, int most, const uint8_t *sample)
{
    picture_file f = {0};
    char head[96];
    snprintf(head, sizeof head, "P%d\n# made by a test\n%d %d\n%d\n", channels == 3 ? 6 : 5, w, h, most);
    add_text(&f, head);
    add(&f, sample, (size_t)(w * h * channels) * (most > 255 ? 2 : 1));
    return f;
}

/* ---- JPEG -------------------------------------------------------------------------------------- */

#ifdef ANL_HAVE_STB
static void take_piece(void *to, void *p, int n) { add(to, p, (size_t)n); }
#endif

picture_file picture_jpeg(int w, int h, int channels, int quality, const uint8_t *pixel)
{
    picture_file f = {0};
#ifdef ANL_HAVE_STB
    assert_true(stbi_write_jpg_to_func(take_piece, &f, w, h, channels, pixel, quality));
#else
    (void)w, (void)h, (void)channels, (void)quality, (void)pixel;
#endif
    return f;
}

/* EXIF's TIFF part. */
static void tiff(picture_file *t, int o, bool little, uint32_t at)
{
    add(t, little ? "II*\0" : "MM\0*", 4);
    add_number(t, at, 4, little);
    add_number(t, 2, 2, little); /* two entries: a width, and the orientation */
    const uint32_t entry[2][4] = {{0x100, 3, 1, 640}, {0x112, 3, 1, (uint32_t)o}};
    for (int i = 0; i < 2; i++) {
        add_number(t, entry[i][0], 2, little);
        add_number(t, entry[i][1], 2, little);
        add_number(t, entry[i][2], 4, little);
        add_number(t, entry[i][3], 2, little);
        add_number(t, 0, 2, little);
    }
    add_number(t, 0, 4, little);
}

picture_file picture_png_exif(const picture_file *png, int o, bool little, uint32_t at, bool late)
{
    const size_t head = 8 + 12 + 13, end = 12, place = late ? png->n - end : head;
    picture_file f = {0}, t = {0};
    tiff(&t, o, little, at);
    add(&f, png->p, place);
    chunk(&f, "eXIf", t.p, t.n);
    add(&f, png->p + place, png->n - place);
    picture_free(&t);
    return f;
}

picture_file picture_exif(const picture_file *jpeg, int o, bool little, uint32_t at, const picture_file *thumb)
{
    picture_file f = {0}, t = {0};
    add(&t, "Exif\0\0", 6);
    tiff(&t, o, little, at);
    if (thumb) add(&t, thumb->p, thumb->n);
    add(&f, jpeg->p, 2);
    add(&f, "\xff\xe1", 2);
    add_number(&f, (uint32_t)t.n + 2, 2, false);
    add(&f, t.p, t.n);
    add(&f, jpeg->p + 2, jpeg->n - 2);
    picture_free(&t);
    return f;
}

/* ---- what is in them --------------------------------------------------------------------------- */

uint8_t picture_pattern(int y, int x, int c) { return (uint8_t)(y * 37 + x * 11 + c * 83 + y * x % 5); }

void picture_fill(uint8_t *pixel, int w, int h, int channels)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < channels; c++) *pixel++ = picture_pattern(y, x, c);
}

void picture_put(const char *path, const picture_file *f)
{
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", path);
    for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(dir, 0755); /* where it is there already, put says whether it is a folder */
        *slash = '/';
    }
    put(path, f->p ? (const void *)f->p : "", f->n);
}

void picture_put_grey(const char *path, int w, int h, uint8_t value)
{
    uint8_t *pixel = malloc((size_t)(w * h));
    assert_non_null(pixel);
    memset(pixel, value, (size_t)(w * h));
    picture_file f = picture_png(w, h, PNG_GREY, 8, pixel);
    picture_put(path, &f);
    picture_free(&f);
    free(pixel);
}
