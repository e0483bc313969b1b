/* Convolutions by cuDNN; see dnn_conv.h. A plan's existence is cuDNN's own answer to whether it supports the case: engines are tried in
 * the order of its heuristics (mode A, then its fallback list). */
#include "dnn_conv.h"

#include <stdio.h>
#include <string.h>

enum { ID_X = 1, ID_W, ID_Y, ID_BIAS, ID_SUM, ID_BIASED, MOST_TRIED = 64, MOST_NOTES = 16 };

static void *make(anl__dnn_conv *p, int type)
{
    void *d = NULL;
    if (p->n_part == (int)(sizeof p->part / sizeof *p->part) || p->dnn->BackendCreateDescriptor(type, &d)) return NULL;
    p->part[p->n_part++] = d;
    return d;
}

static bool set(const anl__dnn_conv *p, void *d, int attribute, int type, int64_t n, const void *v) { return d && !p->dnn->BackendSetAttribute(d, attribute, type, n, v); }
static bool set_int(const anl__dnn_conv *p, void *d, int attribute, int type, int v) { return set(p, d, attribute, type, 1, &v); }
static bool finalize(const anl__dnn_conv *p, void *d) { return d && !p->dnn->BackendFinalize(d); }

/* dims in the order N, C, H, W; in memory C is innermost. between: only inside the graph, in f32. */
static void *tensor_as(anl__dnn_conv *p, anl_dtype type, int64_t id, int64_t n, int64_t c, int64_t h, int64_t w, bool between)
{
    int64_t dims[4] = {n, c, h, w}, strides[4] = {h * w * c, 1, w * c, c}, align = 16;
    void *d = make(p, DNN_TENSOR);
    bool ok = set_int(p, d, DNN_A_TENSOR_TYPE, DNN_T_DATA_TYPE, type == ANL_BF16 ? DNN_BFLOAT16 : type == ANL_F16 ? DNN_HALF : DNN_FLOAT) && set(p, d, DNN_A_TENSOR_DIMS, DNN_T_INT64, 4, dims) &&
              set(p, d, DNN_A_TENSOR_STRIDES, DNN_T_INT64, 4, strides) && set(p, d, DNN_A_TENSOR_ID, DNN_T_INT64, 1, &id) &&
              set(p, d, DNN_A_TENSOR_ALIGNMENT, DNN_T_INT64, 1, &align) && (!between || set(p, d, DNN_A_TENSOR_VIRTUAL, DNN_T_BOOLEAN, 1, &between)) && finalize(p, d);
    return ok ? d : NULL;
}

static void *tensor(anl__dnn_conv *p, anl_dtype type, int64_t id, int64_t n, int64_t c, int64_t h, int64_t w) { return tensor_as(p, type, id, n, c, h, w, false); }

static void *window(anl__dnn_conv *p, const anl__dnn_shape *s)
{
    int64_t two = 2;
    void *d = make(p, DNN_CONVOLUTION);
    bool ok = set_int(p, d, DNN_A_CONV_COMP_TYPE, DNN_T_DATA_TYPE, DNN_FLOAT) && set_int(p, d, DNN_A_CONV_MODE, DNN_T_CONV_MODE, DNN_CROSS_CORRELATION) &&
              set(p, d, DNN_A_CONV_SPATIAL_DIMS, DNN_T_INT64, 1, &two) && set(p, d, DNN_A_CONV_DILATIONS, DNN_T_INT64, 2, s->dilation) &&
              set(p, d, DNN_A_CONV_STRIDES, DNN_T_INT64, 2, s->stride) && set(p, d, DNN_A_CONV_PRE_PADDINGS, DNN_T_INT64, 2, s->before) &&
              set(p, d, DNN_A_CONV_POST_PADDINGS, DNN_T_INT64, 2, s->after) && finalize(p, d);
    return ok ? d : NULL;
}

/* y: of the operation; anything but the graph's result is between. */
static void *operation(anl__dnn_conv *p, const anl__dnn_shape *s, void *y)
{
    static const struct { int type, conv, x, w, y, alpha, beta; } of[] = {
        [ANL__DNN_FORWARD] = {DNN_CONV_FORWARD, DNN_A_FORWARD_CONV, DNN_A_FORWARD_X, DNN_A_FORWARD_W, DNN_A_FORWARD_Y, DNN_A_FORWARD_ALPHA, DNN_A_FORWARD_BETA},
        [ANL__DNN_DATA] = {DNN_CONV_DATA, DNN_A_DATA_CONV, DNN_A_DATA_DX, DNN_A_DATA_W, DNN_A_DATA_DY, DNN_A_DATA_ALPHA, DNN_A_DATA_BETA},
        [ANL__DNN_FILTER] = {DNN_CONV_FILTER, DNN_A_FILTER_CONV, DNN_A_FILTER_X, DNN_A_FILTER_DW, DNN_A_FILTER_DY, DNN_A_FILTER_ALPHA, DNN_A_FILTER_BETA},
    };
    float one = 1, zero = 0;
    void *conv = window(p, s), *x = tensor(p, s->type, ID_X, s->n, s->c, s->h, s->w), *w = tensor(p, s->type, ID_W, s->k, s->c / s->groups, s->r, s->s), *op = conv && x && w && y ? make(p, of[s->kind].type) : NULL;
    bool ok = set(p, op, of[s->kind].conv, DNN_T_DESCRIPTOR, 1, &conv) && set(p, op, of[s->kind].x, DNN_T_DESCRIPTOR, 1, &x) && set(p, op, of[s->kind].w, DNN_T_DESCRIPTOR, 1, &w) &&
              set(p, op, of[s->kind].y, DNN_T_DESCRIPTOR, 1, &y) && set(p, op, of[s->kind].alpha, DNN_T_FLOAT, 1, &one) && set(p, op, of[s->kind].beta, DNN_T_FLOAT, 1, &zero) &&
              finalize(p, op);
    return ok ? op : NULL;
}

/* y = x + b, or relu(x) where b is NULL. */
static void *pointwise(anl__dnn_conv *p, int mode, void *x, void *b, void *y)
{
    void *d = make(p, DNN_POINTWISE), *op = NULL;
    bool ok = x && y && set_int(p, d, DNN_A_POINTWISE_MODE, DNN_T_POINTWISE_MODE, mode) && set_int(p, d, DNN_A_POINTWISE_PRECISION, DNN_T_DATA_TYPE, DNN_FLOAT) && finalize(p, d) &&
              (op = make(p, DNN_OP_POINTWISE)) && set(p, op, DNN_A_POINTWISE_OF, DNN_T_DESCRIPTOR, 1, &d) && set(p, op, DNN_A_POINTWISE_X, DNN_T_DESCRIPTOR, 1, &x) &&
              (!b || set(p, op, DNN_A_POINTWISE_B, DNN_T_DESCRIPTOR, 1, &b)) && set(p, op, DNN_A_POINTWISE_Y, DNN_T_DESCRIPTOR, 1, &y) && finalize(p, op);
    return ok ? op : NULL;
}

static void *between(anl__dnn_conv *p, const anl__dnn_shape *s, int64_t id) { return tensor_as(p, ANL_F32, id, s->n, s->k, s->oh, s->ow, true); }

static void *graph_of(anl__dnn_conv *p, const anl__dnn_shape *s)
{
    void *y = tensor(p, s->type, ID_Y, s->n, s->k, s->oh, s->ow), *sum = s->bias ? between(p, s, ID_SUM) : y, *op[3] = {y && sum ? operation(p, s, sum) : NULL};
    int n = 1;
    if (s->bias) {
        void *bias = tensor(p, s->type, ID_BIAS, 1, s->k, 1, 1), *biased = s->relu ? between(p, s, ID_BIASED) : y;
        if (bias) op[n++] = pointwise(p, DNN_ADD, sum, bias, biased);
        if (s->relu) op[n++] = pointwise(p, DNN_RELU, biased, NULL, y);
    }
    for (int i = 0; i < n; i++)
        if (!op[i]) return NULL;
    void *g = make(p, DNN_GRAPH), *handle = p->dnn->handle;
    bool ok = set(p, g, DNN_A_GRAPH_OPS, DNN_T_DESCRIPTOR, n, op) && (!handle || set(p, g, DNN_A_GRAPH_HANDLE, DNN_T_HANDLE, 1, &handle)) && finalize(p, g);
    return ok ? g : NULL;
}

/* Bits of the engine's notes of a kind. */
static unsigned notes(const anl__dnn_conv *p, void *engine, int attribute, int type)
{
    int note[MOST_NOTES];
    int64_t n = 0;
    unsigned bits = 0;
    if (p->dnn->BackendGetAttribute(engine, attribute, type, MOST_NOTES, &n, note)) return 0;
    for (int64_t i = 0; i < n && i < MOST_NOTES; i++) bits |= 1u << note[i];
    return bits;
}

/* May the engine of this configuration be taken? */
static bool acceptable(anl__dnn_conv *p, const anl__dnn_shape *s, void *cfg)
{
    void *engine = NULL;
    int64_t n = 0;
    if (p->dnn->BackendCreateDescriptor(DNN_ENGINE, &engine)) return false;
    bool ok = !p->dnn->BackendGetAttribute(cfg, DNN_A_CFG_ENGINE, DNN_T_DESCRIPTOR, 1, &n, &engine) && n == 1;
    unsigned numerical = ok ? notes(p, engine, DNN_A_ENGINE_NUMERICAL_NOTE, DNN_T_NUMERICAL_NOTE) : 0, inexact = 1u << DNN_NOTE_DOWN_CONVERT;
    if (!p->dnn->tf32) inexact |= 1u << DNN_NOTE_TENSOR_CORE; /* in f32 they multiply TF32 */
    p->tensor_core = numerical >> DNN_NOTE_TENSOR_CORE & 1;
    p->engine = -1;
    if (ok) p->dnn->BackendGetAttribute(engine, DNN_A_ENGINE_INDEX, DNN_T_INT64, 1, &n, &p->engine);
    if (s->deterministic && numerical >> DNN_NOTE_NONDETERMINISTIC & 1) ok = false;
    if (numerical >> DNN_NOTE_REDUCED_REDUCTION & 1) ok = false; /* sums are f32 */
    if (s->type == ANL_F32 && numerical & inexact) ok = false;   /* fp32 means fp32 */
    /* compiling takes seconds a graph: precompiled engines are there for every plain convolution */
    if (ok && notes(p, engine, DNN_A_ENGINE_BEHAVIOR_NOTE, DNN_T_BEHAVIOR_NOTE) >> DNN_NOTE_RUNTIME_COMPILATION & 1) ok = false;
    p->dnn->BackendDestroyDescriptor(engine);
    return ok;
}

static bool plan_of(anl__dnn_conv *p, const anl__dnn_shape *s, void *cfg, bool tensor_cores)
{
    void *plan = NULL, *handle = p->dnn->handle, *prop = p->dnn->deviceprop;
    int64_t n = 0;
    if (!acceptable(p, s, cfg) || (tensor_cores && !p->tensor_core) || p->dnn->BackendCreateDescriptor(DNN_PLAN, &plan)) return false;
    bool ok = set(p, plan, DNN_A_PLAN_CFG, DNN_T_DESCRIPTOR, 1, &cfg) &&
              (handle ? set(p, plan, DNN_A_PLAN_HANDLE, DNN_T_HANDLE, 1, &handle) : set(p, plan, DNN_A_PLAN_DEVICEPROP, DNN_T_DESCRIPTOR, 1, &prop)) && finalize(p, plan) &&
              !p->dnn->BackendGetAttribute(plan, DNN_A_PLAN_WORKSPACE, DNN_T_INT64, 1, &n, &p->workspace) && p->workspace >= 0 && (size_t)p->workspace <= s->workspace_most;
    if (ok) p->plan = plan;
    else p->dnn->BackendDestroyDescriptor(plan);
    return ok;
}

/* Tries the configurations of one heuristic in order, or only the one at place `only`; those with tensor cores, if asked. */
static bool search(anl__dnn_conv *p, const anl__dnn_shape *s, void *graph, int mode, int only, bool tensor_cores)
{
    void *heur = NULL, *cfg[MOST_TRIED] = {NULL}, *prop = p->dnn->deviceprop;
    int64_t offered = 0;
    int made = 0;
    bool found = false;
    if (p->dnn->BackendCreateDescriptor(DNN_ENGINEHEUR, &heur)) return false;
    bool ok = set(p, heur, DNN_A_HEUR_GRAPH, DNN_T_DESCRIPTOR, 1, &graph) && set_int(p, heur, DNN_A_HEUR_MODE, DNN_T_HEUR_MODE, mode) &&
              (p->dnn->handle || set(p, heur, DNN_A_HEUR_DEVICEPROP, DNN_T_DESCRIPTOR, 1, &prop)) && finalize(p, heur);
    while (ok && made < MOST_TRIED && !p->dnn->BackendCreateDescriptor(DNN_ENGINECFG, &cfg[made])) made++;
    if (ok && !p->dnn->BackendGetAttribute(heur, DNN_A_HEUR_RESULTS, DNN_T_DESCRIPTOR, made, &offered, cfg))
        for (int i = only < 0 ? 0 : only; i < made && i < offered && !found && (only < 0 || i == only); i++)
            if ((found = plan_of(p, s, cfg[i], tensor_cores)) && p->n_part < (int)(sizeof p->part / sizeof *p->part)) {
                p->part[p->n_part++] = cfg[i]; /* lives as long as its plan */
                cfg[i] = NULL;
                p->mode = mode;
                p->index = i;
            }
    for (int i = 0; i < made; i++)
        if (cfg[i]) p->dnn->BackendDestroyDescriptor(cfg[i]);
    p->dnn->BackendDestroyDescriptor(heur);
    return found;
}

bool anl__dnn_conv_make(const anl__cudnn *dnn, const anl__dnn_shape *s, anl__dnn_conv *out, char why[128])
{
    memset(out, 0, sizeof *out);
    out->dnn = dnn;
    out->shape = *s;
    void *graph = graph_of(out, s);
    bool fast = s->type != ANL_F32 || dnn->tf32; /* cuDNN's order has engines without tensor cores first for some strided layers */
    if (graph && ((fast && search(out, s, graph, DNN_HEUR_A, -1, true)) || search(out, s, graph, DNN_HEUR_A, -1, false) || search(out, s, graph, DNN_HEUR_FALLBACK, -1, false)))
        return true;
    if (graph) snprintf(why, 128, "cuDNN has no plan that is exact, deterministic and within %zu MiB", s->workspace_most >> 20);
    else {
        char text[96] = "";
        dnn->GetLastErrorString(text, sizeof text);
        snprintf(why, 128, "cuDNN refuses the graph: %.90s", text);
    }
    anl__dnn_conv_release(out);
    return false;
}

bool anl__dnn_conv_at(const anl__cudnn *dnn, const anl__dnn_shape *s, int mode, int index, anl__dnn_conv *out)
{
    *out = (anl__dnn_conv){.dnn = dnn, .shape = *s};
    void *graph = index >= 0 ? graph_of(out, s) : NULL;
    if (graph && search(out, s, graph, mode, index, false)) return true;
    anl__dnn_conv_release(out);
    return false;
}

/* Is a the better plan for the same case? Bytes: with the copy of x that more channels need. */
static bool better(const anl__dnn_conv *a, const anl__dnn_conv *b, int64_t copy)
{
    if (a->tensor_core != b->tensor_core) return a->tensor_core;
    if (a->shape.bias != b->shape.bias) return a->shape.bias;
    return a->workspace + copy < b->workspace;
}

bool anl__dnn_conv_may_widen(const anl__dnn_shape *s) { return s->type != ANL_F32 && s->groups == 1 && s->c < 8 && s->kind != ANL__DNN_DATA; }

bool anl__dnn_conv_best(const anl__cudnn *dnn, const anl__dnn_shape *s, anl__dnn_conv *out, char why[128])
{
    bool found = false;
    for (int wide = 0; wide <= (int)anl__dnn_conv_may_widen(s); wide++)
        for (int bias = s->bias; bias >= 0; bias--) {
            anl__dnn_conv p;
            anl__dnn_shape t = *s;
            t.bias = bias != 0;
            t.relu = bias && s->relu;
            t.c = wide ? 8 : s->c;
            if (!anl__dnn_conv_make(dnn, &t, &p, why)) continue;
            if (found && !better(&p, out, wide ? s->n * s->h * s->w * t.c * (int64_t)anl_dtype_size(s->type) : 0)) {
                anl__dnn_conv_release(&p);
                continue;
            }
            if (found) anl__dnn_conv_release(out);
            *out = p;
            found = true;
        }
    return found;
}

void anl__dnn_conv_release(anl__dnn_conv *p)
{
    if (p->plan) p->dnn->BackendDestroyDescriptor(p->plan);
    while (p->n_part > 0) p->dnn->BackendDestroyDescriptor(p->part[--p->n_part]);
    p->plan = NULL;
}

bool anl__dnn_conv_run(const anl__dnn_conv *p, void *x, void *w, void *y, void *bias, void *ws)
{
    void *pack = NULL, *at[4] = {x, w, y, bias};
    const int64_t id[4] = {ID_X, ID_W, ID_Y, ID_BIAS};
    int n = p->shape.bias ? 4 : 3;
    if (p->dnn->BackendCreateDescriptor(DNN_VARIANT_PACK, &pack)) return false;
    bool ok = set(p, pack, DNN_A_PACK_IDS, DNN_T_INT64, n, id) && set(p, pack, DNN_A_PACK_POINTERS, DNN_T_VOID_PTR, n, at) &&
              set(p, pack, DNN_A_PACK_WORKSPACE, DNN_T_VOID_PTR, 1, &ws) && finalize(p, pack) && !p->dnn->BackendExecute(p->dnn->handle, p->plan, pack);
    p->dnn->BackendDestroyDescriptor(pack);
    return ok;
}
