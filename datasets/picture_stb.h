/* stb_image and stb_image_resize, as little of them as pictures need, under names of our own: their symbols stay inside
 * picture_stb.c, so that a program may carry another copy. JPEG, PNG, BMP and PNM only, from memory,.
 * Their memory comes from malloc. Any thread. */
#ifndef ANL_PICTURE_STB_H
#define ANL_PICTURE_STB_H

#include "runtime/base/base.h"

typedef struct anl__stb_picture {
    uint8_t *data; /* [h, w, channels]; freed by anl__stb_free */
    int w, h, channels; /* 1 to 4: grey, grey and alpha, RGB, RGBA */
} anl__stb_picture;

bool anl__stb_look(const uint8_t *bytes, size_t n, anl__stb_picture *out); /* data stays NULL */
bool anl__stb_load(const uint8_t *bytes, size_t n, anl__stb_picture *out);
const char *anl__stb_why(void); /* of this thread's last failure */
void anl__stb_free(uint8_t *data);
/* The part [x0, x1) x [y0, y1) of a picture, in shares of its sides, to w x h of dst, whose rows are `stride` bytes apart. */
bool anl__stb_resize(const uint8_t *src, int src_w, int src_h, int channels, double x0, double y0, double x1, double y1, uint8_t *dst, int w, int h, int stride);

#endif
