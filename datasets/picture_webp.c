/* See picture_webp.h. Whether the file is whole, and its EXIF: picture_file.c. */
#include "datasets/picture_webp.h"

#ifdef ANL_HAVE_WEBP

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

static const char *features(const uint8_t *p, size_t n, WebPBitstreamFeatures *f, anl__picture_samples *out)
{
    *out = (anl__picture_samples){0};
    VP8StatusCode st = WebPGetFeatures(p, n, f);
    if (st != VP8_STATUS_OK) return st == VP8_STATUS_NOT_ENOUGH_DATA ? "it is cut short" : "it is damaged: its head is no WebP head";
    *out = (anl__picture_samples){NULL, f->width, f->height, f->has_alpha || f->has_animation ? 4 : 3};
    return NULL;
}

const char *anl__webp_look(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    WebPBitstreamFeatures f;
    return features(p, n, &f, out);
}

/* An animation's first picture on its canvas, which is transparent. */
static bool first_of(const uint8_t *p, size_t n, uint8_t *data, size_t bytes)
{
    WebPAnimDecoderOptions o;
    uint8_t *canvas;
    int when;
    if (!WebPAnimDecoderOptionsInit(&o)) return false;
    o.color_mode = MODE_RGBA;
    WebPAnimDecoder *d = WebPAnimDecoderNew(&(WebPData){p, n}, &o);
    bool done = d && WebPAnimDecoderGetNext(d, &canvas, &when);
    if (done) memcpy(data, canvas, bytes);
    WebPAnimDecoderDelete(d);
    return done;
}

const char *anl__webp_load(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    WebPBitstreamFeatures f;
    const char *why = features(p, n, &f, out);
    if (why) return why;
    int stride = out->w * out->channels;
    size_t bytes = (size_t)out->h * (size_t)stride;
    if (!(out->data = calloc(bytes, 1))) return "out of host memory";
    if (f.has_animation ? first_of(p, n, out->data, bytes)
                        : (out->channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto)(p, n, out->data, bytes, stride) != NULL)
        return NULL;
    free(out->data);
    out->data = NULL;
    return "it is damaged";
}

#else

const char *anl__webp_look(const uint8_t *p, size_t n, anl__picture_samples *out)
{
    (void)p, (void)n;
    *out = (anl__picture_samples){0};
    return "this build reads no WebP: libwebp was not there when it was made";
}

const char *anl__webp_load(const uint8_t *p, size_t n, anl__picture_samples *out) { return anl__webp_look(p, n, out); }

#endif
