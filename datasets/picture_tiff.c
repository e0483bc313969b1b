/* See picture_tiff.h. libtiff gives a strip or a tile at a time, decompressed; what its samples mean is put together here, because
 * libtiff's own way to pixels (TIFFReadRGBAImage) multiplies alpha in and rounds 16 bits otherwise than other formats are read. */
#include "datasets/picture_tiff.h"

#ifdef ANL_HAVE_TIFF

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

enum { MOST_BYTES = 1 << 28 /* of one block that libtiff itself takes */, MOST_TILE = 1 << 26 /* pixels */ };

typedef struct image {
    TIFF *tiff;
    const uint8_t *p;
    toff_t n, at;
    uint32_t w, h, piece_w, piece_h; /* a piece: a strip, or a tile */
    uint16_t bits, samples, photometric, extra; /* extra: kind of the one behind the colours */
    bool tiled, planes, inverted;               /* planes: each sample has pieces of its own */
    int colours, channels;                      /* of what comes out */
    const uint16_t *map[3];                     /* the palette */
} image;

static _Thread_local char said[200];

/* ---- libtiff's file and messages ----------------------------------------------------------------- */

/* The first is the cause. 1: libtiff itself prints nothing. */
static int hear(TIFF *t, void *user, const char *where, const char *format, va_list args)
{
    (void)t, (void)user, (void)where;
    if (*said) return 1;
    int n = snprintf(said, sizeof said, "it is damaged; libtiff says: ");
    vsnprintf(said + n, sizeof said - (size_t)n, format, args);
    return 1;
}

/* Warnings are passed over, but for tags that cannot be read: without them libtiff goes on with a guess at the picture's kind. */
static int hear_warning(TIFF *t, void *user, const char *where, const char *format, va_list args)
{
    static const char unreadable[] = "IO error during reading";
    return strncmp(format, unreadable, sizeof unreadable - 1) ? 1 : hear(t, user, where, format, args);
}

static tmsize_t read_bytes(thandle_t h, void *to, tmsize_t n)
{
    image *im = h;
    if (n < 0 || im->at >= im->n) return 0;
    toff_t take = im->n - im->at < (toff_t)n ? im->n - im->at : (toff_t)n;
    memcpy(to, im->p + im->at, take);
    im->at += take;
    return (tmsize_t)take;
}

static tmsize_t write_bytes(thandle_t h, void *from, tmsize_t n)
{
    (void)h, (void)from, (void)n;
    return -1;
}

static toff_t seek_to(thandle_t h, toff_t to, int whence)
{
    image *im = h;
    return im->at = whence == SEEK_SET ? to : whence == SEEK_CUR ? im->at + to : im->n + to;
}

static int close_nothing(thandle_t h)
{
    (void)h;
    return 0;
}

static toff_t size_of(thandle_t h) { return ((image *)h)->n; }

static int map_all(thandle_t h, void **base, toff_t *size)
{
    image *im = h;
    *base = (void *)(uintptr_t)im->p; /* read only: opened with "r" */
    *size = im->n;
    return 1;
}

static void unmap_nothing(thandle_t h, void *base, toff_t size) { (void)h, (void)base, (void)size; }

static const char *say_or(const char *otherwise) { return *said ? said : otherwise; }

static const char *open_tiff(const uint8_t *p, size_t n, image *im)
{
    *im = (image){.p = p, .n = n};
    *said = 0;
    TIFFOpenOptions *o = TIFFOpenOptionsAlloc();
    if (!o) return "out of host memory";
    TIFFOpenOptionsSetErrorHandlerExtR(o, hear, NULL);
    TIFFOpenOptionsSetWarningHandlerExtR(o, hear_warning, NULL);
    TIFFOpenOptionsSetMaxSingleMemAlloc(o, MOST_BYTES);
    im->tiff = TIFFClientOpenExt("picture", "r", im, read_bytes, write_bytes, seek_to, close_nothing, size_of, map_all, unmap_nothing, o);
    TIFFOpenOptionsFree(o);
    return *said || !im->tiff ? say_or("it is damaged") : NULL;
}

static void close_tiff(image *im)
{
    if (im->tiff) TIFFClose(im->tiff);
}

/* ---- what kind of TIFF ---------------------------------------------------------------------------- */

static const char *say_kind(const char *what, int n, const char *of)
{
    snprintf(said, sizeof said, "%s %d%s; such TIFFs are not read: convert it", what, n, of);
    return said;
}

/* Colours by the photometric tag; 0: of a kind that is not read. */
static int colours_of(image *im)
{
    uint16_t compression = 0;
    switch (im->photometric) {
    case PHOTOMETRIC_MINISWHITE: im->inverted = true; return 1;
    case PHOTOMETRIC_MINISBLACK: return 1;
    case PHOTOMETRIC_RGB: return 3;
    case PHOTOMETRIC_PALETTE: return 1;
    case PHOTOMETRIC_YCBCR: /* JPEG's decoder makes RGB of it, when asked */
        TIFFGetFieldDefaulted(im->tiff, TIFFTAG_COMPRESSION, &compression);
        return compression == COMPRESSION_JPEG && !im->planes && TIFFSetField(im->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) ? 3 : 0;
    default: return 0;
    }
}

/* Alpha is the sample behind the colours, where the tag for it says so; RGB of four without that tag is meant so. */
static void find_alpha(image *im, int colours)
{
    uint16_t count = 0, *kind = NULL;
    im->extra = EXTRASAMPLE_UNSPECIFIED;
    if (im->samples <= colours) return;
    TIFFGetFieldDefaulted(im->tiff, TIFFTAG_EXTRASAMPLES, &count, &kind);
    im->extra = count && kind ? kind[0] : colours == 3 && im->samples == 4 ? EXTRASAMPLE_UNASSALPHA : EXTRASAMPLE_UNSPECIFIED;
}

static const char *samples_of(image *im)
{
    uint16_t format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG;
    TIFF *t = im->tiff;
    if (!TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &im->photometric)) return "it does not say what its samples mean";
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &im->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &im->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &planar);
    im->planes = planar == PLANARCONFIG_SEPARATE && im->samples > 1;
    im->colours = colours_of(im);
    bool palette = im->photometric == PHOTOMETRIC_PALETTE;
    if (!im->colours) return say_kind(im->photometric == PHOTOMETRIC_SEPARATED ? "it is in inks (CMYK), kind of colour" : "its kind of colour is", im->photometric, "");
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return say_kind(format == SAMPLEFORMAT_IEEEFP ? "its samples are floats of" : "its samples are not unsigned numbers, but others of", im->bits, " bits");
    bool packed = im->bits == 1 || im->bits == 2 || im->bits == 4;
    if (im->bits != 8 && !(im->bits == 16 && !palette) && !(packed && im->samples == 1)) return say_kind("its samples are of", im->bits, " bits");
    if (im->samples < im->colours || im->samples > (im->colours == 3 ? 6 : 2)) return say_kind(im->colours == 3 ? "it is RGB, and has" : "it is grey, and has", im->samples, " samples a pixel");
    if (palette && !TIFFGetField(t, TIFFTAG_COLORMAP, &im->map[0], &im->map[1], &im->map[2])) return "it has no palette";
    find_alpha(im, im->colours);
    if (palette) im->colours = 3;
    im->channels = im->colours + (im->extra == EXTRASAMPLE_UNASSALPHA);
    return NULL;
}

static const char *describe(image *im, anl__picture_samples *out)
{
    TIFF *t = im->tiff;
    *out = (anl__picture_samples){0};
    bool sized = TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &im->w) && TIFFGetField(t, TIFFTAG_IMAGELENGTH, &im->h);
    if (!sized || !im->w || !im->h || im->w > INT32_MAX || im->h > INT32_MAX) return "it does not say how large it is";
    const char *why = samples_of(im);
    if (why) return why;
    im->tiled = TIFFIsTiled(t);
    im->piece_w = im->w;
    if (im->tiled) {
        if (!TIFFGetField(t, TIFFTAG_TILEWIDTH, &im->piece_w) || !TIFFGetField(t, TIFFTAG_TILELENGTH, &im->piece_h)) return "it does not say how large its tiles are";
    } else {
        TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &im->piece_h);
        if (im->piece_h > im->h) im->piece_h = im->h;
    }
    if (!im->piece_w || !im->piece_h || (im->tiled && (uint64_t)im->piece_w * im->piece_h > MOST_TILE)) return "its tiles are of an impossible size";
    *out = (anl__picture_samples){NULL, (int)im->w, (int)im->h, im->channels};
    return NULL;
}

/* ---- is it whole? ---------------------------------------------------------------------------------- */

static uint32_t pieces_of(const image *im) { return im->tiled ? TIFFNumberOfTiles(im->tiff) : TIFFNumberOfStrips(im->tiff); }

static const char *whole(image *im)
{
    uint32_t n = pieces_of(im);
    if (!n) return say_or("it is damaged: it has no pixels");
    for (uint32_t i = 0; i < n; i++) {
        int bad = 0;
        uint64_t at = TIFFGetStrileOffsetWithErr(im->tiff, i, &bad), bytes = bad ? 0 : TIFFGetStrileByteCountWithErr(im->tiff, i, &bad);
        if (bad || !at || !bytes) return say_or("it is damaged: a part of its pixels is nowhere");
        if (at > im->n || bytes > im->n - at) return "it is cut short: a part of its pixels lies behind its end";
    }
    return NULL;
}

/* Where the head says that the first page is described (TIFF 6.0, BigTIFF); 0: nowhere. */
static uint64_t first_page(const uint8_t *p, size_t n)
{
    bool little = p[0] == 'I', big = p[little ? 2 : 3] == 43;
    uint64_t at = 0;
    int bytes = big ? 8 : 4;
    const uint8_t *from = p + bytes;
    if (n < (size_t)bytes * 2) return UINT64_MAX;
    for (int i = 0; i < bytes; i++) at = at << 8 | from[little ? bytes - 1 - i : i];
    return at;
}

const char *anl__tiff_check(const uint8_t *p, size_t n, int *orientation)
{
    image im;
    uint64_t page = first_page(p, n);
    uint16_t o = 1;
    if (!page) return "it has no picture in it";
    if (page > n - 2) return "it is cut short: its first page lies behind its end";
    const char *why = open_tiff(p, n, &im);
    if (!why) why = whole(&im);
    if (!why && TIFFGetField(im.tiff, TIFFTAG_ORIENTATION, &o) && o >= 1 && o <= 8) *orientation = o;
    close_tiff(&im);
    return why;
}

const char *anl__tiff_look(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    image im;
    *out = (anl__picture_samples){0};
    const char *why = open_tiff(p, n, &im);
    if (!why) why = describe(&im, out);
    close_tiff(&im);
    return why;
}

/* ---- pixels ----------------------------------------------------------------------------------------- */

/* Sample i of a row, as 8 bits where there are 16 and as it is where there are fewer. */
static int sample_at(const image *im, const uint8_t *row, size_t i)
{
    uint16_t wide;
    switch (im->bits) {
    case 16: memcpy(&wide, row + 2 * i, 2); return wide >> 8; /* libtiff has brought it into the machine's order */
    case 8: return row[i];
    default: return row[i * im->bits / 8] >> (8 - im->bits - i * im->bits % 8) & ((1 << im->bits) - 1);
    }
}

/* A grey of fewer bits is as white at its most; a palette of 8 bits and not 16, which some programs write, has no value above 255. */
static void levels_of(const image *im, uint8_t level[3][256])
{
    int most = im->bits < 8 ? (1 << im->bits) - 1 : 255, shift = 0;
    for (int i = 0; im->map[0] && i <= most; i++)
        if (im->map[0][i] > 255 || im->map[1][i] > 255 || im->map[2][i] > 255) shift = 8;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i <= most; i++) level[k][i] = (uint8_t)(im->map[0] ? im->map[k][i] >> shift : (im->inverted ? most - i : i) * 255 / most);
}

/* A row of a piece, n pixels of `step` samples, into one row of the picture: channel `from` and the others behind it. */
static void put_row(const image *im, uint8_t level[3][256], const uint8_t *row, int n, int step, int from, uint8_t *to)
{
    int colours = im->map[0] ? 1 : im->colours, last = im->planes ? from + 1 : im->samples;
    for (int x = 0; x < n; x++, to += im->channels)
        for (int k = from; k < last; k++) {
            int v = sample_at(im, row, (size_t)x * (size_t)step + (size_t)(k - from));
            if (k >= colours) {
                if (k == colours && im->channels > im->colours) to[im->colours] = (uint8_t)v;
            } else if (im->map[0]) {
                for (int c = 0; c < 3; c++) to[c] = level[c][v];
            } else {
                to[k] = level[0][v];
            }
        }
}

/* Piece i, unpacked in `piece` [rows][row], to where it lies. */
static void put_piece(const image *im, uint8_t level[3][256], uint32_t i, const uint8_t *piece, size_t row, uint8_t *data)
{
    uint32_t across = (im->w - 1) / im->piece_w + 1, down = (im->h - 1) / im->piece_h + 1, of_plane = across * down;
    uint32_t x = i % of_plane % across * im->piece_w, y = i % of_plane / across * im->piece_h;
    uint32_t w = im->w - x < im->piece_w ? im->w - x : im->piece_w, h = im->h - y < im->piece_h ? im->h - y : im->piece_h;
    int plane = im->planes ? (int)(i / of_plane) : 0;
    for (uint32_t k = 0; k < h; k++)
        put_row(im, level, piece + k * row, (int)w, im->planes ? 1 : im->samples, plane, data + ((size_t)(y + k) * im->w + x) * (size_t)im->channels);
}

static const char *fill(image *im, uint8_t *data)
{
    TIFF *t = im->tiff;
    uint8_t level[3][256];
    tmsize_t bytes = im->tiled ? TIFFTileSize(t) : TIFFStripSize(t), row = im->tiled ? TIFFTileRowSize(t) : TIFFScanlineSize(t);
    if (bytes < 1 || row < 1 || bytes / row < (tmsize_t)im->piece_h) return say_or("it is damaged");
    uint8_t *piece = malloc((size_t)bytes);
    if (!piece) return "out of host memory";
    const char *why = NULL;
    levels_of(im, level);
    for (uint32_t i = 0, n = pieces_of(im); i < n && !why; i++) {
        *said = 0;
        tmsize_t got = im->tiled ? TIFFReadEncodedTile(t, i, piece, bytes) : TIFFReadEncodedStrip(t, i, piece, bytes);
        uint32_t down = im->h - i % ((im->h - 1) / im->piece_h + 1) * im->piece_h; /* the last strip is short */
        if (got < (im->tiled || down > im->piece_h ? bytes : row * (tmsize_t)down)) why = say_or("it is damaged: a part of its pixels is short");
        else put_piece(im, level, i, piece, (size_t)row, data);
    }
    free(piece);
    return why;
}

/* Where alpha is multiplied in already, colour over white is colour and what alpha leaves of white. */
static void lay_over_white(image *im, anl__picture_samples *out)
{
    int from = im->colours + 1;
    const uint8_t *s = out->data;
    uint8_t *to = out->data;
    for (size_t n = (size_t)im->w * im->h; n > 0; n--, s += from)
        for (int k = 0; k < im->colours; k++) {
            int v = s[k] + 255 - s[im->colours];
            *to++ = (uint8_t)(v > 255 ? 255 : v);
        }
    out->channels = im->colours;
}

const char *anl__tiff_load(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    image im;
    *out = (anl__picture_samples){0};
    const char *why = open_tiff(p, n, &im);
    if (!why) why = describe(&im, out);
    if (!why) {
        bool multiplied = im.extra == EXTRASAMPLE_ASSOCALPHA;
        im.channels += multiplied;
        out->data = calloc((size_t)im.w * im.h, (size_t)im.channels);
        why = out->data ? fill(&im, out->data) : "out of host memory";
        if (!why && multiplied) lay_over_white(&im, out);
    }
    close_tiff(&im);
    if (!why) return NULL;
    free(out->data);
    out->data = NULL;
    return why;
}

#else

static const char none[] = "this build reads no TIFF: libtiff was not there when it was made";

const char *anl__tiff_check(const uint8_t *p, size_t n, int *orientation)
{
    (void)p, (void)n, (void)orientation;
    return none;
}

const char *anl__tiff_look(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    (void)p, (void)n;
    *out = (anl__picture_samples){0};
    return none;
}

const char *anl__tiff_load(const uint8_t *p, size_t n, anl__picture_samples *out) { return anl__tiff_look(p, n, out); }

#endif
