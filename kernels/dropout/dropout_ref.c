#ifndef T
#include "kernels/common/dropout_call.h"
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
    for (int64_t k = 0; k * d.piece < anl_shape_count(&c->in[0].shape); k++)
        for (int64_t i = 0; i < d.piece; i++) {
            int64_t at = k * d.piece + i, f = k / d.samples * d.piece + i;
            unsigned keep = d.off ? 15 : anl__dropout_keep4(d.seed, d.key, d.step, d.sample0 + (uint32_t)(k % d.samples), (uint32_t)(f / 4), d.keep_below);
            y[at] = keep >> (f & 3) & 1 ? (T)((double)x[at] * (d.off ? 1 : d.scale)) : 0;
        }
}
#endif
