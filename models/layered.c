/* Models written in a recipe: a list of layers (`sequential`), or layers that name their inputs (`graph`). */
#include "layered.h"

#include <stdio.h>
#include <string.h>

typedef struct named { const char *name; anl_value v; const anl__layer *layer; } named;

/* `who` reads it, "layer 'x'" or "a head"; `where` that stands in the recipe. */
static anl_value find(anl_graph *g, const named *list, int n, const char *who, const char *where, const char *name)
{
    for (int i = n - 1; i >= 0; i--)
        if (list[i].name && !strcmp(list[i].name, name)) return list[i].v;
    const char *names[256];
    int m = 0;
    for (int i = 0; i < n && m < 256; i++)
        if (list[i].name) names[m++] = list[i].name;
    const char *near = anl__nearest(name, names, m);
    anl_graph_fail(g, ANL_RECIPE, "%s reads '%s', which is no input and no earlier layer%s%s%s", who, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    anl_graph_context(g, where);
    return ANL_NONE;
}

/* Does this layer end in that operator, by its type or as its activation? */
static bool ends_in(const anl__layer *l, const char *what)
{
    for (int i = 0; i < l->n_arg; i++)
        if (!strcmp(l->arg[i].key, "act") && !strcmp(l->arg[i].value, what)) return true;
    return !strcmp(l->type, what);
}

/* Some losses begin with an activation of their own: behind another they would learn slowly, and never say why. */
static bool twice(anl_graph *g, const char *loss, const named *list, int n, anl_value y)
{
    static const char *const own[][2] = {{"cross-entropy", "softmax"}, {"ctc", "softmax"}, {"bce", "sigmoid"}};
    const char *what = NULL;
    for (int i = 0; i < 3; i++)
        if (!strcmp(own[i][0], loss)) what = own[i][1];
    for (int i = n - 1; i >= 0 && what; i--) {
        const anl__layer *l = list[i].layer;
        if (list[i].v != y || !l || !ends_in(l, what)) continue;
        anl_graph_fail(g, ANL_RECIPE, "layer '%s' %s a %s, and the loss %s makes its own of the layer that it is given: leave this one out (`predict` gives probabilities all the same)",
                       list[i].name, strcmp(l->type, what) ? "ends in" : "is", what, loss);
        anl_graph_context(g, l->where);
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
    anl_value y = find(g, list, n, "a head", h->where, h->from);
    int column = anl_model_label_column(h->label);
    if (column < 0) anl_graph_fail(g, ANL_RECIPE, "head '%s' reads '%s', which is no column of labels", h->from, h->label);
    else if (y != ANL_NONE && !twice(g, h->loss, list, n, y)) {
        anl__model_loss(g, o, i ? h->from : "loss", h, y, label[column]);
        if (anl_graph_status(g) != ANL_OK) anl_graph_context(g, h->where);
    }
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
        char who[160];
        int n_in = 0;
        snprintf(who, sizeof who, "layer '%s'", l->layer.name ? l->layer.name : l->layer.type);
        if (!l->n_from) in[n_in++] = list[n - 1].v;
        for (int k = 0; k < l->n_from && k < 16; k++) in[n_in++] = find(g, list, n, who, l->layer.where, l->from[k]);
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
