/* WebP by libwebp: lossy, lossless, with alpha; of an animation the first picture. Any thread; texts are static. */
#ifndef ANL_PICTURE_WEBP_H
#define ANL_PICTURE_WEBP_H

#include "datasets/picture_samples.h"

/* NULL, or what is wrong; in a build without libwebp that. */
const char *anl__webp_look(const uint8_t *p, size_t n, anl__picture_samples *out);
const char *anl__webp_load(const uint8_t *p, size_t n, anl__picture_samples *out);

#endif
