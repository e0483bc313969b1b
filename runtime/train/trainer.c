/* The trainer; see trainer.h. */
#include "trainer_inside.h"

#include "../base/half.h"
#include "../graph/precision.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

anl__trainer_opts anl__trainer_opts_default(void)
{
    return (anl__trainer_opts){.device = "auto", .device_opts = anl_device_opts_default(), .shards = 1, .lanes = 1, .devices = 1, .record = true,
                               .optim = anl__optim_opts_default(), .rewrite = true, .plan = true};
}

/* ---- making ---------------------------------------------------------------------------------- */

const compiled *anl__trainer_find(const compiled *list, int n_list, anl__size size)
{
    for (int i = 0; i < n_list; i++)
        if (list[i].size.n == size.n && list[i].size.variant == size.variant) return &list[i];
    return NULL;
}

/* Bytes of a sample of each input. */
static void measure_rows(compiled *c)
{
    const anl_graph *g = c->p->graph;
    for (int64_t v = 0; v < g->n_value; v++)
        if (g->value[v].kind == ANL__INPUT)
            c->row[g->value[v].slot] = anl_dtype_size(g->value[v].type.dtype) * (size_t)(anl_shape_count(&g->value[v].type.shape) / c->size.n);
}

static anl_status compile_one(anl__trainer *t, replica *r, anl_mode mode, anl__size size)
{
    compiled **list = mode == ANL_TRAIN ? &r->train : &r->eval;
    int *count = mode == ANL_TRAIN ? &r->n_train : &r->n_eval, *cap = mode == ANL_TRAIN ? &r->cap_train : &r->cap_eval;
    if (size.n <= 0 || anl__trainer_find(*list, *count, size)) return ANL_OK;
    if (*count == *cap) {
        int more = *cap ? 2 * *cap : 8;
        compiled *bigger = anl__realloc(r->ctx, *list, (size_t)*cap * sizeof *bigger, (size_t)more * sizeof *bigger);
        if (!bigger) return ANL_NOMEM;
        *list = bigger;
        *cap = more;
    }
    anl_graph *g;
    ANL_TRY(anl_graph_create(r->ctx, mode, t->opts.dtype, &g));
    anl_graph_freeze(g, t->opts.frozen, t->opts.n_frozen);
    t->opts.task.build(t->opts.task.self, g, size);
    anl_compile_opts c = anl_compile_opts_default(g);
    c.rewrite = t->opts.rewrite;
    c.recompute = t->opts.recompute;
    c.plan = t->opts.plan;
    if (mode == ANL_TRAIN && g->status == ANL_OK && !g->n_loss) anl_graph_fail(g, ANL_INVALID, "the model has no loss to train on");
    compiled made = {.size = size};
    ANL_TRY(anl_program_compile(r->net, g, &c, &made.p));
    measure_rows(&made);
    (*list)[(*count)++] = made;
    return anl__staging_room(&r->staging, r->device, made.p, t->n_rep > 1 && !t->team ? 1 : t->opts.shards);
}

/* Every size of shard that a replica will meet. */
static anl_status compile_all(anl__trainer *t, replica *r)
{
    const anl__trainer_opts *o = &t->opts;
    for (int i = 0; i < ANL__MOST_SIZES && o->train_sizes[i].n; i++)
        for (int s = 0; s < o->shards; s++) {
            int64_t n = o->train_sizes[i].n, rows = shard_begin(n, o->shards, s + 1) - shard_begin(n, o->shards, s);
            ANL_TRY(compile_one(t, r, ANL_TRAIN, (anl__size){rows, o->train_sizes[i].variant}));
        }
    for (int i = 0; i < ANL__MOST_SIZES && o->eval_sizes[i].n && (t->team || !r->rank); i++) ANL_TRY(compile_one(t, r, ANL_EVAL, o->eval_sizes[i]));
    return ANL_OK;
}

const anl__reduce *anl__trainer_order(const anl__trainer *t, int64_t n)
{
    int used = n < t->opts.shards ? (int)n : t->opts.shards;
    for (int i = 0; i < t->n_reduce; i++)
        if (t->reduce[i].shards == used) return &t->reduce[i];
    return NULL;
}

static anl_status make_orders(anl__trainer *t)
{
    const anl__trainer_opts *o = &t->opts;
    t->slabs = 1;
    t->reduce = anl__calloc(t->ctx, ANL__MOST_SIZES, sizeof *t->reduce);
    if (!t->reduce) return ANL_NOMEM;
    for (int i = 0; i < ANL__MOST_SIZES && o->train_sizes[i].n; i++) {
        int64_t n = o->train_sizes[i].n;
        if (anl__trainer_order(t, n)) continue;
        anl__reduce *r = &t->reduce[t->n_reduce];
        ANL_TRY(anl__reduce_make(t->ctx, o->shards, n < o->shards ? (int)n : o->shards, t->n_rep, r));
        if (r->slabs > t->slabs) t->slabs = r->slabs;
        t->n_reduce++;
    }
    if (t->n_rep > 1 && !t->team && t->slabs < 2) t->slabs = 2; /* so that there is an addition between replicas */
    return ANL_OK;
}

int64_t anl__trainer_most_rows(const anl__size *size)
{
    int64_t most = 0;
    for (int i = 0; i < ANL__MOST_SIZES && size[i].n; i++)
        if (size[i].n > most) most = size[i].n;
    return most;
}

/* What a replica has besides the model: the tape, the states that go from batch to batch, the data, the way to other devices. */
static anl_status compile_steps(anl__trainer *t, replica *r)
{
    bool own = t->n_rep == 1 || t->team, tape = own && r->device->vt->record_begin;
    if (r->n_train) {
        ANL_TRY(anl__carry_create(r->device, r->train[0].p->graph, anl__trainer_most_rows(t->opts.train_sizes), true, &r->carry));
        ANL_TRY(anl__carry_compile(&r->carry, r->net));
    }
    ANL_TRY(anl__tape_compile(&r->tape, r->net, tape, r->n_train > 0, anl__trainer_scaled(t)));
    for (int i = 0; r->tape.host && i < r->n_train; i++) ANL_TRY(anl__resident_compile(&r->resident, ANL__RESIDENT_TRAIN, r->net, &t->opts.samples, t->opts.dtype, r->train[i].size.n));
    for (int i = 0; r->tape.host && i < r->n_eval; i++) ANL_TRY(anl__resident_compile(&r->resident, ANL__RESIDENT_EVAL, r->net, &t->opts.eval_samples, t->opts.dtype, r->eval[i].size.n));
    if (t->team) ANL_TRY(anl__exchange_compile(&r->exchange, r->net, t->n_rep, r->rank));
    return ANL_OK;
}

/* What is said of the data where it cannot be on the device. */
static anl_status say_residence(anl__trainer *t)
{
    const anl__samples *s = &t->opts.samples;
    char *note = t->rep[0].resident.note;
    size_t size = sizeof t->rep[0].resident.note;
    if (taped(t) && s->why) {
        if (s->where == ANL__RESIDENCE_ALWAYS) return anl__fail(t->ctx, ANL_UNSUPPORTED, "data.resident: %s: the host has to make the batches", s->why);
        snprintf(note, size, "data: on the host, which makes the batches: %s", s->why);
    }
    if (t->n_rep > 1 && !t->team && t->rep[0].device->vt->record_begin && s->n && s->where != ANL__RESIDENCE_NEVER)
        snprintf(note, size, "data: on the host, which feeds each of the %d lanes", t->n_rep);
    return ANL_OK;
}

/* Are there as many devices as asked for? */
static anl_status enough(anl__trainer *t, anl_device *dev)
{
    const char *name = anl_device_name(dev);
    if (!dev->vt->join)
        return anl__fail(t->ctx, ANL_UNSUPPORTED, "devices: %d were asked for, but %s is one device; train.lanes computes several shards beside each other on it", t->n_rep, name);
    int there = dev->vt->count(t->ctx);
    if (there >= t->n_rep) return ANL_OK;
    return anl__fail(t->ctx, ANL_DEVICE, "devices: %d were asked for, and this process sees %d of %s (CUDA_VISIBLE_DEVICES chooses them)", t->n_rep, there, name);
}

static anl_status open_device(anl__trainer *t, replica *r)
{
    const anl__trainer_opts *o = &t->opts;
    anl_device_opts d = o->device_opts;
    if (t->n_rep > 1 && !t->team) { /* threads are divided among lanes; they are no input of what is computed */
        int all = d.threads > 0 ? d.threads : anl__pool_size(t->lanes);
        d.threads = all / t->n_rep > 1 ? all / t->n_rep : 1;
    }
    if (t->team && r->rank) {
        d.plans = t->plans;
        d.index = r->rank;
    }
    ANL_TRY(anl_device_open(r->ctx, r->rank ? anl_device_name(t->rep[0].device) : o->device, &d, &r->device));
    if (t->team && !r->rank) ANL_TRY(enough(t, r->device));
    return anl__precision_need(r->device, o->dtype, d.tf32);
}

static anl_status make_replica(anl__trainer *t, replica *r)
{
    const anl__trainer_opts *o = &t->opts;
    bool own = !r->rank || t->team;
    anl_status st = open_device(t, r);
    if (st == ANL_OK) st = anl_net_create(r->device, &r->net);
    if (st == ANL_OK) st = compile_all(t, r);
    bool training = r->n_train > 0;
    if (st == ANL_OK && training) st = anl__optim_compile(r->net, &o->optim, &r->update);
    if (st == ANL_OK && own) st = compile_steps(t, r);
    if (st == ANL_OK && r->n_eval) st = anl__carry_create(r->device, r->eval[0].p->graph, anl__trainer_most_rows(o->eval_sizes), false, &r->eval_carry);
    if (st == ANL_OK) st = anl_net_finish(r->net, training ? anl__optim_moments(&o->optim) : 0, training ? t->slabs : 0, o->optim.ema > 0);
    if (st == ANL_OK && own) st = anl__tape_open(&r->tape, anl__trainer_most_rows(o->train_sizes));
    return st;
}

static anl_status make_other(anl__trainer *t, replica *r) { return r->rank ? make_replica(t, r) : ANL_OK; }

/* What the first device has timed. */
static anl_status note_plans(anl__trainer *t)
{
    anl__buf plans;
    anl__buf_init(&plans, t->ctx);
    t->rep[0].device->vt->plans(t->rep[0].device, &plans);
    anl_status st = plans.status;
    if (st == ANL_OK && !(t->plans = anl__strdup(t->ctx, plans.text))) st = ANL_NOMEM;
    anl__buf_release(&plans);
    return st;
}

/* The first, then the others beside each other. */
static anl_status make_replicas(anl__trainer *t)
{
    t->rep = anl__calloc(t->ctx, (size_t)t->n_rep, sizeof *t->rep);
    if (!t->rep) return ANL_NOMEM;
    if (t->n_rep > 1) ANL_TRY(anl__pool_create(t->ctx, t->n_rep, &t->lanes));
    ANL_TRY(anl__replicas_contexts(t));
    ANL_TRY(make_replica(t, &t->rep[0]));
    if (t->team) ANL_TRY(note_plans(t));
    return anl__replicas_each(t, make_other);
}

anl_status anl__trainer_create(anl_ctx *ctx, const anl__trainer_opts *o, anl__trainer **out)
{
    anl__trainer *t = anl__alloc(ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = ctx;
    t->opts = *o;
    if (o->dtype != ANL_F16) t->opts.optim.loss_scale = 0; /* what has f32's range needs none */
    int64_t most = anl__trainer_most_rows(o->train_sizes);
    t->mean = t->opts.optim.loss_scale > 0 && most > 1 ? ldexpf(1, -ilogb((double)most)) : 1;
    t->team = o->devices > 1 && o->train_sizes[0].n;
    t->n_rep = t->team ? o->devices : o->lanes < 1 || !o->train_sizes[0].n ? 1 : o->lanes;
    anl_status st = ANL_OK;
    if (o->devices > ANL__MOST_DEVICES) st = anl__fail(ctx, ANL_INVALID, "devices: at most %d", ANL__MOST_DEVICES);
    if (t->team && o->lanes > 1) st = anl__fail(ctx, ANL_INVALID, "train.lanes: %d lanes are on one device, and there are %d", o->lanes, o->devices);
    if (st == ANL_OK) st = make_orders(t);
    if (st == ANL_OK) st = make_replicas(t);
    if (st == ANL_OK) st = anl__trainer_eval_room(t);
    if (st == ANL_OK) st = say_residence(t);
    if (st == ANL_OK) st = t->team ? anl__replicas_join(t) : anl__resident_open(&t->rep[0].resident); /* last: it takes of what is left */
    if (st != ANL_OK) {
        anl__trainer_destroy(t);
        return st;
    }
    *out = t;
    return ANL_OK;
}

void anl__trainer_destroy(anl__trainer *t)
{
    if (!t) return;
    anl__trainer_forget(t);
    for (int i = 0; t->rep && i < t->n_rep; i++) {
        anl__resident_release(&t->rep[i].resident);
        anl__exchange_release(&t->rep[i].exchange);
        anl__tape_release(&t->rep[i].tape);
        anl__carry_release(&t->rep[i].carry);
        anl__carry_release(&t->rep[i].eval_carry);
        anl__free(t->rep[i].ctx, t->rep[i].logits);
        anl__free(t->rep[i].ctx, t->rep[i].logits16);
        anl__free(t->rep[i].ctx, t->rep[i].train);
        anl__free(t->rep[i].ctx, t->rep[i].eval);
        anl__staging_release(&t->rep[i].staging);
        anl_net_destroy(t->rep[i].net);
        anl_device_close(t->rep[i].device);
        if (t->rep[i].ctx && t->rep[i].ctx != t->ctx) anl_ctx_destroy(t->rep[i].ctx);
    }
    anl__pool_destroy(t->lanes);
    for (int i = 0; i < t->n_reduce; i++) anl__reduce_release(t->ctx, &t->reduce[i]);
    anl__free(t->ctx, t->reduce);
    anl__free(t->ctx, t->plans);
    anl__free(t->ctx, t->rep);
    anl__free(t->ctx, t);
}

bool anl__trainer_resident(const anl__trainer *t) { return t->rep[0].resident.x != NULL; }
bool anl__trainer_eval_resident(const anl__trainer *t) { return anl__resident_has(&t->rep[0].resident, ANL__RESIDENT_EVAL); }
const char *anl__trainer_data_note(const anl__trainer *t) { return t->rep[0].resident.note; }
bool anl__trainer_scaled(const anl__trainer *t) { return t->opts.optim.loss_scale > 0 && t->rep[0].n_train; }
anl_net *anl__trainer_net(anl__trainer *t) { return t->rep[0].net; }
anl_device *anl__trainer_device(anl__trainer *t) { return t->rep[0].device; }

anl_program *anl__trainer_program(anl__trainer *t, anl_mode mode)
{
    const replica *r = &t->rep[0];
    const compiled *list = mode == ANL_TRAIN ? r->train : r->eval;
    int n = mode == ANL_TRAIN ? r->n_train : r->n_eval, best = 0;
    for (int i = 1; i < n; i++)
        if (list[i].size.n > list[best].size.n) best = i;
    return n ? list[best].p : NULL;
}

anl_program *anl__trainer_program_of(anl__trainer *t, anl_mode mode, anl__size size)
{
    const replica *r = &t->rep[0];
    const compiled *c = mode == ANL_TRAIN ? anl__trainer_find(r->train, r->n_train, size) : anl__trainer_find(r->eval, r->n_eval, size);
    return c ? c->p : NULL;
}

anl__carry *anl__trainer_carry(anl__trainer *t) { return &t->rep[0].carry; }

anl_status anl__trainer_seek(anl__trainer *t, replica *r, int64_t first)
{
    int32_t rng[ANL__RNG_WORDS];
    anl__rng_words(rng, t->opts.seed, 1, 0, 0);
    rng[ANL__RNG_FIRST] = (int32_t)first;
    return r->device->vt->upload(r->device, r->net->scalar, rng, sizeof rng);
}

anl_status anl__trainer_stage(anl__trainer *t, const anl_program *p, const anl__feed_batch *b, anl_bind *bind)
{
    replica *r = &t->rep[0];
    memcpy(bind->input, b->input, sizeof bind->input);
    ANL_TRY(anl__staging_fill(&r->staging, p, 0, bind));
    if (fed(t, b)) {
        ANL_TRY(anl__trainer_seek(t, r, b->first));
        ANL_TRY(anl__resident_make(&r->resident, ANL__RESIDENT_TRAIN, &r->staging, 0, b->n, bind));
    }
    return anl__carry_bind(&r->carry, r->device, &r->staging, 0, 0, b->n, bind);
}

anl_status anl__trainer_begin_with(anl__trainer *t)
{
    anl_net *net = t->rep[0].net;
    if (net->slab[ANL_SLAB_EMA]) {
        int64_t n = anl_net_slab_count(net, ANL_SLAB_PARAM);
        ANL_TRY(net->device->vt->copy(net->device, net->slab[ANL_SLAB_EMA], net->slab[ANL_SLAB_PARAM], (size_t)n * anl__elem(net)));
    }
    return anl__trainer_spread(t);
}

anl_status anl__trainer_init(anl__trainer *t)
{
    anl_net *net = t->rep[0].net;
    ANL_TRY(anl_net_init(net, t->opts.seed));
    if (t->opts.optim.loss_scale > 0) ANL_TRY(anl__net_set_scale(net, (float[ANL__SCALE_WORDS]){(float)t->opts.optim.loss_scale}));
    return anl__trainer_begin_with(t);
}
