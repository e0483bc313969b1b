#ifndef T
#include "kernels/common/ref.h"
#include "kernels/common/window.h"
#define ANL__REF_FILE "kernels/maxpool2d/maxpool2d_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("maxpool2d", fwd)
ANL__REF_KERNEL("maxpool2d_bwd", bwd)
const anl__kernel *const anl__kernels_maxpool2d_ref[] = {&fwd_kernel, &bwd_kernel, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *b = anl__has_in(c, 1) ? r->in[1] : NULL;
    T *y = r->out[0];
    uint8_t *place = r->out[1];
    anl__window g;
    anl__window_fwd(c, &g);
    bool relu = anl__attr_int(c, "act");
    int64_t o = 0;
    for (int64_t n = 0; n < g.n; n++)
        for (int64_t i = 0; i < g.oh; i++)
            for (int64_t j = 0; j < g.ow; j++)
                for (int64_t ch = 0; ch < g.c; ch++, o++) {
                    double best = -INFINITY;
                    int at = -1;
                    for (int64_t p = 0; p < g.kh; p++)
                        for (int64_t q = 0; q < g.kw; q++) {
                            int64_t yy = i * g.sh + p - g.pad[0], xx = j * g.sw + q - g.pad[1];
                            if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                            double v = (double)x[((n * g.h + yy) * g.w + xx) * g.c + ch];
                            if (at >= 0 && !(v > best) && !(v != v && best == best)) continue; /* a NaN is passed on */
                            best = v;
                            at = (int)(p * g.kw + q);
                        }
                    T v = (T)best;
                    if (b) v = v + b[ch];
                    y[o] = relu && v < 0 ? 0 : v;
                    place[o] = (uint8_t)(at < 0 ? 0 : at);
                }
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    const T *dy = r->in[0];
    const uint8_t *place = r->in[1];
    T *dx = r->out[0];
    anl__window g;
    anl__window_bwd(c, &g);
    memset(dx, 0, sizeof(T) * (size_t)(g.n * g.h * g.w * g.c));
    int64_t o = 0;
    for (int64_t n = 0; n < g.n; n++)
        for (int64_t i = 0; i < g.oh; i++)
            for (int64_t j = 0; j < g.ow; j++)
                for (int64_t ch = 0; ch < g.c; ch++, o++) {
                    int64_t yy = i * g.sh + place[o] / g.kw - g.pad[0], xx = j * g.sw + place[o] % g.kw - g.pad[1];
                    if (yy >= 0 && yy < g.h && xx >= 0 && xx < g.w) dx[((n * g.h + yy) * g.w + xx) * g.c + ch] += dy[o];
                }
}
#endif
