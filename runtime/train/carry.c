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

static anl_status add(anl__carry *c, const anl__value *in, const anl__value *out, bool training)
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
    size_t bytes = (size_t)c->rows * x->row;
    ANL_TRY(c->device->vt->alloc(c->device, bytes, (void **)&x->now));
    return training ? c->device->vt->alloc(c->device, bytes, (void **)&x->next) : ANL_OK;
}

anl_status anl__carry_create(anl_device *dev, const anl_graph *g, int64_t rows, bool training, anl__carry *out)
{
    size_t most = 0;
    *out = (anl__carry){.ctx = dev->ctx, .device = dev, .rows = rows};
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *in = &g->value[v];
        const anl__named *o = in->kind == ANL__INPUT ? output_of(g, in->name) : NULL;
        if (!o) continue;
        ANL_TRY(add(out, in, &g->value[o->v], training));
        if (out->item[out->n - 1].row > most) most = out->item[out->n - 1].row;
    }
    if (most && !(out->zero = anl__calloc(out->ctx, (size_t)rows, most))) return ANL_NOMEM;
    return ANL_OK;
}

void anl__carry_release(anl__carry *c)
{
    for (int i = 0; i < c->n; i++) {
        if (c->item[i].now) c->device->vt->free(c->device, c->item[i].now);
        if (c->item[i].next) c->device->vt->free(c->device, c->item[i].next);
    }
    anl__free(c->ctx, c->zero);
    *c = (anl__carry){0};
}

anl_status anl__carry_clear(anl__carry *c)
{
    for (int i = 0; i < c->n; i++) ANL_TRY(c->device->vt->upload(c->device, c->item[i].now, c->zero, (size_t)c->rows * c->item[i].row));
    return ANL_OK;
}

anl_status anl__carry_bind(const anl__carry *c, anl_device *dev, const anl__staging *s, int place, int64_t first, int64_t n, anl_bind *bind)
{
    for (int i = 0; i < c->n; i++) {
        const anl__carried *x = &c->item[i];
        char *at = x->now + (size_t)first * x->row, *copy = first ? anl__staging_at(s, x->slot, place) : NULL;
        if (copy) ANL_TRY(dev->vt->copy(dev, copy, at, (size_t)n * x->row));
        bind->input[x->slot] = copy ? copy : at;
    }
    return ANL_OK;
}

anl_status anl__carry_take(anl__carry *c, anl_device *dev, const anl_program *p, int64_t first, int64_t n)
{
    for (int i = 0; i < c->n; i++) {
        anl__carried *x = &c->item[i];
        const void *from = anl_program_output(p, x->name, NULL, NULL);
        ANL_CHECK_INTERNAL(c->ctx, from);
        ANL_TRY(dev->vt->copy(dev, (x->next ? x->next : x->now) + (size_t)first * x->row, from, (size_t)n * x->row));
    }
    return ANL_OK;
}

anl_status anl__carry_move(anl_ctx *ctx, anl__carry *to, const anl__carry *from, int64_t first, int64_t n)
{
    for (int i = 0; i < to->n; i++) {
        size_t at = (size_t)first * to->item[i].row, bytes = (size_t)n * to->item[i].row;
        anl_device *failed = from->device;
        void *rows = anl__alloc(ctx, bytes);
        if (!rows) return ANL_NOMEM;
        anl_status st = from->device->vt->download(from->device, rows, from->item[i].now + at, bytes);
        if (st == ANL_OK) {
            failed = to->device;
            st = to->device->vt->upload(to->device, to->item[i].now + at, rows, bytes);
        }
        anl__free(ctx, rows);
        if (st != ANL_OK) return failed->ctx == ctx ? st : anl__fail(ctx, st, "%s", anl_last_error(failed->ctx));
    }
    return ANL_OK;
}

anl_status anl__carry_compile(anl__carry *c, anl_net *net)
{
    const int64_t four[1] = {4};
    for (int i = 0; i < c->n; i++) {
        anl__carried *x = &c->item[i];
        anl_graph *g;
        ANL_TRY(anl_graph_create(c->ctx, ANL_TRAIN, ANL_F32, &g));
        anl_value stat = anl_input(g, "stat", ANL_F32, 1, four), next = anl_input(g, "next", x->dtype, x->shape.rank, x->shape.dim);
        anl_value in[3] = {stat, next, anl_input(g, "now", x->dtype, x->shape.rank, x->shape.dim)};
        anl_node(g, "step_keep", x->name, in, 3, NULL);
        anl_compile_opts opts = {.plan = true};
        ANL_TRY(anl__context(c->ctx, anl_program_compile(net, g, &opts, &x->keep), "carried state '%s'", x->name));
    }
    return ANL_OK;
}

anl_status anl__carry_commit(const anl__carry *c, const void *stat)
{
    for (int i = 0; i < c->n; i++) {
        anl_bind bind = {.input = {stat, c->item[i].next, c->item[i].now}};
        ANL_TRY(anl_program_run(c->item[i].keep, &bind));
    }
    return ANL_OK;
}
