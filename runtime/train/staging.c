/* Inputs on the device; see staging.h. */
#include "staging.h"

#include "../graph/net.h"

static size_t bytes_of(const anl__value *v) { return (size_t)anl_shape_count(&v->type.shape) * anl_dtype_size(v->type.dtype); }

anl_status anl__staging_room(anl__staging *s, anl_device *dev, const anl_program *p)
{
    const anl_graph *g = p->graph;
    if (dev->vt->host_memory) return ANL_OK;
    s->device = dev;
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        if (x->kind != ANL__INPUT || bytes_of(x) <= s->bytes[x->slot]) continue;
        if (s->at[x->slot]) dev->vt->free(dev, s->at[x->slot]);
        s->at[x->slot] = NULL;
        s->bytes[x->slot] = bytes_of(x);
        ANL_TRY(anl__context(dev->ctx, dev->vt->alloc(dev, s->bytes[x->slot], &s->at[x->slot]), "input '%s'", x->name));
    }
    return ANL_OK;
}

anl_status anl__staging_fill(anl__staging *s, const anl_program *p, anl_bind *bind)
{
    const anl_graph *g = p->graph;
    if (!s->device) return ANL_OK;
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        if (x->kind != ANL__INPUT || !bind->input[x->slot]) continue;
        ANL_TRY(s->device->vt->upload(s->device, s->at[x->slot], bind->input[x->slot], bytes_of(x)));
        bind->input[x->slot] = s->at[x->slot];
    }
    return ANL_OK;
}

void anl__staging_release(anl__staging *s)
{
    for (int i = 0; i < ANL_MAX_INPUTS; i++)
        if (s->at[i]) s->device->vt->free(s->device, s->at[i]);
    *s = (anl__staging){0};
}
