/* The trainer; see trainer.h. */
#include "trainer.h"

#include "../base/bf16.h"
#include "../dist/reduce.h"
#include "../graph/net.h"
#include "staging.h"

#include <string.h>

typedef struct compiled {
    anl__size size;
    anl_program *p;
    size_t row[ANL_MAX_INPUTS]; /* bytes of one sample of each input */
} compiled;

typedef struct replica {
    anl_ctx *ctx; /* replica 0: the trainer's */
    anl_device *device;
    anl_net *net;
    compiled *train, *eval;
    int n_train, n_eval, cap_train, cap_eval;
    anl__staging staging;
    anl_program *update;
    anl_status status; /* of its part of the step */
} replica;

/* A whole step as one recording, by the batch's size: not recorded at its first step, when the device loads what it needs. */
typedef struct whole {
    anl__size size;
    void *recording;
    bool refused;
} whole;

struct anl__trainer {
    anl_ctx *ctx;
    anl__trainer_opts opts;
    replica *rep;
    int n_rep;
    anl__pool *lanes; /* NULL: one replica */
    anl__reduce *reduce; /* by number of shards that have samples: those that occur */
    int n_reduce;
    anl__carry carry, eval_carry;
    int64_t sum_num, sum_den, sum_correct; /* offsets in a GRAD slab; -1: none */
    whole whole[ANL__MOST_SIZES];
    int n_whole;
    float *logits;
    uint16_t *logits16; /* bf16 ones on their way from a device; NULL: none */
    int64_t columns;
    /* the step under way, read by replicas */
    const anl__feed_batch *batch;
    const anl__reduce *order;
    int64_t step, epoch;
};

anl__trainer_opts anl__trainer_opts_default(void)
{
    return (anl__trainer_opts){.device = "auto", .device_opts = anl_device_opts_default(), .shards = 1, .lanes = 1,
                               .optim = anl__optim_opts_default(), .rewrite = true, .plan = true};
}

/* ---- making ---------------------------------------------------------------------------------- */

static const compiled *find(const compiled *list, int n_list, anl__size size)
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
    if (size.n <= 0 || find(*list, *count, size)) return ANL_OK;
    if (*count == *cap) {
        int more = *cap ? 2 * *cap : 8;
        compiled *bigger = anl__realloc(r->ctx, *list, (size_t)*cap * sizeof *bigger, (size_t)more * sizeof *bigger);
        if (!bigger) return ANL_NOMEM;
        *list = bigger;
        *cap = more;
    }
    anl_graph *g;
    ANL_TRY(anl_graph_create(r->ctx, mode, t->opts.dtype, &g));
    t->opts.task.build(t->opts.task.self, g, size);
    anl_compile_opts c = anl_compile_opts_default(g);
    c.rewrite = t->opts.rewrite;
    c.plan = t->opts.plan;
    if (mode == ANL_TRAIN && g->status == ANL_OK && !g->n_loss) anl_graph_fail(g, ANL_INVALID, "the model has no loss to train on");
    compiled made = {.size = size};
    ANL_TRY(anl_program_compile(r->net, g, &c, &made.p));
    measure_rows(&made);
    (*list)[(*count)++] = made;
    return anl__staging_room(&r->staging, r->device, made.p);
}

static int64_t shard_begin(int64_t n, int shards, int s) { return anl__slice_begin(n, shards, s); }

/* Every size of shard that a replica will meet. */
static anl_status compile_all(anl__trainer *t, replica *r)
{
    const anl__trainer_opts *o = &t->opts;
    for (int i = 0; i < ANL__MOST_SIZES && o->train_sizes[i].n; i++)
        for (int s = 0; s < o->shards; s++) {
            int64_t n = o->train_sizes[i].n, rows = shard_begin(n, o->shards, s + 1) - shard_begin(n, o->shards, s);
            ANL_TRY(compile_one(t, r, ANL_TRAIN, (anl__size){rows, o->train_sizes[i].variant}));
        }
    for (int i = 0; i < ANL__MOST_SIZES && o->eval_sizes[i].n && r == t->rep; i++) ANL_TRY(compile_one(t, r, ANL_EVAL, o->eval_sizes[i]));
    return ANL_OK;
}

static const anl__reduce *order_of(const anl__trainer *t, int64_t n)
{
    int used = n < t->opts.shards ? (int)n : t->opts.shards;
    for (int i = 0; i < t->n_reduce; i++)
        if (t->reduce[i].shards == used) return &t->reduce[i];
    return NULL;
}

static anl_status make_orders(anl__trainer *t, int *slabs)
{
    const anl__trainer_opts *o = &t->opts;
    *slabs = 1;
    t->reduce = anl__calloc(t->ctx, ANL__MOST_SIZES, sizeof *t->reduce);
    if (!t->reduce) return ANL_NOMEM;
    for (int i = 0; i < ANL__MOST_SIZES && o->train_sizes[i].n; i++) {
        int64_t n = o->train_sizes[i].n;
        if (order_of(t, n)) continue;
        anl__reduce *r = &t->reduce[t->n_reduce];
        ANL_TRY(anl__reduce_make(t->ctx, o->shards, n < o->shards ? (int)n : o->shards, t->n_rep, r));
        if (r->slabs > *slabs) *slabs = r->slabs;
        t->n_reduce++;
    }
    if (t->n_rep > 1 && *slabs < 2) *slabs = 2; /* so that there is an addition between replicas */
    return ANL_OK;
}

/* An error in a replica's own context reaches the trainer's. */
static anl_status of_replica(anl__trainer *t, const replica *r, anl_status st)
{
    if (st == ANL_OK || r->ctx == t->ctx) return st;
    return anl__fail(t->ctx, st, "%s", anl_last_error(r->ctx));
}

static anl_status make_replica(anl__trainer *t, int i, int slabs)
{
    const anl__trainer_opts *o = &t->opts;
    replica *r = &t->rep[i];
    anl_device_opts d = o->device_opts;
    if (t->n_rep > 1) { /* threads are divided among lanes; they are no input of what is computed */
        int all = d.threads > 0 ? d.threads : anl__pool_size(t->lanes);
        d.threads = all / t->n_rep > 1 ? all / t->n_rep : 1;
    }
    r->ctx = i ? anl_ctx_create() : t->ctx;
    if (!r->ctx) return anl__fail(t->ctx, ANL_NOMEM, "no memory for lane %d", i);
    anl_status st = anl_device_open(r->ctx, o->device, &d, &r->device);
    if (st == ANL_OK && !r->device->vt->has_dtype(r->device, o->dtype))
        st = anl__fail(r->ctx, ANL_UNSUPPORTED, "device %s does not compute in %s here: choose another train.precision", r->device->vt->name, anl_dtype_name(o->dtype));
    if (st == ANL_OK) st = anl_net_create(r->device, &r->net);
    if (st == ANL_OK) st = compile_all(t, r);
    bool training = r->n_train > 0;
    if (st == ANL_OK && training) st = anl__optim_compile(r->net, &o->optim, &r->update);
    if (st == ANL_OK) st = anl_net_finish(r->net, training ? anl__optim_moments(&o->optim) : 0, training ? slabs : 0, o->optim.ema > 0);
    return of_replica(t, r, st);
}

static void find_sums(anl__trainer *t)
{
    const anl_net *net = t->rep[0].net;
    t->sum_num = t->sum_den = t->sum_correct = -1;
    for (int i = 0; i < anl_net_sum_count(net); i++) {
        const char *name = anl_net_sum_name(net, i);
        if (!strcmp(name, "loss.num")) t->sum_num = anl_net_sum_offset(net, i);
        if (!strcmp(name, "loss.den")) t->sum_den = anl_net_sum_offset(net, i);
        if (!strcmp(name, "correct")) t->sum_correct = anl_net_sum_offset(net, i);
    }
}

static int64_t most_rows(const anl__size *size)
{
    int64_t most = 0;
    for (int i = 0; i < ANL__MOST_SIZES && size[i].n; i++)
        if (size[i].n > most) most = size[i].n;
    return most;
}

static int64_t columns_of(const compiled *c)
{
    anl_shape s;
    return anl_program_output(c->p, "logits", NULL, &s) ? anl_shape_count(&s) / c->size.n : 0;
}

/* Room for what comes out of evaluation, and for what goes from batch to batch. */
static anl_status make_buffers(anl__trainer *t)
{
    const replica *r = &t->rep[0];
    int64_t most = most_rows(t->opts.eval_sizes);
    if (r->n_train) { /* without a part to evaluate on there is still something to score by */
        t->columns = columns_of(&r->train[0]);
        ANL_TRY(anl__carry_create(t->ctx, r->train[0].p->graph, most_rows(t->opts.train_sizes), &t->carry));
    }
    for (int i = 0; i < r->n_eval; i++)
        if (columns_of(&r->eval[i]) > t->columns) t->columns = columns_of(&r->eval[i]);
    if (r->n_eval) ANL_TRY(anl__carry_create(t->ctx, r->eval[0].p->graph, most, &t->eval_carry));
    t->logits = anl__calloc(t->ctx, (size_t)(t->columns * most) + 1, sizeof *t->logits);
    if (t->opts.dtype == ANL_BF16 && !r->device->vt->host_memory && !(t->logits16 = anl__calloc(t->ctx, (size_t)(t->columns * most) + 1, sizeof *t->logits16))) return ANL_NOMEM;
    return t->logits ? ANL_OK : ANL_NOMEM;
}

anl_status anl__trainer_create(anl_ctx *ctx, const anl__trainer_opts *o, anl__trainer **out)
{
    anl__trainer *t = anl__alloc(ctx, sizeof *t);
    if (!t) return ANL_NOMEM;
    t->ctx = ctx;
    t->opts = *o;
    t->n_rep = o->lanes < 1 ? 1 : o->lanes;
    int slabs = 1;
    anl_status st = make_orders(t, &slabs);
    if (st == ANL_OK && !(t->rep = anl__calloc(ctx, (size_t)t->n_rep, sizeof *t->rep))) st = ANL_NOMEM;
    if (st == ANL_OK && t->n_rep > 1) st = anl__pool_create(ctx, t->n_rep, &t->lanes);
    for (int i = 0; i < t->n_rep && st == ANL_OK; i++) st = make_replica(t, i, slabs);
    if (st == ANL_OK) {
        find_sums(t);
        st = make_buffers(t);
    }
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
    for (int i = 0; i < t->n_whole; i++)
        if (t->whole[i].recording) t->rep[0].device->vt->forget(t->rep[0].device, t->whole[i].recording);
    for (int i = 0; t->rep && i < t->n_rep; i++) {
        anl__free(t->rep[i].ctx, t->rep[i].train);
        anl__free(t->rep[i].ctx, t->rep[i].eval);
        anl__staging_release(&t->rep[i].staging);
        anl_net_destroy(t->rep[i].net);
        anl_device_close(t->rep[i].device);
        if (t->rep[i].ctx != t->ctx) anl_ctx_destroy(t->rep[i].ctx);
    }
    anl__pool_destroy(t->lanes);
    anl__carry_release(&t->carry);
    anl__carry_release(&t->eval_carry);
    for (int i = 0; i < t->n_reduce; i++) anl__reduce_release(t->ctx, &t->reduce[i]);
    anl__free(t->ctx, t->reduce);
    anl__free(t->ctx, t->rep);
    anl__free(t->ctx, t->logits);
    anl__free(t->ctx, t->logits16);
    anl__free(t->ctx, t);
}

int64_t anl__trainer_columns(const anl__trainer *t) { return t->columns; }
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
    const compiled *c = mode == ANL_TRAIN ? find(r->train, r->n_train, size) : find(r->eval, r->n_eval, size);
    return c ? c->p : NULL;
}

anl__carry *anl__trainer_carry(anl__trainer *t) { return &t->carry; }
anl_status anl__trainer_stage(anl__trainer *t, const anl_program *p, anl_bind *bind) { return anl__staging_fill(&t->rep[0].staging, p, bind); }

anl_status anl__trainer_init(anl__trainer *t)
{
    anl_net *net = t->rep[0].net;
    ANL_TRY(anl_net_init(net, t->opts.seed));
    if (t->opts.optim.ema > 0) {
        int64_t n = anl_net_slab_count(net, ANL_SLAB_PARAM);
        ANL_TRY(net->device->vt->copy(net->device, net->slab[ANL_SLAB_EMA], net->slab[ANL_SLAB_PARAM], (size_t)n * anl__elem(net)));
    }
    return anl__trainer_spread(t);
}

/* Where replicas' devices work behind the host, what one has made is waited for before another reads it. */
static anl_status settle(anl__trainer *t, replica *r)
{
    if (t->n_rep == 1 || r->device->vt->host_memory) return ANL_OK;
    return r->device->vt->sync(r->device);
}

static anl_status copy_slab(anl__trainer *t, int slab, int from_slab)
{
    const anl_net *src = t->rep[0].net;
    ANL_TRY(settle(t, &t->rep[0]));
    for (int i = 1; i < t->n_rep; i++) {
        anl_net *dst = t->rep[i].net;
        if (!dst->slab[slab]) continue;
        ANL_TRY(of_replica(t, &t->rep[i], dst->device->vt->copy(dst->device, dst->slab[slab], src->slab[from_slab], (size_t)dst->slab_count[slab] * anl__elem(dst))));
        ANL_TRY(of_replica(t, &t->rep[i], settle(t, &t->rep[i])));
        dst->version++;
    }
    return ANL_OK;
}

anl_status anl__trainer_spread(anl__trainer *t)
{
    for (int s = 0; s < ANL_SLAB_COUNT; s++)
        if (s < ANL_SLAB_GRAD0 || s >= ANL_SLAB_MOMENT0) ANL_TRY(copy_slab(t, s, s));
    return ANL_OK;
}

/* ---- a step ---------------------------------------------------------------------------------- */

static anl_status run_shard(anl__trainer *t, replica *r, int shard, int slab)
{
    int64_t a = shard_begin(t->batch->n, t->opts.shards, shard), b = shard_begin(t->batch->n, t->opts.shards, shard + 1);
    const compiled *c = find(r->train, r->n_train, (anl__size){b - a, t->batch->variant});
    if (!c) return anl__fail(r->ctx, ANL_INTERNAL, "no program for a shard of %lld samples, variant %d", (long long)(b - a), t->batch->variant);
    anl_bind bind = {.grad_slab = slab};
    for (int i = 0; i < ANL_MAX_INPUTS && c->row[i]; i++)
        if (t->batch->input[i]) bind.input[i] = (const char *)t->batch->input[i] + (size_t)a * c->row[i];
    anl__carry_bind(&t->carry, a, &bind);
    ANL_TRY(anl__staging_fill(&r->staging, c->p, &bind));
    ANL_TRY(anl_net_set_rng(r->net, t->opts.seed, t->step, t->epoch, a));
    ANL_TRY(anl_program_run(c->p, &bind));
    return anl__carry_take(&t->carry, r->device, c->p, a, b - a);
}

/* A replica's own shards and additions. */
static void local_part(void *arg, int i, int worker)
{
    anl__trainer *t = arg;
    replica *r = &t->rep[i];
    (void)worker;
    r->status = ANL_OK;
    for (int k = 0; k < t->order->n_local && r->status == ANL_OK; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        if (o->rank != i) continue;
        r->status = o->shard >= 0 ? run_shard(t, r, o->shard, o->slab) : anl_net_grad_add(r->net, o->slab, r->net, o->src_slab);
    }
    if (r->status == ANL_OK) r->status = settle(t, r);
}

typedef struct update_job {
    anl__trainer *t;
    const float *hyper;
    int root;
} update_job;

static void update_part(void *arg, int i, int worker)
{
    const update_job *j = arg;
    replica *r = &j->t->rep[i];
    (void)worker;
    anl_bind bind = {.grad_slab = j->root};
    r->status = anl_net_set_hyper(r->net, j->hyper);
    if (r->status == ANL_OK) r->status = anl_program_run(r->update, &bind);
}

static anl_status everywhere(anl__trainer *t, anl__task_fn fn, void *arg)
{
    anl__pool_run(t->lanes, t->n_rep, fn, arg);
    for (int i = 0; i < t->n_rep; i++) ANL_TRY(of_replica(t, &t->rep[i], t->rep[i].status));
    return ANL_OK;
}

/* What a step gives, side by side on the device, so that it is fetched at once: on a GPU each fetch waits for the stream. */
enum { NUM, DEN, CORRECT, STAT, RESULTS = STAT + 4 };

static anl_status gather(anl_net *net, int at, const void *from, int n)
{
    return net->device->vt->copy(net->device, (char *)net->scalar + ANL__SCALAR_RESULT + sizeof(float) * (size_t)at, from, sizeof(float) * (size_t)n);
}

static anl_status gather_sums(anl__trainer *t, int slab)
{
    anl_net *net = t->rep[0].net;
    const float *base = net->slab[ANL_SLAB_GRAD0 + slab];
    const int64_t offset[3] = {t->sum_num, t->sum_den, t->sum_correct};
    for (int i = 0; i < 3; i++)
        if (offset[i] >= 0) ANL_TRY(gather(net, NUM + i, base + offset[i], 1));
    return ANL_OK;
}

/* What is not measured stays zero, as the device's memory began. */
static anl_status fetch(anl__trainer *t, float out[RESULTS])
{
    anl_net *net = t->rep[0].net;
    return net->device->vt->download(net->device, out, (const char *)net->scalar + ANL__SCALAR_RESULT, sizeof(float) * RESULTS);
}

static anl_status gather_step(anl__trainer *t, int root)
{
    ANL_TRY(gather(t->rep[0].net, STAT, anl_program_output(t->rep[0].update, "stat", NULL, NULL), 4));
    return gather_sums(t, root);
}

static anl_status result_of(anl__trainer *t, anl__step_result *out)
{
    float v[RESULTS];
    ANL_TRY(fetch(t, v));
    *out = (anl__step_result){.finite = v[STAT] != 0, .norm = (double)v[STAT + 2], .loss_num = (double)v[NUM], .loss_den = (double)v[DEN], .correct = (double)v[CORRECT]};
    return ANL_OK;
}

/* ---- a step at once -------------------------------------------------------------------------- */

/* One replica, one shard and nothing carried: the step's recording, which may be still to be made; NULL: there is none for it. */
static whole *whole_of(anl__trainer *t)
{
    anl__size size = {t->batch->n, t->batch->variant};
    if (t->n_rep > 1 || t->order->n != 1 || t->carry.n || !t->rep[0].device->vt->record_begin) return NULL;
    for (int i = 0; i < t->n_whole; i++)
        if (t->whole[i].size.n == size.n && t->whole[i].size.variant == size.variant) return t->whole[i].refused ? NULL : &t->whole[i];
    if (t->n_whole < ANL__MOST_SIZES) t->whole[t->n_whole++].size = size;
    return NULL;
}

static anl_status enqueue_whole(anl__trainer *t, const compiled *c, const anl_bind *bind, int root)
{
    anl_bind update = {.grad_slab = root};
    ANL_TRY(anl_program_run(c->p, bind));
    ANL_TRY(anl_program_run(t->rep[0].update, &update));
    return gather_step(t, root);
}

static anl_status record_whole(anl__trainer *t, whole *w, const compiled *c, const anl_bind *bind, int root)
{
    anl_net *net = t->rep[0].net;
    void *made = NULL;
    ANL_TRY(anl__net_record_begin(net));
    anl_status st = enqueue_whole(t, c, bind, root), ended = anl__net_record_end(net, &made);
    if (st == ANL_OK && ended == ANL_OK) w->recording = made;
    else if (ended == ANL_OK) net->device->vt->forget(net->device, made);
    w->refused = !w->recording;
    return st;
}

/* Uploads, then everything else by one launch. *done is false where that cannot be: nothing has happened then. */
static anl_status step_at_once(anl__trainer *t, const float *hyper, bool *done)
{
    replica *r = &t->rep[0];
    whole *w = whole_of(t);
    const compiled *c = find(r->train, r->n_train, (anl__size){t->batch->n, t->batch->variant});
    anl_bind bind = {.grad_slab = t->order->op[0].slab};
    *done = false;
    if (!w || !c) return ANL_OK;
    memcpy(bind.input, t->batch->input, sizeof bind.input);
    ANL_TRY(anl__staging_fill(&r->staging, c->p, &bind));
    ANL_TRY(anl__net_set_scalars(r->net, t->opts.seed, t->step, t->epoch, 0, hyper));
    if (!w->recording) ANL_TRY(record_whole(t, w, c, &bind, t->order->root));
    if (w->refused) return ANL_OK;
    *done = true;
    return anl__net_replay(r->net, w->recording);
}

static anl_status step_by_parts(anl__trainer *t, const float *hyper)
{
    ANL_TRY(everywhere(t, local_part, t));
    for (int k = t->order->n_local; k < t->order->n; k++) {
        const anl__reduce_op *o = &t->order->op[k];
        ANL_TRY(of_replica(t, &t->rep[o->rank], anl_net_grad_add(t->rep[o->rank].net, o->slab, t->rep[o->src_rank].net, o->src_slab)));
        ANL_TRY(of_replica(t, &t->rep[o->rank], settle(t, &t->rep[o->rank])));
    }
    int root = t->order->root;
    ANL_TRY(copy_slab(t, ANL_SLAB_GRAD0 + root, ANL_SLAB_GRAD0 + root));
    ANL_TRY(everywhere(t, update_part, &(update_job){t, hyper, root}));
    return gather_step(t, root);
}

anl_status anl__trainer_step(anl__trainer *t, const anl__feed_batch *b, int64_t step, int64_t epoch, double lr, anl__step_result *out)
{
    float hyper[ANL_HYPER_WORDS];
    t->order = order_of(t, b->n);
    if (!t->order) return anl__fail(t->ctx, ANL_INTERNAL, "a batch of %lld samples was not announced", (long long)b->n);
    if (b->fresh) anl__carry_clear(&t->carry);
    t->batch = b;
    t->step = step;
    t->epoch = epoch;
    anl__optim_hyper(&t->opts.optim, lr, step, hyper);
    bool done;
    ANL_TRY(step_at_once(t, hyper, &done));
    if (!done) ANL_TRY(step_by_parts(t, hyper));
    ANL_TRY(result_of(t, out));
    if (out->finite) anl__carry_commit(&t->carry);
    return ANL_OK;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

/* The output "logits" as f32 in the host's memory. */
static anl_status read_logits(anl__trainer *t, const compiled *c)
{
    replica *r = &t->rep[0];
    anl_dtype type;
    const void *y = anl_program_output(c->p, "logits", &type, NULL);
    int64_t n = c->size.n * columns_of(c);
    if (type == ANL_F32) return r->device->vt->download(r->device, t->logits, y, (size_t)n * sizeof(float));
    ANL_CHECK_INTERNAL(t->ctx, type == ANL_BF16);
    if (t->logits16) {
        ANL_TRY(r->device->vt->download(r->device, t->logits16, y, (size_t)n * sizeof *t->logits16));
        y = t->logits16;
    }
    anl__bf16_to_f32(t->logits, y, n);
    return ANL_OK;
}

anl_status anl__trainer_eval(anl__trainer *t, const anl__feed_batch *b, bool ema, anl__eval_result *out)
{
    replica *r = &t->rep[0];
    const compiled *c = find(r->eval, r->n_eval, (anl__size){b->n, b->variant});
    if (!c) return anl__fail(t->ctx, ANL_INTERNAL, "no evaluation program for %lld samples, variant %d", (long long)b->n, b->variant);
    anl_bind bind = {.ema = ema};
    *out = (anl__eval_result){0};
    for (int i = 0; i < ANL_MAX_INPUTS; i++) bind.input[i] = b->input[i];
    if (b->fresh) anl__carry_clear(&t->eval_carry);
    anl__carry_bind(&t->eval_carry, 0, &bind);
    ANL_TRY(anl__staging_fill(&r->staging, c->p, &bind));
    ANL_TRY(anl_program_run(c->p, &bind));
    ANL_TRY(anl__carry_take(&t->eval_carry, r->device, c->p, 0, b->n));
    anl__carry_commit(&t->eval_carry);
    if (columns_of(c)) {
        ANL_TRY(read_logits(t, c));
        out->logits = t->logits;
    }
    float v[RESULTS];
    ANL_TRY(gather_sums(t, 0));
    ANL_TRY(fetch(t, v));
    out->loss_num = (double)v[NUM];
    out->loss_den = (double)v[DEN];
    out->correct = (double)v[CORRECT];
    return ANL_OK;
}
