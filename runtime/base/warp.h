/* Geometry between pixels: rotation, resized crop, shift and flips of a sample as one map, so that it is
 * resampled once, bilinearly.
 *
 * A pixel (y, x) of the batch, mirrored by the view's flips, lies at (cy, cx) of the window (a column's cx
 * depends on x alone), and that at (sy, sx) of the stored picture: pixels count from 0 at their centres, the
 * window is turned about the picture's middle. Outside of the picture are zeros, as around a crop. Each
 * augmentation alone gives what torchvision's RandomResizedCrop (Szegedy et al., "Going deeper with
 * convolutions", 2014) and RandomRotation give with bilinear interpolation, values not rounded to whole
 * numbers; only the last half of a pixel at a turned picture's border fades otherwise there.
 *
 * Coefficients are made in double from our own sine and cosine, coordinates in f32, each operation rounded by
 * itself: the same bits in C and CUDA.
 */
#ifndef ANL_WARP_H
#define ANL_WARP_H

#include "augment.h"

typedef struct anl__window {
    int32_t top, left, height, width;
} anl__window; /* of the picture, in pixels */

typedef struct anl__warp {
    /* cy = y * step + first, within [low, high] */
    float step_y, first_y, low_y, high_y;
    float step_x, first_x, low_x, high_x;
    /* sx = (xx * cx + xy * cy) + x0, sy = (yx * cx + yy * cy) + y0: one more than they are, within [0, end],
       so that 0 and end = size + 1 see zeros only */
    float xx, xy, x0, yx, yy, y0, end_y, end_x;
} anl__warp;

/* Where a value is taken from: rows y - 1 and y, columns x - 1 and x of the picture (outside: zeros), fy and
 * fx of the way to the latter. */
typedef struct anl__place {
    int32_t y, x;
    float fy, fx;
} anl__place;

/* ---- drawing ---------------------------------------------------------------------------------- */

/* As torchvision: ten tries of a share of the area, uniform in [least, 1], and a ratio of width to height,
   uniform in the logarithm in [3/4, 4/3]; then the largest window in the middle whose ratio is allowed. */
ANL_HD anl__window anl__warp_draw_window(double least, uint64_t seed, uint32_t epoch, int64_t sample,
                                         int32_t h, int32_t w)
{
    const double low = -0.28768207245178096, high = 0.28768207245178096; /* ln 3/4, ln 4/3 */
    anl__window out = {0, 0, h, w};
    for (uint32_t i = 0; i < 10; i++) {
        anl__u32x4 r = anl__augment_block(seed, epoch, sample, ANL__AUGMENT_RESIZED_CROP + i);
        double share = ANL__ADD(least, ANL__MUL(ANL__ADD(1.0, -least), (double)anl__u32_to_unit(r.v[0])));
        double ratio = anl__augment_exp(
            ANL__ADD(low, ANL__MUL(ANL__ADD(high, -low), (double)anl__u32_to_unit(r.v[1]))));
        double area = ANL__MUL(share, (double)((int64_t)h * w));
        int64_t ch = (int64_t)ANL__ADD(sqrt(area / ratio), 0.5),
                cw = (int64_t)ANL__ADD(sqrt(ANL__MUL(area, ratio)), 0.5);
        if (ch < 1 || cw < 1 || ch > h || cw > w) continue;
        out.height = (int32_t)ch;
        out.width = (int32_t)cw;
        out.top = anl__below(r.v[2], h - out.height + 1);
        out.left = anl__below(r.v[3], w - out.width + 1);
        return out;
    }
    if (4 * (int64_t)w < 3 * (int64_t)h) out.height = (int32_t)ANL__ADD((double)w / 0.75, 0.5);
    if (3 * (int64_t)w > 4 * (int64_t)h) out.width = (int32_t)ANL__ADD((double)h / 0.75, 0.5);
    out.top = (h - out.height) / 2;
    out.left = (w - out.width) / 2;
    return out;
}

/* ---- the map ---------------------------------------------------------------------------------- */

/* Of an angle in degrees, |degrees| <= 360, to about one unit in the last place; exact at multiples of 90. */
ANL_HD void anl__warp_sincos(double degrees, double *sine, double *cosine)
{
    int quarter = (int)floor(ANL__ADD(ANL__MUL(degrees, 1.0 / 90), 0.5));
    double x = ANL__MUL(ANL__ADD(degrees, -90.0 * quarter), 0.017453292519943295); /* radians */
    double xx = ANL__MUL(x, x), s = 1, c = 1, swap;
    for (int n = 18; n; n -= 2) { /* Taylor's series from its end, |x| <= pi / 4 */
        s = ANL__ADD(1.0, -ANL__MUL(ANL__MUL(xx, s), 1.0 / (n * (n + 1))));
        c = ANL__ADD(1.0, -ANL__MUL(ANL__MUL(xx, c), 1.0 / (n * (n - 1))));
    }
    s = ANL__MUL(x, s);
    for (int k = quarter & 3; k; k--) swap = s, s = c, c = -swap;
    *sine = s;
    *cosine = c;
}

/* The window enlarged to h x w, of the picture turned by so many degrees about its middle. */
ANL_HD anl__warp anl__warp_make(anl__window window, double degrees, int32_t h, int32_t w)
{
    double sine, cosine, my = 0.5 * (h - 1), mx = 0.5 * (w - 1);
    double sy = (double)window.height / h, sx = (double)window.width / w;
    anl__warp m;
    anl__warp_sincos(degrees, &sine, &cosine);
    m.step_y = (float)sy;
    m.step_x = (float)sx;
    m.first_y = (float)ANL__ADD(ANL__ADD(ANL__MUL(0.5, sy), -0.5), (double)window.top);
    m.first_x = (float)ANL__ADD(ANL__ADD(ANL__MUL(0.5, sx), -0.5), (double)window.left);
    m.low_y = (float)window.top;
    m.low_x = (float)window.left;
    m.high_y = (float)(window.top + window.height - 1);
    m.high_x = (float)(window.left + window.width - 1);
    m.xx = m.yy = (float)cosine;
    m.yx = (float)sine;
    m.xy = (float)-sine;
    m.x0 = (float)ANL__ADD(ANL__ADD(mx, ANL__ADD(ANL__MUL(sine, my), -ANL__MUL(cosine, mx))), 1.0);
    m.y0 = (float)ANL__ADD(ANL__ADD(my, -ANL__ADD(ANL__MUL(sine, mx), ANL__MUL(cosine, my))), 1.0);
    m.end_y = (float)(h + 1);
    m.end_x = (float)(w + 1);
    return m;
}

/* For one sample, whose view is drawn already. */
ANL_HD anl__warp anl__warp_draw(const anl__augment *a, const anl__view *v, uint64_t seed, uint32_t epoch,
                                int64_t sample, int32_t h, int32_t w)
{
    anl__window window = {v->dy, v->dx, h, w};
    double degrees = 0;
    if (a->resized_crop > 0) window = anl__warp_draw_window(a->resized_crop, seed, epoch, sample, h, w);
    if (a->rotate > 0) {
        double u = (double)anl__u32_to_unit(anl__augment_block(seed, epoch, sample, ANL__AUGMENT_MORE).v[1]);
        degrees = ANL__MUL(a->rotate, ANL__ADD(ANL__MUL(2.0, u), -1.0));
    }
    return anl__warp_make(window, degrees, h, w);
}

/* ---- pixels ----------------------------------------------------------------------------------- */

ANL_HD float anl__within(float v, float low, float high)
{
    v = v > low ? v : low;
    return v < high ? v : high;
}

/* Row or column i of n in the window. */
ANL_HD float anl__warp_window(float step, float first, float low, float high, int32_t i, int32_t n, bool flip)
{
    return anl__within(ANL__ADDF(ANL__MULF((float)(flip ? n - 1 - i : i), step), first), low, high);
}

ANL_HD float anl__warp_row(const anl__warp *m, const anl__view *v, int32_t y, int32_t h)
{
    return anl__warp_window(m->step_y, m->first_y, m->low_y, m->high_y, y, h, v->flip_vertical);
}

ANL_HD float anl__warp_column(const anl__warp *m, const anl__view *v, int32_t x, int32_t w)
{
    return anl__warp_window(m->step_x, m->first_x, m->low_x, m->high_x, x, w, v->flip);
}

/* What a row of the window adds to its places; then the place of a column in it. */
ANL_HD float anl__warp_row_x(const anl__warp *m, float cy) { return ANL__MULF(m->xy, cy); }
ANL_HD float anl__warp_row_y(const anl__warp *m, float cy) { return ANL__MULF(m->yy, cy); }

ANL_HD anl__place anl__warp_at(const anl__warp *m, float row_y, float row_x, float cx)
{
    float sy = anl__within(ANL__ADDF(ANL__ADDF(ANL__MULF(m->yx, cx), row_y), m->y0), 0.0f, m->end_y);
    float sx = anl__within(ANL__ADDF(ANL__ADDF(ANL__MULF(m->xx, cx), row_x), m->x0), 0.0f, m->end_x);
    anl__place p;
    p.y = (int32_t)sy;
    p.x = (int32_t)sx;
    p.fy = ANL__ADDF(sy, -(float)p.y);
    p.fx = ANL__ADDF(sx, -(float)p.x);
    return p;
}

ANL_HD float anl__between(float a, float b, float f) { return ANL__ADDF(a, ANL__MULF(f, ANL__ADDF(b, -a))); }

#endif
