/* A class for a whole sequence: a recurrent network or a convolution over tokens or values. */
#include "layered.h"
#include "recurrent.h"
#include "sequence.h"

#include <stdio.h>
#include <string.h>

static anl_value pool(anl_graph *g, const char *name, const char *mode, anl_value x, anl_value length)
{
    anl_value in[2] = {x, length};
    return anl_node(g, "time_pool", name, in, 2, "mode=%s", mode);
}

static anl_value recurrent(anl_graph *g, const anl_model_opts *o, anl_value x, anl_value length)
{
    const anl_sequence_opts *s = &o->seq;
    anl__recurrent_opts r = {.cell = s->cell, .reset = s->reset, .units = s->units, .layers = s->layers, .bidirectional = s->bidirectional, .dropout = o->dropout < 0 ? 0 : o->dropout};
    anl__recurrent_state last;
    x = anl__recurrent(g, "rnn", &r, x, length, NULL, &last);
    if (x == ANL_NONE) return x;
    if (strcmp(s->pool, "last")) return pool(g, "pool", s->pool, x, length);
    int top = anl__recurrent_cells(&r) - 1;
    anl_value both[2] = {last.h[top > 0 ? top - 1 : 0], last.h[top]};
    return s->bidirectional ? anl_node(g, "concat", "last", both, 2, "axis=1") : last.h[top];
}

/* Kim, 2014: filters of several widths beside each other and the largest answer of each. One layer, whose windows end with the
   sequence: what stands behind it in a padded batch is zero, as in front of it. */
static anl_value convolution(anl_graph *g, const anl_model_opts *o, anl_value x, anl_value length)
{
    const anl_sequence_opts *s = &o->seq;
    anl_value part[3];
    char name[32];
    for (int i = 0; i < 3; i++) {
        int64_t k = s->kernel + 2 * i;
        snprintf(name, sizeof name, "conv%lld", (long long)k);
        part[i] = anl__layer_text(g, "conv1d", name, &x, 1, "filters=%lld kernel=%lld pad=%lld act=relu init=he-normal", (long long)s->units, (long long)k, (long long)(k - 1) / 2);
        snprintf(name, sizeof name, "pool%lld", (long long)k);
        part[i] = pool(g, name, strcmp(s->pool, "last") ? s->pool : "max", part[i], length);
    }
    return anl_node(g, "concat", "widths", part, 3, "axis=1");
}

void anl__seqclassifier(anl_graph *g, const anl_model_opts *o, anl__size size)
{
    const anl_sequence_opts *s = &o->seq;
    const int64_t t = s->length[size.variant][0], dim[2] = {size.n, t};
    anl_value x = ANL_NONE, tokens = ANL_NONE;
    if (s->vocabulary) tokens = anl_input(g, "tokens", ANL_I32, 2, dim);
    else x = anl__seq_values(g, "x", size.n, t, s->features);
    anl_value length = anl_input(g, "length", ANL_I32, 1, dim), label = anl_input(g, "label", ANL_I32, 1, dim);
    if (s->vocabulary) x = anl__seq_embedding(g, "embed", tokens, s->vocabulary, s->embed);
    x = anl__seq_dropout(g, "embed.dropout", o->dropout < 0 ? 0 : o->dropout, x);
    if (!strcmp(s->cell, "cnn")) {
        if (s->kernel % 2 == 0) return anl_graph_fail(g, ANL_RECIPE, "model.kernel %lld is even: a filter needs a middle", (long long)s->kernel);
        if (s->layers > 1) return anl_graph_fail(g, ANL_RECIPE, "model.num_layers %lld: the classifier by convolutions has one layer", (long long)s->layers);
        x = convolution(g, o, x, length);
    } else {
        x = recurrent(g, o, x, length);
    }
    if (o->dropout > 0) x = anl__seq_node(g, "dropout", "out.dropout", x, "p=%.9g", o->dropout);
    x = anl__seq_dense(g, "out", x, o->classes, true);
    if (x == ANL_NONE) return;
    anl_output(g, "logits", x);
    anl__model_loss(g, o, "loss", &(anl__model_head){.label = "label", .loss = "cross-entropy", .weight = 1}, x, label);
}
