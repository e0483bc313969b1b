#ifndef T
#include "dropout.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/dropout/dropout_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("dropout", drop)
static const anl__kernel bwd_kernel = {.op = "dropout_bwd", .device = "reference", .name = "dropout_bwd/ref", .supports = anl__ref_supports, .run = drop_run};
const anl__kernel *const anl__kernels_dropout_ref[] = {&drop_kernel, &bwd_kernel, NULL};
#else
static void FN(drop)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0];
    T *y = r->out[0];
    anl__dropout d = anl__dropout_of(c, r->in[1]);
    for (int64_t n = 0; n < c->in[0].shape.dim[0]; n++)
        for (int64_t i = 0; i < d.features; i++) {
            unsigned keep = d.off ? 15 : anl__dropout_keep4(d.seed, d.key, d.step, d.sample0 + (uint32_t)n, (uint32_t)(i / 4), d.keep_below);
            y[n * d.features + i] = keep >> (i & 3) & 1 ? (T)((double)x[n * d.features + i] * (d.off ? 1 : d.scale)) : 0;
        }
}
#endif
