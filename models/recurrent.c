/* Stacks of recurrent layers; see recurrent.h. */
#include "recurrent.h"

#include "../runtime/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *name, *attr; int gates; } cells[] = {{"lstm", "lstm", 4}, {"gru", "gru", 3}, {"rnn", "rnn_tanh", 1}, {"rnn-relu", "rnn_relu", 1}};
enum { CELLS = sizeof cells / sizeof cells[0] };

static int find_cell(anl_graph *g, const char *name)
{
    const char *names[CELLS];
    for (int i = 0; i < CELLS; i++) {
        if (!strcmp(cells[i].name, name)) return i;
        names[i] = cells[i].name;
    }
    const char *near = anl__nearest(name, names, CELLS);
    anl_graph_fail(g, ANL_RECIPE, "there is no recurrent cell '%s'%s%s%s; there are lstm, gru, rnn, rnn-relu", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return -1;
}

int anl__recurrent_cells(const anl__recurrent_opts *o) { return o->layers * (o->bidirectional ? 2 : 1); }
bool anl__recurrent_has_c(const anl__recurrent_opts *o) { return !strcmp(o->cell, "lstm"); }

anl__recurrent_state anl__recurrent_no_state(void)
{
    anl__recurrent_state s;
    for (int i = 0; i < ANL__MOST_CELLS; i++) s.h[i] = s.c[i] = ANL_NONE;
    return s;
}

/* All parameters are uniform in +-1/sqrt(units), as PyTorch's. */
void anl__recurrent_params(anl_graph *g, const char *name, const anl__recurrent_opts *o, int64_t width, anl__recurrent_cell cell[ANL__MOST_CELLS])
{
    int kind = find_cell(g, o->cell), both = o->bidirectional ? 2 : 1;
    if (o->units < 1 || o->layers < 1 || o->layers * both > ANL__MOST_CELLS)
        anl_graph_fail(g, ANL_RECIPE, "layer '%s': %lld units and %d layers%s; at least 1 unit, and 1 to %d layers", name, (long long)o->units, o->layers,
                       both == 2 ? " in both directions" : "", ANL__MOST_CELLS / both);
    if (anl_graph_status(g) != ANL_OK) return;
    anl_init init = {ANL_INIT_UNIFORM, 1 / sqrt((double)o->units)};
    int64_t rows = cells[kind].gates * o->units;
    for (int l = 0; l < o->layers; l++)
        for (int d = 0; d < both; d++) {
            const char *reverse = d ? "_reverse" : "";
            char text[256];
            int64_t w_ih[2] = {rows, l ? o->units * both : width}, w_hh[2] = {rows, o->units};
            anl__recurrent_cell *c = &cell[l * both + d];
            snprintf(text, sizeof text, "%s.weight_ih_l%d%s", name, l, reverse);
            c->w_ih = anl_param(g, text, 2, w_ih, init, ANL_PARAM_DECAY);
            snprintf(text, sizeof text, "%s.weight_hh_l%d%s", name, l, reverse);
            c->w_hh = anl_param(g, text, 2, w_hh, init, ANL_PARAM_DECAY);
            snprintf(text, sizeof text, "%s.bias_ih_l%d%s", name, l, reverse);
            c->b_ih = anl_param(g, text, 1, &rows, init, 0);
            snprintf(text, sizeof text, "%s.bias_hh_l%d%s", name, l, reverse);
            c->b_hh = anl_param(g, text, 1, &rows, init, 0);
        }
}

static anl_value one(anl_graph *g, const char *node, const anl__recurrent_opts *o, const anl__recurrent_cell *c, anl_value x, anl_value lengths, anl_value h0, anl_value c0,
                     bool reverse, anl_value *h, anl_value *cn)
{
    anl_value in[8] = {x, c->w_ih, c->w_hh, c->b_ih, c->b_hh, h0, c0, lengths};
    anl_value y = anl_node(g, "recurrent", node, in, 8, "cell=%s reset=%s reverse=%d", cells[find_cell(g, o->cell)].attr, o->reset ? o->reset : "after", reverse);
    *h = anl_node_output(g, y, 1);
    *cn = anl__recurrent_has_c(o) ? anl_node_output(g, y, 2) : ANL_NONE;
    return y;
}

anl_value anl__recurrent_run(anl_graph *g, const char *node, const anl__recurrent_opts *o, const anl__recurrent_cell *cell, anl_value x, anl_value lengths,
                             const anl__recurrent_state *given, anl__recurrent_state *last)
{
    int both = o->bidirectional ? 2 : 1;
    anl__recurrent_state none = anl__recurrent_no_state(), state = none;
    if (!given) given = &none;
    for (int l = 0; l < o->layers && anl_graph_status(g) == ANL_OK; l++) {
        char text[256];
        anl_value y[2];
        if (l && o->dropout > 0) {
            snprintf(text, sizeof text, "%s.dropout%d", node, l);
            x = anl_node(g, "dropout", text, &x, 1, "p=%.9g sample_axis=1", o->dropout);
        }
        for (int d = 0; d < both; d++) {
            int k = l * both + d;
            snprintf(text, sizeof text, "%s.l%d%s", node, l, d ? "_reverse" : "");
            y[d] = one(g, text, o, &cell[k], x, lengths, given->h[k], given->c[k], d == 1, &state.h[k], &state.c[k]);
        }
        snprintf(text, sizeof text, "%s.both%d", node, l);
        x = both == 2 ? anl_node(g, "concat", text, y, 2, "axis=2") : y[0];
    }
    if (last) *last = state;
    return anl_graph_status(g) == ANL_OK ? x : ANL_NONE;
}

anl_value anl__recurrent(anl_graph *g, const char *name, const anl__recurrent_opts *o, anl_value x, anl_value lengths, const anl__recurrent_state *given,
                         anl__recurrent_state *last)
{
    anl__recurrent_cell cell[ANL__MOST_CELLS];
    anl_shape s = anl_value_shape(g, x);
    if (s.rank != 3) {
        char t[96];
        anl_graph_fail(g, ANL_SHAPE, "layer '%s' needs a sequence T x N x C, not %s: a layer `to-time` makes one", name, anl__shape_text(&s, t));
        return ANL_NONE;
    }
    anl__recurrent_params(g, name, o, s.dim[2], cell);
    return anl_graph_status(g) == ANL_OK ? anl__recurrent_run(g, name, o, cell, x, lengths, given, last) : ANL_NONE;
}
