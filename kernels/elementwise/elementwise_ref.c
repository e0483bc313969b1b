#ifndef T
#include "broadcast.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/elementwise/elementwise_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("add", add)
ANL__REF_KERNEL("sub", sub)
ANL__REF_KERNEL("mul", mul)
ANL__REF_KERNEL("scale", scale)
ANL__REF_KERNEL("sum_to", sum_to)

static anl_status cast_run(const anl__prepared *p, const anl__run *r)
{
    const anl__call *c = &p->call;
    bool from64 = c->in[0].dtype == ANL_F64, to64 = c->out[0].dtype == ANL_F64;
    for (int64_t i = 0, n = anl_shape_count(&c->in[0].shape); i < n; i++) {
        double v = from64 ? ((const double *)r->in[0])[i] : (double)((const float *)r->in[0])[i];
        if (to64) ((double *)r->out[0])[i] = v;
        else ((float *)r->out[0])[i] = (float)v;
    }
    return ANL_OK;
}

static bool cast_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    if (c->out[0].dtype == ANL_BF16 || c->out[0].dtype == ANL_F16) return memcpy(why, "the reference has f32 and f64 only", 35), false;
    return anl__ref_supports(env, c, why);
}

static const anl__kernel cast_kernel = {.op = "cast", .device = "reference", .name = "cast/ref", .supports = cast_supports, .run = cast_run};
const anl__kernel *const anl__kernels_elementwise_ref[] = {&add_kernel, &sub_kernel, &mul_kernel, &scale_kernel, &sum_to_kernel, &cast_kernel, NULL};
#else
#define EACH(fn, expression)                                                             \
    static void FN(fn)(const anl__call *c, const anl__run *r)                            \
    {                                                                                    \
        const T *a = r->in[0], *b = r->in[1];                                            \
        T *y = r->out[0];                                                                \
        anl__broadcast m;                                                                \
        anl__broadcast_of(&c->in[0].shape, &c->in[1].shape, &m);                         \
        for (int64_t i = 0, n = anl_shape_count(&c->in[0].shape); i < n; i++) {          \
            T u = a[i], v = b[i / (m.middle * m.last) % m.outer * m.last + i % m.last];  \
            y[i] = expression;                                                           \
        }                                                                                \
    }
EACH(add, u + v)
EACH(sub, u - v)
EACH(mul, u * v)
#undef EACH

static void FN(scale)(const anl__call *c, const anl__run *r)
{
    const T *a = r->in[0];
    T *y = r->out[0], f = (T)anl__attr_float(c, "factor");
    for (int64_t i = 0, n = anl_shape_count(&c->in[0].shape); i < n; i++) y[i] = a[i] * f;
}

static void FN(sum_to)(const anl__call *c, const anl__run *r)
{
    const T *a = r->in[0];
    T *y = r->out[0];
    anl__broadcast m;
    anl__broadcast_of(&c->in[0].shape, &c->out[0].shape, &m);
    for (int64_t o = 0; o < m.outer; o++)
        for (int64_t l = 0; l < m.last; l++) {
            double sum = 0;
            for (int64_t k = 0; k < m.middle; k++) sum += (double)a[(o * m.middle + k) * m.last + l];
            y[o * m.last + l] = (T)sum;
        }
}
#endif
