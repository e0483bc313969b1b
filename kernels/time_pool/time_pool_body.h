/* Samples [from, to), type T, sums in A; included by the reference and the cpu kernel. Forward: x, lengths; backward: x, y, dy, lengths. */
enum { FN(LAST), FN(MEAN), FN(MAX) };

static int64_t FN(steps)(const anl__call *c, const int32_t *length, int64_t n)
{
    int64_t t = c->in[0].shape.dim[0], l = length ? length[n] : t;
    return l < 0 ? 0 : l < t ? l : t;
}

FAST static void FN(forward)(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    const T *x = r->in[0];
    const int32_t *length = c->n_in > 1 ? r->in[1] : NULL;
    T *y = r->out[0];
    int64_t samples = c->in[0].shape.dim[1], width = c->in[0].shape.dim[2], mode = anl__attr_int(c, "mode");
    for (int64_t n = from; n < to; n++) {
        int64_t l = FN(steps)(c, length, n);
        for (int64_t j = 0; j < width; j++) {
            A v = 0;
            if (mode == FN(LAST) && l) v = LOAD(x, ((l - 1) * samples + n) * width + j);
            for (int64_t t = 0; t < l && mode != FN(LAST); t++) {
                A e = LOAD(x, (t * samples + n) * width + j);
                if (mode == FN(MEAN)) v += e;
                else if (t == 0 || e > v) v = e;
            }
            STORE(y, n * width + j, mode == FN(MEAN) && l ? v / (A)l : v);
        }
    }
}

FAST static void FN(backward)(const anl__call *c, const anl__run *r, int64_t from, int64_t to)
{
    const T *x = r->in[0], *y = r->in[1], *dy = r->in[2];
    const int32_t *length = c->n_in > 3 ? r->in[3] : NULL;
    T *dx = r->out[0];
    int64_t steps = c->in[0].shape.dim[0], samples = c->in[0].shape.dim[1], width = c->in[0].shape.dim[2], mode = anl__attr_int(c, "mode");
    for (int64_t n = from; n < to; n++) {
        int64_t l = FN(steps)(c, length, n);
        for (int64_t j = 0; j < width; j++) {
            A d = LOAD(dy, n * width + j);
            bool given = false;
            for (int64_t t = 0; t < steps; t++) {
                int64_t at = (t * samples + n) * width + j;
                bool hit = t < l && (mode == FN(MEAN) || (mode == FN(LAST) ? t == l - 1 : !given && x[at] == y[n * width + j]));
                given |= hit;
                STORE(dx, at, !hit ? 0 : mode == FN(MEAN) ? d / (A)l : d);
            }
        }
    }
}
