/* Recurrent layers: one direction of RNN, LSTM or GRU.
 *
 * Anneal's gates (PyTorch's) are i f g o and r z n, ONNX's i o f c and z r h; matrices have a leading
 * dimension for the direction, and both biases lie in one vector. */
#include "emit.h"

#include <string.h>

enum { X, W_IH, W_HH, B_IH, B_HH, H0, C0, LENGTHS };

typedef struct cell {
    const char *op, *activation; /* activation: of an RNN, else NULL */
    int gates, from[4];          /* from: which of Anneal's gates is ONNX's first, second, ... */
} cell;
/* In the order of the attribute's choices. */
static const cell cells[] = {
    {"RNN", "Tanh", 1, {0}}, {"RNN", "Relu", 1, {0}},
    {"LSTM", NULL, 4, {0, 3, 1, 2}}, {"GRU", NULL, 3, {1, 0, 2}}};

/* gates x (units * width) numbers in ONNX's order; w NULL: zeros. */
static void reorder(const cell *k, const float *w, int64_t each, float *y)
{
    for (int g = 0; g < k->gates && w; g++)
        memcpy(y + g * each, w + k->from[g] * each, sizeof *y * (size_t)each);
}

static const char *parameter_name(const onnx_emit *e, int i) { return e->g->value[e->node->in[i]].name; }

/* W or R: (1, gates * units, width). */
static const char *matrix(onnx_emit *e, const cell *k, int i)
{
    const anl_shape *s = onnx_shape(e, i);
    if (onnx_own(e, i)) return onnx_own(e, i);
    const float *w = onnx_data(e, i);
    float *y = onnx_room(e, anl_shape_count(s));
    if (!w || !y) return "";
    reorder(k, w, anl_shape_count(s) / k->gates, y);
    const char *name = onnx_unique(e->m, parameter_name(e, i));
    onnx_tensor(e->m, name, ONNX_F32, 3, (int64_t[]){1, s->dim[0], s->dim[1]}, y);
    onnx_keep_own(e, i, name);
    return name;
}

/* B: (1, 2 * gates * units), that of the input first. NULL: none. */
static const char *biases(onnx_emit *e, const cell *k)
{
    int64_t n = onnx_shape(e, W_HH)->dim[0], each = n / k->gates;
    bool has[2] = {onnx_has(e, B_IH), onnx_has(e, B_HH)};
    int keeper = has[0] ? B_IH : B_HH;
    if (!has[0] && !has[1]) return NULL;
    if (onnx_own(e, keeper)) return onnx_own(e, keeper);
    float *y = onnx_room(e, 2 * n);
    for (int i = 0; i < 2 && y; i++)
        if (has[i]) reorder(k, onnx_data(e, B_IH + i), each, y + i * n);
    const char *name = onnx_unique(e->m, parameter_name(e, keeper));
    onnx_tensor(e->m, name, ONNX_F32, 2, (int64_t[]){1, 2 * n}, y);
    onnx_keep_own(e, keeper, name);
    return name;
}

static const char *with_axis(onnx_emit *e, const char *op, const char *x, int64_t axis)
{
    return onnx_op2(e, op, x, onnx_ints(e, "axes", &axis, 1));
}

/* A first state with the dimension of the direction; NULL: zeros. */
static const char *state(onnx_emit *e, int i)
{
    return onnx_has(e, i) ? with_axis(e, "Unsqueeze", onnx_in(e, i, ONNX_PLAIN), 0) : NULL;
}

static void recurrent(onnx_emit *e)
{
    const anl__call *c = &e->call;
    const cell *k = &cells[anl__attr_int(c, "cell")];
    bool lstm = !strcmp(k->op, "LSTM"), wanted[3] = {true, true, lstm};
    const char *in[7] = {onnx_in(e, X, ONNX_PLAIN),
                         matrix(e, k, W_IH),
                         matrix(e, k, W_HH),
                         biases(e, k),
                         onnx_has(e, LENGTHS) ? onnx_in(e, LENGTHS, ONNX_PLAIN) : NULL,
                         state(e, H0),
                         lstm ? state(e, C0) : NULL};
    const char *out[3];
    int n = 7;
    while (!in[n - 1]) n--; /* absent ones at the end are left out */
    onnx_op_many(e, k->op, in, n, out, wanted, lstm ? 3 : 2);
    onnx_attr_int(e->m, "hidden_size", onnx_shape(e, W_HH)->dim[1]);
    if (anl__attr_int(c, "reverse")) onnx_attr_text(e->m, "direction", "reverse");
    if (k->activation) onnx_attr_texts(e->m, "activations", &k->activation, 1);
    if (!strcmp(k->op, "GRU")) onnx_attr_int(e->m, "linear_before_reset", anl__attr_int(c, "reset") == 0);
    onnx_give(e, 0, ONNX_PLAIN, with_axis(e, "Squeeze", out[0], 1));
    for (int j = 1; j < e->node->n_out; j++) onnx_give(e, j, ONNX_PLAIN, with_axis(e, "Squeeze", out[j], 0));
}

const onnx_writer onnx_write_recurrent[] = {{"recurrent", recurrent}, {NULL, NULL}};
