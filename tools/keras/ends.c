/* See ends.h. */
#include "ends.h"

#include "tools/export/facts.h"
#include "tools/job/job_sequence.h"

#include <string.h>

/* ---- inputs ---------------------------------------------------------------------------------- */

static keras_tensor input(keras_emit *e, const char *name, const int64_t *sizes, int n, const char *type)
{
    int64_t shape[ANL_MAX_RANK + 1] = {INT64_MIN};
    memcpy(shape + 1, sizes, sizeof *sizes * (size_t)n);
    keras_tensor x = keras_layer_add(e->f, "InputLayer", name, NULL, 0);
    keras_set_ints(e->f, "batch_input_shape", shape, n + 1);
    keras_set_text(e->f, "dtype", type);
    return x;
}

/* (x - mean) / std over the last dimension. Keras divides by the variance's root, by no less than 1e-7. */
static keras_tensor normalised(keras_emit *e, keras_tensor x, const double *mean, const double *std,
                               int64_t n)
{
    double *variance = anl__arena_alloc(e->arena, sizeof *variance * (size_t)(n + 1));
    if (!variance) keras_fail(e->f, ANL_NOMEM);
    for (int64_t i = 0; variance && i < n; i++) {
        variance[i] = std[i] * std[i];
        if (std[i] < 1e-7) keras_refuse(e, "a deviation of %g: Keras divides by no less than 1e-7", std[i]);
    }
    if (e->f->status != ANL_OK) return x;
    x = keras_add1(e, "Normalization", "normalized", x);
    keras_set_int(e->f, "axis", -1);
    keras_set_floats(e->f, "mean", mean, n);
    keras_set_floats(e->f, "variance", variance, n);
    return x;
}

static void image(keras_emit *e, anl_value v, const anl__norm *norm)
{
    const anl_shape *s = &e->g->value[v].type.shape;
    bool table = s->dim[1] == 1 && s->dim[2] == 1;
    keras_tensor x = input(e, e->at, table ? &s->dim[3] : s->dim + 1, table ? 1 : 3, "float32");
    if (norm->channels) x = normalised(e, x, norm->mean, norm->std, s->dim[3]);
    e->seen[v] = table ? keras_reshaped(e, "image", x, s->dim + 1, 3) : x;
}

static void series(keras_emit *e, const job *j, anl_value v)
{
    const anl_shape *s = &e->g->value[v].type.shape;
    int64_t sizes[ANL_MAX_RANK];
    double *mean, *std;
    anl_status st = facts_scales(j, e->from, e->arena, s->dim[2], &mean, &std);
    if (st != ANL_OK) return keras_fail(e->f, st);
    int n = keras_sizes(e, v, sizes);
    e->seen[v] = normalised(e, input(e, e->at, sizes, n, "float32"), mean, std, s->dim[2]);
}

void keras_inputs(keras_emit *e, const job *j)
{
    int64_t sizes[ANL_MAX_RANK];
    for (anl_value v = 0; v < e->g->n_value; v++) {
        const anl__value *x = &e->g->value[v];
        if (x->kind != ANL__INPUT || !eval_graph_reads(e->graph, v) || !strcmp(x->name, "length")) continue;
        e->at = x->name;
        if (x->type.dtype == ANL_F32 && x->type.shape.rank == 4) image(e, v, facts_norm(j, x->name));
        else if (x->type.dtype == ANL_F32 && x->type.shape.rank == 3) series(e, j, v);
        else if (x->type.dtype == ANL_I32)
            e->seen[v] = input(e, x->name, sizes, keras_sizes(e, v, sizes), "int32");
        else keras_refuse(e, "a state that is given");
    }
}

/* ---- results --------------------------------------------------------------------------------- */

static keras_tensor last(keras_emit *e, const char *kind, const char *head, const char *what, keras_tensor x)
{
    e->at = head ? head : what;
    x = keras_add1(e, kind, head ? what : NULL, x);
    keras_output_add(e->f, x);
    return x;
}

static void classes(keras_emit *e, const char *head, keras_tensor x)
{
    last(e, "Softmax", head, "probabilities", x);
    keras_set_int(e->f, "axis", -1);
}

static void values(keras_emit *e, const char *head, keras_tensor x)
{
    last(e, "Activation", head, "values", x);
    keras_set_text(e->f, "activation", "linear");
}

static void samples(keras_emit *e, const job *j)
{
    const anl_model_opts *m = &j->model;
    char name[ANL_HEAD_OUTPUT];
    keras_tensor x = keras_value(e, eval_graph_output(e->graph, "logits"));
    if (j->kind == ANL__SCORE_VALUES) values(e, NULL, x);
    else classes(e, NULL, x);
    for (int i = 1; i < m->n_head; i++) {
        x = keras_value(e, eval_graph_output(e->graph, anl_model_head_output(&m->head[i], name)));
        if (anl_model_loss_is_class(m->head[i].loss)) classes(e, m->head[i].from, x);
        else values(e, m->head[i].from, x);
    }
}

/* (N, columns, targets) to (N, rows, targets): sums over the first that facts_adds names. */
static keras_tensor summed(keras_emit *e, const char *what, keras_tensor x, int64_t rows, int64_t columns,
                           int64_t lag)
{
    static const int64_t turn[2] = {2, 1};
    const float *adds = facts_adds(e->arena, rows, columns, lag);
    if (!adds) keras_fail(e->f, ANL_NOMEM);
    x = keras_add1(e, "Dense", what, keras_permuted(e, "turn", x, turn, 2));
    keras_set_int(e->f, "units", rows);
    keras_set_bool(e->f, "use_bias", false);
    keras_set_bool(e->f, "trainable", false);
    keras_weight_add(e->f, "kernel", 2, (int64_t[]){columns, rows}, keras_turned(e, adds, rows, columns));
    return keras_permuted(e, "back", x, turn, 2);
}

/* Scales and differences undone: (n, horizon, targets) as in the table. */
static void forecast(keras_emit *e, const job *j)
{
    const anl__series_fit *f = j->sequence->fit;
    int64_t h = anl__series_horizon(f), t = anl__series_targets(f), lag = anl__series_difference(f),
            base = lag < h ? lag : h;
    double *mean = anl__arena_alloc(e->arena, 2 * sizeof *mean * (size_t)(t + 1)), *std = mean + t;
    if (!mean) return keras_fail(e->f, ANL_NOMEM);
    for (int i = 0; i < t; i++) anl__series_scale(f, i, &mean[i], &std[i]);
    keras_tensor y = keras_value(e, eval_graph_output(e->graph, "logits"));
    e->at = "rows";
    y = keras_reshaped(e, NULL, y, (int64_t[]){h, t}, 2);
    y = keras_add1(e, "Rescaling", "scaled", y);
    keras_set_floats(e->f, "scale", std, t);
    keras_set_floats(e->f, "offset", mean, t);
    if (lag > 0) {
        keras_tensor from = input(e, "base", (int64_t[]){base, t}, 2, "float32"), both[2];
        both[0] = summed(e, "differences", y, h, h, lag);
        both[1] = summed(e, "base", from, h, base, lag);
        y = keras_add(e, "Add", "sum", both, 2);
    }
    values(e, NULL, y);
}

void keras_outputs(keras_emit *e, const job *j)
{
    if (!strcmp(j->model.name, "forecaster")) forecast(e, j);
    else samples(e, j);
}
