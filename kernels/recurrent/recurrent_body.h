/* Sequences [from, to), one after the other, step by step; activations T (LOAD, STORE), weights and reserve S, sums in double.
 * Included by the reference and the plain cpu kernel. Formulas: recurrent.c. */

static double FN(logistic)(double v) { return v < 0 ? exp(v) / (1 + exp(v)) : 1 / (1 + exp(-v)); }

/* out[j] = b[j] + sum_k w[j, k] v[k], j in [0, rows) */
static void FN(product)(int64_t rows, int64_t n, const S *w, const S *b, const double *v, double *out)
{
    for (int64_t j = 0; j < rows; j++) {
        double sum = b ? (double)b[j] : 0;
        for (int64_t k = 0; k < n; k++) sum += (double)w[j * n + k] * v[k];
        out[j] = sum;
    }
}

/* v[k] += sum_j d[j] w[j, k] */
static void FN(product_back)(int64_t rows, int64_t n, const S *w, const double *d, double *v)
{
    for (int64_t j = 0; j < rows; j++)
        for (int64_t k = 0; k < n; k++) v[k] += d[j] * (double)w[j * n + k];
}

/* One step of one sequence: a, b hold W x + b_ih and (all but n of a gru whose reset comes before) U h + b_hh; h, c are moved; rs:
   this step's reserve or NULL. space: H doubles. */
static void FN(cell_step)(const anl__recurrence *k, const S *w_hh, const S *b_hh, const double *a, double *b, double *h, double *c, S *rs,
                          double *space)
{
    int64_t H = k->units;
    if (k->cell == ANL__GRU && k->before) {
        for (int64_t j = 0; j < H; j++) space[j] = FN(logistic)(a[j] + b[j]) * h[j];
        FN(product)(H, H, w_hh + 2 * H * H, b_hh ? b_hh + 2 * H : NULL, space, b + 2 * H);
    }
    for (int64_t j = 0; j < H; j++) {
        double u[5];
        int keep = (int)k->kept;
        if (k->cell == ANL__LSTM) {
            u[0] = FN(logistic)(a[j] + b[j]);
            u[1] = FN(logistic)(a[H + j] + b[H + j]);
            u[2] = tanh(a[2 * H + j] + b[2 * H + j]);
            u[3] = FN(logistic)(a[3 * H + j] + b[3 * H + j]);
            u[4] = c[j] = u[1] * c[j] + u[0] * u[2];
            h[j] = u[3] * tanh(c[j]);
        } else if (k->cell == ANL__GRU) {
            u[0] = FN(logistic)(a[j] + b[j]);
            u[1] = FN(logistic)(a[H + j] + b[H + j]);
            u[2] = tanh(a[2 * H + j] + (k->before ? 1 : u[0]) * b[2 * H + j]);
            u[3] = k->before ? u[0] * h[j] : b[2 * H + j];
            h[j] = (1 - u[1]) * u[2] + u[1] * h[j];
        } else {
            double v = a[j] + b[j];
            h[j] = k->cell == ANL__RNN_TANH ? tanh(v) : v < 0 ? 0 : v;
        }
        for (int q = 0; rs && q < keep; q++) rs[q * H + j] = (S)u[q];
    }
}

static void FN(sequences)(const anl__call *c, const anl__run *r, int64_t from, int64_t to, double *space)
{
    anl__recurrence k = anl__recurrence_of(c);
    int64_t H = k.units, GH = k.gates * H, all = k.batch * H;
    const T *x = r->in[ANL__REC_X], *h0 = anl__has_in(c, ANL__REC_H0) ? r->in[ANL__REC_H0] : NULL, *c0 = anl__has_in(c, ANL__REC_C0) ? r->in[ANL__REC_C0] : NULL;
    const S *w_ih = r->in[ANL__REC_W_IH], *w_hh = r->in[ANL__REC_W_HH], *b_ih = anl__has_in(c, ANL__REC_B_IH) ? r->in[ANL__REC_B_IH] : NULL,
            *b_hh = anl__has_in(c, ANL__REC_B_HH) ? r->in[ANL__REC_B_HH] : NULL;
    const int32_t *lengths = anl__has_in(c, ANL__REC_LENGTHS) ? r->in[ANL__REC_LENGTHS] : NULL;
    T *y = r->out[0], *hn = r->out[1], *cn = k.cell == ANL__LSTM ? r->out[2] : NULL;
    S *reserve = anl__recurrent_reserve(c) >= 0 ? r->out[anl__recurrent_reserve(c)] : NULL;
    double *a = space, *b = a + GH, *h = b + GH, *cell = h + H, *more = cell + H, *in = more + H;
    for (int64_t n = from; n < to; n++) {
        int64_t len = anl__sequence_length(&k, lengths, n);
        for (int64_t j = 0; j < H; j++) {
            h[j] = h0 ? (double)LOAD(h0, n * H + j) : 0;
            cell[j] = c0 ? (double)LOAD(c0, n * H + j) : 0;
        }
        for (int64_t s = 0; s < len; s++) {
            int64_t t = anl__sequence_time(&k, len, s), row = t * k.batch + n;
            for (int64_t i = 0; i < k.inputs; i++) in[i] = (double)LOAD(x, row * k.inputs + i);
            FN(product)(GH, k.inputs, w_ih, b_ih, in, a);
            FN(product)(GH, H, w_hh, b_hh, h, b);
            FN(cell_step)(&k, w_hh, b_hh, a, b, h, cell, reserve ? reserve + row * k.kept * H : NULL, more);
            for (int64_t j = 0; j < H; j++) {
                STORE(y, row * H + j, h[j]);
                h[j] = (double)LOAD(y, row * H + j); /* what the next step and the gradient see */
            }
        }
        for (int64_t t = len; t < k.steps; t++) {
            for (int64_t j = 0; j < H; j++) STORE(y, t * all + n * H + j, 0);
            for (int64_t j = 0; reserve && j < k.kept * H; j++) reserve[(t * k.batch + n) * k.kept * H + j] = 0;
        }
        for (int64_t j = 0; j < H; j++) {
            STORE(hn, n * H + j, h[j]);
            if (cn) STORE(cn, n * H + j, cell[j]);
        }
    }
}

/* Gradients of a step's pre-activations: a for W x + b_ih, b for U h + b_hh (the same but for a gru's n). dh, dc: those of the state
   after the step; they become what flows around the product to the state before. u: the reserve's row; hp, cp: that state; y: after. */
static void FN(cell_back)(const anl__recurrence *k, const S *w_hh, const S *u, const double *hp, const double *cp, const double *y, double *dh,
                          double *dc, double *a, double *b, double *space)
{
    int64_t H = k->units;
    for (int64_t j = 0; j < H; j++) {
        if (k->cell == ANL__LSTM) {
            double i = (double)u[j], f = (double)u[H + j], g = (double)u[2 * H + j], o = (double)u[3 * H + j], tc = tanh((double)u[4 * H + j]);
            double d = dc[j] + dh[j] * o * (1 - tc * tc);
            a[j] = d * g * i * (1 - i);
            a[H + j] = d * cp[j] * f * (1 - f);
            a[2 * H + j] = d * i * (1 - g * g);
            a[3 * H + j] = dh[j] * tc * o * (1 - o);
            dc[j] = d * f;
            dh[j] = 0;
        } else if (k->cell == ANL__GRU) {
            double r = (double)u[j], z = (double)u[H + j], n = (double)u[2 * H + j], dn = dh[j] * (1 - z) * (1 - n * n);
            a[j] = k->before ? 0 : dn * (double)u[3 * H + j] * r * (1 - r);
            a[H + j] = dh[j] * (hp[j] - n) * z * (1 - z);
            a[2 * H + j] = dn;
            dh[j] *= z;
        } else {
            a[j] = dh[j] * (k->cell == ANL__RNN_TANH ? 1 - y[j] * y[j] : y[j] > 0 ? 1 : 0);
            dh[j] = 0;
        }
    }
    if (k->cell == ANL__GRU && k->before) { /* r is reached through the product of r h */
        for (int64_t j = 0; j < H; j++) space[j] = 0;
        FN(product_back)(H, H, w_hh + 2 * H * H, a + 2 * H, space);
        for (int64_t j = 0; j < H; j++) {
            double r = (double)u[j];
            a[j] = space[j] * hp[j] * r * (1 - r);
            dh[j] += space[j] * r;
        }
    }
    for (int64_t j = 0; j < k->gates * H; j++) b[j] = a[j];
    if (k->cell == ANL__GRU && !k->before)
        for (int64_t j = 0; j < H; j++) b[2 * H + j] = a[2 * H + j] * (double)u[j];
    FN(product_back)(k->before ? 2 * H : k->gates * H, H, w_hh, b, dh);
}

/* dx, dh0, dc0 of these sequences; the weights' gradients are added to `sums`. */
static void FN(sequences_back)(const anl__call *c, const anl__run *r, int64_t from, int64_t to, double *space, double *sums)
{
    anl__recurrence k = anl__recurrence_of(c);
    int64_t H = k.units, GH = k.gates * H;
    const T *x = r->in[ANL__REC_X], *y = r->in[ANL__REC_BWD_Y];
    const S *w_ih = r->in[ANL__REC_W_IH], *w_hh = r->in[ANL__REC_W_HH];
    const T *in[5] = {0}; /* h0, c0, dy, dhn, dcn */
    static const int at[5] = {ANL__REC_BWD_H0, ANL__REC_BWD_C0, ANL__REC_BWD_DY, ANL__REC_BWD_DHN, ANL__REC_BWD_DCN};
    for (int i = 0; i < 5; i++)
        if (anl__has_in(c, at[i])) in[i] = r->in[at[i]];
    const int32_t *lengths = anl__has_in(c, ANL__REC_BWD_LENGTHS) ? r->in[ANL__REC_BWD_LENGTHS] : NULL;
    const S *reserve = k.kept ? r->in[ANL__REC_BWD_RESERVE] : NULL;
    T *out[ANL__REC_GRADS];
    for (int i = 0; i < ANL__REC_GRADS; i++) out[i] = anl__recurrent_grad(c, i) >= 0 ? r->out[anl__recurrent_grad(c, i)] : NULL;
    T *dx = out[ANL__REC_DX];
    double *a = space, *b = a + GH, *hp = b + GH, *cp = hp + H, *now = cp + H, *dh = now + H, *dc = dh + H, *more = dc + H, *dxs = more + H;
    double *dw_ih = sums, *dw_hh = dw_ih + GH * k.inputs, *db_ih = dw_hh + GH * H, *db_hh = db_ih + GH;
    for (int64_t n = from; n < to; n++) {
        int64_t len = anl__sequence_length(&k, lengths, n);
        for (int64_t j = 0; j < H; j++) {
            dh[j] = in[3] ? (double)LOAD(in[3], n * H + j) : 0;
            dc[j] = in[4] ? (double)LOAD(in[4], n * H + j) : 0;
        }
        for (int64_t s = len - 1; s >= 0; s--) {
            int64_t row = anl__sequence_time(&k, len, s) * k.batch + n, last = s ? anl__sequence_time(&k, len, s - 1) * k.batch + n : 0;
            const S *u = reserve ? reserve + row * k.kept * H : NULL;
            for (int64_t j = 0; j < H; j++) {
                now[j] = (double)LOAD(y, row * H + j);
                hp[j] = s ? (double)LOAD(y, last * H + j) : in[0] ? (double)LOAD(in[0], n * H + j) : 0;
                cp[j] = 0;
                if (k.cell == ANL__LSTM) cp[j] = s ? (double)reserve[last * k.kept * H + 4 * H + j] : in[1] ? (double)LOAD(in[1], n * H + j) : 0;
                if (in[2]) dh[j] += (double)LOAD(in[2], row * H + j);
            }
            FN(cell_back)(&k, w_hh, u, hp, cp, now, dh, dc, a, b, more);
            for (int64_t j = 0; j < GH; j++) {
                bool reset = k.before && j >= 2 * H;
                db_ih[j] += a[j];
                db_hh[j] += b[j];
                for (int64_t i = 0; i < k.inputs; i++) dw_ih[j * k.inputs + i] += a[j] * (double)LOAD(x, row * k.inputs + i);
                for (int64_t i = 0; i < H; i++) dw_hh[j * H + i] += b[j] * (reset ? (double)u[3 * H + i] : hp[i]);
            }
            for (int64_t i = 0; i < k.inputs; i++) dxs[i] = 0;
            FN(product_back)(GH, k.inputs, w_ih, a, dxs);
            for (int64_t i = 0; dx && i < k.inputs; i++) STORE(dx, row * k.inputs + i, dxs[i]);
        }
        for (int64_t t = len; t < k.steps; t++)
            for (int64_t i = 0; dx && i < k.inputs; i++) STORE(dx, (t * k.batch + n) * k.inputs + i, 0);
        for (int64_t j = 0; j < H; j++) {
            if (out[ANL__REC_DH0]) STORE(out[ANL__REC_DH0], n * H + j, dh[j]);
            if (out[ANL__REC_DC0]) STORE(out[ANL__REC_DC0], n * H + j, dc[j]);
        }
    }
}

/* The sums to their places. */
static void FN(store_sums)(const anl__call *c, const anl__run *r, const double *sums)
{
    anl__recurrence k = anl__recurrence_of(c);
    const int64_t n[4] = {k.gates * k.units * k.inputs, k.gates * k.units * k.units, k.gates * k.units, k.gates * k.units};
    for (int i = 0; i < 4; sums += n[i++]) {
        int j = anl__recurrent_grad(c, ANL__REC_DW_IH + i);
        for (int64_t q = 0; j >= 0 && q < n[i]; q++) ((S *)r->out[j])[q] = (S)sums[q];
    }
}
