/* Convolutions by cuDNN; see dnn_conv.h. A plan's existence is cuDNN's own answer to whether it supports the case: engines are tried in
 * the order of its heuristics (mode A, then its fallback list). */
#include "dnn_conv.h"

#include "dnn_form.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NOTES = 16 };

static bool set(const anl__dnn_conv *p, void *d, int attribute, int type, int64_t n, const void *v) { return d && !p->dnn->BackendSetAttribute(d, attribute, type, n, v); }
static bool finalize(const anl__dnn_conv *p, void *d) { return d && !p->dnn->BackendFinalize(d); }

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
static bool search(anl__dnn_conv *p, anl__dnn_form *f, int mode, int only, bool tensor_cores)
{
    const anl__dnn_list *l = anl__dnn_form_list(f, mode);
    for (int i = only < 0 ? 0 : only; i < l->n && (only < 0 || i == only); i++)
        if (plan_of(p, &p->shape, l->cfg[i], tensor_cores)) return p->mode = mode, p->index = i, true;
    return false;
}

bool anl__dnn_conv_make(const anl__cudnn *dnn, const anl__dnn_shape *s, anl__dnn_conv *out, char why[128])
{
    *out = (anl__dnn_conv){.dnn = dnn, .shape = *s};
    anl__dnn_form *f = anl__dnn_form_of(dnn, s);
    if (!f) return snprintf(why, 128, "no memory"), false;
    if (!f->graph) return snprintf(why, 128, "cuDNN refuses the graph: %.90s", f->refused), false;
    bool fast = s->type != ANL_F32 || dnn->tf32; /* cuDNN's order has engines without tensor cores first for some strided layers */
    if ((fast && search(out, f, DNN_HEUR_A, -1, true)) || search(out, f, DNN_HEUR_A, -1, false) ||
        search(out, f, DNN_HEUR_FALLBACK, -1, false))
        return true;
    return snprintf(why, 128, "cuDNN has no plan that is exact, deterministic and within %zu MiB", s->workspace_most >> 20), false;
}

bool anl__dnn_conv_at(const anl__cudnn *dnn, const anl__dnn_shape *s, int mode, int index, anl__dnn_conv *out)
{
    *out = (anl__dnn_conv){.dnn = dnn, .shape = *s};
    anl__dnn_form *f = index >= 0 ? anl__dnn_form_of(dnn, s) : NULL;
    return f && search(out, f, mode, index, false);
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
    p->plan = NULL;
}

int anl__dnn_conv_run(const anl__dnn_conv *p, void *x, void *w, void *y, void *bias, void *ws)
{
    void *pack = NULL, *at[4] = {x, w, y, bias};
    const int64_t id[4] = {ANL__DNN_ID_X, ANL__DNN_ID_W, ANL__DNN_ID_Y, ANL__DNN_ID_BIAS};
    int n = p->shape.bias ? 4 : 3;
    int status = p->dnn->BackendCreateDescriptor(DNN_VARIANT_PACK, &pack);
    if (status) return status;
    status = p->dnn->BackendSetAttribute(pack, DNN_A_PACK_IDS, DNN_T_INT64, n, id);
    if (!status) status = p->dnn->BackendSetAttribute(pack, DNN_A_PACK_POINTERS, DNN_T_VOID_PTR, n, at);
    if (!status) status = p->dnn->BackendSetAttribute(pack, DNN_A_PACK_WORKSPACE, DNN_T_VOID_PTR, 1, &ws);
    if (!status) status = p->dnn->BackendFinalize(pack);
    if (!status) status = p->dnn->BackendExecute(p->dnn->handle, p->plan, pack);
    p->dnn->BackendDestroyDescriptor(pack);
    return status;
}
