/* Max pooling on the workers, a sample at a time, channels side by side in the inner loops.
 * Backward is gathered: each input pixel asks the windows that hold it, so that it is written once and nothing is cleared. */
#ifndef T
#define ANL__CPU_FILE "kernels/maxpool2d/maxpool2d_cpu.c"
#include "kernels/common/cpu.h"
#include "kernels/common/window.h"

#define STRIP 64 /* channels at a time */
/* Numbers of a vector. Where a pixel's channels do not fill one it is made all the same, and the next pixels write over what is too much. */
#define LANES 16

/* LANES, unknown to the compiler: it takes loops of a known length apart instead of vectorising them. */
ANL__INLINE int64_t lanes(void)
{
    int64_t n = LANES;
    __asm__("" : "+r"(n));
    return n;
}

/* Loops over bytes and numbers beside each other are written in vectors: the compiler makes them as long as its vectors have bytes. */
typedef int8_t places __attribute__((vector_size(LANES), aligned(1), may_alias));
typedef int32_t cells __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

ANL__INLINE int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
ANL__INLINE int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* The windows [*from, *to) of n, `size` long and `step` apart, that hold `at`. Divisions of 32 bits are much faster than of 64. */
ANL__INLINE void holders(int64_t at, int64_t size, int64_t step, int64_t n, int64_t *from, int64_t *to)
{
    *from = at < size ? 0 : (uint32_t)(at - size) / (uint32_t)step + 1;
    *to = at_most(n, (uint32_t)at / (uint32_t)step + 1);
}

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
    int64_t k = 0;
    for (; k + LANES <= m; k += LANES) *(places *)(place + k) = __builtin_convertvector(*(const cells *)(at + k), places);
    for (; k < m; k++) place[k] = (uint8_t)at[k];
}

ANL__CLONES static void FN(pool)(const anl__window *window, bool relu, const T *x, const float *b, T *y,
                                 uint8_t *place, int64_t n)
{
    const anl__window g = *window;
    float best[STRIP], bias[LANES] = {0};
    int32_t at[STRIP];
    int64_t size = g.h * g.w * g.c, size_out = g.oh * g.ow * g.c, o = 0;
    x += n * size;
    y += n * size_out;
    place += n * size_out;
    if (g.c < LANES && b) memcpy(bias, b, sizeof *b * (size_t)g.c);
    for (int64_t i = 0; i < g.oh; i++)
        for (int64_t j = 0; j < g.ow; j++, o += g.c) {
            int64_t y0 = i * g.sh - g.pad[0], x0 = j * g.sw - g.pad[1];
            int64_t last = (at_most(y0 + g.kh, g.h) - 1) * g.w + at_most(x0 + g.kw, g.w) - 1; /* the window's last cell */
            if (g.c < LANES && last * g.c + LANES <= size && o + LANES <= size_out) {
                FN(pixel)(&g, x, y0, x0, lanes(), best, at);
                FN(finish)(best, at, b ? bias : NULL, relu, lanes(), y + o, place + o);
                continue;
            }
            for (int64_t ch = 0; ch < g.c; ch += STRIP) {
                int64_t m = at_most(STRIP, g.c - ch);
                FN(pixel)(&g, x + ch, y0, x0, m, best, at);
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

/* dx of LANES numbers in a single window, of which `place` tells the cells. */
typedef T FN(vector) __attribute__((vector_size(LANES * sizeof(T)), aligned(1), may_alias));
typedef __typeof__(_Generic((T)0, float: (int32_t)0, default: (int16_t)0)) FN(mask) __attribute__((vector_size(LANES * sizeof(T))));

ANL__INLINE void FN(pass)(const T *dy, const uint8_t *place, int32_t cell, T *dx)
{
    places own = (places)(*(const places *)place == (int8_t)cell);
    *(FN(vector) *)dx = (FN(vector))((FN(mask))*(const FN(vector) *)dy & __builtin_convertvector(own, FN(mask)));
}

ANL__CLONES static void FN(back)(const anl__window *window, const T *dy, const uint8_t *place, T *dx, int64_t n)
{
    const anl__window g = *window; /* which no write to dx changes */
    int64_t size = g.h * g.w * g.c, size_out = g.oh * g.ow * g.c, here = 0;
    dy += n * size_out;
    place += n * size_out;
    dx += n * size;
    for (int64_t y = 0; y < g.h; y++) {
        int64_t row = y + g.pad[0], i0, i1;
        holders(row, g.kh, g.sh, g.oh, &i0, &i1);
        for (int64_t x = 0; x < g.w; x++, here += g.c) {
            int64_t col = x + g.pad[1], j0, j1, k = 0;
            holders(col, g.kw, g.sw, g.ow, &j0, &j1);
            if (i1 - i0 != 1 || j1 - j0 != 1) {
                for (; k < g.c; k += STRIP)
                    FN(gather)(&g, dy + k, place + k, row, col, i0, i1, j0, j1, at_most(STRIP, g.c - k), dx + here + k);
                continue;
            }
            int64_t from = (i0 * g.ow + j0) * g.c;
            int32_t cell = (int32_t)((row - i0 * g.sh) * g.kw + col - j0 * g.sw);
            for (; k + LANES <= g.c; k += LANES) FN(pass)(dy + from + k, place + from + k, cell, dx + here + k);
            if (k < g.c && here + k + LANES <= size && from + k + LANES <= size_out) {
                FN(pass)(dy + from + k, place + from + k, cell, dx + here + k);
                continue;
            }
            for (; k < g.c; k++) dx[here + k] = place[from + k] == cell ? dy[from + k] : 0;
        }
    }
}
#endif
