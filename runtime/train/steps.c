/* The steps of a trainer: its shards on its replicas, or, on a device that records, many of them one after the other without the host. */
#include "trainer_inside.h"

/* ---- a step ---------------------------------------------------------------------------------- */

typedef struct shard {
    int number, place;  /* of the batch; in the staging */
    int64_t begin, end; /* samples of the batch */
    const compiled *c;
} shard;

static anl_status shard_of(const anl__trainer *t, const replica *r, int number, shard *out)
{
    int64_t a = shard_begin(t->batch->n, t->opts.shards, number), b = shard_begin(t->batch->n, t->opts.shards, number + 1);
    *out = (shard){number, t->n_rep > 1 && !t->team ? 0 : number, a, b, anl__trainer_find(r->train, r->n_train, (anl__size){b - a, t->batch->variant})};
    return out->c ? ANL_OK : anl__fail(r->ctx, ANL_INTERNAL, "no program for a shard of %lld samples, variant %d", (long long)(b - a), t->batch->variant);
}

/* What the batch gives a shard, in the host's memory. */
static anl_bind given(const anl__trainer *t, const shard *s)
{
    anl_bind bind = {0};
    for (int i = 0; i < ANL_MAX_INPUTS && s->c->row[i]; i++)
        if (t->batch->input[i]) bind.input[i] = (const char *)t->batch->input[i] + (size_t)s->begin * s->c->row[i];
    return bind;
}

/* Forward and backward over staged inputs. */
static anl_status compute_shard(anl__trainer *t, replica *r, const shard *s, anl_bind *bind)
{
    anl__carry *carry = carry_of(t, r);
    ANL_TRY(anl__carry_bind(carry, r->device, &r->staging, s->place, s->begin, s->end - s->begin, bind));
    ANL_TRY(anl_program_run(s->c->p, bind));
    return anl__carry_take(carry, r->device, s->c->p, s->begin, s->end - s->begin);
}

static anl_status run_shard(anl__trainer *t, replica *r, int number, int slab)
{
    shard s;
    ANL_TRY(shard_of(t, r, number, &s));
    anl_bind bind = given(t, &s);
    bind.grad_slab = slab;
    ANL_TRY(anl__staging_fill(&r->staging, s.c->p, s.place, &bind));
    ANL_TRY(anl_net_set_rng(r->net, t->opts.seed, t->step, t->epoch, s.begin));
    return compute_shard(t, r, &s, &bind);
}

/* A lane's own shards and additions. Seeds of losses read the hyper block, as the update does later. */
static anl_status lane_part(anl__trainer *t, replica *r)
{
    ANL_TRY(anl_net_set_hyper(r->net, t->hyper));
    for (int k = 0; k < t->order->n_local; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        if (o->rank != r->rank) continue;
        ANL_TRY(o->shard >= 0 ? run_shard(t, r, o->shard, o->slab) : anl_net_grad_add(r->net, o->slab, r->net, o->src_slab));
    }
    return anl__replicas_settle(t, r);
}

static anl_status update_part(anl__trainer *t, replica *r)
{
    anl_bind bind = {.grad_slab = t->order->root};
    return anl_program_run(r->update, &bind);
}

/* What follows on the update, where there is a tape. */
static anl_status end_part(anl__trainer *t, replica *r)
{
    const void *stat = anl_program_output(r->update, "stat", NULL, NULL);
    ANL_TRY(anl__carry_commit(&r->carry, stat));
    return anl__tape_end(&r->tape, stat, t->order->root);
}

static anl_status step_of_lanes(anl__trainer *t)
{
    ANL_TRY(anl__replicas_each(t, lane_part));
    for (int k = t->order->n_local; k < t->order->n; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        ANL_TRY(anl__replicas_failed(t, &t->rep[o->rank], anl_net_grad_add(t->rep[o->rank].net, o->slab, t->rep[o->src_rank].net, o->src_slab)));
        ANL_TRY(anl__replicas_failed(t, &t->rep[o->rank], anl__replicas_settle(t, &t->rep[o->rank])));
    }
    int root = t->order->root;
    ANL_TRY(anl__replicas_copy_slab(t, ANL_SLAB_GRAD0 + root, ANL_SLAB_GRAD0 + root));
    ANL_TRY(anl__replicas_each(t, update_part));
    return end_part(t, &t->rep[0]);
}

/* ---- a step without the host ----------------------------------------------------------------- */

enum { MOST_NODES = 1 << 15 }; /* of a recording: a step of very many shards is enqueued each time */

static bool unrecorded(const anl__trainer *t, const anl__reduce *order) { return !t->opts.record || (int64_t)order->n * t->rep[0].train[0].p->n_step > MOST_NODES; }

const char *anl__trainer_launch_note(const anl__trainer *t)
{
    _Static_assert(ANL__STEPS_A_LAUNCH == 4, "the words below");
    bool refused = false, recorded = false, several = false;
    if (!taped(t) || !t->rep[0].n_train) return "";
    for (int i = 0; i < t->n_reduce; i++) refused |= unrecorded(t, &t->reduce[i]);
    for (int i = 0; i < t->n_whole; i++) {
        refused |= t->whole[i].refused;
        recorded |= t->whole[i].recorded;
        several |= t->whole[i].several;
    }
    return refused ? "launched kernel by kernel" : several ? "one launch for 4 steps" : recorded ? "one launch a step" : "one launch a step, once it is recorded";
}

bool anl__trainer_recorded(const anl__trainer *t)
{
    bool recorded = false;
    for (int i = 0; i < t->n_whole; i++) {
        if (t->whole[i].refused) return false;
        recorded |= t->whole[i].recorded;
    }
    return recorded;
}

/* The step's recording, which may be still to be made; NULL: there is none for it. */
static whole *whole_of(anl__trainer *t)
{
    anl__size size = {t->batch->n, t->batch->variant};
    for (int i = 0; i < t->n_whole; i++)
        if (t->whole[i].size.n == size.n && t->whole[i].size.variant == size.variant && t->whole[i].fed == fed(t, t->batch)) return t->whole[i].refused ? NULL : &t->whole[i];
    if (t->n_whole < ANL__MOST_SIZES) t->whole[t->n_whole++] = (whole){.size = size, .fed = fed(t, t->batch), .refused = unrecorded(t, t->order)};
    return NULL;
}

/* A step once its inputs are staged, in parts: nothing in them that the host has a share in, and between them devices wait for each other. */
static anl_status own_part(anl__trainer *t, replica *r)
{
    ANL_TRY(anl__tape_begin(&r->tape));
    for (int k = 0; k < t->order->n_local; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        if (o->rank != r->rank) continue;
        if (o->shard < 0) {
            ANL_TRY(anl_net_grad_add(r->net, o->slab, r->net, o->src_slab));
            continue;
        }
        shard s;
        ANL_TRY(shard_of(t, r, o->shard, &s));
        anl_bind bind = given(t, &s);
        bind.grad_slab = o->slab;
        anl__staging_use(&r->staging, s.c->p, s.place, &bind);
        ANL_TRY(anl__tape_sample(&r->tape, s.begin));
        if (fed(t, t->batch)) ANL_TRY(anl__resident_make(&r->resident, ANL__RESIDENT_TRAIN, &r->staging, s.place, s.end - s.begin, &bind));
        ANL_TRY(compute_shard(t, r, &s, &bind));
    }
    return ANL_OK;
}

static int order_number(const anl__trainer *t) { return (int)(t->order - t->reduce); }
static anl_status give_part(anl__trainer *t, replica *r) { return t->team ? anl__exchange_give(&r->exchange, order_number(t)) : ANL_OK; }
static anl_status add_part(anl__trainer *t, replica *r) { return t->team ? anl__exchange_add(&r->exchange, order_number(t)) : ANL_OK; }
static anl_status take_part(anl__trainer *t, replica *r) { return t->team ? anl__exchange_take(&r->exchange, order_number(t)) : ANL_OK; }

static replica_fn *const step_part[] = {own_part, give_part, add_part, take_part, update_part, end_part};
enum { STEP_PARTS = sizeof step_part / sizeof step_part[0] };

static anl_status step_on(anl__trainer *t, replica *r)
{
    for (int i = 0; i < STEP_PARTS; i++) ANL_TRY(step_part[i](t, r));
    return ANL_OK;
}

/* As it is enqueued without a recording. Devices of a team have finished a part before the next begins: a device that loads a kernel may wait
   for all that it was given before, and that may wait for another device. */
static anl_status enqueue_step(anl__trainer *t)
{
    if (!t->team) return step_on(t, &t->rep[0]);
    for (int i = 0; i < STEP_PARTS; i++) {
        ANL_TRY(anl__replicas_each(t, step_part[i]));
        ANL_TRY(anl__replicas_each(t, anl__replicas_settle));
    }
    return ANL_OK;
}

/* ---- recordings ------------------------------------------------------------------------------ */

typedef struct recorder {
    anl__trainer *t;
    replica *r;
    int steps;
} recorder;

static anl_status enqueue_recorded(void *arg)
{
    const recorder *c = arg;
    for (int i = 0; i < c->steps; i++) ANL_TRY(step_on(c->t, c->r));
    return ANL_OK;
}

static recordings *recordings_of(const anl__trainer *t, replica *r) { return &r->taken[t->now - t->whole]; }

static anl_status record_one(anl__trainer *t, replica *r) { return anl__net_record(r->net, enqueue_recorded, &(recorder){t, r, 1}, &recordings_of(t, r)->step); }
static anl_status record_several(anl__trainer *t, replica *r)
{
    return anl__net_record(r->net, enqueue_recorded, &(recorder){t, r, ANL__STEPS_A_LAUNCH}, &recordings_of(t, r)->several);
}
static anl_status replay_one(anl__trainer *t, replica *r) { return anl__net_replay(r->net, recordings_of(t, r)->step); }
static anl_status replay_several(anl__trainer *t, replica *r) { return anl__net_replay(r->net, recordings_of(t, r)->several); }

static void forget(replica *r, void **recording)
{
    if (*recording) r->device->vt->forget(r->device, *recording);
    *recording = NULL;
}

/* The step under way, or several of them, on every replica or on none. */
static anl_status record(anl__trainer *t, whole *w, bool several, bool *done)
{
    *done = true;
    t->now = w;
    if (t->team) ANL_TRY(anl__replicas_each(t, anl__replicas_settle));
    ANL_TRY(anl__replicas_each(t, several ? record_several : record_one));
    for (int i = 0; i < t->n_rep; i++) {
        const recordings *x = recordings_of(t, &t->rep[i]);
        *done &= (several ? x->several : x->step) != NULL;
    }
    if (t->team) ANL_TRY(anl__replicas_each(t, anl__replicas_settle)); /* what a device does to take it up is done before another waits for it */
    for (int i = 0; i < t->n_rep && !*done; i++) {
        recordings *x = recordings_of(t, &t->rep[i]);
        forget(&t->rep[i], several ? &x->several : &x->step);
    }
    return ANL_OK;
}

static anl_status replay(anl__trainer *t, whole *w, bool several)
{
    t->now = w;
    return anl__replicas_each(t, several ? replay_several : replay_one);
}

void anl__trainer_forget(anl__trainer *t)
{
    for (int k = 0; k < t->n_rep; k++)
        for (int i = 0; i < t->n_whole; i++) {
            forget(&t->rep[k], &t->rep[k].taken[i].step);
            forget(&t->rep[k], &t->rep[k].taken[i].several);
        }
    t->n_whole = 0;
}

/* Launches the steps that wait: as one, if there are enough of them, or one by one. */
static anl_status launch_waiting(anl__trainer *t)
{
    whole *w = t->waits;
    bool enough = t->waiting == ANL__STEPS_A_LAUNCH;
    if (enough && !w->several && !w->one_by_one) { /* the step under way is one of them */
        ANL_TRY(record(t, w, true, &w->several));
        w->one_by_one = !w->several;
    }
    if (enough && w->several) {
        t->waiting = 0;
        return replay(t, w, true);
    }
    for (; t->waiting; t->waiting--) ANL_TRY(replay(t, w, false));
    return ANL_OK;
}

/* Where the device has all that the next steps need too, and they are so small that several were announced, they are launched together. */
static bool may_wait(const anl__trainer *t, const whole *w)
{
    return w->fed && !w->one_by_one && t->launch.n >= ANL__STEPS_A_LAUNCH &&
           (int64_t)t->order->n * t->rep[0].train[0].p->n_step * ANL__STEPS_A_LAUNCH <= MOST_NODES;
}

/* A replica's part of a batch that the host has made. */
static anl_status upload_part(anl__trainer *t, replica *r)
{
    for (int k = 0; k < t->order->n_local; k++) {
        shard s;
        const anl__reduce_op *o = &t->order->op[k];
        if (o->shard < 0 || o->rank != r->rank) continue;
        ANL_TRY(shard_of(t, r, o->shard, &s));
        anl_bind bind = given(t, &s);
        ANL_TRY(anl__staging_fill(&r->staging, s.c->p, s.place, &bind));
    }
    return ANL_OK;
}

/* Uploads where the host makes the batch, then everything else, by one launch from the second step of a size on. */
static anl_status step_of_tape(anl__trainer *t)
{
    whole *w = whole_of(t);
    if (w != t->waits) ANL_TRY(launch_waiting(t));
    if (!fed(t, t->batch)) ANL_TRY(anl__replicas_each(t, upload_part));
    if (w && !w->recorded) {
        ANL_TRY(record(t, w, false, &w->recorded));
        w->refused = !w->recorded;
    }
    if (!w || w->refused) return enqueue_step(t);
    if (!may_wait(t, w)) return replay(t, w, false);
    t->waits = w;
    return ++t->waiting < ANL__STEPS_A_LAUNCH ? ANL_OK : launch_waiting(t);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* By itself: as many steps as are done within about a millisecond on a large GPU, so that a signal is heard soon and small models need not wait
   for the host after each. */
int anl__trainer_most_ahead(const anl__trainer *t)
{
    const double enough = 2e10; /* flops */
    enum { BY_ITSELF = 64 };
    anl_program_stats s;
    if (!taped(t)) return 1;
    if (t->opts.ahead > 0) return t->opts.ahead < ANL__MOST_AHEAD ? t->opts.ahead : ANL__MOST_AHEAD;
    anl_program_get_stats(t->rep[0].train[0].p, &s);
    double n = enough / (s.flops * t->opts.shards + 1);
    return n > BY_ITSELF ? BY_ITSELF : n > 1 ? (int)n : 1;
}

/* The hyper block of step i of the launch. */
static void hyper_of(const anl__trainer *t, int i, float hyper[ANL_HYPER_WORDS])
{
    anl__optim_hyper(&t->opts.optim, t->launch.lr[i], t->launch.step + i, hyper);
    hyper[ANL__HYPER_LOSS_SCALE] = t->mean;
}

static anl_status write_tape(anl__trainer *t, replica *r)
{
    const anl__launch *l = &t->launch;
    for (int i = 0; i < l->n; i++) {
        anl__tape_row row = {0};
        anl__rng_words(row.rng, t->opts.seed, l->step + i, l->epoch, 0);
        row.rng[ANL__RNG_FIRST] = (int32_t)(l->first + i * l->batch);
        hyper_of(t, i, row.hyper);
        anl__tape_set(&r->tape, i, &row);
    }
    return anl__tape_write(&r->tape, l->n);
}

anl_status anl__trainer_begin(anl__trainer *t, const anl__launch *l)
{
    t->launch = *l;
    t->enqueued = t->waiting = 0;
    if (l->n < 1 || l->n > ANL__TAPE_ROWS) return anl__fail(t->ctx, ANL_INVALID, "%d steps at once: 1 to %d are possible", l->n, ANL__TAPE_ROWS);
    return taped(t) ? anl__replicas_each(t, write_tape) : ANL_OK;
}

static anl_status clear_part(anl__trainer *t, replica *r)
{
    if (&r->carry != carry_of(t, r)) return ANL_OK;
    ANL_TRY(anl__carry_clear(&r->carry));
    return anl__replicas_settle(t, r); /* lanes read them, on streams of their own */
}

anl_status anl__trainer_enqueue(anl__trainer *t, const anl__feed_batch *b)
{
    float hyper[ANL_HYPER_WORDS];
    int i = t->enqueued;
    if (i >= t->launch.n) return anl__fail(t->ctx, ANL_INTERNAL, "more steps than the %d announced", t->launch.n);
    t->order = anl__trainer_order(t, b->n);
    if (!t->order) return anl__fail(t->ctx, ANL_INTERNAL, "a batch of %lld samples was not announced", (long long)b->n);
    if (b->fresh) {
        ANL_TRY(launch_waiting(t));
        ANL_TRY(anl__replicas_each(t, clear_part));
    }
    t->batch = b;
    t->step = t->launch.step + i;
    t->epoch = t->launch.epoch;
    t->enqueued++;
    if (taped(t)) return step_of_tape(t);
    hyper_of(t, i, hyper);
    t->hyper = hyper;
    return step_of_lanes(t);
}

/* The device counts the parameters that are not frozen. */
static int param_of(const anl_net *net, int segment) { return segment < 0 ? -1 : anl__registry_find(&net->param, net->segment[segment].name); }

anl_status anl__trainer_results(anl__trainer *t, anl__step_result *out)
{
    float row[ANL__TAPE_ROWS][ANL__RING_WORDS];
    ANL_TRY(launch_waiting(t));
    ANL_TRY(anl__tape_results(&t->rep[0].tape, t->launch.step, t->enqueued, row));
    for (int i = 0; i < t->enqueued; i++) {
        const float *v = row[i];
        out[i] = (anl__step_result){.finite = v[ANL__RING_FINITE] != 0, .norm = (double)v[ANL__RING_NORM], .loss_num = (double)v[ANL__RING_NUM],
                                    .loss_den = (double)v[ANL__RING_DEN], .correct = (double)v[ANL__RING_CORRECT], .bad_param = param_of(t->rep[0].net, (int)v[ANL__RING_BAD]),
                                    .overflow = v[ANL__RING_OVERFLOW] != 0, .scale = (double)v[ANL__RING_SCALE]};
    }
    return ANL_OK;
}

anl_status anl__trainer_step(anl__trainer *t, const anl__feed_batch *b, int64_t step, int64_t epoch, double lr, anl__step_result *out)
{
    anl__launch l = {.n = 1, .step = step, .epoch = epoch, .first = b->first, .batch = b->n, .lr = &lr};
    ANL_TRY(anl__trainer_begin(t, &l));
    ANL_TRY(anl__trainer_enqueue(t, b));
    return anl__trainer_results(t, out);
}

