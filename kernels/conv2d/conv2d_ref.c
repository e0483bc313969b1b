/* conv2d: the definition, loop by loop. */
#ifndef T
#include "conv2d.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/conv2d/conv2d_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("conv2d", fwd)
ANL__REF_KERNEL("conv2d_bwd_data", bwd_data)
ANL__REF_KERNEL("conv2d_bwd_filter", bwd_filter)
const anl__kernel *const anl__kernels_conv2d_ref[] = {&fwd_kernel, &bwd_data_kernel, &bwd_filter_kernel, NULL};
#else

static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *w = r->in[1], *b = anl__has_in(c, 2) ? r->in[2] : NULL;
    T *y = r->out[0];
    anl__conv_geometry g;
    anl__conv_geometry_of(c, &g);
    int64_t cg = g.c / g.groups, kg = g.k / g.groups;
    bool relu = anl__attr_int(c, "act");
    for (int64_t n = 0; n < g.n; n++)
        for (int64_t i = 0; i < g.oh; i++)
            for (int64_t j = 0; j < g.ow; j++)
                for (int64_t k = 0; k < g.k; k++) {
                    double sum = b ? (double)b[k] : 0;
                    for (int64_t p = 0; p < g.r; p++)
                        for (int64_t q = 0; q < g.s; q++) {
                            int64_t yy = i * g.stride[0] + p * g.dilation[0] - g.pad[0], xx = j * g.stride[1] + q * g.dilation[1] - g.pad[1];
                            if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                            const T *px = x + ((n * g.h + yy) * g.w + xx) * g.c + k / kg * cg, *pw = w + ((k * g.r + p) * g.s + q) * cg;
                            for (int64_t ch = 0; ch < cg; ch++) sum += (double)px[ch] * (double)pw[ch];
                        }
                    y[((n * g.oh + i) * g.ow + j) * g.k + k] = (T)(relu && sum < 0 ? 0 : sum);
                }
}

/* dx gathers, so that each element is one sum: over the outputs whose windows hold it. */
static void FN(bwd_data)(const anl__call *c, const anl__run *r)
{
    const T *dy = r->in[0], *w = r->in[1];
    T *dx = r->out[0];
    anl__conv_geometry g;
    anl__conv_geometry_of(c, &g);
    int64_t cg = g.c / g.groups, kg = g.k / g.groups;
    for (int64_t n = 0; n < g.n; n++)
        for (int64_t y = 0; y < g.h; y++)
            for (int64_t x = 0; x < g.w; x++)
                for (int64_t ch = 0; ch < g.c; ch++) {
                    T *out = dx + ((n * g.h + y) * g.w + x) * g.c + ch;
                    double sum = c->accum[0] ? (double)*out : 0;
                    for (int64_t p = 0; p < g.r; p++)
                        for (int64_t q = 0; q < g.s; q++) {
                            int64_t i = y + g.pad[0] - p * g.dilation[0], j = x + g.pad[1] - q * g.dilation[1];
                            if (i < 0 || j < 0 || i % g.stride[0] || j % g.stride[1] || i / g.stride[0] >= g.oh || j / g.stride[1] >= g.ow) continue;
                            const T *pd = dy + ((n * g.oh + i / g.stride[0]) * g.ow + j / g.stride[1]) * g.k + ch / cg * kg;
                            for (int64_t k = 0; k < kg; k++) sum += (double)pd[k] * (double)w[(((ch / cg * kg + k) * g.r + p) * g.s + q) * cg + ch % cg];
                        }
                    *out = (T)sum;
                }
}

static void FN(bwd_filter)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *dy = r->in[1];
    T *dw = r->out[0];
    anl__conv_geometry g;
    anl__conv_geometry_of(c, &g);
    int64_t cg = g.c / g.groups, kg = g.k / g.groups;
    for (int64_t k = 0; k < g.k; k++)
        for (int64_t p = 0; p < g.r; p++)
            for (int64_t q = 0; q < g.s; q++)
                for (int64_t ch = 0; ch < cg; ch++) {
                    T *out = dw + ((k * g.r + p) * g.s + q) * cg + ch;
                    double sum = c->accum[0] ? (double)*out : 0;
                    for (int64_t n = 0; n < g.n; n++)
                        for (int64_t i = 0; i < g.oh; i++)
                            for (int64_t j = 0; j < g.ow; j++) {
                                int64_t yy = i * g.stride[0] + p * g.dilation[0] - g.pad[0], xx = j * g.stride[1] + q * g.dilation[1] - g.pad[1];
                                if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                                sum += (double)x[((n * g.h + yy) * g.w + xx) * g.c + k / kg * cg + ch] * (double)dy[((n * g.oh + i) * g.ow + j) * g.k + k];
                            }
                    *out = (T)sum;
                }
}
#endif
