#ifndef T
#include "gather.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/gather/gather_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("gather", fwd)
ANL__REF_KERNEL("gather_bwd", bwd)
const anl__kernel *const anl__kernels_gather_ref[] = {&fwd_kernel, &bwd_kernel, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    anl__pick p = anl__pick_fwd(c, r);
    const T *x = r->in[0];
    T *y = r->out[0];
    for (int64_t o = 0; o < p.outer; o++)
        for (int64_t k = 0; k < p.picks; k++)
            for (int64_t j = 0; j < p.inner; j++) {
                bool there = p.index[k] >= 0 && p.index[k] < p.size;
                y[(o * p.picks + k) * p.inner + j] = there ? x[(o * p.size + p.index[k]) * p.inner + j] : 0;
            }
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    anl__pick p = anl__pick_bwd(c, r);
    const T *dy = r->in[1];
    T *dx = r->out[0];
    for (int64_t o = 0; o < p.outer; o++)
        for (int64_t i = 0; i < p.size; i++)
            for (int64_t j = 0; j < p.inner; j++) {
                double sum = 0;
                for (int64_t k = 0; k < p.picks; k++)
                    if (p.index[k] == i) sum += (double)dy[(o * p.picks + k) * p.inner + j];
                dx[(o * p.size + i) * p.inner + j] = (T)sum;
            }
}
#endif
