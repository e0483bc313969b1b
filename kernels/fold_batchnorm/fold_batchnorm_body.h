/* Filters [from, to), type T; included by the reference and the cpu kernel. */
static void FN(fold_filters)(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    const T *w = r->in[0], *gamma = r->in[1], *beta = r->in[2], *mean = r->in[3], *var = r->in[4], *b = anl__has_in(c, 5) ? r->in[5] : NULL;
    int64_t each = anl_shape_count(&c->in[0].shape) / c->in[0].shape.dim[0];
    double eps = anl__attr_float(c, "eps");
    for (int64_t i = from; i < to; i++) {
        double s = (double)gamma[i] / sqrt((double)var[i] + eps);
        for (int64_t j = 0; j < each; j++) ((T *)r->out[0])[i * each + j] = (T)(s * (double)w[i * each + j]);
        ((T *)r->out[1])[i] = (T)(((b ? (double)b[i] : 0) - (double)mean[i]) * s + (double)beta[i]);
    }
}
