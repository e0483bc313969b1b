/* identity_shortcut, one thread. */
#include "identity_shortcut_host.h"

static anl_status run(const anl__prepared *p, const anl__run *r)
{
    anl__shortcut_rows(p, r, 0, p->call.in[0].shape.dim[0]);
    return ANL_OK;
}

static const anl__kernel fwd = {.op = "identity_shortcut", .device = "reference", .name = "identity_shortcut/ref", .run = run};
static const anl__kernel bwd = {.op = "identity_shortcut_bwd", .device = "reference", .name = "identity_shortcut_bwd/ref", .run = run};
const anl__kernel *const anl__kernels_identity_shortcut_ref[] = {&fwd, &bwd, NULL};
