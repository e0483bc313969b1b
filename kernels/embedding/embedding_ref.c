#ifndef T
#include "embedding.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/embedding/embedding_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("embedding", fwd)
ANL__REF_KERNEL("embedding_bwd", bwd)
const anl__kernel *const anl__kernels_embedding_ref[] = {&fwd_kernel, &bwd_kernel, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    anl__lookup l = anl__lookup_of(c, r, &c->out[0].shape, c->in[1].shape.dim[0]);
    const T *w = r->in[1];
    T *y = r->out[0];
    for (int64_t k = 0; k < l.samples * l.steps; k++) {
        int64_t v = anl__lookup_row(&l, k);
        for (int64_t j = 0; j < l.width; j++) y[k * l.width + j] = v < 0 ? 0 : w[v * l.width + j];
    }
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    anl__lookup l = anl__lookup_of(c, r, &c->in[1].shape, c->out[0].shape.dim[0]);
    const T *dy = r->in[1];
    T *dw = r->out[0];
    for (int64_t v = 0; v < l.vocabulary; v++)
        for (int64_t j = 0; j < l.width; j++) {
            double sum = 0;
            for (int64_t k = 0; k < l.samples * l.steps; k++)
                if (anl__lookup_row(&l, k) == v) sum += (double)dy[k * l.width + j];
            dw[v * l.width + j] = (T)sum;
        }
}
#endif
