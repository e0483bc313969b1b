/* Borders of windows over images. */
#ifndef KERAS_WRITE_IMAGE_H
#define KERAS_WRITE_IMAGE_H

#include "emit.h"

/* The attribute `pad`: top, left, bottom, right. */
void keras_pads(const anl__call *c, int64_t out[4]);

#endif
