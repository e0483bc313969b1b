/* GIF beyond what golden/decoded has: codes of every width, tables that stay full, pictures that end early, blocks that are none. */
#include "tests/common/files_fixture.h"
#include "tests/common/pictures_fixture.h"

#include "datasets/picture.h"
#include "datasets/picture_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 128, CODES = 4096 };

typedef struct writer {
    picture_file f;
    uint32_t bits;
    int have, in_block;
    size_t block; /* where the block's length stands */
} writer;

static void put_byte(writer *w, int v)
{
    w->f.p = realloc(w->f.p, w->f.n + 1);
    assert_non_null(w->f.p);
    w->f.p[w->f.n++] = (uint8_t)v;
}

static void put_in_block(writer *w, int v)
{
    if (w->in_block == 0) {
        w->block = w->f.n;
        put_byte(w, 0);
    }
    put_byte(w, v);
    w->f.p[w->block] = (uint8_t)++w->in_block;
    if (w->in_block == 255) w->in_block = 0;
}

static void put_code(writer *w, int code, int width)
{
    w->bits |= (uint32_t)code << w->have;
    for (w->have += width; w->have >= 8; w->have -= 8, w->bits >>= 8) put_in_block(w, (int)(w->bits & 255));
}

static void put_head(writer *w, int side_w, int side_h, int depth)
{
    for (const char *s = "GIF89a"; *s; s++) put_byte(w, *s);
    const int head[] = {side_w & 255, side_w >> 8, side_h & 255, side_h >> 8, 0x80 | (depth - 1), 0, 0};
    for (int i = 0; i < 7; i++) put_byte(w, head[i]);
    for (int i = 0; i < 1 << depth; i++)
        for (int k = 0; k < 3; k++) put_byte(w, i * 255 / ((1 << depth) - 1));
}

static void put_frame(writer *w, int side_w, int side_h, int depth)
{
    const int head[] = {',', 0, 0, 0, 0, side_w & 255, side_w >> 8, side_h & 255, side_h >> 8, 0, depth};
    for (int i = 0; i < 11; i++) put_byte(w, head[i]);
}

/* As encoders do; `again`: the table is cleared when it is full, else it stays as it is. */
static void put_pixels(writer *w, const uint8_t *index, int n, int depth, bool again)
{
    static int16_t child[CODES][256];
    int clear = 1 << depth, next = clear + 2, width = depth + 1, at = index[0];
    memset(child, -1, sizeof child);
    put_code(w, clear, width);
    for (int i = 1; i < n; i++) {
        int16_t *to = &child[at][index[i]];
        if (*to >= 0) {
            at = *to;
            continue;
        }
        put_code(w, at, width);
        if (next < CODES) {
            if (next == 1 << width) width++;
            *to = (int16_t)next++;
        } else if (again) {
            put_code(w, clear, width);
            memset(child, -1, sizeof child);
            next = clear + 2, width = depth + 1;
        }
        at = index[i];
    }
    put_code(w, at, width);
    if (next < CODES && next == 1 << width) width++;
    put_code(w, clear + 1, width);
    put_code(w, 0, 7); /* the rest of a byte */
    w->in_block = 0;
    put_byte(w, 0);
}

static picture_file gif(int w, int h, const uint8_t *index, int pixels, int depth, bool again)
{
    writer out = {0};
    put_head(&out, w, h, depth);
    put_frame(&out, w, h, depth);
    put_pixels(&out, index, pixels, depth, again);
    put_byte(&out, ';');
    return out.f;
}

static const char *read_gif(const picture_file *f, int w, int h, uint8_t *out)
{
    anl__picture_shape s = {0};
    const char *why = anl__picture_look(f->p, f->n, &s);
    if (why) return why;
    assert_int_equal(s.h, h);
    assert_int_equal(s.w, w);
    assert_int_equal(s.channels, 1); /* the palette is grey */
    return anl__picture_read(f->p, f->n, &s, ANL__FIT_STRETCH, out);
}

/* Patterns of long runs, of short ones, and noise, whose table gets full after a third of it. */
static int value(int pattern, int i)
{
    static uint32_t s;
    s = i ? s * 1664525u + 1013904223u : 7;
    return pattern == 0 ? 0 : pattern == 1 ? i / 37 : pattern == 2 ? i % 3 + i / 500 : (int)(s >> 24);
}

static void codes_of_every_width(void **state)
{
    (void)state;
    static uint8_t index[SIDE * SIDE], out[SIDE * SIDE];
    for (int depth = 2; depth <= 8; depth++)
        for (int pattern = 0; pattern < 4; pattern++)
            for (int again = 0; again < 2; again++) {
                for (int i = 0; i < SIDE * SIDE; i++) index[i] = (uint8_t)(value(pattern, i) & ((1 << depth) - 1));
                picture_file f = gif(SIDE, SIDE, index, SIDE * SIDE, depth, again);
                const char *why = read_gif(&f, SIDE, SIDE, out);
                if (why) fail_msg("depth %d, pattern %d: %s", depth, pattern, why);
                for (int i = 0; i < SIDE * SIDE; i++) assert_int_equal(out[i], index[i] * 255 / ((1 << depth) - 1));
                picture_free(&f);
            }
}

static void of_one_bit(void **state)
{
    (void)state;
    uint8_t index[77], out[77];
    for (int i = 0; i < 77; i++) index[i] = i * i % 7 % 2;
    picture_file f = gif(11, 7, index, 77, 1, false);
    assert_null(read_gif(&f, 11, 7, out));
    for (int i = 0; i < 77; i++) assert_int_equal(out[i], index[i] * 255);
    picture_free(&f);
}

/* All blocks are there, and one pixel too few is in them. */
static void fewer_pixels(void **state)
{
    (void)state;
    uint8_t index[64], out[64];
    for (int i = 0; i < 64; i++) index[i] = (uint8_t)(i & 3);
    for (int n = 1; n <= 64; n++) {
        picture_file f = gif(8, 8, index, n, 2, true);
        const char *why = read_gif(&f, 8, 8, out);
        if (n == 64) assert_null(why);
        else assert_non_null(strstr(why, "ends before its pixels"));
        picture_free(&f);
    }
}

/* Any byte of the codes, changed: a message or a picture, never a byte behind either. */
static void damaged_codes(void **state)
{
    (void)state;
    uint8_t index[256], out[256];
    int refused = 0;
    for (int i = 0; i < 256; i++) index[i] = (uint8_t)(value(3, i) & 15);
    picture_file f = gif(16, 16, index, 256, 4, true);
    for (size_t i = 13 + 48 + 10; i < f.n; i++)
        for (int v = 0; v < 256; v++) {
            uint8_t was = f.p[i];
            f.p[i] = (uint8_t)v;
            refused += read_gif(&f, 16, 16, out) != NULL;
            f.p[i] = was;
        }
    assert_true(refused > 1000);
    assert_null(read_gif(&f, 16, 16, out));
    picture_free(&f);
}

static const char *said_of(const writer *w)
{
    anl__picture_shape s;
    return anl__picture_look(w->f.p, w->f.n, &s);
}

static void heads(void **state)
{
    (void)state;
    writer none = {0}, empty = {0}, pale = {0}, stray = {0}, giant = {0};
    const uint8_t one = 0;
    put_head(&none, 5, 5, 2);
    put_byte(&none, ';');
    assert_non_null(strstr(said_of(&none), "no picture in it"));
    put_head(&empty, 5, 5, 2);
    put_frame(&empty, 0, 5, 2);
    put_pixels(&empty, &one, 1, 2, true);
    put_byte(&empty, ';');
    assert_non_null(strstr(said_of(&empty), "empty"));
    for (const char *s = "GIF87a\5\0\5\0\0\0\0"; pale.f.n < 13; s++) put_byte(&pale, *s);
    put_frame(&pale, 5, 5, 2);
    put_pixels(&pale, &one, 1, 2, true);
    put_byte(&pale, ';');
    assert_non_null(strstr(said_of(&pale), "no palette"));
    put_head(&stray, 1, 1, 2);
    put_byte(&stray, 'x');
    assert_non_null(strstr(said_of(&stray), "block is expected"));
    put_head(&giant, 60000, 60000, 2);
    put_frame(&giant, 1, 1, 2);
    put_pixels(&giant, &one, 1, 2, true);
    put_byte(&giant, ';');
    assert_non_null(strstr(said_of(&giant), "60000 x 60000"));
    writer *all[] = {&none, &empty, &pale, &stray, &giant};
    for (int i = 0; i < 5; i++) picture_free(&all[i]->f);
}

/* A picture that is larger than its screen, or lies beside it: the screen is as large as that needs. */
static void larger_than_its_screen(void **state)
{
    (void)state;
    const uint8_t index[4] = {0, 1, 2, 3};
    uint8_t out[9];
    picture_file f = gif(2, 2, index, 4, 2, true);
    f.p[6] = f.p[8] = 1;
    assert_null(read_gif(&f, 2, 2, out));
    assert_memory_equal(out, ((const uint8_t[]){0, 85, 170, 255}), 4);
    f.p[13 + 12 + 1] = 1; /* one to the right, one pixel a row: what it does not cover is transparent */
    assert_null(read_gif(&f, 3, 2, out));
    assert_memory_equal(out, ((const uint8_t[]){255, 0, 85, 255, 170, 255}), 6);
    picture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes_of_every_width), cmocka_unit_test(of_one_bit), cmocka_unit_test(fewer_pixels), cmocka_unit_test(damaged_codes), cmocka_unit_test(heads),
                                       cmocka_unit_test(larger_than_its_screen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
