/* Inputs on the device; see staging.h. */
#include "staging.h"

#include "../graph/net.h"

static size_t bytes_of(const anl__value *v) { return (size_t)anl_shape_count(&v->type.shape) * anl_dtype_size(v->type.dtype); }

anl_status anl__staging_room(anl__staging *s, anl_device *dev, const anl_program *p, int places)
{
    const anl_graph *g = p->graph;
    if (dev->vt->host_memory) return ANL_OK;
    s->device = dev;
    s->places = places;
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        size_t need = (bytes_of(x) + 255) & ~(size_t)255;
        if (x->kind != ANL__INPUT || need <= s->bytes[x->slot]) continue;
        if (s->at[x->slot]) dev->vt->free(dev, s->at[x->slot]);
        s->at[x->slot] = NULL;
        s->bytes[x->slot] = need;
        ANL_TRY(anl__context(dev->ctx, dev->vt->alloc(dev, need * (size_t)places, &s->at[x->slot]), "input '%s'", x->name));
    }
    return ANL_OK;
}

void *anl__staging_at(const anl__staging *s, int slot, int place) { return s->at[slot] ? (char *)s->at[slot] + (size_t)place * s->bytes[slot] : NULL; }

anl_status anl__staging_fill(anl__staging *s, const anl_program *p, int place, anl_bind *bind)
{
    const anl_graph *g = p->graph;
    for (int64_t v = 0; s->device && v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        if (x->kind == ANL__INPUT && bind->input[x->slot])
            ANL_TRY(s->device->vt->upload(s->device, anl__staging_at(s, x->slot, place), bind->input[x->slot], bytes_of(x)));
    }
    anl__staging_use(s, p, place, bind);
    return ANL_OK;
}

void anl__staging_use(const anl__staging *s, const anl_program *p, int place, anl_bind *bind)
{
    const anl_graph *g = p->graph;
    for (int64_t v = 0; s->device && v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        if (x->kind == ANL__INPUT && bind->input[x->slot]) bind->input[x->slot] = anl__staging_at(s, x->slot, place);
    }
}

void anl__staging_release(anl__staging *s)
{
    for (int i = 0; i < ANL_MAX_INPUTS; i++)
        if (s->at[i]) s->device->vt->free(s->device, s->at[i]);
    *s = (anl__staging){0};
}
