/* Data on the device; see resident.h. */
#include "resident.h"

#include "../graph/net.h"

#include <stdio.h>
#include <string.h>

static int64_t channels_of(const anl__samples *s) { return s->shape.dim[s->shape.rank - 1]; }

static anl_shape with_rows(const anl_shape *sample, int64_t n)
{
    anl_shape s = {.rank = sample->rank + 1, .dim = {n}};
    for (int i = 0; i < sample->rank; i++) s.dim[i + 1] = sample->dim[i];
    return s;
}

static size_t bytes_of(const anl__samples *s) { return (size_t)(s->n * anl_shape_count(&s->shape)) * anl_dtype_size(s->dtype) + 4 * (size_t)s->n; }

static size_t bytes_of_part(const anl__resident_part *p)
{
    const anl__samples *s = &p->samples;
    return p->n_batch ? 4 * (size_t)(s->index ? s->n_index : 0) + 8 * (size_t)channels_of(s) : 0;
}

anl_status anl__resident_compile(anl__resident *r, anl__resident_use use, anl_net *net, const anl__samples *s, anl_dtype dtype, int64_t n)
{
    anl_graph *g;
    anl__resident_part *p = &r->part[use];
    const anl__samples *first = &r->part[ANL__RESIDENT_TRAIN].samples;
    if (s->where == ANL__RESIDENCE_NEVER || !s->n) return ANL_OK;
    if (use == ANL__RESIDENT_EVAL && (s->x != first->x || s->label != first->label || s->n != first->n)) return ANL_OK; /* other data */
    r->net = net;
    p->samples = *s;
    for (int i = 0; i < p->n_batch; i++)
        if (p->batch[i].n == n) return ANL_OK;
    if (p->n_batch == ANL__MOST_BATCHES) return anl__fail(net->ctx, ANL_INTERNAL, "more than %d sizes of batch", ANL__MOST_BATCHES);
    const anl_shape all = with_rows(&s->shape, s->n), some = with_rows(&s->shape, n);
    const int64_t channels[1] = {channels_of(s)};
    ANL_TRY(anl_graph_create(net->ctx, ANL_TRAIN, dtype, &g));
    anl_value in[7] = {anl_input(g, "samples", s->dtype, all.rank, all.dim), anl_input(g, "labels", s->label_dtype, 1, &s->n), ANL_NONE,
                       anl_input(g, "scale", ANL_F32, 1, channels), anl_input(g, "shift", ANL_F32, 1, channels)};
    in[5] = anl_input(g, "x", dtype, some.rank, some.dim);
    in[6] = anl_input(g, "y", s->label_dtype, 1, &n);
    if (s->index) in[2] = anl_input(g, "index", ANL_I32, 1, &s->n_index);
    const anl__augment *a = &s->augment;
    anl_node(g, "sample_batch", "sample_batch", in, 7,
             "shuffle=%s crop=%d flip=%s erase=%.17g erase_min=%.17g erase_max=%.17g flip_vertical=%s "
             "rotate=%.17g resized_crop=%.17g brightness=%.17g contrast=%.17g saturation=%.17g",
             s->shuffle ? "true" : "false", a->crop_pad, a->flip ? "true" : "false", a->erase, a->erase_min,
             a->erase_max, a->flip_vertical ? "true" : "false", a->rotate, a->resized_crop, a->brightness,
             a->contrast, a->saturation);
    anl_compile_opts opts = {.plan = true};
    ANL_TRY(anl__context(net->ctx, anl_program_compile(net, g, &opts, &p->batch[p->n_batch].p), "data on the device"));
    p->batch[p->n_batch++].n = n;
    return ANL_OK;
}

static anl_status upload_index(anl_device *dev, anl__resident_part *p)
{
    const anl__samples *s = &p->samples;
    int32_t *narrow = anl__calloc(dev->ctx, (size_t)s->n_index, sizeof *narrow);
    if (!narrow) return ANL_NOMEM;
    for (int64_t i = 0; i < s->n_index; i++) narrow[i] = (int32_t)s->index[i];
    anl_status st = dev->vt->alloc(dev, 4 * (size_t)s->n_index, &p->index);
    if (st == ANL_OK) st = dev->vt->upload(dev, p->index, narrow, 4 * (size_t)s->n_index);
    anl__free(dev->ctx, narrow);
    return st;
}

static anl_status upload_part(anl_device *dev, anl__resident_part *p)
{
    const anl__samples *s = &p->samples;
    size_t factors = sizeof(float) * (size_t)channels_of(s);
    ANL_TRY(dev->vt->alloc(dev, 2 * factors, &p->scale));
    ANL_TRY(dev->vt->upload(dev, p->scale, s->scale, factors));
    ANL_TRY(dev->vt->upload(dev, (char *)p->scale + factors, s->shift, factors));
    return s->index ? upload_index(dev, p) : ANL_OK;
}

static anl_status upload(anl__resident *r)
{
    anl_device *dev = r->net->device;
    const anl__samples *s = &r->part[ANL__RESIDENT_TRAIN].samples;
    size_t x = (size_t)(s->n * anl_shape_count(&s->shape)) * anl_dtype_size(s->dtype);
    ANL_TRY(dev->vt->alloc(dev, 4 * (size_t)s->n, &r->label));
    ANL_TRY(dev->vt->upload(dev, r->label, s->label, 4 * (size_t)s->n));
    for (int k = 0; k < ANL__RESIDENT_USES; k++)
        if (r->part[k].n_batch) ANL_TRY(upload_part(dev, &r->part[k]));
    void *data = NULL;
    ANL_TRY(dev->vt->alloc(dev, x, &data));
    r->x = data;
    return dev->vt->upload(dev, r->x, s->x, x);
}

static void drop(anl__resident *r, void **p)
{
    if (*p) r->net->device->vt->free(r->net->device, *p);
    *p = NULL;
}

void anl__resident_drop(anl__resident *r)
{
    drop(r, &r->x);
    drop(r, &r->label);
    for (int k = 0; k < ANL__RESIDENT_USES; k++) {
        drop(r, &r->part[k].index);
        drop(r, &r->part[k].scale);
    }
}

anl_status anl__resident_open(anl__resident *r)
{
    const anl__samples *s = &r->part[ANL__RESIDENT_TRAIN].samples;
    if (!r->part[ANL__RESIDENT_TRAIN].n_batch) return ANL_OK;
    anl_device *dev = r->net->device;
    size_t need = bytes_of(s) + bytes_of_part(&r->part[ANL__RESIDENT_TRAIN]) + bytes_of_part(&r->part[ANL__RESIDENT_EVAL]), room = dev->vt->room ? dev->vt->room(dev) : 0;
    const double mib = 1048576;
    bool always = s->where == ANL__RESIDENCE_ALWAYS;
    anl_status st = ANL_DEVICE_NOMEM;
    if (!room || always || (double)need <= ANL__RESIDENT_SHARE * (double)room) st = upload(r);
    if (st == ANL_OK) {
        snprintf(r->note, sizeof r->note, "data: %.1f MiB on the device, where batches are made", (double)need / mib);
        return ANL_OK;
    }
    anl__resident_drop(r);
    if (st != ANL_DEVICE_NOMEM || always) return anl__context(dev->ctx, st, "data.resident: %.1f MiB of data", (double)need / mib);
    snprintf(r->note, sizeof r->note, "data: on the host, which makes the batches: its %.1f MiB are more than half of the %.1f MiB that are free on the device", (double)need / mib,
             (double)room / mib);
    return ANL_OK;
}

void anl__resident_release(anl__resident *r)
{
    if (r->net) anl__resident_drop(r);
    *r = (anl__resident){0};
}

bool anl__resident_has(const anl__resident *r, anl__resident_use use) { return r->x && r->part[use].n_batch; }

anl_status anl__resident_make(const anl__resident *r, anl__resident_use use, const anl__staging *s, int place, int64_t n, anl_bind *bind)
{
    const anl__resident_part *p = &r->part[use];
    int i = 0;
    while (i < p->n_batch && p->batch[i].n != n) i++;
    ANL_CHECK_INTERNAL(r->net->ctx, i < p->n_batch);
    bind->input[0] = anl__staging_at(s, 0, place);
    bind->input[1] = anl__staging_at(s, 1, place);
    const float *scale = p->scale;
    anl_bind made = {.input = {r->x, r->label, scale, scale + channels_of(&p->samples), bind->input[0], bind->input[1], p->index}};
    return anl_program_run(p->batch[i].p, &made);
}
