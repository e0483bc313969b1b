/* softmax on the workers, row by row, in double as in the reference; f32 and bf16. */
#ifndef T
#define ANL__CPU_FILE "kernels/softmax/softmax_cpu.c"
#include "kernels/common/cpu.h"

#include <math.h>
#define LOAD(p, i) GET((p)[i])
#define STORE(p, i, v) (p)[i] = PUT((float)(v))
#include "kernels/common/cpu_twice.h"

static anl_status prepare(const anl__env *env, anl__prepared *p)
{
    if (p->call.in[0].shape.rank > 1) return anl__sliced_prepare(env, p);
    p->tasks = 1; /* one row: its elements belong together */
    return ANL_OK;
}

#define KERNEL(fn)                                                                                                                              \
    static void fn##_task(const anl__prepared *p, const anl__run *r, int task, int worker)                                                      \
    {                                                                                                                                           \
        (void)worker;                                                                                                                           \
        ANL__BY_TYPE(p->call.in[0].dtype, fn##_rows, &p->call, r, anl__rows_of(p, &p->call.in[0].shape, task));                                 \
    }                                                                                                                                           \
    static const anl__kernel fn = {.op = #fn, .device = "cpu", .name = #fn "/cpu", .rank = 10, .supports = anl__cpu_dtype, .prepare = prepare,  \
                                   .task = fn##_task, .samplewise = true, .inplace = {1}};
KERNEL(softmax)
KERNEL(log_softmax)
KERNEL(softmax_bwd)
KERNEL(log_softmax_bwd)
const anl__kernel *const anl__kernels_softmax_cpu[] = {&softmax, &log_softmax, &softmax_bwd, &log_softmax_bwd, NULL};
#else
#include "softmax_body.h"
#define ALL(fn)                                                                                                                           \
    static void FN(fn##_rows)(const anl__call *c, const anl__run *r, anl__rows rows)                                                      \
    {                                                                                                                                     \
        int64_t k = c->in[0].shape.dim[c->in[0].shape.rank - 1];                                                                          \
        const T *a = r->in[0], *b = c->n_in > 1 ? r->in[1] : NULL;                                                                        \
        for (int64_t at = rows.begin * rows.each; at < rows.end * rows.each; at += k) FN(fn##_row)(a + at, b ? b + at : NULL, (T *)r->out[0] + at, k); \
    }
ALL(softmax)
ALL(log_softmax)
ALL(softmax_bwd)
ALL(log_softmax_bwd)
#undef ALL
#endif
