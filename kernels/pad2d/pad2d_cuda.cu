/* pad2d and its gradient: a thread an element of the result. Bytes moved: input and result once; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

extern "C" {
#include "pad2d.h"
}

struct frame { int64_t h, w, k, inner_h, inner_w, top, left; }; /* of the padded image, and where the inner one lies */

template <class T> __global__ void forward(frame f, const T *x, T *y, int64_t n)
{
    ANL_EACH(e, n)
    {
        int64_t ch = e % f.k, q = e / f.k % f.w - f.left, p = e / f.k / f.w % f.h - f.top, sample = e / f.k / f.w / f.h;
        bool inside = p >= 0 && p < f.inner_h && q >= 0 && q < f.inner_w;
        y[e] = inside ? x[((sample * f.inner_h + p) * f.inner_w + q) * f.k + ch] : anl_to<T>(0.0f);
    }
}

template <class T> __global__ void backward(frame f, const T *dy, T *dx, int64_t n)
{
    ANL_EACH(e, n)
    {
        int64_t ch = e % f.k, q = e / f.k % f.inner_w + f.left, p = e / f.k / f.inner_w % f.inner_h + f.top, sample = e / f.k / f.inner_w / f.inner_h;
        dx[e] = dy[((sample * f.h + p) * f.w + q) * f.k + ch];
    }
}

static frame frame_of(const anl__call *c, const anl_shape *large, const anl_shape *small)
{
    int64_t side[4];
    anl__pad2d_sides(c, side);
    frame f = {large->dim[1], large->dim[2], large->dim[3], small->dim[1], small->dim[2], side[0], side[1]};
    return f;
}

template <class T> static anl_status fwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.out[0].shape);
    void (*f)(frame, const T *, T *, int64_t) = forward<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, frame_of(&p->call, &p->call.out[0].shape, &p->call.in[0].shape), (const T *)r->in[0], (T *)r->out[0], n);
}
ANL_TYPED_RUN(fwd)

template <class T> static anl_status bwd_typed(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.out[0].shape);
    void (*f)(frame, const T *, T *, int64_t) = backward<T>;
    return ANL_LAUNCH(f, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, frame_of(&p->call, &p->call.in[0].shape, &p->call.out[0].shape), (const T *)r->in[0], (T *)r->out[0], n);
}
ANL_TYPED_RUN(bwd)

#define KERNEL(id, op_name, fn) static const anl__kernel id = {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = fn};
KERNEL(k_pad, "pad2d", fwd)
KERNEL(k_pad_bwd, "pad2d_bwd", bwd)
extern "C" const anl__kernel *const anl__kernels_pad2d_cuda[];
const anl__kernel *const anl__kernels_pad2d_cuda[] = {&k_pad, &k_pad_bwd, NULL};
