/* Average pooling of a sample, element type T; included by the reference and the cpu kernel. LOAD(p, i), STORE(p, i, v). */
static void FN(avg_sample)(const anl__call *c, const T *x, T *y, int64_t n)
{
    anl__window g;
    anl__window_fwd(c, &g);
    bool all = anl__attr_int(c, "count_include_pad");
    for (int64_t i = 0; i < g.oh; i++)
        for (int64_t j = 0; j < g.ow; j++)
            for (int64_t ch = 0; ch < g.c; ch++) {
                double sum = 0;
                int64_t count = 0;
                for (int64_t p = 0; p < g.kh; p++)
                    for (int64_t q = 0; q < g.kw; q++) {
                        int64_t yy = i * g.sh + p - g.pad[0], xx = j * g.sw + q - g.pad[1];
                        if (yy < 0 || yy >= g.h || xx < 0 || xx >= g.w) continue;
                        sum += (double)LOAD(x, ((n * g.h + yy) * g.w + xx) * g.c + ch);
                        count++;
                    }
                STORE(y, ((n * g.oh + i) * g.ow + j) * g.c + ch, sum / (double)(all || !count ? g.kh * g.kw : count));
            }
}

static void FN(avg_bwd_sample)(const anl__call *c, const T *dy, T *dx, int64_t n)
{
    anl__window g;
    anl__window_bwd(c, &g);
    bool all = anl__attr_int(c, "count_include_pad");
    for (int64_t y = 0; y < g.h; y++)
        for (int64_t x = 0; x < g.w; x++)
            for (int64_t ch = 0; ch < g.c; ch++) {
                double sum = 0;
                for (int64_t p = 0; p < g.kh; p++)
                    for (int64_t q = 0; q < g.kw; q++) { /* windows that hold (y, x) at cell (p, q) */
                        int64_t i = y + g.pad[0] - p, j = x + g.pad[1] - q;
                        if (i < 0 || j < 0 || i % g.sh || j % g.sw || i / g.sh >= g.oh || j / g.sw >= g.ow) continue;
                        int64_t top = i - g.pad[0], left = j - g.pad[1];
                        int64_t rows = (top + g.kh < g.h ? top + g.kh : g.h) - (top > 0 ? top : 0), cols = (left + g.kw < g.w ? left + g.kw : g.w) - (left > 0 ? left : 0);
                        sum += (double)LOAD(dy, ((n * g.oh + i / g.sh) * g.ow + j / g.sw) * g.c + ch) / (double)(all ? g.kh * g.kw : rows * cols);
                    }
                STORE(dx, ((n * g.h + y) * g.w + x) * g.c + ch, sum);
            }
}

static void FN(global_sample)(const anl__call *c, const T *x, T *y, int64_t n)
{
    int64_t hw = c->in[0].shape.dim[1] * c->in[0].shape.dim[2], k = c->in[0].shape.dim[3];
    for (int64_t ch = 0; ch < k; ch++) {
        double sum = 0;
        for (int64_t i = 0; i < hw; i++) sum += (double)LOAD(x, (n * hw + i) * k + ch);
        STORE(y, n * k + ch, sum / (double)hw);
    }
}

static void FN(global_bwd_sample)(const anl__call *c, const T *dy, T *dx, int64_t n)
{
    int64_t hw = c->out[0].shape.dim[1] * c->out[0].shape.dim[2], k = c->out[0].shape.dim[3];
    for (int64_t i = 0; i < hw; i++)
        for (int64_t ch = 0; ch < k; ch++) STORE(dx, (n * hw + i) * k + ch, (double)LOAD(dy, n * k + ch) / (double)hw);
}
