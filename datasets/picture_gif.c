/* See picture_gif.h. */
#include "datasets/picture_gif.h"

#include <stdlib.h>
#include <string.h>

enum { CODES = 4096, MOST_BITS = 12, PALETTE = 256 };

typedef struct gif {
    int w, h;                     /* of the screen, which the picture lies on */
    int x, y, frame_w, frame_h;   /* the first picture */
    bool found, interlaced;
    const uint8_t *colour;        /* its palette [colours][3] */
    int colours, transparent;     /* -1: no index is */
    size_t at;                    /* where its code begins */
} gif;

/* ---- blocks ------------------------------------------------------------------------------------ */

static const char cut[] = "it is cut short: no end marker";

static int le16(const uint8_t *p) { return p[1] << 8 | p[0]; }

/* A palette's colours by the byte of flags that announces it; 0: there is none. */
static int colours_of(uint8_t flags) { return flags & 0x80 ? 2 << (flags & 7) : 0; }

/* Behind a row of blocks, each of up to 255 bytes behind its length, and the empty one that ends it. */
static bool pass_blocks(const uint8_t *p, size_t n, size_t *at)
{
    while (*at < n) {
        size_t len = p[(*at)++];
        if (!len) return true;
        if (len > n - *at) break;
        *at += len;
    }
    return false;
}

/* A picture's head at p[*at], its palette and its blocks; the first is kept. */
static const char *pass_picture(const uint8_t *p, size_t n, size_t *at, gif *g)
{
    if (n - *at < 10) return cut;
    const uint8_t *head = p + *at;
    size_t palette = *at + 10, begin = palette + 3 * (size_t)colours_of(head[9]);
    if (begin >= n) return cut;
    *at = begin + 1; /* behind the width of a code */
    if (!pass_blocks(p, n, at)) return cut;
    if (g->found) return NULL;
    g->found = true;
    g->x = le16(head + 1), g->y = le16(head + 3), g->frame_w = le16(head + 5), g->frame_h = le16(head + 7);
    g->interlaced = head[9] & 0x40;
    if (colours_of(head[9])) g->colour = p + palette, g->colours = colours_of(head[9]);
    g->at = begin;
    return NULL;
}

/* Behind an extension; of those before the first picture the colour that is transparent is kept. */
static const char *pass_extension(const uint8_t *p, size_t n, size_t *at, gif *g)
{
    const uint8_t *e = p + *at;
    if (n - *at < 2) return cut;
    *at += 2;
    if (!pass_blocks(p, n, at)) return cut;
    if (e[1] == 0xf9 && e[2] >= 4 && !g->found) g->transparent = e[3] & 1 ? e[6] : -1;
    return NULL;
}

static const char *walk(const uint8_t *p, size_t n, gif *g)
{
    *g = (gif){.transparent = -1};
    if (n < 13) return cut;
    g->w = le16(p + 6), g->h = le16(p + 8);
    g->colours = colours_of(p[10]);
    g->colour = p + 13;
    for (size_t at = 13 + 3 * (size_t)g->colours; at < n;) {
        const char *why = NULL;
        if (p[at] == ';') return g->found ? NULL : "it has no picture in it";
        if (p[at] == ',') why = pass_picture(p, n, &at, g);
        else if (p[at] == '!') why = pass_extension(p, n, &at, g);
        else if (!p[at]) at++; /* an empty block too many: encoders write such */
        else why = "it is damaged: a GIF block is expected where there is none";
        if (why) return why;
    }
    return cut;
}

const char *anl__gif_check(const uint8_t *p, size_t n)
{
    gif g;
    const char *why = walk(p, n, &g);
    if (why) return why;
    if (!g.frame_w || !g.frame_h) return "its first picture is empty";
    return g.colours ? NULL : "it has no palette";
}

/* ---- codes (LZW) ------------------------------------------------------------------------------- */

/* Codes out of blocks that were checked. */
typedef struct reader {
    const uint8_t *p;
    size_t left; /* of the block that p is in */
    uint32_t bits;
    int have;
} reader;

/* The next code of that width; -1: the blocks are at their end. */
static int next_code(reader *r, int width)
{
    for (; r->have < width; r->have += 8, r->left--) {
        if (!r->left && !(r->left = *r->p++)) return -1;
        r->bits |= (uint32_t)*r->p++ << r->have;
    }
    int code = (int)(r->bits & ((1u << width) - 1));
    r->bits >>= width;
    r->have -= width;
    return code;
}

/* Each code stands for the run of its prefix and one index more. */
typedef struct table {
    uint16_t prefix[CODES], length[CODES];
    uint8_t first[CODES], last[CODES];
    int next;
} table;

static void add_code(table *t, int prefix, uint8_t last)
{
    t->prefix[t->next] = (uint16_t)prefix;
    t->length[t->next] = (uint16_t)(t->length[prefix] + 1);
    t->first[t->next] = t->first[prefix];
    t->last[t->next++] = last;
}

/* The run of a code, from its end, into out [n]; what is behind n is dropped. */
static size_t put_run(const table *t, int code, uint8_t *out, size_t n)
{
    size_t length = t->length[code];
    for (size_t i = length; i-- > 0; code = t->prefix[code])
        if (i < n) out[i] = t->last[code];
    return length < n ? length : n;
}

/* n indices from the code at p. false: there are fewer, or it is damaged. */
static bool unpack(const uint8_t *p, table *t, uint8_t *out, size_t n)
{
    int depth = p[0], clear = 1 << (depth & 15), width = depth + 1, before = -1;
    reader r = {.p = p + 1};
    if (depth < 1 || depth > 8) return false;
    for (int i = 0; i < clear; i++) t->length[i] = 1, t->first[i] = t->last[i] = (uint8_t)i;
    t->next = clear + 2;
    for (size_t done = 0; done < n;) {
        int code = next_code(&r, width);
        if (code < 0 || code == clear + 1) return false;
        if (code == clear) {
            t->next = clear + 2, width = depth + 1, before = -1;
            continue;
        }
        if (before < 0 ? code > clear : code > t->next) return false;
        if (before >= 0 && t->next < CODES) add_code(t, before, t->first[code == t->next ? before : code]);
        if (t->next == 1 << width && width < MOST_BITS) width++;
        done += put_run(t, code, out + done, n - done);
        before = code;
    }
    return true;
}

/* ---- pixels ------------------------------------------------------------------------------------ */

static bool parse(const uint8_t *p, size_t n, gif *g, anl__picture_samples *out)
{
    bool grey = true;
    if (walk(p, n, g)) return false;
    for (int i = 0; i < g->colours; i++) {
        const uint8_t *c = g->colour + (size_t)i * 3;
        grey = grey && c[0] == c[1] && c[1] == c[2];
    }
    if (g->w < g->x + g->frame_w) g->w = g->x + g->frame_w; /* the screen is as large as its picture, whatever it says */
    if (g->h < g->y + g->frame_h) g->h = g->y + g->frame_h;
    bool alpha = g->transparent >= 0 || g->w > g->frame_w || g->h > g->frame_h;
    *out = (anl__picture_samples){NULL, g->w, g->h, (grey ? 1 : 3) + alpha};
    return true;
}

const char *anl__gif_look(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    gif g;
    return parse(p, n, &g, out) ? NULL : "it is damaged";
}

/* Rows lie in four passes where they are interlaced: each 8th, those in the middle of them, and so on. */
static int row_of(const gif *g, int i)
{
    static const int from[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    for (int pass = 0; g->interlaced && pass < 4; pass++) {
        int rows = (g->frame_h - from[pass] + step[pass] - 1) / step[pass];
        if (i < rows) return from[pass] + i * step[pass];
        i -= rows;
    }
    return i;
}

/* An index without a colour is black. */
static void put_pixels(const gif *g, const uint8_t *index, anl__picture_samples *out)
{
    int ch = out->channels, colours = ch > 2 ? 3 : 1;
    uint8_t pixel[PALETTE][4] = {{0}};
    for (int i = 0; i < PALETTE; i++) {
        if (i < g->colours) memcpy(pixel[i], g->colour + (size_t)i * 3, (size_t)colours);
        if (ch > colours) pixel[i][colours] = i == g->transparent ? 0 : 255;
    }
    for (int i = 0; i < g->frame_h; i++) {
        uint8_t *to = out->data + ((size_t)(g->y + row_of(g, i)) * (size_t)out->w + (size_t)g->x) * (size_t)ch;
        for (int x = 0; x < g->frame_w; x++, to += ch) memcpy(to, pixel[*index++], (size_t)ch);
    }
}

const char *anl__gif_load(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    gif g;
    if (!parse(p, n, &g, out)) return "it is damaged";
    size_t pixels = (size_t)g.frame_w * (size_t)g.frame_h;
    uint8_t *index = malloc(pixels);
    table *t = malloc(sizeof *t);
    const char *why = "out of host memory";
    if (index && t) why = unpack(p + g.at, t, index, pixels) ? NULL : "it is damaged: its code ends before its pixels";
    if (!why && !(out->data = calloc((size_t)out->w * (size_t)out->h, (size_t)out->channels))) why = "out of host memory";
    if (!why) put_pixels(&g, index, out);
    free(t);
    free(index);
    return why;
}
