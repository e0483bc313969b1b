/* What augmentation does to a sample: a function of (seed, epoch, sample) alone, so that neither the batch
 * nor the position, nor whether a CPU or a GPU makes it, is an input. Philox blocks of stream AUGMENT, each
 * number with a word of its own, so that turning one augmentation on changes no other's draw. Shared by C and
 * CUDA: every operation is rounded by itself (a compiler that makes one of a product and a sum would give
 * other bits), and the exponential is our own. Here: windows of whole pixels and rectangles; warp.h: pixels
 * between pixels; jitter.h: colours.
 */
#ifndef ANL_AUGMENT_H
#define ANL_AUGMENT_H

#include "philox.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#ifdef __CUDA_ARCH__
#define ANL__MUL(a, b) __dmul_rn((a), (b))
#define ANL__ADD(a, b) __dadd_rn((a), (b))
#define ANL__MULF(a, b) __fmul_rn((a), (b))
#define ANL__ADDF(a, b) __fadd_rn((a), (b))
#else /* -ffp-contract=off */
#define ANL__MUL(a, b) ((a) * (b))
#define ANL__ADD(a, b) ((a) + (b))
#define ANL__MULF(a, b) ((a) * (b))
#define ANL__ADDF(a, b) ((a) + (b))
#endif

/* All zero: nothing. Applied in the order rotate, crop or resized_crop, flips (one resampling for all of
   them), brightness, contrast, saturation, normalisation, erase. */
typedef struct anl__augment {
    int crop_pad; /* p > 0: pad p zeros (before normalisation) on each side, take a random H x W window */
    bool flip;    /* left to right, half of the samples */
    bool flip_vertical; /* upside down, half of the samples */
    double rotate; /* degrees, uniform in [-rotate, rotate]; at most 180 */
    double resized_crop; /* least share of the area of a window that is enlarged to H x W; 0: none, at most 1;
                            not beside crop_pad */
    double brightness, contrast, saturation; /* b: a factor uniform in [1 - b, 1 + b]; at most 1 */
    double erase; /* probability of erasing a rectangle (set to 0 after normalisation); in [0, 1] */
    double erase_min,
        erase_max; /* its share of the area; both 0: 0.02 and 0.33 (Zhong et al., "Random erasing", 2017) */
} anl__augment;

/* For one sample: the window begins at (dy, dx) of the image, is mirrored, and loses the rectangle at (top, left); height 0: none. */
typedef struct anl__view {
    int32_t dy, dx, top, left, height, width;
    bool flip, flip_vertical;
} anl__view;

/* Third word of a sample's blocks, in its upper half. */
enum {
    ANL__AUGMENT_WINDOW,
    ANL__AUGMENT_ERASE,
    ANL__AUGMENT_MORE /* flip_vertical, rotate, brightness, contrast */,
    ANL__AUGMENT_SATURATION,
    ANL__AUGMENT_RESIZED_CROP = 16 /* and on: a block a try */
};

ANL_HD anl__u32x4 anl__augment_block(uint64_t seed, uint32_t epoch, int64_t sample, uint32_t block)
{
    return anl__philox(seed, (uint32_t)sample, (uint32_t)((uint64_t)sample >> 32), epoch,
                       ANL__STREAM_AUGMENT | block << 16);
}

ANL_HD bool anl__augment_jitters(const anl__augment *a)
{
    return a->brightness > 0 || a->contrast > 0 || a->saturation > 0;
}

/* Are values computed (warp.h, jitter.h), and not only moved? */
ANL_HD bool anl__augment_computes(const anl__augment *a)
{
    return a->rotate > 0 || a->resized_crop > 0 || anl__augment_jitters(a);
}

ANL_HD bool anl__augment_any(const anl__augment *a)
{
    return a->crop_pad || a->flip || a->flip_vertical || a->erase > 0 || anl__augment_computes(a);
}

/* A number in [0, n) from 32 random bits (multiply-high: the bias is below n / 2^32). */
ANL_HD int32_t anl__below(uint32_t u, int32_t n) { return (int32_t)((uint64_t)u * (uint64_t)n >> 32); }

/* e^x for |x| < 3, to about one unit in the last place: x = k ln 2 + r, and r's Taylor series. */
ANL_HD double anl__augment_exp(double x)
{
    int k = (int)floor(ANL__ADD(ANL__MUL(x, 1.4426950408889634), 0.5));
    double r = ANL__ADD(ANL__ADD(x, ANL__MUL((double)-k, 0.69314718036912382)), ANL__MUL((double)-k, 1.9082149292705877e-10)), y = 1.0;
    for (int n = 14; n; n--) y = ANL__ADD(1.0, ANL__MUL(ANL__MUL(r, y), 1.0 / n));
    for (; k > 0; k--) y = ANL__MUL(y, 2.0);
    for (; k < 0; k++) y = ANL__MUL(y, 0.5);
    return y;
}

/* A rectangle of erase_min..erase_max of the area and aspect 0.3..3.3, uniform in the logarithm, cut to the image. */
ANL_HD void anl__augment_erase(const anl__augment *a, const anl__u32x4 *r, int32_t h, int32_t w, anl__view *v)
{
    const double low = -1.2039728043259361, high = 1.1939224684724346; /* ln 0.3, ln 3.3 */
    double share = ANL__ADD(a->erase_min, ANL__MUL(ANL__ADD(a->erase_max, -a->erase_min), (double)anl__u32_to_unit(r->v[0])));
    double aspect = anl__augment_exp(ANL__ADD(low, ANL__MUL(ANL__ADD(high, -low), (double)anl__u32_to_unit(r->v[1]))));
    double area = ANL__MUL(share, (double)((int64_t)h * w));
    int64_t eh = (int64_t)ANL__ADD(sqrt(ANL__MUL(area, aspect)), 0.5), ew = (int64_t)ANL__ADD(sqrt(area / aspect), 0.5);
    v->height = eh > h ? h : (int32_t)eh;
    v->width = ew > w ? w : (int32_t)ew;
    v->top = anl__below(r->v[2], h - v->height + 1);
    v->left = anl__below(r->v[3], w - v->width + 1);
}

ANL_HD anl__view anl__augment_draw(const anl__augment *a, uint64_t seed, uint32_t epoch, int64_t sample, int32_t h, int32_t w)
{
    anl__view v;
    memset(&v, 0, sizeof v);
    if (a->flip_vertical)
        v.flip_vertical = anl__augment_block(seed, epoch, sample, ANL__AUGMENT_MORE).v[0] >> 31;
    if (!a->crop_pad && !a->flip && !(a->erase > 0)) return v;
    anl__u32x4 r = anl__augment_block(seed, epoch, sample, ANL__AUGMENT_WINDOW);
    if (a->crop_pad) {
        v.dy = anl__below(r.v[0], 2 * a->crop_pad + 1) - a->crop_pad;
        v.dx = anl__below(r.v[1], 2 * a->crop_pad + 1) - a->crop_pad;
    }
    if (a->flip) v.flip = r.v[2] >> 31;
    if (a->erase > 0 && (double)anl__u32_to_unit(r.v[3]) < a->erase) {
        r = anl__augment_block(seed, epoch, sample, ANL__AUGMENT_ERASE);
        anl__augment_erase(a, &r, h, w, &v);
    }
    return v;
}

/* What the model sees of a stored value: scaled and shifted, each rounded. */
ANL_HD float anl__normalised(float x, float scale, float shift) { return ANL__ADDF(ANL__MULF(x, scale), shift); }

#endif
