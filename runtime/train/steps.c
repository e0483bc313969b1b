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
    *out = (shard){number, t->n_rep > 1 ? 0 : number, a, b, anl__trainer_find(r->train, r->n_train, (anl__size){b - a, t->batch->variant})};
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
    ANL_TRY(anl__carry_bind(&t->carry, r->device, &r->staging, s->place, s->begin, s->end - s->begin, bind));
    ANL_TRY(anl_program_run(s->c->p, bind));
    return anl__carry_take(&t->carry, r->device, s->c->p, s->begin, s->end - s->begin);
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

/* A replica's own shards and additions. Seeds of losses read the hyper block, as the update does later. */
static void local_part(void *arg, int i, int worker)
{
    anl__trainer *t = arg;
    replica *r = &t->rep[i];
    (void)worker;
    r->status = anl_net_set_hyper(r->net, t->hyper);
    for (int k = 0; k < t->order->n_local && r->status == ANL_OK; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        if (o->rank != i) continue;
        r->status = o->shard >= 0 ? run_shard(t, r, o->shard, o->slab) : anl_net_grad_add(r->net, o->slab, r->net, o->src_slab);
    }
    if (r->status == ANL_OK) r->status = anl__trainer_settle(t, r);
}

typedef struct update_job {
    anl__trainer *t;
    int root;
} update_job;

static void update_part(void *arg, int i, int worker)
{
    const update_job *j = arg;
    replica *r = &j->t->rep[i];
    (void)worker;
    anl_bind bind = {.grad_slab = j->root};
    r->status = anl_program_run(r->update, &bind);
}

static anl_status everywhere(anl__trainer *t, anl__task_fn fn, void *arg)
{
    anl__pool_run(t->lanes, t->n_rep, fn, arg);
    for (int i = 0; i < t->n_rep; i++) ANL_TRY(anl__trainer_of_replica(t, &t->rep[i], t->rep[i].status));
    return ANL_OK;
}

/* What follows on the update, on replica 0. */
static anl_status finish_step(anl__trainer *t)
{
    const void *stat = anl_program_output(t->rep[0].update, "stat", NULL, NULL);
    ANL_TRY(anl__carry_commit(&t->carry, stat));
    return anl__tape_end(&t->tape, stat, t->order->root);
}

static anl_status step_by_parts(anl__trainer *t)
{
    ANL_TRY(everywhere(t, local_part, t));
    for (int k = t->order->n_local; k < t->order->n; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        ANL_TRY(anl__trainer_of_replica(t, &t->rep[o->rank], anl_net_grad_add(t->rep[o->rank].net, o->slab, t->rep[o->src_rank].net, o->src_slab)));
        ANL_TRY(anl__trainer_of_replica(t, &t->rep[o->rank], anl__trainer_settle(t, &t->rep[o->rank])));
    }
    int root = t->order->root;
    ANL_TRY(anl__trainer_copy_slab(t, ANL_SLAB_GRAD0 + root, ANL_SLAB_GRAD0 + root));
    ANL_TRY(everywhere(t, update_part, &(update_job){t, root}));
    return finish_step(t);
}

/* ---- a step without the host ----------------------------------------------------------------- */

enum { MOST_NODES = 1 << 15 }; /* of a recording: a step of very many shards is enqueued each time */

static bool too_long(const anl__trainer *t, const anl__reduce *order) { return (int64_t)order->n * t->rep[0].train[0].p->n_step > MOST_NODES; }

const char *anl__trainer_launch_note(const anl__trainer *t)
{
    _Static_assert(ANL__STEPS_A_LAUNCH == 4, "the words below");
    bool refused = false, recorded = false, several = false;
    if (!alone(t) || !t->rep[0].n_train) return "";
    for (int i = 0; i < t->n_reduce; i++) refused |= too_long(t, &t->reduce[i]);
    for (int i = 0; i < t->n_whole; i++) {
        refused |= t->whole[i].refused;
        recorded |= t->whole[i].recording != NULL;
        several |= t->whole[i].several != NULL;
    }
    return refused ? "launched kernel by kernel" : several ? "one launch for 4 steps" : recorded ? "one launch a step" : "one launch a step, once it is recorded";
}

bool anl__trainer_recorded(const anl__trainer *t)
{
    bool recorded = false;
    for (int i = 0; i < t->n_whole; i++) {
        if (t->whole[i].refused) return false;
        recorded |= t->whole[i].recording != NULL;
    }
    return recorded;
}

/* The step's recording, which may be still to be made; NULL: there is none for it. */
static whole *whole_of(anl__trainer *t)
{
    anl__size size = {t->batch->n, t->batch->variant};
    for (int i = 0; i < t->n_whole; i++)
        if (t->whole[i].size.n == size.n && t->whole[i].size.variant == size.variant && t->whole[i].fed == fed(t, t->batch)) return t->whole[i].refused ? NULL : &t->whole[i];
    if (t->n_whole < ANL__MOST_SIZES) t->whole[t->n_whole++] = (whole){.size = size, .fed = fed(t, t->batch), .refused = too_long(t, t->order)};
    return NULL;
}

/* Everything that a step does once its inputs are staged: nothing that the host has a part in. */
static anl_status enqueue_step(void *arg)
{
    anl__trainer *t = arg;
    replica *r = &t->rep[0];
    ANL_TRY(anl__tape_begin(&t->tape));
    for (int k = 0; k < t->order->n; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        if (o->shard < 0) {
            ANL_TRY(anl_net_grad_add(r->net, o->slab, r->net, o->src_slab));
            continue;
        }
        shard s;
        ANL_TRY(shard_of(t, r, o->shard, &s));
        anl_bind bind = given(t, &s);
        bind.grad_slab = o->slab;
        anl__staging_use(&r->staging, s.c->p, s.place, &bind);
        ANL_TRY(anl__tape_sample(&t->tape, s.begin));
        if (fed(t, t->batch)) ANL_TRY(anl__resident_make(&t->resident, &r->staging, s.place, s.end - s.begin, &bind));
        ANL_TRY(compute_shard(t, r, &s, &bind));
    }
    anl_bind update = {.grad_slab = t->order->root};
    ANL_TRY(anl_program_run(r->update, &update));
    return finish_step(t);
}

static anl_status enqueue_several(void *arg)
{
    for (int i = 0; i < ANL__STEPS_A_LAUNCH; i++) ANL_TRY(enqueue_step(arg));
    return ANL_OK;
}

void anl__trainer_forget(anl__trainer *t)
{
    for (int i = 0; i < t->n_whole; i++) {
        anl_device *dev = t->rep[0].device;
        if (t->whole[i].recording) dev->vt->forget(dev, t->whole[i].recording);
        if (t->whole[i].several) dev->vt->forget(dev, t->whole[i].several);
    }
    t->n_whole = 0;
}

/* Launches the steps that wait: as one, if there are enough of them, or one by one. */
static anl_status launch_waiting(anl__trainer *t)
{
    anl_net *net = t->rep[0].net;
    whole *w = t->waits;
    bool enough = t->waiting == ANL__STEPS_A_LAUNCH;
    if (enough && !w->several && !w->one_by_one) { /* the step under way is one of them */
        ANL_TRY(anl__net_record(net, enqueue_several, t, &w->several));
        w->one_by_one = !w->several;
    }
    if (enough && w->several) {
        t->waiting = 0;
        return anl__net_replay(net, w->several);
    }
    for (; t->waiting; t->waiting--) ANL_TRY(anl__net_replay(net, w->recording));
    return ANL_OK;
}

/* Where the device has all that the next steps need too, and they are so small that several were announced, they are launched together. */
static bool may_wait(const anl__trainer *t, const whole *w)
{
    return w->fed && !w->one_by_one && t->launch.n >= ANL__STEPS_A_LAUNCH &&
           (int64_t)t->order->n * t->rep[0].train[0].p->n_step * ANL__STEPS_A_LAUNCH <= MOST_NODES;
}

/* Uploads where the host makes the batch, then everything else, by one launch from the second step of a size on. */
static anl_status step_alone(anl__trainer *t)
{
    replica *r = &t->rep[0];
    whole *w = whole_of(t);
    if (w != t->waits) ANL_TRY(launch_waiting(t));
    for (int k = 0; !fed(t, t->batch) && k < t->order->n; k++) {
        shard s;
        if (t->order->op[k].shard < 0) continue;
        ANL_TRY(shard_of(t, r, t->order->op[k].shard, &s));
        anl_bind bind = given(t, &s);
        ANL_TRY(anl__staging_fill(&r->staging, s.c->p, s.place, &bind));
    }
    if (w && !w->recording) {
        ANL_TRY(anl__net_record(r->net, enqueue_step, t, &w->recording));
        w->refused = !w->recording;
    }
    if (!w || w->refused) return enqueue_step(t);
    if (!may_wait(t, w)) return anl__net_replay(r->net, w->recording);
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
    if (!alone(t)) return 1;
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

anl_status anl__trainer_begin(anl__trainer *t, const anl__launch *l)
{
    t->launch = *l;
    t->enqueued = t->waiting = 0;
    if (l->n < 1 || l->n > ANL__TAPE_ROWS) return anl__fail(t->ctx, ANL_INVALID, "%d steps at once: 1 to %d are possible", l->n, ANL__TAPE_ROWS);
    for (int i = 0; alone(t) && i < l->n; i++) {
        anl__tape_row row = {0};
        anl__rng_words(row.rng, t->opts.seed, l->step + i, l->epoch, 0);
        row.rng[ANL__RNG_FIRST] = (int32_t)(l->first + i * l->batch);
        hyper_of(t, i, row.hyper);
        anl__tape_set(&t->tape, i, &row);
    }
    return alone(t) ? anl__tape_write(&t->tape, l->n) : ANL_OK;
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
        ANL_TRY(anl__carry_clear(&t->carry));
        ANL_TRY(anl__trainer_settle(t, &t->rep[0])); /* the other replicas read them, on streams of their own */
    }
    t->batch = b;
    t->step = t->launch.step + i;
    t->epoch = t->launch.epoch;
    t->enqueued++;
    if (alone(t)) return step_alone(t);
    hyper_of(t, i, hyper);
    t->hyper = hyper;
    return step_by_parts(t);
}

anl_status anl__trainer_results(anl__trainer *t, anl__step_result *out)
{
    float row[ANL__TAPE_ROWS][ANL__RING_WORDS];
    ANL_TRY(launch_waiting(t));
    ANL_TRY(anl__tape_results(&t->tape, t->launch.step, t->enqueued, row));
    for (int i = 0; i < t->enqueued; i++) {
        const float *v = row[i];
        out[i] = (anl__step_result){.finite = v[ANL__RING_FINITE] != 0, .norm = (double)v[ANL__RING_NORM], .loss_num = (double)v[ANL__RING_NUM],
                                    .loss_den = (double)v[ANL__RING_DEN], .correct = (double)v[ANL__RING_CORRECT], .bad_param = (int)v[ANL__RING_BAD],
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

