/* A picture: the first byte says the fit, the channels, and whether checksums and the end marker are put right, so that what lies
 * behind them is reached; the next two the size. Whatever the bytes, there is a message or a picture: the one that was looked at, twice the
 * same, and nothing written beside it. */
#include "datasets/picture.h"
#include "datasets/picture_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FITS = 3, COLOUR = 4, MEND = 8, HEAD = 3, MOST_SIDE = 96, MOST_PIXELS = 1 << 18, GUARD = 64 };

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

/* Right sums for a PNG's chunks, an end marker for a JPEG: p has room for two bytes more. */
static void mend(uint8_t *p, size_t *n)
{
    anl__picture_kind kind = anl__picture_kind_of(p, *n, NULL);
    if (kind == ANL__PICTURE_JPEG) p[(*n)++] = 0xff, p[(*n)++] = 0xd9;
    for (size_t at = 8; kind == ANL__PICTURE_PNG && at + 12 <= *n;) {
        size_t len = be32(p + at);
        if (len > *n - at - 12) break;
        uint32_t c = crc32_of(p + at + 4, len + 4);
        for (int k = 0; k < 4; k++) p[at + 8 + len + (size_t)k] = (uint8_t)(c >> 8 * (3 - k));
        at += 12 + len;
    }
}

static void check(const uint8_t *p, size_t n, const anl__picture_shape *to, anl__picture_fit fit)
{
    anl__picture_shape seen = {0};
    size_t bytes = (size_t)to->h * (size_t)to->w * (size_t)to->channels;
    const char *why = anl__picture_look(p, n, &seen);
    if (why && !*why) abort();
    if (why) return;
    if (seen.h < 1 || seen.w < 1 || seen.h > ANL__MOST_SIDE || seen.w > ANL__MOST_SIDE || (seen.channels != 1 && seen.channels != 3)) abort();
    if (seen.h * seen.w > MOST_PIXELS) return; /* time and memory, nothing else */
    uint8_t *out[2];
    const char *said[2];
    for (int k = 0; k < 2; k++) {
        out[k] = malloc(bytes + GUARD);
        if (!out[k]) abort();
        memset(out[k], k ? 0x55 : 0xaa, bytes + GUARD);
        said[k] = anl__picture_read(p, n, to, fit, out[k]);
        for (int i = 0; i < GUARD; i++)
            if (out[k][bytes + (size_t)i] != (k ? 0x55 : 0xaa)) abort();
    }
    if (!said[0] != !said[1] || (!said[0] && memcmp(out[0], out[1], bytes))) abort();
    free(out[0]);
    free(out[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD) return 0;
    anl__picture_shape to = {1 + data[1] % MOST_SIDE, 1 + data[2] % MOST_SIDE, data[0] & COLOUR ? 3 : 1};
    size_t n = size - HEAD;
    uint8_t *copy = malloc(n + 2), *p;
    if (!copy) abort();
    memcpy(copy, data + HEAD, n);
    if (data[0] & MEND) mend(copy, &n);
    if (!(p = malloc(n ? n : 1))) abort(); /* of its very size: what is read behind it is seen */
    memcpy(p, copy, n);
    check(p, n, &to, (anl__picture_fit)(data[0] % FITS));
    free(p);
    free(copy);
    return 0;
}
