#ifndef T
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/dense/dense_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("dense", fwd)
ANL__REF_KERNEL("dense_bwd_data", bwd_data)
ANL__REF_KERNEL("dense_bwd_weight", bwd_weight)
const anl__kernel *const anl__kernels_dense_ref[] = {&fwd_kernel, &bwd_data_kernel, &bwd_weight_kernel, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *w = r->in[1], *b = anl__has_in(c, 2) ? r->in[2] : NULL;
    T *y = r->out[0];
    int64_t out = c->in[1].shape.dim[0], in = c->in[1].shape.dim[1], rows = anl_shape_count(&c->in[0].shape) / in;
    bool relu = anl__attr_int(c, "act");
    for (int64_t m = 0; m < rows; m++)
        for (int64_t o = 0; o < out; o++) {
            double sum = b ? (double)b[o] : 0;
            for (int64_t i = 0; i < in; i++) sum += (double)x[m * in + i] * (double)w[o * in + i];
            y[m * out + o] = (T)(relu && sum < 0 ? 0 : sum);
        }
}

static void FN(bwd_data)(const anl__call *c, const anl__run *r)
{
    const T *dy = r->in[0], *w = r->in[1];
    T *dx = r->out[0];
    int64_t out = c->in[1].shape.dim[0], in = c->in[1].shape.dim[1], rows = anl_shape_count(&c->in[0].shape) / out;
    for (int64_t m = 0; m < rows; m++)
        for (int64_t i = 0; i < in; i++) {
            double sum = c->accum[0] ? (double)dx[m * in + i] : 0;
            for (int64_t o = 0; o < out; o++) sum += (double)dy[m * out + o] * (double)w[o * in + i];
            dx[m * in + i] = (T)sum;
        }
}

static void FN(bwd_weight)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *dy = r->in[1];
    T *dw = r->out[0];
    int64_t out = c->out[0].shape.dim[0], in = c->out[0].shape.dim[1], rows = anl_shape_count(&c->in[0].shape) / in;
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++) {
            double sum = c->accum[0] ? (double)dw[o * in + i] : 0;
            for (int64_t m = 0; m < rows; m++) sum += (double)dy[m * out + o] * (double)x[m * in + i];
            dw[o * in + i] = (T)sum;
        }
}
#endif
