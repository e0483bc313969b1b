/* stb_image, as little of it as pictures need, under names of our own: its symbols stay inside picture_stb.c, so that a program
 * may carry another copy. JPEG, PNG and BMP only, from memory.
 * Its memory comes from malloc. Any thread. */
#ifndef ANL_PICTURE_STB_H
#define ANL_PICTURE_STB_H

#include "datasets/picture_samples.h"

/* NULL, or what is wrong (static text); in a build without stb that. */
const char *anl__stb_look(const uint8_t *bytes, size_t n, anl__picture_samples *out);
const char *anl__stb_load(const uint8_t *bytes, size_t n, anl__picture_samples *out);

#endif
