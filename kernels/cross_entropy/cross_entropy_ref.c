#ifndef T
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/cross_entropy/cross_entropy_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("softmax_cross_entropy", fwd)
ANL__REF_KERNEL("softmax_cross_entropy_bwd", bwd)
const anl__kernel *const anl__kernels_cross_entropy_ref[] = {&fwd_kernel, &bwd_kernel, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *z = r->in[0], *weight = anl__has_in(c, 2) ? r->in[2] : NULL;
    const int32_t *label = r->in[1];
    int64_t rows = c->in[0].shape.dim[0], k = c->in[0].shape.dim[1], ignore = anl__attr_int(c, "ignore");
    double s = anl__attr_float(c, "label_smoothing"), num = 0, den = 0, correct = 0;
    for (int64_t m = 0; m < rows; m++, z += k) {
        if (label[m] == ignore) continue;
        if (label[m] < 0 || label[m] >= k) {
            num = NAN;
            continue;
        }
        double top = (double)z[0], sum = 0, mean = 0, w = weight ? (double)weight[label[m]] : 1;
        int64_t first = 0;
        for (int64_t j = 1; j < k; j++)
            if ((double)z[j] > top) top = (double)z[first = j];
        for (int64_t j = 0; j < k; j++) sum += exp((double)z[j] - top), mean += (double)z[j] / (double)k;
        double lse = top + log(sum);
        num += w * ((1 - s) * (lse - (double)z[label[m]]) + s * (lse - mean));
        den += w;
        correct += first == label[m];
    }
    *(T *)r->out[0] = (T)num;
    *(T *)r->out[1] = (T)den;
    *(T *)r->out[2] = (T)correct;
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    const T *z = r->in[0], *weight = anl__has_in(c, 3) ? r->in[3] : NULL;
    const int32_t *label = r->in[1];
    T *dz = r->out[0];
    int64_t rows = c->in[0].shape.dim[0], k = c->in[0].shape.dim[1], ignore = anl__attr_int(c, "ignore");
    double s = anl__attr_float(c, "label_smoothing"), dnum = (double)*(const T *)r->in[2];
    for (int64_t m = 0; m < rows; m++, z += k, dz += k) {
        bool counts = label[m] != ignore && label[m] >= 0 && label[m] < k;
        double top = (double)z[0], sum = 0, w = dnum * (counts && weight ? (double)weight[label[m]] : 1);
        for (int64_t j = 1; j < k; j++) top = fmax(top, (double)z[j]);
        for (int64_t j = 0; j < k; j++) sum += exp((double)z[j] - top);
        for (int64_t j = 0; j < k; j++) dz[j] = (T)(counts ? w * (exp((double)z[j] - top) / sum - (j == label[m] ? 1 - s : 0) - s / (double)k) : 0);
    }
}
#endif
