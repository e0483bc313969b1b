#ifndef T
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/softmax/softmax_ref.c"
#define LOAD(p, i) (p)[i]
#define STORE(p, i, v) (p)[i] = (T)(v)
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("softmax", softmax)
ANL__REF_KERNEL("log_softmax", log_softmax)
ANL__REF_KERNEL("softmax_bwd", softmax_bwd)
ANL__REF_KERNEL("log_softmax_bwd", log_softmax_bwd)
const anl__kernel *const anl__kernels_softmax_ref[] = {&softmax_kernel, &log_softmax_kernel, &softmax_bwd_kernel, &log_softmax_bwd_kernel, NULL};
#else
#include "softmax_body.h"
#define ALL(fn)                                                                                                                           \
    static void FN(fn)(const anl__call *c, const anl__run *r)                                                                             \
    {                                                                                                                                     \
        int64_t k = c->in[0].shape.dim[c->in[0].shape.rank - 1], rows = anl_shape_count(&c->in[0].shape) / k;                             \
        const T *a = r->in[0], *b = c->n_in > 1 ? r->in[1] : NULL;                                                                        \
        for (int64_t m = 0; m < rows; m++) FN(fn##_row)(a + m * k, b ? b + m * k : NULL, (T *)r->out[0] + m * k, k);                      \
    }
ALL(softmax)
ALL(log_softmax)
ALL(softmax_bwd)
ALL(log_softmax_bwd)
#undef ALL
#endif
