/* conv2d and its gradients by cuDNN's backend graph API, f32 (exact but where the device may use TF32), bf16 or f16 with f32 sums. Bias, or bias and relu, are in cuDNN's graph where that has a plan, the
 * bias in the type of the activations; else, and for relu alone, they follow as a pass of ours. Fewer than 8 input channels in 16 bits may be widened to 8 with zeros (tensor cores): x, and
 * the filters, are copied into the workspace so. A 16-bit gradient of filters leaves cuDNN in 16 bits, aside, and is widened, with others in one launch where it can wait. Where a branch's
 * gradient of data meets another one cuDNN adds it to that (2 passes over it where a result beside it takes 4); gradients of filters that are added to what is there are written beside it.
 * Bound: arithmetic. Not run on a GPU yet. */
#include "conv2d.h"
#include "device.h"
#include "kernels/device_cuda/plugin/calls.h"
#include "kernels/device_cuda/plugin/dnn_adds.h"
#include "kernels/device_cuda/plugin/plan_memory.h"

#include <stdio.h>
#include <string.h>

enum { WORKSPACE_MOST = 512 << 20 };

static anl__dnn_kind kind_of(const anl__call *c)
{
    return !strcmp(c->op->name, "conv2d") ? ANL__DNN_FORWARD : !strcmp(c->op->name, "conv2d_bwd_data") ? ANL__DNN_DATA : ANL__DNN_FILTER;
}

/* May the bias go into the graph: is it there in the type of the activations? */
static bool bias_fits(const anl__call *c) { return kind_of(c) == ANL__DNN_FORWARD && anl__has_in(c, 2) && (c->in[2].dtype == c->in[0].dtype || c->param[2]); }

static anl__dnn_shape shape_of(const anl__env *env, const anl__call *c)
{
    anl__conv_geometry g;
    anl__conv_geometry_of(c, &g);
    bool bias = bias_fits(c), relu = bias && anl__attr_int(c, "act"), add = c->accum[0] && kind_of(c) == ANL__DNN_DATA && anl__dnn_adds(env->device, c->in[0].dtype);
    return (anl__dnn_shape){.kind = kind_of(c), .type = c->in[0].dtype, .bias = bias, .relu = relu, .add = add, .n = g.n, .h = g.h, .w = g.w, .c = g.c, .k = g.k, .r = g.r, .s = g.s, .oh = g.oh,
                            .ow = g.ow, .groups = g.groups, .stride = {g.stride[0], g.stride[1]}, .dilation = {g.dilation[0], g.dilation[1]}, .before = {g.pad[0], g.pad[1]},
                            .after = {g.pad[2], g.pad[3]}, .deterministic = env->deterministic, .workspace_most = WORKSPACE_MOST};
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    anl_dtype t = c->in[0].dtype;
    anl__dnn_conv p;
    if (!anl__cuda_libs_of(env->device)->cudnn) return memcpy(why, "cuDNN is not here", 18), false;
    if (t != ANL_F32 && !anl__cuda_is_half(t)) return memcpy(why, "not f32, bf16 or f16", 21), false;
    bool filters = kind_of(c) != ANL__DNN_FILTER;
    if (filters && c->in[1].dtype != t && !(c->param[1] && c->in[1].dtype == ANL_F32)) return memcpy(why, "filters of another type", 24), false;
    anl__dnn_shape s = shape_of(env, c);
    if (!anl__plan_find(env->device, &s, &p, why)) return false;
    anl__dnn_conv_release(&p);
    return true;
}

/* ---- workspace ------------------------------------------------------------------------------- */

typedef struct space { size_t x, w, library, bytes; } space; /* offsets; cuDNN's own result, where it cannot write the node's, is at 0, or aside */

static size_t up(int64_t elements, anl_dtype t) { return ((size_t)elements * anl_dtype_size(t) + 255) & ~(size_t)255; }
static int64_t filters_of(const anl__dnn_shape *s) { return s->k * s->r * s->s * (s->c / s->groups); }
static bool is_wide(const anl__call *c, const anl__dnn_shape *s) { return kind_of(c) != ANL__DNN_DATA && s->c != c->in[0].shape.dim[3]; }

/* Does cuDNN's result differ from the node's in type or columns, or is it added to something? */
static bool aside(const anl__call *c, const anl__dnn_shape *s)
{
    bool filter = kind_of(c) == ANL__DNN_FILTER;
    return (c->accum[0] && !s->add) || (filter && (s->type != c->out[0].dtype || is_wide(c, s)));
}

static space space_of(const anl__call *c, const anl__dnn_conv *p)
{
    const anl__dnn_shape *s = &p->shape;
    bool filter = s->kind == ANL__DNN_FILTER, wide = is_wide(c, s);
    space at = {.x = aside(c, s) && !filter ? up(anl_shape_count(&c->out[0].shape), s->type) : 0};
    at.w = at.x + (wide ? up(s->n * s->h * s->w * s->c, s->type) : 0);
    at.library = at.w + (wide && !filter ? up(filters_of(s), s->type) : 0);
    at.bytes = at.library + (size_t)p->workspace;
    return at;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    char why[ANL__WHY] = "";
    anl__dnn_shape s = shape_of(env, &p->call);
    anl__dnn_conv *q = anl__alloc(env->ctx, sizeof *q);
    if (!q) return ANL_NOMEM;
    if (!anl__plan_find(env->device, &s, q, why)) {
        anl__free(env->ctx, q);
        return anl__fail(env->ctx, ANL_DEVICE, "%s", why);
    }
    p->state = q;
    p->workspace = space_of(&p->call, q).bytes;
    if (s.kind == ANL__DNN_FILTER && aside(&p->call, &q->shape)) p->aside = up(filters_of(&q->shape), q->shape.type);
    snprintf(p->note, sizeof p->note, "engine %lld%s%s%s", (long long)q->engine, q->tensor_core ? ", tensor cores" : "", is_wide(&p->call, &q->shape) ? ", 8 channels" : "",
             q->shape.relu ? ", bias, relu" : q->shape.bias ? ", bias" : q->shape.add ? ", adds" : "");
    if (q->us > 0) snprintf(p->note + strlen(p->note), sizeof p->note - strlen(p->note), ", %.1f us", q->us);
    return ANL_OK;
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    if (p->state) anl__dnn_conv_release(p->state);
    anl__free(ctx, p->state);
    p->state = NULL;
}

/* x (and the filters that are read) with as many channels as the plan wants. */
static anl_status widen(const anl__run *r, const anl__call *c, const anl__dnn_shape *s, void *x, void *w)
{
    int64_t have = c->in[0].shape.dim[3];
    ANL_TRY(anl__cuda_columns(r->device, x, s->type, s->c, r->in[0], s->type, have, s->n * s->h * s->w, false));
    return s->kind == ANL__DNN_FILTER ? ANL_OK : anl__cuda_columns(r->device, w, s->type, s->c, r->in[1], s->type, have, s->k * s->r * s->s, false);
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const anl__dnn_conv *q = p->state;
    const anl__dnn_shape *s = &q->shape;
    space at = space_of(c, q);
    bool beside = aside(c, s), wide = is_wide(c, s);
    char *ws = r->ws;
    void *result = p->aside ? r->aside : beside ? r->ws : r->out[0], *in0 = wide ? ws + at.x : r->in[0], *in1 = wide && s->kind == ANL__DNN_FORWARD ? ws + at.w : r->in[1];
    void *x = s->kind == ANL__DNN_DATA ? result : in0, *w = s->kind == ANL__DNN_FILTER ? result : in1;
    void *y = s->kind == ANL__DNN_FORWARD ? result : s->kind == ANL__DNN_DATA ? r->in[0] : r->in[1];
    if (wide) ANL_TRY(widen(r, c, s, ws + at.x, ws + at.w));
    int status = anl__dnn_conv_run(q, x, w, y, s->bias ? r->in[2] : NULL, ws + at.library);
    if (status) return anl__cuda_failed(r->device, "cuDNN", status, c->name);
    if (p->aside) return ANL_OK;
    int64_t n = anl_shape_count(&c->out[0].shape), columns = c->out[0].shape.dim[3];
    if (beside) return anl__cuda_add(r->device, r->out[0], result, s->type, n);
    bool bias = s->kind == ANL__DNN_FORWARD && anl__has_in(c, 2) && !s->bias, relu = s->kind == ANL__DNN_FORWARD && anl__attr_int(c, "act") && !s->relu;
    if (!bias && !relu) return ANL_OK;
    return anl__cuda_bias_relu(r->device, r->out[0], c->out[0].dtype, bias ? r->in[2] : NULL, n, columns, relu);
}

/* Gradients of filters from aside: casts alone in one launch, what is added or has columns of its own one by one. */
static anl_status bring(anl_device *dev, const anl__copy *list, int n)
{
    anl__cuda_cast cast[ANL__MOST_COPIES];
    int casts = 0;
    anl_dtype from = ANL_F32;
    for (int i = 0; i < n; i++) {
        const anl__prepared *p = list[i].state;
        const anl__call *c = &p->call;
        const anl__dnn_shape *s = &((const anl__dnn_conv *)p->state)->shape;
        int64_t count = anl_shape_count(&c->out[0].shape), columns = c->out[0].shape.dim[3];
        if (s->type != ANL_F32 && !is_wide(c, s) && !c->accum[0]) {
            from = s->type; /* a program has one type of activations */
            cast[casts++] = (anl__cuda_cast){list[i].src, list[i].dst, count};
        } else
            ANL_TRY(anl__cuda_columns(dev, list[i].dst, c->out[0].dtype, columns, list[i].src, s->type, is_wide(c, s) ? s->c : columns, count / columns, c->accum[0]));
    }
    return casts ? anl__cuda_convert(dev, ANL_F32, from, cast, casts) : ANL_OK;
}

/* 16-bit convolutions read filters in their type, and a bias that is in their graph. */
static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    char why[ANL__WHY];
    anl__dnn_conv p;
    if (!anl__cuda_is_half(c->in[0].dtype) || c->in[in].dtype != ANL_F32 || kind_of(c) == ANL__DNN_FILTER) return false;
    if (in == 2) {
        anl__dnn_shape s = shape_of(env, c);
        if (!s.bias || !anl__plan_find(env->device, &s, &p, why)) return false;
        bool fused = p.shape.bias;
        anl__dnn_conv_release(&p);
        if (!fused) return false;
    }
    return (in == 1 || in == 2) && anl__cuda_pack_half(env, c, in, c->in[0].dtype, out);
}

#define KERNEL(op_name) {.op = op_name, .device = "cuda", .name = op_name "/cudnn", .rank = 20, .supports = supports, .pack = pack, .prepare = prepare, .run = run, .bring = bring, .release = release}
static const anl__kernel fwd_kernel = KERNEL("conv2d"), data_kernel = KERNEL("conv2d_bwd_data"), filter_kernel = KERNEL("conv2d_bwd_filter");
const anl__kernel *const anl__kernels_conv2d_cudnn[] = {&fwd_kernel, &data_kernel, &filter_kernel, NULL};
