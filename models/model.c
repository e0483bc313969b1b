/* The table of models, and what every classifier gets: inputs, loss, sums, outputs. */
#include "model.h"

#include "image.h"
#include "layered.h"
#include "sequence.h"
#include "../runtime/op.h"

#include <stdio.h>
#include <string.h>

/* image: from images to logits. whole: everything itself. Neither: written in a recipe. */
static const struct {
    const char *name;
    anl_value (*image)(anl_graph *g, const anl_model_opts *o, anl_value x);
    void (*whole)(anl_graph *g, const anl_model_opts *o, anl__size size);
} models[] = {
    {"mlp", anl__mlp, NULL}, {"lenet5", anl__lenet5, NULL}, {"cnn2", anl__cnn2, NULL}, {"resnet-cifar", anl__resnet_cifar, NULL}, {"resnet", anl__resnet, NULL}, {"sequential", NULL, NULL}, {"graph", NULL, NULL},
    {"forecaster", NULL, anl__forecaster}, {"charlm", NULL, anl__charlm}, {"transformer", NULL, anl__transformer}, {"seq2seq", NULL, anl__seq2seq}, {"seqclassifier", NULL, anl__seqclassifier},
};
enum { MODELS = sizeof models / sizeof models[0] };

static int find_model(const char *name)
{
    int k = 0;
    while (k < MODELS && strcmp(models[k].name, name)) k++;
    return k;
}

bool anl_model_is_sequence(const char *name)
{
    int k = find_model(name);
    return k < MODELS && models[k].whole;
}

anl_model_opts anl_model_opts_default(void)
{
    return (anl_model_opts){.name = "cnn2", .height = 28, .width = 28, .channels = 1, .classes = 10, .hidden = {512, 256}, .n_hidden = 2, .dropout = -1, .loss = "mse", .huber_delta = 1,
                            .seq = {.cell = "lstm", .attention = "general", .pool = "last", .units = 128, .embed = 64, .kernel = 3, .layers = 1, .heads = 4}};
}

/* Of the labels that a head reads; 0: not known. */
static int classes_of(const anl_model_opts *o, const anl__model_head *h)
{
    int column = anl_model_label_column(h->label);
    return column > 0 ? o->label_classes[column] : o->classes;
}

/* Class weights are of "label". */
static void cross_entropy(anl_graph *g, const anl_model_opts *o, const char *name, const anl__model_head *h, anl_value y, anl_value label)
{
    char node[96], t[96];
    anl_shape s = anl_value_shape(g, y);
    int64_t classes = classes_of(o, h);
    bool weighted = o->class_weight && anl_model_label_column(h->label) == 0;
    if (!classes && s.rank == 2) classes = s.dim[1];
    if ((s.rank != 2 || s.dim[1] != classes) && h->from)
        return anl_graph_fail(g, ANL_SHAPE, "layer '%s' gives %s, but its head's labels (%s) have %lld classes", h->from, anl__shape_text(&s, t), h->label, (long long)classes);
    if (s.rank != 2 || s.dim[1] != classes) return anl_graph_fail(g, ANL_SHAPE, "the last layer gives %s, but the data has %d classes", anl__shape_text(&s, t), o->classes);
    anl_value in[3] = {y, label, ANL_NONE};
    if (weighted) in[2] = anl_buffer(g, "class_weight", 1, &classes, 1);
    snprintf(node, sizeof node, "%s.cross_entropy", name);
    anl_value num = anl_node(g, "softmax_cross_entropy", node, in, weighted ? 3 : 2, "label_smoothing=%.9g", anl_graph_mode(g) == ANL_TRAIN ? o->label_smoothing : 0.0);
    bool first = !strcmp(name, "loss");
    anl_loss(g, name, num, anl_node_output(g, num, 1), h->weight);
    snprintf(node, sizeof node, "%s%scorrect", first ? "" : name, first ? "" : ".");
    anl_sum(g, node, anl_node_output(g, num, 2));
    if (first || !weighted) return;
    snprintf(node, sizeof node, "%s.count", name); /* the loss's denominator is a sum of weights */
    anl_sum(g, node, anl_node(g, "fill", node, NULL, 0, "value=%lld wide=%d", (long long)s.dim[0], anl_graph_dtype(g) == ANL_F64));
}

/* Labels that are not aligned with the steps of y (T, n, classes + 1); the blank is the last. */
static void ctc(anl_graph *g, const anl_model_opts *o, const char *name, const anl__model_head *h, anl_value y, anl_value label)
{
    char node[96];
    anl_shape s = anl_value_shape(g, y);
    int classes = classes_of(o, h);
    if (!classes && s.rank == 3) classes = (int)s.dim[2] - 1;
    if (s.rank != 3 || s.dim[2] != classes + 1) {
        char t[96];
        return anl_graph_fail(g, ANL_SHAPE,
                              "loss ctc needs a sequence T x N x %d (%d classes and the blank, which is the last), not %s",
                              classes + 1, classes, anl__shape_text(&s, t));
    }
    anl_value in[2] = {y, label};
    snprintf(node, sizeof node, "%s.ctc", name);
    anl_value num = anl_node(g, "ctc", node, in, 2, "blank=-1");
    bool first = !strcmp(name, "loss");
    anl_loss(g, name, num, anl_node_output(g, num, 1), h->weight);
    snprintf(node, sizeof node, "%s%scorrect", first ? "" : name, first ? "" : ".");
    anl_sum(g, node, anl_node_output(g, num, 2));
}

bool anl_model_loss_is_class(const char *loss) { return !strcmp(loss, "cross-entropy") || !strcmp(loss, "ctc"); }

const char *anl_model_head_output(const anl__model_head *h, char name[ANL_HEAD_OUTPUT])
{
    snprintf(name, ANL_HEAD_OUTPUT, "head.%s", h->from);
    return name;
}

/* "input3": 2; other names: 0. */
static int input_number(const char *name)
{
    static const char word[] = "input";
    size_t n = sizeof word - 1;
    return !strncmp(name, word, n) && name[n] >= '2' && name[n] < '2' + ANL_MORE_INPUTS && !name[n + 1] ? name[n] - '1' : 0;
}

int anl_model_more_inputs(const anl_model_opts *o)
{
    int most = 0;
    for (int i = 0; i < o->n_layer; i++)
        for (int k = 0; k < o->layer[i].n_from; k++) {
            int number = input_number(o->layer[i].from[k]);
            bool own = false; /* a layer of that name */
            for (int q = 0; q < i && number > most; q++) own |= o->layer[q].layer.name && !strcmp(o->layer[q].layer.name, o->layer[i].from[k]);
            if (number > most && !own) most = number;
        }
    return most;
}

int anl_model_label_column(const char *label)
{
    static const char word[] = "label";
    size_t n = sizeof word - 1;
    if (strncmp(label, word, n)) return -1;
    if (!label[n]) return 0;
    return label[n] >= '2' && label[n] <= '0' + ANL_MOST_LABELS && !label[n + 1] ? label[n] - '1' : -1;
}

anl_label_use anl_model_label_use(const anl_model_opts *o, int column)
{
    anl_label_use use = ANL_LABEL_NONE;
    for (int i = 0; i < o->n_head; i++) {
        if (anl_model_label_column(o->head[i].label) != column) continue;
        if (anl_model_loss_is_class(o->head[i].loss)) return ANL_LABEL_CLASS; /* a value's loss takes the class's number */
        use = ANL_LABEL_VALUE;
    }
    return use;
}

void anl__model_loss(anl_graph *g, const anl_model_opts *o, const char *name, const anl__model_head *h, anl_value y, anl_value label)
{
    const char *loss = h->loss;
    static const char *const kinds[] = {"cross-entropy", "mse", "huber", "bce"};
    static const char *const ops[] = {NULL, "mse", "huber", "bce_logits"};
    if (o->values && anl_model_label_column(h->label) == 0 && anl_model_loss_is_class(loss))
        return anl_graph_fail(g, ANL_RECIPE, "loss %s needs classes, but data.label_type is value: choose mse, huber or bce", loss);
    if (!strcmp(loss, kinds[0])) return cross_entropy(g, o, name, h, y, label);
    if (!strcmp(loss, "ctc")) return ctc(g, o, name, h, y, label);
    for (int i = 1; i < 4; i++) {
        if (strcmp(loss, kinds[i])) continue;
        char node[96], attrs[48];
        anl_value in[2] = {y, label};
        snprintf(node, sizeof node, "%s.%s", name, ops[i]);
        if (strcmp(loss, "huber")) attrs[0] = 0;
        else snprintf(attrs, sizeof attrs, "delta=%.17g", h->delta > 0 ? h->delta : o->huber_delta);
        anl_value num = anl_node(g, ops[i], node, in, 2, "%s", attrs);
        return anl_loss(g, name, num, anl_node_output(g, num, 1), h->weight);
    }
    anl_graph_fail(g, ANL_RECIPE, "loss '%s' is none of cross-entropy, ctc, mse, huber, bce", loss);
}

static void no_model(anl_graph *g, const char *name)
{
    const char *names[MODELS];
    for (int i = 0; i < MODELS; i++) names[i] = models[i].name;
    const char *near = anl__nearest(name, names, MODELS);
    anl_graph_fail(g, ANL_RECIPE, "there is no model '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

void anl_model_build(anl_graph *g, const anl_model_opts *o, anl__size size)
{
    const int64_t dim[4] = {size.n, o->height, o->width, o->channels};
    int k = find_model(o->name);
    if (k == MODELS) return no_model(g, o->name);
    if (models[k].whole) return models[k].whole(g, o, size);
    anl_value image = anl_input(g, "image", anl_graph_dtype(g), 4, dim), label[ANL_MOST_LABELS] = {anl_input(g, "label", o->values ? ANL_F32 : ANL_I32, 1, dim)};
    for (int c = 1; c < ANL_MOST_LABELS; c++) {
        char name[16];
        anl_label_use use = anl_model_label_use(o, c);
        snprintf(name, sizeof name, "label%d", c + 1);
        label[c] = use == ANL_LABEL_NONE ? ANL_NONE : anl_input(g, name, use == ANL_LABEL_VALUE ? ANL_F32 : ANL_I32, 1, dim);
    }
    anl_value input[1 + ANL_MORE_INPUTS] = {image};
    for (int i = 0, n = anl_model_more_inputs(o); i < n; i++) {
        char name[16];
        const int64_t more[4] = {size.n, o->more_input[i].dim[0], o->more_input[i].dim[1], o->more_input[i].dim[2]};
        if (o->more_input[i].rank != 3) return anl_graph_fail(g, ANL_RECIPE, "a layer reads 'input%d', which the data does not have", i + 2);
        snprintf(name, sizeof name, "input%d", i + 2);
        input[1 + i] = anl_input(g, name, anl_graph_dtype(g), 4, more);
    }
    anl_value y = models[k].image ? models[k].image(g, o, image) : anl__layered(g, o, input, label);
    if (y == ANL_NONE) return;
    anl_output(g, "logits", y);
    if (!o->n_head) anl__model_loss(g, o, "loss", &(anl__model_head){.label = "label", .loss = o->values ? o->loss : "cross-entropy", .weight = 1}, y, label[0]);
}
