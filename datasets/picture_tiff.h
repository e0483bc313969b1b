/* TIFF by libtiff, the first page: grey, RGB and palettes of 8 bits and less, grey and RGB of 16, with alpha, in strips or tiles, however
 * compressed. Other kinds are refused by what they are. Any thread; texts live until the thread's next call. */
#ifndef ANL_PICTURE_TIFF_H
#define ANL_PICTURE_TIFF_H

#include "datasets/picture_samples.h"

/* NULL, or what is wrong; in a build without libtiff that. Whole: are all of its pieces within the n bytes? *orientation as picture_file.h. */
const char *anl__tiff_check(const uint8_t *p, size_t n, int *orientation);
const char *anl__tiff_look(const uint8_t *p, size_t n, anl__picture_samples *out);
const char *anl__tiff_load(const uint8_t *p, size_t n, anl__picture_samples *out);

#endif
