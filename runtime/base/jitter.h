/* Colours: brightness, contrast and saturation, in this order, as torchvision's ColorJitter blends: v * f,
 * then v * f + mean * (1 - f) with the picture's own mean grey, then v * f + grey * (1 - f) with the pixel's.
 * Values are as stored (u8: 0 to 255), after resampling and before normalisation; u8 are held within 0 to 255
 * after each. The mean is of the whole stored picture, made brighter: not of what a crop left. Grey is the
 * luma of 3 channels (0.2989, 0.587, 0.114), else their mean. Shared by C and CUDA, to the same bits: the
 * mean is a sum in a fixed order, pixel p in lane p % ANL__JITTER_LANES, the lanes then in a tree.
 */
#ifndef ANL_JITTER_H
#define ANL_JITTER_H

#include "warp.h"

enum { ANL__JITTER_LANES = 256 };

typedef struct anl__jitter {
    float low, high; /* what values are held within */
    float brightness, contrast, saturation; /* factors; all 1: nothing changes */
    float grey, colour; /* mean * (1 - contrast); 1 - saturation */
} anl__jitter;

/* b: of [1 - b, 1 + b]. */
ANL_HD float anl__jitter_factor(double b, uint32_t word)
{
    double u = ANL__ADD(ANL__MUL(2.0, (double)anl__u32_to_unit(word)), -1.0);
    return b > 0 ? (float)ANL__ADD(1.0, ANL__MUL(b, u)) : 1.0f;
}

ANL_HD anl__jitter anl__jitter_draw(const anl__augment *a, uint64_t seed, uint32_t epoch, int64_t sample,
                                    bool bytes)
{
    anl__u32x4 r = anl__augment_block(seed, epoch, sample, ANL__AUGMENT_MORE);
    anl__jitter j;
    j.low = bytes ? 0.0f : -3.402823466e38f;
    j.high = bytes ? 255.0f : 3.402823466e38f;
    j.brightness = anl__jitter_factor(a->brightness, r.v[2]);
    j.contrast = anl__jitter_factor(a->contrast, r.v[3]);
    if (a->saturation > 0) r = anl__augment_block(seed, epoch, sample, ANL__AUGMENT_SATURATION);
    j.saturation = anl__jitter_factor(a->saturation, r.v[0]);
    j.grey = 0;
    j.colour = ANL__ADDF(1.0f, -j.saturation);
    return j;
}

/* The sum over all pixels of their grey, made brighter, in lane 0 after the tree; n pixels. */
ANL_HD void anl__jitter_mean(anl__jitter *j, double sum, int64_t n)
{
    j->grey = ANL__MULF((float)(sum / (double)n), ANL__ADDF(1.0f, -j->contrast));
}

ANL_HD float anl__jitter_bright(const anl__jitter *j, float v)
{
    return anl__within(ANL__MULF(v, j->brightness), j->low, j->high);
}

/* Brightness and contrast. */
ANL_HD float anl__jitter_value(const anl__jitter *j, float v)
{
    return anl__within(ANL__ADDF(ANL__MULF(anl__jitter_bright(j, v), j->contrast), j->grey), j->low, j->high);
}

ANL_HD float anl__jitter_luma(float r, float g, float b)
{
    return ANL__ADDF(ANL__ADDF(ANL__MULF(0.2989f, r), ANL__MULF(0.587f, g)), ANL__MULF(0.114f, b));
}

/* One of a pixel's three values, of whose luma colour * luma is the share. */
ANL_HD float anl__jitter_saturate(const anl__jitter *j, float v, float share)
{
    return anl__within(ANL__ADDF(ANL__MULF(v, j->saturation), share), j->low, j->high);
}

#endif
