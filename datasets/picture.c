/* See picture.h. The steps of one picture: whole? decode; flatten onto white and to the wanted channels; upright; to the size. */
#include "datasets/picture.h"

#include "datasets/picture_file.h"
#include "datasets/picture_gif.h"
#include "datasets/picture_pnm.h"
#include "datasets/picture_scale.h"
#include "datasets/picture_stb.h"
#include "datasets/picture_tiff.h"
#include "datasets/picture_webp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ANL_HAVE_WEBP
#define WEBP "WebP, "
#else
#define WEBP ""
#endif
#ifdef ANL_HAVE_TIFF
#define TIFF "TIFF, "
#else
#define TIFF ""
#endif
#define FORMATS "JPEG, PNG, GIF, " WEBP TIFF "BMP, binary PNM"

static _Thread_local char said[320];

static const char *say(const char *what, const char *why)
{
    snprintf(said, sizeof said, "%s%s%s", what, why ? ": " : "", why ? why : "");
    return said;
}

static bool too_large(uint32_t w, uint32_t h) { return w > ANL__MOST_SIDE || h > ANL__MOST_SIDE || (int64_t)w * h > ANL__MOST_PIXELS; }

static const char *say_size(uint32_t w, uint32_t h)
{
    snprintf(said, sizeof said, "it is %u x %u, and at most %d a side and %d pixels are read", w, h, ANL__MOST_SIDE, ANL__MOST_PIXELS);
    return said;
}

/* EXIF's orientation o shows a file's rows and columns turned by a quarter from 5 on. */
static bool lies(int orientation) { return orientation >= 5; }

static const char *look_pnm(const uint8_t *bytes, size_t n, anl__picture_samples *p)
{
    anl__pnm pnm;
    const char *why = anl__pnm_check(bytes, n, &pnm);
    if (!why) *p = (anl__picture_samples){NULL, (int)pnm.w, (int)pnm.h, pnm.channels};
    return why;
}

static const char *load_pnm(const uint8_t *bytes, size_t n, anl__picture_samples *p)
{
    anl__pnm pnm;
    const char *why = anl__pnm_check(bytes, n, &pnm);
    if (why) return why;
    *p = (anl__picture_samples){malloc((size_t)pnm.w * (size_t)pnm.h * (size_t)pnm.channels), (int)pnm.w, (int)pnm.h, pnm.channels};
    if (!p->data) return "out of host memory";
    anl__pnm_samples(bytes, &pnm, p->data);
    return NULL;
}

/* padded: frees it, where it is not NULL. */
static const char *load_padded(const uint8_t *bytes, size_t n, uint8_t *padded, size_t more, anl__picture_samples *p)
{
    const char *why = anl__stb_load(padded ? padded : bytes, padded ? more : n, p);
    free(padded);
    return why;
}

static const char *load_png(const uint8_t *bytes, size_t n, anl__picture_samples *p)
{
    size_t more = 0;
    uint8_t *padded = anl__picture_png_padded(bytes, n, &more);
    return load_padded(bytes, n, padded, more, p);
}

static const char *load_bmp(const uint8_t *bytes, size_t n, anl__picture_samples *p)
{
    size_t more = 0;
    uint8_t *padded = anl__picture_bmp_padded(bytes, n, &more);
    return load_padded(bytes, n, padded, more, p);
}

/* Width, height and channels of a file that was checked; the same with its samples. */
typedef const char *decode(const uint8_t *bytes, size_t n, anl__picture_samples *p);
static const struct {
    decode *look, *load;
} decoders[] = {
    [ANL__PICTURE_JPEG] = {anl__stb_look, anl__stb_load},   [ANL__PICTURE_PNG] = {anl__stb_look, load_png},         [ANL__PICTURE_GIF] = {anl__gif_look, anl__gif_load},
    [ANL__PICTURE_WEBP] = {anl__webp_look, anl__webp_load}, [ANL__PICTURE_TIFF] = {anl__tiff_look, anl__tiff_load}, [ANL__PICTURE_BMP] = {anl__stb_look, load_bmp},
    [ANL__PICTURE_PNM] = {look_pnm, load_pnm},
};

/* Kind, head and size; *orientation as picture_file.h. */
static const char *look(const uint8_t *bytes, size_t n, anl__picture_samples *p, int *orientation)
{
    const char *other;
    anl__picture_kind kind = anl__picture_kind_of(bytes, n, &other);
    if (!kind) return other ? say(other, "such files are not read (" FORMATS " are): convert it") : say("it is no picture (" FORMATS ")", NULL);
    const char *why = anl__picture_file_check(bytes, n, orientation);
    if (why) return why;
    uint32_t w, h;
    if (anl__picture_png_size(bytes, n, &w, &h) && too_large(w, h)) return say_size(w, h);
    why = decoders[kind].look(bytes, n, p);
    if (why || p->w < 1 || p->h < 1) return say("it cannot be decoded", why);
    return too_large((uint32_t)p->w, (uint32_t)p->h) ? say_size((uint32_t)p->w, (uint32_t)p->h) : NULL;
}

const char *anl__picture_look(const uint8_t *bytes, size_t n, anl__picture_shape *out)
{
    anl__picture_samples p = {0};
    int orientation = 1;
    const char *why = look(bytes, n, &p, &orientation);
    if (why) return why;
    *out = (anl__picture_shape){lies(orientation) ? p.w : p.h, lies(orientation) ? p.h : p.w, p.channels > 2 ? 3 : 1};
    return NULL;
}

/* Alpha over white, in place, and colour to grey or grey to colour: from p->channels to `to`, 1 or 3, written densely into out. */
static void flatten(const anl__picture_samples *p, int to, uint8_t *out)
{
    int from = p->channels, colours = from > 2 ? 3 : 1;
    bool alpha = from == 2 || from == 4;
    size_t n = (size_t)p->w * (size_t)p->h;
    const uint8_t *s = p->data;
    for (size_t i = 0; i < n; i++, s += from, out += to) {
        int c[3], a = alpha ? s[from - 1] : 255;
        for (int k = 0; k < 3; k++) c[k] = s[colours == 3 ? k : 0];
        for (int k = 0; alpha && k < 3; k++) c[k] = (c[k] * a + 255 * (255 - a) + 127) / 255;
        if (to == 3)
            for (int k = 0; k < 3; k++) out[k] = (uint8_t)c[k];
        else out[0] = colours == 1 ? (uint8_t)c[0] : (uint8_t)((77 * c[0] + 150 * c[1] + 29 * c[2]) >> 8);
    }
}

/* dst [h, w] (of the upright picture) from src as stored. Orientation (EXIF): 2 mirrored, 3 upside down, 4 both, 5 to 8 those on
   their side: the pixel (y, x) shown is stored at: */
static void upright(const uint8_t *src, int src_w, int src_h, int channels, int orientation, uint8_t *dst)
{
    int w = lies(orientation) ? src_h : src_w, h = lies(orientation) ? src_w : src_h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, dst += channels) {
            int sx = x, sy = y;
            switch (orientation) {
            case 2: sx = w - 1 - x; break;
            case 3: sx = w - 1 - x, sy = h - 1 - y; break;
            case 4: sy = h - 1 - y; break;
            case 5: sx = y, sy = x; break;
            case 6: sx = y, sy = w - 1 - x; break;
            case 7: sx = h - 1 - y, sy = w - 1 - x; break;
            case 8: sx = h - 1 - y, sy = x; break;
            default: break;
            }
            memcpy(dst, src + ((size_t)sy * (size_t)src_w + (size_t)sx) * (size_t)channels, (size_t)channels);
        }
}

/* src [h, w, channels] to the size. */
static bool bring(const uint8_t *src, int w, int h, const anl__picture_shape *to, anl__picture_fit fit, uint8_t *dst)
{
    int tw = (int)to->w, th = (int)to->h, ch = to->channels, stride = tw * ch;
    double sx = (double)tw / w, sy = (double)th / h;
    if (w == tw && h == th) {
        memcpy(dst, src, (size_t)h * (size_t)stride);
        return true;
    }
    if (fit == ANL__FIT_PAD) {
        double s = sx < sy ? sx : sy;
        int iw = (int)(w * s + 0.5), ih = (int)(h * s + 0.5);
        iw = iw < 1 ? 1 : iw > tw ? tw : iw;
        ih = ih < 1 ? 1 : ih > th ? th : ih;
        memset(dst, 0, (size_t)th * (size_t)stride);
        return anl__picture_scale(src, w, h, ch, 0, 0, w, h, dst + (size_t)((th - ih) / 2) * (size_t)stride + (size_t)((tw - iw) / 2 * ch), iw, ih, stride);
    }
    double s = sx > sy ? sx : sy, x = 0, y = 0; /* what is cut off on each side */
    if (fit == ANL__FIT_CROP) {
        x = sx < s ? (w - tw / s) / 2 : 0;
        y = sy < s ? (h - th / s) / 2 : 0;
    }
    return anl__picture_scale(src, w, h, ch, x, y, w - x, h - y, dst, tw, th, stride);
}

const char *anl__picture_read(const uint8_t *bytes, size_t n, const anl__picture_shape *shape, anl__picture_fit fit, uint8_t *dst)
{
    anl__picture_samples p = {0};
    int orientation = 1, ch = shape->channels;
    const char *why = look(bytes, n, &p, &orientation);
    if (why) return why;
    why = decoders[anl__picture_kind_of(bytes, n, NULL)].load(bytes, n, &p);
    if (why) return say("it cannot be decoded", why);
    size_t size = (size_t)p.w * (size_t)p.h * (size_t)ch;
    uint8_t *flat = malloc(size), *turned = orientation > 1 ? malloc(size) : NULL;
    bool done = flat && (orientation == 1 || turned);
    if (done) {
        bool side = lies(orientation);
        flatten(&p, ch, flat);
        if (turned) upright(flat, p.w, p.h, ch, orientation, turned);
        done = bring(turned ? turned : flat, side ? p.h : p.w, side ? p.w : p.h, shape, fit, dst);
    }
    free(turned);
    free(flat);
    free(p.data);
    return done ? NULL : say("out of host memory", NULL);
}

const char *anl__picture_formats(void) { return FORMATS; }

bool anl__picture_here(void)
{
#ifdef ANL_HAVE_STB
    return true;
#else
    return false;
#endif
}
