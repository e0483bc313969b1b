/* Encoder and decoder with attention between them. */
#include "recurrent.h"
#include "sequence.h"

#include "../runtime/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct encoded {
    anl_value memory;  /* (S,n,C) */
    anl_value keys;    /* (S,n,units): what additive attention compares with; else ANL_NONE */
    anl_value length;  /* i32 (n) */
    anl__recurrent_state state; /* for the decoder's layers */
} encoded;

static anl_value concat(anl_graph *g, const char *name, anl_value a, anl_value b, int axis)
{
    anl_value in[2] = {a, b};
    return anl_node(g, "concat", name, in, 2, "axis=%d", axis);
}

/* The decoder begins where the encoder ended; two directions become one through a dense layer with tanh. */
static void bridge(anl_graph *g, const anl__recurrent_opts *e, const anl__recurrent_state *last, anl__recurrent_state *out)
{
    *out = anl__recurrent_no_state();
    for (int l = 0; l < e->layers && anl_graph_status(g) == ANL_OK; l++) {
        if (!e->bidirectional) {
            out->h[l] = last->h[l];
            out->c[l] = last->c[l];
            continue;
        }
        for (int k = 0; k < (anl__recurrent_has_c(e) ? 2 : 1); k++) {
            const anl_value *s = k ? last->c : last->h;
            char name[48];
            snprintf(name, sizeof name, "bridge.%c%d.both", k ? 'c' : 'h', l);
            anl_value y = concat(g, name, s[2 * l], s[2 * l + 1], 1);
            snprintf(name, sizeof name, "bridge.%c%d", k ? 'c' : 'h', l);
            y = anl__seq_dense(g, name, y, e->units, true);
            snprintf(name, sizeof name, "bridge.%c%d.tanh", k ? 'c' : 'h', l);
            *(k ? &out->c[l] : &out->h[l]) = anl__seq_node(g, "tanh", name, y, NULL);
        }
    }
}

static bool looks_first(const anl_sequence_opts *s) { return !strcmp(s->attention, "additive"); }

static encoded encode(anl_graph *g, const anl_model_opts *o, anl_value source, anl_value length, double drop)
{
    const anl_sequence_opts *s = &o->seq;
    anl__recurrent_opts r = {.cell = s->cell, .reset = s->reset, .units = s->units, .layers = s->layers, .bidirectional = s->bidirectional, .dropout = drop};
    encoded e = {.length = length, .keys = ANL_NONE};
    anl__recurrent_state last;
    anl_value x = anl__seq_embedding(g, "source.embed", source, s->vocabulary, s->embed);
    x = anl__seq_dropout(g, "source.dropout", drop, x);
    e.memory = anl__recurrent(g, "encoder", &r, x, length, NULL, &last);
    if (e.memory == ANL_NONE) return e;
    bridge(g, &r, &last, &e.state);
    if (looks_first(s)) e.keys = anl__seq_dense(g, "attention.keys", e.memory, s->units, true);
    return e;
}

/* Luong et al., 2015: the decoder's states look at the memory afterwards, all at once. */
static anl_value look_back(anl_graph *g, const anl_model_opts *o, const encoded *e, anl_value h)
{
    const anl_sequence_opts *s = &o->seq;
    anl_shape m = anl_value_shape(g, e->memory);
    anl_value q = h, y;
    if (!strcmp(s->attention, "none")) return h;
    if (strcmp(s->attention, "dot") || s->units != m.dim[2]) q = anl__seq_dense(g, "attention.query", h, m.dim[2], false);
    anl_value in[4] = {q, e->memory, e->memory, e->length};
    bool multi = !strcmp(s->attention, "multi-head");
    y = anl_node(g, "attention", "attention", in, 4, "heads=%d scale=%d", multi ? s->heads : 1, multi ? 0 : 1);
    y = anl__seq_dense(g, "attention.combine", concat(g, "attention.both", h, y, 2), s->units, true);
    return anl__seq_node(g, "tanh", "attention.tanh", y, NULL);
}

/* Steps (1,n,C) one after the other. */
enum { JOINED = ANL__MAX_IN - 1 }; /* what one node takes */
typedef struct step_list { const char *name; int n, joined; anl_value step[JOINED]; } step_list;

static void join_steps(anl_graph *g, step_list *s)
{
    char name[48];
    if (s->n < 2) return;
    snprintf(name, sizeof name, "%s.joined%d", s->name, ++s->joined);
    s->step[0] = anl_node(g, "concat", name, s->step, s->n, "axis=0");
    s->n = 1;
}

static void add_step(anl_graph *g, step_list *s, anl_value y)
{
    if (s->n == JOINED) join_steps(g, s);
    s->step[s->n++] = y;
}

/* Bahdanau et al., 2015: each step looks at the memory with the state before it and reads what it found beside the token. Words are
   read from the state and what was found, or from the state alone. */
static anl_value look_first(anl_graph *g, const anl_model_opts *o, const encoded *e, const anl__recurrent_opts *r, anl_value x, anl__recurrent_state *last)
{
    const anl_sequence_opts *s = &o->seq;
    anl_shape m = anl_value_shape(g, e->memory), xs = anl_value_shape(g, x);
    const int64_t wq[2] = {s->units, s->units};
    anl__recurrent_cell cell[ANL__MOST_CELLS];
    anl__recurrent_state state = e->state;
    anl_init init = {ANL_INIT_UNIFORM, 1 / sqrt((double)s->units)};
    anl__recurrent_params(g, "decoder", r, s->embed + m.dim[2], cell);
    anl_value query = anl_param(g, "attention.query.weight", 2, wq, init, ANL_PARAM_DECAY), v = anl_param(g, "attention.v", 1, wq, init, ANL_PARAM_DECAY);
    step_list states = {.name = "states"}, contexts = {.name = "contexts"};
    for (int64_t t = 0; t < xs.dim[0] && anl_graph_status(g) == ANL_OK; t++) {
        char name[48];
        int step = (int)t + 1;
        snprintf(name, sizeof name, "step%d.query", step);
        anl_value top[2] = {state.h[r->layers - 1], query}, q = anl_node(g, "dense", name, top, 2, NULL);
        snprintf(name, sizeof name, "step%d.query.time", step);
        q = anl__seq_node(g, "reshape", name, q, "shape=1,%lld,%lld", (long long)xs.dim[1], (long long)s->units);
        anl_value in[5] = {q, e->keys, v, e->memory, e->length};
        snprintf(name, sizeof name, "step%d.attention", step);
        anl_value found = anl_node(g, "additive_attention", name, in, 5, NULL);
        snprintf(name, sizeof name, "step%d.token", step);
        anl_value token = anl__seq_node(g, "slice", name, x, "axis=0 begin=%lld end=%lld", (long long)t, (long long)t + 1);
        snprintf(name, sizeof name, "step%d.input", step);
        anl_value input = concat(g, name, token, found, 2);
        snprintf(name, sizeof name, "step%d", step);
        anl_value y = anl__recurrent_run(g, name, r, cell, input, ANL_NONE, &state, &state);
        add_step(g, &states, y);
        if (!s->state_only) add_step(g, &contexts, found);
    }
    join_steps(g, &states);
    join_steps(g, &contexts);
    *last = state;
    return s->state_only ? states.step[0] : concat(g, "states.contexts", states.step[0], contexts.step[0], 2);
}

/* Logits (T,n,V) of what follows the tokens given, i32 (n,T), and the decoder's states behind them. */
static anl_value decode(anl_graph *g, const anl_model_opts *o, const encoded *e, anl_value given, double drop, anl__recurrent_state *last)
{
    const anl_sequence_opts *s = &o->seq;
    anl__recurrent_opts r = {.cell = s->cell, .reset = s->reset, .units = s->units, .layers = s->layers, .dropout = drop};
    anl_value x = anl__seq_embedding(g, "target.embed", given, s->target_vocabulary, s->embed), y;
    x = anl__seq_dropout(g, "target.dropout", drop, x);
    if (looks_first(s)) y = look_first(g, o, e, &r, x, last);
    else y = look_back(g, o, e, anl__recurrent(g, "decoder", &r, x, ANL_NONE, &e->state, last));
    y = anl__seq_dropout(g, "out.dropout", drop, y);
    return anl__seq_dense(g, "out", y, s->target_vocabulary, true);
}

/* Said before anything is trained: what one step of an answer reads are the tokens, the source and the states of all layers, each an
   input of its program (ANL_MAX_INPUTS). */
static bool can_answer(anl_graph *g, const anl_sequence_opts *s)
{
    int64_t most = !strcmp(s->cell, "lstm") ? 6 : 8;
    if (s->layers > most) anl_graph_fail(g, ANL_RECIPE, "seq2seq has at most %lld layers of %s, not %lld", (long long)most, s->cell, (long long)s->layers);
    return s->layers <= most;
}

void anl__seq2seq(anl_graph *g, const anl_model_opts *o, anl__size size)
{
    const anl_sequence_opts *s = &o->seq;
    if (!can_answer(g, s)) return;
    double drop = o->dropout < 0 ? 0 : o->dropout;
    const int64_t from[2] = {size.n, s->length[size.variant][0]}, to[2] = {size.n, s->length[size.variant][1]};
    anl_value source = anl_input(g, "source", ANL_I32, 2, from), length = anl_input(g, "source_length", ANL_I32, 1, from);
    anl_value given = anl_input(g, "given", ANL_I32, 2, to), wanted = anl_input(g, "wanted", ANL_I32, 2, to);
    anl__recurrent_state last;
    encoded e = encode(g, o, source, length, drop);
    if (e.memory != ANL_NONE) anl__seq_token_loss(g, o, decode(g, o, &e, given, drop, &last), wanted);
}

/* ---- for answers ----------------------------------------------------------------------------- */

static void put_states(anl_graph *g, const anl_sequence_opts *s, const anl__recurrent_state *state)
{
    char name[16];
    for (int l = 0; l < s->layers && l < ANL__MOST_CELLS; l++) {
        snprintf(name, sizeof name, "h%d", l);
        anl_output(g, name, state->h[l]);
        snprintf(name, sizeof name, "c%d", l);
        if (state->c[l] != ANL_NONE) anl_output(g, name, state->c[l]);
    }
}

void anl__seq2seq_read(anl_graph *g, const anl_model_opts *o, int64_t n, int64_t steps)
{
    const int64_t dim[2] = {n, steps};
    anl_value source = anl_input(g, "source", ANL_I32, 2, dim), length = anl_input(g, "source_length", ANL_I32, 1, dim);
    encoded e = encode(g, o, source, length, 0);
    if (e.memory == ANL_NONE) return;
    anl_output(g, "memory", e.memory);
    if (e.keys != ANL_NONE) anl_output(g, "keys", e.keys);
    put_states(g, &o->seq, &e.state);
}

void anl__seq2seq_step(anl_graph *g, const anl_model_opts *o, int64_t n, int64_t steps)
{
    const anl_sequence_opts *s = &o->seq;
    anl_dtype type = anl_graph_dtype(g);
    const anl__recurrent_opts r = {.cell = s->cell};
    const int64_t token[2] = {n, 1}, state[2] = {n, s->units}, memory[3] = {steps, n, s->units * (s->bidirectional ? 2 : 1)}, keys[3] = {steps, n, s->units};
    char name[16];
    anl__recurrent_state last;
    anl_value given = anl_input(g, "given", ANL_I32, 2, token);
    encoded e = {.length = anl_input(g, "source_length", ANL_I32, 1, token), .keys = ANL_NONE, .state = anl__recurrent_no_state()};
    e.memory = anl_input(g, "memory", type, 3, memory);
    if (looks_first(s)) e.keys = anl_input(g, "keys", type, 3, keys);
    for (int l = 0; l < s->layers && l < ANL__MOST_CELLS; l++) {
        snprintf(name, sizeof name, "h%d", l);
        e.state.h[l] = anl_input(g, name, type, 2, state);
        snprintf(name, sizeof name, "c%d", l);
        if (anl__recurrent_has_c(&r)) e.state.c[l] = anl_input(g, name, type, 2, state);
    }
    anl_value y = decode(g, o, &e, given, 0, &last);
    if (y == ANL_NONE) return;
    anl_output(g, "logits", anl__seq_node(g, "reshape", "logits", y, "shape=%lld,%lld", (long long)n, (long long)s->target_vocabulary));
    put_states(g, s, &last);
}
