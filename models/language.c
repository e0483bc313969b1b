/* Models that predict the next token: recurrent with a carried state, and a small decoder-only transformer. */
#include "recurrent.h"
#include "sequence.h"

#include <stdio.h>

static double drop_of(const anl_model_opts *o) { return o->dropout < 0 ? 0 : o->dropout; }

/* Embedding, recurrent layers, a dense layer. The state at the end of a batch is where the next one begins. */
void anl__charlm(anl_graph *g, const anl_model_opts *o, anl__size size)
{
    const anl_sequence_opts *s = &o->seq;
    const int64_t dim[2] = {size.n, s->length[size.variant][0]}, state_dim[2] = {size.n, s->units};
    anl__recurrent_opts r = {.cell = s->cell, .reset = s->reset, .units = s->units, .layers = s->layers, .dropout = drop_of(o)};
    anl__recurrent_state given = anl__recurrent_no_state(), last;
    char name[32];
    int most = (ANL_MAX_INPUTS - 2) / (anl__recurrent_has_c(&r) ? 2 : 1); /* the states are inputs beside the tokens */
    if (s->layers > most) {
        anl_graph_fail(g, ANL_RECIPE, "charlm has at most %d layers of %s, not %lld", most, s->cell, (long long)s->layers);
        return;
    }
    anl_value tokens = anl_input(g, "tokens", ANL_I32, 2, dim), next = anl_input(g, "next", ANL_I32, 2, dim);
    for (int l = 0; l < s->layers && l < ANL__MOST_CELLS; l++) {
        snprintf(name, sizeof name, "state.h%d", l);
        given.h[l] = anl_input(g, name, anl_graph_dtype(g), 2, state_dim);
        snprintf(name, sizeof name, "state.c%d", l);
        if (anl__recurrent_has_c(&r)) given.c[l] = anl_input(g, name, anl_graph_dtype(g), 2, state_dim);
    }
    anl_value x = anl__seq_embedding(g, "embed", tokens, s->vocabulary, s->embed);
    x = anl__seq_dropout(g, "embed.dropout", drop_of(o), x);
    x = anl__recurrent(g, "rnn", &r, x, ANL_NONE, &given, &last);
    if (x == ANL_NONE) return;
    for (int l = 0; l < s->layers; l++) {
        snprintf(name, sizeof name, "state.h%d", l);
        anl_output(g, name, last.h[l]);
        snprintf(name, sizeof name, "state.c%d", l);
        if (anl__recurrent_has_c(&r)) anl_output(g, name, last.c[l]);
    }
    x = anl__seq_dropout(g, "rnn.dropout", drop_of(o), x);
    anl__seq_token_loss(g, o, anl__seq_dense(g, "out", x, s->vocabulary, true), next);
}

static anl_value norm(anl_graph *g, const char *name, anl_value x) { return anl__layer_text(g, "layernorm", name, &x, 1, " "); }

/* Pre-norm blocks: x + attention(norm x), x + dense(gelu(dense(norm x))) (Vaswani et al., 2017; Xiong et al., 2020). */
static anl_value block(anl_graph *g, const anl_model_opts *o, int i, anl_value x)
{
    const anl_sequence_opts *s = &o->seq;
    char name[8][40];
    static const char *const part[8] = {"norm1", "attention", "drop1", "add1", "norm2", "up", "down", "add2"};
    for (int k = 0; k < 8; k++) snprintf(name[k], sizeof name[k], "block%d.%s", i + 1, part[k]);
    anl_value y = norm(g, name[0], x);
    y = anl__layer_text(g, "self-attention", name[1], &y, 1, "heads=%d causal=true", s->heads);
    y = anl__seq_dropout(g, name[2], drop_of(o), y);
    anl_value sum[2] = {x, y};
    x = anl_node(g, "add", name[3], sum, 2, NULL);
    y = norm(g, name[4], x);
    y = anl__layer_text(g, "time-dense", name[5], &y, 1, "units=%lld act=gelu", (long long)(4 * s->units));
    y = anl__layer_text(g, "time-dense", name[6], &y, 1, "units=%lld", (long long)s->units);
    anl_value both[2] = {x, y};
    return anl_node(g, "add", name[7], both, 2, NULL);
}

void anl__transformer(anl_graph *g, const anl_model_opts *o, anl__size size)
{
    const anl_sequence_opts *s = &o->seq;
    int64_t t = s->length[size.variant][0], most = t;
    const int64_t dim[2] = {size.n, t};
    for (int v = 0; v < s->variants; v++) most = s->length[v][0] > most ? s->length[v][0] : most;
    anl_value tokens = anl_input(g, "tokens", ANL_I32, 2, dim), next = anl_input(g, "next", ANL_I32, 2, dim);
    anl_value x = anl__layer_text(g, "embedding", "embed", &tokens, 1, "vocabulary=%lld units=%lld std=0.02", (long long)s->vocabulary, (long long)s->units);
    x = anl__layer_text(g, "position", "position", &x, 1, "length=%lld", (long long)most);
    x = anl__seq_dropout(g, "embed.dropout", drop_of(o), x);
    for (int i = 0; i < s->layers; i++) x = block(g, o, i, x);
    x = norm(g, "norm", x);
    if (x != ANL_NONE) anl__seq_token_loss(g, o, anl__seq_dense(g, "out", x, s->vocabulary, true), next);
}
