/* Prefetching (loader.h): workers take batch numbers in order and fill ring slot number % ring when it is
 * free. One mutex guards the counters and the slots' states; filling itself runs without it. */
#include "datasets/loader.h"

#include "runtime/base/order.h"

#include <pthread.h>
#include <string.h>

enum { PREFETCH_BYTES = 1024 };

typedef enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_READY, SLOT_HELD } slot_state;

typedef struct slot {
    slot_state state;
    void *x;
    int32_t *label;
    int64_t *id;
    void *scratch; /* of who fills the slot */
} slot;

struct anl__loader {
    anl_ctx *ctx;
    const anl__dataset *ds;
    anl__loader_opts opts;
    anl__transform transform;
    anl__order order;
    int64_t *index; /* NULL: all */
    int64_t n, batches;
    size_t sample_bytes;
    slot *slots;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* something may be filled; a slot is ready or a worker went idle */
    bool running, quit;
    uint32_t epoch;
    int64_t next_fill, next_out;
    int filling; /* slots in SLOT_FILLING */
    /* */
    pthread_t *threads;
    int started;
};

anl__loader_opts anl__loader_opts_default(void)
{
    anl__loader_opts o = {.batch = 128, .dtype = ANL_F32, .workers = 1, .ring = 4};
    return o;
}

static int64_t batch_count(const anl__loader *l, int64_t number)
{
    int64_t left = l->n - number * l->opts.batch;
    return left < l->opts.batch ? left : l->opts.batch;
}

static int64_t sample_at(const anl__loader *l, uint32_t epoch, int64_t position)
{
    int64_t at = anl__order_at(&l->order, epoch, position);
    return l->index ? l->index[at] : at;
}

/* Asks for a sample's bytes ahead of their use: those of a shuffled batch lie all over memory, and waiting
   for each in turn would take half of the filling's time. Large samples are left to the processor's own
   prefetching. */
static void prefetch(const anl__loader *l, int64_t id)
{
    const char *p = anl__dataset_get(l->ds, ANL__FIELD_X, id);
    size_t bytes = l->ds->field[ANL__FIELD_X].bytes;
    for (size_t b = 0; b < bytes && b < PREFETCH_BYTES; b += 64) __builtin_prefetch(p + b);
}

/* Everything in a batch, from its number alone. */
static void fill(const anl__loader *l, slot *s, uint32_t epoch, int64_t number)
{
    int64_t n = batch_count(l, number);
    for (int64_t i = 0; i < n; i++) {
        s->id[i] = sample_at(l, epoch, number * l->opts.batch + i);
        prefetch(l, s->id[i]);
        if (s->label) memcpy(&s->label[i], anl__dataset_get(l->ds, ANL__FIELD_LABEL, s->id[i]), sizeof *s->label); /* i32 or f32 */
    }
    for (int64_t i = 0; i < n; i++)
        anl__transform_apply(&l->transform, l->opts.seed, epoch, s->id[i],
                             anl__dataset_get(l->ds, ANL__FIELD_X, s->id[i]), s->scratch,
                             (char *)s->x + (size_t)i * l->sample_bytes);
}

/* ---- workers ---------------------------------------------------------------------------------- */

static bool may_fill(const anl__loader *l)
{
    return l->running && l->next_fill < l->batches &&
           l->slots[l->next_fill % l->opts.ring].state == SLOT_FREE;
}

static void *worker(void *arg)
{
    anl__loader *l = arg;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->quit && !may_fill(l)) pthread_cond_wait(&l->work, &l->lock);
        if (l->quit) break;
        int64_t number = l->next_fill++;
        uint32_t epoch = l->epoch;
        slot *s = &l->slots[number % l->opts.ring];
        s->state = SLOT_FILLING;
        l->filling++;
        pthread_mutex_unlock(&l->lock);
        fill(l, s, epoch, number);
        pthread_mutex_lock(&l->lock);
        s->state = SLOT_READY;
        l->filling--;
        pthread_cond_signal(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- creating --------------------------------------------------------------------------------- */

static anl_status check(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n,
                        const anl__loader_opts *o)
{
    if (o->batch < 1 || o->workers < 0 || o->workers > 1024 || o->ring < 1)
        return anl__fail(
            ctx, ANL_INVALID,
            "a loader of batch %lld, %d workers, ring %d: expected at least 1, 0 to 1024, at least 1",
            (long long)o->batch, o->workers, o->ring);
    if (n < 1) return anl__fail(ctx, ANL_DATA, "%s: no samples to load", ds->name);
    for (int64_t i = 0; index && i < n; i++)
        if (index[i] < 0 || index[i] >= ds->n)
            return anl__fail(ctx, ANL_DATA, "%s: index %lld of the list is sample %lld, but the set has %lld",
                             ds->name, (long long)i, (long long)index[i], (long long)ds->n);
    return ANL_OK;
}

static anl_status make_slots(anl__loader *l)
{
    const anl__loader_opts *o = &l->opts;
    size_t bytes = 0;
    if (__builtin_mul_overflow((size_t)o->batch, l->sample_bytes, &bytes))
        return anl__fail(l->ctx, ANL_NOMEM, "a batch of %lld samples of %zu bytes is too large",
                         (long long)o->batch, l->sample_bytes);
    l->slots = anl__calloc(l->ctx, (size_t)o->ring, sizeof *l->slots);
    if (!l->slots) return ANL_NOMEM;
    for (int i = 0; i < o->ring; i++) {
        slot *s = &l->slots[i];
        if (o->alloc)
            ANL_TRY(o->alloc(o->user, bytes, &s->x));
        else if (!(s->x = anl__alloc(l->ctx, bytes)))
            return ANL_NOMEM;
        s->id = anl__calloc(l->ctx, (size_t)o->batch, sizeof *s->id);
        s->scratch = anl__alloc(l->ctx, anl__transform_scratch(&l->transform));
        if (!s->id || !s->scratch) return ANL_NOMEM;
        if (l->ds->fields <= ANL__FIELD_LABEL) continue;
        s->label = anl__calloc(l->ctx, (size_t)o->batch, sizeof *s->label);
        if (!s->label) return ANL_NOMEM;
    }
    return ANL_OK;
}

static anl_status start_threads(anl__loader *l)
{
    l->threads = anl__calloc(l->ctx, (size_t)l->opts.workers, sizeof *l->threads);
    if (!l->threads) return ANL_NOMEM;
    for (; l->started < l->opts.workers; l->started++)
        if (pthread_create(&l->threads[l->started], NULL, worker, l) != 0)
            return anl__fail(l->ctx, ANL_NOMEM, "data worker %d of %d cannot be started", l->started + 1,
                             l->opts.workers);
    return ANL_OK;
}

static anl_status init(anl__loader *l, const int64_t *index)
{
    const anl__loader_opts *o = &l->opts;
    if (index) {
        l->index = anl__calloc(l->ctx, (size_t)l->n, sizeof *l->index);
        if (!l->index) return ANL_NOMEM;
        memcpy(l->index, index, (size_t)l->n * sizeof *l->index);
    }
    l->batches = (l->n - 1) / o->batch + 1; /* n is at least 1 */
    l->order = anl__order_make(o->seed, l->n, o->shuffle);
    ANL_TRY(anl__transform_init(l->ctx, &l->ds->field[ANL__FIELD_X], o->norm, o->augment, o->dtype,
                                &l->transform));
    l->sample_bytes = anl__transform_bytes(&l->transform);
    ANL_TRY(make_slots(l));
    return start_threads(l);
}

anl_status anl__loader_create(anl_ctx *ctx, const anl__dataset *ds, const int64_t *index, int64_t n_index,
                              const anl__loader_opts *opts, anl__loader **out)
{
    if (!index) n_index = ds->n;
    ANL_TRY(check(ctx, ds, index, n_index, opts));
    anl__loader *l = anl__alloc(ctx, sizeof *l);
    if (!l) return ANL_NOMEM;
    l->ctx = ctx;
    l->ds = ds;
    l->opts = *opts;
    l->n = n_index;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    anl_status st = init(l, index);
    if (st != ANL_OK) {
        anl__loader_destroy(l);
        return st;
    }
    l->opts.norm = NULL; /* copied into the transform */
    l->opts.augment = NULL;
    *out = l;
    return ANL_OK;
}

void anl__loader_destroy(anl__loader *l)
{
    if (!l) return;
    anl_ctx *ctx = l->ctx;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++) pthread_join(l->threads[i], NULL);
    for (int i = 0; l->slots && i < l->opts.ring; i++) {
        if (l->opts.alloc && l->slots[i].x) l->opts.free(l->opts.user, l->slots[i].x);
        if (!l->opts.alloc) anl__free(ctx, l->slots[i].x);
        anl__free(ctx, l->slots[i].id);
        anl__free(ctx, l->slots[i].scratch);
        anl__free(ctx, l->slots[i].label);
    }
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    anl__transform_release(ctx, &l->transform);
    anl__free(ctx, l->threads);
    anl__free(ctx, l->slots);
    anl__free(ctx, l->index);
    anl__free(ctx, l);
}

int64_t anl__loader_batches(const anl__loader *l)
{
    return l->batches;
}

int64_t anl__loader_samples(const anl__loader *l)
{
    return l->n;
}

anl_shape anl__loader_shape(const anl__loader *l)
{
    return l->ds->field[ANL__FIELD_X].shape;
}

const anl__transform *anl__loader_transform(const anl__loader *l)
{
    return &l->transform;
}

/* ---- the consumer's side ---------------------------------------------------------------------- */

static void stop_locked(anl__loader *l)
{
    l->running = false;
    while (l->filling > 0) pthread_cond_wait(&l->ready, &l->lock);
}

void anl__loader_stop(anl__loader *l)
{
    pthread_mutex_lock(&l->lock);
    stop_locked(l);
    pthread_mutex_unlock(&l->lock);
}

anl_status anl__loader_start(anl__loader *l, uint32_t epoch, int64_t first_batch)
{
    if (first_batch < 0 || first_batch > l->batches)
        return anl__fail(l->ctx, ANL_INVALID, "an epoch of %lld batches cannot begin at batch %lld",
                         (long long)l->batches, (long long)first_batch);
    pthread_mutex_lock(&l->lock);
    stop_locked(l);
    for (int i = 0; i < l->opts.ring; i++) l->slots[i].state = SLOT_FREE;
    l->epoch = epoch;
    l->next_fill = first_batch;
    l->next_out = first_batch;
    l->running = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return ANL_OK;
}

/* Waits for the slot of the next batch, or fills it here when there are no workers. */
static bool await_slot(anl__loader *l, slot *s)
{
    if (l->opts.workers == 0 && s->state == SLOT_FREE) {
        fill(l, s, l->epoch, l->next_out);
        s->state = SLOT_READY;
    }
    while (s->state == SLOT_FREE || s->state == SLOT_FILLING) pthread_cond_wait(&l->ready, &l->lock);
    return s->state == SLOT_READY;
}

anl_status anl__loader_next(anl__loader *l, anl__batch *out)
{
    pthread_mutex_lock(&l->lock);
    bool running = l->running, over = l->next_out == l->batches;
    anl__batch b = {.epoch = l->epoch, .number = l->next_out, .first = l->next_out * l->opts.batch};
    bool have = false;
    if (running && !over) {
        b.slot = (int)(l->next_out % l->opts.ring);
        slot *s = &l->slots[b.slot];
        have = await_slot(l, s);
        if (have) {
            s->state = SLOT_HELD;
            b.n = batch_count(l, l->next_out++);
            b.x = s->x;
            b.label = s->label;
            b.id = s->id;
        }
    }
    pthread_mutex_unlock(&l->lock);
    if (!running) return anl__fail(l->ctx, ANL_INVALID, "the loader has not been started");
    if (!over && !have)
        return anl__fail(l->ctx, ANL_INVALID,
                         "all %d batches of the loader's ring are held; release one first", l->opts.ring);
    *out = b;
    return ANL_OK;
}

void anl__loader_release(anl__loader *l, const anl__batch *b)
{
    pthread_mutex_lock(&l->lock);
    if (b->n > 0 && l->slots[b->slot].state == SLOT_HELD) {
        l->slots[b->slot].state = SLOT_FREE;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&l->lock);
}
