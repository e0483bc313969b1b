/* Max pooling on the workers, a sample at a time, channels side by side in the inner loops.
 * Backward is gathered: each input pixel asks the windows that hold it, so that it is written once and nothing is cleared. */
#ifndef T
#define ANL__CPU_FILE "kernels/maxpool2d/maxpool2d_cpu.c"
#include "kernels/common/cpu.h"
#include "kernels/common/window.h"

#define STRIP 64 /* channels at a time */

ANL__INLINE int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
ANL__INLINE int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

#include "kernels/common/cpu_twice.h"

static void fwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, task);
    anl__window g;
    anl__window_fwd(c, &g);
    (void)worker;
    for (int64_t n = rows.begin; n < rows.end; n++)
        ANL__BY_TYPE(c->in[0].dtype, pool, &g, anl__attr_int(c, "act"), r->in[0],
                     anl__has_in(c, 1) ? r->in[1] : NULL, r->out[0], r->out[1], n);
}

static void bwd_task(const anl__prepared *p, const anl__run *r, int task, int worker)
{
    const anl__call *c = &p->call;
    anl__rows rows = anl__rows_of(p, &c->in[0].shape, task);
    anl__window g;
    anl__window_bwd(c, &g);
    (void)worker;
    for (int64_t n = rows.begin; n < rows.end; n++)
        ANL__BY_TYPE(c->in[0].dtype, back, &g, r->in[0], r->in[1], r->out[0], n);
}

#define KERNEL(op_name, fn) {.op = op_name, .device = "cpu", .name = op_name "/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = anl__sliced_prepare, .task = fn, .samplewise = true}
static const anl__kernel fwd = KERNEL("maxpool2d", fwd_task), bwd = KERNEL("maxpool2d_bwd", bwd_task);
const anl__kernel *const anl__kernels_maxpool2d_cpu[] = {&fwd, &bwd, NULL};
#else
/* m channels of one output pixel. cell: the window's first cell inside the image, row and col its place in the window. */
ANL__INLINE void FN(pixel)(const anl__window *g, const T *x, int64_t y0, int64_t x0, int64_t m, float *best,
                           int32_t *at)
{
    int64_t p0 = at_least(0, -y0), p1 = at_most(g->kh, g->h - y0);
    int64_t q0 = at_least(0, -x0), q1 = at_most(g->kw, g->w - x0);
    for (int64_t p = p0; p < p1; p++)
        for (int64_t q = q0; q < q1; q++) {
            const T *v = x + ((y0 + p) * g->w + x0 + q) * g->c;
            int32_t cell = (int32_t)(p * g->kw + q);
            if (p == p0 && q == q0)
                for (int64_t k = 0; k < m; k++) {
                    best[k] = GET(v[k]);
                    at[k] = cell;
                }
            else
                for (int64_t k = 0; k < m; k++) {
                    float u = GET(v[k]);
                    int better = !(u <= best[k]) & (best[k] == best[k]); /* a NaN is passed on */
                    best[k] = better ? u : best[k];
                    at[k] = better ? cell : at[k];
                }
        }
}

ANL__INLINE void FN(finish)(const float *best, const int32_t *at, const float *b, bool relu, int64_t m,
                            T *restrict y, uint8_t *restrict place)
{
    for (int64_t k = 0; k < m; k++) {
        float v = best[k] + (b ? b[k] : 0);
        y[k] = PUT(relu && v < 0 ? 0 : v);
    }
    for (int64_t k = 0; k < m; k++) place[k] = (uint8_t)at[k];
}

ANL__CLONES static void FN(pool)(const anl__window *g, bool relu, const T *x, const float *b, T *y,
                                 uint8_t *place, int64_t n)
{
    float best[STRIP];
    int32_t at[STRIP];
    x += n * g->h * g->w * g->c;
    for (int64_t i = 0; i < g->oh; i++)
        for (int64_t j = 0; j < g->ow; j++) {
            int64_t y0 = i * g->sh - g->pad[0], x0 = j * g->sw - g->pad[1], o = ((n * g->oh + i) * g->ow + j) * g->c;
            for (int64_t ch = 0; ch < g->c; ch += STRIP) {
                int64_t m = at_most(STRIP, g->c - ch);
                FN(pixel)(g, x + ch, y0, x0, m, best, at);
                if (b && relu) FN(finish)(best, at, b + ch, true, m, y + o + ch, place + o + ch);
                else FN(finish)(best, at, b ? b + ch : NULL, relu, m, y + o + ch, place + o + ch);
            }
        }
}

/* Adds what the windows [i0, i1) x [j0, j1) send to the pixel (row, col), in that order. */
ANL__INLINE void FN(gather)(const anl__window *g, const T *dy, const uint8_t *place, int64_t row,
                            int64_t col, int64_t i0, int64_t i1, int64_t j0, int64_t j1,
                            int64_t m, T *restrict dx)
{
    float sum[STRIP] = {0};
    for (int64_t i = i0; i < i1; i++)
        for (int64_t j = j0; j < j1; j++) {
            int64_t o = (i * g->ow + j) * g->c;
            int32_t cell = (int32_t)((row - i * g->sh) * g->kw + col - j * g->sw);
            ANL__LANES for (int64_t k = 0; k < m; k++) sum[k] += place[o + k] == cell ? GET(dy[o + k]) : 0;
        }
    for (int64_t k = 0; k < m; k++) dx[k] = PUT(sum[k]);
}

ANL__CLONES static void FN(back)(const anl__window *g, const T *dy, const uint8_t *place, T *dx, int64_t n)
{
    int64_t o = n * g->oh * g->ow * g->c;
    dx += n * g->h * g->w * g->c;
    for (int64_t y = 0; y < g->h; y++)
        for (int64_t x = 0; x < g->w; x++, dx += g->c) {
            int64_t row = y + g->pad[0], col = x + g->pad[1];
            int64_t i0 = row < g->kh ? 0 : (row - g->kh) / g->sh + 1, i1 = at_most(g->oh, row / g->sh + 1);
            int64_t j0 = col < g->kw ? 0 : (col - g->kw) / g->sw + 1, j1 = at_most(g->ow, col / g->sw + 1);
            bool one = i1 - i0 == 1 && j1 - j0 == 1;
            int32_t cell = (int32_t)((row - i0 * g->sh) * g->kw + col - j0 * g->sw);
            const T *restrict d = dy + o + (i0 * g->ow + j0) * g->c;
            const uint8_t *restrict at = place + o + (i0 * g->ow + j0) * g->c;
            T *restrict to = dx;
            if (one)
                for (int64_t k = 0; k < g->c; k++) to[k] = at[k] == cell ? d[k] : 0;
            else
                for (int64_t ch = 0; ch < g->c; ch += STRIP)
                    FN(gather)(g, dy + o + ch, place + o + ch, row, col, i0, i1, j0, j1,
                               at_most(STRIP, g->c - ch), dx + ch);
        }
}
#endif
