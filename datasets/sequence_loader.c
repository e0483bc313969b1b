/* Batches by bucket (sequence_loader.h). Which item stands where is arithmetic on the counts of the buckets; only the batch that
 * is asked for is filled. */
#include "datasets/sequence_loader.h"

#include "runtime/base/order.h"

#include <string.h>

typedef struct bucket {
    int64_t items, first;   /* of it; where its part of `item` begins */
    int64_t batches, batch; /* of it; number of its first one in the unshuffled order */
    anl__order order;
} bucket;

typedef struct slot {
    void *data[ANL__RAGGED_FIELDS];
    int32_t *length[ANL__RAGGED_AXES];
    int64_t *id;
} slot;

struct anl__sequence_loader {
    anl_ctx *ctx;
    const anl__ragged *set;
    anl__sequence_opts opts;
    anl__buckets buckets;
    bucket bucket[ANL__MAX_BUCKETS];
    anl__order order; /* of the batches */
    int64_t *item;    /* the list's items, bucket after bucket */
    int64_t n, batches;
    slot *slots;
    bool running;
    uint32_t epoch;
    int64_t next;
};

anl__sequence_opts anl__sequence_opts_default(void)
{
    anl__sequence_opts o = {.batch = 64, .ring = 2};
    return o;
}

/* ---- creating --------------------------------------------------------------------------------- */

static anl_status check(anl_ctx *ctx, const anl__ragged *set, const int64_t *index, int64_t n, const anl__sequence_opts *o)
{
    if ((o->batch < 1 && o->streams < 1) || o->streams < 0 || o->ring < 1)
        return anl__fail(ctx, ANL_INVALID, "a loader of batch %lld, %lld streams, ring %d: expected at least 1, 0, 1",
                         (long long)o->batch, (long long)o->streams, o->ring);
    if (o->buckets && (o->buckets->n < 1 || o->buckets->n > ANL__MAX_BUCKETS))
        return anl__fail(ctx, ANL_INVALID, "%d buckets: expected 1 to %d", o->buckets->n, ANL__MAX_BUCKETS);
    if (n < 1) return anl__fail(ctx, ANL_DATA, "%s: no items to load", set->name);
    if (o->streams && (index || n % o->streams || o->shuffle || (o->buckets && o->buckets->n > 1)))
        return anl__fail(ctx, ANL_INVALID, "%s: %lld streams need the whole set in one bucket, unshuffled, and a multiple of them (found %lld items)",
                         set->name, (long long)o->streams, (long long)n);
    for (int64_t i = 0; index && i < n; i++)
        if (index[i] < 0 || index[i] >= set->n)
            return anl__fail(ctx, ANL_DATA, "%s: entry %lld of the list is item %lld, but the set has %lld", set->name,
                             (long long)i, (long long)index[i], (long long)set->n);
    return ANL_OK;
}

static void lengths_of(const anl__ragged *set, int64_t i, int64_t length[ANL__RAGGED_AXES])
{
    int axes = anl__ragged_axes(set);
    for (int a = 0; a < ANL__RAGGED_AXES; a++) length[a] = a < axes ? anl__ragged_length(set, a, i) : 0;
}

/* One bucket that holds every item of the list. */
static void bucket_of_all(anl__sequence_loader *l, const int64_t *index)
{
    l->buckets = (anl__buckets){.n = 1};
    for (int64_t i = 0; i < l->n; i++) {
        int64_t length[ANL__RAGGED_AXES];
        lengths_of(l->set, index ? index[i] : i, length);
        for (int a = 0; a < ANL__RAGGED_AXES; a++)
            if (length[a] > l->buckets.most[0][a]) l->buckets.most[0][a] = length[a];
    }
}

static anl_status find_bucket(const anl__sequence_loader *l, int64_t i, int *out)
{
    int64_t length[ANL__RAGGED_AXES];
    int axes = anl__ragged_axes(l->set);
    lengths_of(l->set, i, length);
    for (int a = 0; a < axes && !l->opts.streams; a++)
        if (length[a] < 1) return anl__fail(l->ctx, ANL_DATA, "%s: item %lld has no time step", l->set->name, (long long)i);
    *out = anl__buckets_find(&l->buckets, length);
    if (*out >= 0) return ANL_OK;
    if (axes < 2)
        return anl__fail(l->ctx, ANL_DATA, "%s: item %lld is %lld steps long, which none of the %d buckets holds", l->set->name,
                         (long long)i, (long long)length[0], l->buckets.n);
    return anl__fail(l->ctx, ANL_DATA, "%s: item %lld is %lld and %lld steps long, which none of the %d buckets holds", l->set->name,
                     (long long)i, (long long)length[0], (long long)length[1], l->buckets.n);
}

/* The list's items grouped by bucket, in the list's order, and what follows from the counts. */
static anl_status group(anl__sequence_loader *l, const int64_t *index)
{
    int64_t filled[ANL__MAX_BUCKETS] = {0}, items = 0;
    int v = 0;
    l->item = anl__calloc(l->ctx, (size_t)l->n, sizeof *l->item);
    if (!l->item) return ANL_NOMEM;
    for (int64_t i = 0; i < l->n; i++) {
        ANL_TRY(find_bucket(l, index ? index[i] : i, &v));
        l->bucket[v].items++;
    }
    for (v = 0; v < l->buckets.n; v++) {
        bucket *b = &l->bucket[v];
        b->first = items;
        b->batch = l->batches;
        b->batches = (b->items + l->opts.batch - 1) / l->opts.batch;
        items += b->items;
        l->batches += b->batches;
        if (b->items) b->order = anl__order_make(l->opts.seed ^ 0x9E3779B97F4A7C15u * (uint64_t)(v + 1), b->items, l->opts.shuffle);
    }
    l->order = anl__order_make(l->opts.seed ^ 0xD1B54A32D192ED03u, l->batches, l->opts.shuffle);
    for (int64_t i = 0; i < l->n; i++) {
        int64_t id = index ? index[i] : i;
        ANL_TRY(find_bucket(l, id, &v));
        l->item[l->bucket[v].first + filled[v]++] = id;
    }
    return ANL_OK;
}

static int64_t bucket_steps(const anl__sequence_loader *l, const anl__ragged_field *f, int v)
{
    return f->fixed ? f->fixed : l->buckets.most[v][f->axis];
}

static anl_status make_field(anl__sequence_loader *l, slot *s, int i)
{
    const anl__ragged_field *f = &l->set->field[i];
    int64_t most = 0, values = 0;
    for (int v = 0; v < l->buckets.n; v++)
        if (bucket_steps(l, f, v) > most) most = bucket_steps(l, f, v);
    if (__builtin_mul_overflow(most, f->width, &values) || __builtin_mul_overflow(values, l->opts.batch, &values))
        return anl__fail(l->ctx, ANL_NOMEM, "%s: a batch of %lld items of field %s is too large", l->set->name,
                         (long long)l->opts.batch, f->name);
    s->data[i] = anl__calloc(l->ctx, (size_t)values, 4);
    return s->data[i] ? ANL_OK : ANL_NOMEM;
}

static anl_status make_slots(anl__sequence_loader *l)
{
    l->slots = anl__calloc(l->ctx, (size_t)l->opts.ring, sizeof *l->slots);
    if (!l->slots) return ANL_NOMEM;
    for (int k = 0; k < l->opts.ring; k++) {
        slot *s = &l->slots[k];
        for (int i = 0; i < l->set->fields; i++) ANL_TRY(make_field(l, s, i));
        for (int a = 0; a < ANL__RAGGED_AXES; a++)
            if (!(s->length[a] = anl__calloc(l->ctx, (size_t)l->opts.batch, sizeof *s->length[a]))) return ANL_NOMEM;
        if (!(s->id = anl__calloc(l->ctx, (size_t)l->opts.batch, sizeof *s->id))) return ANL_NOMEM;
    }
    return ANL_OK;
}

anl_status anl__sequence_loader_create(anl_ctx *ctx, const anl__ragged *set, const int64_t *index, int64_t n_index,
                                       const anl__sequence_opts *opts, anl__sequence_loader **out)
{
    if (!index) n_index = set->n;
    ANL_TRY(check(ctx, set, index, n_index, opts));
    anl__sequence_loader *l = anl__alloc(ctx, sizeof *l);
    if (!l) return ANL_NOMEM;
    l->ctx = ctx;
    l->set = set;
    l->n = n_index;
    l->opts = *opts;
    l->opts.buckets = NULL;
    if (opts->streams) l->opts.batch = opts->streams;
    if (l->opts.batch > l->n) l->opts.batch = l->n; /* no buffer is larger than need be */
    if (opts->buckets)
        l->buckets = *opts->buckets;
    else
        bucket_of_all(l, index);
    anl_status st = group(l, index);
    if (st == ANL_OK) st = make_slots(l);
    if (st == ANL_OK)
        *out = l;
    else
        anl__sequence_loader_destroy(l);
    return st;
}

void anl__sequence_loader_destroy(anl__sequence_loader *l)
{
    if (!l) return;
    for (int k = 0; l->slots && k < l->opts.ring; k++) {
        slot *s = &l->slots[k];
        for (int i = 0; i < ANL__RAGGED_FIELDS; i++) anl__free(l->ctx, s->data[i]);
        for (int a = 0; a < ANL__RAGGED_AXES; a++) anl__free(l->ctx, s->length[a]);
        anl__free(l->ctx, s->id);
    }
    anl__free(l->ctx, l->slots);
    anl__free(l->ctx, l->item);
    anl__free(l->ctx, l);
}

/* ---- what an epoch has ------------------------------------------------------------------------ */

int64_t anl__sequence_loader_batches(const anl__sequence_loader *l)
{
    return l->batches;
}

int64_t anl__sequence_loader_items(const anl__sequence_loader *l)
{
    return l->n;
}

const anl__buckets *anl__sequence_loader_buckets(const anl__sequence_loader *l)
{
    return &l->buckets;
}

int anl__sequence_loader_sizes(const anl__sequence_loader *l, anl__size *out, int most)
{
    int n = 0;
    for (int v = 0; v < l->buckets.n; v++) {
        int64_t size[2] = {l->bucket[v].items >= l->opts.batch ? l->opts.batch : 0, l->bucket[v].items % l->opts.batch};
        for (int k = 0; k < 2; k++) {
            if (!size[k]) continue;
            if (n < most) out[n] = (anl__size){.n = size[k], .variant = v};
            n++;
        }
    }
    return n;
}

double anl__sequence_loader_padding(const anl__sequence_loader *l)
{
    int axes = anl__ragged_axes(l->set);
    double all = 0, real = 0;
    for (int v = 0; v < l->buckets.n; v++)
        for (int a = 0; a < axes; a++) {
            all += (double)l->buckets.most[v][a] * (double)l->bucket[v].items;
            for (int64_t i = 0; i < l->bucket[v].items; i++)
                real += (double)anl__ragged_length(l->set, a, l->item[l->bucket[v].first + i]);
        }
    return all > 0 ? (all - real) / all : 0;
}

/* ---- batches ---------------------------------------------------------------------------------- */

anl_status anl__sequence_loader_start(anl__sequence_loader *l, uint32_t epoch, int64_t first_batch)
{
    if (first_batch < 0 || first_batch > l->batches)
        return anl__fail(l->ctx, ANL_INVALID, "an epoch of %lld batches cannot begin at batch %lld", (long long)l->batches,
                         (long long)first_batch);
    l->epoch = epoch;
    l->next = first_batch;
    l->running = true;
    return ANL_OK;
}

static void fill(const anl__sequence_loader *l, slot *s, const anl__sequence_batch *b)
{
    for (int i = 0; i < l->set->fields; i++) {
        const anl__ragged_field *f = &l->set->field[i];
        size_t step = (size_t)f->width * 4, row = (size_t)bucket_steps(l, f, b->variant) * step;
        for (int64_t k = 0; k < b->n; k++) {
            char *to = (char *)s->data[i] + (size_t)k * row;
            int64_t length = anl__ragged_steps(f, s->id[k]);
            size_t bytes = (size_t)length * step;
            memcpy(to, anl__ragged_get(f, s->id[k]), bytes);
            memset(to + bytes, f->dtype == ANL_I32 ? 0xff : 0, row - bytes); /* -1 or 0.0f */
            if (!f->fixed) s->length[f->axis][k] = (int32_t)length;
        }
    }
}

anl_status anl__sequence_loader_next(anl__sequence_loader *l, anl__sequence_batch *out)
{
    if (!l->running) return anl__fail(l->ctx, ANL_INVALID, "the loader has not been started");
    anl__sequence_batch b = {.epoch = l->epoch, .number = l->next};
    if (l->next < l->batches) {
        slot *s = &l->slots[l->next % l->opts.ring];
        int64_t at = anl__order_at(&l->order, l->epoch, l->next);
        while (b.variant + 1 < l->buckets.n && at >= l->bucket[b.variant + 1].batch) b.variant++;
        const bucket *k = &l->bucket[b.variant];
        int64_t from = (at - k->batch) * l->opts.batch, left = k->items - from;
        b.n = left < l->opts.batch ? left : l->opts.batch;
        b.first = k->first + from;
        b.fresh = l->opts.streams ? l->next == 0 : true;
        for (int64_t i = 0; i < b.n; i++) s->id[i] = l->item[k->first + anl__order_at(&k->order, l->epoch, from + i)];
        fill(l, s, &b);
        for (int i = 0; i < l->set->fields; i++) {
            b.data[i] = s->data[i];
            b.length[i] = l->set->field[i].fixed ? NULL : s->length[l->set->field[i].axis];
        }
        b.id = s->id;
        l->next++;
    }
    *out = b;
    return ANL_OK;
}
