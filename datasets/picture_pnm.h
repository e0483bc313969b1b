/* Binary PGM and PPM (netpbm's pgm(5), ppm(5)): samples of any largest value up to 65535. Any thread. */
#ifndef ANL_PICTURE_PNM_H
#define ANL_PICTURE_PNM_H

#include "runtime/base/base.h"

typedef struct anl__pnm {
    int64_t w, h, most; /* most: the value that is white */
    int channels;       /* 1 or 3 */
    size_t at;          /* where the samples begin */
} anl__pnm;

/* The head, and are all samples there? p [n] begins with P5 or P6. NULL, or what is wrong (static text). */
const char *anl__pnm_check(const uint8_t *p, size_t n, anl__pnm *out);
/* Samples of 8 bits into dst, w * h * channels of a file that was checked; of 16 bits the upper 8 are kept. */
void anl__pnm_samples(const uint8_t *p, const anl__pnm *pnm, uint8_t *dst);

#endif
