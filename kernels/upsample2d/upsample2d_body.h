/* Upsampling of a sample, element type T; included by the reference and the cpu kernel. LOAD(p, i), STORE(p, i, v). */
static void FN(up_sample)(const anl__call *c, const T *x, T *y, int64_t n)
{
    const int64_t *d = c->in[0].shape.dim;
    int64_t sh = anl__attr_at(c, "scale", 0), sw = anl__attr_at(c, "scale", 1), h = d[1] * sh, w = d[2] * sw, k = d[3];
    for (int64_t i = 0; i < h; i++) {
        anl__taps v = anl__upsample_taps(c, sh, d[1], i);
        for (int64_t j = 0; j < w; j++) {
            anl__taps u = anl__upsample_taps(c, sw, d[2], j);
            for (int64_t ch = 0; ch < k; ch++) {
                double sum = 0;
                for (int a = 0; a < 2; a++)
                    for (int b = 0; b < 2; b++)
                        if (v.w[a] * u.w[b] != 0) sum += v.w[a] * u.w[b] * (double)LOAD(x, ((n * d[1] + v.at[a]) * d[2] + u.at[b]) * k + ch);
                STORE(y, ((n * h + i) * w + j) * k + ch, sum);
            }
        }
    }
}

/* Each old pixel gathers from the new ones that it reaches: those within one factor on either side. */
static void FN(bwd_sample)(const anl__call *c, const T *dy, T *dx, int64_t n)
{
    const int64_t *d = c->out[0].shape.dim;
    int64_t sh = anl__attr_at(c, "scale", 0), sw = anl__attr_at(c, "scale", 1), h = d[1] * sh, w = d[2] * sw, k = d[3];
    for (int64_t p = 0; p < d[1]; p++)
        for (int64_t q = 0; q < d[2]; q++)
            for (int64_t ch = 0; ch < k; ch++) {
                double sum = 0;
                for (int64_t i = (p - 1) * sh > 0 ? (p - 1) * sh : 0; i < (p + 2) * sh && i < h; i++) {
                    anl__taps v = anl__upsample_taps(c, sh, d[1], i);
                    double wv = (v.at[0] == p ? v.w[0] : 0) + (v.at[1] == p ? v.w[1] : 0);
                    for (int64_t j = (q - 1) * sw > 0 ? (q - 1) * sw : 0; wv != 0 && j < (q + 2) * sw && j < w; j++) {
                        anl__taps u = anl__upsample_taps(c, sw, d[2], j);
                        double wu = (u.at[0] == q ? u.w[0] : 0) + (u.at[1] == q ? u.w[1] : 0);
                        if (wu != 0) sum += wv * wu * (double)LOAD(dy, ((n * h + i) * w + j) * k + ch);
                    }
                }
                STORE(dx, ((n * d[1] + p) * d[2] + q) * k + ch, sum);
            }
}
