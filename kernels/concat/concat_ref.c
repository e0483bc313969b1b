/* concat and slice on one thread. */
#include "concat.h"

#define KERNEL(id)                                                                              \
    static anl_status id##_run(const anl__prepared *p, const anl__run *r)                       \
    {                                                                                           \
        anl__##id##_move(&p->call, r, 0, anl__axis_of(&p->call.out[0], anl__concat_axis(&p->call)).outer); \
        return ANL_OK;                                                                          \
    }                                                                                           \
    static const anl__kernel id = {.op = #id, .device = "reference", .name = #id "/ref", .run = id##_run};
KERNEL(concat)
KERNEL(slice)
KERNEL(slice_bwd)
const anl__kernel *const anl__kernels_concat_ref[] = {&concat, &slice, &slice_bwd, NULL};
