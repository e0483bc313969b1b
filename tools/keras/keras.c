/* See keras.h. */
#include "keras.h"

#include "ends.h"

#include "tools/export/facts.h"

#include <string.h>

static const keras_writer *const tables[] = {keras_write_image,     keras_write_pool,  keras_write_norm,
                                             keras_write_math,      keras_write_shape, keras_write_activation,
                                             keras_write_recurrent, keras_write_time};

static const keras_writer *find(const char *op)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const keras_writer *w = tables[t]; w->op; w++)
            if (!strcmp(w->op, op)) return w;
    return NULL;
}

static bool is_written(const keras_emit *e, const anl__node *n) /* by a writer of a node before it */
{
    return e->seen[n->out[0]].layer >= 0;
}

static void write_nodes(keras_emit *e)
{
    for (int64_t k = 0; k < e->g->n_node && e->f->status == ANL_OK; k++) {
        e->node = &e->g->node[k];
        if (!e->graph->wanted[k] || is_written(e, e->node)) continue;
        e->at = e->node->name;
        anl__graph_call(e->g, (int)k, &e->call);
        const keras_writer *w = find(e->node->op->name);
        if (w) w->write(e);
        else keras_refuse(e, "Keras has no layer for it");
    }
    e->node = NULL;
}

static void put_property(void *to, const char *key, const char *value) { keras_property_add(to, key, value); }

static anl_status write_model(keras_emit *e, const job *j, const char *path)
{
    keras_inputs(e, j);
    write_nodes(e);
    if (e->f->status == ANL_OK) keras_outputs(e, j);
    ANL_TRY(e->f->status);
    ANL_TRY(facts_each(j, e->from, put_property, e->f));
    return keras_file_write(e->f, path);
}

static anl_status export_graph(const job *j, const eval_graph *x, anl__arena *a, const anl__ckpt *from,
                               const char *path, int *layers)
{
    keras_file f;
    keras_emit e = {.ctx = j->ctx, .arena = a, .f = &f, .graph = x, .g = x->g, .from = from};
    if (!(e.seen = anl__arena_alloc(a, sizeof *e.seen * (size_t)(x->g->n_value + 1)))) return ANL_NOMEM;
    for (int64_t v = 0; v < x->g->n_value; v++) e.seen[v].layer = -1;
    keras_file_init(&f, j->ctx, a, j->model.name);
    anl_status st = write_model(&e, j, path);
    *layers = (int)f.n_layer;
    keras_file_destroy(&f);
    return st;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

anl_status keras_export(const job *j, const anl__ckpt *from, const char *path, int *layers)
{
    anl__arena *a;
    eval_graph x;
    if (!ends_with(path, ".h5") && !ends_with(path, ".hdf5"))
        return anl__fail(j->ctx, ANL_INVALID,
                         "%s: Keras takes a model in HDF5 only from a file whose name ends with .h5 or .hdf5",
                         path);
    ANL_TRY(anl__arena_create(j->ctx, &a));
    anl_status st = eval_graph_build(j, a, &x);
    if (st == ANL_OK && j->kind == ANL__SCORE_TOKENS)
        st = anl__fail(j->ctx, ANL_UNSUPPORTED,
                       "a model that writes text (%s) cannot be exported to Keras; to ONNX it can",
                       j->model.name);
    if (st == ANL_OK) st = export_graph(j, &x, a, from, path, layers);
    eval_graph_release(&x);
    anl__arena_destroy(a);
    return st;
}
