/* conv2d and its gradients by cuDNN's backend graph API, f32 (exact: no TF32) or bf16 with f32 sums. Bias and relu follow as a pass of ours. A bf16 gradient of
 * filters leaves cuDNN in bf16 and is widened; where results are added to what is there, cuDNN writes beside it. Bound: arithmetic. Not run on a GPU yet. */
#include "conv2d.h"
#include "device.h"
#include "kernels/device_cuda/plugin/calls.h"
#include "kernels/device_cuda/plugin/dnn_conv.h"

#include <stdio.h>
#include <string.h>

enum { WORKSPACE_MOST = 512 << 20 };

static anl__dnn_kind kind_of(const anl__call *c)
{
    return !strcmp(c->op->name, "conv2d") ? ANL__DNN_FORWARD : !strcmp(c->op->name, "conv2d_bwd_data") ? ANL__DNN_DATA : ANL__DNN_FILTER;
}

static anl__dnn_shape shape_of(const anl__env *env, const anl__call *c)
{
    anl__conv_geometry g;
    anl__conv_geometry_of(c, &g);
    return (anl__dnn_shape){.kind = kind_of(c), .type = c->in[0].dtype, .n = g.n, .h = g.h, .w = g.w, .c = g.c, .k = g.k, .r = g.r, .s = g.s, .oh = g.oh, .ow = g.ow,
                            .groups = g.groups, .stride = {g.stride[0], g.stride[1]}, .dilation = {g.dilation[0], g.dilation[1]}, .before = {g.pad[0], g.pad[1]},
                            .after = {g.pad[2], g.pad[3]}, .deterministic = env->deterministic, .workspace_most = WORKSPACE_MOST};
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    const anl__cudnn *dnn = anl__cuda_libs_of(env->device)->cudnn;
    anl_dtype t = c->in[0].dtype;
    anl__dnn_conv p;
    if (!dnn) return memcpy(why, "cuDNN is not here", 18), false;
    if (t != ANL_F32 && t != ANL_BF16) return memcpy(why, "neither f32 nor bf16", 21), false;
    bool filters = kind_of(c) != ANL__DNN_FILTER;
    if (filters && c->in[1].dtype != t && !(c->param[1] && c->in[1].dtype == ANL_F32)) return memcpy(why, "filters of another type", 24), false;
    anl__dnn_shape s = shape_of(env, c);
    if (!anl__dnn_conv_make(dnn, &s, &p, why)) return false;
    anl__dnn_conv_release(&p);
    return true;
}

/* Where cuDNN cannot write the result itself: bytes of its own result before its workspace. */
static size_t aside(const anl__call *c)
{
    bool widened = kind_of(c) == ANL__DNN_FILTER && c->in[0].dtype == ANL_BF16;
    if (!widened && !c->accum[0]) return 0;
    return ((size_t)anl_shape_count(&c->out[0].shape) * anl_dtype_size(c->in[0].dtype) + 255) & ~(size_t)255;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    char why[ANL__WHY] = "";
    anl__dnn_shape s = shape_of(env, &p->call);
    anl__dnn_conv *q = anl__alloc(env->ctx, sizeof *q);
    if (!q) return ANL_NOMEM;
    if (!anl__dnn_conv_make(anl__cuda_libs_of(env->device)->cudnn, &s, q, why)) {
        anl__free(env->ctx, q);
        return anl__fail(env->ctx, ANL_DEVICE, "%s", why);
    }
    p->state = q;
    p->workspace = aside(&p->call) + (size_t)q->workspace;
    snprintf(p->note, sizeof p->note, "engine %lld%s", (long long)q->engine, q->tensor_core ? ", tensor cores" : "");
    return ANL_OK;
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    if (p->state) anl__dnn_conv_release(p->state);
    anl__free(ctx, p->state);
    p->state = NULL;
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    anl__dnn_kind kind = kind_of(c);
    size_t before = aside(c);
    void *result = before ? r->ws : r->out[0], *ws = (char *)r->ws + before;
    void *x = kind == ANL__DNN_DATA ? result : r->in[0], *w = kind == ANL__DNN_FILTER ? result : r->in[1];
    void *y = kind == ANL__DNN_FORWARD ? result : kind == ANL__DNN_DATA ? r->in[0] : r->in[1];
    if (!anl__dnn_conv_run(p->state, x, w, y, ws)) return anl__fail(r->device->ctx, ANL_DEVICE, "cuDNN failed in %s", c->name);
    int64_t n = anl_shape_count(&c->out[0].shape);
    if (before) return anl__cuda_convert(r->device, r->out[0], c->out[0].dtype, result, c->in[0].dtype, n, c->accum[0]);
    bool bias = kind == ANL__DNN_FORWARD && anl__has_in(c, 2), relu = kind == ANL__DNN_FORWARD && anl__attr_int(c, "act");
    if (!bias && !relu) return ANL_OK;
    return anl__cuda_bias_relu(r->device, r->out[0], c->out[0].dtype, bias ? r->in[2] : NULL, n, c->out[0].shape.dim[3], relu);
}

/* bf16 convolutions read filters in bf16. */
static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    return in == 1 && kind_of(c) != ANL__DNN_FILTER && c->in[0].dtype == ANL_BF16 && c->in[1].dtype == ANL_F32 && anl__cuda_pack_bf16(env, c, in, out);
}

#define KERNEL(op_name) {.op = op_name, .device = "cuda", .name = op_name "/cudnn", .rank = 20, .supports = supports, .pack = pack, .prepare = prepare, .run = run, .release = release}
static const anl__kernel fwd_kernel = KERNEL("conv2d"), data_kernel = KERNEL("conv2d_bwd_data"), filter_kernel = KERNEL("conv2d_bwd_filter");
const anl__kernel *const anl__kernels_conv2d_cudnn[] = {&fwd_kernel, &data_kernel, &filter_kernel, NULL};
