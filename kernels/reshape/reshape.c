/* reshape: the same elements under another shape; moves no bytes. 0 keeps a dimension, one -1 takes what is left. */
#include "op.h"

#include <stdio.h>
#include <string.h>

static const anl__attr_def attrs[] = {{"shape", ANL__INTS, NULL, -1, 1e15, NULL, "0: keep that dimension; -1: what is left"}, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    char text[96];
    const anl__attr *a = anl__attr_get(c, "shape");
    const anl_shape *x = &c->in[0].shape;
    anl_shape out = {.rank = a->n};
    int64_t known = 1, total = anl_shape_count(x);
    int open = -1;
    if (a->n > ANL_MAX_RANK) return anl__fail(ctx, ANL_SHAPE, "more than %d dimensions", ANL_MAX_RANK);
    for (int i = 0; i < a->n; i++) {
        out.dim[i] = a->i[i] == 0 && i < x->rank ? x->dim[i] : a->i[i];
        if (out.dim[i] == -1 && open >= 0) return anl__fail(ctx, ANL_SHAPE, "two dimensions are -1");
        if (out.dim[i] == -1) open = i;
        else if (out.dim[i] < 1) return anl__fail(ctx, ANL_SHAPE, "dimension %d of %s cannot be kept", i, anl__shape_text(x, text));
        else if (known > total / out.dim[i]) return anl__fail(ctx, ANL_SHAPE, "%s has only %lld elements", anl__shape_text(x, text), (long long)total);
        else known *= out.dim[i];
    }
    if (open >= 0) out.dim[open] = total / known;
    if (anl_shape_count(&out) != total) return anl__fail(ctx, ANL_SHAPE, "%s has %lld elements, the new shape %lld", anl__shape_text(x, text), (long long)total, (long long)anl_shape_count(&out));
    c->n_out = 1;
    c->out[0].dtype = c->in[0].dtype;
    c->out[0].shape = out;
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl_shape *s = &anl__grad_call(g)->in[0].shape;
    anl_value dy = anl__grad_dout(g, 0);
    char text[160] = "shape=";
    size_t len = 6;
    for (int i = 0; i < s->rank; i++) len += (size_t)snprintf(text + len, sizeof text - len, i ? ",%lld" : "%lld", (long long)s->dim[i]);
    if (s->rank == 0) memcpy(text + len, "1", 2);
    anl__grad_give(g, 0, anl__grad_node(g, "reshape", &dy, 1, false, "%s", text));
    return ANL_OK;
}

static const anl__op reshape = {.name = "reshape", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer, .grad = grad, .view = true, .help = "another shape for the same elements"};
const anl__op *const anl__ops_reshape[] = {&reshape, NULL};
