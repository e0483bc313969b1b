/* dense and its gradients by cuBLASLt, f32, bf16 or f16 with f32 sums. Row-major matrices are seen as their column-major transposes. The bias rides in the epilogue, in the
 * type of the activations; where a 16-bit layer's bias is no parameter, of which a copy could be kept, it follows as a pass of ours. So does relu: cuBLASLt's is reported to make
 * 0 of a NaN, which would hide that a training is lost. Bound: arithmetic or weights' bytes. Not run on a GPU yet. */
#include "device.h"
#include "kernels/device_cuda/plugin/calls.h"
#include "kernels/device_cuda/plugin/lt_product.h"
#include "op.h"

#include <string.h>

enum { FORWARD, DATA, WEIGHT };

static int kind_of(const anl__call *c) { return !strcmp(c->op->name, "dense") ? FORWARD : !strcmp(c->op->name, "dense_bwd_data") ? DATA : WEIGHT; }

static bool has_bias(const anl__call *c) { return kind_of(c) == FORWARD && anl__has_in(c, 2); }
/* Is the bias in the epilogue? */
static bool fused(const anl__call *c) { return has_bias(c) && (c->in[2].dtype == c->in[0].dtype || c->param[2]); }

static anl__lt_shape shape_of(const anl__call *c)
{
    int kind = kind_of(c);
    const anl_shape *x = &c->in[0].shape, *w = kind == WEIGHT ? &c->out[0].shape : &c->in[1].shape;
    uint64_t out = (uint64_t)w->dim[0], in = (uint64_t)w->dim[1], rows = (uint64_t)(anl_shape_count(x) / x->dim[x->rank - 1]);
    anl__lt_shape s = {.in = c->in[0].dtype, .out = c->out[0].dtype, .epilogue = LT_EPILOGUE_DEFAULT};
    if (kind == FORWARD) { /* Y' (out x rows) = W (out x in) X' (in x rows) */
        s.m = out, s.n = rows, s.k = in, s.trans_a = true;
        if (fused(c)) s.epilogue = LT_EPILOGUE_BIAS;
    } else if (kind == DATA) { /* dX' (in x rows) = W' (in x out) dY' (out x rows) */
        s.m = in, s.n = rows, s.k = out;
    } else { /* dW' (in x out) = X' (in x rows) dY (rows x out) */
        s.m = in, s.n = out, s.k = rows, s.trans_b = true;
    }
    return s;
}

static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    const anl__cublaslt *lt = anl__cuda_libs_of(env->device)->lt;
    anl_dtype t = c->in[0].dtype;
    anl__lt_product p;
    if (!lt) return memcpy(why, "cuBLASLt is not here", 21), false;
    if (t != ANL_F32 && !anl__cuda_is_half(t)) return memcpy(why, "not f32, bf16 or f16", 21), false;
    bool weights = kind_of(c) != WEIGHT;
    if (weights && c->in[1].dtype != t && !(c->param[1] && c->in[1].dtype == ANL_F32)) return memcpy(why, "weights of another type", 24), false;
    anl__lt_shape s = shape_of(c);
    if (!anl__lt_product_make(lt, &s, &p)) return memcpy(why, "cuBLASLt has no algorithm for it", 33), false;
    anl__lt_product_release(&p);
    return true;
}

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    anl__lt_shape s = shape_of(&p->call);
    anl__lt_product *q = anl__alloc(env->ctx, sizeof *q);
    if (!q) return ANL_NOMEM;
    if (!anl__lt_product_make(anl__cuda_libs_of(env->device)->lt, &s, q)) {
        anl__free(env->ctx, q);
        return anl__fail(env->ctx, ANL_DEVICE, "cuBLASLt prepares no product of %llux%llux%llu", (unsigned long long)s.m, (unsigned long long)s.n, (unsigned long long)s.k);
    }
    p->state = q;
    p->workspace = q->choice.workspace;
    return ANL_OK;
}

static void release(anl_ctx *ctx, anl__prepared *p)
{
    if (p->state) anl__lt_product_release(p->state);
    anl__free(ctx, p->state);
    p->state = NULL;
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    int kind = kind_of(c);
    bool bias = has_bias(c), relu = kind == FORWARD && anl__attr_int(c, "act");
    const void *a = kind == WEIGHT ? r->in[0] : r->in[1], *b = kind == WEIGHT ? r->in[1] : r->in[0];
    int status = anl__lt_product_run(p->state, a, b, r->out[0], kind != FORWARD && c->accum[0], fused(c) ? r->in[2] : NULL, r->ws, anl__cuda_stream(r->device));
    if (status) return anl__cuda_failed(r->device, "cuBLASLt", status, c->name);
    bias = bias && !fused(c);
    if (!bias && !relu) return ANL_OK;
    const anl_shape *y = &c->out[0].shape;
    return anl__cuda_bias_relu(r->device, r->out[0], c->out[0].dtype, bias ? r->in[2] : NULL, anl_shape_count(y), y->dim[y->rank - 1], relu);
}

/* 16-bit products read weights and biases in their type. */
static bool pack(const anl__env *env, const anl__call *c, int in, anl__pack *out)
{
    bool wanted = in == 1 ? kind_of(c) != WEIGHT : in == 2 && has_bias(c);
    return wanted && anl__cuda_is_half(c->in[0].dtype) && c->in[in].dtype == ANL_F32 && anl__cuda_pack_half(env, c, in, c->in[0].dtype, out);
}

#define KERNEL(op_name) {.op = op_name, .device = "cuda", .name = op_name "/cublaslt", .rank = 20, .supports = supports, .pack = pack, .prepare = prepare, .run = run, .release = release}
static const anl__kernel fwd_kernel = KERNEL("dense"), data_kernel = KERNEL("dense_bwd_data"), weight_kernel = KERNEL("dense_bwd_weight");
const anl__kernel *const anl__kernels_dense_cublaslt[] = {&fwd_kernel, &data_kernel, &weight_kernel, NULL};
