/* How a reference kernel is written once and compiled for float and double. A file <op>_ref.c reads:
 *
 *     #ifndef T
 *     #include "kernels/common/ref.h"
 *     #define ANL__REF_FILE "kernels/<op>/<op>_ref.c"
 *     #include "kernels/common/ref_twice.h"      (includes this file with T = float, FN(x) = x_f32; then T = double)
 *     ANL__REF_KERNEL("<op>", <fn>)              (a kernel that calls <fn>_f32 or <fn>_f64)
 *     const anl__kernel *const anl__kernels_<op>_ref[] = {&<fn>_kernel, NULL};
 *     #else
 *     static void FN(<fn>)(const anl__call *c, const anl__run *r) { const T *x = r->in[0]; ... double sums ... }
 *     #endif
 *
 * One thread, the plainest loops, sums in double: the oracle, and the fallback that builds anywhere.
 */
#ifndef ANL_REF_H
#define ANL_REF_H

#include "op.h"

#include <math.h>
#include <string.h>

/* The case's precision: that of its activations, or of its output when it has no float input. */
static inline bool anl__ref_is_f64(const anl__call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i].shape.rank >= 0 && c->in[i].dtype == ANL_F64) return true;
    return c->n_out > 0 && c->out[0].dtype == ANL_F64;
}

/* The reference has f32 and f64 activations only. */
static inline bool anl__ref_supports(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i].shape.rank >= 0 && (c->in[i].dtype == ANL_BF16 || c->in[i].dtype == ANL_F16)) {
            memcpy(why, "the reference has f32 and f64 only", 35);
            return false;
        }
    return true;
}

#define ANL__REF_KERNEL(op_name, fn)                                                                        \
    static anl_status fn##_run(const anl__prepared *p, const anl__run *r)                                   \
    {                                                                                                       \
        if (anl__ref_is_f64(&p->call)) fn##_f64(&p->call, r);                                               \
        else fn##_f32(&p->call, r);                                                                         \
        return ANL_OK;                                                                                      \
    }                                                                                                       \
    static const anl__kernel fn##_kernel = {.op = op_name, .device = "reference", .name = op_name "/ref",   \
                                            .supports = anl__ref_supports, .run = fn##_run};

#endif
