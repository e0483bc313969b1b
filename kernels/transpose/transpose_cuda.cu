/* transpose by any permutation: a thread an element of the result. Bytes moved: input and result once; bound: memory, reads are not coalesced where the last dimension moves.
 * Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

struct order { int rank; int64_t dim[ANL_MAX_RANK], stride[ANL_MAX_RANK]; };

template <class E> __global__ void permute(order o, const E *x, E *y, int64_t n)
{
    ANL_EACH(i, n)
    {
        int64_t rest = i, from = 0;
        for (int d = ANL_MAX_RANK - 1; d >= 0; d--) { /* constant, so that o stays where parameters are */
            if (d >= o.rank) continue;
            from += rest % o.dim[d] * o.stride[d];
            rest /= o.dim[d];
        }
        y[i] = x[from];
    }
}

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const anl_shape *x = &c->in[0].shape, *y = &c->out[0].shape;
    const anl__attr *perm = anl__attr_get(c, "perm");
    int64_t plain[ANL_MAX_RANK], n = anl_shape_count(y), step = 1;
    order o = {};
    o.rank = y->rank;
    for (int i = x->rank - 1; i >= 0; i--) {
        plain[i] = step;
        step *= x->dim[i];
    }
    for (int i = 0; i < o.rank; i++) {
        o.dim[i] = y->dim[i];
        o.stride[i] = plain[perm->i[i]];
    }
    void (*f1)(order, const uint8_t *, uint8_t *, int64_t) = permute<uint8_t>;
    void (*f2)(order, const uint16_t *, uint16_t *, int64_t) = permute<uint16_t>;
    void (*f4)(order, const uint32_t *, uint32_t *, int64_t) = permute<uint32_t>;
    size_t size = anl_dtype_size(c->in[0].dtype);
    if (size == 1) return ANL_LAUNCH(f1, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, o, (const uint8_t *)r->in[0], (uint8_t *)r->out[0], n);
    if (size == 2) return ANL_LAUNCH(f2, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, o, (const uint16_t *)r->in[0], (uint16_t *)r->out[0], n);
    return ANL_LAUNCH(f4, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, o, (const uint32_t *)r->in[0], (uint32_t *)r->out[0], n);
}

static const anl__kernel kernel = {.op = "transpose", .device = "cuda", .name = "transpose/cuda", .rank = 10, .supports = anl_cuda_supports, .run = run};
extern "C" const anl__kernel *const anl__kernels_transpose_cuda[];
const anl__kernel *const anl__kernels_transpose_cuda[] = {&kernel, NULL};
