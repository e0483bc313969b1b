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

static void cross_entropy(anl_graph *g, const anl_model_opts *o, const char *name, anl_value y, anl_value label, double weight)
{
    char node[96];
    anl_shape s = anl_value_shape(g, y);
    int64_t classes = o->classes;
    if (s.rank != 2 || s.dim[1] != classes) {
        char t[96];
        return anl_graph_fail(g, ANL_SHAPE, "the last layer gives %s, but the data has %d classes", anl__shape_text(&s, t), o->classes);
    }
    anl_value in[3] = {y, label, ANL_NONE};
    if (o->class_weight) in[2] = anl_buffer(g, "class_weight", 1, &classes, 1);
    snprintf(node, sizeof node, "%s.cross_entropy", name);
    anl_value num = anl_node(g, "softmax_cross_entropy", node, in, o->class_weight ? 3 : 2, "label_smoothing=%.9g", anl_graph_mode(g) == ANL_TRAIN ? o->label_smoothing : 0.0);
    bool first = !strcmp(name, "loss");
    anl_loss(g, name, num, anl_node_output(g, num, 1), weight);
    snprintf(node, sizeof node, "%s%scorrect", first ? "" : name, first ? "" : ".");
    anl_sum(g, node, anl_node_output(g, num, 2));
}

/* Labels that are not aligned with the steps of y (T, n, classes + 1); the blank is the last. */
static void ctc(anl_graph *g, const anl_model_opts *o, const char *name, anl_value y, anl_value label, double weight)
{
    char node[96];
    anl_shape s = anl_value_shape(g, y);
    if (s.rank != 3 || s.dim[2] != o->classes + 1) {
        char t[96];
        return anl_graph_fail(g, ANL_SHAPE,
                              "loss ctc needs a sequence T x N x %d (%d classes and the blank, which is the last), not %s",
                              o->classes + 1, o->classes, anl__shape_text(&s, t));
    }
    anl_value in[2] = {y, label};
    snprintf(node, sizeof node, "%s.ctc", name);
    anl_value num = anl_node(g, "ctc", node, in, 2, "blank=-1");
    bool first = !strcmp(name, "loss");
    anl_loss(g, name, num, anl_node_output(g, num, 1), weight);
    snprintf(node, sizeof node, "%s%scorrect", first ? "" : name, first ? "" : ".");
    anl_sum(g, node, anl_node_output(g, num, 2));
}

bool anl_model_loss_is_class(const char *loss) { return !strcmp(loss, "cross-entropy") || !strcmp(loss, "ctc"); }

void anl__model_loss(anl_graph *g, const anl_model_opts *o, const char *name, const char *loss, double delta, anl_value y, anl_value label, double weight)
{
    static const char *const kinds[] = {"cross-entropy", "mse", "huber", "bce"};
    static const char *const ops[] = {NULL, "mse", "huber", "bce_logits"};
    if (o->values && anl_model_loss_is_class(loss))
        return anl_graph_fail(g, ANL_RECIPE, "loss %s needs classes, but data.label_type is value: choose mse, huber or bce", loss);
    if (!strcmp(loss, kinds[0])) return cross_entropy(g, o, name, y, label, weight);
    if (!strcmp(loss, "ctc")) return ctc(g, o, name, y, label, weight);
    for (int i = 1; i < 4; i++) {
        if (strcmp(loss, kinds[i])) continue;
        char node[96], attrs[48];
        anl_value in[2] = {y, label};
        snprintf(node, sizeof node, "%s.%s", name, ops[i]);
        if (strcmp(loss, "huber")) attrs[0] = 0;
        else snprintf(attrs, sizeof attrs, "delta=%.17g", delta);
        anl_value num = anl_node(g, ops[i], node, in, 2, "%s", attrs);
        return anl_loss(g, name, num, anl_node_output(g, num, 1), weight);
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
    anl_value image = anl_input(g, "image", anl_graph_dtype(g), 4, dim), label = anl_input(g, "label", o->values ? ANL_F32 : ANL_I32, 1, dim);
    anl_value y = models[k].image ? models[k].image(g, o, image) : anl__layered(g, o, image, label);
    if (y == ANL_NONE) return;
    anl_output(g, "logits", y);
    if (!o->n_head) anl__model_loss(g, o, "loss", o->values ? o->loss : "cross-entropy", o->huber_delta, y, label, 1);
}
