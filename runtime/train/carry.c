/* Carried states; see carry.h. */
#include "carry.h"

#include "../graph/net.h"

#include <string.h>

static const anl__named *output_of(const anl_graph *g, const char *name)
{
    for (int64_t i = 0; i < g->n_output; i++)
        if (!strcmp(g->output[i].name, name)) return &g->output[i];
    return NULL;
}

static anl_status add(anl__carry *c, const anl__value *in, const anl__value *out)
{
    char a[96], b[96];
    if (in->type.dtype != out->type.dtype || !anl__shape_equal(&in->type.shape, &out->type.shape))
        return anl__fail(c->ctx, ANL_SHAPE, "the carried state '%s' is %s as an input and %s as an output", in->name, anl__shape_text(&in->type.shape, a),
                         anl__shape_text(&out->type.shape, b));
    anl__carried *x = &c->item[c->n++];
    *x = (anl__carried){.name = in->name, .slot = in->slot, .dtype = in->type.dtype, .shape = in->type.shape};
    x->shape.dim[0] = 1;
    x->row = (size_t)anl_shape_count(&x->shape) * anl_dtype_size(x->dtype);
    x->shape.dim[0] = c->rows;
    x->now = anl__calloc(c->ctx, (size_t)c->rows, x->row);
    x->next = anl__calloc(c->ctx, (size_t)c->rows, x->row);
    return x->now && x->next ? ANL_OK : ANL_NOMEM;
}

anl_status anl__carry_create(anl_ctx *ctx, const anl_graph *g, int64_t rows, anl__carry *out)
{
    *out = (anl__carry){.ctx = ctx, .rows = rows};
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *in = &g->value[v];
        const anl__named *o = in->kind == ANL__INPUT ? output_of(g, in->name) : NULL;
        if (o) ANL_TRY(add(out, in, &g->value[o->v]));
    }
    return ANL_OK;
}

void anl__carry_release(anl__carry *c)
{
    for (int i = 0; i < c->n; i++) {
        anl__free(c->ctx, c->item[i].now);
        anl__free(c->ctx, c->item[i].next);
    }
    *c = (anl__carry){0};
}

void anl__carry_clear(anl__carry *c)
{
    for (int i = 0; i < c->n; i++) memset(c->item[i].now, 0, (size_t)c->rows * c->item[i].row);
}

void anl__carry_bind(const anl__carry *c, int64_t first, anl_bind *bind)
{
    for (int i = 0; i < c->n; i++) bind->input[c->item[i].slot] = c->item[i].now + (size_t)first * c->item[i].row;
}

anl_status anl__carry_take(anl__carry *c, anl_device *dev, const anl_program *p, int64_t first, int64_t n)
{
    for (int i = 0; i < c->n; i++) {
        anl__carried *x = &c->item[i];
        const void *from = anl_program_output(p, x->name, NULL, NULL);
        ANL_CHECK_INTERNAL(c->ctx, from);
        ANL_TRY(dev->vt->download(dev, x->next + (size_t)first * x->row, from, (size_t)n * x->row));
    }
    return ANL_OK;
}

void anl__carry_commit(anl__carry *c)
{
    for (int i = 0; i < c->n; i++) {
        char *t = c->item[i].now;
        c->item[i].now = c->item[i].next;
        c->item[i].next = t;
    }
}
