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

static size_t bytes_of(const anl__samples *s)
{
    return (size_t)(s->n * anl_shape_count(&s->shape)) * anl_dtype_size(s->dtype) + 4 * (size_t)s->n + 4 * (size_t)(s->index ? s->n_index : 0) + 8 * (size_t)channels_of(s);
}

anl_status anl__resident_compile(anl__resident *r, anl_net *net, const anl__samples *s, anl_dtype dtype, int64_t n)
{
    anl_graph *g;
    if (s->where == ANL__RESIDENCE_NEVER || !s->n) return ANL_OK;
    r->net = net;
    r->samples = *s;
    for (int i = 0; i < r->n_batch; i++)
        if (r->batch[i].n == n) return ANL_OK;
    if (r->n_batch == ANL__MOST_BATCHES) return anl__fail(net->ctx, ANL_INTERNAL, "more than %d sizes of batch", ANL__MOST_BATCHES);
    const anl_shape all = with_rows(&s->shape, s->n), some = with_rows(&s->shape, n);
    const int64_t channels[1] = {channels_of(s)};
    ANL_TRY(anl_graph_create(net->ctx, ANL_TRAIN, dtype, &g));
    anl_value in[7] = {anl_input(g, "samples", s->dtype, all.rank, all.dim), anl_input(g, "labels", s->label_dtype, 1, &s->n), ANL_NONE,
                       anl_input(g, "scale", ANL_F32, 1, channels), anl_input(g, "shift", ANL_F32, 1, channels)};
    in[5] = anl_input(g, "x", dtype, some.rank, some.dim);
    in[6] = anl_input(g, "y", s->label_dtype, 1, &n);
    if (s->index) in[2] = anl_input(g, "index", ANL_I32, 1, &s->n_index);
    anl_node(g, "sample_batch", "sample_batch", in, 7, "shuffle=%s crop=%d flip=%s erase=%.17g erase_min=%.17g erase_max=%.17g", s->shuffle ? "true" : "false", s->augment.crop_pad,
             s->augment.flip ? "true" : "false", s->augment.erase, s->augment.erase_min, s->augment.erase_max);
    anl_compile_opts opts = {.plan = true};
    ANL_TRY(anl__context(net->ctx, anl_program_compile(net, g, &opts, &r->batch[r->n_batch].p), "data on the device"));
    r->batch[r->n_batch++].n = n;
    return ANL_OK;
}

static anl_status upload_index(anl__resident *r)
{
    anl_device *dev = r->net->device;
    const anl__samples *s = &r->samples;
    int32_t *narrow = anl__calloc(dev->ctx, (size_t)s->n_index, sizeof *narrow);
    if (!narrow) return ANL_NOMEM;
    for (int64_t i = 0; i < s->n_index; i++) narrow[i] = (int32_t)s->index[i];
    anl_status st = dev->vt->alloc(dev, 4 * (size_t)s->n_index, &r->index);
    if (st == ANL_OK) st = dev->vt->upload(dev, r->index, narrow, 4 * (size_t)s->n_index);
    anl__free(dev->ctx, narrow);
    return st;
}

static anl_status upload(anl__resident *r)
{
    anl_device *dev = r->net->device;
    const anl__samples *s = &r->samples;
    size_t x = (size_t)(s->n * anl_shape_count(&s->shape)) * anl_dtype_size(s->dtype), factors = sizeof(float) * (size_t)channels_of(s);
    ANL_TRY(dev->vt->alloc(dev, 4 * (size_t)s->n, &r->label));
    ANL_TRY(dev->vt->upload(dev, r->label, s->label, 4 * (size_t)s->n));
    ANL_TRY(dev->vt->alloc(dev, 2 * factors, &r->scale));
    ANL_TRY(dev->vt->upload(dev, r->scale, s->scale, factors));
    ANL_TRY(dev->vt->upload(dev, (char *)r->scale + factors, s->shift, factors));
    if (s->index) ANL_TRY(upload_index(r));
    void *data = NULL;
    ANL_TRY(dev->vt->alloc(dev, x, &data));
    r->x = data;
    return dev->vt->upload(dev, r->x, s->x, x);
}

void anl__resident_drop(anl__resident *r)
{
    void **all[] = {&r->x, &r->label, &r->index, &r->scale};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i]) r->net->device->vt->free(r->net->device, *all[i]);
        *all[i] = NULL;
    }
}

anl_status anl__resident_open(anl__resident *r)
{
    if (!r->n_batch) return ANL_OK;
    anl_device *dev = r->net->device;
    size_t need = bytes_of(&r->samples), room = dev->vt->room ? dev->vt->room(dev) : 0;
    const double mib = 1048576;
    bool always = r->samples.where == ANL__RESIDENCE_ALWAYS;
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

anl_status anl__resident_make(const anl__resident *r, const anl__staging *s, int place, int64_t n, anl_bind *bind)
{
    int i = 0;
    while (i < r->n_batch && r->batch[i].n != n) i++;
    ANL_CHECK_INTERNAL(r->net->ctx, i < r->n_batch);
    bind->input[0] = anl__staging_at(s, 0, place);
    bind->input[1] = anl__staging_at(s, 1, place);
    const float *scale = r->scale;
    anl_bind made = {.input = {r->x, r->label, scale, scale + channels_of(&r->samples), bind->input[0], bind->input[1], r->index}};
    return anl_program_run(r->batch[i].p, &made);
}
