/* transpose: dimension i of the result is dimension perm[i] of the input. */
#include "transpose.h"

#include <stdio.h>
#include <string.h>

static const anl__attr_def attrs[] = {{"perm", ANL__INTS, NULL, 0, 5, NULL, "for each dimension of the result, that of the input"}, {0}};

static anl_status infer(anl_ctx *ctx, anl__call *c)
{
    const anl__attr *a = anl__attr_get(c, "perm");
    int rank = c->in[0].shape.rank;
    unsigned seen = 0;
    for (int i = 0; i < a->n; i++) seen |= 1u << a->i[i];
    if (a->n != rank || seen != (1u << rank) - 1) return anl__fail(ctx, ANL_SHAPE, "perm must name each of the %d dimensions once", rank);
    c->n_out = 1;
    c->out[0] = c->in[0];
    for (int i = 0; i < rank; i++) c->out[0].shape.dim[i] = c->in[0].shape.dim[a->i[i]];
    return ANL_OK;
}

static anl_status grad(anl__grad *g)
{
    const anl__attr *a = anl__attr_get(anl__grad_call(g), "perm");
    char text[64] = "perm=";
    size_t len = 5;
    int inverse[ANL_MAX_RANK] = {0};
    anl_value dy = anl__grad_dout(g, 0);
    for (int i = 0; i < a->n; i++) inverse[a->i[i]] = i;
    for (int i = 0; i < a->n; i++) len += (size_t)snprintf(text + len, sizeof text - len, i ? ",%d" : "%d", inverse[i]);
    anl__grad_give(g, 0, anl__grad_node(g, "transpose", &dy, 1, false, "%s", text));
    return ANL_OK;
}

static const anl__op transpose = {.name = "transpose", .min_in = 1, .max_in = 1, .attrs = attrs, .infer = infer, .grad = grad, .cheap = true, .help = "dimensions in another order"};
const anl__op *const anl__ops_transpose[] = {&transpose, NULL};
