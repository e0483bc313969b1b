/* stb_image, as little of it as pictures need, under names of our own: its symbols stay inside picture_stb.c, so that a program
 * may carry another copy. JPEG, PNG and BMP only, from memory.
 * Its memory comes from malloc. Any thread. */
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

#endif
