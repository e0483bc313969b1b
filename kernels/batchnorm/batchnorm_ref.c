#ifndef T
#include "batchnorm.h"
#include "kernels/common/ref.h"
#define ANL__REF_FILE "kernels/batchnorm/batchnorm_ref.c"
#include "kernels/common/ref_twice.h"
ANL__REF_KERNEL("batchnorm", fwd)
ANL__REF_KERNEL("batchnorm_bwd", bwd)
ANL__REF_KERNEL("batchnorm_running", running)
const anl__kernel *const anl__kernels_batchnorm_ref[] = {&fwd_kernel, &bwd_kernel, &running_kernel, NULL};
#else
static void FN(fwd)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *gamma = r->in[1], *beta = r->in[2], *rm = r->in[3], *rv = r->in[4], *res = anl__has_in(c, 5) ? r->in[5] : NULL;
    T *y = r->out[0];
    int64_t k = c->in[0].shape.dim[c->in[0].shape.rank - 1], rows = anl_shape_count(&c->in[0].shape) / k, n = c->in[0].shape.dim[0];
    double eps = anl__attr_float(c, "eps");
    bool relu = anl__attr_int(c, "act"), train = anl__bn_measures(c);
    uint8_t *mask = anl__bn_has_mask(c) ? r->out[4] : NULL;
    int64_t each = rows / n * k, bytes = anl__bn_mask_bytes(each);
    if (mask) memset(mask, 0, (size_t)(n * bytes));
    for (int64_t j = 0; j < k; j++) {
        double mean = train ? 0 : (double)rm[j], m2 = 0, var = train ? 0 : (double)rv[j];
        for (int64_t i = 0; train && i < rows; i++) { /* Welford, 1962 */
            double d = (double)x[i * k + j] - mean;
            mean += d / (double)(i + 1);
            m2 += d * ((double)x[i * k + j] - mean);
        }
        if (train) var = m2 / (double)rows;
        double rstd = 1 / sqrt(var + eps);
        for (int64_t i = 0; i < rows; i++) {
            double v = (double)gamma[j] * ((double)x[i * k + j] - mean) * rstd + (double)beta[j] + (res ? (double)res[i * k + j] : 0);
            y[i * k + j] = (T)(relu && v < 0 ? 0 : v);
            int64_t e = (i * k + j) % each;
            if (mask && v > 0) mask[(i * k + j) / each * bytes + anl__bn_mask_byte(e)] |= (uint8_t)(1 << anl__bn_mask_bit(e));
        }
        if (!train) continue;
        ((T *)r->out[1])[j] = (T)mean;
        ((T *)r->out[2])[j] = (T)rstd;
        ((T *)r->out[3])[j] = (T)((double)n * mean);
        ((T *)r->out[3])[k + j] = (T)((double)n * m2 / (double)(rows - 1));
    }
}

static void FN(bwd)(const anl__call *c, const anl__run *r)
{
    const T *x = r->in[0], *dy = r->in[1], *gamma = r->in[2], *mean = r->in[3], *rstd = r->in[4], *beta = anl__has_in(c, 5) ? r->in[5] : NULL;
    const uint8_t *mask = anl__has_in(c, 6) ? r->in[6] : NULL;
    T *dx = r->out[0], *dres = c->n_out > 3 ? r->out[3] : NULL;
    int64_t k = c->in[0].shape.dim[c->in[0].shape.rank - 1], rows = anl_shape_count(&c->in[0].shape) / k;
    int64_t each = rows / c->in[0].shape.dim[0] * k, bytes = anl__bn_mask_bytes(each);
    bool relu = anl__attr_int(c, "act");
    for (int64_t j = 0; j < k; j++) {
        double sum = 0, dot = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t i = 0; i < rows; i++) {
                int64_t at = i * k + j, e = at % each;
                double xhat = ((double)x[at] - (double)mean[j]) * (double)rstd[j], d = (double)dy[at];
                if (relu && mask && !(mask[at / each * bytes + anl__bn_mask_byte(e)] >> anl__bn_mask_bit(e) & 1)) d = 0;
                if (relu && !mask && !((double)gamma[j] * xhat + (double)beta[j] > 0)) d = 0;
                if (pass == 0) {
                    sum += d;
                    dot += d * xhat;
                    continue;
                }
                dx[at] = (T)((double)gamma[j] * (double)rstd[j] * (d - sum / (double)rows - xhat * dot / (double)rows));
                if (dres) dres[at] = (T)d;
            }
        ((T *)r->out[1])[j] = (T)dot;
        ((T *)r->out[2])[j] = (T)sum;
    }
}

static void FN(running)(const anl__call *c, const anl__run *r)
{
    T *mean = r->in[0], *var = r->in[1];
    const T *stat = r->in[2], n = *(const T *)r->in[3], m = (T)anl__attr_float(c, "momentum");
    int64_t k = anl_shape_count(&c->in[0].shape);
    for (int64_t j = 0; j < k && n > 0; j++) {
        if (!isfinite(stat[j]) || !isfinite(stat[k + j])) continue; /* a bad step leaves no trace */
        mean[j] += m * (stat[j] / n - mean[j]);
        var[j] += m * (stat[k + j] / n - var[j]);
    }
}
#endif
