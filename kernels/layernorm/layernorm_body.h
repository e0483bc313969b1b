/* Rows [from, to), type T, statistics S, sums in double; included by the reference and the cpu kernel. LOAD(p, i), STORE(p, i, v). */
static void FN(norm_rows)(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    anl__sets s = anl__sets_of(c);
    const T *x = r->in[0];
    const S *gamma = r->in[1], *beta = r->in[2];
    T *y = r->out[0];
    S *mean = r->out[1], *rstd = r->out[2];
    int64_t k = s.channels / s.groups, size = s.positions * s.channels;
    double eps = anl__attr_float(c, "eps"), n = (double)(s.positions * k);
    for (int64_t m = from; m < to; m++)
        for (int64_t g = 0; g < s.groups; g++) {
            const int64_t at = m * size + g * k;
            double sum = 0, square = 0;
            for (int64_t p = 0; p < s.positions; p++)
                for (int64_t j = 0; j < k; j++) sum += (double)LOAD(x, at + p * s.channels + j);
            double mu = sum / n;
            for (int64_t p = 0; p < s.positions; p++)
                for (int64_t j = 0; j < k; j++) square += ((double)LOAD(x, at + p * s.channels + j) - mu) * ((double)LOAD(x, at + p * s.channels + j) - mu);
            double inv = 1 / sqrt(square / n + eps);
            for (int64_t p = 0; p < s.positions; p++)
                for (int64_t j = 0; j < k; j++) {
                    int64_t i = at + p * s.channels + j, ch = g * k + j;
                    STORE(y, i, ((double)LOAD(x, i) - mu) * inv * (double)gamma[ch] + (double)beta[ch]);
                }
            mean[m * s.groups + g] = (S)mu;
            rstd[m * s.groups + g] = (S)inv;
        }
}

/* dx; dgamma and dbeta of these rows are added to part[0 .. channels) and part[channels ..). */
static void FN(norm_bwd_rows)(const anl__call *c, const anl__run *r, int64_t from, int64_t to, double *part)
{
    anl__sets s = anl__sets_of(c);
    const T *x = r->in[0], *dy = r->in[4];
    const S *gamma = r->in[1], *mean = r->in[2], *rstd = r->in[3];
    T *dx = r->out[0];
    int64_t k = s.channels / s.groups, size = s.positions * s.channels;
    double n = (double)(s.positions * k);
    for (int64_t m = from; m < to; m++)
        for (int64_t g = 0; g < s.groups; g++) {
            const int64_t at = m * size + g * k;
            double mu = (double)mean[m * s.groups + g], inv = (double)rstd[m * s.groups + g], sum = 0, dot = 0;
            for (int64_t p = 0; p < s.positions; p++)
                for (int64_t j = 0; j < k; j++) {
                    int64_t i = at + p * s.channels + j, ch = g * k + j;
                    double hat = ((double)LOAD(x, i) - mu) * inv, d = (double)LOAD(dy, i);
                    part[ch] += d * hat;
                    part[s.channels + ch] += d;
                    sum += d * (double)gamma[ch];
                    dot += d * (double)gamma[ch] * hat;
                }
            for (int64_t p = 0; p < s.positions; p++)
                for (int64_t j = 0; j < k; j++) {
                    int64_t i = at + p * s.channels + j;
                    double hat = ((double)LOAD(x, i) - mu) * inv;
                    STORE(dx, i, inv * ((double)LOAD(dy, i) * (double)gamma[g * k + j] - sum / n - hat * dot / n));
                }
        }
}
