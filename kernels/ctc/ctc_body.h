/* Samples [from, to) of logits of type T; included by the reference and the cpu kernel, which define LOAD(p,
 * i), STORE(p, i, v), E with EXP (of a double) and LOG (of 1 to 3) in it, and FN(lse)(z, classes, &best):
 * the logarithm of the sum of exponentials, and the first of the largest.
 *
 * Everything is in logarithms, in double: alpha(t, s) is the probability of all beginnings of paths that are
 * in state s at step t, beta(t, s) of all ends behind it. Alpha has the emission of step t, beta has not, so
 * that nothing is divided. */

/* out = log(exp a + exp b + exp(c + skip)): ways from three neighbours. */
FAST static void FN(meet)(const double *a, const double *b, const double *c, const double *skip,
                          double *restrict out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double jump = c[i] + skip[i], top = a[i] > b[i] ? a[i] : b[i];
        top = jump > top ? jump : top;
        E sum = EXP(a[i] - top) + EXP(b[i] - top) + EXP(jump - top);
        out[i] = top + LOG(sum);
    }
}

static void FN(emissions)(const anl__ctc *k, const T *z, const anl__ctc_sample *s, const anl__ctc_room *room,
                          int64_t t)
{
    const T *row = z + t * k->samples * k->classes;
    for (int64_t i = 0; i < s->states; i++) { /* the blank is every other state */
        double e = i % 2 || i == 0 ? LOAD(row, room->state[i]) - room->lse[t] : room->emit[0];
        room->emit[i] = e < ANL__CTC_NEVER ? ANL__CTC_NEVER : e;
    }
}

/* Fills lse; true when the likeliest classes stand for the target. */
static bool FN(likeliest)(const anl__ctc *k, const T *z, const anl__ctc_sample *s, const anl__ctc_room *room)
{
    int64_t found = 0, before = -1;
    bool right = true;
    for (int64_t t = 0; t < s->steps; t++) {
        int64_t best;
        room->lse[t] = FN(lse)(z + t * k->samples * k->classes, k->classes, &best);
        if (best != before && best != k->blank) {
            if (found < s->labels && room->state[2 * found + 1] == best) found++;
            else right = false;
        }
        before = best;
    }
    return right && found == s->labels;
}

/* Fills alpha, `rows` (all steps, or 2) of them in turn; the target's log probability. */
static double FN(forwards)(const anl__ctc *k, const T *z, const anl__ctc_sample *s,
                           const anl__ctc_room *room, int64_t rows)
{
    int64_t cells = anl__ctc_cells(k);
    if (s->steps == 0) return s->labels ? ANL__CTC_NEVER : 0;
    for (int64_t i = 0; i < rows * cells; i++) room->alpha[i] = ANL__CTC_NEVER;
    FN(emissions)(k, z, s, room, 0);
    for (int64_t i = 0; i < s->states && i < 2; i++) room->alpha[2 + i] = room->emit[i];
    for (int64_t t = 1; t < s->steps; t++) {
        const double *a = room->alpha + (t - 1) % rows * cells + 2;
        double *to = room->alpha + t % rows * cells + 2;
        FN(emissions)(k, z, s, room, t);
        FN(meet)(a, a - 1, a - 2, room->skip, to, s->states);
        for (int64_t i = 0; i < s->states; i++) to[i] += room->emit[i];
    }
    const double *last = room->alpha + (s->steps - 1) % rows * cells + 2 + s->states;
    /* without labels last[-2] is before the first state */
    double top = last[-1] > last[-2] ? last[-1] : last[-2];
    return top + LOG(EXP(last[-1] - top) + EXP(last[-2] - top));
}

static void FN(forward)(const anl__ctc *k, const T *zs, int64_t from, int64_t to, double *work,
                        double out[ANL__CTC_SUMS])
{
    anl__ctc_room room;
    for (int i = 0; i < ANL__CTC_SUMS; i++) out[i] = 0;
    anl__ctc_lay(k, 2, work, &room);
    for (int64_t n = from; n < to; n++) {
        anl__ctc_sample s = anl__ctc_begin(k, n, &room);
        if (s.bad) {
            out[ANL__CTC_NUM] = NAN;
            continue;
        }
        const T *z = zs + n * k->classes;
        bool right = FN(likeliest)(k, z, &s, &room);
        double total = FN(forwards)(k, z, &s, &room, 2);
        bool never = total < ANL__CTC_NEVER / 2;
        out[ANL__CTC_IMPOSSIBLE] += never;
        if (never && !k->infinite) continue;
        out[ANL__CTC_NUM] += never ? INFINITY : -total;
        out[ANL__CTC_DEN] += 1;
        out[ANL__CTC_CORRECT] += right;
    }
}

/* One step of a sample's gradient, from row t of alpha and of beta. */
FAST static void FN(slope)(const anl__ctc *k, const T *z, T *dz, double dnum, double total, double lse,
                           const double *alpha, const double *beta,
                           const anl__ctc_sample *s, const anl__ctc_room *room)
{
    E *restrict row = (E *)room->row, *restrict with = (E *)room->with;
    for (int64_t j = 0; j < k->classes; j++) row[j] = EXP(LOAD(z, j) - lse);
    for (int64_t i = 0; i < s->states; i++) with[i] = EXP(alpha[i] + beta[i] - total);
    for (int64_t i = 0; i < s->states; i++) row[room->state[i]] -= with[i];
    for (int64_t j = 0; j < k->classes; j++) STORE(dz, j, (E)dnum * row[j]);
}

static void FN(backwards)(const anl__ctc *k, const T *z, T *dz, double dnum, double total,
                          const anl__ctc_sample *s, const anl__ctc_room *room)
{
    int64_t cells = anl__ctc_cells(k), step = k->samples * k->classes;
    double *beta = room->beta + 2, *ahead = room->beta + cells + 2;
    for (int64_t i = 0; i < 2 * cells; i++) room->beta[i] = ANL__CTC_NEVER;
    for (int64_t i = s->states - 1; i >= 0 && i >= s->states - 2; i--) beta[i] = 0;
    for (int64_t t = s->steps - 1; t >= 0; t--) {
        if (t + 1 < s->steps) {
            for (int64_t i = 0; i < s->states; i++) ahead[i] = beta[i] + room->emit[i]; /* of step t + 1 */
            FN(meet)(ahead, ahead + 1, ahead + 2, room->skip + 2, beta, s->states);
        }
        FN(slope)(k, z + t * step, dz + t * step, dnum, total, room->lse[t], room->alpha + t * cells + 2,
                  beta, s, room);
        FN(emissions)(k, z, s, room, t);
    }
}

static void FN(backward)(const anl__ctc *k, const T *zs, T *dzs, double dnum, int64_t from, int64_t to,
                         double *work)
{
    anl__ctc_room room;
    anl__ctc_lay(k, k->steps, work, &room);
    for (int64_t n = from; n < to; n++) {
        anl__ctc_sample s = anl__ctc_begin(k, n, &room);
        const T *z = zs + n * k->classes;
        T *dz = dzs + n * k->classes;
        double total = ANL__CTC_NEVER;
        if (!s.bad) {
            FN(likeliest)(k, z, &s, &room);
            total = FN(forwards)(k, z, &s, &room, k->steps);
        }
        bool never = total < ANL__CTC_NEVER / 2, unknown = never && !s.bad && k->infinite;
        if (!never) FN(backwards)(k, z, dz, dnum, total, &s, &room);
        for (int64_t t = never ? 0 : s.steps; t < k->steps; t++)
            for (int64_t j = 0; j < k->classes; j++)
                STORE(dz, t * k->samples * k->classes + j, unknown && t < s.steps ? NAN : 0.0);
    }
}
