/* Running a program: an array of prepared steps over resolved pointers. Allocates nothing. */
#include "net.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <stdlib.h>

static void resolve(const anl_net *net, anl__ref *r)
{
    if (r->offset == ANL__WHOLE_SLAB) {
        r->offset = 0;
        return;
    }
    const anl__registry *t = r->store == ANL__STORE_PARAM ? &net->param : r->store == ANL__STORE_BUFFER ? &net->buffer : NULL;
    if (r->store == ANL__STORE_GRAD) t = r->offset & ANL__SUM_ENTRY ? &net->sum : &net->param;
    size_t id = r->offset & ~ANL__SUM_ENTRY;
    if (t) r->offset = (int64_t)id < t->n ? anl__elem(net) * (size_t)t->entry[id].offset : 0;
}

static void resolve_steps(const anl_net *net, anl__step *step, int n)
{
    for (int s = 0; s < n; s++) {
        for (int i = 0; i < step[s].prep.call.n_in; i++) resolve(net, &step[s].in[i]);
        for (int j = 0; j < step[s].prep.call.n_out; j++) resolve(net, &step[s].out[j]);
        resolve(net, &step[s].copy_from);
    }
}

void anl__program_resolve(anl_program *p)
{
    resolve_steps(p->net, p->step, p->n_step);
    resolve_steps(p->net, p->derived, p->n_derived);
    for (int64_t v = 0; v < p->graph->n_value; v++) resolve(p->net, &p->ref[v]);
}

typedef struct bases { char *at[ANL__STORE_COUNT]; const anl_bind *bind; } bases;

static bases bases_of(anl_net *net, const anl_bind *bind)
{
    bases b = {.bind = bind};
    b.at[ANL__STORE_ARENA] = net->arena;
    b.at[ANL__STORE_DERIVED] = net->derived;
    b.at[ANL__STORE_PARAM] = net->slab[bind->ema ? ANL_SLAB_EMA : ANL_SLAB_PARAM];
    b.at[ANL__STORE_BUFFER] = net->slab[ANL_SLAB_BUFFER];
    b.at[ANL__STORE_GRAD] = net->slab[ANL_SLAB_GRAD0 + bind->grad_slab];
    b.at[ANL__STORE_SCALAR] = net->scalar;
    b.at[ANL__STORE_EMA] = net->slab[ANL_SLAB_EMA];
    for (int m = 0; m < 4; m++) b.at[ANL__STORE_MOMENT + m] = net->slab[ANL_SLAB_MOMENT0 + m];
    return b;
}

static void *pointer(const bases *b, anl__ref r)
{
    if (r.store == ANL__STORE_NONE) return NULL;
    if (r.store == ANL__STORE_INPUT) return (void *)(uintptr_t)b->bind->input[r.offset]; /* kernels do not write inputs */
    return b->at[r.store] ? b->at[r.store] + r.offset : NULL;
}

typedef void (*task_fn)(const anl__prepared *p, const anl__run *r, int task, int worker);
enum { MOST = ANL__MOST_CHAIN > ANL__MOST_AT_ONCE ? ANL__MOST_CHAIN : ANL__MOST_AT_ONCE };
typedef struct chain {
    int n;
    const anl__step *step[MOST];
    task_fn fn[MOST];
    void *in[MOST][ANL__MAX_IN], *out[MOST][ANL__MAX_OUT];
    anl__run run[MOST];
} chain;

static void chain_task(void *arg, int task, int worker)
{
    const chain *c = arg;
    for (int s = 0; s < c->n; s++) c->fn[s](&c->step[s]->prep, &c->run[s], task, worker);
}

static void fill(chain *c, const bases *b, anl_net *net, const anl__step *step, const anl__sweep *sweep)
{
    c->n = sweep->chain;
    for (int s = 0; s < c->n; s++) {
        const anl__step *t = &step[sweep[s].step];
        c->step[s] = t;
        c->fn[s] = sweep[s].after ? t->prep.kernel->after : t->prep.kernel->task;
        for (int i = 0; i < t->prep.call.n_in; i++) c->in[s][i] = pointer(b, t->in[i]);
        for (int j = 0; j < t->prep.call.n_out; j++) c->out[s][j] = pointer(b, t->out[j]);
        c->run[s] = (anl__run){.in = c->in[s], .out = c->out[s], .ws = pointer(b, t->ws), .pool = net->device->pool, .device = net->device, .aside = pointer(b, t->aside)};
        if (s == 1 && t->covered_by) c->run[0].covered = &t->prep, c->run[0].covered_run = &c->run[1];
    }
}

/* Steps of a kernel that has run, and what one that is alone brings from aside. */
static anl_status run_whole(anl_net *net, const anl__kernel *k, const chain *c)
{
    const anl__prepared *p[MOST];
    for (int s = 0; s < c->n; s++) p[s] = &c->step[s]->prep;
    if (c->n > 1 && !c->run[0].covered) return k->run_many(p, c->run, c->n);
    ANL_TRY(k->run(p[0], c->run));
    return p[0]->aside && !c->step[0]->waits ? k->bring(net->device, &(anl__copy){p[0], c->run[0].aside, c->out[0][0]}, 1) : ANL_OK;
}

/* The chain that begins at `sweep`. */
static anl_status run_chain(anl_net *net, const bases *b, const anl__step *step, const anl__sweep *sweep)
{
    chain c;
    fill(&c, b, net, step, sweep);
    for (int s = 0; s < c.n; s++) {
        const anl__step *t = c.step[s];
        if (t->copy_from.store && !sweep[s].after) ANL_TRY(net->device->vt->copy(net->device, c.out[s][0], pointer(b, t->copy_from), t->copy_bytes));
    }
    const anl__step *first = &step[sweep->step];
    if (first->prep.kernel->run) return anl__context(net->ctx, run_whole(net, first->prep.kernel, &c), "layer '%s' (%s)", first->name, first->prep.kernel->name);
    anl__pool_run(sweep->small ? NULL : net->device->pool, first->prep.tasks, chain_task, &c);
    for (int s = 0; s < c.n; s++)
        if (!sweep[s].after && c.step[s]->prep.kernel->finish) c.step[s]->prep.kernel->finish(&c.step[s]->prep, &c.run[s]);
    return ANL_OK;
}

static anl_status run_steps(anl_net *net, const bases *b, const anl__step *step, const anl__sweep *sweep, int n)
{
    for (int s = 0; s < n; s += sweep[s].chain) ANL_TRY(run_chain(net, b, step, &sweep[s]));
    return ANL_OK;
}

/* Copies that one call makes together. */
typedef struct together {
    anl__copy_all *all;
    int n;
    anl__copy list[ANL__MOST_COPIES];
} together;

static anl_status make_all(anl_net *net, together *t)
{
    int n = t->n;
    t->n = 0;
    return n ? t->all(net->device, t->list, n) : ANL_OK;
}

static anl_status add_copy(anl_net *net, together *t, anl__copy_all *all, anl__copy copy)
{
    if (t->n == ANL__MOST_COPIES || all != t->all) ANL_TRY(make_all(net, t));
    t->all = all;
    t->list[t->n++] = copy;
    return ANL_OK;
}

/* A program's steps, then what waits aside. */
static anl_status run_program(const anl_program *p, const bases *b)
{
    together t;
    t.n = 0;
    ANL_TRY(run_steps(p->net, b, p->step, p->sweep, p->n_sweep));
    for (int s = 0; s < p->n_step; s++) {
        const anl__step *step = &p->step[s];
        if (step->waits) ANL_TRY(add_copy(p->net, &t, step->prep.kernel->bring, (anl__copy){&step->prep, pointer(b, step->aside), pointer(b, step->out[0])}));
    }
    return make_all(p->net, &t);
}

/* Packed parameters and whatever else depends on parameters only, when they have changed; always: whether they have or not. */
static anl_status refresh(anl_program *p, const bases *b, bool always)
{
    anl_net *net = p->net;
    int64_t version = net->version * 2 + b->bind->ema;
    if (always || p->derived_version != version) {
        ANL_TRY(run_steps(net, b, p->derived, p->derived_sweep, p->n_derived_sweep));
        p->derived_version = version;
    }
    together t;
    t.n = 0;
    for (int i = 0; i < p->n_pack; i++) {
        const anl__packed *q = &net->packed[p->pack[i]];
        if (!always && q->version == version) continue;
        anl_value v = q->value;
        const void *src = q->param >= 0 ? b->at[ANL__STORE_PARAM] + anl__elem(net) * (size_t)net->param.entry[q->param].offset : pointer(b, p->ref[v]);
        void *dst = (char *)net->derived + q->offset;
        if (q->pack.run) q->pack.run(q->pack.state, src, dst, net->device->pool);
        else ANL_TRY(add_copy(net, &t, q->pack.run_all, (anl__copy){q->pack.state, src, dst}));
    }
    ANL_TRY(make_all(net, &t));
    for (int i = 0; i < p->n_pack; i++) net->packed[p->pack[i]].version = version;
    return ANL_OK;
}

static anl_status check_bind(const anl_program *p, const anl_bind *bind)
{
    anl_net *net = p->net;
    if (!net->finished) return anl__fail(net->ctx, ANL_INVALID, "the net is not finished: call anl_net_finish before running");
    if (bind->grad_slab < 0 || bind->grad_slab >= 24 || !net->slab[ANL_SLAB_GRAD0 + bind->grad_slab])
        return anl__fail(net->ctx, ANL_INVALID, "there is no gradient slab %d", bind->grad_slab);
    if (bind->ema && !net->slab[ANL_SLAB_EMA]) return anl__fail(net->ctx, ANL_INVALID, "the net keeps no averaged parameters");
    for (int i = 0; i < p->graph->n_input; i++)
        if (!bind->input[i]) return anl__fail(net->ctx, ANL_INVALID, "input %d is not bound", i);
    return ANL_OK;
}

/* ---- recording ------------------------------------------------------------------------------- */

static bool same_bind(const anl_program *p, const anl_bind *a, const anl_bind *b)
{
    for (int i = 0; i < p->graph->n_input; i++)
        if (a->input[i] != b->input[i]) return false;
    return a->grad_slab == b->grad_slab && a->ema == b->ema;
}

anl_status anl__net_record(anl_net *net, anl_status (*enqueue)(void *arg), void *arg, void **out)
{
    anl_device *dev = net->device;
    void *made = NULL;
    char why[512];
    *out = NULL;
    anl_status st = dev->vt->record_begin(dev);
    bool begun = st == ANL_OK;
    if (begun) {
        net->recording = true;
        st = enqueue(arg);
        net->recording = false;
    }
    if (st != ANL_OK) snprintf(why, sizeof why, "%s", anl_last_error(net->ctx)); /* the end of what failed fails too, and says less */
    anl_status ended = begun ? dev->vt->record_end(dev, &made) : st;
    if (st == ANL_OK && ended == ANL_OK) return *out = made, ANL_OK;
    if (ended == ANL_OK) dev->vt->forget(dev, made);
    if (st == ANL_OK) snprintf(why, sizeof why, "%s", anl_last_error(net->ctx));
    if (st == ANL_OK) st = ended;
    net->version++; /* copies of parameters that it was to make are not there */
    if (st != ANL_DEVICE && st != ANL_DEVICE_NOMEM) return anl__fail(net->ctx, st, "%s", why);
    if (!net->unrecorded) anl__log(net->ctx, ANL_LOG_WARN, "the step cannot be recorded (%s): it is launched kernel by kernel, which is slower", why);
    net->unrecorded = true;
    return ANL_OK;
}

typedef struct recorder { anl_program *p; const bases *b; } recorder;

static anl_status enqueue_all(void *arg)
{
    const recorder *r = arg;
    anl_program *p = r->p;
    if (p->opts.backward) ANL_TRY(refresh(p, r->b, true)); /* parameters change with every step: their copies are part of it */
    return run_program(p, r->b);
}

static anl_status record(anl_program *p, const bases *b, anl__recorded *r)
{
    ANL_TRY(anl__net_record(p->net, enqueue_all, &(recorder){p, b}, &r->recording));
    r->refused = !r->recording;
    return ANL_OK;
}

/* Everything that a run does, by the device's recording of it where there is one. */
static anl_status perform(anl_program *p, const bases *b)
{
    anl_device *dev = p->net->device;
    anl__recorded *r = NULL;
    if (p->net->recording) {
        ANL_TRY(refresh(p, b, p->opts.backward));
        return run_program(p, b);
    }
    for (int i = 0; i < p->n_recorded; i++)
        if (same_bind(p, &p->recorded[i].bind, b->bind)) r = &p->recorded[i];
    if (!(r && r->recording && p->opts.backward)) ANL_TRY(refresh(p, b, false));
    if (r && !r->recording && !r->refused) ANL_TRY(record(p, b, r));
    if (r && r->recording) return dev->vt->replay(dev, r->recording);
    if (!r && dev->vt->record_begin && p->n_recorded < ANL__MOST_RECORDED) p->recorded[p->n_recorded++] = (anl__recorded){.bind = *b->bind};
    return run_program(p, b);
}

anl_status anl__net_replay(anl_net *net, void *recording)
{
    net->version++;
    return net->device->vt->replay(net->device, recording);
}

void anl__program_forget(anl_program *p)
{
    anl_device *dev = p->net->device;
    for (int i = 0; i < p->n_recorded; i++)
        if (p->recorded[i].recording) dev->vt->forget(dev, p->recorded[i].recording);
    p->n_recorded = 0;
}

anl_status anl_program_run(anl_program *p, const anl_bind *bind)
{
    ANL_TRY(check_bind(p, bind));
    bases b = bases_of(p->net, bind);
    if (p->net->device->vt->use) p->net->device->vt->use(p->net->device);
    unsigned float_mode = anl__pool_float_mode();
    anl_status st = perform(p, &b);
    anl__pool_float_restore(float_mode);
    anl_device *dev = p->net->device;
    if (st == ANL_OK && dev->vt->fault) st = dev->vt->fault(dev);
    if (st == ANL_OK && p->writes_param) p->net->version++;
    return st;
}

const void *anl_program_output(const anl_program *p, const char *name, anl_dtype *dtype, anl_shape *shape)
{
    const anl_graph *g = p->graph;
    for (int64_t i = 0; i < g->n_output; i++) {
        if (strcmp(g->output[i].name, name)) continue;
        anl_value v = g->output[i].v;
        if (dtype) *dtype = g->value[v].type.dtype;
        if (shape) *shape = g->value[v].type.shape;
        anl_bind none = {.grad_slab = 0};
        bases b = bases_of(p->net, &none);
        anl_value r = v;
        while (p->ref[r].store == ANL__STORE_NONE && g->value[r].node >= 0) r = g->node[g->value[r].node].in[0]; /* a view's root */
        return p->ref[r].store == ANL__STORE_INPUT ? NULL : pointer(&b, p->ref[r]);
    }
    return NULL;
}

void anl_program_get_stats(const anl_program *p, anl_program_stats *out) { *out = p->stats; }

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

anl_status anl_program_profile(anl_program *p, const anl_bind *bind, int runs, char **text)
{
    anl_ctx *ctx = p->net->ctx;
    ANL_TRY(check_bind(p, bind));
    if (runs < 1) runs = 1;
    double *us = anl__calloc(ctx, (size_t)(p->n_step + 1) * (size_t)runs, sizeof *us);
    if (!us) return ANL_NOMEM;
    anl_status st = ANL_OK;
    bases b = bases_of(p->net, bind);
    if (p->net->device->vt->use) p->net->device->vt->use(p->net->device);
    unsigned float_mode = anl__pool_float_mode();
    for (int r = 0; r < runs && st == ANL_OK; r++) {
        st = refresh(p, &b, false);
        for (int s = 0; s < p->n_sweep && st == ANL_OK; s += p->sweep[s].chain) {
            double t = now_us();
            st = run_chain(p->net, &b, p->step, &p->sweep[s]);
            if (st == ANL_OK && !p->net->device->vt->host_memory) st = p->net->device->vt->sync(p->net->device);
            us[p->sweep[s].step * runs + r] += now_us() - t;
        }
    }
    anl__pool_float_restore(float_mode);
    if (p->writes_param) p->net->version++;
    if (st == ANL_OK) {
        for (int s = 0; s < p->n_step; s++) {
            qsort(us + s * runs, (size_t)runs, sizeof *us, by_value);
            us[s] = us[s * runs + runs / 2];
        }
        st = anl__explain(p, us, text);
    }
    anl__free(ctx, us);
    return st;
}
