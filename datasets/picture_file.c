/* See picture_file.h. Every read is checked against the end: these are other people's files. */
#include "datasets/picture_file.h"

#include "datasets/picture_gif.h"
#include "datasets/picture_pnm.h"
#include "datasets/picture_tiff.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct bytes {
    const uint8_t *p;
    size_t n;
} bytes;

static uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t be32(const uint8_t *p) { return be16(p) << 16 | be16(p + 2); }
static uint32_t le16(const uint8_t *p) { return (uint32_t)p[1] << 8 | p[0]; }
static uint32_t le32(const uint8_t *p) { return le16(p + 2) << 16 | le16(p); }

/* ---- which kind ------------------------------------------------------------------------------- */

static const struct {
    size_t at, n;
    const char *magic, *name;
    anl__picture_kind kind;
} kinds[] = {
    {0, 3, "\xff\xd8\xff", "JPEG", ANL__PICTURE_JPEG},
    {0, 8, "\x89PNG\r\n\x1a\n", "PNG", ANL__PICTURE_PNG},
    {0, 2, "P5", "PGM", ANL__PICTURE_PNM},
    {0, 2, "P6", "PPM", ANL__PICTURE_PNM},
    {0, 2, "BM", "BMP", ANL__PICTURE_BMP},
    {0, 4, "GIF8", "GIF", ANL__PICTURE_GIF},
    {8, 4, "WEBP", "WebP", ANL__PICTURE_WEBP},
    {0, 4, "II*\0", "TIFF", ANL__PICTURE_TIFF},
    {0, 4, "MM\0*", "TIFF", ANL__PICTURE_TIFF},
    {0, 4, "II+\0", "BigTIFF", ANL__PICTURE_TIFF},
    {0, 4, "MM\0+", "BigTIFF", ANL__PICTURE_TIFF},
    {128, 4, "DICM", "DICOM", ANL__PICTURE_NONE},
    {4, 8, "ftypheic", "HEIC", ANL__PICTURE_NONE},
    {4, 8, "ftypavif", "AVIF", ANL__PICTURE_NONE},
    {4, 4, "jP  ", "JPEG 2000", ANL__PICTURE_NONE},
    {0, 4, "8BPS", "PSD", ANL__PICTURE_NONE},
    {0, 2, "P1", "ASCII PNM", ANL__PICTURE_NONE},
    {0, 2, "P2", "ASCII PNM", ANL__PICTURE_NONE},
    {0, 2, "P3", "ASCII PNM", ANL__PICTURE_NONE},
};

anl__picture_kind anl__picture_kind_of(const uint8_t *p, size_t n, const char **other)
{
    if (other) *other = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (n < kinds[i].at + kinds[i].n || memcmp(p + kinds[i].at, kinds[i].magic, kinds[i].n)) continue;
        if (other && !kinds[i].kind) *other = kinds[i].name;
        return kinds[i].kind;
    }
    return ANL__PICTURE_NONE;
}

bool anl__picture_name(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "jpe", "png", "bmp", "ppm", "pgm", "pnm", "gif", "webp", "tif", "tiff", "dcm", "heic", "heif", "avif", "jp2", "psd"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot + 1, endings[i])) return true;
    return false;
}

/* ---- which way is up --------------------------------------------------------------------------- */

/* The orientation tag of EXIF (CIPA DC-008, tag 0x112): a TIFF, behind a mark in JPEG's segments and in some WebP files. */
static int exif_orientation(bytes b)
{
    size_t mark = b.n >= 6 && !memcmp(b.p, "Exif\0\0", 6) ? 6 : 0, n = b.n - mark;
    const uint8_t *t = b.p + mark;
    if (n < 10) return 1;
    bool little = !memcmp(t, "II*\0", 4);
    if (!little && memcmp(t, "MM\0*", 4)) return 1;
    size_t at = little ? le32(t + 4) : be32(t + 4);
    if (at > n - 2) return 1;
    uint32_t entries = little ? le16(t + at) : be16(t + at);
    for (at += 2; entries && at + 12 <= n; entries--, at += 12) {
        if ((little ? le16(t + at) : be16(t + at)) != 0x112) continue;
        uint32_t v = little ? le16(t + at + 8) : be16(t + at + 8);
        return v >= 1 && v <= 8 ? (int)v : 1;
    }
    return 1;
}

/* Of a JPEG segment's content, which may be another. */
static int segment_orientation(bytes b)
{
    bool exif = b.n >= 6 && !memcmp(b.p, "Exif\0\0", 6);
    return exif ? exif_orientation((bytes){b.p + 6, b.n - 6}) : 1;
}

/* ---- JPEG: segments up to the end marker ------------------------------------------------------- */

/* From behind a scan's head: the place of the next marker's 0xff that is no stuffing and no restart; b.n: none. */
static size_t behind_scan(bytes b, size_t at)
{
    for (; at + 1 < b.n; at++) {
        const uint8_t *ff = memchr(b.p + at, 0xff, b.n - 1 - at);
        if (!ff) return b.n;
        at = (size_t)(ff - b.p);
        uint8_t m = ff[1];
        if (m != 0 && m != 0xff && !(m >= 0xd0 && m <= 0xd7)) return at;
    }
    return b.n;
}

/* Huffman tables (T.81, B.2.4.2): each of 16 counts and as many values, at most 256. Decoders write where more would lie. */
static bool tables_fit(bytes b)
{
    for (size_t at = 0; at < b.n;) {
        size_t values = 0;
        if (b.n - at < 17) return false;
        for (size_t i = 1; i <= 16; i++) values += b.p[at + i];
        if (values > 256 || values > b.n - at - 17) return false;
        at += 17 + values;
    }
    return true;
}

static const char *check_jpeg(bytes b, int *orientation)
{
    static const char cut[] = "it is cut short: no end marker";
    bool scan = false;
    size_t at = 2;
    while (at + 2 <= b.n) {
        if (b.p[at] != 0xff) { /* cameras that pad their segments: decoders go on to the next marker */
            if (scan) return "it is damaged: a JPEG marker is expected where there is none";
            at++;
            continue;
        }
        uint8_t m = b.p[at + 1];
        if (m == 0xff) {
            at++;
            continue;
        }
        if (m == 0xd9) return scan ? NULL : "it ends before its first scan";
        if (m == 0x01 || (m >= 0xd0 && m <= 0xd8)) {
            at += 2;
            continue;
        }
        if (at + 4 > b.n) return cut;
        size_t len = be16(b.p + at + 2);
        if (len < 2 || len > b.n - at - 2) return cut;
        if (m == 0xc4 && !tables_fit((bytes){b.p + at + 4, len - 2})) return "it is damaged: its Huffman tables are none";
        if (m == 0xe1 && *orientation == 1) *orientation = segment_orientation((bytes){b.p + at + 4, len - 2});
        at += 2 + len;
        if (m != 0xda) continue;
        scan = true;
        at = behind_scan(b, at);
    }
    return cut;
}

/* ---- the others -------------------------------------------------------------------------------- */

/* CRC-32 of ISO 3309 a nibble at a time: PNG files have it, and libraries for it may not be there. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = c >> 4 ^ table[c & 15];
        c = c >> 4 ^ table[c & 15];
    }
    return ~c;
}

static const char *check_png(bytes b, int *orientation)
{
    for (size_t at = 8; at + 12 <= b.n;) {
        size_t len = be32(b.p + at);
        if (len > b.n - at - 12) break;
        if (crc32_of(b.p + at + 4, len + 4) != be32(b.p + at + 8 + len)) return "it is damaged: a PNG checksum is wrong";
        if (!memcmp(b.p + at + 4, "IEND", 4)) return NULL;
        if (!memcmp(b.p + at + 4, "eXIf", 4)) *orientation = exif_orientation((bytes){b.p + at + 8, len});
        at += 12 + len;
    }
    return "it is cut short: no end chunk";
}

bool anl__picture_png_size(const uint8_t *p, size_t n, uint32_t *w, uint32_t *h)
{
    bool png = n >= 24 && anl__picture_kind_of(p, n, NULL) == ANL__PICTURE_PNG;
    if (png) *w = be32(p + 16), *h = be32(p + 20);
    return png;
}

/* Where a PNG's palette chunk begins; 0: it has none. */
static size_t png_palette(bytes b)
{
    for (size_t at = 8; at + 12 <= b.n && be32(b.p + at) <= b.n - at - 12; at += 12 + be32(b.p + at))
        if (!memcmp(b.p + at + 4, "PLTE", 4)) return at;
    return 0;
}

uint8_t *anl__picture_png_padded(const uint8_t *p, size_t n, size_t *bytes_out)
{
    enum { WHOLE = 256 * 3 };
    bytes b = {p, n};
    size_t at = anl__picture_kind_of(p, n, NULL) == ANL__PICTURE_PNG ? png_palette(b) : 0, len = at ? be32(p + at) : WHOLE;
    uint8_t *out = len < WHOLE ? calloc(1, n + WHOLE - len) : NULL;
    if (!out) return NULL;
    memcpy(out, p, at + 8 + len);
    memcpy(out + at + 8 + WHOLE, p + at + 8 + len, n - at - 8 - len);
    out[at + 2] = WHOLE >> 8;
    out[at + 3] = 0;
    *bytes_out = n + WHOLE - len;
    return out;
}

/* RIFF's chunks, each of an even length, all within the length that the head says. */
static const char *check_webp(bytes b, int *orientation)
{
    size_t end = (size_t)le32(b.p + 4) + 8;
    if (end > b.n) return "it is cut short";
    for (size_t at = 12, len; at < end; at += 8 + len + (len & 1)) {
        if (end - at < 8 || le32(b.p + at + 4) > end - at - 8) return "it is damaged: a WebP chunk is longer than its file";
        len = le32(b.p + at + 4);
        if (!memcmp(b.p + at, "EXIF", 4)) *orientation = exif_orientation((bytes){b.p + at + 8, len});
    }
    return end < 20 ? "it has no picture in it" : NULL;
}

static const char *check_pnm(bytes b)
{
    anl__pnm head;
    return anl__pnm_check(b.p, b.n, &head);
}

static const char *check_bmp(bytes b)
{
    bool old = b.n >= 26 && le32(b.p + 14) == 12; /* OS/2: a head of 26 bytes */
    if (!old && b.n < 54) return "it is cut short";
    int64_t from = le32(b.p + 10), w = old ? (int64_t)le16(b.p + 18) : (int32_t)le32(b.p + 18), h = old ? (int64_t)le16(b.p + 20) : (int32_t)le32(b.p + 22);
    int64_t bits = le16(b.p + (old ? 24 : 28)), palette = from - 14 - (int64_t)le32(b.p + 14);
    if (w < 1 || w > 1 << 24 || !h || h > 1 << 24 || h < -(1 << 24) || bits > 32 || palette < 0) return "its head is no BMP head";
    if (bits < 16 && palette < (old ? 3 : 4)) return "it has no palette";
    if (!old && (le32(b.p + 30) == 1 || le32(b.p + 30) == 2)) return "it is a compressed BMP, and such files are not read: convert it"; /* runs of pixels: no size tells what is cut */
    return (int64_t)b.n < from + (w * bits + 31) / 32 * 4 * (h < 0 ? -h : h) ? "it is cut short" : NULL;
}

uint8_t *anl__picture_bmp_padded(const uint8_t *p, size_t n, size_t *bytes_out)
{
    enum { WHOLE = 256, OS2_GAP = 12 /* stb takes that head for so much longer when it counts colours */ };
    bool old = le32(p + 14) == 12;
    size_t from = le32(p + 10), head = 14 + (size_t)le32(p + 14), each = old ? 3 : 4, room = WHOLE * each + (old ? OS2_GAP : 0);
    size_t colours = from > head ? (from - head) / each : 0;
    if (le16(p + (old ? 24 : 28)) >= 16 || !colours || colours > WHOLE || (colours == WHOLE && !old)) return NULL;
    uint8_t *out = calloc(1, head + room + n - from);
    if (!out) return NULL;
    memcpy(out, p, head + colours * each);
    memcpy(out + head + room, p + from, n - from);
    for (int i = 0; i < 4; i++) out[10 + i] = (uint8_t)((head + room) >> 8 * i);
    *bytes_out = head + room + n - from;
    return out;
}

const char *anl__picture_file_check(const uint8_t *p, size_t n, int *orientation)
{
    bytes b = {p, n};
    *orientation = 1;
    switch (anl__picture_kind_of(p, n, NULL)) {
    case ANL__PICTURE_JPEG: return check_jpeg(b, orientation);
    case ANL__PICTURE_PNG: return check_png(b, orientation);
    case ANL__PICTURE_GIF: return anl__gif_check(p, n);
    case ANL__PICTURE_WEBP: return check_webp(b, orientation);
    case ANL__PICTURE_TIFF: return anl__tiff_check(p, n, orientation);
    case ANL__PICTURE_PNM: return check_pnm(b);
    case ANL__PICTURE_BMP: return check_bmp(b);
    default: return "it is no picture";
    }
}
