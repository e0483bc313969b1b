/* The loader's batches as the engine's feed. */
#include "job.h"

#include <string.h>

static anl_status feed_start(void *self, int64_t epoch, int64_t first_batch)
{
    job_feed *f = self;
    f->next = first_batch;
    return f->resident ? ANL_OK : anl__loader_start(f->loader, (uint32_t)epoch, first_batch);
}

/* What further heads compare with: the batch's rows of their columns; zeros where the set has none. */
static void put_more(job_feed *f, const anl__batch *b, anl__feed_batch *out)
{
    for (int i = 0; i < ANL_MOST_LABELS && f->more[i]; i++) {
        int32_t *to = f->more_label + ((int64_t)b->slot * ANL_MOST_LABELS + i) * f->feed.batch;
        int field = ANL__FIELD_LABEL + f->more[i];
        for (int64_t k = 0; k < b->n && field < f->set->fields; k++) memcpy(&to[k], anl__dataset_get(f->set, field, b->id[k]), sizeof *to);
        out->input[2 + i] = to;
    }
}

static int more_labels(const job_feed *f)
{
    int n = 0;
    while (n < ANL_MOST_LABELS && f->more[n]) n++;
    return n;
}

/* A batch that the device makes: its place in the epoch, and where predictions are compared with labels, those. */
static anl_status number(job_feed *f, anl__feed_batch *out)
{
    const anl__samples *s = &f->samples;
    int64_t first = f->next * f->feed.batch, left = f->feed.samples - first;
    int32_t *to = f->scored_label ? f->scored_label + f->next % f->feed.held * f->feed.batch : NULL;
    f->next++;
    *out = (anl__feed_batch){.n = left < f->feed.batch ? left : f->feed.batch, .first = first, .label = to};
    if (out->n < 0) out->n = 0;
    for (int64_t k = 0; to && k < out->n; k++) memcpy(&to[k], (const int32_t *)s->label + (s->index ? s->index[first + k] : first + k), sizeof *to);
    return ANL_OK;
}

static anl_status feed_next(void *self, anl__feed_batch *out)
{
    job_feed *f = self;
    anl__batch b;
    if (f->resident) return number(f, out);
    ANL_TRY(anl__loader_next(f->loader, &b));
    *out = (anl__feed_batch){.n = b.n, .first = b.first, .id = b.id};
    if (!b.n) return ANL_OK;
    f->held[b.slot] = b;
    const int32_t *label = b.label ? b.label : f->no_label;
    out->input[0] = b.x;
    out->input[1] = label;
    out->label = label;
    put_more(f, &b, out);
    job_inputs_put(f, &b, out->input + 2 + more_labels(f));
    out->token = &f->held[b.slot];
    return ANL_OK;
}

static void feed_release(void *self, anl__feed_batch *b)
{
    job_feed *f = self;
    if (!f->resident) anl__loader_release(f->loader, b->token);
}

/* What the loader's batches are made of. */
static void describe(const job *j, job_feed *f, const anl__dataset *ds, const int64_t *index, int64_t n, const anl__loader_opts *o)
{
    static const char *const where[] = {"auto", "true", "false"};
    const anl__field *x = &ds->field[ANL__FIELD_X], *label = &ds->field[ANL__FIELD_LABEL];
    const anl__transform *t = anl__loader_transform(f->loader);
    const char *why = ds->fields < 2 ? "they have no labels" : f->more[0] ? "the model reads several labels a sample"
                      : f->more_inputs ? "the model reads several inputs a sample" : NULL;
    if (why) f->samples = (anl__samples){.why = why};
    else f->samples = (anl__samples){.x = x->data, .dtype = x->dtype, .shape = x->shape, .n = ds->n, .label = label->data, .label_dtype = label->dtype, .index = index, .n_index = n,
                                .scale = t->scale, .shift = t->shift, .augment = t->augment, .shuffle = o->shuffle};
    for (int i = 0; i < 3; i++)
        if (!strcmp(recipe_text(j->recipe, "data.resident"), where[i])) f->samples.where = (anl__residence)i;
}

/* data.augment.* */
static anl__augment augment_of(const recipe *r)
{
    return (anl__augment){.crop_pad = (int)recipe_int(r, "data.augment.crop"),
                          .flip = recipe_bool(r, "data.augment.flip"),
                          .flip_vertical = recipe_bool(r, "data.augment.flip_vertical"),
                          .rotate = recipe_real(r, "data.augment.rotate"),
                          .resized_crop = recipe_real(r, "data.augment.random_resized_crop"),
                          .brightness = recipe_real(r, "data.augment.brightness"),
                          .contrast = recipe_real(r, "data.augment.contrast"),
                          .saturation = recipe_real(r, "data.augment.saturation"),
                          .erase = recipe_real(r, "data.augment.erase")};
}

anl_status job_feed_open(job *j, job_feed *f, const anl__dataset *ds, const int64_t *index, int64_t n, bool training)
{
    const recipe *r = j->recipe;
    anl__loader_opts o = anl__loader_opts_default();
    const anl__augment a = augment_of(r);
    o.batch = j->batch < n ? j->batch : n;
    o.shuffle = training;
    o.seed = (uint64_t)recipe_int(r, "train.seed");
    o.norm = j->norm.channels ? &j->norm : NULL;
    o.augment = training && anl__augment_any(&a) ? &a : NULL;
    o.dtype = j->dtype;
    o.workers = (int)recipe_int(r, "data.workers");
    o.ring = (int)recipe_int(r, "data.prefetch");
    int most = (int)(sizeof f->held / sizeof f->held[0]), devices = training ? 0 : j->devices;
    if (o.ring <= devices) o.ring = devices + 1; /* each of them has one, and the next is made */
    if (o.ring > most) o.ring = most;
    ANL_TRY(anl__loader_create(j->ctx, ds, index, n, &o, &f->loader));
    if (ds->fields < 2 && !(f->no_label = anl__calloc(j->ctx, (size_t)o.batch, sizeof *f->no_label))) return ANL_NOMEM;
    f->set = ds;
    for (int k = 1, m = 0; k < ANL_MOST_LABELS; k++)
        if (anl_model_label_use(&j->model, k) != ANL_LABEL_NONE) f->more[m++] = k;
    if (f->more[0] && !(f->more_label = anl__calloc(j->ctx, (size_t)(o.ring * ANL_MOST_LABELS * o.batch), sizeof *f->more_label))) return ANL_NOMEM;
    f->feed = (anl__feed){.self = f, .samples = n, .batch = o.batch, .start = feed_start, .next = feed_next, .release = feed_release, .held = o.ring};
    if (!training && !(f->scored_label = anl__calloc(j->ctx, (size_t)(o.ring * o.batch), sizeof *f->scored_label))) return ANL_NOMEM;
    ANL_TRY(job_inputs_feed(j, f, ds, o.ring));
    describe(j, f, ds, index, n, &o);
    return ANL_OK;
}

void job_feed_close(job *j, job_feed *f)
{
    anl__loader_destroy(f->loader);
    anl__sequence_loader_destroy(f->sequence);
    anl__free(j->ctx, f->no_label);
    anl__free(j->ctx, f->scored_label);
    anl__free(j->ctx, f->more_label);
    job_inputs_feed_close(j, f);
    *f = (job_feed){0};
}
