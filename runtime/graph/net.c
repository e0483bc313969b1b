/* A net: the parameter table, the slabs, the scalars; filling, reading and writing them. */
#include "net.h"

#include "../base/philox.h"

#include <math.h>
#include <string.h>

#define PAD 16 /* elements: slab entries begin on 64 bytes */

size_t anl__elem(const anl_net *net) { return net->elem == ANL_F64 ? sizeof(double) : sizeof(float); }

anl_status anl_net_create(anl_device *dev, anl_net **out)
{
    anl_net *net = anl__alloc(dev->ctx, sizeof *net);
    if (!net) return ANL_NOMEM;
    *net = (anl_net){.ctx = dev->ctx, .device = dev, .elem = ANL_F32};
    *out = net;
    return ANL_OK;
}

static void table_release(anl_net *net, anl__registry *t)
{
    for (int64_t i = 0; i < t->n; i++) anl__free(net->ctx, t->entry[i].name);
    anl__free(net->ctx, t->entry);
}

void anl_net_destroy(anl_net *net)
{
    if (!net) return;
    anl_ctx *ctx = net->ctx;
    for (int64_t i = 0; i < net->n_program; i++) anl__program_destroy(net->program[i]);
    for (int64_t i = 0; i < net->n_packed; i++)
        if (net->packed[i].pack.release) net->packed[i].pack.release(ctx, net->packed[i].pack.state);
    for (int64_t i = 0; i < net->n_running; i++) anl__free(ctx, net->running[i].attr);
    for (int s = 0; s < ANL_SLAB_COUNT; s++)
        if (net->slab[s]) net->device->vt->free(net->device, net->slab[s]);
    if (net->arena) net->device->vt->free(net->device, net->arena);
    if (net->derived) net->device->vt->free(net->device, net->derived);
    if (net->scalar) net->device->vt->free(net->device, net->scalar);
    table_release(net, &net->param);
    table_release(net, &net->buffer);
    table_release(net, &net->sum);
    anl__free(ctx, net->program);
    anl__free(ctx, net->packed);
    anl__free(ctx, net->running);
    anl__free(ctx, net->segment);
    anl__free(ctx, net);
}

int anl__registry_find(const anl__registry *t, const char *name)
{
    for (int64_t i = 0; i < t->n; i++)
        if (!strcmp(t->entry[i].name, name)) return (int)i;
    return -1;
}

anl_status anl__registry_add(anl_net *net, anl__registry *t, const char *what, const anl__value *v, int *index)
{
    char a[96], b[96];
    int at = anl__registry_find(t, v->name);
    if (at >= 0) {
        if (!anl__shape_equal(&t->entry[at].shape, &v->type.shape))
            return anl__fail(net->ctx, ANL_MISMATCH, "%s '%s' is %s here and %s in an earlier program", what, v->name,
                             anl__shape_text(&v->type.shape, a), anl__shape_text(&t->entry[at].shape, b));
        *index = at;
        return ANL_OK;
    }
    if (net->laid_out) return anl__fail(net->ctx, ANL_MISMATCH, "%s '%s' is new, but the net's layout is fixed", what, v->name);
    ANL_TRY(anl__grow(net->ctx, &t->entry, &t->cap, t->n + 1, sizeof *t->entry));
    anl__entry e = {.shape = v->type.shape, .count = anl_shape_count(&v->type.shape), .flags = v->flags, .init = v->init};
    if (!(e.name = anl__strdup(net->ctx, v->name))) return ANL_NOMEM;
    *index = (int)t->n;
    t->entry[t->n++] = e;
    return ANL_OK;
}

/* Those of the entries that are frozen, or are not. */
static int64_t lay(anl__registry *t, bool frozen, int64_t at, int64_t pad)
{
    for (int64_t i = 0; i < t->n; i++) {
        if (!(t->entry[i].flags & ANL_PARAM_FROZEN) == frozen) continue;
        t->entry[i].offset = at;
        at += (t->entry[i].count + pad - 1) / pad * pad;
    }
    return at;
}

anl_status anl_net_layout(anl_net *net)
{
    if (net->laid_out) return ANL_OK;
    net->moving_count = lay(&net->param, false, 0, PAD);
    net->param_count = lay(&net->param, true, net->moving_count, PAD);
    net->buffer_count = lay(&net->buffer, false, 0, PAD);
    net->grad_count = (lay(&net->sum, false, net->moving_count, 1) + PAD - 1) / PAD * PAD;
    net->segment = anl__calloc(net->ctx, (size_t)net->param.n + 1, sizeof *net->segment);
    if (!net->segment) return ANL_NOMEM;
    for (int64_t i = 0; i < net->param.n; i++) {
        const anl__entry *e = &net->param.entry[i];
        if (e->flags & ANL_PARAM_FROZEN) continue;
        net->segment[net->n_segment++] = (anl__segment){.name = e->name, .offset = e->offset, .count = e->count, .decay = e->flags & ANL_PARAM_DECAY ? 1.0f : 0.0f, .rate = 1.0f};
    }
    net->laid_out = true;
    return ANL_OK;
}

static anl_status alloc_slab(anl_net *net, int slab, int64_t count)
{
    net->slab_count[slab] = count;
    size_t bytes = (size_t)count * anl__elem(net);
    return anl__context(net->ctx, net->device->vt->alloc(net->device, bytes ? bytes : 64, &net->slab[slab]), "slab of %lld elements", (long long)count);
}

anl_status anl__net_compile_add(anl_net *net, int64_t count, const char *name, anl_program **out)
{
    anl_graph *g;
    if (!anl__op_find("slab_add")) return anl__fail(net->ctx, ANL_INTERNAL, "operator slab_add is not built in");
    ANL_TRY(anl_graph_create(net->ctx, ANL_TRAIN, ANL_F32, &g));
    anl_value in[2] = {anl_input(g, "dst", ANL_F32, 1, &count), anl_input(g, "src", ANL_F32, 1, &count)};
    anl_node(g, "slab_add", name, in, 2, NULL);
    anl_compile_opts opts = {.plan = true};
    return anl_program_compile(net, g, &opts, out);
}

static anl_status alloc_all(anl_net *net, int moments, int grad_slabs, bool ema)
{
    ANL_TRY(alloc_slab(net, ANL_SLAB_PARAM, net->param_count));
    ANL_TRY(alloc_slab(net, ANL_SLAB_BUFFER, net->buffer_count));
    if (ema) ANL_TRY(alloc_slab(net, ANL_SLAB_EMA, net->param_count));
    for (int i = 0; i < grad_slabs; i++) ANL_TRY(alloc_slab(net, ANL_SLAB_GRAD0 + i, net->grad_count));
    for (int i = 0; i < moments; i++) ANL_TRY(alloc_slab(net, ANL_SLAB_MOMENT0 + i, net->moving_count));
    ANL_TRY(net->device->vt->alloc(net->device, 4096, &net->scalar));
    ANL_TRY(anl__context(net->ctx, net->device->vt->alloc(net->device, net->arena_bytes + 64, &net->arena), "arena of %zu bytes for activations", net->arena_bytes));
    return anl__context(net->ctx, net->device->vt->alloc(net->device, net->derived_bytes + 64, &net->derived), "%zu bytes for packed parameters", net->derived_bytes);
}

anl_status anl_net_finish(anl_net *net, int moments, int grad_slabs, bool ema)
{
    ANL_TRY(anl_net_layout(net));
    if (net->finished) return anl__fail(net->ctx, ANL_INVALID, "the net is finished already");
    if (moments < 0 || moments > 4 || grad_slabs < 0 || grad_slabs > ANL_SLAB_MOMENT0 - ANL_SLAB_GRAD0)
        return anl__fail(net->ctx, ANL_INVALID, "%d moment and %d gradient slabs asked for", moments, grad_slabs);
    if (grad_slabs > 1) ANL_TRY(anl__net_compile_add(net, net->grad_count, "slab_add", &net->grad_add));
    if (grad_slabs < 1) grad_slabs = 1;
    int64_t slabs = net->param_count * (1 + ema) + net->moving_count * moments + net->buffer_count + net->grad_count * grad_slabs;
    size_t room = net->device->vt->room ? net->device->vt->room(net->device) : 0;
    anl_status st = alloc_all(net, moments, grad_slabs, ema);
    if (st != ANL_OK) return anl__net_no_room(net, st, (size_t)slabs * anl__elem(net), room);
    for (int64_t i = 0; i < net->n_program; i++) anl__program_resolve(net->program[i]);
    net->finished = true;
    float hyper[ANL_HYPER_WORDS] = {0};
    hyper[ANL__HYPER_LOSS_SCALE] = 1;
    ANL_TRY(anl__net_set_scale(net, (float[ANL__SCALE_WORDS]){1}));
    return anl_net_set_hyper(net, hyper);
}

/* A number from two words. */
static float drawn(uint32_t a, uint32_t b, anl_init init)
{
    if (init.kind == ANL_INIT_UNIFORM) return (float)((2 * anl__u32_to_unit64(a, b) - 1) * init.a);
    /* Box and Muller (1958): the pair's two words give radius and angle. */
    double u1 = anl__u32_to_unit(a), u2 = anl__u32_to_unit(b);
    return (float)(init.a * sqrt(-2 * log(u1)) * cos(6.283185307179586476925 * u2));
}

typedef struct filling {
    float *host;
    const anl__entry *e;
    uint64_t seed;
    uint32_t name;
} filling;

enum { FILLED_AT_ONCE = 8192 };

/* Number k of a parameter is drawn from (seed, name, k) alone; two of them share a block. */
static void fill_part(void *arg, int task, int worker)
{
    const filling *f = arg;
    int64_t k = (int64_t)task * FILLED_AT_ONCE, end = k + FILLED_AT_ONCE < f->e->count ? k + FILLED_AT_ONCE : f->e->count;
    (void)worker;
    for (; k < end && f->e->init.kind == ANL_INIT_CONSTANT; k++) f->host[k] = (float)f->e->init.a;
    for (; k < end; k += 2) {
        anl__u32x4 r = anl__philox(f->seed, (uint32_t)(k / 2), (uint32_t)(k / 2 >> 32), f->name, ANL__STREAM_INIT);
        f->host[k] = drawn(r.v[0], r.v[1], f->e->init);
        if (k + 1 < end) f->host[k + 1] = drawn(r.v[2], r.v[3], f->e->init);
    }
}

static anl_status fill_entry(anl_net *net, anl_slab slab, const anl__entry *e, uint64_t seed)
{
    filling f = {anl__alloc(net->ctx, (size_t)e->count * sizeof *f.host), e, seed, anl__name_hash(e->name)};
    if (!f.host) return ANL_NOMEM;
    unsigned mode = anl__pool_float_mode();
    anl__pool_run(net->device->pool, (int)((e->count + FILLED_AT_ONCE - 1) / FILLED_AT_ONCE), fill_part, &f);
    anl__pool_float_restore(mode);
    anl_status st = anl_net_slab_write(net, slab, e->offset, e->count, f.host);
    anl__free(net->ctx, f.host);
    return st;
}

anl_status anl_net_init(anl_net *net, uint64_t seed)
{
    for (int64_t i = 0; i < net->param.n; i++) ANL_TRY(fill_entry(net, ANL_SLAB_PARAM, &net->param.entry[i], seed));
    for (int64_t i = 0; i < net->buffer.n; i++) ANL_TRY(fill_entry(net, ANL_SLAB_BUFFER, &net->buffer.entry[i], seed));
    return ANL_OK;
}

static anl_tensor_info info(const anl__registry *t, int i)
{
    if (i < 0 || i >= t->n) return (anl_tensor_info){.shape.rank = -1};
    const anl__entry *e = &t->entry[i];
    return (anl_tensor_info){e->name, e->shape, e->offset, e->count, e->flags};
}

int anl_net_param_count(const anl_net *net) { return (int)net->param.n; }
anl_tensor_info anl_net_param(const anl_net *net, int i) { return info(&net->param, i); }
int anl_net_buffer_count(const anl_net *net) { return (int)net->buffer.n; }
anl_tensor_info anl_net_buffer(const anl_net *net, int i) { return info(&net->buffer, i); }
int64_t anl_net_slab_count(const anl_net *net, anl_slab slab) { return net->slab_count[slab]; }
void *anl_net_slab_data(anl_net *net, anl_slab slab) { return net->slab[slab]; }
int anl_net_sum_count(const anl_net *net) { return (int)net->sum.n; }
const char *anl_net_sum_name(const anl_net *net, int i) { return info(&net->sum, i).name; }
int64_t anl_net_sum_offset(const anl_net *net, int i) { return info(&net->sum, i).offset; }

static anl_status check_range(const anl_net *net, anl_slab slab, int64_t offset, int64_t count)
{
    if ((int)slab < 0 || slab >= ANL_SLAB_COUNT || !net->slab[slab] || offset < 0 || count < 0 || offset > net->slab_count[slab] - count)
        return anl__fail(net->ctx, ANL_INVALID, "slab %d has no elements %lld to %lld", (int)slab, (long long)offset, (long long)(offset + count));
    return ANL_OK;
}

anl_status anl_net_slab_read(anl_net *net, anl_slab slab, int64_t offset, int64_t count, float *host)
{
    ANL_TRY(check_range(net, slab, offset, count));
    const char *at = (const char *)net->slab[slab] + (size_t)offset * anl__elem(net);
    if (net->elem != ANL_F64) return net->device->vt->download(net->device, host, at, (size_t)count * sizeof *host);
    for (int64_t i = 0; i < count; i++) host[i] = (float)((const double *)(const void *)at)[i];
    return ANL_OK;
}

anl_status anl_net_slab_write(anl_net *net, anl_slab slab, int64_t offset, int64_t count, const float *host)
{
    ANL_TRY(check_range(net, slab, offset, count));
    char *at = (char *)net->slab[slab] + (size_t)offset * anl__elem(net);
    net->version++;
    if (net->elem != ANL_F64) return net->device->vt->upload(net->device, at, host, (size_t)count * sizeof *host);
    for (int64_t i = 0; i < count; i++) ((double *)(void *)at)[i] = (double)host[i];
    return ANL_OK;
}

void anl__rng_words(int32_t words[ANL__RNG_WORDS], uint64_t seed, int64_t step, int64_t epoch, int64_t sample0)
{
    memset(words, 0, sizeof *words * ANL__RNG_WORDS);
    words[ANL__RNG_SEED_LO] = (int32_t)(uint32_t)seed;
    words[ANL__RNG_SEED_HI] = (int32_t)(uint32_t)(seed >> 32);
    words[ANL__RNG_STEP] = (int32_t)step;
    words[ANL__RNG_EPOCH] = (int32_t)epoch;
    words[ANL__RNG_SAMPLE0] = (int32_t)sample0;
}

anl_status anl_net_set_rng(anl_net *net, uint64_t seed, int64_t step, int64_t epoch, int64_t sample0)
{
    int32_t words[ANL__RNG_WORDS];
    anl__rng_words(words, seed, step, epoch, sample0);
    return net->device->vt->upload(net->device, net->scalar, words, sizeof words);
}

anl_status anl_net_set_hyper(anl_net *net, const float hyper[ANL_HYPER_WORDS])
{
    return net->device->vt->upload(net->device, (char *)net->scalar + ANL__SCALAR_HYPER, hyper, sizeof(float) * ANL_HYPER_WORDS);
}

anl_status anl__net_set_scale(anl_net *net, const float scale[ANL__SCALE_WORDS])
{
    return net->device->vt->upload(net->device, (char *)net->scalar + ANL__SCALAR_SCALE, scale, sizeof *scale * ANL__SCALE_WORDS);
}

anl_status anl__net_get_scale(const anl_net *net, float scale[ANL__SCALE_WORDS])
{
    return net->device->vt->download(net->device, scale, (const char *)net->scalar + ANL__SCALAR_SCALE, sizeof *scale * ANL__SCALE_WORDS);
}

anl_status anl_net_grad_add(anl_net *net, int dst, anl_net *src_net, int src)
{
    if (!net->grad_add) return anl__fail(net->ctx, ANL_INVALID, "the net was finished with one gradient slab");
    ANL_TRY(check_range(net, (anl_slab)(ANL_SLAB_GRAD0 + dst), 0, net->grad_count));
    ANL_TRY(check_range(src_net, (anl_slab)(ANL_SLAB_GRAD0 + src), 0, net->grad_count));
    anl_bind bind = {.input = {net->slab[ANL_SLAB_GRAD0 + dst], src_net->slab[ANL_SLAB_GRAD0 + src]}};
    return anl_program_run(net->grad_add, &bind);
}

/* ---- what update programs read --------------------------------------------------------------- */

anl_value anl__graph_slab(anl_graph *g, const anl_net *net, anl_slab slab)
{
    int64_t count = slab == ANL_SLAB_BUFFER ? net->buffer_count : net->moving_count;
    if (!net->laid_out) anl_graph_fail(g, ANL_INVALID, "slabs have no size before anl_net_layout");
    return anl__graph_value(g, &(anl__value){.kind = ANL__SLAB, .type = anl__type_of(net->elem, 1, &count), .node = -1, .slot = (int)slab});
}

static anl_value reduced(anl_graph *g, const anl_net *net, int entry)
{
    const anl__entry *e = &net->sum.entry[entry];
    return anl__graph_value(g, &(anl__value){.kind = ANL__REDUCED, .type = anl__type_of(net->elem, e->shape.rank, e->shape.dim), .name = e->name, .node = -1, .slot = entry});
}

anl_value anl__graph_sum(anl_graph *g, const anl_net *net, const char *name)
{
    int at = anl__registry_find(&net->sum, name);
    if (at >= 0) return reduced(g, net, at);
    anl_graph_fail(g, ANL_INVALID, "there is no sum '%s'", name);
    return ANL_NONE;
}

void anl__graph_running(anl_graph *g, anl_net *net)
{
    for (int64_t i = 0; i < net->n_running && g->status == ANL_OK; i++) {
        const anl__running *r = &net->running[i];
        anl_value in[8];
        int n = 0;
        for (int b = 0; b < r->n_buffer; b++) {
            const anl__entry *e = &net->buffer.entry[r->buffer[b]];
            in[n++] = anl_buffer(g, e->name, e->shape.rank, e->shape.dim, e->init.a);
        }
        in[n++] = reduced(g, net, r->stat);
        in[n++] = anl__graph_sum(g, net, "samples");
        anl__call from = {.op = r->from, .attr = r->attr};
        const anl__call *base[1] = {&from};
        anl__graph_add(g, r->op, net->sum.entry[r->stat].name, in, n, base, 1, NULL);
    }
}
