/* What the kernels of `recurrent` agree on: sizes, the order of inputs and outputs, the layout of the reserve, and the time
 * step that a sequence of some length takes as its s-th.
 *
 * Gates lie in PyTorch's and cuDNN's order: lstm i, f, g, o; gru r, z, n.
 * The reserve is (T, N, R), in the wide type (f32, f64), rows past a sequence's end 0:
 *   lstm         R = 5 H: i, f, g, o after their functions, c (the state after the step)
 *   gru, after   R = 4 H: r, z, n after their functions, q = W_hn h + b_hn
 *   gru, before  R = 4 H: r, z, n, r * h (h: the state before the step)
 *   rnn          R = 0: y says all
 * A library that keeps something of its own between the passes puts that there: i32, one dimension.
 */
#ifndef ANL_RECURRENT_H
#define ANL_RECURRENT_H

#include "base/philox.h"
#include "op.h"

typedef enum anl__cell { ANL__RNN_TANH, ANL__RNN_RELU, ANL__LSTM, ANL__GRU } anl__cell;

/* Inputs of recurrent. */
enum { ANL__REC_X, ANL__REC_W_IH, ANL__REC_W_HH, ANL__REC_B_IH, ANL__REC_B_HH, ANL__REC_H0, ANL__REC_C0, ANL__REC_LENGTHS };
/* Inputs of recurrent_bwd; the first three are the same. */
enum {
    ANL__REC_BWD_Y = 3, ANL__REC_BWD_H0, ANL__REC_BWD_C0, ANL__REC_BWD_LENGTHS, ANL__REC_BWD_RESERVE,
    ANL__REC_BWD_DY, ANL__REC_BWD_DHN, ANL__REC_BWD_DCN
};
/* Gradients that recurrent_bwd may give, in this order; which ones: bits of attribute `grads`. */
enum { ANL__REC_DX, ANL__REC_DW_IH, ANL__REC_DW_HH, ANL__REC_DB_IH, ANL__REC_DB_HH, ANL__REC_DH0, ANL__REC_DC0, ANL__REC_GRADS };

typedef struct anl__recurrence {
    anl__cell cell;
    bool before; /* gru: r acts on h before the product with w_hh, not on the product */
    bool reverse;
    int64_t steps, batch, inputs, units; /* T, N, I, H */
    int64_t gates;                       /* G: blocks of H rows in the weights */
    int64_t kept;                        /* R / H: numbers of a unit in the reserve */
} anl__recurrence;

/* Of either operator; its inputs 0 and 2 have been checked. */
static inline anl__recurrence anl__recurrence_of(const anl__call *c)
{
    static const int gates[] = {1, 1, 4, 3}, reserve[] = {0, 0, 5, 4};
    const anl_shape *x = &c->in[ANL__REC_X].shape, *w = &c->in[ANL__REC_W_HH].shape;
    int64_t cell = anl__attr_int(c, "cell");
    return (anl__recurrence){.cell = (anl__cell)cell, .before = cell == ANL__GRU && anl__attr_int(c, "reset") != 0,
                             .reverse = anl__attr_int(c, "reverse") != 0, .steps = x->dim[0], .batch = x->dim[1], .inputs = x->dim[2], .units = w->dim[1],
                             .gates = gates[cell], .kept = reserve[cell]};
}

/* The output of recurrent that is kept for the gradient; -1: there is none (evaluation). */
static inline int anl__recurrent_kept(const anl__call *c) { return c->n_out == (anl__attr_int(c, "cell") == ANL__LSTM ? 4 : 3) ? c->n_out - 1 : -1; }
/* Likewise, but -1 where it holds nothing (rnn). */
static inline int anl__recurrent_reserve(const anl__call *c) { return anl__attr_int(c, "cell") <= ANL__RNN_RELU ? -1 : anl__recurrent_kept(c); }
/* Is the reserve that recurrent_bwd reads a library's own? */
static inline bool anl__recurrent_foreign(const anl__call *c) { return anl__has_in(c, ANL__REC_BWD_RESERVE) && c->in[ANL__REC_BWD_RESERVE].dtype == ANL_I32; }

/* The output of recurrent_bwd that is gradient `which`; -1: it is not asked for. */
static inline int anl__recurrent_grad(const anl__call *c, int which)
{
    int64_t grads = anl__attr_int(c, "grads");
    int at = 0;
    for (int i = 0; i < which; i++) at += grads >> i & 1;
    return grads >> which & 1 ? at : -1;
}

/* Lengths outside 0 .. T count as the nearer end. */
ANL_HD int64_t anl__sequence_length(const anl__recurrence *k, const int32_t *lengths, int64_t n)
{
    int64_t len = lengths ? lengths[n] : k->steps;
    return len < 0 ? 0 : len > k->steps ? k->steps : len;
}

ANL_HD int64_t anl__sequence_time(const anl__recurrence *k, int64_t len, int64_t s) { return k->reverse ? len - 1 - s : s; }

#endif
