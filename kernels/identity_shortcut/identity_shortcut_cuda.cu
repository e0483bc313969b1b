/* identity_shortcut and its transpose: a thread an output element. Bytes moved: what is kept of the input, the output; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

struct shape { int64_t n, h, w, c, wide_h, wide_w, wide_c, before, stride; };

/* wide: more channels, fewer pixels. */
template <class T> __global__ void widen(shape s, const T *in, T *out)
{
    ANL_EACH(e, s.n * s.wide_h * s.wide_w * s.wide_c)
    {
        int64_t c = e % s.wide_c - s.before, x = e / s.wide_c % s.wide_w, y = e / s.wide_c / s.wide_w % s.wide_h, n = e / s.wide_c / s.wide_w / s.wide_h;
        out[e] = c >= 0 && c < s.c ? in[((n * s.h + y * s.stride) * s.w + x * s.stride) * s.c + c] : anl_to<T>(0);
    }
}

template <class T> __global__ void narrow(shape s, const T *in, T *out)
{
    ANL_EACH(e, s.n * s.h * s.w * s.c)
    {
        int64_t c = e % s.c, x = e / s.c % s.w, y = e / s.c / s.w % s.h, n = e / s.c / s.w / s.h;
        bool kept = x % s.stride == 0 && y % s.stride == 0;
        out[e] = kept ? in[((n * s.wide_h + y / s.stride) * s.wide_w + x / s.stride) * s.wide_c + s.before + c] : anl_to<T>(0);
    }
}

template <class T> static anl_status shortcut_typed(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    bool back = !strcmp(c->op->name, "identity_shortcut_bwd");
    const int64_t *a = back ? c->out[0].shape.dim : c->in[0].shape.dim, *b = back ? c->in[0].shape.dim : c->out[0].shape.dim;
    shape s = {a[0], a[1], a[2], a[3], b[1], b[2], b[3], (b[3] - a[3]) / 2, anl__attr_int(c, "stride")};
    void (*f)(shape, const T *, T *) = back ? narrow<T> : widen<T>;
    return ANL_LAUNCH(f, anl_blocks(anl_shape_count(&c->out[0].shape), ANL_THREADS), ANL_THREADS, r, s, (const T *)r->in[0], (T *)r->out[0]);
}
ANL_TYPED_RUN(shortcut)

#define KERNEL(op_name) {.op = op_name, .device = "cuda", .name = op_name "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = shortcut}
static const anl__kernel fwd = KERNEL("identity_shortcut"), bwd = KERNEL("identity_shortcut_bwd");
extern "C" const anl__kernel *const anl__kernels_identity_shortcut_cuda[];
const anl__kernel *const anl__kernels_identity_shortcut_cuda[] = {&fwd, &bwd, NULL};
