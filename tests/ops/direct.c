/* One kernel run directly: prepare, pack, run or tasks + finish, without a program. It checks the contract on the
 * way: outputs and workspace start as NaN, nothing is written past an end, inputs that the operator does
 * not write stay as they were. Under a sanitizer blocks have their exact size, so reading past an end is seen too. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef ANL_SANITIZED
enum { GUARD = 0 };
#else
enum { GUARD = 64 };
#endif

bool block_open(block *b, anl_device *dev, size_t bytes)
{
    b->dev = dev;
    b->bytes = bytes;
    if (!dev->vt->host_memory) return dev->vt->alloc(dev, bytes ? bytes : 1, &b->p) == ANL_OK;
    if (posix_memalign(&b->p, 256, bytes + GUARD ? bytes + GUARD : 1)) {
        b->p = NULL;
        return false;
    }
    memset((char *)b->p + bytes, 0xA5, GUARD);
    return true;
}

void block_close(block *b)
{
    if (b->p && b->dev->vt->host_memory) free(b->p);
    else if (b->p) b->dev->vt->free(b->dev, b->p);
    b->p = NULL;
}

bool block_write(block *b, const void *host)
{
    if (b->dev->vt->host_memory) {
        memcpy(b->p, host, b->bytes);
        return true;
    }
    return b->dev->vt->upload(b->dev, b->p, host, b->bytes) == ANL_OK;
}

bool block_read(const block *b, void *host)
{
    if (b->dev->vt->host_memory) {
        memcpy(host, b->p, b->bytes);
        return true;
    }
    return b->dev->vt->download(b->dev, host, b->p, b->bytes) == ANL_OK;
}

void block_poison(block *b)
{
    if (b->dev->vt->host_memory) {
        memset(b->p, 0xFF, b->bytes);
        return;
    }
    void *t = must(malloc(b->bytes + 1));
    memset(t, 0xFF, b->bytes);
    block_write(b, t);
    free(t);
}

bool block_intact(const block *b)
{
    if (!b->p || !b->dev->vt->host_memory) return true;
    for (int i = 0; i < GUARD; i++)
        if (((const unsigned char *)b->p)[b->bytes + (size_t)i] != 0xA5) return false;
    return true;
}

static size_t type_bytes(const anl__type *t)
{
    return t->shape.rank < 0 ? 0 : (size_t)anl_shape_count(&t->shape) * anl_dtype_size(t->dtype);
}

const anl__kernel *reference_kernel(const char *op)
{
    for (int i = 0; anl__kernel_table[i]; i++)
        for (int j = 0; anl__kernel_table[i][j]; j++) {
            const anl__kernel *k = anl__kernel_table[i][j];
            if (!strcmp(k->op, op) && !strcmp(k->device, "reference")) return k;
        }
    return NULL;
}

/* Whole-slab operators see two parameters: one with weight decay, one without and at half the rate. */
static void set_segments(direct *d)
{
    int slab = -1;
    for (int i = d->call.n_in - 1; i >= 0; i--)
        if (d->call.op->mutates >> i & 1) slab = i;
    if (slab < 0) return;
    int64_t n = anl_shape_count(&d->call.in[slab].shape), half = (n + 1) / 2;
    d->segment[0] = (anl__segment){"a", 0, half, 1, 1};
    d->segment[1] = (anl__segment){"b", half, n - half, 0, 0.5f};
    d->env.segment = d->segment;
    d->env.n_segments = n > half ? 2 : 1;
    d->env.slab_count = n;
}

static anl_status open_blocks(direct *d, const direct_opts *o)
{
    anl_device *dev = d->env.device;
    bool ok = true;
    for (int i = 0; i < d->call.n_in; i++) {
        if (!anl__has_in(&d->call, i)) continue;
        ok = ok && block_open(&d->in[i], dev, type_bytes(&d->call.in[i]));
        if (d->packed[i]) ok = ok && block_open(&d->packed_in[i], dev, d->pack[i].bytes);
    }
    for (int j = 0; j < d->call.n_out; j++) {
        int with = o->inplace ? d->p.kernel->inplace[j] : 0;
        d->shared[j] = with > 0 && !d->packed[with - 1];
        if (d->shared[j]) d->out[j] = d->in[with - 1];
        else ok = ok && block_open(&d->out[j], dev, type_bytes(&d->call.out[j]));
    }
    ok = ok && block_open(&d->ws, dev, d->p.workspace) && block_open(&d->aside, dev, d->p.aside);
    return ok ? ANL_OK : anl__fail(d->ctx, ANL_NOMEM, "no memory for the case's tensors");
}

anl_status direct_open(direct *d, anl_ctx *ctx, const test_case *tc, anl_device *dev, const anl__kernel *k, anl_dtype t,
                       const direct_opts *o, char why[ANL__WHY])
{
    anl_value in[ANL__MAX_IN], y;
    memset(d, 0, sizeof *d);
    d->ctx = ctx;
    anl_status st = case_graph(ctx, tc, t, false, &d->g, in, &y);
    if (st == ANL_OK) st = anl_graph_status(d->g);
    if (st == ANL_UNSUPPORTED) { /* the operator knows no such type */
        snprintf(why, ANL__WHY, "%s", anl_last_error(ctx));
        d->refused = true;
    }
    ANL_TRY(st);
    (void)y; /* operators that only write in place have no output */
    anl__graph_call(d->g, (int)d->g->n_node - 1, &d->call);
    d->call.accum[0] = o->accum;
    d->env = (anl__env){.ctx = ctx, .device = dev, .pool = dev->pool, .workers = dev->pool ? anl__pool_size(dev->pool) : 1,
                        .deterministic = true, .slices = o->slices};
    set_segments(d);
    d->refused = k->supports && !k->supports(&d->env, &d->call, why);
    if (d->refused) return ANL_UNSUPPORTED;
    if (k->keep) ANL_TRY(k->keep(&d->env, &d->call));
    d->p = (anl__prepared){.kernel = k, .call = d->call};
    if (k->prepare) ANL_TRY(k->prepare(&d->env, &d->p));
    d->prepared = true;
    if (k->task && d->p.tasks < 1) return anl__fail(ctx, ANL_INTERNAL, "%s: prepare set no tasks", k->name);
    for (int i = 0; k->pack && i < d->call.n_in; i++) {
        if (d->call.param[i]) d->packed[i] = k->pack(&d->env, &d->call, i, &d->pack[i]);
        ANL_TRY(d->pack[i].status);
    }
    return open_blocks(d, o);
}

anl_status direct_load(direct *d, double *const *in, const double *base)
{
    bool ok = true;
    for (int i = 0; i < d->call.n_in; i++) {
        if (!anl__has_in(&d->call, i)) continue;
        const anl__type *t = &d->call.in[i];
        void *bytes = must(malloc(type_bytes(t) + 1));
        encode(t->dtype, anl_shape_count(&t->shape), in[i], bytes);
        ok = ok && block_write(&d->in[i], bytes);
        free(bytes);
        if (!d->packed[i]) continue;
        block_poison(&d->packed_in[i]);
        if (d->pack[i].run) d->pack[i].run(d->pack[i].state, d->in[i].p, d->packed_in[i].p, d->env.pool);
        else ok = ok && d->pack[i].run_all(d->env.device, &(anl__copy){d->pack[i].state, d->in[i].p, d->packed_in[i].p}, 1) == ANL_OK;
        if (!block_intact(&d->packed_in[i])) d->broken = "the pack wrote past its end";
    }
    for (int j = 0; j < d->call.n_out; j++)
        if (!d->shared[j]) block_poison(&d->out[j]);
    if (base) {
        void *bytes = must(malloc(d->out[0].bytes + 1));
        encode(d->call.out[0].dtype, anl_shape_count(&d->call.out[0].shape), base, bytes);
        ok = ok && block_write(&d->out[0], bytes);
        free(bytes);
    }
    block_poison(&d->ws);
    block_poison(&d->aside);
    return ok ? ANL_OK : ANL_DEVICE;
}

typedef struct task_arg { const anl__prepared *p; const anl__run *r; } task_arg;
static void run_task(void *arg, int task, int worker)
{
    const task_arg *a = arg;
    a->p->kernel->task(a->p, a->r, task, worker);
}

static void run_after(void *arg, int task, int worker)
{
    const task_arg *a = arg;
    a->p->kernel->after(a->p, a->r, task, worker);
}

typedef struct pointers { void *in[ANL__MAX_IN], *out[ANL__MAX_OUT]; } pointers;
static anl__run bind(direct *d, pointers *at)
{
    for (int i = 0; i < d->call.n_in; i++) at->in[i] = d->packed[i] ? d->packed_in[i].p : d->in[i].p;
    for (int j = 0; j < d->call.n_out; j++) at->out[j] = d->out[j].p;
    return (anl__run){.in = at->in, .out = at->out, .ws = d->ws.p, .pool = d->env.pool, .device = d->env.device, .aside = d->aside.p};
}

void direct_task(direct *d, int t)
{
    unsigned mode = anl__pool_float_mode(); /* as programs are run: denormals are zero on every thread */
    pointers at = {{0}, {0}};
    anl__run r = bind(d, &at);
    d->p.kernel->task(&d->p, &r, t, 0);
    anl__pool_float_restore(mode);
}

static uint64_t bytes_hash(const block *b)
{
    uint64_t h = 1469598103934665603u;
    unsigned char *t = must(malloc(b->bytes + 1));
    if (block_read(b, t))
        for (size_t i = 0; i < b->bytes; i++) h = (h ^ t[i]) * 1099511628211u;
    free(t);
    return h;
}

static bool may_change(const direct *d, int i)
{
    for (int j = 0; j < d->call.n_out; j++)
        if (d->shared[j] && d->out[j].p == d->in[i].p) return true;
    return d->call.op->mutates >> i & 1;
}

/* run, or tasks and finish; waits for the device. */
static anl_status perform(direct *d)
{
    const anl__kernel *k = d->p.kernel;
    pointers at = {{0}, {0}};
    anl__run r = bind(d, &at);
    if (k->task) {
        task_arg a = {&d->p, &r};
        anl__pool_run(d->env.pool, d->p.tasks, run_task, &a);
        if (k->finish) k->finish(&d->p, &r);
        if (k->after) anl__pool_run(d->env.pool, d->p.tasks, run_after, &a);
    } else ANL_TRY(k->run(&d->p, &r));
    if (d->p.aside) ANL_TRY(k->bring(d->env.device, &(anl__copy){&d->p, r.aside, r.out[0]}, 1));
    return d->env.device->vt->sync ? d->env.device->vt->sync(d->env.device) : ANL_OK;
}

static anl_status run_kernel(direct *d)
{
    unsigned mode = anl__pool_float_mode();
    anl_status st = perform(d);
    anl__pool_float_restore(mode);
    return st;
}

anl_status direct_time(direct *d, double *seconds)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    ANL_TRY(run_kernel(d));
    clock_gettime(CLOCK_MONOTONIC, &b);
    *seconds = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    return ANL_OK;
}

anl_status direct_run(direct *d)
{
    uint64_t before[ANL__MAX_IN] = {0};
    for (int i = 0; i < d->call.n_in; i++)
        if (d->in[i].p && !may_change(d, i)) before[i] = bytes_hash(&d->in[i]);
    ANL_TRY(run_kernel(d));
    for (int i = 0; i < d->call.n_in; i++)
        if (d->in[i].p && !may_change(d, i) && bytes_hash(&d->in[i]) != before[i]) d->broken = "an input was overwritten";
    for (int j = 0; j < d->call.n_out; j++)
        if (!block_intact(&d->out[j])) d->broken = "it wrote past the end of an output";
    for (int i = 0; i < d->call.n_in; i++)
        if (!block_intact(&d->in[i])) d->broken = "it wrote past the end of an input";
    if (!block_intact(&d->ws) || !block_intact(&d->aside)) d->broken = "it wrote past the end of its workspace";
    return ANL_OK;
}

static int mutated(const direct *d, int r)
{
    for (int i = 0; i < d->call.n_in; i++)
        if ((d->call.op->mutates >> i & 1) && anl__has_in(&d->call, i) && r-- == 0) return i;
    return -1;
}

int direct_results(const direct *d)
{
    int n = d->call.n_out;
    while (mutated(d, n - d->call.n_out) >= 0) n++;
    return n;
}

anl__type direct_result_type(const direct *d, int r)
{
    return r < d->call.n_out ? d->call.out[r] : d->call.in[mutated(d, r - d->call.n_out)];
}

bool direct_result(const direct *d, int r, void *bytes)
{
    return block_read(r < d->call.n_out ? &d->out[r] : &d->in[mutated(d, r - d->call.n_out)], bytes);
}

double *direct_result_values(const direct *d, int r)
{
    anl__type t = direct_result_type(d, r);
    int64_t n = anl_shape_count(&t.shape);
    void *bytes = must(malloc(type_bytes(&t) + 1));
    double *v = must(calloc((size_t)n + 1, sizeof *v));
    if (direct_result(d, r, bytes)) decode(t.dtype, n, bytes, v);
    else
        for (int64_t i = 0; i < n; i++) v[i] = NAN;
    free(bytes);
    return v;
}

void direct_close(direct *d)
{
    const anl__kernel *k = d->p.kernel;
    for (int j = 0; j < ANL__MAX_OUT; j++)
        if (!d->shared[j]) block_close(&d->out[j]);
    for (int i = 0; i < ANL__MAX_IN; i++) {
        if (d->packed[i] && d->pack[i].release) d->pack[i].release(d->ctx, d->pack[i].state);
        block_close(&d->in[i]);
        block_close(&d->packed_in[i]);
    }
    block_close(&d->ws);
    block_close(&d->aside);
    if (d->prepared && k->release) k->release(d->ctx, &d->p);
    anl_graph_destroy(d->g);
    memset(d, 0, sizeof *d);
}
