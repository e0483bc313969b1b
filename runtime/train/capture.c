/* Trainer and checkpoint; see capture.h. */
#include "capture.h"

#include "../base/half.h"
#include "../graph/net.h"

#include <string.h>

typedef struct place { anl_slab slab; int64_t offset, count; } place;

struct anl__capture {
    anl_ctx *ctx;
    anl__trainer *trainer;
    anl__arena *arena;
    anl__ckpt_tensor *tensor;
    place *place; /* of the first n_own tensors */
    int n, n_own, n_carry; /* slabs' tensors, then carried states, the loss scale, and the caller's */
    float *staging; /* where the device's memory is not the host's */
    float *carried;
    void *raw; /* a carried state in its own type */
    float scale[ANL__SCALE_WORDS]; /* of fp16 */
};

static const char *group_of(anl_slab slab)
{
    return slab == ANL_SLAB_PARAM ? "params" : slab == ANL_SLAB_BUFFER ? "buffers" : slab == ANL_SLAB_EMA ? "ema" : "optim";
}

static bool kept(const anl_net *net, int slab)
{
    bool gradient = slab >= ANL_SLAB_GRAD0 && slab < ANL_SLAB_MOMENT0;
    return net->slab[slab] && !gradient;
}

static int tensors_of(const anl_net *net, int slab) { return (int)(slab == ANL_SLAB_BUFFER ? net->buffer.n : net->param.n); }

/* Name of tensor i of a slab in its group. */
static const char *name_of(anl__arena *a, int slab, const anl__entry *e)
{
    return slab >= ANL_SLAB_MOMENT0 ? anl__arena_printf(a, "%d.%s", slab - ANL_SLAB_MOMENT0, e->name) : e->name;
}

/* Frozen parameters have no moments. */
static bool has(int slab, const anl__entry *e) { return slab < ANL_SLAB_MOMENT0 || !(e->flags & ANL_PARAM_FROZEN); }

static const anl__entry *entry_of(const anl_net *net, int slab, int i) { return slab == ANL_SLAB_BUFFER ? &net->buffer.entry[i] : &net->param.entry[i]; }

static anl_status list(anl__capture *c, const anl__ckpt_tensor *extra, int n_extra)
{
    anl_net *net = anl__trainer_net(c->trainer);
    int64_t total = 0;
    anl__carry *carry = anl__trainer_carry(c->trainer);
    int64_t carried = 0;
    int most = n_extra + carry->n + 1;
    for (int s = 0; s < ANL_SLAB_COUNT; s++)
        if (kept(net, s)) most += tensors_of(net, s);
    c->tensor = anl__arena_alloc(c->arena, sizeof *c->tensor * (size_t)(most + 1));
    c->place = anl__arena_alloc(c->arena, sizeof *c->place * (size_t)(most + 1));
    if (!c->tensor || !c->place) return ANL_NOMEM;
    for (int s = 0; s < ANL_SLAB_COUNT; s++)
        for (int i = 0; kept(net, s) && i < tensors_of(net, s); i++) {
            const anl__entry *e = entry_of(net, s, i);
            if (!has(s, e)) continue;
            const char *name = name_of(c->arena, s, e);
            if (!name) return ANL_NOMEM;
            c->place[c->n] = (place){(anl_slab)s, e->offset, e->count};
            c->tensor[c->n++] = (anl__ckpt_tensor){group_of((anl_slab)s), name, e->shape, NULL};
            total += e->count;
        }
    c->n_own = c->n;
    for (; c->n_carry < carry->n; c->n_carry++) {
        const anl__carried *x = &carry->item[c->n_carry];
        c->tensor[c->n++] = (anl__ckpt_tensor){"carry", x->name, x->shape, NULL};
        carried += anl_shape_count(&x->shape);
    }
    if (carried && !((c->carried = anl__calloc(c->ctx, (size_t)carried, sizeof *c->carried)) && (c->raw = anl__calloc(c->ctx, (size_t)carried, sizeof(uint16_t))))) return ANL_NOMEM;
    if (anl__trainer_scaled(c->trainer)) c->tensor[c->n++] = (anl__ckpt_tensor){"optim", "loss_scale", {1, {ANL__SCALE_WORDS}}, c->scale};
    for (int i = 0; i < n_extra; i++) c->tensor[c->n++] = extra[i];
    if (!net->device->vt->host_memory && !(c->staging = anl__calloc(c->ctx, (size_t)total + 1, sizeof *c->staging))) return ANL_NOMEM;
    return ANL_OK;
}

anl_status anl__capture_create(anl_ctx *ctx, anl__trainer *t, const anl__ckpt_tensor *extra, int n_extra, anl__capture **out)
{
    anl__capture *c = anl__alloc(ctx, sizeof *c);
    if (!c) return ANL_NOMEM;
    c->ctx = ctx;
    c->trainer = t;
    anl_status st = anl__arena_create(ctx, &c->arena);
    if (st == ANL_OK) st = list(c, extra, n_extra);
    if (st != ANL_OK) {
        anl__capture_destroy(c);
        return st;
    }
    *out = c;
    return ANL_OK;
}

void anl__capture_destroy(anl__capture *c)
{
    if (!c) return;
    if (c->arena) anl__arena_destroy(c->arena);
    anl__free(c->ctx, c->staging);
    anl__free(c->ctx, c->carried);
    anl__free(c->ctx, c->raw);
    anl__free(c->ctx, c);
}

/* Carried states are kept in the graph's type, and saved as f32, which holds every value of it. */
static anl_status take_carried(anl__capture *c)
{
    const anl__carry *carry = anl__trainer_carry(c->trainer);
    float *at = c->carried;
    ANL_TRY(anl__trainer_gather(c->trainer));
    for (int i = 0; i < c->n_carry; i++) {
        const anl__carried *x = &carry->item[i];
        int64_t n = anl_shape_count(&x->shape);
        bool narrow = x->dtype != ANL_F32;
        ANL_TRY(carry->device->vt->download(carry->device, narrow ? c->raw : at, x->now, (size_t)n * anl_dtype_size(x->dtype)));
        if (narrow) anl__half_to_f32(x->dtype, at, c->raw, n);
        c->tensor[c->n_own + i].data = at;
        at += n;
    }
    return ANL_OK;
}

static anl_status put_carried(anl__trainer *t, const anl__ckpt *from)
{
    anl__carry *carry = anl__trainer_carry(t);
    for (int i = 0; i < carry->n; i++) {
        const anl__carried *x = &carry->item[i];
        anl__ckpt_tensor f = anl__ckpt_find(from, "carry", x->name);
        if (!f.data || !anl__shape_equal(&f.shape, &x->shape)) {
            char here[96], there[96] = "absent";
            if (f.data) anl__shape_text(&f.shape, there);
            return anl__fail(carry->ctx, ANL_MISMATCH, "%s: the checkpoint of another model: carry/%s is %s there and %s here", anl__ckpt_path(from), x->name, there,
                             anl__shape_text(&x->shape, here));
        }
        int64_t n = anl_shape_count(&x->shape);
        uint16_t *narrow = x->dtype != ANL_F32 ? anl__calloc(carry->ctx, (size_t)n, sizeof *narrow) : NULL;
        if (x->dtype != ANL_F32 && !narrow) return ANL_NOMEM;
        if (narrow) anl__half_from_f32(x->dtype, narrow, f.data, n);
        anl_status st = carry->device->vt->upload(carry->device, x->now, narrow ? (const void *)narrow : f.data, (size_t)n * anl_dtype_size(x->dtype));
        anl__free(carry->ctx, narrow);
        ANL_TRY(st);
    }
    return ANL_OK;
}

anl_status anl__capture_take(anl__capture *c, const anl__ckpt_tensor **tensor, int *n)
{
    anl_net *net = anl__trainer_net(c->trainer);
    float *at = c->staging;
    for (int i = 0; i < c->n_own; i++) {
        const place *p = &c->place[i];
        if (!c->staging) {
            c->tensor[i].data = (const float *)anl_net_slab_data(net, p->slab) + p->offset;
            continue;
        }
        ANL_TRY(anl_net_slab_read(net, p->slab, p->offset, p->count, at));
        c->tensor[i].data = at;
        at += p->count;
    }
    ANL_TRY(take_carried(c));
    if (anl__trainer_scaled(c->trainer)) ANL_TRY(anl__net_get_scale(net, c->scale));
    *tensor = c->tensor;
    *n = c->n;
    return ANL_OK;
}

static anl_status put_scale(anl_net *net, const anl__ckpt *from)
{
    anl__ckpt_tensor x = anl__ckpt_find(from, "optim", "loss_scale");
    if (x.data && anl_shape_count(&x.shape) == ANL__SCALE_WORDS) return anl__net_set_scale(net, x.data);
    return anl__fail(net->ctx, ANL_MISMATCH, "%s: its training was not in fp16: it has no optim/loss_scale", anl__ckpt_path(from));
}

static anl_status put_back(anl_net *net, const anl__ckpt *from, int slab, const char *group, anl__arena *a)
{
    char here[96], there[96];
    for (int i = 0; i < tensors_of(net, slab); i++) {
        const anl__entry *e = entry_of(net, slab, i);
        if (!has(slab, e)) continue;
        const char *name = name_of(a, slab, e);
        if (!name) return ANL_NOMEM;
        anl__ckpt_tensor x = anl__ckpt_find(from, group, name);
        if (!x.data) return anl__fail(net->ctx, ANL_MISMATCH, "%s: the checkpoint of another model: it has no %s/%s", anl__ckpt_path(from), group, name);
        if (!anl__shape_equal(&x.shape, &e->shape))
            return anl__fail(net->ctx, ANL_MISMATCH, "%s: the checkpoint of another model: %s/%s is %s there and %s here", anl__ckpt_path(from), group, name,
                             anl__shape_text(&x.shape, there), anl__shape_text(&e->shape, here));
        ANL_TRY(anl_net_slab_write(net, (anl_slab)slab, e->offset, e->count, x.data));
    }
    return ANL_OK;
}

/* A tensor of a model's group that the net does not know. */
static anl_status no_extra(anl_net *net, const anl__ckpt *from)
{
    for (int i = 0; i < anl__ckpt_count(from); i++) {
        anl__ckpt_tensor x = anl__ckpt_at(from, i);
        bool param = !strcmp(x.group, "params"), buffer = !strcmp(x.group, "buffers");
        if ((param && anl__registry_find(&net->param, x.name) < 0) || (buffer && anl__registry_find(&net->buffer, x.name) < 0))
            return anl__fail(net->ctx, ANL_MISMATCH, "%s: the checkpoint of another model: %s/%s is not in this one", anl__ckpt_path(from), x.group, x.name);
    }
    return ANL_OK;
}

anl_status anl__capture_restore(anl__trainer *t, const anl__ckpt *from, bool optim, bool ema)
{
    anl_net *net = anl__trainer_net(t);
    anl__arena *a;
    ANL_TRY(anl__arena_create(net->ctx, &a));
    anl_status st = no_extra(net, from);
    bool averages = ema && net->param.n && anl__ckpt_find(from, "ema", net->param.entry[0].name).data;
    if (st == ANL_OK && !optim) {
        st = put_back(net, from, ANL_SLAB_PARAM, averages ? "ema" : "params", a);
        if (st == ANL_OK) st = put_back(net, from, ANL_SLAB_BUFFER, "buffers", a);
    }
    for (int s = 0; optim && s < ANL_SLAB_COUNT && st == ANL_OK; s++)
        if (kept(net, s)) st = put_back(net, from, s, group_of((anl_slab)s), a);
    anl__arena_destroy(a);
    if (st == ANL_OK && optim) st = put_carried(t, from);
    if (st == ANL_OK && optim && anl__trainer_scaled(t)) st = put_scale(net, from);
    return st == ANL_OK ? anl__trainer_spread(t) : st;
}

anl_status anl__capture_init(anl__trainer *t, const anl__ckpt *from, char **report)
{
    anl_net *net = anl__trainer_net(t);
    anl__buf text;
    anl__buf_init(&text, net->ctx);
    int matched = 0, others = 0;
    char here[96], there[96];
    anl_status st = ANL_OK;
    for (int slab = ANL_SLAB_PARAM; slab <= ANL_SLAB_BUFFER; slab++)
        for (int i = 0; i < tensors_of(net, slab) && st == ANL_OK; i++) {
            const anl__entry *e = entry_of(net, slab, i);
            anl__ckpt_tensor x = anl__ckpt_find(from, group_of((anl_slab)slab), e->name);
            bool fits = x.data && anl_shape_count(&x.shape) == e->count, same = fits && anl__shape_equal(&x.shape, &e->shape);
            anl__shape_text(&e->shape, here);
            if (x.data) anl__shape_text(&x.shape, there);
            if (!x.data) anl__buf_add(&text, "missing   %s %s: not in the file, initialised anew\n", e->name, here);
            else if (!fits) anl__buf_add(&text, "unmatched %s: %s in the file, %s here, initialised anew\n", e->name, there, here);
            else if (!same) anl__buf_add(&text, "reshaped  %s: %s in the file, %s here\n", e->name, there, here);
            else matched++;
            others += !same;
            if (fits) st = anl_net_slab_write(net, (anl_slab)slab, e->offset, e->count, x.data);
        }
    for (int i = 0; i < anl__ckpt_count(from); i++) {
        anl__ckpt_tensor x = anl__ckpt_at(from, i);
        bool model = !strcmp(x.group, "params") || !strcmp(x.group, "buffers");
        const anl__registry *table = !strcmp(x.group, "params") ? &net->param : &net->buffer;
        if (model && anl__registry_find(table, x.name) < 0) anl__buf_add(&text, "extra     %s %s: in the file, not in this model\n", x.name, anl__shape_text(&x.shape, there));
    }
    anl__buf_add(&text, "matched   %d tensors, %d others\n", matched, others);
    if (st == ANL_OK) st = text.status;
    if (st == ANL_OK && !matched) st = anl__fail(net->ctx, ANL_MISMATCH, "%s has no tensor of this model:\n%s", anl__ckpt_path(from), text.text);
    if (st == ANL_OK) st = anl__trainer_begin_with(t);
    if (st == ANL_OK && !(*report = anl__strdup(net->ctx, text.text))) st = ANL_NOMEM;
    anl__buf_release(&text);
    return st;
}
