/* dense and its gradients: one tiled product, 16 x 16 results a block, operands by strides, sums in f32 in order. The fallback for
 * where cuBLASLt is not. Bytes moved: each operand once a row or column of 16 results; bound: arithmetic, far below a tensor core. Not measured on a GPU. */
#include "kernels/common/product.cuh"

template <class A, class B, class Y>
static anl_status multiply(const anl__prepared *p, const anl__run *r, int ia, anl_strides sa, int ib, anl_strides sb, int64_t rows, int64_t columns, int64_t inner, bool forward)
{
    const float *bias = forward && anl__has_in(&p->call, 2) ? (const float *)r->in[2] : NULL;
    bool relu = forward && anl__attr_int(&p->call, "act");
    void (*k)(const A *, anl_strides, const B *, anl_strides, Y *, const float *, int64_t, int64_t, int64_t, bool, bool) = anl_product<A, B, Y>;
    return ANL_LAUNCH(k, dim3((unsigned)((rows + ANL_TILE - 1) / ANL_TILE), (unsigned)((columns + ANL_TILE - 1) / ANL_TILE)), dim3(ANL_TILE, ANL_TILE), r, (const A *)r->in[ia], sa,
                      (const B *)r->in[ib], sb, (Y *)r->out[0], bias, rows, columns, inner, relu, !forward && p->call.accum[0]);
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t out = p->call.in[1].shape.dim[0], in = p->call.in[1].shape.dim[1], rows = anl_shape_count(&p->call.in[0].shape) / in;
    return multiply<T, float, T>(p, r, 0, anl_strides{in, 1}, 1, anl_strides{1, in}, rows, out, in, true);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status data_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t out = p->call.in[1].shape.dim[0], in = p->call.in[1].shape.dim[1], rows = anl_shape_count(&p->call.in[0].shape) / out;
    return multiply<T, float, T>(p, r, 0, anl_strides{out, 1}, 1, anl_strides{in, 1}, rows, in, out, false);
}
ANL_TYPED_RUN(data)

template <class T> static anl_status weight_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t out = p->call.out[0].shape.dim[0], in = p->call.out[0].shape.dim[1], rows = anl_shape_count(&p->call.in[0].shape) / in;
    return multiply<T, T, float>(p, r, 1, anl_strides{1, out}, 0, anl_strides{in, 1}, out, in, rows, false);
}
ANL_TYPED_RUN(weight)

/* Weights may be activations: then they must be f32. */
static bool supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    const anl_shape *y = &c->out[0].shape;
    if (!anl_cuda_supports(env, c, why)) return false;
    if (strcmp(c->op->name, "dense_bwd_weight") && c->in[1].dtype != ANL_F32) return memcpy(why, "weights that are not f32", 25), false;
    if (y->dim[y->rank - 1] <= 65535 * (int64_t)ANL_TILE) return true;
    memcpy(why, "more than a million columns", 28);
    return false;
}

static const anl__kernel fwd_kernel = {.op = "dense", .device = "cuda", .name = "dense/cuda", .rank = 10, .supports = supports, .run = fwd};
static const anl__kernel data_kernel = {.op = "dense_bwd_data", .device = "cuda", .name = "dense_bwd_data/cuda", .rank = 10, .supports = supports, .run = data};
static const anl__kernel weight_kernel = {.op = "dense_bwd_weight", .device = "cuda", .name = "dense_bwd_weight/cuda", .rank = 10, .supports = supports, .run = weight};
extern "C" const anl__kernel *const anl__kernels_dense_cuda[];
const anl__kernel *const anl__kernels_dense_cuda[] = {&fwd_kernel, &data_kernel, &weight_kernel, NULL};
