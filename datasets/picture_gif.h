/* GIF87a and GIF89a, the first picture of a file. Here and not by stb_image, which takes what is cut off for transparent, and refuses
 * files whose encoder goes on with a full table of codes. Any thread; texts are static. */
#ifndef ANL_PICTURE_GIF_H
#define ANL_PICTURE_GIF_H

#include "datasets/picture_samples.h"

/* p [n] begins with GIF8. NULL, or what is wrong: are all blocks there, up to the end marker, and is one of them a picture? */
const char *anl__gif_check(const uint8_t *p, size_t n);
/* Of a file that was checked: its shape, grey where its palette is; what no pixel covers is transparent. */
const char *anl__gif_look(const uint8_t *p, size_t n, anl__picture_samples *out);
const char *anl__gif_load(const uint8_t *p, size_t n, anl__picture_samples *out);

#endif
