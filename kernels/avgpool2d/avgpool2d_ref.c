#ifndef T
#include "kernels/common/ref.h"
#include "kernels/common/window.h"
#define ANL__REF_FILE "kernels/avgpool2d/avgpool2d_ref.c"
#define LOAD(p, i) (p)[i]
#define STORE(p, i, v) (p)[i] = (T)(v)
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("avgpool2d", avg)
ANL__REF_KERNEL("avgpool2d_bwd", avg_bwd)
ANL__REF_KERNEL("global_avgpool", global)
ANL__REF_KERNEL("global_avgpool_bwd", global_bwd)
const anl__kernel *const anl__kernels_avgpool2d_ref[] = {&avg_kernel, &avg_bwd_kernel, &global_kernel, &global_bwd_kernel, NULL};
#else
#include "avgpool2d_body.h"
#define ALL(fn)                                                                                             \
    static void FN(fn)(const anl__call *c, const anl__run *r)                                               \
    {                                                                                                       \
        for (int64_t n = 0; n < c->in[0].shape.dim[0]; n++) FN(fn##_sample)(c, r->in[0], r->out[0], n);     \
    }
ALL(avg)
ALL(avg_bwd)
ALL(global)
ALL(global_bwd)
#undef ALL
#endif
