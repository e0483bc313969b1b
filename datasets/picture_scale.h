/* A picture brought to another size by the triangle filter, widened where it gets smaller and cut off at the edges, as Pillow's
 * BILINEAR with a box. In whole numbers: the same bytes everywhere. Any thread. */
#ifndef ANL_PICTURE_SCALE_H
#define ANL_PICTURE_SCALE_H

#include "runtime/base/base.h"

/* The part [x0, x1) x [y0, y1) of src [h, w, channels], in its pixels, to th rows of tw pixels, whose beginnings are `stride` bytes
   apart. false: no memory. */
bool anl__picture_scale(const uint8_t *src, int w, int h, int channels, double x0, double y0, double x1, double y1, uint8_t *dst, int tw, int th, int stride);

#endif
