/* Samples [from, to), type T, parameters P, sums in A; included by the reference and the cpu kernel, which define LOAD(p, i),
 * STORE(p, i, v), FN(weigh)(v, q, k, n) = sum v tanh(q + k), TANH and EXP. */
#define ANL__ROWS static inline __attribute__((always_inline))
#define AT(t, width) (((t) * a->samples + n) * (width))

/* y += w x */
ANL__ROWS void FN(add_row)(int64_t n, A w, const T *restrict x, A *restrict y)
{
    for (int64_t j = 0; j < n; j++) y[j] += w * LOAD(x, j);
}

/* A query's and a key's rows of width n, d the gradient of their score. */
ANL__ROWS void FN(score_row)(int64_t n, A d, const T *restrict q, const T *restrict key, const P *restrict v, A *restrict dq, A *restrict dk,
                             A *restrict dv)
{
    for (int64_t j = 0; j < n; j++) {
        A h = TANH(LOAD(q, j) + LOAD(key, j)), z = d * v[j] * (1 - h * h);
        dq[j] += z;
        dk[j] += z;
        dv[j] += d * h;
    }
}

FAST static void FN(forward)(const anl__additive *a, const anl__run *r, int64_t from, int64_t to, A *score)
{
    const T *qs = r->in[0], *ks = r->in[1], *ms = r->in[3];
    const P *v = r->in[2];
    T *ys = r->out[0], *ps = r->out[1];
    A *y = score + a->keys;
    for (int64_t n = from; n < to; n++)
        for (int64_t t = 0; t < a->queries; t++) {
            T *p = ps + (n * a->queries + t) * a->keys, *out = ys + AT(t, a->out);
            int64_t seen = anl__additive_seen(a, n);
            A most = 0, sum = 0;
            for (int64_t k = 0; k < seen; k++) {
                score[k] = FN(weigh)(v, qs + AT(t, a->width), ks + AT(k, a->width), a->width);
                if (k == 0 || score[k] > most) most = score[k];
            }
            for (int64_t k = 0; k < seen; k++) {
                score[k] = EXP(score[k] - most);
                sum += score[k];
            }
            for (int64_t j = 0; j < a->out; j++) y[j] = 0;
            for (int64_t k = 0; k < seen; k++) {
                A w = score[k] / sum;
                STORE(p, k, w);
                FN(add_row)(a->out, w, ms + AT(k, a->out), y);
            }
            for (int64_t k = seen; k < a->keys; k++) STORE(p, k, 0);
            for (int64_t j = 0; j < a->out; j++) STORE(out, j, y[j]);
        }
}

/* Adds these samples' part of dv to `dv`; room: keys + width + keys * (width + out) numbers. */
FAST static void FN(backward)(const anl__additive *a, const anl__run *r, int64_t from, int64_t to, A *dv, A *room)
{
    const T *qs = r->in[0], *ks = r->in[1], *ms = r->in[3], *ps = r->in[4], *dys = r->in[5];
    const P *v = r->in[2];
    T *dqs = r->out[0], *dks = r->out[1], *dms = r->out[3];
    A *ds = room, *dq = ds + a->keys, *dk = dq + a->width, *dm = dk + a->keys * a->width;
    for (int64_t n = from; n < to; n++) {
        memset(dk, 0, sizeof *dk * (size_t)(a->keys * (a->width + a->out)));
        for (int64_t t = 0; t < a->queries; t++) {
            const T *q = qs + AT(t, a->width), *dy = dys + AT(t, a->out), *p = ps + (n * a->queries + t) * a->keys;
            T *out = dqs + AT(t, a->width);
            int64_t seen = anl__additive_seen(a, n);
            A mean = 0;
            for (int64_t k = 0; k < seen; k++) {
                ds[k] = FN(dot)(dy, ms + AT(k, a->out), a->out);
                mean += LOAD(p, k) * ds[k];
            }
            for (int64_t j = 0; j < a->width; j++) dq[j] = 0;
            for (int64_t k = 0; k < seen; k++) {
                A w = LOAD(p, k);
                FN(score_row)(a->width, w * (ds[k] - mean), q, ks + AT(k, a->width), v, dq, dk + k * a->width, dv);
                FN(add_row)(a->out, w, dy, dm + k * a->out);
            }
            for (int64_t j = 0; j < a->width; j++) STORE(out, j, dq[j]);
        }
        for (int64_t k = 0; k < a->keys; k++) {
            T *ok = dks + AT(k, a->width), *om = dms + AT(k, a->out);
            for (int64_t j = 0; j < a->width; j++) STORE(ok, j, dk[k * a->width + j]);
            for (int64_t j = 0; j < a->out; j++) STORE(om, j, dm[k * a->out + j]);
        }
    }
}
#undef AT
#undef ANL__ROWS
