/* A decoded picture as its file has it, before it is laid over white, turned and scaled (picture.c): what every decoder gives. */
#ifndef ANL_PICTURE_SAMPLES_H
#define ANL_PICTURE_SAMPLES_H

#include "runtime/base/base.h"

typedef struct anl__picture_samples {
    uint8_t *data;      /* [h, w, channels] of 8 bits, from malloc; NULL where only the shape was asked for */
    int w, h, channels; /* 1 to 4: grey, grey and alpha, RGB, RGBA; alpha not multiplied in */
} anl__picture_samples;

#endif
