/* add, sub, mul, scale, cast and sum_to. Where both operands have one shape the pass is map.cuh's; a repeated operand is found by
 * its index. sum_to gives each result to one thread, which adds in order. Bytes moved: each operand and the result once; bound: memory.
 * Loads: 16 bytes (map.cuh), but of operands that repeat. Not measured on a GPU. */
#include "kernels/common/map.cuh"

extern "C" {
#include "broadcast.h"
}

struct plus { __device__ float operator()(float a, float b) const { return a + b; } };
struct minus { __device__ float operator()(float a, float b) const { return a - b; } };
struct times { __device__ float operator()(float a, float b) const { return a * b; } };
struct scaled {
    float factor;
    __device__ float operator()(float a) const { return a * factor; }
};

template <class T, class B, class F> __global__ void repeated(const T *a, const B *b, T *y, int64_t n, anl__broadcast m, F f)
{
    ANL_EACH(i, n) y[i] = anl_to<T>(f(anl_float(a[i]), anl_float(b[i / (m.middle * m.last) % m.outer * m.last + i % m.last])));
}

template <class T, class B, class F> static anl_status launch_repeated(const anl__run *r, int64_t n, anl__broadcast m, F f)
{
    void (*k)(const T *, const B *, T *, int64_t, anl__broadcast, F) = repeated<T, B, F>;
    return ANL_LAUNCH(k, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, (const T *)r->in[0], (const B *)r->in[1], (T *)r->out[0], n, m, f);
}

template <class T, class F> static anl_status repeated_by(anl_dtype type, const anl__run *r, int64_t n, anl__broadcast m, F f)
{
    if (type == ANL_BF16) return launch_repeated<T, anl_bf16>(r, n, m, f);
    return type == ANL_F16 ? launch_repeated<T, anl_f16>(r, n, m, f) : launch_repeated<T, float>(r, n, m, f);
}

template <class T, class F> static anl_status two(const anl__prepared *p, const anl__run *r, F f)
{
    const anl__call *c = &p->call;
    int64_t n = anl_shape_count(&c->in[0].shape);
    anl__broadcast m;
    anl__broadcast_of(&c->in[0].shape, &c->in[1].shape, &m);
    if (c->in[1].dtype == c->in[0].dtype && m.outer == 1 && m.middle == 1) return anl_map<T>(r, r->in[0], r->in[1], r->out[0], n, f);
    return repeated_by<T>(c->in[1].dtype, r, n, m, f);
}

template <class T> static anl_status add_typed(const anl__prepared *p, const anl__run *r) { return two<T>(p, r, plus{}); }
template <class T> static anl_status sub_typed(const anl__prepared *p, const anl__run *r) { return two<T>(p, r, minus{}); }
template <class T> static anl_status mul_typed(const anl__prepared *p, const anl__run *r) { return two<T>(p, r, times{}); }
template <class T> static anl_status scale_typed(const anl__prepared *p, const anl__run *r)
{
    return anl_map<T>(r, r->in[0], r->out[0], anl_shape_count(&p->call.in[0].shape), scaled{(float)anl__attr_float(&p->call, "factor")});
}
ANL_TYPED_RUN(add)
ANL_TYPED_RUN(sub)
ANL_TYPED_RUN(mul)
ANL_TYPED_RUN(scale)

template <class T, class Y> __global__ void convert(const T *x, Y *y, int64_t n)
{
    ANL_EACH(i, n) y[i] = anl_to<Y>(anl_float(x[i]));
}

template <class T, class Y> static anl_status launch_convert(const anl__prepared *p, const anl__run *r)
{
    int64_t n = anl_shape_count(&p->call.in[0].shape);
    void (*k)(const T *, Y *, int64_t) = convert<T, Y>;
    return ANL_LAUNCH(k, anl_blocks(n, ANL_THREADS), ANL_THREADS, r, (const T *)r->in[0], (Y *)r->out[0], n);
}

template <class T> static anl_status cast_typed(const anl__prepared *p, const anl__run *r)
{
    anl_dtype to = p->call.out[0].dtype;
    if (to == ANL_BF16) return launch_convert<T, anl_bf16>(p, r);
    return to == ANL_F16 ? launch_convert<T, anl_f16>(p, r) : launch_convert<T, float>(p, r);
}
ANL_TYPED_RUN(cast)

template <class T> __global__ void add_repeats(const T *a, T *y, anl__broadcast m)
{
    ANL_EACH(i, m.outer * m.last)
    {
        int64_t o = i / m.last, l = i % m.last;
        float sum = 0;
        for (int64_t k = 0; k < m.middle; k++) sum += anl_float(a[(o * m.middle + k) * m.last + l]);
        y[i] = anl_to<T>(sum);
    }
}

template <class T> static anl_status sum_to_typed(const anl__prepared *p, const anl__run *r)
{
    anl__broadcast m;
    anl__broadcast_of(&p->call.in[0].shape, &p->call.out[0].shape, &m);
    void (*k)(const T *, T *, anl__broadcast) = add_repeats<T>;
    return ANL_LAUNCH(k, anl_blocks(m.outer * m.last, ANL_THREADS), ANL_THREADS, r, (const T *)r->in[0], (T *)r->out[0], m);
}
ANL_TYPED_RUN(sum_to)

#define KERNEL(id, place) \
    static const anl__kernel id##_kernel = {.op = #id, .device = "cuda", .name = #id "/cuda", .rank = 10, .supports = anl_cuda_supports, .run = id, .inplace = {place}};
KERNEL(add, 1)
KERNEL(sub, 1)
KERNEL(mul, 1)
KERNEL(scale, 1)
KERNEL(cast, 0)
KERNEL(sum_to, 0)
extern "C" const anl__kernel *const anl__kernels_elementwise_cuda[];
const anl__kernel *const anl__kernels_elementwise_cuda[] = {&add_kernel, &sub_kernel, &mul_kernel, &scale_kernel, &cast_kernel, &sum_to_kernel, NULL};
