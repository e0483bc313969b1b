/* See dnn_form.h. */
#include "dnn_form.h"

#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
enum { KEY_WORDS = 23 };
typedef struct anl__dnn_forms {
    anl__dnn_form **form;
    int64_t n, cap;
} anl__dnn_forms;

/* What tells forms apart: all that is in the graph. */
static void key_of(const anl__dnn_shape *s, int64_t key[KEY_WORDS])
{
    const int64_t words[KEY_WORDS] = {
        s->kind,      s->type,      s->bias,      s->relu,      s->n,           s->h,
        s->w,         s->c,         s->k,         s->r,         s->s,           s->oh,
        s->ow,        s->groups,    s->stride[0], s->stride[1], s->dilation[0], s->dilation[1],
        s->before[0], s->before[1], s->after[0],  s->after[1],  s->add};
    memcpy(key, words, sizeof words);
}

/* ---- the graph ------------------------------------------------------------------------------- */

static void *make(anl__dnn_form *p, int type)
{
    void *d = NULL;
    if (p->n_part == (int)(sizeof p->part / sizeof *p->part) || p->dnn->BackendCreateDescriptor(type, &d))
        return NULL;
    p->part[p->n_part++] = d;
    return d;
}

static bool set(const anl__dnn_form *p, void *d, int attribute, int type, int64_t n, const void *v)
{
    return d && !p->dnn->BackendSetAttribute(d, attribute, type, n, v);
}
static bool set_int(const anl__dnn_form *p, void *d, int attribute, int type, int v)
{
    return set(p, d, attribute, type, 1, &v);
}
static bool finalize(const anl__dnn_form *p, void *d) { return d && !p->dnn->BackendFinalize(d); }

/* dims in the order N, C, H, W; in memory C is innermost. between: only inside the graph, in f32. */
static void *tensor_as(anl__dnn_form *p, anl_dtype type, int64_t id, int64_t n, int64_t c, int64_t h,
                       int64_t w, bool between)
{
    int64_t dims[4] = {n, c, h, w}, strides[4] = {h * w * c, 1, w * c, c}, align = 16;
    void *d = make(p, DNN_TENSOR);
    bool ok = set_int(p, d, DNN_A_TENSOR_TYPE, DNN_T_DATA_TYPE,
                      type == ANL_BF16  ? DNN_BFLOAT16
                      : type == ANL_F16 ? DNN_HALF
                                        : DNN_FLOAT) &&
              set(p, d, DNN_A_TENSOR_DIMS, DNN_T_INT64, 4, dims) &&
              set(p, d, DNN_A_TENSOR_STRIDES, DNN_T_INT64, 4, strides) &&
              set(p, d, DNN_A_TENSOR_ID, DNN_T_INT64, 1, &id) &&
              set(p, d, DNN_A_TENSOR_ALIGNMENT, DNN_T_INT64, 1, &align) &&
              (!between || set(p, d, DNN_A_TENSOR_VIRTUAL, DNN_T_BOOLEAN, 1, &between)) && finalize(p, d);
    return ok ? d : NULL;
}

static void *tensor(anl__dnn_form *p, anl_dtype type, int64_t id, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return tensor_as(p, type, id, n, c, h, w, false);
}

static void *window(anl__dnn_form *p, const anl__dnn_shape *s)
{
    int64_t two = 2;
    void *d = make(p, DNN_CONVOLUTION);
    bool ok = set_int(p, d, DNN_A_CONV_COMP_TYPE, DNN_T_DATA_TYPE, DNN_FLOAT) &&
              set_int(p, d, DNN_A_CONV_MODE, DNN_T_CONV_MODE, DNN_CROSS_CORRELATION) &&
              set(p, d, DNN_A_CONV_SPATIAL_DIMS, DNN_T_INT64, 1, &two) &&
              set(p, d, DNN_A_CONV_DILATIONS, DNN_T_INT64, 2, s->dilation) &&
              set(p, d, DNN_A_CONV_STRIDES, DNN_T_INT64, 2, s->stride) &&
              set(p, d, DNN_A_CONV_PRE_PADDINGS, DNN_T_INT64, 2, s->before) &&
              set(p, d, DNN_A_CONV_POST_PADDINGS, DNN_T_INT64, 2, s->after) && finalize(p, d);
    return ok ? d : NULL;
}

/* y: of the operation; anything but the graph's result is between. */
static void *operation(anl__dnn_form *p, const anl__dnn_shape *s, void *y)
{
    static const struct {
        int type, conv, x, w, y, alpha, beta;
    } of[] = {
        [ANL__DNN_FORWARD] = {DNN_CONV_FORWARD, DNN_A_FORWARD_CONV, DNN_A_FORWARD_X, DNN_A_FORWARD_W,
                              DNN_A_FORWARD_Y, DNN_A_FORWARD_ALPHA, DNN_A_FORWARD_BETA},
        [ANL__DNN_DATA] = {DNN_CONV_DATA, DNN_A_DATA_CONV, DNN_A_DATA_DX, DNN_A_DATA_W, DNN_A_DATA_DY,
                           DNN_A_DATA_ALPHA, DNN_A_DATA_BETA},
        [ANL__DNN_FILTER] = {DNN_CONV_FILTER, DNN_A_FILTER_CONV, DNN_A_FILTER_X, DNN_A_FILTER_DW,
                             DNN_A_FILTER_DY, DNN_A_FILTER_ALPHA, DNN_A_FILTER_BETA},
    };
    float one = 1, beta = s->add ? 1 : 0;
    void *conv = window(p, s), *x = tensor(p, s->type, ANL__DNN_ID_X, s->n, s->c, s->h, s->w),
         *w = tensor(p, s->type, ANL__DNN_ID_W, s->k, s->c / s->groups, s->r, s->s),
         *op = conv && x && w && y ? make(p, of[s->kind].type) : NULL;
    bool ok = set(p, op, of[s->kind].conv, DNN_T_DESCRIPTOR, 1, &conv) &&
              set(p, op, of[s->kind].x, DNN_T_DESCRIPTOR, 1, &x) &&
              set(p, op, of[s->kind].w, DNN_T_DESCRIPTOR, 1, &w) &&
              set(p, op, of[s->kind].y, DNN_T_DESCRIPTOR, 1, &y) &&
              set(p, op, of[s->kind].alpha, DNN_T_FLOAT, 1, &one) &&
              set(p, op, of[s->kind].beta, DNN_T_FLOAT, 1, &beta) && finalize(p, op);
    return ok ? op : NULL;
}

/* y = x + b, or relu(x) where b is NULL. */
static void *pointwise(anl__dnn_form *p, int mode, void *x, void *b, void *y)
{
    void *d = make(p, DNN_POINTWISE), *op = NULL;
    bool ok = x && y && set_int(p, d, DNN_A_POINTWISE_MODE, DNN_T_POINTWISE_MODE, mode) &&
              set_int(p, d, DNN_A_POINTWISE_PRECISION, DNN_T_DATA_TYPE, DNN_FLOAT) &&
              (mode != DNN_RELU || set_int(p, d, DNN_A_POINTWISE_NAN, DNN_T_NAN, DNN_NAN_PASSES)) && finalize(p, d) &&
              (op = make(p, DNN_OP_POINTWISE)) && set(p, op, DNN_A_POINTWISE_OF, DNN_T_DESCRIPTOR, 1, &d) &&
              set(p, op, DNN_A_POINTWISE_X, DNN_T_DESCRIPTOR, 1, &x) &&
              (!b || set(p, op, DNN_A_POINTWISE_B, DNN_T_DESCRIPTOR, 1, &b)) &&
              set(p, op, DNN_A_POINTWISE_Y, DNN_T_DESCRIPTOR, 1, &y) && finalize(p, op);
    return ok ? op : NULL;
}

static void *between(anl__dnn_form *p, const anl__dnn_shape *s, int64_t id)
{
    return tensor_as(p, ANL_F32, id, s->n, s->k, s->oh, s->ow, true);
}

static void *graph_of(anl__dnn_form *p, const anl__dnn_shape *s)
{
    void *y = tensor(p, s->type, ANL__DNN_ID_Y, s->n, s->k, s->oh, s->ow),
         *sum = s->bias ? between(p, s, ANL__DNN_ID_SUM) : y,
         *op[3] = {y && sum ? operation(p, s, sum) : NULL};
    int n = 1;
    if (s->bias) {
        void *bias = tensor(p, s->type, ANL__DNN_ID_BIAS, 1, s->k, 1, 1),
             *biased = s->relu ? between(p, s, ANL__DNN_ID_BIASED) : y;
        if (bias) op[n++] = pointwise(p, DNN_ADD, sum, bias, biased);
        if (s->relu) op[n++] = pointwise(p, DNN_RELU, biased, NULL, y);
    }
    for (int i = 0; i < n; i++)
        if (!op[i]) return NULL;
    void *g = make(p, DNN_GRAPH), *handle = p->dnn->handle;
    bool ok = set(p, g, DNN_A_GRAPH_OPS, DNN_T_DESCRIPTOR, n, op) &&
              (!handle || set(p, g, DNN_A_GRAPH_HANDLE, DNN_T_HANDLE, 1, &handle)) && finalize(p, g);
    return ok ? g : NULL;
}

/* ---- what the heuristics offer --------------------------------------------------------------- */

/* One query, and the list that it gave; nothing, where cuDNN refuses. */
static void ask(anl__dnn_form *f, int mode, anl__dnn_list *l)
{
    const anl__cudnn *dnn = f->dnn;
    void *heur = NULL, *prop = dnn->deviceprop;
    int64_t offered = 0;
    int made = 0;
    l->asked = true;
    if (dnn->BackendCreateDescriptor(DNN_ENGINEHEUR, &heur)) return;
    bool ok = set(f, heur, DNN_A_HEUR_GRAPH, DNN_T_DESCRIPTOR, 1, &f->graph) &&
              set_int(f, heur, DNN_A_HEUR_MODE, DNN_T_HEUR_MODE, mode) &&
              (dnn->handle || set(f, heur, DNN_A_HEUR_DEVICEPROP, DNN_T_DESCRIPTOR, 1, &prop)) &&
              finalize(f, heur);
    while (ok && made < COUNT(l->cfg) && !dnn->BackendCreateDescriptor(DNN_ENGINECFG, &l->cfg[made])) made++;
    if (!ok || dnn->BackendGetAttribute(heur, DNN_A_HEUR_RESULTS, DNN_T_DESCRIPTOR, made, &offered, l->cfg))
        offered = 0;
    l->n = offered < made ? (int)offered : made;
    while (made > l->n) dnn->BackendDestroyDescriptor(l->cfg[--made]);
    dnn->BackendDestroyDescriptor(heur);
}

const anl__dnn_list *anl__dnn_form_list(anl__dnn_form *f, int mode)
{
    anl__dnn_list *l = &f->list[mode == DNN_HEUR_A ? 0 : 1];
    if (f->graph && !l->asked) ask(f, mode, l);
    return l;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void release(anl_ctx *ctx, anl__dnn_form *f)
{
    for (int m = 0; m < COUNT(f->list); m++)
        while (f->list[m].n > 0) f->dnn->BackendDestroyDescriptor(f->list[m].cfg[--f->list[m].n]);
    while (f->n_part > 0) f->dnn->BackendDestroyDescriptor(f->part[--f->n_part]);
    anl__free(ctx, f);
}

anl__dnn_form *anl__dnn_form_of(const anl__cudnn *table, const anl__dnn_shape *s)
{
    anl__cudnn *dnn = (anl__cudnn *)(uintptr_t)table;
    int64_t want[KEY_WORDS], have[KEY_WORDS];
    if (!dnn->forms && !(dnn->forms = anl__calloc(dnn->ctx, 1, sizeof *dnn->forms))) return NULL;
    anl__dnn_forms *m = dnn->forms;
    key_of(s, want);
    for (int64_t i = 0; i < m->n; i++) {
        key_of(&m->form[i]->shape, have);
        if (!memcmp(want, have, sizeof want)) return m->form[i];
    }
    if (anl__grow(dnn->ctx, &m->form, &m->cap, m->n + 1, sizeof *m->form) != ANL_OK) return NULL;
    anl__dnn_form *f = anl__calloc(dnn->ctx, 1, sizeof *f);
    if (!f) return NULL;
    f->dnn = dnn;
    f->shape = *s;
    f->graph = graph_of(f, s);
    if (!f->graph) dnn->GetLastErrorString(f->refused, sizeof f->refused);
    return m->form[m->n++] = f;
}

void anl__dnn_form_forget(anl__cudnn *dnn)
{
    if (!dnn || !dnn->forms) return;
    while (dnn->forms->n > 0) release(dnn->ctx, dnn->forms->form[--dnn->forms->n]);
    anl__free(dnn->ctx, dnn->forms->form);
    anl__free(dnn->ctx, dnn->forms);
    dnn->forms = NULL;
}
