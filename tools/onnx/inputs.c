/* Inputs; see ends.h. */
#include "ends.h"
#include "write_time.h"

#include "tools/export/facts.h"

#include <string.h>

/* (x - mean) / std over the last dimension; channels of planes: [C,1,1]. NULL mean: as it is. */
static const char *normalised(onnx_emit *e, const char *x, const double *mean, const double *std, int64_t n,
                              bool planes)
{
    const double *from[2] = {mean, std};
    for (int k = 0; k < 2 && mean; k++) {
        float *p = onnx_room(e, n);
        for (int64_t i = 0; p && i < n; i++) p[i] = (float)from[k][i];
        x = onnx_op2(e, k ? "Div" : "Sub", x,
                     onnx_floats(e, k ? "std" : "mean", planes ? 3 : 1, (int64_t[]){n, 1, 1}, p));
    }
    return x;
}

static void image(onnx_emit *e, anl_value v, const anl__norm *norm)
{
    const anl__value *x = &e->g->value[v];
    const anl_shape *s = &x->type.shape;
    const double *mean = norm->channels ? norm->mean : NULL;
    bool table = s->dim[1] == 1 && s->dim[2] == 1;
    if (!table) {
        const onnx_dim dim[4] = {onnx_dim_of(e, v, 0), onnx_dim_of(e, v, 3), onnx_dim_of(e, v, 1),
                                 onnx_dim_of(e, v, 2)};
        onnx_input(e->m, x->name, ONNX_F32, dim, 4, "images N,C,H,W; 8-bit values divided by 255");
        return onnx_name(e, v, ONNX_PLANES, normalised(e, x->name, mean, norm->std, s->dim[3], true));
    }
    const onnx_dim dim[2] = {onnx_dim_of(e, v, 0), onnx_dim_of(e, v, 3)};
    const anl_shape flat = {2, {s->dim[0], s->dim[3]}};
    const uint8_t free[ANL_MAX_RANK] = {EVAL_SAMPLES};
    onnx_input(e->m, x->name, ONNX_F32, dim, 2, "rows of features; 8-bit values divided by 255");
    const char *y = normalised(e, x->name, mean, norm->std, s->dim[3], false);
    onnx_name(e, v, ONNX_PLAIN, onnx_reshaped(e, y, &flat, free, s, free));
}

/* What stands behind a window's end counts as the mean: a convolution reads it. */
static const char *ended(onnx_emit *e, anl_value v, const char *x)
{
    const anl_shape *s = &e->g->value[v].type.shape;
    const char *places = onnx_places(e, x, 1, s->dim[1], e->graph->free[v][1]);
    const char *length = onnx_op2(e, "Unsqueeze", "length", onnx_ints(e, "axes", (int64_t[]){1, 2}, 2));
    const char *inside = onnx_op2(
        e, "Less", onnx_op2(e, "Unsqueeze", places, onnx_ints(e, "axes", (int64_t[]){1}, 1)), length);
    return onnx_op(e, "Where", (const char *[]){inside, x, onnx_number(e, "zero", 0)}, 3);
}

static void series(onnx_emit *e, const job *j, anl_value v)
{
    const anl__value *x = &e->g->value[v];
    const anl_shape *s = &x->type.shape;
    const onnx_dim dim[3] = {onnx_dim_of(e, v, 0), onnx_dim_of(e, v, 1), onnx_dim_of(e, v, 2)};
    double *mean, *std;
    bool windows = !strcmp(j->model.name, "seqclassifier");
    anl_status st = facts_scales(j, e->from, e->arena, s->dim[2], &mean, &std);
    if (st != ANL_OK) return onnx_message_fail(e->m, st);
    onnx_input(e->m, x->name, ONNX_F32, dim, 3,
               windows ? "windows: samples, steps, features, as they are in the table"
                       : "windows of the past: samples, rows, features; numbers as they are in the table "
                         "(with data.difference: their differences)");
    const char *y = normalised(e, x->name, mean, std, s->dim[2], false);
    if (windows && !strcmp(j->model.seq.cell, "cnn")) y = ended(e, v, y);
    onnx_name(e, v, ONNX_PLAIN, y);
}

static void plain(onnx_emit *e, anl_value v)
{
    const anl__value *x = &e->g->value[v];
    onnx_dim dim[ANL_MAX_RANK];
    const char *doc = !strcmp(x->name, "tokens")   ? "numbers of tokens; behind a text's end -1"
                      : !strcmp(x->name, "length") ? "steps of each sample"
                                                   : "state before the first step";
    for (int i = 0; i < x->type.shape.rank; i++) dim[i] = onnx_dim_of(e, v, i);
    onnx_input(e->m, x->name, x->type.dtype == ANL_I32 ? ONNX_I32 : ONNX_F32, dim, x->type.shape.rank, doc);
    onnx_name(e, v, ONNX_PLAIN, x->name);
}

void onnx_inputs(onnx_emit *e, const job *j)
{
    for (anl_value v = 0; v < e->g->n_value; v++) {
        const anl__value *x = &e->g->value[v];
        if (x->kind == ANL__INPUT && eval_graph_reads(e->graph, v))
            onnx_unique(e->m, x->name); /* no operator may be named so */
    }
    for (anl_value v = 0; v < e->g->n_value; v++) {
        const anl__value *x = &e->g->value[v];
        if (x->kind != ANL__INPUT || !eval_graph_reads(e->graph, v)) continue;
        e->at = x->name;
        if (x->type.dtype == ANL_F32 && x->type.shape.rank == 4)
            image(e, v, facts_norm(j, x->name));
        else if (x->type.dtype == ANL_F32 && x->type.shape.rank == 3) series(e, j, v);
        else plain(e, v);
    }
}
