#ifndef T
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/bias/bias_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("bias", bias)
ANL__REF_KERNEL("bias_grad", bias_grad)
const anl__kernel *const anl__kernels_bias_ref[] = {&bias_kernel, &bias_grad_kernel, NULL};
#else
static void FN(bias)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *b = r->in[1];
    T *y = r->out[0];
    int64_t k = anl_shape_count(&c->in[1].shape), n = anl_shape_count(&c->in[0].shape);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] + b[i % k];
}

static void FN(bias_grad)(const anl__call *c, const anl__run *r)
{
    const T *dy = r->in[0];
    T *db = r->out[0];
    int64_t k = c->out[0].shape.dim[0], rows = anl_shape_count(&c->in[0].shape) / k;
    for (int64_t j = 0; j < k; j++) {
        double sum = c->accum[0] ? (double)db[j] : 0;
        for (int64_t i = 0; i < rows; i++) sum += (double)dy[i * k + j];
        db[j] = (T)sum;
    }
}
#endif
