/* recurrent: one layer of a recurrent network in one direction over whole sequences, time-major. With h, c the state before a
 * step, x its input, W the weights w_ih and U the weights w_hh, s the logistic function:
 *
 *   rnn     h' = tanh or relu (W x + b_ih + U h + b_hh)
 *   lstm    i, f, o = s(...), g = tanh(...) of W x + b_ih + U h + b_hh;  c' = f c + i g;  h' = o tanh(c')
 *           (Hochreiter and Schmidhuber, 1997; Gers et al., 2000)
 *   gru     r, z = s(W x + b_ih + U h + b_hh);  h' = (1 - z) n + z h with, by attribute `reset`,
 *           after   n = tanh(W_n x + b_in + r (U_n h + b_hn))   PyTorch, cuDNN
 *           before  n = tanh(W_n x + b_in + U_n (r h) + b_hn)   Cho et al., 2014; ONNX linear_before_reset=0
 *
 * Inputs: x (T, N, I), w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H), h0 and c0 (N, H), lengths (N) i32; all from b_ih on may
 * be absent (a state is then 0, a sequence T long). Past a sequence's length its state stays and y is 0; `reverse` starts at its
 * own last step. Outputs: y (T, N, H), hn (N, H), for lstm cn (N, H), and in training the reserve (recurrent.h).
 *
 * recurrent_bwd: x, w_ih, w_hh, y, and h0, c0, lengths, reserve, dy, dhn, dcn where present -> the gradients named by the bits
 * of `grads`, in the order dx, dw_ih, dw_hh, db_ih, db_hh, dh0, dc0. */
#include "recurrent.h"

#include <string.h>

#define CELL {"cell", ANL__ENUM, NULL, 0, 0, "rnn_tanh|rnn_relu|lstm|gru", "what a step computes"}
#define RESET {"reset", ANL__ENUM, "after", 0, 0, "after|before", "gru: r acts on the product with w_hh, or on the state before it"}
#define REVERSE {"reverse", ANL__BOOL, "0", 0, 0, NULL, "from each sequence's last step to its first"}
static const anl__attr_def attrs[] = {CELL, RESET, REVERSE, {0}};
static const anl__attr_def bwd_attrs[] = {CELL, RESET, REVERSE, {"grads", ANL__INT, NULL, 1, 127, NULL, "bits: dx, dw_ih, dw_hh, db_ih, db_hh, dh0, dc0"}, {0}};

/* Input i, if present, must have these dimensions and type; dim 0 ends the list. */
static anl_status expect(anl_ctx *ctx, const anl__call *c, int i, const char *what, anl_dtype type, int64_t a, int64_t b, int64_t d)
{
    char have[96], want[96];
    if (!anl__has_in(c, i)) return ANL_OK;
    const int64_t dim[3] = {a, b, d};
    anl__type t = anl__type_of(type, d ? 3 : b ? 2 : 1, dim);
    if (!anl__shape_equal(&t.shape, &c->in[i].shape))
        return anl__fail(ctx, ANL_SHAPE, "%s must be %s, not %s", what, anl__shape_text(&t.shape, want), anl__shape_text(&c->in[i].shape, have));
    if (t.dtype != c->in[i].dtype)
        return anl__fail(ctx, ANL_UNSUPPORTED, "%s must be %s, not %s", what, anl_dtype_name(t.dtype), anl_dtype_name(c->in[i].dtype));
    return ANL_OK;
}

/* x and both weights. */
static anl_status check_layer(anl_ctx *ctx, const anl__call *c)
{
    static const char *const name[] = {"rnn_tanh", "rnn_relu", "lstm", "gru"};
    char a[96];
    ANL_TRY(anl__need_rank(ctx, c, ANL__REC_X, "x (time, batch, features)", 3));
    ANL_TRY(anl__need_rank(ctx, c, ANL__REC_W_IH, "w_ih", 2));
    ANL_TRY(anl__need_rank(ctx, c, ANL__REC_W_HH, "w_hh", 2));
    anl__recurrence k = anl__recurrence_of(c);
    const anl_shape *w = &c->in[ANL__REC_W_HH].shape;
    if (w->dim[0] != k.gates * k.units)
        return anl__fail(ctx, ANL_SHAPE, "w_hh %s is not (%lld x units) x units: %s has %lld gates", anl__shape_text(w, a), (long long)k.gates, name[k.cell], (long long)k.gates);
    if (k.steps < 1 || k.batch < 1 || k.inputs < 1 || k.units < 1) return anl__fail(ctx, ANL_SHAPE, "x %s or w_hh has an empty dimension", anl__shape_text(&c->in[0].shape, a));
    anl_dtype wide = anl__wide(c->in[0].dtype);
    ANL_TRY(expect(ctx, c, ANL__REC_W_IH, "w_ih", wide, k.gates * k.units, k.inputs, 0));
    return expect(ctx, c, ANL__REC_W_HH, "w_hh", wide, k.gates * k.units, k.units, 0);
}

static anl__type reserve_type(const anl__call *c, const anl__recurrence *k)
{
    return anl__type_of(anl__wide(c->in[0].dtype), 3, (const int64_t[]){k->steps, k->batch, k->kept * k->units});
}

static anl_status check_states(anl_ctx *ctx, const anl__call *c, const anl__recurrence *k, int h0, int c0, int lengths)
{
    anl_dtype t = c->in[0].dtype;
    if (anl__has_in(c, c0) && k->cell != ANL__LSTM) return anl__fail(ctx, ANL_INVALID, "c0 is given, but only an lstm has a cell state");
    ANL_TRY(expect(ctx, c, h0, "h0", t, k->batch, k->units, 0));
    ANL_TRY(expect(ctx, c, c0, "c0", t, k->batch, k->units, 0));
    return expect(ctx, c, lengths, "lengths", ANL_I32, k->batch, 0, 0);
}

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check_layer(ctx, c));
    anl__recurrence k = anl__recurrence_of(c);
    anl_dtype t = c->in[0].dtype;
    ANL_TRY(expect(ctx, c, ANL__REC_B_IH, "b_ih", anl__wide(t), k.gates * k.units, 0, 0));
    ANL_TRY(expect(ctx, c, ANL__REC_B_HH, "b_hh", anl__wide(t), k.gates * k.units, 0, 0));
    ANL_TRY(check_states(ctx, c, &k, ANL__REC_H0, ANL__REC_C0, ANL__REC_LENGTHS));
    c->n_out = 0;
    c->out[c->n_out++] = anl__type_of(t, 3, (const int64_t[]){k.steps, k.batch, k.units});
    for (int i = 0; i < (k.cell == ANL__LSTM ? 2 : 1); i++) c->out[c->n_out++] = anl__type_of(t, 2, (const int64_t[]){k.batch, k.units});
    if (c->mode == ANL_TRAIN) c->out[c->n_out++] = reserve_type(c, &k);
    return ANL_OK;
}

static anl_status infer_bwd(anl_ctx *ctx, anl__call *c)
{
    ANL_TRY(check_layer(ctx, c));
    anl__recurrence k = anl__recurrence_of(c);
    anl_dtype t = c->in[0].dtype, wide = anl__wide(t);
    if (!anl__has_in(c, ANL__REC_BWD_Y) || (k.kept && !anl__has_in(c, ANL__REC_BWD_RESERVE)))
        return anl__fail(ctx, ANL_INVALID, "needs y, and the reserve unless the cell is an rnn");
    ANL_TRY(expect(ctx, c, ANL__REC_BWD_Y, "y", t, k.steps, k.batch, k.units));
    if (k.kept) ANL_TRY(expect(ctx, c, ANL__REC_BWD_RESERVE, "the reserve", wide, k.steps, k.batch, k.kept * k.units));
    ANL_TRY(check_states(ctx, c, &k, ANL__REC_BWD_H0, ANL__REC_BWD_C0, ANL__REC_BWD_LENGTHS));
    ANL_TRY(expect(ctx, c, ANL__REC_BWD_DY, "dy", t, k.steps, k.batch, k.units));
    ANL_TRY(expect(ctx, c, ANL__REC_BWD_DHN, "dhn", t, k.batch, k.units, 0));
    ANL_TRY(expect(ctx, c, ANL__REC_BWD_DCN, "dcn", t, k.batch, k.units, 0));
    if (k.cell != ANL__LSTM && (anl__has_in(c, ANL__REC_BWD_DCN) || anl__attr_int(c, "grads") >> ANL__REC_DC0 & 1))
        return anl__fail(ctx, ANL_INVALID, "dcn or dc0 without an lstm");
    const anl__type type[ANL__REC_GRADS] = {c->in[ANL__REC_X], c->in[ANL__REC_W_IH], c->in[ANL__REC_W_HH], anl__type_of(wide, 1, (const int64_t[]){k.gates * k.units}),
                                            anl__type_of(wide, 1, (const int64_t[]){k.gates * k.units}), anl__type_of(t, 2, (const int64_t[]){k.batch, k.units}),
                                            anl__type_of(t, 2, (const int64_t[]){k.batch, k.units})};
    c->n_out = 0;
    for (int i = 0; i < ANL__REC_GRADS; i++)
        if (anl__recurrent_grad(c, i) >= 0) c->out[c->n_out++] = type[i];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    static const int input[ANL__REC_GRADS] = {ANL__REC_X, ANL__REC_W_IH, ANL__REC_W_HH, ANL__REC_B_IH, ANL__REC_B_HH, ANL__REC_H0, ANL__REC_C0};
    const anl__call *c = anl__grad_call(g);
    bool lstm = anl__attr_int(c, "cell") == ANL__LSTM;
    anl_value in[ANL__REC_BWD_DCN + 1], out[ANL__REC_GRADS];
    int wanted = 0, reserve = anl__recurrent_kept(c);
    for (int i = ANL__REC_X; i <= ANL__REC_W_HH; i++) in[i] = anl__grad_in(g, i);
    in[ANL__REC_BWD_Y] = anl__grad_out(g, 0);
    in[ANL__REC_BWD_H0] = anl__grad_in(g, ANL__REC_H0);
    in[ANL__REC_BWD_C0] = anl__grad_in(g, ANL__REC_C0);
    in[ANL__REC_BWD_LENGTHS] = anl__grad_in(g, ANL__REC_LENGTHS);
    in[ANL__REC_BWD_RESERVE] = reserve >= 0 ? anl__grad_out(g, reserve) : ANL_NONE;
    in[ANL__REC_BWD_DY] = anl__grad_dout(g, 0);
    in[ANL__REC_BWD_DHN] = anl__grad_dout(g, 1);
    in[ANL__REC_BWD_DCN] = lstm ? anl__grad_dout(g, 2) : ANL_NONE;
    for (int i = 0; i < ANL__REC_GRADS; i++)
        if (anl__has_in(c, input[i]) && anl__grad_needs(g, input[i])) wanted |= 1 << i;
    out[0] = anl__grad_node(g, "recurrent_bwd", in, ANL__REC_BWD_DCN + 1, true, "grads=%d", wanted);
    for (int i = 0, j = 0; i < ANL__REC_GRADS; i++)
        if (wanted >> i & 1) anl__grad_give(g, input[i], anl__grad_node_output(g, out[0], j++));
    return ANL_OK;
}

static double flops(const anl__call *c)
{
    anl__recurrence k = anl__recurrence_of(c);
    return 2.0 * (double)(k.steps * k.batch) * (double)(k.gates * k.units) * (double)(k.inputs + k.units);
}

static double flops_bwd(const anl__call *c)
{
    anl__recurrence k = anl__recurrence_of(c);
    int64_t grads = anl__attr_int(c, "grads"), wide = k.units;
    if (grads >> ANL__REC_DX & 1) wide += k.inputs;
    if (grads >> ANL__REC_DW_IH & 1) wide += k.inputs;
    if (grads >> ANL__REC_DW_HH & 1) wide += k.units;
    return 2.0 * (double)(k.steps * k.batch) * (double)(k.gates * k.units) * (double)wide;
}

static const anl__op fwd = {.name = "recurrent", .min_in = 3, .max_in = 8, .attrs = attrs, .infer = infer, .grad = grad, .flops = flops,
                            .help = "a layer of rnn, lstm or gru cells over whole sequences (time, batch, features)"};
static const anl__op bwd = {.name = "recurrent_bwd", .min_in = 4, .max_in = 11, .attrs = bwd_attrs, .infer = infer_bwd, .flops = flops_bwd,
                            .help = "gradient of recurrent"};
const anl__op *const anl__ops_recurrent[] = {&fwd, &bwd, NULL};
