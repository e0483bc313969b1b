/* Samples [from, to), type T, sums in A; included by the reference and the cpu kernel, which define LOAD(p, i), STORE(p, i, v),
 * FN(dot)(a, b, n) and EXP. */

/* Rows of heads: query or key t of sample n, head h. */
#define AT(t, width) ((((t) * a->samples + n) * a->heads + h) * (width))

FAST static void FN(forward)(const anl__attend *a, const anl__run *r, int64_t from, int64_t to, A *score)
{
    const T *qs = r->in[0], *ks = r->in[1], *vs = r->in[2];
    T *ys = r->out[0], *ps = r->out[1];
    A *y = score + a->keys;
    for (int64_t n = from; n < to; n++)
        for (int64_t h = 0; h < a->heads; h++)
            for (int64_t t = 0; t < a->queries; t++) {
                const T *q = qs + AT(t, a->width);
                T *p = ps + ((n * a->heads + h) * a->queries + t) * a->keys;
                int64_t seen = anl__attend_seen(a, n, t);
                A most = 0, sum = 0;
                for (int64_t k = 0; k < seen; k++) {
                    score[k] = (A)a->scale * FN(dot)(q, ks + AT(k, a->width), a->width);
                    if (k == 0 || score[k] > most) most = score[k];
                }
                for (int64_t k = 0; k < seen; k++) {
                    score[k] = EXP(score[k] - most);
                    sum += score[k];
                }
                for (int64_t j = 0; j < a->out; j++) y[j] = 0;
                for (int64_t k = 0; k < seen; k++) {
                    A w = score[k] / sum;
                    const T *v = vs + AT(k, a->out);
                    STORE(p, k, w);
                    for (int64_t j = 0; j < a->out; j++) y[j] += w * LOAD(v, j);
                }
                for (int64_t k = seen; k < a->keys; k++) STORE(p, k, 0);
                T *out = ys + AT(t, a->out);
                for (int64_t j = 0; j < a->out; j++) STORE(out, j, y[j]);
            }
}

/* room: keys + width + keys * (width + out) numbers. */
FAST static void FN(backward)(const anl__attend *a, const anl__run *r, int64_t from, int64_t to, A *room)
{
    const T *qs = r->in[0], *ks = r->in[1], *vs = r->in[2], *ps = r->in[3], *dys = r->in[4];
    T *dqs = r->out[0], *dks = r->out[1], *dvs = r->out[2];
    A *ds = room, *dq = ds + a->keys, *dk = dq + a->width, *dv = dk + a->keys * a->width;
    for (int64_t n = from; n < to; n++)
        for (int64_t h = 0; h < a->heads; h++) {
            memset(dk, 0, sizeof *dk * (size_t)(a->keys * (a->width + a->out)));
            for (int64_t t = 0; t < a->queries; t++) {
                const T *q = qs + AT(t, a->width), *dy = dys + AT(t, a->out), *p = ps + ((n * a->heads + h) * a->queries + t) * a->keys;
                int64_t seen = anl__attend_seen(a, n, t);
                A mean = 0;
                for (int64_t k = 0; k < seen; k++) {
                    ds[k] = FN(dot)(dy, vs + AT(k, a->out), a->out);
                    mean += LOAD(p, k) * ds[k];
                }
                for (int64_t j = 0; j < a->width; j++) dq[j] = 0;
                for (int64_t k = 0; k < seen; k++) {
                    A w = LOAD(p, k), d = (A)a->scale * w * (ds[k] - mean), *dkk = dk + k * a->width, *dvk = dv + k * a->out;
                    const T *key = ks + AT(k, a->width);
                    for (int64_t j = 0; j < a->width; j++) dq[j] += d * LOAD(key, j);
                    for (int64_t j = 0; j < a->width; j++) dkk[j] += d * LOAD(q, j);
                    for (int64_t j = 0; j < a->out; j++) dvk[j] += w * LOAD(dy, j);
                }
                T *out = dqs + AT(t, a->width);
                for (int64_t j = 0; j < a->width; j++) STORE(out, j, dq[j]);
            }
            for (int64_t k = 0; k < a->keys; k++) {
                T *ok = dks + AT(k, a->width), *ov = dvs + AT(k, a->out);
                for (int64_t j = 0; j < a->width; j++) STORE(ok, j, dk[k * a->width + j]);
                for (int64_t j = 0; j < a->out; j++) STORE(ov, j, dv[k * a->out + j]);
            }
        }
}
#undef AT
