/* Recurrent layers. Gates of an LSTM are in our order, i f g o; of a GRU Keras has z r n where we have r z n.
 * Keras's matrices are ours turned. Of sequences all steps count.
 *
 * What reads a sequence from its end gives, in Keras, its results in that order. Only Bidirectional turns
 * them back: a node whose sequence is read is written with the one that reads the same x from its beginning.
 */
#include "emit.h"

#include <string.h>

enum { X, W_IH, W_HH, B_IH, B_HH, H0, C0, LENGTHS };
enum { RNN_TANH, RNN_RELU, LSTM, GRU };

typedef struct cell {
    const char *kind, *lower, *activation;
    int gates, from[4]; /* from: which of our gates is Keras's first, second, ... */
} cell;
/* In the order of the attribute's choices. */
static const cell cells[] = {{"SimpleRNN", "simple_rnn", "tanh", 1, {0}},
                             {"SimpleRNN", "simple_rnn", "relu", 1, {0}},
                             {"LSTM", "lstm", "tanh", 4, {0, 1, 2, 3}},
                             {"GRU", "gru", "tanh", 3, {1, 0, 2}}};

typedef struct layer { /* a node as Keras has it */
    const cell *cell;
    int64_t units, width;
    bool reset_after, reverse;
} layer;

static layer layer_of(const keras_emit *e)
{
    const int64_t *w = keras_shape(e, W_IH)->dim;
    int64_t kind = anl__attr_int(&e->call, "cell");
    return (layer){.cell = &cells[kind],
                   .units = keras_shape(e, W_HH)->dim[1],
                   .width = w[1],
                   .reset_after = anl__attr_int(&e->call, "reset") == 0,
                   .reverse = anl__attr_int(&e->call, "reverse")};
}

/* ---- weights --------------------------------------------------------------------------------- */

/* (gates units, width), gates in Keras's order, turned. */
static const float *matrix(keras_emit *e, const layer *l, int i, int64_t width)
{
    const float *w = keras_data(e, i);
    int64_t each = l->units * width;
    float *y = keras_room(e, l->cell->gates * each);
    if (!w || !y) return NULL;
    for (int g = 0; g < l->cell->gates; g++)
        memcpy(y + g * each, w + l->cell->from[g] * each, sizeof *y * (size_t)each);
    return keras_turned(e, y, l->cell->gates * l->units, width);
}

/* Adds a bias of ours to y, gates in Keras's order; an absent one is zero. */
static void add_bias(keras_emit *e, const layer *l, int i, float *y)
{
    const float *b = keras_has(e, i) ? keras_data(e, i) : NULL;
    for (int g = 0; b && y && g < l->cell->gates; g++)
        for (int64_t k = 0; k < l->units; k++) y[g * l->units + k] += b[l->cell->from[g] * l->units + k];
}

/* Only a GRU that resets behind its product needs both: (2, gates units). Else Keras has their sum. */
static bool has_two(const layer *l) { return l->cell == &cells[GRU] && l->reset_after; }

static const float *biases(keras_emit *e, const layer *l)
{
    int64_t n = l->cell->gates * l->units;
    float *y = keras_room(e, 2 * n);
    add_bias(e, l, B_IH, y);
    add_bias(e, l, B_HH, y && has_two(l) ? y + n : y);
    return y;
}

/* prefix: of the names inside a Bidirectional. */
static void weights(keras_emit *e, const layer *l, const char *prefix)
{
    const char *name[3] = {"kernel", "recurrent_kernel", "bias"};
    int64_t n = l->cell->gates * l->units;
    for (int i = 0; i < 3; i++) {
        name[i] = anl__arena_printf(e->arena, "%s%s_cell/%s", prefix, l->cell->lower, name[i]);
        if (!name[i]) return keras_fail(e->f, ANL_NOMEM);
    }
    keras_weight_add(e->f, name[0], 2, (int64_t[]){l->width, n}, matrix(e, l, W_IH, l->width));
    keras_weight_add(e->f, name[1], 2, (int64_t[]){l->units, n}, matrix(e, l, W_HH, l->units));
    if (has_two(l)) keras_weight_add(e->f, name[2], 2, (int64_t[]){2, n}, biases(e, l));
    else keras_weight_add(e->f, name[2], 1, &n, biases(e, l));
}

/* ---- layers ---------------------------------------------------------------------------------- */

static void set_bool(cJSON *o, const char *key, bool v) { cJSON_AddBoolToObject(o, key, v); }

static void describe(cJSON *o, const layer *l, bool sequence, bool state, bool reverse)
{
    cJSON_AddNumberToObject(o, "units", (double)l->units);
    cJSON_AddStringToObject(o, "activation", l->cell->activation);
    if (l->cell->gates > 1) cJSON_AddStringToObject(o, "recurrent_activation", "sigmoid");
    set_bool(o, "use_bias", true);
    if (l->cell == &cells[GRU]) set_bool(o, "reset_after", l->reset_after);
    set_bool(o, "return_sequences", sequence);
    set_bool(o, "return_state", state);
    set_bool(o, "go_backwards", reverse);
}

/* Is output j of the node read? */
static bool is_read(const keras_emit *e, int j)
{
    return j < e->node->n_out && eval_graph_reads(e->graph, e->node->out[j]);
}

/* [y], h, [c] or h alone: what Keras's results are called here. */
static void one(keras_emit *e, const layer *l)
{
    bool sequence = is_read(e, 0), h = is_read(e, 1), c = is_read(e, 2);
    keras_tensor y = keras_add1(e, l->cell->kind, NULL, keras_in_at(e, X, KERAS_SEQUENCE));
    if (e->f->status != ANL_OK) return;
    bool state = c || (sequence && h);
    describe(e->f->layer[y.layer].config, l, sequence, state, l->reverse);
    weights(e, l, "");
    keras_give(e, 0, y);
    for (int j = 1; j < e->node->n_out; j++) keras_give(e, j, (keras_tensor){y.layer, state ? j : 0});
}

/* The node that reads the same from its other end, -1: none. */
static int other_direction(const keras_emit *e)
{
    const anl__node *n = e->node;
    anl__call c;
    for (int64_t k = 0; k < e->g->n_node; k++) {
        const anl__node *m = &e->g->node[k];
        if (!e->graph->wanted[k] || m == n || m->op != n->op || m->in[X] != n->in[X]) continue;
        anl__graph_call(e->g, (int)k, &c);
        if (anl__attr_int(&c, "cell") == anl__attr_int(&e->call, "cell") &&
            anl__attr_int(&c, "reset") == anl__attr_int(&e->call, "reset") &&
            anl__attr_int(&c, "reverse") != anl__attr_int(&e->call, "reverse") &&
            c.in[W_HH].shape.dim[1] == keras_shape(e, W_HH)->dim[1])
            return (int)k;
    }
    return -1;
}

static void part(keras_emit *e, const layer *l, const char *direction, bool reverse)
{
    const char *prefix = anl__arena_printf(e->arena, "%s_%s/", direction, l->cell->lower);
    cJSON *o = cJSON_CreateObject(), *c = cJSON_AddObjectToObject(o, "config");
    cJSON_AddStringToObject(o, "module", "keras.layers"); /* of inner layers Keras 3 wants it */
    cJSON_AddStringToObject(o, "class_name", l->cell->kind);
    cJSON_AddNullToObject(o, "registered_name");
    cJSON_AddStringToObject(c, "name", l->cell->lower);
    describe(c, l, true, false, reverse);
    keras_set_object(e->f, reverse ? "backward_layer" : "layer", o);
    if (!prefix) return keras_fail(e->f, ANL_NOMEM);
    weights(e, l, prefix);
}

/* Results 0 and 1: the sequences of both directions. */
static void both(keras_emit *e, int other)
{
    const anl__node *node[2] = {e->node, &e->g->node[other]};
    keras_tensor y = keras_add1(e, "Bidirectional", NULL, keras_in_at(e, X, KERAS_SEQUENCE));
    keras_set_object(e->f, "merge_mode", cJSON_CreateNull());
    for (int d = 0; d < 2 && e->f->status == ANL_OK; d++) {
        e->node = node[d];
        anl__graph_call(e->g, d ? other : (int)(e->node - e->g->node), &e->call);
        layer l = layer_of(e);
        if (is_read(e, 1) || is_read(e, 2))
            keras_refuse(e, "its sequence and its state are read, in two directions");
        part(e, &l, d ? "backward" : "forward", l.reverse);
        keras_give(e, 0, (keras_tensor){y.layer, d});
    }
}

static void recurrent(keras_emit *e)
{
    layer l = layer_of(e);
    int other = other_direction(e);
    if (keras_has(e, H0) || keras_has(e, C0)) return keras_refuse(e, "a state that is given");
    if (keras_has(e, LENGTHS) && e->g->value[e->node->in[LENGTHS]].kind != ANL__INPUT)
        return keras_refuse(e, "lengths that are computed");
    bool turned = is_read(e, 0) && l.reverse;
    if (!l.reverse && other >= 0 && eval_graph_reads(e->graph, e->g->node[other].out[0])) both(e, other);
    else if (turned) keras_refuse(e, "it reads from the end, and nothing reads the same from the beginning");
    else one(e, &l);
}

const keras_writer keras_write_recurrent[] = {{"recurrent", recurrent}, {NULL, NULL}};
