/* recurrent and its gradient by cuDNN's RNN API, for sequences that are all as long as x: f32 (exact but
 * where the device may use TF32), bf16 or f16 with f32 sums. What the library keeps for the gradient takes
 * the reserve's place, and behind it the weights in the library's order, which forward has gathered from the
 * plain ones. Where time runs backwards, x, y and their gradients are turned round in the workspace. Weights'
 * gradients leave cuDNN in the type of the activations. Bound: the latency of a step for small layers, the
 * weights' bytes for large ones unless they persist. Not run on a GPU yet. */
#include "device.h"
#include "kernels/device_cuda/plugin/calls.h"
#include "kernels/device_cuda/plugin/dnn_rnn.h"
#include "recurrent.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct layer {
    anl__recurrence k;
    anl__dnn_rnn rnn;
} layer;

static bool is_back(const anl__call *c) { return !strcmp(c->op->name, "recurrent_bwd"); }
static size_t up(size_t bytes) { return (bytes + 255) & ~(size_t)255; }

static anl__rnn_shape shape_of(const anl__call *c, const anl__recurrence *k)
{
    static const int cell[] = {DNN_RNN_TANH, DNN_RNN_RELU, DNN_RNN_LSTM, DNN_RNN_GRU};
    return (anl__rnn_shape){.cell = cell[k->cell],
                            .type = c->in[0].dtype,
                            .steps = k->steps,
                            .batch = k->batch,
                            .inputs = k->inputs,
                            .units = k->units,
                            .gates = k->gates,
                            .train = is_back(c) || anl__recurrent_kept(c) >= 0};
}

/* cuBLAS inside cuDNN gives the same bits each time only with one of these (NVIDIA's manual); the device sets
 * the first where nothing is set. */
static bool workspace_is_fixed(void)
{
    const char *s = anl__environment("CUBLAS_WORKSPACE_CONFIG");
    return s && (!strcmp(s, ":4096:8") || !strcmp(s, ":16:8"));
}

static bool refuse(char why[ANL__WHY], const char *reason)
{
    return snprintf(why, ANL__WHY, "%s", reason), false;
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    anl__recurrence k = anl__recurrence_of(c);
    anl_dtype t = c->in[0].dtype;
    anl__rnn_found found;
    if (!anl__cuda_libs_of(env->device)->cudnn) return refuse(why, "cuDNN is not here");
    if (t != ANL_F32 && !anl__cuda_is_half(t)) return refuse(why, "not f32, bf16 or f16");
    if (is_back(c)) return anl__recurrent_foreign(c) ? true : refuse(why, "the reserve is not cuDNN's");
    if (k.before) return refuse(why, "cuDNN has no gru whose reset comes before the product");
    if (anl__has_in(c, ANL__REC_LENGTHS)) return refuse(why, "sequences of different lengths");
    if (k.steps > INT_MAX || k.batch > ANL__RNN_MOST_BATCH || k.inputs > INT_MAX || k.units > INT_MAX)
        return refuse(why, "more sequences than 4096, or a size above 2^31");
    if (env->deterministic && !workspace_is_fixed())
        return refuse(why, "CUBLAS_WORKSPACE_CONFIG lets its bits differ from run to run");
    anl__rnn_shape s = shape_of(c, &k);
    anl_status st = anl__dnn_rnn_find(env->device, &s, &found, why);
    if (st != ANL_OK && st != ANL_UNSUPPORTED)
        snprintf(why, ANL__WHY, "trying it failed: %.100s", anl_last_error(env->ctx));
    return st == ANL_OK;
}

static anl_status find(const anl__env *env, const anl__call *c, const anl__recurrence *k, anl__rnn_found *out)
{
    char why[ANL__WHY] = "";
    anl__rnn_shape s = shape_of(c, k);
    anl_status st = anl__dnn_rnn_find(env->device, &s, out, why);
    return st == ANL_UNSUPPORTED ? anl__fail(env->ctx, st, "%s", why) : st;
}

/* The reserve: cuDNN's, then the weights. */
static anl_status keep(const anl__env *env, anl__call *c)
{
    anl__recurrence k = anl__recurrence_of(c);
    anl__rnn_found found;
    int j = anl__recurrent_kept(c);
    if (j < 0) return ANL_OK;
    ANL_TRY(find(env, c, &k, &found));
    c->out[j] =
        anl__type_of(ANL_I32, 1, (const int64_t[]){(int64_t)((up(found.reserve) + up(found.weights)) / 4)});
    return ANL_OK;
}

/* ---- workspace ------------------------------------------------------------------------------- */

enum { LIBRARY, WEIGHTS, X, Y, DX, DY, BLOCKS };
typedef struct space {
    size_t at[BLOCKS], bytes;
} space;

static void take(space *s, int block, bool wanted, size_t bytes)
{
    s->at[block] = s->bytes;
    if (wanted) s->bytes += up(bytes);
}

static space space_of(const anl__call *c, const layer *l)
{
    const anl__recurrence *k = &l->k;
    const anl__rnn_found *f = &l->rnn.found;
    bool back = is_back(c), whole = k->reverse;
    size_t each = anl_dtype_size(c->in[0].dtype), x = (size_t)(k->steps * k->batch * k->inputs) * each,
           y = (size_t)(k->steps * k->batch * k->units) * each;
    space s = {.bytes = 0};
    take(&s, LIBRARY, true, f->workspace ? f->workspace : 1); /* cuDNN wants an address even for nothing */
    take(&s, WEIGHTS, back || !f->shape.train, f->weights); /* backward: of their gradients */
    take(&s, X, whole, x);
    take(&s, Y, whole, y);
    take(&s, DX, back && (whole || anl__recurrent_grad(c, ANL__REC_DX) < 0), x);
    take(&s, DY, back && (whole || !anl__has_in(c, ANL__REC_BWD_DY)), y);
    return s;
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    layer *l = p->state;
    if (l) anl__dnn_rnn_release(&l->rnn);
    anl__free(ctx, l);
    p->state = NULL;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__rnn_found found;
    anl__recurrence k = anl__recurrence_of(&p->call);
    ANL_TRY(find(env, &p->call, &k, &found));
    layer *l = anl__calloc(env->ctx, 1, sizeof *l);
    if (!l) return ANL_NOMEM;
    p->state = l;
    l->k = k;
    if (!anl__dnn_rnn_make(anl__cuda_libs_of(env->device)->cudnn, &found, &l->rnn)) {
        release(env->ctx, p);
        return anl__fail(env->ctx, ANL_DEVICE, "cuDNN refuses the layer's descriptors");
    }
    p->workspace = space_of(&p->call, l).bytes;
    snprintf(p->note, sizeof p->note, "%s", found.algo == DNN_RNN_PERSIST_STATIC ? "persistent" : "standard");
    if (found.us > 0)
        snprintf(p->note + strlen(p->note), sizeof p->note - strlen(p->note), ", %.1f us", found.us);
    return ANL_OK;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* What moves between the parameters and a weight space, in one launch. */
typedef struct moves {
    anl__cuda_cast cast[ANL__RNN_PARTS * ANL__RNN_MOST_GATES];
    int n;
} moves;

/* Adds one parameter's: between its plain f32 rows and its gates in the weight space `packed`; plain NULL: it
 * counts as 0. */
static anl_status move_part(const anl_device *dev, const layer *l, int part, void *plain, char *packed,
                            bool gather, moves *m)
{
    const anl__rnn_found *f = &l->rnn.found;
    const anl__recurrence *k = &l->k;
    int64_t n = k->units * (part == ANL__RNN_W_IH ? k->inputs : part == ANL__RNN_W_HH ? k->units : 1);
    size_t each = anl_dtype_size(f->shape.type);
    for (int64_t g = 0; g < k->gates;) {
        int64_t from = g++;
        while (g < k->gates && f->at[part][g] == f->at[part][g - 1] + (size_t)n * each)
            g++; /* neighbours go together */
        char *there = packed + f->at[part][from];
        void *here = plain ? (float *)plain + from * n : NULL;
        int64_t count = (g - from) * n;
        if (!plain)
            ANL_TRY(anl__cuda_zero(dev, there, (size_t)count * each));
        else
            m->cast[m->n++] = gather ? (anl__cuda_cast){here, there, count} : (anl__cuda_cast){there, here, count};
    }
    return ANL_OK;
}

static anl_status ended(const anl__prepared *p, const anl__run *r, int status)
{
    return status ? anl__cuda_failed(r->device, "cuDNN", status, p->call.name) : ANL_OK;
}

static void *given(const anl__call *c, const anl__run *r, int i)
{
    return anl__has_in(c, i) ? r->in[i] : NULL;
}

/* v as time runs in cuDNN: itself, or turned round into `room`. */
static anl_status turned(const anl__run *r, const layer *l, void *v, void *room, int64_t features, void **out)
{
    *out = v;
    if (!l->k.reverse || !v) return ANL_OK;
    *out = room;
    return anl__cuda_flip(r->device, room, v, l->k.steps,
                          (size_t)(l->k.batch * features) * anl_dtype_size(l->rnn.found.shape.type));
}

static anl_status fwd(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const layer *l = p->state;
    const anl__recurrence *k = &l->k;
    space s = space_of(c, l);
    int kept = anl__recurrent_kept(c);
    char *ws = r->ws, *reserve = kept < 0 ? NULL : r->out[kept],
         *weights = reserve ? reserve + up(l->rnn.found.reserve) : ws + s.at[WEIGHTS];
    void *x, *y = k->reverse ? ws + s.at[Y] : r->out[0], *same;
    moves m = {.n = 0};
    for (int part = 0; part < ANL__RNN_PARTS; part++)
        ANL_TRY(move_part(r->device, l, part, given(c, r, ANL__REC_W_IH + part), weights, true, &m));
    ANL_TRY(anl__cuda_convert(r->device, l->rnn.found.shape.type, ANL_F32, m.cast, m.n));
    ANL_TRY(turned(r, l, r->in[ANL__REC_X], ws + s.at[X], k->inputs, &x));
    ANL_TRY(ended(p, r, anl__dnn_rnn_forward(&l->rnn, x, y, given(c, r, ANL__REC_H0), given(c, r, ANL__REC_C0),
                                             r->out[1], k->cell == ANL__LSTM ? r->out[2] : NULL, weights,
                                             ws + s.at[LIBRARY], reserve)));
    return k->reverse ? turned(r, l, y, r->out[0], k->units, &same) : ANL_OK;
}

static anl_status bwd(const anl__prepared *p, const anl__run *r)
{
    static const int gradient[ANL__RNN_PARTS] = {ANL__REC_DW_IH, ANL__REC_DW_HH, ANL__REC_DB_IH,
                                                 ANL__REC_DB_HH};
    const anl__call *c = &p->call;
    const layer *l = p->state;
    const anl__recurrence *k = &l->k;
    space s = space_of(c, l);
    char *ws = r->ws, *reserve = r->in[ANL__REC_BWD_RESERVE], *weights = reserve + up(l->rnn.found.reserve);
    int to[ANL__REC_GRADS];
    for (int i = 0; i < ANL__REC_GRADS; i++) to[i] = anl__recurrent_grad(c, i);
    void *x, *y, *dy, *dx = k->reverse || to[ANL__REC_DX] < 0 ? ws + s.at[DX] : r->out[to[ANL__REC_DX]],
                      *h0 = given(c, r, ANL__REC_BWD_H0), *same;
    ANL_TRY(turned(r, l, r->in[ANL__REC_X], ws + s.at[X], k->inputs, &x));
    ANL_TRY(turned(r, l, r->in[ANL__REC_BWD_Y], ws + s.at[Y], k->units, &y));
    ANL_TRY(turned(r, l, given(c, r, ANL__REC_BWD_DY), ws + s.at[DY], k->units, &dy));
    if (!dy) {
        dy = ws + s.at[DY];
        ANL_TRY(anl__cuda_zero(r->device, dy,
                               (size_t)(k->steps * k->batch * k->units) *
                                   anl_dtype_size(l->rnn.found.shape.type)));
    }
    ANL_TRY(ended(p, r, anl__dnn_rnn_data(
                            &l->rnn, y, dy, dx, h0, given(c, r, ANL__REC_BWD_C0), given(c, r, ANL__REC_BWD_DHN),
                            given(c, r, ANL__REC_BWD_DCN), to[ANL__REC_DH0] < 0 ? NULL : r->out[to[ANL__REC_DH0]],
                            to[ANL__REC_DC0] < 0 ? NULL : r->out[to[ANL__REC_DC0]], weights, ws + s.at[LIBRARY],
                            reserve)));
    if (k->reverse && to[ANL__REC_DX] >= 0)
        ANL_TRY(turned(r, l, dx, r->out[to[ANL__REC_DX]], k->inputs, &same));
    bool any = false;
    moves m = {.n = 0};
    for (int part = 0; part < ANL__RNN_PARTS; part++) any |= to[gradient[part]] >= 0;
    if (!any) return ANL_OK;
    ANL_TRY(anl__cuda_zero(r->device, ws + s.at[WEIGHTS], l->rnn.found.weights));
    ANL_TRY(ended(p, r, anl__dnn_rnn_weights(&l->rnn, x, h0, y, ws + s.at[WEIGHTS], ws + s.at[LIBRARY], reserve)));
    for (int part = 0; part < ANL__RNN_PARTS; part++)
        if (to[gradient[part]] >= 0)
            ANL_TRY(move_part(r->device, l, part, r->out[to[gradient[part]]], ws + s.at[WEIGHTS], false, &m));
    return anl__cuda_convert(r->device, ANL_F32, l->rnn.found.shape.type, m.cast, m.n);
}

static const anl__kernel fwd_kernel = {.op = "recurrent",
                                       .device = "cuda",
                                       .name = "recurrent/cudnn",
                                       .rank = 20,
                                       .supports = supports,
                                       .keep = keep,
                                       .prepare = prepare,
                                       .run = fwd,
                                       .release = release};
static const anl__kernel bwd_kernel = {.op = "recurrent_bwd",
                                       .device = "cuda",
                                       .name = "recurrent_bwd/cudnn",
                                       .rank = 20,
                                       .supports = supports,
                                       .prepare = prepare,
                                       .run = bwd,
                                       .release = release};
const anl__kernel *const anl__kernels_recurrent_cudnn[] = {&fwd_kernel, &bwd_kernel, NULL};
