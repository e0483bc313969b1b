/* Select: asks each kernel of the node's operator on this device, best first, whether it supports the case. */
#include "net.h"

#include <string.h>

const anl__kernel *const *const *anl__device_kernels(const anl_device *dev) { return dev->vt->kernels ? dev->vt->kernels : anl__kernel_table; }

static const anl__kernel *next_best(const anl__kernel *const *const *table, const char *op, const char *device, const char *prefer,
                                    const anl__kernel *const *tried, int n_tried)
{
    const anl__kernel *best = NULL;
    bool best_liked = false;
    for (int f = 0; table[f]; f++)
        for (int i = 0; table[f][i]; i++) {
            const anl__kernel *k = table[f][i];
            bool seen = false, liked = prefer && !strncmp(k->name, prefer, strlen(prefer));
            for (int t = 0; t < n_tried; t++) seen |= tried[t] == k;
            if (seen || strcmp(k->op, op) || strcmp(k->device, device)) continue;
            if (!best || liked > best_liked || (liked == best_liked && k->rank > best->rank)) {
                best = k;
                best_liked = liked;
            }
        }
    return best;
}

/* The host-memory devices may fall back on the reference kernels: slow, never wrong. */
static const anl__kernel *pick(const anl__env *env, const anl__call *c, const char *prefer, anl__buf *why)
{
    const anl__kernel *tried[32];
    int n = 0;
    if (env->device->vt->any) return env->device->vt->any;
    for (;;) {
        const anl__kernel *k = n < 32 ? next_best(anl__device_kernels(env->device), c->op->name, env->device->vt->name, prefer, tried, n) : NULL;
        if (!k) break;
        char reason[ANL__WHY] = "";
        if (!k->supports || k->supports(env, c, reason)) return k;
        anl__buf_add(why, "%s%s: %s", why->len ? "; " : "", k->name, reason);
        tried[n++] = k;
    }
    if (!env->device->vt->host_memory || !strcmp(env->device->vt->name, "reference")) return NULL;
    const anl__kernel *ref = next_best(anl__kernel_table, c->op->name, "reference", NULL, NULL, 0);
    char reason[ANL__WHY] = "";
    if (ref && (!ref->supports || ref->supports(env, c, reason))) return ref;
    if (ref) anl__buf_add(why, "%s%s: %s", why->len ? "; " : "", ref->name, reason);
    return NULL;
}

/* Outputs in the kernel's own form: what reads them sees that. */
static anl_status keep(const anl__env *env, anl_graph *g, int node, const anl__kernel *k, anl__call *c)
{
    if (!k->keep) return ANL_OK;
    ANL_TRY(k->keep(env, c));
    for (int j = 0; j < c->n_out; j++)
        if (g->node[node].out[j] != ANL_NONE) g->value[g->node[node].out[j]].type = c->out[j];
    return ANL_OK;
}

anl_status anl__select(const anl__env *env, anl_graph *g, int node, const char *prefer, anl__step *step)
{
    anl_ctx *ctx = env->ctx;
    anl__buf why;
    anl__buf_init(&why, ctx);
    anl__call *c = &step->prep.call;
    anl__graph_call(g, node, c);
    step->name = g->node[node].name;
    step->backward = g->node[node].backward;
    const anl__kernel *k = pick(env, c, prefer, &why);
    anl_status st = why.status;
    if (st == ANL_OK && !k) {
        char shape[96];
        st = anl__fail(ctx, ANL_UNSUPPORTED, "layer '%s' (%s): no kernel of device %s runs it with %s %s%s%s%s", step->name, c->op->name,
                       env->device->vt->name, anl_dtype_name(c->n_in ? c->in[0].dtype : g->dtype),
                       c->n_in ? anl__shape_text(&c->in[0].shape, shape) : "", why.len ? ": " : "", why.text, env->device->vt->host_memory ? "" : "; device=cpu has one");
    }
    if (st == ANL_OK && why.len && !(step->refused = anl__arena_strdup(g->arena, why.text))) st = ANL_NOMEM;
    if (st == ANL_OK) {
        step->prep.kernel = k;
        st = keep(env, g, node, k, c);
        if (st == ANL_OK && k->prepare) st = k->prepare(env, &step->prep);
        st = anl__context(ctx, st, "layer '%s' (%s)", step->name, k->name);
    }
    anl__buf_release(&why);
    return st;
}

anl_status anl__select_pack(anl_program *p, const anl__env *env, const anl__step *step, int i, anl_value v, int *index)
{
    anl_net *net = p->net;
    const anl__kernel *k = step->prep.kernel;
    anl__pack pack = {.key = ""};
    *index = -1;
    if (!step->prep.call.param[i] || !k->pack) return ANL_OK;
    if (!k->pack(env, &step->prep.call, i, &pack)) return anl__context(net->ctx, pack.status, "layer '%s' (%s)", step->name, k->name);
    const anl__value *val = &p->graph->value[v];
    int param = val->kind == ANL__PARAM ? val->slot : -1;
    for (int64_t q = 0; q < net->n_packed; q++) {
        const anl__packed *o = &net->packed[q];
        bool same = param >= 0 ? o->param == param : o->param < 0 && o->program == p && o->value == v;
        if (same && !strcmp(o->pack.key, pack.key)) {
            if (pack.release) pack.release(net->ctx, pack.state);
            *index = (int)q;
            return ANL_OK;
        }
    }
    anl_status st = anl__grow(net->ctx, &net->packed, &net->cap_packed, net->n_packed + 1, sizeof *net->packed);
    if (st != ANL_OK) {
        if (pack.release) pack.release(net->ctx, pack.state);
        return st;
    }
    net->packed[net->n_packed] = (anl__packed){.param = param, .program = p, .value = v, .pack = pack, .offset = net->derived_bytes, .version = -1};
    net->derived_bytes += (pack.bytes + 255) & ~(size_t)255;
    *index = (int)net->n_packed++;
    return ANL_OK;
}
