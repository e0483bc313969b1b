/* Models written in a recipe: a list of layers (`sequential`), or layers that name their inputs (`graph`). */
#include "layered.h"

#include <stdio.h>
#include <string.h>

typedef struct named { const char *name; anl_value v; const anl__layer *layer; } named;

static anl_value find(anl_graph *g, const named *list, int n, const anl__model_layer *l, const char *name)
{
    for (int i = n - 1; i >= 0; i--)
        if (list[i].name && !strcmp(list[i].name, name)) return list[i].v;
    const char *names[256];
    int m = 0;
    for (int i = 0; i < n && m < 256; i++)
        if (list[i].name) names[m++] = list[i].name;
    const char *near = anl__nearest(name, names, m);
    anl_graph_fail(g, ANL_RECIPE, "layer '%s' reads '%s', which is no input and no earlier layer%s%s%s", l && l->layer.name ? l->layer.name : "?", name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    anl_graph_context(g, l ? l->layer.where : NULL);
    return ANL_NONE;
}

/* Cross-entropy makes a softmax of its own: behind another it would learn slowly, and never say why. */
static bool twice(anl_graph *g, const char *loss, const named *list, int n, anl_value y)
{
    for (int i = n - 1; i >= 0 && !strcmp(loss, "cross-entropy"); i--) {
        if (list[i].v != y || !list[i].layer || strcmp(list[i].layer->type, "softmax")) continue;
        anl_graph_fail(g, ANL_RECIPE, "layer '%s' is a softmax, and the loss cross-entropy makes its own of the layer that it is given: leave this one out (`predict` gives probabilities all the same)",
                       list[i].name);
        anl_graph_context(g, list[i].layer->where);
        return true;
    }
    return false;
}

/* What a model with loss ctc says of each class: its largest log probability at any step. The blank, the last, is no class. */
static anl_value spoken(anl_graph *g, const char *head, anl_value y)
{
    static const char *const step[][3] = {{"log_softmax", "log", NULL}, {"slice", "classes", "axis=2 begin=0 end=-1"}, {"time_pool", "most", "mode=max"}};
    char name[ANL_HEAD_OUTPUT + 16];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s.spoken.%s", head, step[i][1]);
        y = anl_node(g, step[i][0], name, &y, 1, "%s", step[i][2] ? step[i][2] : "");
    }
    return y;
}

/* The first head is the model's: its loss is "loss", its value what the model says. Others are named by their layer; when the model is
   evaluated, what they say is an output of theirs. */
static anl_value add_head(anl_graph *g, const anl_model_opts *o, int i, const named *list, int n, const anl_value label[ANL_MOST_LABELS])
{
    const anl__model_head *h = &o->head[i];
    anl_value y = find(g, list, n, NULL, h->from);
    int column = anl_model_label_column(h->label);
    if (column < 0) anl_graph_fail(g, ANL_RECIPE, "head '%s' reads '%s', which is no column of labels", h->from, h->label);
    else if (y != ANL_NONE && !twice(g, h->loss, list, n, y)) anl__model_loss(g, o, i ? h->from : "loss", h, y, label[column]);
    if (anl_graph_status(g) != ANL_OK || (i && anl_graph_mode(g) != ANL_EVAL)) return y;
    if (!strcmp(h->loss, "ctc")) y = spoken(g, i ? h->from : "loss", y);
    char name[ANL_HEAD_OUTPUT];
    if (i && y != ANL_NONE) anl_output(g, anl_model_head_output(h, name), y);
    return y;
}

anl_value anl__layered(anl_graph *g, const anl_model_opts *o, const anl_value input[1 + ANL_MORE_INPUTS], const anl_value label[ANL_MOST_LABELS])
{
    static const char *const names[1 + ANL_MORE_INPUTS] = {"input", "input2", "input3", "input4"};
    anl_ctx *ctx = anl_graph_ctx(g);
    if (o->n_layer < 1) {
        anl_graph_fail(g, ANL_RECIPE, "model '%s' has no layers", o->name);
        return ANL_NONE;
    }
    named *list = anl__calloc(ctx, (size_t)o->n_layer + 1 + ANL_MORE_INPUTS, sizeof *list);
    if (!list) {
        anl_graph_fail(g, ANL_NOMEM, "no memory for %d layers", o->n_layer);
        return ANL_NONE;
    }
    int n = 0;
    for (int more = anl_model_more_inputs(o); n < more; n++) list[n] = (named){names[n + 1], input[n + 1], NULL};
    list[n++] = (named){names[0], input[0], NULL}; /* what the first layer reads unasked */
    for (int i = 0; i < o->n_layer && anl_graph_status(g) == ANL_OK; i++) {
        const anl__model_layer *l = &o->layer[i];
        anl_value in[16];
        int n_in = 0;
        if (!l->n_from) in[n_in++] = list[n - 1].v;
        for (int k = 0; k < l->n_from && k < 16; k++) in[n_in++] = find(g, list, n, l, l->from[k]);
        list[n] = (named){l->layer.name, anl__layer_add(g, &l->layer, in, n_in), &l->layer};
        n++;
    }
    anl_value last = list[n - 1].v;
    if (!o->n_head && !o->values && anl_graph_status(g) == ANL_OK) twice(g, "cross-entropy", list, n, last);
    for (int i = 0; i < o->n_head && anl_graph_status(g) == ANL_OK; i++) {
        anl_value y = add_head(g, o, i, list, n, label);
        if (i == 0) last = y;
    }
    anl__free(ctx, list);
    return last;
}
