/* Tree-structured Parzen estimator (Bergstra et al. 2011), multivariate and grouped, with the control
 * parameters that Watanabe (2023, arXiv 2304.11127) recommends: the results are split into the best
 * ceil(n/10), at most 25, and the others; a mixture of one kernel a result is laid over each; of 24 draws
 * from the first the one with the highest density ratio is proposed.
 *
 * Axes with the same conditions are one group and are drawn together, groups in order, so that a parent's
 * value is known before its children's. A group's mixtures hold the results in which it was active. All is
 * done in the unit cube. Kernels are products over the axes of: a normal, truncated to [0, 1], as wide as the
 * farther of its two neighbours on that axis (the outermost: the inner one), but at least 1/(n+2) or 1/100
 * ("magic clipping"); on a discrete axis the mass of that over the value's cell; on choices the result's own
 * choice plus a share of all. One wide kernel in the middle is the prior. Later results weigh more beyond 25.
 * Running trials count among the others: a worker keeps away from them.
 */
#include "sampler_inside.h"

#include <math.h>
#include <string.h>

enum { CELLS = 256, FULL_WEIGHT = 25 };
static const double LOG_SQRT_2PI = 0.9189385332046727;

typedef enum kernel { KERNEL_NORMAL, KERNEL_CELL, KERNEL_CHOICE } kernel;

typedef struct mixture {
    int d;     /* axes of the group */
    int64_t n; /* kernels; the last is the prior */
    kernel kind[SPACE_MAX_AXES];
    double levels[SPACE_MAX_AXES];
    double *at;       /* d x n: place in [0, 1]; a choice */
    double *width;    /* d x n: 1 / sigma; choices: two log masses, of the own and of another */
    double *base;     /* n: log of weight and of what does not depend on the point */
    double *weight;   /* n, adding up to 1 */
    double *sum;      /* n, scratch */
    uint64_t *sorted; /* d x n: kernels by place, in the low bits; and n more, scratch */
} mixture;

static double normal_cdf(double x) { return 0.5 * erfc(-x * 0.7071067811865476); }

/* Log of the mass that a normal has within [a, b]; width is 1 / sigma. */
static double log_mass(double mean, double width, double a, double b)
{
    double lo = (a - mean) * width, hi = (b - mean) * width;
    if (lo < -9 && hi > 9) return 0;
    if (lo > 0) { /* the lower tail has the digits */
        double swap = -lo;
        lo = -hi;
        hi = swap;
    }
    return log(fmax(normal_cdf(hi) - normal_cdf(lo), 1e-300));
}

/* Where a value lies on its axis: in [0, 1], or the choice. */
static double place(const space *s, int axis, kernel kind, double value)
{
    return kind == KERNEL_CHOICE ? value : space_to_unit(s, axis, value);
}

static kernel kernel_of(const space *s, int axis)
{
    const space_axis *a = space_axis_at(s, axis);
    int64_t levels = space_levels(s, axis);
    return a->kind == SPACE_CHOICE                ? KERNEL_CHOICE
           : levels && levels <= CELLS && !a->log ? KERNEL_CELL
                                                  : KERNEL_NORMAL;
}

enum {
    INDEX_BITS = 24,
    PLACE_BITS = 39,
    DIGIT_BITS = 10,
    DIGITS = 4,
    FEW = 64
}; /* of a sorted key: the index, below the place */
static int64_t index_of(uint64_t key) { return (int64_t)(key & ((1u << INDEX_BITS) - 1)); }
static uint32_t digit(uint64_t key, int d)
{
    return (uint32_t)(key >> (INDEX_BITS + d * DIGIT_BITS)) & ((1u << DIGIT_BITS) - 1);
}

static void insertion_sort(uint64_t *keys, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        int64_t k = i;
        for (; k > 0 && keys[k - 1] > key; k--) keys[k] = keys[k - 1];
        keys[k] = key;
    }
}

/* By place, equal places by index, which is how they come: by digits, the last one first. scratch has room
 * for n, too. */
static void sort_keys(uint64_t *keys, uint64_t *scratch, int64_t n)
{
    if (n <= FEW) {
        insertion_sort(keys, n);
        return;
    }
    uint32_t count[DIGITS][1 << DIGIT_BITS] = {{0}};
    uint64_t *from = keys, *to = scratch;
    for (int64_t k = 0; k < n; k++)
        for (int d = 0; d < DIGITS; d++) count[d][digit(keys[k], d)]++;
    for (int d = 0; d < DIGITS; d++) {
        uint32_t *place = count[d], sum = 0;
        if (place[digit(from[0], d)] == n) continue; /* all have this digit */
        for (int v = 0; v < 1 << DIGIT_BITS; v++) {
            uint32_t here = place[v];
            place[v] = sum;
            sum += here;
        }
        for (int64_t k = 0; k < n; k++) to[place[digit(from[k], d)]++] = from[k];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys) memcpy(keys, from, sizeof *keys * (size_t)n);
}

/* The kernels of a numeric axis by place, and the width of each. */
static void widths(mixture *m, int j)
{
    int64_t n = m->n - 1;
    double *at = m->at + j * m->n, *width = m->width + j * m->n, least = 1 / fmin(100, (double)n + 2);
    uint64_t *sorted = m->sorted + j * m->n;
    for (int64_t k = 0; k < n; k++)
        sorted[k] = (uint64_t)(at[k] * (double)(1ll << PLACE_BITS)) << INDEX_BITS | (uint64_t)k;
    sort_keys(sorted, m->sorted + m->d * m->n, n);
    for (int64_t p = 0; p < n; p++) {
        double here = at[index_of(sorted[p])];
        double left = p ? here - at[index_of(sorted[p - 1])] : n > 1 ? 0 : here;
        double right = p < n - 1 ? at[index_of(sorted[p + 1])] - here : n > 1 ? 0 : 1 - here;
        double sigma = fmax(fabs(left), fabs(right));
        width[index_of(sorted[p])] = 1 / (sigma < least ? least : sigma > 1 ? 1 : sigma);
    }
    at[n] = 0.5;
    width[n] = 1;
}

static void weigh(mixture *m)
{
    int64_t n = m->n - 1, ramp = n - FULL_WEIGHT;
    double total = 0;
    for (int64_t k = 0; k < m->n; k++) {
        double low = 1.0 / (double)(n > 0 ? n : 1);
        m->weight[k] = k >= ramp || k == n ? 1
                       : ramp > 1          ? low + (1 - low) * (double)k / (double)(ramp - 1)
                                           : low;
        total += m->weight[k];
    }
    for (int64_t k = 0; k < m->n; k++) {
        m->weight[k] /= total;
        m->base[k] = log(m->weight[k]);
    }
}

/* The constants of one axis, once its places are known. */
static void prepare_axis(mixture *m, int j)
{
    double *at = m->at + j * m->n, *width = m->width + j * m->n, last = 0, log_last = 0;
    int64_t n = m->n - 1;
    if (m->kind[j] == KERNEL_CHOICE) {
        double share = 1.0 / (double)m->n, all = 1 + share * m->levels[j];
        width[0] = log((1 + share) / all);
        if (m->n > 1) width[1] = log(share / all);
        at[n] = -1;
        return;
    }
    widths(m, j);
    for (int64_t k = 0; k <= n; k++) {
        m->base[k] -= log_mass(at[k], width[k], 0, 1);
        if (m->kind[j] == KERNEL_CELL) continue;               /* masses need no density */
        if (width[k] != last) log_last = log(last = width[k]); /* most are the widest */
        m->base[k] += log_last - LOG_SQRT_2PI;
    }
}

/* Lays a kernel over each of the chosen results (in order of number), and the prior. */
static anl_status mixture_init(mixture *m, anl_ctx *ctx, const space *s, const int *axis, int d,
                               const trial_result *seen, const int64_t *chosen, int64_t n)
{
    size_t count = (size_t)n + 1;
    double *block = anl__calloc(ctx, (2 * (size_t)d + 3) * count + ((size_t)d + 1) * count, sizeof *block);
    if (!block) return ANL_NOMEM;
    *m = (mixture){.d = d, .n = n + 1, .at = block};
    m->width = m->at + (size_t)d * count;
    m->base = m->width + (size_t)d * count;
    m->weight = m->base + count;
    m->sum = m->weight + count;
    m->sorted = (uint64_t *)(m->sum + count);
    weigh(m);
    for (int j = 0; j < d; j++) {
        m->kind[j] = kernel_of(s, axis[j]);
        m->levels[j] = (double)space_levels(s, axis[j]);
        for (int64_t k = 0; k < n; k++)
            m->at[j * m->n + k] = place(s, axis[j], m->kind[j], seen[chosen[k]].values[axis[j]]);
        prepare_axis(m, j);
    }
    return ANL_OK;
}

static double draw_axis(const mixture *m, int j, int64_t k, draws *r)
{
    double at = m->at[j * m->n + k], levels = m->levels[j], v;
    if (m->kind[j] == KERNEL_CHOICE) {
        double u = draws_unit(r), own;
        if (at < 0) return floor(u * levels);
        own = exp(m->width[j * m->n]);
        if (u < own || levels < 2) return at;
        v = floor((u - own) / (1 - own) * (levels - 1));
        v = v > levels - 2 ? levels - 2 : v;
        return v < at ? v : v + 1;
    }
    v = draws_truncated(r, at, 1 / m->width[j * m->n + k], 0, 1);
    return m->kind[j] == KERNEL_CELL ? (fmin(floor(v * levels), levels - 1) + 0.5) / levels : v;
}

static void mixture_draw(const mixture *m, draws *r, double *x)
{
    double u = draws_unit(r);
    int64_t k = 0;
    for (; k < m->n - 1 && u >= m->weight[k]; k++) u -= m->weight[k];
    for (int j = 0; j < m->d; j++) x[j] = draw_axis(m, j, k, r);
}

/* Adds the log masses of one discrete axis. Many kernels are equal there, and neighbours when sorted. */
static void add_cells(mixture *m, int j, double x)
{
    const double *at = m->at + j * m->n, *width = m->width + j * m->n, half = 0.5 / m->levels[j];
    const uint64_t *sorted = m->sorted + j * m->n;
    double last_at = -1, last_width = 0, mass = 0;
    for (int64_t p = 0; p < m->n; p++) {
        int64_t k = p < m->n - 1 ? index_of(sorted[p]) : p;
        if (at[k] != last_at || width[k] != last_width)
            mass = log_mass(last_at = at[k], last_width = width[k], x - half, x + half);
        m->sum[k] += mass;
    }
}

/* Log density at x. */
static double mixture_log(mixture *m, const double *x)
{
    int64_t n = m->n;
    double *sum = m->sum, most, total = 0;
    memcpy(sum, m->base, sizeof *sum * (size_t)n);
    for (int j = 0; j < m->d; j++) {
        const double *at = m->at + j * n, *width = m->width + j * n, v = x[j];
        if (m->kind[j] == KERNEL_NORMAL) {
            for (int64_t k = 0; k < n; k++) {
                double z = (v - at[k]) * width[k];
                sum[k] -= 0.5 * z * z;
            }
        } else if (m->kind[j] == KERNEL_CELL) {
            add_cells(m, j, v);
        } else {
            for (int64_t k = 0; k < n - 1; k++) sum[k] += width[at[k] != v];
            sum[n - 1] -= log(m->levels[j]);
        }
    }
    most = sum[0];
    for (int64_t k = 1; k < n; k++) most = sum[k] > most ? sum[k] : most;
    for (int64_t k = 0; k < n; k++)
        if (sum[k] > most - 30) total += exp(sum[k] - most);
    return most + log(total);
}

static double value_of(const space *s, int axis, kernel kind, double x)
{
    return kind == KERNEL_CHOICE ? x : space_from_unit(s, axis, x);
}

/* Draws the axes of one group, given the results split into good and others, both in order of number. */
static anl_status draw_group(anl_ctx *ctx, const sampler_task *t, draws *r, const int *axis, int d,
                             const trial_result *seen, const int64_t *good, int64_t n_good,
                             const int64_t *others, int64_t n_others, double *out)
{
    mixture below = {0}, above = {0};
    double x[SPACE_MAX_AXES], most = -INFINITY;
    anl_status st = mixture_init(&below, ctx, t->space, axis, d, seen, good, n_good);
    if (st == ANL_OK) st = mixture_init(&above, ctx, t->space, axis, d, seen, others, n_others);
    if (st != ANL_OK) goto done;
    for (int c = 0; c < t->options.candidates; c++) {
        double score;
        mixture_draw(&below, r, x);
        for (int j = 0; j < d; j++) /* log scales of integers: only whole values can be proposed */
            if (below.kind[j] == KERNEL_NORMAL && below.levels[j] > 0)
                x[j] = space_to_unit(t->space, axis[j], space_from_unit(t->space, axis[j], x[j]));
        score = mixture_log(&below, x) - mixture_log(&above, x);
        if (c && !(score > most)) continue;
        most = score;
        for (int j = 0; j < d; j++) out[axis[j]] = value_of(t->space, axis[j], below.kind[j], x[j]);
    }
done:
    anl__free(ctx, below.at);
    anl__free(ctx, above.at);
    return st;
}

/* Marks the good results and counts what is known; false: too little to model. */
static anl_status split(anl_ctx *ctx, const sampler_task *t, const trial_result *seen, int64_t n, bool *good,
                        bool *enough)
{
    int64_t *order = anl__calloc(ctx, (size_t)n, sizeof *order), known = 0, best;
    anl_status st = ANL_NOMEM;
    if (!order) goto done;
    for (int64_t i = 0; i < n; i++) known += sampler_class(t, &seen[i]) < CLASS_FAILED;
    ANL_GO(sampler_best(ctx, t, seen, n, known > 250 ? 25 : (known + 9) / 10, order, &best));
    for (int64_t i = 0; i < best; i++) good[order[i]] = true;
    *enough = known >= t->options.startup;
done:
    anl__free(ctx, order);
    return st;
}

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    const space *s = t->space;
    int64_t *side = anl__calloc(ctx, (size_t)n * 2, sizeof *side), *good = side, *others = side + n;
    bool *is_good = anl__calloc(ctx, (size_t)n, sizeof *is_good), enough = false;
    draws r = draws_for(t->seed, number, "tpe");
    anl_status st = ANL_NOMEM;
    if (!side || !is_good) goto done;
    ANL_GO(split(ctx, t, seen, n, is_good, &enough));
    if (!enough) {
        sampler_random_point(t, &r, out);
        goto done;
    }
    for (int i = 0; i < space_count(s); i++) out[i] = NAN;
    for (int i = 0, group = 0; i < space_count(s); i++) {
        int axis[SPACE_MAX_AXES], d = 0;
        int64_t n_good = 0, n_others = 0;
        if (space_group(s, i) != group) continue; /* its group had its turn, at its first axis */
        for (int j = i; j < space_count(s); j++)
            if (space_group(s, j) == group) axis[d++] = j;
        group++;
        if (!space_active(s, i, out)) continue;
        for (int64_t k = 0; k < n; k++) {
            if (isnan(seen[k].values[i]) || (seen[k].state == TRIAL_RUNNING && !t->options.constant_liar))
                continue;
            if (is_good[k]) good[n_good++] = k;
            else others[n_others++] = k;
        }
        ANL_GO(draw_group(ctx, t, &r, axis, d, seen, good, n_good, others, n_others, out));
    }
done:
    anl__free(ctx, side);
    anl__free(ctx, is_good);
    return st;
}

const sampler sampler_tpe = {.name = "tpe",
                             .help = "models where good results lie (tree-structured Parzen estimator)",
                             .reads = true,
                             .propose = propose};
