/* Results and properties; see ends.h. */
#include "ends.h"

#include "tools/export/facts.h"
#include "tools/job/job_sequence.h"

#include <string.h>

/* A result under a name of its own: Identity, for the value may have another name already. */
static void result(onnx_emit *e, const char *name, const char *x, const onnx_dim *dim, int rank,
                   const char *doc)
{
    onnx_node(e->m, "Identity", name, &x, 1, &name, 1);
    onnx_output(e->m, name, ONNX_F32, dim, rank, doc);
}

static const char *named(onnx_emit *e, const char *head, const char *what)
{
    const char *name = head ? anl__arena_printf(e->arena, "%s.%s", head, what) : what;
    if (name) return onnx_unique(e->m, name);
    onnx_message_fail(e->m, ANL_NOMEM);
    return "";
}

/* x: logits whose last dimension is the classes. */
static void classes(onnx_emit *e, const char *head, const char *x, const onnx_dim *dim, int rank)
{
    const char *logits = named(e, head, "logits"), *p = named(e, head, "probabilities");
    result(e, logits, x, dim, rank, "before the softmax");
    onnx_node(e->m, "Softmax", p, &x, 1, &p, 1);
    onnx_attr_int(e->m, "axis", -1);
    onnx_output(e->m, p, ONNX_F32, dim, rank, "of each class, in the order of the property class_names");
}

static void head(onnx_emit *e, const char *name, bool values, anl_value v)
{
    onnx_dim dim[ANL_MAX_RANK];
    int rank = e->g->value[v].type.shape.rank;
    const char *x = onnx_value(e, v, ONNX_PLAIN);
    for (int i = 0; i < rank; i++) dim[i] = onnx_dim_of(e, v, i);
    if (values) result(e, named(e, name, "values"), x, dim, rank, "as `anneal predict` gives them");
    else classes(e, name, x, dim, rank);
}

static void samples(onnx_emit *e, const job *j)
{
    const anl_model_opts *m = &j->model;
    char name[ANL_HEAD_OUTPUT];
    e->at = "outputs";
    head(e, NULL, j->kind == ANL__SCORE_VALUES, eval_graph_output(e->graph, "logits"));
    for (int i = 1; i < m->n_head; i++)
        head(e, m->head[i].from, !anl_model_loss_is_class(m->head[i].loss),
             eval_graph_output(e->graph, anl_model_head_output(&m->head[i], name)));
}

/* ---- series ---------------------------------------------------------------------------------- */

/* See facts_adds. */
static const char *adds(onnx_emit *e, const char *what, int64_t rows, int64_t columns, int64_t lag)
{
    float *p = facts_adds(e->arena, rows, columns, lag);
    if (!p) onnx_message_fail(e->m, ANL_NOMEM);
    return onnx_floats(e, what, 2, (int64_t[]){rows, columns}, p);
}

static const char *per_target(onnx_emit *e, const char *what, const anl__series_fit *f, bool mean)
{
    int64_t n = anl__series_targets(f);
    float *p = onnx_room(e, n);
    for (int i = 0; p && i < n; i++) {
        double m, s;
        anl__series_scale(f, i, &m, &s);
        p[i] = (float)(mean ? m : s);
    }
    return onnx_floats(e, what, 1, &n, p);
}

/* Scales and differences undone: (n, horizon, targets) as in the table. */
static void forecast(onnx_emit *e, const job *j)
{
    const anl__series_fit *f = j->sequence->fit;
    anl_value v = eval_graph_output(e->graph, "logits");
    int64_t h = anl__series_horizon(f), t = anl__series_targets(f), lag = anl__series_difference(f),
            base = lag < h ? lag : h;
    const onnx_dim dim[3] = {{0, "N"}, {h, NULL}, {t, NULL}},
                   base_dim[3] = {{0, "N"}, {base, NULL}, {t, NULL}};
    e->at = "values";
    const char *name = onnx_unique(e->m, "values"), *y = onnx_value(e, v, ONNX_PLAIN);
    y = onnx_op2(e, "Reshape", y, onnx_ints(e, "shape", (int64_t[]){-1, h, t}, 3));
    y = onnx_op2(e, "Add", onnx_op2(e, "Mul", y, per_target(e, "std", f, false)),
                 per_target(e, "mean", f, true));
    if (lag > 0) {
        const char *given = onnx_unique(e->m, "base");
        onnx_input(e->m, given, ONNX_F32, base_dim, 3,
                   "values of the targets so many rows (property difference) before each of the first rows "
                   "that are predicted");
        y = onnx_op2(e, "MatMul", adds(e, "adds", h, h, lag), y);
        y = onnx_op2(e, "Add", y, onnx_op2(e, "MatMul", adds(e, "adds_base", h, base, lag), given));
    }
    result(e, name, y, dim, 3, "samples, rows, targets, as they are in the table");
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Scores of what follows each token, sample by sample, and where the model's states end. */
static void language(onnx_emit *e)
{
    anl_value v = eval_graph_output(e->graph, "logits");
    const onnx_dim dim[3] = {onnx_dim_of(e, v, 1), onnx_dim_of(e, v, 0), onnx_dim_of(e, v, 2)};
    e->at = "outputs";
    classes(e, NULL, onnx_transposed(e, onnx_value(e, v, ONNX_PLAIN), (int64_t[]){1, 0, 2}, 3), dim, 3);
    for (int64_t i = 0; i < e->g->n_output; i++) {
        const char *name = e->g->output[i].name;
        if (!strcmp(name, "logits")) continue;
        anl_value last = e->g->output[i].v;
        const onnx_dim state[2] = {onnx_dim_of(e, last, 0), onnx_dim_of(e, last, 1)};
        result(e, named(e, name, "next"), onnx_value(e, last, ONNX_PLAIN), state, 2,
               "state behind the last step: the next call's input");
    }
}

void onnx_outputs(onnx_emit *e, const job *j)
{
    if (!strcmp(j->model.name, "forecaster")) forecast(e, j);
    else if (j->kind == ANL__SCORE_TOKENS) language(e);
    else samples(e, j);
}

/* ---- properties ------------------------------------------------------------------------------ */

static void put_property(void *to, const char *key, const char *value) { onnx_property(to, key, value); }

void onnx_properties(onnx_emit *e, const job *j)
{
    anl_status st = facts_each(j, e->from, put_property, e->m);
    if (st != ANL_OK) onnx_message_fail(e->m, st);
}
