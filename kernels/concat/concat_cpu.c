/* concat and slice on the workers, sample by sample; along the first axis on the caller. */
#include "concat.h"

#include <stdio.h>

static bool within_samples(const anl__env *env, const anl__call *c, char why[ANL__WHY])
{
    (void)env;
    if (anl__concat_axis(c) > 0) return true;
    snprintf(why, ANL__WHY, "the axis is the samples' own");
    return false;
}

#define KERNEL(id)                                                                                                                           \
    static void id##_task(const anl__prepared *p, const anl__run *r, int task, int worker)                                                   \
    {                                                                                                                                        \
        anl__axis a = anl__axis_of(&p->call.out[0], anl__concat_axis(&p->call));                                                             \
        int64_t from, to;                                                                                                                    \
        (void)worker;                                                                                                                        \
        anl__outer_of(p, &a, task, &from, &to);                                                                                              \
        anl__##id##_move(&p->call, r, from, to);                                                                                             \
    }                                                                                                                                        \
    static anl_status id##_run(const anl__prepared *p, const anl__run *r)                                                                    \
    {                                                                                                                                        \
        anl__##id##_move(&p->call, r, 0, anl__axis_of(&p->call.out[0], anl__concat_axis(&p->call)).outer);                                   \
        return ANL_OK;                                                                                                                       \
    }                                                                                                                                        \
    static const anl__kernel id = {.op = #id, .device = "cpu", .name = #id "/cpu", .rank = 10, .supports = within_samples,                   \
                                   .prepare = anl__sliced_prepare, .task = id##_task, .samplewise = true};                                   \
    static const anl__kernel id##_first = {.op = #id, .device = "cpu", .name = #id "/cpu one thread", .rank = 5, .run = id##_run};
KERNEL(concat)
KERNEL(slice)
KERNEL(slice_bwd)
const anl__kernel *const anl__kernels_concat_cpu[] = {&concat, &concat_first, &slice, &slice_first, &slice_bwd, &slice_bwd_first, NULL};
