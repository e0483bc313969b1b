/* dropout and its gradient: the mask of the reference, drawn again from the counter (kernels/common/dropout.h). A thread has four features that
 * share a draw, as a vector, where pieces are of whole quads and lie so, else one. Bytes moved: input and output once; bound: memory (ten Philox rounds a
 * quad are below it). Not measured on a GPU. */
#include "kernels/common/map.cuh"
#include "kernels/common/vectors.cuh"

extern "C" {
#include "kernels/common/dropout_call.h"
}

/* Q: 4 or 1. */
template <class T, int Q> __global__ void drop(anl__dropout d, const int32_t *rng, const T *x, T *y, int64_t n)
{
    anl__dropout_draw(&d, rng);
    float scale = (float)d.scale;
    ANL_EACH(k, n / Q)
    {
        unsigned kept = anl__dropout_kept(&d, k * Q);
        anl_some<T, Q> a = anl_get<T, Q>(x, k * Q);
        for (int i = 0; i < Q; i++) a.v[i] = anl_to<T>(kept >> i & 1 ? anl_float(a.v[i]) * scale : 0);
        anl_put(y, k * Q, a);
    }
}

struct same { __device__ float operator()(float v) const { return v; } };

template <class T> static anl_status drop_run_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    anl__dropout d = anl__dropout_fixed(&p->call);
    if (d.off) return r->in[0] == r->out[0] ? ANL_OK : anl_map<T>(r, r->in[0], r->out[0], n, same{});
    bool quads = d.piece % 4 == 0 && anl_aligned(r->in[0]) && anl_aligned(r->out[0]);
    void (*f)(anl__dropout, const int32_t *, const T *, T *, int64_t) = quads ? drop<T, 4> : drop<T, 1>;
    return ANL_LAUNCH(f, anl_blocks(quads ? n / 4 : n, ANL_THREADS), ANL_THREADS, r, d, (const int32_t *)r->in[1], (const T *)r->in[0], (T *)r->out[0], n);
}
ANL_TYPED_RUN(drop_run)

#define KERNEL(op_name) {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = drop_run, .inplace = {1}}
static const anl__kernel fwd = KERNEL("dropout"), bwd = KERNEL("dropout_bwd");
extern "C" const anl__kernel *const anl__kernels_dropout_cuda[];
const anl__kernel *const anl__kernels_dropout_cuda[] = {&fwd, &bwd, NULL};
