/* concat, slice and slice's gradient: copies of two-dimensional pieces, whatever the element. Bytes moved: input and result
 * once; bound: memory. Not measured on a GPU. */
#include "kernels/common/cuda.cuh"

/* `rows` pieces of `bytes`; from src + i * src_pitch (NULL: zeros) to dst + i * dst_pitch. */
template <class E> __global__ void move(const E *src, int64_t src_pitch, E *dst, int64_t dst_pitch, int64_t rows, int64_t n)
{
    ANL_EACH(i, rows * n) dst[i / n * dst_pitch + i % n] = src ? src[i / n * src_pitch + i % n] : E();
}

static anl_status copy(const anl__run *r, const anl__type *t, const void *src, int64_t src_pitch, void *dst, int64_t dst_pitch, int64_t rows, int64_t n)
{
    void (*f1)(const uint8_t *, int64_t, uint8_t *, int64_t, int64_t, int64_t) = move<uint8_t>;
    void (*f2)(const uint16_t *, int64_t, uint16_t *, int64_t, int64_t, int64_t) = move<uint16_t>;
    void (*f4)(const uint32_t *, int64_t, uint32_t *, int64_t, int64_t, int64_t) = move<uint32_t>;
    unsigned blocks = anl_blocks(rows * n, ANL_THREADS);
    if (rows * n == 0) return ANL_OK;
    if (anl_dtype_size(t->dtype) == 1) return ANL_LAUNCH(f1, blocks, ANL_THREADS, r, (const uint8_t *)src, src_pitch, (uint8_t *)dst, dst_pitch, rows, n);
    if (anl_dtype_size(t->dtype) == 2) return ANL_LAUNCH(f2, blocks, ANL_THREADS, r, (const uint16_t *)src, src_pitch, (uint16_t *)dst, dst_pitch, rows, n);
    return ANL_LAUNCH(f4, blocks, ANL_THREADS, r, (const uint32_t *)src, src_pitch, (uint32_t *)dst, dst_pitch, rows, n);
}

static char *at(const anl__type *t, void *p, int64_t elements) { return (char *)p + elements * (int64_t)anl_dtype_size(t->dtype); }

struct axis { int64_t outer, dim, inner; };

static axis axis_of(const anl__call *c, const anl_shape *s)
{
    int64_t k = anl__attr_int(c, "axis");
    if (k < 0) k += c->in[0].shape.rank;
    axis a = {1, s->dim[k], 1};
    for (int i = 0; i < s->rank; i++)
        if (i != k) (i < k ? a.outer : a.inner) *= s->dim[i];
    return a;
}

static anl_status concat_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    axis y = axis_of(c, &c->out[0].shape);
    int64_t done = 0;
    for (int i = 0; i < c->n_in; i++) {
        int64_t n = axis_of(c, &c->in[i].shape).dim * y.inner;
        ANL_TRY(copy(r, &c->out[0], r->in[i], n, at(&c->out[0], r->out[0], done), y.dim * y.inner, y.outer, n));
        done += n;
    }
    return ANL_OK;
}

static anl_status slice_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    axis x = axis_of(c, &c->in[0].shape), y = axis_of(c, &c->out[0].shape);
    int64_t begin = anl__attr_int(c, "begin");
    if (begin < 0) begin += x.dim;
    return copy(r, &c->in[0], at(&c->in[0], r->in[0], begin * x.inner), x.dim * x.inner, r->out[0], y.dim * y.inner, y.outer, y.dim * y.inner);
}

static anl_status slice_bwd_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    const anl__type *t = &c->out[0];
    axis y = axis_of(c, &t->shape), d = axis_of(c, &c->in[0].shape);
    int64_t begin = anl__attr_int(c, "begin") * y.inner, part = d.dim * y.inner, whole = y.dim * y.inner;
    ANL_TRY(copy(r, t, NULL, 0, r->out[0], whole, y.outer, begin));
    ANL_TRY(copy(r, t, r->in[0], part, at(t, r->out[0], begin), whole, y.outer, part));
    return copy(r, t, NULL, 0, at(t, r->out[0], begin + part), whole, y.outer, whole - begin - part);
}

#define KERNEL(id) static const anl__kernel id = {.op = #id, .device = "cuda", .name = #id "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = id##_run};
KERNEL(concat)
KERNEL(slice)
KERNEL(slice_bwd)
extern "C" const anl__kernel *const anl__kernels_concat_cuda[];
const anl__kernel *const anl__kernels_concat_cuda[] = {&concat, &slice, &slice_bwd, NULL};
