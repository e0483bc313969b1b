/* Compiling a graph into a program: the passes in order, then kernels, shared memory and the plan. */
#include "net.h"
#include "precision.h"

#include <stdio.h>
#include <string.h>

anl_compile_opts anl_compile_opts_default(const anl_graph *g)
{
    return (anl_compile_opts){.backward = g->mode == ANL_TRAIN && (g->n_loss || g->n_seed), .rewrite = true, .plan = true};
}

/* What a value's memory is bound to in the GRAD slab. */
typedef struct bound {
    anl_value v;
    int entry; /* in net->param or net->sum */
    bool sum;
} bound;

typedef struct compile {
    anl_ctx *ctx;
    anl_net *net;
    anl_graph *g;
    anl_program *p;
    anl_value *grad_of;
    bound *bound;
    int64_t n_bound, cap_bound;
    int *position, *last;
    anl_value *root;
    bool *copy;
    anl__env env;
} compile;

/* ---- what lands in the GRAD slab ------------------------------------------------------------- */

static anl_value copy_of(anl_graph *g, anl_value v)
{
    const anl__op *op = anl__op_find("scale");
    if (op) return anl__graph_add(g, op, "copy", &v, 1, NULL, 0, "factor=1");
    anl_graph_fail(g, ANL_INTERNAL, "operator scale is not built in");
    return ANL_NONE;
}

/* A value that can be written right there: an arena tensor, not a view, bound once. Else a copy of it. */
static anl_value bindable(compile *c, anl_value v)
{
    anl_graph *g = c->g;
    bool ok = g->value[v].kind == ANL__TENSOR && !g->node[g->value[v].node].op->view;
    for (int64_t i = 0; i < c->n_bound; i++) ok &= c->bound[i].v != v;
    return ok ? v : copy_of(g, v);
}

static anl_status bind(compile *c, anl_value v, int entry, bool sum)
{
    const anl__entry *e = sum ? NULL : &c->net->param.entry[entry];
    if (e && (e->flags & ANL_PARAM_FROZEN)) /* the slabs have no place for it */
        return anl__fail(c->ctx, ANL_MISMATCH, "parameter '%s' is frozen in an earlier program of the net, and trains in this one", e->name);
    v = bindable(c, v);
    if (c->g->status != ANL_OK) return c->g->status;
    ANL_TRY(anl__grow(c->ctx, &c->bound, &c->cap_bound, c->n_bound + 1, sizeof *c->bound));
    c->bound[c->n_bound++] = (bound){v, entry, sum};
    return ANL_OK;
}

static anl_status bind_sum(compile *c, const char *name, const char *suffix, anl_value v)
{
    char full[200];
    int entry;
    snprintf(full, sizeof full, "%s%s", name, suffix);
    anl__value named = c->g->value[v];
    named.name = full;
    named.flags = 0;
    ANL_TRY(anl__registry_add(c->net, &c->net->sum, "sum", &named, &entry));
    return bind(c, v, entry, true);
}

/* Does the node give a statistic that running ones move by? One that uses them instead does not. */
static bool measures(const anl__node *n)
{
    return !n->dead && !n->backward && n->op->running && n->n_out > n->op->running_out;
}

static anl_status bind_running(compile *c, int node)
{
    anl_graph *g = c->g;
    anl_net *net = c->net;
    const anl__node *n = &g->node[node];
    anl__running r = {.from = n->op, .op = anl__op_find(n->op->running)};
    if (!r.op) return anl__fail(c->ctx, ANL_INTERNAL, "operator %s is not built in", n->op->running);
    anl__value named = g->value[n->out[n->op->running_out]];
    char full[200];
    snprintf(full, sizeof full, "%s.stat", n->name);
    named.name = full;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] != ANL_NONE && g->value[n->in[i]].kind == ANL__BUFFER && r.n_buffer < 4) r.buffer[r.n_buffer++] = g->value[n->in[i]].slot;
    int known = anl__registry_find(&net->sum, full);
    ANL_TRY(anl__registry_add(net, &net->sum, "statistic", &named, &r.stat));
    if (known < 0) {
        int n_attr = 0;
        while (n->op->attrs && n->op->attrs[n_attr].name) n_attr++;
        ANL_TRY(anl__grow(c->ctx, &net->running, &net->cap_running, net->n_running + 1, sizeof r));
        r.attr = anl__calloc(c->ctx, (size_t)n_attr + 1, sizeof *r.attr);
        if (!r.attr) return ANL_NOMEM;
        memcpy(r.attr, n->attr, sizeof *r.attr * (size_t)n_attr);
        net->running[net->n_running++] = r;
    }
    return bind(c, n->out[n->op->running_out], r.stat, true);
}

/* Registers parameters and buffers; training programs also bind gradients, statistics and sums. */
static anl_status bind_all(compile *c)
{
    anl_graph *g = c->g;
    anl_net *net = c->net;
    int64_t values = g->n_value, nodes = g->n_node;
    for (int64_t v = 0; v < values; v++) {
        anl__value *x = &g->value[v];
        if (x->kind == ANL__PARAM) ANL_TRY(anl__registry_add(net, &net->param, "parameter", x, &x->slot));
        if (x->kind == ANL__BUFFER) ANL_TRY(anl__registry_add(net, &net->buffer, "buffer", x, &x->slot));
    }
    for (int64_t v = 0; c->grad_of && v < values; v++)
        if (g->value[v].kind == ANL__PARAM && c->grad_of[v] != ANL_NONE) ANL_TRY(bind(c, c->grad_of[v], g->value[v].slot, false));
    for (int64_t k = 0; c->p->opts.backward && k < nodes; k++)
        if (measures(&g->node[k])) ANL_TRY(bind_running(c, (int)k));
    for (int64_t i = 0; i < g->n_loss; i++) {
        ANL_TRY(bind_sum(c, g->loss[i].name, ".num", g->loss[i].v));
        ANL_TRY(bind_sum(c, g->loss[i].name, ".den", g->loss[i].v2));
    }
    for (int64_t i = 0; i < g->n_sum; i++) ANL_TRY(bind_sum(c, g->sum[i].name, "", g->sum[i].v));
    if (g->n_loss && g->n_input) {
        anl_value first = ANL_NONE;
        for (int64_t v = 0; v < values && first == ANL_NONE; v++)
            if (g->value[v].kind == ANL__INPUT) first = (anl_value)v;
        char attrs[64];
        snprintf(attrs, sizeof attrs, "value=%lld wide=%d", (long long)g->value[first].type.shape.dim[0], g->dtype == ANL_F64);
        const anl__op *fill = anl__op_find("fill");
        if (!fill) return anl__fail(c->ctx, ANL_INTERNAL, "operator fill is not built in");
        anl_value n = anl__graph_add(g, fill, "samples", NULL, 0, NULL, 0, attrs);
        if (n == ANL_NONE) return g->status;
        ANL_TRY(bind_sum(c, "samples", "", n));
    }
    for (int64_t i = 0; c->grad_of && i < g->n_want; i++) {
        anl_value d = g->want[i].v < values ? c->grad_of[g->want[i].v] : ANL_NONE;
        if (d != ANL_NONE) anl_output(g, g->want[i].name, d);
    }
    for (int64_t i = 0; i < g->n_output && g->status == ANL_OK; i++) { /* a view of an input or a parameter is read from a copy */
        anl_value r = g->output[i].v;
        while (g->value[r].node >= 0 && g->node[g->value[r].node].op->view) r = g->node[g->value[r].node].in[0];
        if (g->value[r].kind != ANL__TENSOR) g->output[i].v = copy_of(g, g->output[i].v);
    }
    return g->status;
}

/* ---- kernels, order, memory ------------------------------------------------------------------ */

static int64_t batch_of(const anl_graph *g)
{
    for (int64_t v = 0; v < g->n_value; v++)
        if (g->value[v].kind == ANL__INPUT && g->value[v].type.shape.rank > 0) return g->value[v].type.shape.dim[0];
    return 1;
}

/* Slices of a batch, from shapes alone: few enough to keep partial sums small, small enough that the largest activation
   of a slice stays in a core's cache. */
static int slices_of(const anl_graph *g)
{
    int64_t n = batch_of(g), slices = 8;
    size_t most = 0;
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        if (x->kind != ANL__TENSOR || x->type.shape.rank < 1 || x->type.shape.dim[0] != n) continue;
        size_t bytes = (size_t)anl_shape_count(&x->type.shape) * anl_dtype_size(x->type.dtype);
        if (bytes > most) most = bytes;
    }
    while (slices < 32 && most / (size_t)slices > 768 * 1024) slices *= 2;
    return (int)(n < slices ? n : slices);
}

static anl_status select_all(compile *c)
{
    anl_program *p = c->p;
    anl_graph *g = c->g;
    int n = 0, derived = 0;
    for (int64_t k = 0; k < g->n_node; k++) {
        if (g->node[k].dead || g->node[k].op->view) continue;
        if (g->node[k].n_out > 0 && g->value[g->node[k].out[0]].derived) derived++;
        else n++;
    }
    p->step = anl__calloc(c->ctx, (size_t)n + 1, sizeof *p->step);
    p->derived = anl__calloc(c->ctx, (size_t)derived + 1, sizeof *p->derived);
    if (!p->step || !p->derived) return ANL_NOMEM;
    for (int64_t k = 0; k < g->n_node; k++) {
        if (g->node[k].dead || g->node[k].op->view) continue;
        bool d = g->node[k].n_out > 0 && g->value[g->node[k].out[0]].derived;
        anl__step *s = d ? &p->derived[p->n_derived++] : &p->step[p->n_step++];
        ANL_TRY(anl__select(&c->env, g, (int)k, p->opts.kernel, s));
        if (s->prep.workspace > p->stats.workspace_bytes) p->stats.workspace_bytes = s->prep.workspace;
        if (s->prep.call.op->flops) p->stats.flops += s->prep.call.op->flops(&s->prep.call);
    }
    return ANL_OK;
}

static bool sliced(const anl__step *s, const anl__step *first)
{
    return s->prep.kernel->samplewise && s->prep.kernel->task && s->prep.tasks == first->prep.tasks && s->prep.tasks > 1 && s->prep.call.n_in > 0 &&
           s->prep.call.in[0].shape.rank > 0 && s->prep.call.in[0].shape.dim[0] == first->prep.call.in[0].shape.dim[0];
}

static anl_value root_of(const compile *c, anl_value v)
{
    while (v != ANL_NONE && c->root[v] != v) v = c->root[v];
    return v;
}

/* May sweep s join the chain [from, end)? What it reads from inside the chain must be complete slice by slice: batched,
   and not left for finish nor copied beforehand. A second sweep needs the finish of its first. */
static bool joins(const compile *c, const int *node_of, int from, int end, int s)
{
    const anl__sweep *sweep = c->p->sweep;
    const anl__step *first = &c->p->step[sweep[from].step], *step = &c->p->step[sweep[s].step];
    if (sweep[s].after || end - from >= ANL__MOST_CHAIN || !sliced(first, first) || !sliced(step, first)) return false;
    const anl__node *n = &c->g->node[node_of[sweep[s].step]];
    for (int i = -1; i < n->n_in; i++) {
        anl_value v = i < 0 ? n->accum : n->in[i];
        while (v != ANL_NONE && c->g->value[v].node >= 0 && c->g->node[c->g->value[v].node].op->view) v = c->g->node[c->g->value[v].node].in[0];
        if (v == ANL_NONE || c->g->value[v].node < 0) continue;
        for (int q = from; q < end; q++) {
            if (node_of[sweep[q].step] != c->g->value[v].node) continue;
            const anl__type *t = &c->g->value[v].type;
            if (i < 0 && c->copy[node_of[sweep[s].step]]) return false;
            if (!sweep[q].after && (c->p->step[sweep[q].step].prep.kernel->finish_outs >> c->g->value[v].out & 1)) return false;
            if (t->shape.rank < 1 || t->shape.dim[0] != first->prep.call.in[0].shape.dim[0]) return false;
        }
    }
    return true;
}

static bool touches(const compile *c, const anl__node *n, anl_value root, bool writes_only)
{
    bool hit = false;
    for (int j = 0; j < n->n_out; j++) hit |= root_of(c, n->out[j]) == root;
    for (int i = 0; i < n->n_in && !writes_only; i++) hit |= n->in[i] != ANL_NONE && root_of(c, n->in[i]) == root;
    return hit || (!writes_only && n->accum != ANL_NONE && root_of(c, n->accum) == root);
}

/* Does a write memory that b reads or writes? */
static bool disturbs(const compile *c, const anl__node *a, const anl__node *b)
{
    bool hit = false;
    for (int j = 0; j < a->n_out; j++) hit |= touches(c, b, root_of(c, a->out[j]), false);
    for (int i = 0; i < a->n_in; i++) hit |= (a->op->mutates >> i & 1) && touches(c, b, root_of(c, a->in[i]), false);
    return hit;
}

/* They may change places. What is written in place may be a part of a slab that another node knows by another value. */
static bool independent(const compile *c, const anl__node *a, const anl__node *b)
{
    return !a->op->mutates && !b->op->mutates && !disturbs(c, a, b) && !disturbs(c, b, a);
}

/* May sweep s be run at once with all of the chain [from, end), steps of one kernel that can (run_many)? */
static bool at_once(const compile *c, const int *node_of, int from, int end, int s)
{
    const anl__sweep *sweep = c->p->sweep;
    const anl__kernel *k = c->p->step[sweep[from].step].prep.kernel;
    bool can = k->run_many && c->p->step[sweep[s].step].prep.kernel == k && s == end && end - from < ANL__MOST_AT_ONCE;
    const anl__node *n = &c->g->node[node_of[sweep[s].step]];
    for (int q = from; q < end && can; q++) {
        const anl__node *member = &c->g->node[node_of[sweep[q].step]];
        can = !disturbs(c, n, member) && !disturbs(c, member, n);
    }
    return can;
}

/* Steps of one sweep that stand in a chain's way (gradients of weights) may wait behind it: at most so many. */
#define MOST_WAITING 2

/* The next sweep that joins the chain [from, end), or -1; those in between can wait. */
static int next_member(const compile *c, const int *node_of, int from, int end)
{
    const anl_program *p = c->p;
    for (int s = end; s < p->n_sweep && s <= end + MOST_WAITING; s++) {
        const anl__node *n = &c->g->node[node_of[p->sweep[s].step]];
        bool free = joins(c, node_of, from, end, s) || at_once(c, node_of, from, end, s);
        for (int q = end; q < s && free; q++) free = independent(c, n, &c->g->node[node_of[p->sweep[q].step]]);
        if (free) return s;
        if (p->sweep[s].after || p->step[p->sweep[s].step].prep.kernel->after) return -1;
    }
    return -1;
}

/* Handing a chain to the pool takes one to a hundred microseconds, by whether the workers still spin; so much work takes less. */
static const double SMALL_BYTES = 128 * 1024, SMALL_FLOPS = 2e5;

static bool is_small(const anl__step *step, const anl__sweep *sweep, int n)
{
    double bytes = 0, flops = 0;
    for (int s = 0; s < n; s++) {
        const anl__call *c = &step[sweep[s].step].prep.call;
        for (int i = 0; i < c->n_in; i++)
            if (anl__has_in(c, i)) bytes += (double)anl_shape_count(&c->in[i].shape) * (double)anl_dtype_size(c->in[i].dtype);
        for (int j = 0; j < c->n_out; j++) bytes += (double)anl_shape_count(&c->out[j].shape) * (double)anl_dtype_size(c->out[j].dtype);
        if (c->op->flops) flops += c->op->flops(c);
    }
    return bytes <= SMALL_BYTES && flops <= SMALL_FLOPS;
}

/* A step's sweeps, each a chain of its own. */
static anl_status make_sweeps(anl_ctx *ctx, const anl__step *step, int n, anl__sweep **out, int *count)
{
    anl__sweep *w = anl__calloc(ctx, 2 * (size_t)n + 1, sizeof *w);
    if (!w) return ANL_NOMEM;
    *out = w;
    *count = 0;
    for (int s = 0; s < n; s++) {
        w[(*count)++] = (anl__sweep){.step = s, .chain = 1};
        if (step[s].prep.kernel->after) w[(*count)++] = (anl__sweep){.step = s, .after = true, .chain = 1};
    }
    return ANL_OK;
}

static int sweep_of(const anl_program *p, int step)
{
    int s = 0;
    while (p->sweep[s].step != step) s++;
    return s;
}

/* A covered step's sweep goes to just behind that of the step that covers it. */
static void find_covers(compile *c, const int *node_of)
{
    anl_program *p = c->p;
    for (int s = 0; p->opts.plan && s < p->n_step; s++) {
        int other = anl__covered(p, node_of, c->last, c->copy, s);
        if (other < 0) continue;
        anl__sweep moved = p->sweep[sweep_of(p, other)];
        int from = sweep_of(p, other), to = sweep_of(p, s);
        if (from < to) memmove(&p->sweep[from], &p->sweep[from + 1], sizeof moved * (size_t)(to-- - from));
        else memmove(&p->sweep[to + 2], &p->sweep[to + 1], sizeof moved * (size_t)(from - to - 1));
        moved.chain = p->step[other].chain = 0;
        p->sweep[to + 1] = moved;
        p->sweep[to].chain = p->step[s].chain = 2;
        p->step[other].covered_by = &p->step[s];
    }
}

static anl_status find_chains(compile *c, const int *node_of)
{
    anl_program *p = c->p;
    ANL_TRY(make_sweeps(c->ctx, p->derived, p->n_derived, &p->derived_sweep, &p->n_derived_sweep));
    ANL_TRY(make_sweeps(c->ctx, p->step, p->n_step, &p->sweep, &p->n_sweep));
    find_covers(c, node_of);
    for (int s = 0; s < p->n_sweep;) {
        int end = s + p->sweep[s].chain;
        for (int next; p->opts.plan && (next = next_member(c, node_of, s, end)) >= 0; end++) {
            anl__sweep member = p->sweep[next];
            memmove(&p->sweep[end + 1], &p->sweep[end], sizeof member * (size_t)(next - end));
            p->sweep[end] = member;
            p->sweep[end].chain = 0;
        }
        p->sweep[s].chain = p->step[p->sweep[s].step].chain = end - s;
        p->sweep[s].small = is_small(p->step, &p->sweep[s], end - s);
        s = end;
    }
    return ANL_OK;
}

static anl_status find_lifetimes(compile *c)
{
    anl_graph *g = c->g;
    int at = 0;
    for (int64_t v = 0; v < g->n_value; v++) c->last[v] = -1;
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        if (n->dead) continue;
        bool step = !n->op->view && !(n->n_out > 0 && g->value[n->out[0]].derived);
        c->position[k] = at;
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i] != ANL_NONE) c->last[n->in[i]] = at;
        if (n->accum != ANL_NONE) c->last[n->accum] = at;
        if (step) at++;
    }
    for (int64_t i = 0; i < g->n_output; i++) c->last[g->output[i].v] = INT32_MAX;
    for (int64_t i = 0; i < c->n_bound; i++) c->last[c->bound[i].v] = INT32_MAX;
    return ANL_OK;
}

/* When a step runs, in sweeps: from the first of the chain of its first sweep to the last of the chain of its last. */
static void find_spans(const anl_program *p, int *begin, int *end)
{
    for (int s = 0, from = 0; s < p->n_sweep; s++) {
        const anl__sweep *w = &p->sweep[s];
        if (w->chain) from = s;
        if (!w->after) begin[w->step] = from;
        end[w->step] = from + p->sweep[from].chain - 1;
    }
}

/* until[v]: the last sweep that may read v; -1: none. */
static void find_readers(const compile *c, const int *end, int *until)
{
    const anl_graph *g = c->g;
    for (int64_t v = 0; v < g->n_value; v++) until[v] = c->last[v] == INT32_MAX ? c->p->n_sweep : -1;
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        if (n->dead || n->op->view || (n->n_out > 0 && g->value[n->out[0]].derived)) continue;
        int last = end[c->position[k]];
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i] != ANL_NONE && until[n->in[i]] < last) until[n->in[i]] = last;
        if (n->accum != ANL_NONE && until[n->accum] < last) until[n->accum] = last;
    }
}

/* A gradient that nothing in the program reads, or adds to, may wait aside until all are made. */
static bool may_wait(const compile *c, const anl__node *n)
{
    anl_value root = root_of(c, n->out[0]);
    if (n->accum != ANL_NONE || c->p->ref[root].store != ANL__STORE_GRAD) return false;
    for (int64_t k = 0; k < c->g->n_node; k++) {
        const anl__node *o = &c->g->node[k];
        if (!o->dead && o != n && touches(c, o, root, false)) return false;
    }
    return true;
}

/* First and last sweep of each root in the arena, then offsets. */
static anl_status plan_arena(compile *c, const int *node_of)
{
    anl_graph *g = c->g;
    anl_program *p = c->p;
    anl_status st = ANL_NOMEM;
    int n = 0;
    anl__interval *iv = anl__calloc(c->ctx, (size_t)(g->n_value + 2 * p->n_step + 1), sizeof *iv);
    int *index = anl__calloc(c->ctx, 2 * ((size_t)g->n_value + 1), sizeof *index), *until = index ? index + g->n_value + 1 : NULL;
    int *begin = anl__calloc(c->ctx, (size_t)p->n_step + 1, sizeof *begin), *end = anl__calloc(c->ctx, (size_t)p->n_step + 1, sizeof *end);
    int *ws = anl__calloc(c->ctx, 2 * ((size_t)p->n_step + 1), sizeof *ws), *aside = ws ? ws + p->n_step + 1 : NULL;
    if (!iv || !index || !begin || !end || !ws) goto done;
    find_spans(p, begin, end);
    find_readers(c, end, until);
    for (int64_t v = 0; v < g->n_value; v++) {
        c->root[v] = root_of(c, (anl_value)v);
        index[v] = -1;
    }
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        anl_value r = c->root[v];
        if (x->kind != ANL__TENSOR || x->derived || x->node < 0 || g->node[x->node].dead || p->ref[r].store != ANL__STORE_NONE) continue;
        int step = c->position[x->node] < p->n_step ? c->position[x->node] : p->n_step - 1;
        int made = begin[step], last = until[v] > end[step] ? until[v] : end[step];
        if (index[r] < 0) {
            index[r] = n;
            iv[n++] = (anl__interval){.bytes = (size_t)anl_shape_count(&g->value[r].type.shape) * anl_dtype_size(g->value[r].type.dtype), .first = made, .last = last};
        }
        anl__interval *q = &iv[index[r]];
        if (made < q->first) q->first = made;
        if (last > q->last) q->last = last;
    }
    for (int s = 0; s < p->n_step; s++) {
        anl__step *step = &p->step[s];
        ws[s] = step->prep.workspace ? n : -1;
        if (step->prep.workspace) iv[n++] = (anl__interval){.bytes = step->prep.workspace, .first = begin[s], .last = end[s]};
        aside[s] = step->prep.aside ? n : -1;
        step->waits = step->prep.aside && may_wait(c, &g->node[node_of[s]]);
        if (step->prep.aside) iv[n++] = (anl__interval){.bytes = step->prep.aside, .first = begin[s], .last = step->waits ? p->n_sweep : end[s]};
    }
    st = anl__plan(c->ctx, iv, n, 256, p->opts.plan, &p->stats.arena_bytes, &p->stats.live_peak_bytes);
    for (int i = 0; i < n; i++) p->stats.sum_bytes += iv[i].bytes;
    for (int64_t v = 0; v < g->n_value; v++)
        if (index[v] >= 0) p->ref[v] = (anl__ref){ANL__STORE_ARENA, iv[index[v]].offset};
    for (int s = 0; s < p->n_step; s++) {
        if (ws[s] >= 0) p->step[s].ws = (anl__ref){ANL__STORE_ARENA, iv[ws[s]].offset};
        if (aside[s] >= 0) p->step[s].aside = (anl__ref){ANL__STORE_ARENA, iv[aside[s]].offset};
    }
done:
    anl__free(c->ctx, iv);
    anl__free(c->ctx, index);
    anl__free(c->ctx, begin);
    anl__free(c->ctx, end);
    anl__free(c->ctx, ws);
    return st;
}

/* Roots that live outside the arena. Offsets into slabs are entry numbers until anl__program_resolve. */
static void place_outside(compile *c)
{
    anl_graph *g = c->g;
    anl_program *p = c->p;
    for (int64_t v = 0; v < g->n_value; v++) {
        const anl__value *x = &g->value[v];
        anl__ref *r = &p->ref[v];
        switch (x->kind) {
        case ANL__PARAM: *r = (anl__ref){ANL__STORE_PARAM, (size_t)x->slot}; break;
        case ANL__BUFFER: *r = (anl__ref){ANL__STORE_BUFFER, (size_t)x->slot}; break;
        case ANL__INPUT: *r = (anl__ref){ANL__STORE_INPUT, (size_t)x->slot}; break;
        case ANL__SCALAR: *r = (anl__ref){ANL__STORE_SCALAR, x->slot == 0 ? 0 : x->slot == 1 ? ANL__SCALAR_HYPER : ANL__SCALAR_SCALE}; break;
        case ANL__REDUCED: *r = (anl__ref){ANL__STORE_GRAD, (size_t)x->slot | ANL__SUM_ENTRY}; break;
        case ANL__SLAB:
            *r = (anl__ref){x->slot == ANL_SLAB_PARAM ? ANL__STORE_PARAM : x->slot == ANL_SLAB_BUFFER ? ANL__STORE_BUFFER
                            : x->slot == ANL_SLAB_EMA ? ANL__STORE_EMA : x->slot >= ANL_SLAB_MOMENT0 ? ANL__STORE_MOMENT + (x->slot - ANL_SLAB_MOMENT0)
                                                                                                     : ANL__STORE_GRAD, ANL__WHOLE_SLAB};
            break;
        case ANL__TENSOR:
            if (!x->derived || x->node < 0 || g->node[x->node].dead) break;
            *r = (anl__ref){ANL__STORE_DERIVED, c->net->derived_bytes};
            c->net->derived_bytes += ((size_t)anl_shape_count(&x->type.shape) * anl_dtype_size(x->type.dtype) + 255) & ~(size_t)255;
            break;
        }
    }
    for (int64_t i = 0; i < c->n_bound; i++) {
        anl_value r = c->bound[i].v;
        while (c->root[r] != r) r = c->root[r];
        p->ref[r] = (anl__ref){ANL__STORE_GRAD, (size_t)c->bound[i].entry | (c->bound[i].sum ? ANL__SUM_ENTRY : 0)};
    }
}

static anl_status make_packs(compile *c)
{
    anl_program *p = c->p;
    anl_graph *g = c->g;
    int s = 0;
    int64_t cap = 0;
    for (int64_t k = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        if (n->dead || n->op->view || (n->n_out > 0 && g->value[n->out[0]].derived)) continue;
        anl__step *step = &p->step[s++];
        for (int i = 0; i < n->n_in; i++) {
            int index = -1;
            step->in[i] = n->in[i] == ANL_NONE ? (anl__ref){ANL__STORE_NONE, 0} : p->ref[c->root[n->in[i]]];
            if (n->in[i] != ANL_NONE) ANL_TRY(anl__select_pack(p, &c->env, step, i, n->in[i], &index));
            if (index < 0) continue;
            step->in[i] = (anl__ref){ANL__STORE_DERIVED, c->net->packed[index].offset};
            bool known = false;
            for (int q = 0; q < p->n_pack; q++) known |= p->pack[q] == index;
            if (known) continue;
            ANL_TRY(anl__grow(c->ctx, &p->pack, &cap, p->n_pack + 1, sizeof *p->pack));
            p->pack[p->n_pack++] = index;
        }
        for (int j = 0; j < n->n_out; j++) step->out[j] = p->ref[c->root[n->out[j]]];
        if (c->copy[k]) {
            step->copy_from = p->ref[c->root[n->accum]];
            step->copy_bytes = (size_t)anl_shape_count(&g->value[n->out[0]].type.shape) * anl_dtype_size(g->value[n->out[0]].type.dtype);
        }
    }
    for (int64_t k = 0, d = 0; k < g->n_node; k++) {
        const anl__node *n = &g->node[k];
        if (n->dead || n->op->view || !(n->n_out > 0 && g->value[n->out[0]].derived)) continue;
        anl__step *step = &p->derived[d++];
        for (int i = 0; i < n->n_in; i++) step->in[i] = n->in[i] == ANL_NONE ? (anl__ref){ANL__STORE_NONE, 0} : p->ref[c->root[n->in[i]]];
        for (int j = 0; j < n->n_out; j++) step->out[j] = p->ref[c->root[n->out[j]]];
    }
    return ANL_OK;
}

static anl_status lower(compile *c)
{
    anl_graph *g = c->g;
    anl_program *p = c->p;
    size_t nodes = (size_t)g->n_node + 1, values = (size_t)g->n_value + 1;
    bool *needed = anl__arena_alloc(g->arena, values * sizeof *needed);
    int *node_of = anl__arena_alloc(g->arena, nodes * sizeof *node_of);
    c->position = anl__arena_alloc(g->arena, nodes * sizeof *c->position);
    c->copy = anl__arena_alloc(g->arena, nodes * sizeof *c->copy);
    c->last = anl__arena_alloc(g->arena, values * sizeof *c->last);
    c->root = anl__arena_alloc(g->arena, values * sizeof *c->root);
    p->ref = anl__arena_alloc(g->arena, values * sizeof *p->ref);
    if (!needed || !node_of || !c->position || !c->copy || !c->last || !c->root || !p->ref) return ANL_NOMEM;
    for (int64_t i = 0; i < g->n_output; i++) needed[g->output[i].v] = true;
    for (int64_t i = 0; i < c->n_bound; i++) needed[c->bound[i].v] = true;
    anl__pass_prune(g, needed);
    ANL_TRY(g->status);
    ANL_TRY(select_all(c));
    ANL_TRY(find_lifetimes(c));
    ANL_TRY(anl__alias(p, c->position, c->last, c->root, c->copy));
    for (int64_t k = 0, s = 0; k < g->n_node; k++)
        if (!g->node[k].dead && !g->node[k].op->view && !(g->node[k].n_out > 0 && g->value[g->node[k].out[0]].derived)) node_of[s++] = (int)k;
    ANL_TRY(find_chains(c, node_of));
    place_outside(c);
    ANL_TRY(plan_arena(c, node_of));
    return make_packs(c);
}

anl_status anl_program_compile(anl_net *net, anl_graph *g, const anl_compile_opts *opts, anl_program **out)
{
    anl_ctx *ctx = net->ctx;
    anl_status st;
    compile c = {.ctx = ctx, .net = net, .g = g};
    if (net->device->vt->use) net->device->vt->use(net->device);
    anl_program *p = anl__alloc(ctx, sizeof *p);
    if (!p) {
        anl_graph_destroy(g);
        return ANL_NOMEM;
    }
    *p = (anl_program){.net = net, .graph = g, .opts = opts ? *opts : anl_compile_opts_default(g), .derived_version = -1};
    c.p = p;
    ANL_GO(g->status);
    anl_dtype elem = anl__wide(g->dtype);
    if (net->finished) ANL_GO(anl__fail(ctx, ANL_INVALID, "the net is finished: compile every program before anl_net_finish"));
    if (net->n_program && net->elem != elem) ANL_GO(anl__fail(ctx, ANL_MISMATCH, "a net holds either f64 programs or others, not both"));
    net->elem = elem;
    ANL_GO(anl__precision_need(net->device, g->dtype, false));
    if (p->opts.rewrite) anl__pass_rewrite(g);
    if (p->opts.backward) anl__pass_autodiff(g, &c.grad_of);
    if (p->opts.backward && p->opts.recompute) anl__pass_recompute(g);
    ANL_GO(g->status);
    ANL_GO(bind_all(&c));
    c.env = (anl__env){.ctx = ctx, .device = net->device, .pool = net->device->pool, .workers = net->device->pool ? anl__pool_size(net->device->pool) : 1,
                       .deterministic = net->device->opts.deterministic, .slices = p->opts.slices > 0 ? p->opts.slices : slices_of(g),
                       .segment = net->segment, .n_segments = net->n_segment, .slab_count = net->param_count};
    ANL_GO(lower(&c));
    p->stats.nodes = p->n_step;
    p->stats.derived_nodes = p->n_derived + p->n_pack;
    if (p->stats.arena_bytes > net->arena_bytes) net->arena_bytes = p->stats.arena_bytes;
    for (int64_t k = 0; k < g->n_node; k++)
        for (int i = 0; i < g->node[k].n_in; i++)
            if (!g->node[k].dead && g->node[k].op->mutates >> i & 1) {
                const anl__value *x = &g->value[g->node[k].in[i]];
                p->writes_param |= x->kind == ANL__BUFFER || x->kind == ANL__PARAM || (x->kind == ANL__SLAB && x->slot <= ANL_SLAB_EMA);
            }
    ANL_GO(anl__grow(ctx, &net->program, &net->cap_program, net->n_program + 1, sizeof *net->program));
    net->program[net->n_program++] = p;
    *out = p;
done:
    anl__free(ctx, c.bound);
    if (st != ANL_OK) anl__program_destroy(p);
    return st;
}

void anl__program_destroy(anl_program *p)
{
    if (!p) return;
    anl_ctx *ctx = p->net->ctx;
    anl__program_forget(p);
    for (int s = 0; s < p->n_step; s++)
        if (p->step[s].prep.kernel && p->step[s].prep.kernel->release) p->step[s].prep.kernel->release(ctx, &p->step[s].prep);
    for (int s = 0; s < p->n_derived; s++)
        if (p->derived[s].prep.kernel && p->derived[s].prep.kernel->release) p->derived[s].prep.kernel->release(ctx, &p->derived[s].prep);
    anl__free(ctx, p->step);
    anl__free(ctx, p->sweep);
    anl__free(ctx, p->derived_sweep);
    anl__free(ctx, p->derived);
    anl__free(ctx, p->pack);
    anl_graph_destroy(p->graph);
    anl__free(ctx, p);
}
