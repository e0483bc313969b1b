/* See onnx.h. */
#include "onnx.h"

#include "ends.h"

#include <string.h>

static const onnx_writer *const tables[] = {onnx_write_image, onnx_write_norm,      onnx_write_math,
                                            onnx_write_shape, onnx_write_recurrent, onnx_write_attention,
                                            onnx_write_time};

static const onnx_writer *find(const char *op)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const onnx_writer *w = tables[t]; w->op; w++)
            if (!strcmp(w->op, op)) return w;
    return NULL;
}

static void write_nodes(onnx_emit *e)
{
    for (int64_t k = 0; k < e->g->n_node && onnx_message_status(e->m) == ANL_OK; k++) {
        if (!e->graph->wanted[k]) continue;
        e->node = &e->g->node[k];
        e->at = e->node->name;
        anl__graph_call(e->g, (int)k, &e->call);
        const onnx_writer *w = find(e->node->op->name);
        if (w) w->write(e);
        else onnx_refuse(e, "there is no operator of ONNX for it");
    }
}

static anl_status write_model(onnx_emit *e, const job *j, const char *path)
{
    const char *doc = anl__arena_printf(e->arena, "%s, trained with Anneal %s, step %lld", j->model.name,
                                        anl_version(), (long long)anl__ckpt_step(e->from));
    if (!doc) return ANL_NOMEM;
    onnx_inputs(e, j);
    write_nodes(e);
    if (onnx_message_status(e->m) == ANL_OK) onnx_outputs(e, j);
    onnx_properties(e, j);
    return onnx_message_write(e->m, path, doc);
}

static anl_status export_graph(const job *j, const eval_graph *x, anl__arena *a, const anl__ckpt *from,
                               const char *path, int *nodes)
{
    onnx_emit e = {.ctx = j->ctx, .arena = a, .graph = x, .g = x->g, .from = from};
    if (!(e.seen = anl__arena_alloc(a, sizeof *e.seen * (size_t)(x->g->n_value + 1)))) return ANL_NOMEM;
    ANL_TRY(onnx_message_create(j->ctx, a, j->model.name, &e.m));
    anl_status st = write_model(&e, j, path);
    *nodes = onnx_node_count(e.m);
    onnx_message_destroy(e.m);
    return st;
}

anl_status onnx_export(const job *j, const anl__ckpt *from, const char *path, int *nodes)
{
    anl__arena *a;
    eval_graph x;
    ANL_TRY(anl__arena_create(j->ctx, &a));
    anl_status st = eval_graph_build(j, a, &x);
    if (st == ANL_OK) st = export_graph(j, &x, a, from, path, nodes);
    eval_graph_release(&x);
    anl__arena_destroy(a);
    return st;
}
