/* Sets of picture files: which they are (picture_list.h), decoded (picture_store.h), as a set of u8 images. */
#include "datasets/dataset.h"
#include "datasets/picture_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is kept until the set is closed. */
typedef struct inside {
    anl__picture_list *list;
    anl__picture_store *store;
    const char **item; /* [n], of the list */
} inside;

anl_status anl__pictures_list(anl_ctx *ctx, const anl__data_opts *o, anl__picture_list **out)
{
    const anl__pictures_opts *p = &o->pictures;
    if (!o->labels && !o->path) return anl__picture_list_files(ctx, p->files ? p->files : &o->images, p->files ? p->n_files : 1, out);
    anl__picture_list_opts lo = {.file = p->file, .label = p->label, .part = NULL, .values = o->values, .class_names = p->class_names, .classes = p->classes, .parts = o->parts};
    return o->labels ? anl__picture_list_table(ctx, o->images, o->labels, &lo, out) : anl__picture_list_folder(ctx, o->images, &lo, out);
}

static int part_of(const void *list, int64_t i) { return ((const anl__picture_list *)list)->item[i].part; }

static anl_status pick_of(anl__dataset *ds, const anl__data_opts *o, const anl__picture_list *l, int64_t **out, int64_t *n)
{
    *out = anl__calloc(ds->ctx, (size_t)l->n, sizeof **out);
    return *out ? anl__dataset_pick(ds, o, part_of, l, l->n, *out, n) : ANL_NOMEM;
}

static anl_status labels_of(anl__dataset *ds, const anl__data_opts *o, inside *in, const int64_t *pick, int64_t n)
{
    const anl__picture_list *l = in->list;
    bool labelled = o->labels || o->path;
    in->item = anl__calloc(ds->ctx, (size_t)n, sizeof *in->item);
    if (labelled && o->values) ds->value = anl__calloc(ds->ctx, (size_t)n, sizeof *ds->value);
    if (labelled && !o->values) ds->label = anl__calloc(ds->ctx, (size_t)n, sizeof *ds->label);
    if (!in->item || (labelled && !ds->value && !ds->label)) return ANL_NOMEM;
    ds->n = ds->valid_from = 0;
    for (int64_t i = 0; i < n; i++) {
        const anl__picture_item *m = &l->item[pick[i]];
        if (!anl__picture_store_kept(in->store, i)) continue;
        if (ds->value) ds->value[ds->n] = m->value;
        if (ds->label) ds->label[ds->n] = m->label;
        in->item[ds->n++] = m->path;
        if (m->part != ANL__PART_VALID) ds->valid_from = ds->n;
    }
    ds->item = in->item;
    ds->own_parts = l->own_parts;
    if (!ds->label) return ANL_OK;
    if (o->classes && o->classes != l->classes) return anl__fail(ds->ctx, ANL_DATA, "%s has %d classes, and data.classes says %d", ds->name, l->classes, o->classes);
    ds->classes = l->classes;
    ds->class_names = l->class_name;
    return ANL_OK;
}

static void tell_others(const anl__dataset *ds, const anl__picture_list *l)
{
    if (l->others && !l->classes)
        anl__log(ds->ctx, ANL_LOG_WARN, "%s: %lld files are no pictures by their names, and are left out, the first %s", ds->name, (long long)l->others, l->first_other);
    else if (l->others)
        anl__log(ds->ctx, ANL_LOG_WARN, "%s: %lld files are no pictures by their names, or lie in no class's folder, and are left out, the first %s", ds->name, (long long)l->others, l->first_other);
}

static anl_status pictures_open(anl__dataset *ds, const anl__data_opts *o)
{
    const anl__pictures_opts *p = &o->pictures;
    int64_t *pick = NULL, n = 0;
    anl_status st = ANL_NOMEM;
    inside *in = anl__alloc(ds->ctx, sizeof *in);
    if (!(ds->inside = in)) return ANL_NOMEM;
    ANL_GO(anl__pictures_list(ds->ctx, o, &in->list));
    ANL_GO(pick_of(ds, o, in->list, &pick, &n));
    if (!n) goto done;
    bool test = o->part && !strcmp(o->part, "test");
    char part[40];
    if (o->most) snprintf(part, sizeof part, "%s/%lld", test ? "test" : "train", (long long)o->most); /* beside the entry of all */
    else snprintf(part, sizeof part, "%s", test ? "test" : "train");
    if (!test || !in->list->classes) tell_others(ds, in->list); /* a test part with classes is of the training's folders, which told */
    anl__picture_store_opts so = {.shape = {p->height, p->width, p->channels}, .fit = p->fit, .drop_damaged = p->drop_damaged, .part = part, .cache = o->cache,
                                  .cache_dir = o->cache_dir, .max_bytes = o->max_bytes, .threads = p->threads};
    ANL_GO(anl__picture_store_open(ds->ctx, ds->name, in->list, pick, n, &so, &in->store));
    ANL_GO(labels_of(ds, o, in, pick, n));
    anl__picture_shape s = anl__picture_store_shape(in->store);
    ds->field[ANL__FIELD_X] = (anl__field){.name = "image", .dtype = ANL_U8, .shape = {3, {s.h, s.w, s.channels}}, .bytes = (size_t)(s.h * s.w * s.channels),
                                           .data = anl__picture_store_data(in->store)};
    ds->digest = anl__picture_store_digest(in->store);
    ds->fields = 1;
done:
    anl__free(ds->ctx, pick);
    return st;
}

static void pictures_close(anl__dataset *ds)
{
    inside *in = ds->inside;
    if (!in) return;
    anl__free(ds->ctx, in->item);
    anl__picture_store_close(in->store);
    anl__picture_list_free(in->list);
    anl__free(ds->ctx, in);
}

const anl__dataset_vt anl__dataset_pictures = {"pictures", pictures_open, pictures_close};
