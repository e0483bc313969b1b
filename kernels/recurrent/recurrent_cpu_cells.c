/* What a step does to its units beside the products, on rows of 16 (64) units; f32 inside. Formulas: recurrent.c.
 * Unlike elsewhere a * b + c may be one operation here, as in the products beside it: a quarter less time, and the bits depend on
 * the instruction set already. */
#ifndef T
#if defined(__clang__)
#pragma STDC FP_CONTRACT ON
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=fast")
#endif
#define ANL__CPU_FILE "kernels/recurrent/recurrent_cpu_cells.c"
#include "kernels/common/cpu.h"
#include "kernels/common/vexp.h"
#include "recurrent_cpu.h"
#include "kernels/common/cpu_twice.h"

void anl__cells_forward(const anl__cells *a) { ANL__BY_TYPE(a->type, cells_forward, a); }
void anl__cells_backward(const anl__cells_bwd *a) { ANL__BY_TYPE(a->a.type, cells_backward, a); }
void anl__to_floats(anl_dtype type, const void *v, int64_t from, int64_t count, float *out) { ANL__BY_TYPE(type, to_floats, v, from, count, out); }
void anl__from_floats(anl_dtype type, const float *v, int64_t count, void *out, int64_t to) { ANL__BY_TYPE(type, from_floats, v, count, out, to); }

ANL__INLINE void add_row(int64_t n, const float *restrict p, const float *restrict b, float *restrict u)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) u[j] = p[j] + b[j];
}

ANL__CLONES void anl__cells_input(const anl__cells *a, const float *bias)
{
    int64_t gates = a->k->gates;
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t g = 0; g < gates; g++) {
            const float *p = a->product + i * a->ld + g * ANL__COLUMN, *b = bias + g * ANL__COLUMN;
            float *u = a->u + i * a->u_row + g * a->k->units;
            if (a->units == ANL__COLUMN) add_row(ANL__COLUMN, p, b, u);
            else add_row(a->units, p, b, u);
        }
}
#else

static void FN(to_floats)(const void *v, int64_t from, int64_t count, float *restrict out)
{
    const T *restrict p = (const T *)v + from;
    for (int64_t i = 0; i < count; i++) out[i] = GET(p[i]);
}

static void FN(from_floats)(const float *restrict v, int64_t count, void *out, int64_t to)
{
    T *restrict p = (T *)out + to;
    for (int64_t i = 0; i < count; i++) p[i] = PUT(v[i]);
}

ANL__INLINE void FN(lstm_row)(int64_t n, int64_t H, const float *p, const float *x, int64_t G, float *u, float *c, T *h, T *y)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) {
        float i = anl__v_sigmoid(x[j] + p[j]), f = anl__v_sigmoid(x[G + j] + p[16 + j]);
        float g = anl__v_tanh(x[2 * G + j] + p[32 + j]), o = anl__v_sigmoid(x[3 * G + j] + p[48 + j]);
        float s = f * c[j] + i * g;
        T out = PUT(o * anl__v_tanh(s));
        u[j] = i;
        u[H + j] = f;
        u[2 * H + j] = g;
        u[3 * H + j] = o;
        u[4 * H + j] = c[j] = s;
        y[j] = out;
        h[j] = out;
    }
}

ANL__INLINE void FN(gru_row)(int64_t n, int64_t H, const float *p, const float *x, int64_t G, const float *b, float *u, const T *before, T *h,
                            T *y)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) {
        float r = anl__v_sigmoid(x[j] + p[j]), z = anl__v_sigmoid(x[G + j] + p[16 + j]), q = p[32 + j] + b[j];
        float s = anl__v_tanh(x[2 * G + j] + r * q);
        T out = PUT((1 - z) * s + z * GET(before[j]));
        u[j] = r;
        u[H + j] = z;
        u[2 * H + j] = s;
        u[3 * H + j] = q;
        y[j] = out;
        h[j] = out;
    }
}

ANL__INLINE void FN(rnn_row)(int64_t n, bool relu, const float *p, const float *x, T *h, T *y)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) {
        float v = x[j] + p[j];
        T out = relu ? PUT(v < 0 ? 0 : v) : PUT(anl__v_tanh(v));
        y[j] = out;
        h[j] = out;
    }
}

/* Past the end of its sequence. */
static void FN(frozen_row)(const anl__cells *a, int64_t i, T *y)
{
    int64_t H = a->k->units;
    for (int64_t j = 0; j < a->units; j++) {
        ((T *)a->h_next)[i * a->h_row + j] = ((const T *)a->h)[i * a->h_row + j];
        y[i * H + j] = PUT(0.0f);
        for (int64_t q = 0; q < a->k->kept; q++) a->u[i * a->u_row + q * H + j] = 0;
    }
}

ANL__CLONES static void FN(cells_forward)(const anl__cells *a)
{
    int64_t H = a->k->units, n = a->units, G = a->in_gate;
    T *y = a->y;
    for (int64_t i = 0; i < a->rows; i++) {
        const float *p = a->product + i * a->ld, *x = a->in + i * a->in_row;
        const T *before = (const T *)a->h + i * a->h_row;
        float *u = a->u + i * a->u_row;
        T *h = (T *)a->h_next + i * a->h_row;
        if (a->lengths && a->t >= a->lengths[i]) FN(frozen_row)(a, i, y);
        else if (a->k->cell == ANL__LSTM && n == ANL__COLUMN) FN(lstm_row)(ANL__COLUMN, H, p, x, G, u, a->c + i * H, h, y + i * H);
        else if (a->k->cell == ANL__LSTM) FN(lstm_row)(n, H, p, x, G, u, a->c + i * H, h, y + i * H);
        else if (a->k->cell == ANL__GRU && n == ANL__COLUMN) FN(gru_row)(ANL__COLUMN, H, p, x, G, a->b_hn, u, before, h, y + i * H);
        else if (a->k->cell == ANL__GRU) FN(gru_row)(n, H, p, x, G, a->b_hn, u, before, h, y + i * H);
        else FN(rnn_row)(n, a->k->cell == ANL__RNN_RELU, p, x, h, y + i * H);
    }
}

ANL__INLINE void FN(lstm_back)(int64_t n, int64_t H, const float *dh, const float *u, const float *cp, float *dc, T *d)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) {
        float i = u[j], f = u[H + j], g = u[2 * H + j], o = u[3 * H + j], tc = anl__v_tanh(u[4 * H + j]);
        float e = dc[j] + dh[j] * o * (1 - tc * tc);
        d[j] = PUT(e * g * i * (1 - i));
        d[H + j] = PUT(e * cp[j] * f * (1 - f));
        d[2 * H + j] = PUT(e * i * (1 - g * g));
        d[3 * H + j] = PUT(dh[j] * tc * o * (1 - o));
        dc[j] = e * f;
    }
}

/* d: n, r, z, then n's for the side of U h. */
ANL__INLINE void FN(gru_back)(int64_t n, int64_t H, const float *dh, const float *u, const float *hp, float *carry, T *d)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) {
        float r = u[j], z = u[H + j], s = u[2 * H + j], e = dh[j] * (1 - z) * (1 - s * s);
        d[j] = PUT(e);
        d[H + j] = PUT(e * u[3 * H + j] * r * (1 - r));
        d[2 * H + j] = PUT(dh[j] * (hp[j] - s) * z * (1 - z));
        d[3 * H + j] = PUT(e * r);
        carry[j] = dh[j] * z;
    }
}

ANL__INLINE void FN(rnn_back)(int64_t n, bool relu, const float *dh, const T *y, T *d)
{
    ANL__LANES for (int64_t j = 0; j < n; j++) {
        float v = GET(y[j]);
        float e = relu ? (v > 0 ? dh[j] : 0) : dh[j] * (1 - v * v);
        d[j] = PUT(e);
    }
}

ANL__INLINE void FN(arriving)(int64_t n, const float *p, const T *dy, float *carry, float *dh)
{
    if (dy) {
        ANL__LANES for (int64_t j = 0; j < n; j++) dh[j] = carry[j] + p[j] + GET(dy[j]);
    } else {
        ANL__LANES for (int64_t j = 0; j < n; j++) dh[j] = carry[j] + p[j];
    }
    for (int64_t j = 0; j < n; j++) carry[j] = 0;
}

/* One row of n units; n is a constant where it is called for a whole strip. */
ANL__INLINE void FN(back_row)(const anl__cells_bwd *b, int64_t i, int64_t n, const float *nothing)
{
    const anl__cells *a = &b->a;
    int64_t H = a->k->units;
    float dh[ANL__STRIP], hp[ANL__STRIP], *carry = b->carry + i * H;
    T *d = (T *)b->d + i * b->d_row;
    const float *p = a->product + i * a->ld, *u = a->u + i * a->u_row;
    bool last = b->t_last >= 0 && (!a->lengths || b->t_last < a->lengths[i]);
    FN(arriving)(n, p, b->dy ? (const T *)b->dy + i * H : NULL, carry, dh);
    if (a->k->cell == ANL__LSTM) {
        FN(lstm_back)(n, H, dh, u, last ? b->u_last + i * a->u_row : b->c0 ? b->c0 + i * H : nothing, b->dc + i * H, d);
    } else if (a->k->cell == ANL__GRU) {
        const T *y = (const T *)b->y_last + i * H;
        for (int64_t j = 0; j < n; j++) hp[j] = last ? GET(y[j]) : b->h0 ? b->h0[i * H + j] : 0;
        FN(gru_back)(n, H, dh, u, hp, carry, d);
    } else FN(rnn_back)(n, a->k->cell == ANL__RNN_RELU, dh, (const T *)a->y + i * H, d);
}

ANL__CLONES static void FN(cells_backward)(const anl__cells_bwd *b)
{
    static const float nothing[ANL__STRIP];
    const anl__cells *a = &b->a;
    int64_t H = a->k->units, parts = a->k->cell == ANL__GRU ? 4 : a->k->gates;
    for (int64_t i = 0; i < a->rows; i++) {
        if (a->lengths && a->t >= a->lengths[i]) {
            for (int64_t j = 0; j < a->units; j++) {
                b->carry[i * H + j] += a->product[i * a->ld + j];
                for (int64_t g = 0; g < parts; g++) ((T *)b->d)[i * b->d_row + g * H + j] = PUT(0.0f);
            }
        } else if (a->units == ANL__STRIP) FN(back_row)(b, i, ANL__STRIP, nothing);
        else FN(back_row)(b, i, a->units, nothing);
    }
}
#endif
