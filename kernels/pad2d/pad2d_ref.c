/* pad2d on one thread. */
#include "pad2d.h"

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    anl__pad2d_samples(&p->call, r, 0, p->call.in[0].shape.dim[0], p->call.op->grad == NULL);
    return ANL_OK;
}

static const anl__kernel pad2d = {.op = "pad2d", .device = "reference", .name = "pad2d/ref", .run = run};
static const anl__kernel bwd = {.op = "pad2d_bwd", .device = "reference", .name = "pad2d_bwd/ref", .run = run};
const anl__kernel *const anl__kernels_pad2d_ref[] = {&pad2d, &bwd, NULL};
