#ifndef T
#include "kernels/common/ref.h"
#include "upsample2d.h"
#define ANL__REF_FILE "kernels/upsample2d/upsample2d_ref.c"
#define LOAD(p, i) (p)[i]
#define STORE(p, i, v) (p)[i] = (T)(v)
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("upsample2d", up)
ANL__REF_KERNEL("upsample2d_bwd", bwd)
const anl__kernel *const anl__kernels_upsample2d_ref[] = {&up_kernel, &bwd_kernel, NULL};
#else
#include "upsample2d_body.h"
#define ALL(fn)                                                                                             \
    static void FN(fn)(const anl__call *c, const anl__run *r)                                               \
    {                                                                                                       \
        for (int64_t n = 0; n < c->in[0].shape.dim[0]; n++) FN(fn##_sample)(c, r->in[0], r->out[0], n);     \
    }
ALL(up)
ALL(bwd)
#undef ALL
#endif
