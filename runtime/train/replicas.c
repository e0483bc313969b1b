/* What lies between a trainer's replicas: running something on each of them, and bringing one's memory to the others.
 */
#include "trainer_inside.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct each {
    anl__trainer *t;
    replica_fn *fn;
    _Atomic int failed; /* the first to fail, one more than its rank; 0: none. Others may fail for that reason */
    anl_status status;  /* its */
} each;

static void part(void *arg, int i, int worker)
{
    each *e = arg;
    replica *r = &e->t->rep[i];
    int nobody = 0;
    (void)worker;
    anl_status st = e->fn(e->t, r);
    if (st == ANL_OK) return;
    if (atomic_compare_exchange_strong(&e->failed, &nobody, i + 1)) e->status = st;
    if (e->t->team && r->device && r->device->vt->give_up) r->device->vt->give_up(r->device, anl_last_error(r->ctx));
}

anl_status anl__replicas_each(anl__trainer *t, replica_fn *fn)
{
    each e = {.t = t, .fn = fn};
    anl__pool_run(t->lanes, t->n_rep, part, &e);
    return e.failed ? anl__replicas_failed(t, &t->rep[e.failed - 1], e.status) : ANL_OK;
}

anl_status anl__replicas_failed(anl__trainer *t, const replica *r, anl_status st)
{
    if (st == ANL_OK || r->ctx == t->ctx) return st;
    return t->team ? anl__fail(t->ctx, st, "device %d: %s", r->rank, anl_last_error(r->ctx))
                   : anl__fail(t->ctx, st, "%s", anl_last_error(r->ctx));
}

/* What replicas but the first say, from threads of their own, is said by the trainer. */
static void forward(void *user, anl_log_level level, const char *text)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    const replica *r = user;
    pthread_mutex_lock(&one_at_a_time);
    anl__log(r->speaker, level, "device %d: %s", r->rank, text);
    pthread_mutex_unlock(&one_at_a_time);
}

anl_status anl__replicas_contexts(anl__trainer *t)
{
    for (int i = 0; i < t->n_rep; i++) {
        replica *r = &t->rep[i];
        r->rank = i;
        r->speaker = t->ctx;
        r->ctx = i ? anl_ctx_create() : t->ctx;
        if (!r->ctx) return anl__fail(t->ctx, ANL_NOMEM, "no memory for replica %d", i);
        if (i && t->team) anl_ctx_set_log(r->ctx, forward, r);
    }
    return ANL_OK;
}

anl_status anl__replicas_settle(anl__trainer *t, replica *r)
{
    if (t->n_rep == 1 || r->device->vt->host_memory) return ANL_OK;
    return r->device->vt->sync(r->device);
}

anl_status anl__replicas_copy_slab(anl__trainer *t, int slab, int from_slab)
{
    const anl_net *src = t->rep[0].net;
    ANL_TRY(anl__replicas_settle(t, &t->rep[0]));
    for (int i = 1; i < t->n_rep; i++) {
        replica *r = &t->rep[i];
        anl_net *dst = r->net;
        if (!dst->slab[slab]) continue;
        ANL_TRY(anl__replicas_failed(t, r,
                                     dst->device->vt->copy(dst->device, dst->slab[slab], src->slab[from_slab],
                                                           (size_t)dst->slab_count[slab] * anl__elem(dst))));
        ANL_TRY(anl__replicas_failed(t, r, anl__replicas_settle(t, r)));
        dst->version++;
    }
    return ANL_OK;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* All must be what the run's record says of the first, or the bits would depend on which device has which shard. */
static anl_status same_kind(anl__trainer *t, const replica *r)
{
    anl__buf first, this;
    anl__buf_init(&first, t->ctx);
    anl__buf_init(&this, t->ctx);
    t->rep[0].device->vt->describe(t->rep[0].device, &first);
    r->device->vt->describe(r->device, &this);
    anl_status st = first.status != ANL_OK ? first.status : this.status;
    if (st == ANL_OK && strcmp(first.text, this.text))
        st = anl__fail(t->ctx, ANL_DEVICE, "devices: all must be of one kind, but device 0 is %s and device %d is %s",
                       first.text, r->rank, this.text);
    anl__buf_release(&first);
    anl__buf_release(&this);
    return st;
}

/* Carried states stay with the device that computes a row, so every batch must be cut alike. */
static anl_status carried_rows_stay(anl__trainer *t)
{
    const anl__size *size = t->opts.train_sizes;
    if (!t->rep[0].carry.n) return ANL_OK;
    for (int i = 1; i < ANL__MOST_SIZES && size[i].n; i++)
        if (size[i].n != size[0].n)
            return anl__fail(t->ctx, ANL_UNSUPPORTED,
                             "devices: %d cannot share states that are carried from batch to batch: batches have %lld "
                             "and %lld samples",
                             t->n_rep, (long long)size[0].n, (long long)size[i].n);
    return ANL_OK;
}

anl_status anl__replicas_join(anl__trainer *t)
{
    anl_device *dev[ANL__MOST_DEVICES];
    if (!t->team) return ANL_OK;
    for (int i = 0; i < t->n_rep; i++) dev[i] = t->rep[i].device;
    for (int i = 1; i < t->n_rep; i++) ANL_TRY(same_kind(t, &t->rep[i]));
    ANL_TRY(carried_rows_stay(t));
    ANL_TRY(dev[0]->vt->join(dev, t->n_rep));
    for (int i = 0; i < t->n_rep; i++)
        ANL_TRY(anl__replicas_failed(t, &t->rep[i], anl__exchange_open(&t->rep[i].exchange, t->reduce, t->n_reduce)));
    char *note = t->rep[0].resident.note;
    const size_t size = sizeof t->rep[0].resident.note;
    int lacks = -1; /* a device that has no room */
    for (int i = 0; i < t->n_rep; i++) {
        ANL_TRY(anl__replicas_failed(t, &t->rep[i], anl__resident_open(&t->rep[i].resident)));
        if (!t->rep[i].resident.x && lacks < 0) lacks = i;
    }
    for (int i = 0; i < t->n_rep && lacks >= 0; i++) anl__resident_drop(&t->rep[i].resident);
    if (lacks > 0)
        snprintf(note, size, "%s", t->rep[lacks].resident.note);
    else if (lacks < 0)
        snprintf(note + strlen(note), size - strlen(note), ", on each of the %d", t->n_rep);
    return ANL_OK;
}

int64_t anl__trainer_exchanged(const anl__trainer *t)
{
    return t->team ? anl__exchange_bytes(&t->rep[0].exchange, 0) : 0;
}

/* ---- what the host reads and writes ---------------------------------------------------------- */

typedef enum direction { TO_FIRST, FROM_FIRST } direction;

/* Rows of carried states between replica 0 and the one whose shards they are, by way of the host. */
static anl_status move_carried(anl__trainer *t, replica *r, direction to)
{
    const anl__reduce *all = &t->reduce[0];
    int64_t n = t->opts.train_sizes[0].n, first = n, end = 0;
    for (int s = 0; s < all->shards; s++) {
        if (anl__reduce_owner(t->opts.shards, t->n_rep, s) != r->rank) continue;
        if (shard_begin(n, t->opts.shards, s) < first) first = shard_begin(n, t->opts.shards, s);
        end = shard_begin(n, t->opts.shards, s + 1);
    }
    anl__carry *a = &t->rep[0].carry, *b = &r->carry;
    if (first >= end) return ANL_OK;
    return to == TO_FIRST ? anl__carry_move(t->ctx, a, b, first, end - first)
                          : anl__carry_move(t->ctx, b, a, first, end - first);
}

static anl_status move_all_carried(anl__trainer *t, direction to)
{
    for (int i = 1; i < t->n_rep && t->team && t->rep[0].carry.n; i++) ANL_TRY(move_carried(t, &t->rep[i], to));
    return ANL_OK;
}

anl_status anl__trainer_gather(anl__trainer *t) { return move_all_carried(t, TO_FIRST); }

anl_status anl__trainer_spread(anl__trainer *t)
{
    for (int s = 0; s < ANL_SLAB_COUNT; s++)
        if (s < ANL_SLAB_GRAD0 || s >= ANL_SLAB_MOMENT0) ANL_TRY(anl__replicas_copy_slab(t, s, s));
    float scale[ANL__SCALE_WORDS];
    if (t->n_rep > 1) ANL_TRY(anl__net_get_scale(t->rep[0].net, scale));
    for (int i = 1; i < t->n_rep; i++)
        ANL_TRY(anl__replicas_failed(t, &t->rep[i], anl__net_set_scale(t->rep[i].net, scale)));
    return move_all_carried(t, FROM_FIRST);
}
