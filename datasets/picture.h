/* One picture: from the bytes of a JPEG, PNG, GIF, WebP, TIFF, BMP or PNM file to height x width x channels bytes, upright.
 *
 * Samples of 16 bits keep their upper 8; what is transparent is laid over white; colour becomes grey as (77 R + 150 G + 29 B) / 256.
 * Another size is reached by the triangle filter, widened where it gets smaller (picture_scale.h: as Pillow's BILINEAR).
 *
 * Any thread; no context: what is wrong comes back as a text that lives until the thread's next call. Memory is from malloc.
 */
#ifndef ANL_PICTURE_H
#define ANL_PICTURE_H

#include "runtime/base/base.h"

/* How a picture of another shape is brought to the size. */
typedef enum anl__picture_fit {
    ANL__FIT_CROP,    /* scaled until it covers the size, and its middle is taken */
    ANL__FIT_STRETCH, /* scaled in each direction by itself */
    ANL__FIT_PAD      /* scaled until it fits in, the rest is black */
} anl__picture_fit;

typedef struct anl__picture_shape {
    int64_t h, w;
    int channels; /* 1 or 3 */
} anl__picture_shape;

enum { ANL__MOST_PIXELS = 1 << 28, ANL__MOST_SIDE = 65535 };

bool anl__picture_here(void); /* does this build decode pictures? */
const char *anl__picture_formats(void); /* those that this build reads: "JPEG, PNG, ..." */
/* Shape as shown, upright, without decoding it; NULL, or what is wrong. */
const char *anl__picture_look(const uint8_t *bytes, size_t n, anl__picture_shape *out);
/* Into dst, shape->h * w * channels bytes; NULL, or what is wrong. */
const char *anl__picture_read(const uint8_t *bytes, size_t n, const anl__picture_shape *shape, anl__picture_fit fit, uint8_t *dst);

/* The same of a file, of at most 256 MiB. */
const char *anl__picture_look_path(const char *path, anl__picture_shape *out);
const char *anl__picture_read_path(const char *path, const anl__picture_shape *shape, anl__picture_fit fit, uint8_t *dst);

#endif
