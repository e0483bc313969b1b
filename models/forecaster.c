/* The forecaster: a window of the past to the next `horizon` values of each target. */
#include "layered.h"
#include "recurrent.h"
#include "sequence.h"

#include "../runtime/op.h"

#include <stdio.h>
#include <string.h>

/* Rows of a table of vectors in place of one-hot columns: a one-hot row times a matrix is the matrix's row. */
static anl_value embed_categories(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    const anl_sequence_opts *s = &o->seq;
    int64_t at = s->numbers;
    if (!s->category_embed || !s->categories || x == ANL_NONE) return x;
    anl_value all = anl__seq_node(g, "slice", "x.numbers", x, "axis=2 begin=0 end=%lld", (long long)at);
    for (int c = 0; c < s->categories && anl_graph_status(g) == ANL_OK; c++) {
        char name[48];
        snprintf(name, sizeof name, "category%d.one_hot", c + 1);
        anl_value y = anl__seq_node(g, "slice", name, x, "axis=2 begin=%lld end=%lld", (long long)at, (long long)(at + s->category[c]));
        at += s->category[c];
        snprintf(name, sizeof name, "category%d", c + 1);
        anl_value both[2] = {all, anl__seq_dense(g, name, y, s->category_embed, false)};
        snprintf(name, sizeof name, "category%d.beside", c + 1);
        all = anl_node(g, "concat", name, both, 2, "axis=2");
    }
    if (at == s->features) return all;
    anl_value both[2] = {all, anl__seq_node(g, "slice", "x.calendar", x, "axis=2 begin=%lld end=%lld", (long long)at, (long long)s->features)};
    return anl_node(g, "concat", "x.embedded", both, 2, "axis=2");
}

/* Bai et al., 2018: causal convolutions with doubling dilation, each with a shortcut; the last place is what is known. */
static anl_value tcn(anl_graph *g, const anl_model_opts *o, anl_value x)
{
    const anl_sequence_opts *s = &o->seq;
    char name[3][32];
    for (int l = 0; l < s->layers && anl_graph_status(g) == ANL_OK; l++) {
        snprintf(name[0], sizeof name[0], "conv%d", l + 1);
        snprintf(name[1], sizeof name[1], "add%d", l + 1);
        snprintf(name[2], sizeof name[2], "drop%d", l + 1);
        anl_value y = anl__layer_text(g, "conv1d", name[0], &x, 1, "filters=%lld kernel=%lld dilation=%lld causal=true act=relu init=he-normal", (long long)s->units,
                                      (long long)s->kernel, (long long)1 << l);
        y = anl__seq_dropout(g, name[2], o->dropout < 0 ? 0 : o->dropout, y);
        anl_value sum[2] = {y, x};
        x = l ? anl_node(g, "add", name[1], sum, 2, NULL) : y;
    }
    return anl__layer_text(g, "time-pool", "last", &x, 1, "mode=last");
}

/* One step at a time, each reading what the step before it said. The first input is the window's last value of the targets,
   which are the first columns of x. */
static anl_value autoregressive(anl_graph *g, const anl_model_opts *o, anl_value x, anl__recurrent_state *state)
{
    const anl_sequence_opts *s = &o->seq;
    anl__recurrent_opts r = {.cell = s->cell, .reset = s->reset, .units = s->units, .layers = s->layers, .dropout = o->dropout < 0 ? 0 : o->dropout};
    anl__recurrent_cell cell[ANL__MOST_CELLS];
    anl_shape shape = anl_value_shape(g, x);
    const int64_t w[2] = {s->targets, s->units};
    anl__recurrent_params(g, "decoder", &r, s->targets, cell);
    anl_value weight = anl_param(g, "out.weight", 2, w, (anl_init){ANL_INIT_UNIFORM, 0.05}, ANL_PARAM_DECAY);
    anl_value bias = anl_param(g, "out.bias", 1, w, (anl_init){ANL_INIT_CONSTANT, 0}, 0), all = ANL_NONE;
    anl_value last = anl__seq_node(g, "slice", "last.step", x, "axis=0 begin=%lld end=%lld", (long long)shape.dim[0] - 1, (long long)shape.dim[0]);
    last = anl__seq_node(g, "slice", "last.targets", last, "axis=2 begin=0 end=%lld", (long long)s->targets);
    for (int64_t t = 0; t < s->horizon && anl_graph_status(g) == ANL_OK; t++) {
        char name[48];
        snprintf(name, sizeof name, "step%lld", (long long)t + 1);
        anl_value y = anl__recurrent_run(g, name, &r, cell, last, ANL_NONE, state, state);
        snprintf(name, sizeof name, "step%lld.out", (long long)t + 1);
        anl_value in[3] = {y, weight, bias};
        last = anl_node(g, "dense", name, in, 3, NULL);
        snprintf(name, sizeof name, "step%lld.so_far", (long long)t + 1);
        anl_value both[2] = {all, last};
        all = t ? anl_node(g, "concat", name, both, 2, "axis=0") : last;
    }
    all = anl__seq_node(g, "transpose", "out.samples", all, "perm=1,0,2");
    return anl__seq_node(g, "reshape", "out.rows", all, "shape=0,-1");
}

void anl__forecaster(anl_graph *g, const anl_model_opts *o, anl__size size)
{
    const anl_sequence_opts *s = &o->seq;
    int64_t outputs = s->horizon * s->targets;
    const int64_t y_dim[2] = {size.n, outputs};
    anl_value x = anl__seq_values(g, "x", size.n, s->length[size.variant][0], s->features), y = anl_input(g, "y", ANL_F32, 2, y_dim), out;
    x = embed_categories(g, o, x);
    if (!strcmp(s->cell, "linear")) {
        out = anl__seq_node(g, "transpose", "samples", x, "perm=1,0,2");
        out = anl__seq_dense(g, "out", anl__seq_node(g, "reshape", "flat", out, "shape=0,-1"), outputs, true);
    } else if (!strcmp(s->cell, "tcn")) {
        out = anl__seq_dense(g, "out", tcn(g, o, x), outputs, true);
    } else {
        anl__recurrent_opts r = {.cell = s->cell, .reset = s->reset, .units = s->units, .layers = s->layers, .dropout = o->dropout < 0 ? 0 : o->dropout};
        anl__recurrent_state last;
        if (anl__recurrent(g, "rnn", &r, x, ANL_NONE, NULL, &last) == ANL_NONE) return;
        if (s->autoregressive) out = autoregressive(g, o, x, &last);
        else {
            anl_value h = last.h[s->layers - 1];
            if (o->dropout > 0) h = anl__seq_node(g, "dropout", "out.dropout", h, "p=%.9g", o->dropout);
            out = anl__seq_dense(g, "out", h, outputs, true);
        }
    }
    if (anl_graph_dtype(g) != ANL_F32) out = anl__seq_node(g, "cast", "out.f32", out, "dtype=f32");
    if (anl_graph_status(g) != ANL_OK) return;
    anl_output(g, "logits", out);
    anl__model_loss(g, o, "loss", &(anl__model_head){.label = "label", .loss = o->loss, .weight = 1}, out, y);
}
