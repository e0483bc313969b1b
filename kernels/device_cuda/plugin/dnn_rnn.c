/* cuDNN's RNN API; see dnn_rnn.h. */
#include "dnn_rnn.h"

#include "device.h"
#include "measure.h"
#include "plan_memory.h"

#include <stdio.h>
#include <string.h>

typedef struct anl__rnn_memory {
    anl__rnn_found *found;
    int64_t n, cap;
} anl__rnn_memory;

static int type_of(anl_dtype t) { return t == ANL_BF16 ? DNN_BFLOAT16 : t == ANL_F16 ? DNN_HALF : DNN_FLOAT; }

/* f32 means f32: the default may be TF32. In f16 the default leaves tensor cores alone before compute
 * capability 8.0; for bf16, which begins there, others ask for nothing but the default. */
static int math_of(const anl__cudnn *dnn, anl_dtype t)
{
    if (t == ANL_F16) return DNN_MATH_TENSOR_OP;
    return t == ANL_BF16 || dnn->tf32 ? DNN_MATH_DEFAULT : DNN_MATH_FMA;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static bool data_descriptor(const anl__cudnn *dnn, const anl__rnn_shape *s, int64_t features,
                            const int *lengths, void **out)
{
    return !dnn->CreateRNNDataDescriptor(out) &&
           !dnn->SetRNNDataDescriptor(*out, type_of(s->type), DNN_RNN_TIME_MAJOR, (int)s->steps,
                                      (int)s->batch, (int)features, lengths, NULL);
}

static bool describe(anl__dnn_rnn *r, const int *lengths)
{
    const anl__cudnn *dnn = r->dnn;
    const anl__rnn_shape *s = &r->found.shape;
    int dims[3] = {1, (int)s->batch, (int)s->units},
        strides[3] = {(int)(s->batch * s->units), (int)s->units, 1};
    return !dnn->CreateDropoutDescriptor(&r->dropout) &&
           !dnn->SetDropoutDescriptor(r->dropout, dnn->handle, 0, NULL, 0, 0) &&
           !dnn->CreateRNNDescriptor(&r->rnn) &&
           !dnn->SetRNNDescriptor_v8(r->rnn, r->found.algo, s->cell, DNN_RNN_DOUBLE_BIAS,
                                     DNN_RNN_ONE_DIRECTION, DNN_RNN_LINEAR_INPUT, type_of(s->type), DNN_FLOAT,
                                     math_of(dnn, s->type), (int32_t)s->inputs, (int32_t)s->units,
                                     (int32_t)s->units, 1, r->dropout, DNN_RNN_PADDED_IO) &&
           data_descriptor(dnn, s, s->inputs, lengths, &r->x) &&
           data_descriptor(dnn, s, s->units, lengths, &r->y) && !dnn->CreateTensorDescriptor(&r->state) &&
           !dnn->SetTensorNdDescriptor(r->state, type_of(s->type), 3, dims, strides);
}

bool anl__dnn_rnn_make(const anl__cudnn *dnn, const anl__rnn_found *found, anl__dnn_rnn *out)
{
    int lengths[ANL__RNN_MOST_BATCH];
    *out = (anl__dnn_rnn){.dnn = dnn, .found = *found};
    if (found->shape.batch > ANL__RNN_MOST_BATCH) return false;
    for (int64_t i = 0; i < found->shape.batch; i++) lengths[i] = (int)found->shape.steps;
    if (describe(out, lengths)) return true;
    anl__dnn_rnn_release(out);
    return false;
}

void anl__dnn_rnn_release(anl__dnn_rnn *r)
{
    if (r->state) r->dnn->DestroyTensorDescriptor(r->state);
    if (r->y) r->dnn->DestroyRNNDataDescriptor(r->y);
    if (r->x) r->dnn->DestroyRNNDataDescriptor(r->x);
    if (r->rnn) r->dnn->DestroyRNNDescriptor(r->rnn);
    if (r->dropout) r->dnn->DestroyDropoutDescriptor(r->dropout);
    r->state = r->y = r->x = r->rnn = r->dropout = NULL;
}

/* ---- calls ----------------------------------------------------------------------------------- */

int anl__dnn_rnn_forward(const anl__dnn_rnn *r, const void *x, void *y, const void *h0, const void *c0,
                          void *hn, void *cn, const void *weights, void *ws, void *reserve)
{
    const anl__rnn_found *f = &r->found;
    return r->dnn->RNNForward(r->dnn->handle, r->rnn, f->shape.train ? DNN_RNN_TRAINING : DNN_RNN_INFERENCE,
                               NULL, r->x, x, r->y, y, r->state, h0, hn, r->state, c0, cn, f->weights,
                               weights, f->workspace, ws, f->reserve, reserve);
}

int anl__dnn_rnn_data(const anl__dnn_rnn *r, const void *y, const void *dy, void *dx, const void *h0,
                       const void *c0, const void *dhn, const void *dcn, void *dh0, void *dc0,
                       const void *weights, void *ws, void *reserve)
{
    const anl__rnn_found *f = &r->found;
    return r->dnn->RNNBackwardData_v8(r->dnn->handle, r->rnn, NULL, r->y, y, dy, r->x, dx, r->state, h0, dhn,
                                       dh0, r->state, c0, dcn, dc0, f->weights, weights, f->workspace, ws,
                                       f->reserve, reserve);
}

int anl__dnn_rnn_weights(const anl__dnn_rnn *r, const void *x, const void *h0, const void *y, void *dweights,
                          void *ws, void *reserve)
{
    const anl__rnn_found *f = &r->found;
    return r->dnn->RNNBackwardWeights_v8(r->dnn->handle, r->rnn, DNN_RNN_ADD, NULL, r->x, x, r->state, h0,
                                          r->y, y, f->weights, dweights, f->workspace, ws, f->reserve,
                                          reserve);
}

/* ---- what cuDNN takes ------------------------------------------------------------------------ */

static bool counts(const anl__cudnn *dnn, void *d, int64_t want)
{
    int type, n = 0, dims[8], strides[8];
    int64_t count = 1;
    if (dnn->GetTensorNdDescriptor(d, 8, &type, &n, dims, strides) || n > 8) return false;
    for (int i = 0; i < n; i++) count *= dims[i];
    return count == want;
}

/* Where each gate's rows lie in the weight space, which begins at `space`. */
static bool locate(const anl__dnn_rnn *r, void *space, anl__rnn_found *f)
{
    const anl__cudnn *dnn = r->dnn;
    const anl__rnn_shape *s = &f->shape;
    void *matrix = NULL, *bias = NULL;
    bool ok = !dnn->CreateTensorDescriptor(&matrix) && !dnn->CreateTensorDescriptor(&bias);
    for (int64_t id = 0; ok && id < 2 * s->gates; id++) {
        int64_t g = id % s->gates, hidden = id >= s->gates;
        void *at = NULL, *bias_at = NULL;
        ok = !dnn->GetRNNWeightParams(dnn->handle, r->rnn, 0, f->weights, space, (int32_t)id, matrix, &at,
                                      bias, &bias_at) &&
             at && bias_at && counts(dnn, matrix, s->units * (hidden ? s->units : s->inputs)) &&
             counts(dnn, bias, s->units);
        if (!ok) break;
        f->at[hidden ? ANL__RNN_W_HH : ANL__RNN_W_IH][g] = (size_t)((char *)at - (char *)space);
        f->at[hidden ? ANL__RNN_B_HH : ANL__RNN_B_IH][g] = (size_t)((char *)bias_at - (char *)space);
    }
    if (matrix) dnn->DestroyTensorDescriptor(matrix);
    if (bias) dnn->DestroyTensorDescriptor(bias);
    return ok;
}

enum { X, Y, H, C, HN, CN, W, WS, RESERVE, DW, BLOCKS };
typedef struct passes {
    const anl__dnn_rnn *r;
    void *p[BLOCKS];
} passes;

/* Forward and, in training, backward. */
static bool run_passes(anl_device *dev, void *arg)
{
    const passes *a = arg;
    const anl__rnn_shape *s = &a->r->found.shape;
    bool lstm = s->cell == DNN_RNN_LSTM;
    void *const *p = a->p, *cell = lstm ? p[C] : NULL;
    (void)dev;
    if (anl__dnn_rnn_forward(a->r, p[X], p[Y], p[H], cell, p[HN], lstm ? p[CN] : NULL, p[W], p[WS],
                             s->train ? p[RESERVE] : NULL))
        return false;
    return !s->train || (!anl__dnn_rnn_data(a->r, p[Y], p[Y], p[X], p[H], cell, NULL, NULL, NULL, NULL, p[W],
                                            p[WS], p[RESERVE]) &&
                         !anl__dnn_rnn_weights(a->r, p[X], p[H], p[Y], p[DW], p[WS], p[RESERVE]));
}

/* Runs the case on zeros. Memory: of the two passes, while it lasts. */
static anl_status run_once(anl_device *dev, anl__dnn_rnn *r, anl__rnn_found *f, bool *ok)
{
    const anl__rnn_shape *s = &f->shape;
    size_t each = anl_dtype_size(s->type), x = (size_t)(s->steps * s->batch * s->inputs) * each,
           y = (size_t)(s->steps * s->batch * s->units) * each, h = (size_t)(s->batch * s->units) * each;
    const size_t bytes[] = {x, y, h, h, h, h, f->weights, f->workspace, f->reserve, f->weights};
    passes a = {.r = r};
    void **p = a.p;
    anl_status st = ANL_OK;
    *ok = false;
    for (int i = 0; i < BLOCKS && st == ANL_OK; i++) st = dev->vt->alloc(dev, bytes[i], &p[i]);
    if (st == ANL_OK) {
        *ok = locate(r, p[W], f) && run_passes(dev, &a);
        if (*ok) st = dev->vt->sync(dev);
        if (*ok && st == ANL_OK && dev->opts.tune)
            *ok = (f->us = 1000 * anl__cuda_fastest(dev, run_passes, &a)) > 0;
    }
    for (int i = 0; i < BLOCKS; i++)
        if (p[i]) dev->vt->free(dev, p[i]);
    return st;
}

static anl_status try_algorithm(anl_device *dev, const anl__cudnn *dnn, anl__rnn_found *f, bool *ok)
{
    anl__dnn_rnn r;
    int mode = f->shape.train ? DNN_RNN_TRAINING : DNN_RNN_INFERENCE;
    *ok = false;
    if (!anl__dnn_rnn_make(dnn, f, &r)) return ANL_OK;
    anl_status st = ANL_OK;
    if (!dnn->GetRNNWeightSpaceSize(dnn->handle, r.rnn, &f->weights) &&
        !dnn->GetRNNTempSpaceSizes(dnn->handle, r.rnn, mode, r.x, &f->workspace, &f->reserve)) {
        r.found = *f;
        st = run_once(dev, &r, f, ok);
    }
    anl__dnn_rnn_release(&r);
    return st;
}

/* cuDNN has no persistent kernel for bf16: asked for one it runs the standard algorithm's. A grid that more than a wave of samples must share,
 * or larger units, may gain nothing: there it is tried only where the faster algorithm is taken. */
static bool may_persist(const anl_device *dev, const anl__rnn_shape *s)
{
    return s->type != ANL_BF16 && (dev->opts.tune || (s->batch <= 128 && s->units <= 1024));
}

static void key_of(const anl_device *dev, const anl__rnn_shape *s, char out[128])
{
    snprintf(out, 128, "rnn %d %s %lldx%lldx%lld %lld%s timed", s->cell,
             s->type == ANL_F32 && dev->opts.tf32 ? "tf32" : anl_dtype_name(s->type), (long long)s->steps,
             (long long)s->batch, (long long)s->inputs, (long long)s->units, s->train ? " training" : "");
}

/* Of all algorithms, or of `only` (negative: all): the first that runs, or with opts.tune the fastest. */
static anl_status try_all(anl_device *dev, const anl__cudnn *dnn, const anl__rnn_shape *s, int only,
                          anl__rnn_found *best)
{
    static const int order[] = {DNN_RNN_PERSIST_STATIC, DNN_RNN_STANDARD};
    *best = (anl__rnn_found){.shape = *s, .algo = -1};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        anl__rnn_found one = {.shape = *s, .algo = order[i]};
        bool ok = false;
        if ((order[i] == DNN_RNN_PERSIST_STATIC && !may_persist(dev, s)) || (only >= 0 && order[i] != only))
            continue;
        ANL_TRY(try_algorithm(dev, dnn, &one, &ok));
        if (ok && (best->algo < 0 || one.us < best->us)) *best = one;
        if (ok && !dev->opts.tune) break;
    }
    return ANL_OK;
}

static anl_status search(anl_device *dev, const anl__cudnn *dnn, anl__rnn_found *f)
{
    const anl__rnn_shape s = f->shape;
    char key[128];
    int only = -1;
    key_of(dev, &s, key);
    if (dev->opts.tune && anl__choice_find(dev, key, &only)) ANL_TRY(try_all(dev, dnn, &s, only, f));
    if (only >= 0 && f->algo >= 0) return ANL_OK;
    ANL_TRY(try_all(dev, dnn, &s, -1, f));
    if (f->algo >= 0 && f->us > 0) anl__choice_put(dev, key, f->algo, f->us);
    if (f->algo >= 0) return ANL_OK;
    char text[96] = "";
    dnn->GetLastErrorString(text, sizeof text);
    snprintf(f->why, sizeof f->why, "cuDNN does not take it: %.90s", text);
    return ANL_OK;
}

static bool same(const anl__rnn_shape *a, const anl__rnn_shape *b)
{
    return a->cell == b->cell && a->type == b->type && a->steps == b->steps && a->batch == b->batch &&
           a->inputs == b->inputs && a->units == b->units && a->train == b->train;
}

anl_status anl__dnn_rnn_find(anl_device *dev, const anl__rnn_shape *s, anl__rnn_found *out,
                             char why[ANL__WHY])
{
    anl__cuda_libs *libs = (anl__cuda_libs *)(uintptr_t)anl__cuda_libs_of(dev);
    if (!libs->rnn && !(libs->rnn = anl__calloc(dev->ctx, 1, sizeof *libs->rnn))) return ANL_NOMEM;
    anl__rnn_memory *m = libs->rnn;
    for (int64_t i = 0; i < m->n; i++)
        if (same(&m->found[i].shape, s)) {
            *out = m->found[i];
            memcpy(why, out->why, ANL__WHY);
            return out->algo < 0 ? ANL_UNSUPPORTED : ANL_OK;
        }
    *out = (anl__rnn_found){.shape = *s};
    ANL_TRY(search(dev, libs->cudnn, out));
    ANL_TRY(anl__grow(dev->ctx, &m->found, &m->cap, m->n + 1, sizeof *m->found));
    m->found[m->n++] = *out;
    memcpy(why, out->why, ANL__WHY);
    return out->algo < 0 ? ANL_UNSUPPORTED : ANL_OK;
}

void anl__dnn_rnn_forget(anl_ctx *ctx, anl__cuda_libs *libs)
{
    if (!libs->rnn) return;
    anl__free(ctx, libs->rnn->found);
    anl__free(ctx, libs->rnn);
    libs->rnn = NULL;
}
