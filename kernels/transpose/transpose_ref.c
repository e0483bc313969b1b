/* transpose on one thread. */
#include "transpose.h"

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    anl__transpose_rows(&p->call, r, 0, p->call.out[0].shape.dim[0]);
    return ANL_OK;
}

static const anl__kernel transpose = {.op = "transpose", .device = "reference", .name = "transpose/ref", .run = run};
const anl__kernel *const anl__kernels_transpose_ref[] = {&transpose, NULL};
