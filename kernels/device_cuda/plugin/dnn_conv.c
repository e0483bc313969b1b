/* Convolutions by cuDNN; see dnn_conv.h. A plan's existence is cuDNN's own answer to whether it supports the case: engines are tried in
 * the order of its heuristics (mode A, then its fallback list). */
#include "dnn_conv.h"

#include <stdio.h>
#include <string.h>

enum { ID_X = 1, ID_W, ID_Y, MOST_TRIED = 64, MOST_NOTES = 16 };

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

/* dims in the order N, C, H, W; in memory C is innermost. */
static void *tensor(anl__dnn_conv *p, anl_dtype type, int64_t id, int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t dims[4] = {n, c, h, w}, strides[4] = {h * w * c, 1, w * c, c}, align = 16;
    void *d = make(p, DNN_TENSOR);
    bool ok = set_int(p, d, DNN_A_TENSOR_TYPE, DNN_T_DATA_TYPE, type == ANL_BF16 ? DNN_BFLOAT16 : DNN_FLOAT) && set(p, d, DNN_A_TENSOR_DIMS, DNN_T_INT64, 4, dims) &&
              set(p, d, DNN_A_TENSOR_STRIDES, DNN_T_INT64, 4, strides) && set(p, d, DNN_A_TENSOR_ID, DNN_T_INT64, 1, &id) &&
              set(p, d, DNN_A_TENSOR_ALIGNMENT, DNN_T_INT64, 1, &align) && finalize(p, d);
    return ok ? d : NULL;
}

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

static void *operation(anl__dnn_conv *p, const anl__dnn_shape *s)
{
    static const struct { int type, conv, x, w, y, alpha, beta; } of[] = {
        [ANL__DNN_FORWARD] = {DNN_CONV_FORWARD, DNN_A_FORWARD_CONV, DNN_A_FORWARD_X, DNN_A_FORWARD_W, DNN_A_FORWARD_Y, DNN_A_FORWARD_ALPHA, DNN_A_FORWARD_BETA},
        [ANL__DNN_DATA] = {DNN_CONV_DATA, DNN_A_DATA_CONV, DNN_A_DATA_DX, DNN_A_DATA_W, DNN_A_DATA_DY, DNN_A_DATA_ALPHA, DNN_A_DATA_BETA},
        [ANL__DNN_FILTER] = {DNN_CONV_FILTER, DNN_A_FILTER_CONV, DNN_A_FILTER_X, DNN_A_FILTER_DW, DNN_A_FILTER_DY, DNN_A_FILTER_ALPHA, DNN_A_FILTER_BETA},
    };
    float one = 1, zero = 0;
    void *conv = window(p, s), *x = tensor(p, s->type, ID_X, s->n, s->c, s->h, s->w), *w = tensor(p, s->type, ID_W, s->k, s->c / s->groups, s->r, s->s),
         *y = tensor(p, s->type, ID_Y, s->n, s->k, s->oh, s->ow), *op = conv && x && w && y ? make(p, of[s->kind].type) : NULL;
    bool ok = set(p, op, of[s->kind].conv, DNN_T_DESCRIPTOR, 1, &conv) && set(p, op, of[s->kind].x, DNN_T_DESCRIPTOR, 1, &x) && set(p, op, of[s->kind].w, DNN_T_DESCRIPTOR, 1, &w) &&
              set(p, op, of[s->kind].y, DNN_T_DESCRIPTOR, 1, &y) && set(p, op, of[s->kind].alpha, DNN_T_FLOAT, 1, &one) && set(p, op, of[s->kind].beta, DNN_T_FLOAT, 1, &zero) &&
              finalize(p, op);
    return ok ? op : NULL;
}

static void *graph_of(anl__dnn_conv *p, void *op)
{
    void *g = op ? make(p, DNN_GRAPH) : NULL;
    void *handle = p->dnn->handle;
    bool ok = set(p, g, DNN_A_GRAPH_OPS, DNN_T_DESCRIPTOR, 1, &op) && (!handle || set(p, g, DNN_A_GRAPH_HANDLE, DNN_T_HANDLE, 1, &handle)) && finalize(p, g);
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
    unsigned numerical = ok ? notes(p, engine, DNN_A_ENGINE_NUMERICAL_NOTE, DNN_T_NUMERICAL_NOTE) : 0, exact = 1u << DNN_NOTE_TENSOR_CORE | 1u << DNN_NOTE_DOWN_CONVERT;
    p->tensor_core = numerical >> DNN_NOTE_TENSOR_CORE & 1;
    p->engine = -1;
    if (ok) p->dnn->BackendGetAttribute(engine, DNN_A_ENGINE_INDEX, DNN_T_INT64, 1, &n, &p->engine);
    if (s->deterministic && numerical >> DNN_NOTE_NONDETERMINISTIC & 1) ok = false;
    if (numerical >> DNN_NOTE_REDUCED_REDUCTION & 1) ok = false; /* sums are f32 */
    if (s->type == ANL_F32 && numerical & exact) ok = false;     /* fp32 means fp32 */
    /* compiling takes seconds a graph: precompiled engines are there for every plain convolution */
    if (ok && notes(p, engine, DNN_A_ENGINE_BEHAVIOR_NOTE, DNN_T_BEHAVIOR_NOTE) >> DNN_NOTE_RUNTIME_COMPILATION & 1) ok = false;
    p->dnn->BackendDestroyDescriptor(engine);
    return ok;
}

static bool plan_of(anl__dnn_conv *p, const anl__dnn_shape *s, void *cfg)
{
    void *plan = NULL, *handle = p->dnn->handle, *prop = p->dnn->deviceprop;
    int64_t n = 0;
    if (!acceptable(p, s, cfg) || p->dnn->BackendCreateDescriptor(DNN_PLAN, &plan)) return false;
    bool ok = set(p, plan, DNN_A_PLAN_CFG, DNN_T_DESCRIPTOR, 1, &cfg) &&
              (handle ? set(p, plan, DNN_A_PLAN_HANDLE, DNN_T_HANDLE, 1, &handle) : set(p, plan, DNN_A_PLAN_DEVICEPROP, DNN_T_DESCRIPTOR, 1, &prop)) && finalize(p, plan) &&
              !p->dnn->BackendGetAttribute(plan, DNN_A_PLAN_WORKSPACE, DNN_T_INT64, 1, &n, &p->workspace) && p->workspace >= 0 && (size_t)p->workspace <= s->workspace_most;
    if (ok) p->plan = plan;
    else p->dnn->BackendDestroyDescriptor(plan);
    return ok;
}

/* Tries the configurations of one heuristic in order. */
static bool search(anl__dnn_conv *p, const anl__dnn_shape *s, void *graph, int mode)
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
        for (int i = 0; i < made && i < offered && !found; i++)
            if ((found = plan_of(p, s, cfg[i])) && p->n_part < (int)(sizeof p->part / sizeof *p->part)) {
                p->part[p->n_part++] = cfg[i]; /* lives as long as its plan */
                cfg[i] = NULL;
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
    void *graph = graph_of(out, operation(out, s));
    if (graph && (search(out, s, graph, DNN_HEUR_A) || search(out, s, graph, DNN_HEUR_FALLBACK))) return true;
    if (graph) snprintf(why, 128, "cuDNN has no plan that is exact, deterministic and within %zu MiB", s->workspace_most >> 20);
    else {
        char text[96] = "";
        dnn->GetLastErrorString(text, sizeof text);
        snprintf(why, 128, "cuDNN refuses the graph: %.90s", text);
    }
    anl__dnn_conv_release(out);
    return false;
}

void anl__dnn_conv_release(anl__dnn_conv *p)
{
    if (p->plan) p->dnn->BackendDestroyDescriptor(p->plan);
    while (p->n_part > 0) p->dnn->BackendDestroyDescriptor(p->part[--p->n_part]);
    p->plan = NULL;
}

bool anl__dnn_conv_run(const anl__dnn_conv *p, void *x, void *w, void *y, void *ws)
{
    void *pack = NULL, *at[3] = {x, w, y};
    const int64_t id[3] = {ID_X, ID_W, ID_Y};
    if (p->dnn->BackendCreateDescriptor(DNN_VARIANT_PACK, &pack)) return false;
    bool ok = set(p, pack, DNN_A_PACK_IDS, DNN_T_INT64, 3, id) && set(p, pack, DNN_A_PACK_POINTERS, DNN_T_VOID_PTR, 3, at) &&
              set(p, pack, DNN_A_PACK_WORKSPACE, DNN_T_VOID_PTR, 1, &ws) && finalize(p, pack) && !p->dnn->BackendExecute(p->dnn->handle, p->plan, pack);
    p->dnn->BackendDestroyDescriptor(pack);
    return ok;
}
