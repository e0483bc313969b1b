/* Bayesian optimisation: a Gaussian process over the unit cube, and the point of the largest expected
 * improvement (Jones et al. 1998; in the logarithm, as Ament et al. 2023, so that there is always a slope).
 * The first `startup` trials are Sobol points.
 *
 * Values are mapped monotonically first: the better half linearly, the worse one by a logarithm, so that one
 * terrible result does not flatten all others. Failed trials count as the worst; pruned ones as what they
 * had, but no better than the median; running ones as the mean of all (constant liar). Beyond MOST results
 * the best half and the latest of the others are modelled. A choice is a coordinate that is equal or not; an
 * axis that is not active stands in the middle of its range, or at no choice.
 */
#include "gaussian_process.h"
#include "sampler_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 250, SPREAD = 800, STARTS = 5, NEAR = 40, REFINE = 120 };

typedef struct model {
    const sampler_task *t;
    gaussian_process gp;
    double best; /* least mapped value of a complete trial */
} model;

/* From a point of the unit cube to what the model sees; u is moved to the middle of discrete cells. */
static void encode(const space *s, double *u, double *x)
{
    double value[SPACE_MAX_AXES];
    for (int i = 0; i < space_count(s); i++) {
        int64_t levels = space_levels(s, i);
        bool choice = space_axis_at(s, i)->kind == SPACE_CHOICE;
        value[i] = NAN;
        if (!space_active(s, i, value)) {
            x[i] = choice ? -1 : 0.5;
            continue;
        }
        if (levels) {
            value[i] = space_from_unit(s, i, u[i]);
            u[i] = space_to_unit(s, i, value[i]);
        } else {
            value[i] = 0; /* active; only choices decide about others */
        }
        x[i] = choice ? value[i] : u[i];
    }
}

static void encode_point(const space *s, const double *point, double *x)
{
    for (int i = 0; i < space_count(s); i++) {
        bool choice = space_axis_at(s, i)->kind == SPACE_CHOICE;
        x[i] = isnan(point[i]) ? choice ? -1 : 0.5 : choice ? point[i] : space_to_unit(s, i, point[i]);
    }
}

/* Log of phi(z) + z Phi(z). */
static double log_improvement(double z)
{
    if (z > -6) return log(0.3989422804014327 * exp(-0.5 * z * z) + z * 0.5 * erfc(-z * 0.7071067811865476));
    return -0.5 * z * z - 0.9189385332046727 - 2 * log(-z) +
           log1p(-3 / (z * z)); /* the first terms for large -z */
}

static double acquisition(model *m, double *u)
{
    double x[SPACE_MAX_AXES], mean, variance, deviation;
    encode(m->t->space, u, x);
    gp_predict(&m->gp, x, &mean, &variance);
    deviation = sqrt(variance);
    return log(deviation) + log_improvement((m->best - mean) / deviation);
}

typedef struct start {
    double score, u[SPACE_MAX_AXES];
} start;

/* Keeps the STARTS best, in descending order. */
static void offer(start *starts, const double *u, double score, int d)
{
    int k = STARTS - 1;
    if (!(score > starts[k].score)) return;
    for (; k > 0 && score > starts[k - 1].score; k--) starts[k] = starts[k - 1];
    starts[k].score = score;
    memcpy(starts[k].u, u, sizeof *u * (size_t)d);
}

static double reflect(double u) { return u < 0 ? fmin(1, -u) : u > 1 ? fmax(0, 2 - u) : u; }

/* A random neighbour: each coordinate moves with chance 1/2, one at least. */
static void neighbour(const space *s, const double *from, double step, draws *r, double *u)
{
    int d = space_count(s), sure = (int)draws_below(r, d);
    for (int i = 0; i < d; i++) {
        bool moves = draws_unit(r) < 0.5 || i == sure;
        double z = draws_normal(r);
        u[i] = from[i];
        if (!moves) continue;
        if (space_axis_at(s, i)->kind == SPACE_CHOICE)
            u[i] = i == sure || step > 0.1 ? draws_unit(r) : from[i];
        else
            u[i] = reflect(from[i] +
                           z * fmax(step, space_levels(s, i) ? 0.7 / (double)space_levels(s, i) : 0));
    }
}

/* Climbs: steps grow when they succeed and shrink when not (the one-fifth rule). */
static void refine(model *m, start *at, draws *r)
{
    const space *s = m->t->space;
    double step = 0.05, u[SPACE_MAX_AXES];
    for (int k = 0; k < REFINE; k++) {
        neighbour(s, at->u, step, r, u);
        double score = acquisition(m, u);
        if (score > at->score) {
            at->score = score;
            memcpy(at->u, u, sizeof *u * (size_t)space_count(s));
            step = fmin(0.3, step * 2);
        } else {
            step = fmax(1e-6, step * 0.84);
        }
    }
}

static void maximise(model *m, draws *r, const double *incumbents, int n_incumbents, double *out)
{
    const space *s = m->t->space;
    int d = space_count(s);
    start starts[STARTS];
    double u[SPACE_MAX_AXES];
    for (int k = 0; k < STARTS; k++) starts[k].score = -INFINITY;
    for (int k = 0; k < SPREAD; k++) {
        for (int i = 0; i < d; i++) u[i] = draws_unit(r);
        double score = acquisition(m, u);
        offer(starts, u, score, d);
    }
    for (int k = 0; k < NEAR * n_incumbents; k++) {
        neighbour(s, incumbents + (size_t)(k / NEAR) * (size_t)d, k % 2 ? 0.03 : 0.15, r, u);
        double score = acquisition(m, u);
        offer(starts, u, score, d);
    }
    int best = 0;
    for (int k = 0; k < STARTS; k++) {
        if (starts[k].score == -INFINITY) continue;
        refine(m, &starts[k], r);
        if (starts[k].score > starts[best].score) best = k;
    }
    if (starts[best].score > -INFINITY) space_point(s, starts[best].u, out);
    else sampler_random_point(m->t, r, out);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Mapped values of the n chosen results, with mean 0 and deviation 1; returns the least complete one.
 * scratch: n. */
static double map_values(const sampler_task *t, const trial_result *seen, const int64_t *chosen, int n,
                         double *y, double *scratch)
{
    int complete = 0;
    double least, median, scale, worst = 0, mean = 0, deviation = 0, best;
    for (int i = 0; i < n; i++)
        if (sampler_class(t, &seen[chosen[i]]) == CLASS_COMPLETE)
            scratch[complete++] = sampler_loss(t, &seen[chosen[i]], 0);
    qsort(scratch, (size_t)complete, sizeof *scratch, ascending);
    least = scratch[0];
    median = scratch[complete / 2];
    scale = median > least ? median - least : 1;
    for (int i = 0; i < n; i++) {
        const trial_result *r = &seen[chosen[i]];
        result_class c = sampler_class(t, r);
        double v = c == CLASS_COMPLETE ? sampler_loss(t, r, 0) : median, z;
        if (c == CLASS_PRUNED && isfinite(r->intermediate))
            v = fmax(median, t->maximize && t->maximize[0] ? -r->intermediate : r->intermediate);
        z = (v - median) / scale;
        y[i] = z > 1 ? 1 + log(z) : z;
        worst = fmax(worst, y[i]);
    }
    for (int i = 0; i < n; i++) {
        result_class c = sampler_class(t, &seen[chosen[i]]);
        if (c == CLASS_FAILED) y[i] = worst;
        if (c != CLASS_RUNNING) mean += y[i];
    }
    int told = 0;
    for (int i = 0; i < n; i++) told += seen[chosen[i]].state != TRIAL_RUNNING;
    mean /= told;
    for (int i = 0; i < n; i++) {
        if (seen[chosen[i]].state == TRIAL_RUNNING) y[i] = mean;
        y[i] -= mean;
        deviation += y[i] * y[i];
    }
    deviation = sqrt(deviation / n);
    if (!(deviation > 0)) deviation = 1;
    best = ((least - median) / scale - mean) / deviation;
    for (int i = 0; i < n; i++) y[i] /= deviation;
    return best;
}

/* The results that are modelled, in order of number: all, or the best half of MOST and the latest others. */
static int choose(const sampler_task *t, const trial_result *seen, int64_t n, const int64_t *order,
                  bool *take, int64_t *chosen)
{
    int64_t usable = 0, room = MOST;
    int count = 0;
    for (int64_t i = 0; i < n; i++)
        usable += take[i] = seen[i].state != TRIAL_RUNNING || t->options.constant_liar;
    if (usable > MOST) {
        memset(take, 0, sizeof *take * (size_t)n);
        for (int64_t i = 0; i < MOST / 2; i++, room--) take[order[i]] = true;
        for (int64_t i = n - 1; i >= 0 && room > 0; i--)
            if (!take[i] && (seen[i].state != TRIAL_RUNNING || t->options.constant_liar)) {
                take[i] = true;
                room--;
            }
    }
    for (int64_t i = 0; i < n; i++)
        if (take[i]) chosen[count++] = i;
    return count;
}

/* Fits the chosen results and proposes. x: room for MOST + STARTS points; y: 2 MOST. */
static anl_status model_point(anl_ctx *ctx, const sampler_task *t, draws *r, const trial_result *seen,
                              const int64_t *order, const int64_t *chosen, int n, double *x, double *y,
                              double *out)
{
    int d = space_count(t->space), incumbents = 0;
    bool category[SPACE_MAX_AXES];
    model m = {.t = t};
    double *near = x + (size_t)MOST * (size_t)d;
    for (int j = 0; j < d; j++) category[j] = space_axis_at(t->space, j)->kind == SPACE_CHOICE;
    for (int i = 0; i < n; i++) encode_point(t->space, seen[chosen[i]].values, x + (size_t)i * (size_t)d);
    m.best = map_values(t, seen, chosen, n, y, y + MOST);
    ANL_TRY(gp_fit(ctx, x, y, category, n, d, &m.gp));
    for (; incumbents < STARTS && incumbents < n &&
           sampler_class(t, &seen[order[incumbents]]) == CLASS_COMPLETE;
         incumbents++)
        for (int j = 0; j < d; j++) {
            double v = seen[order[incumbents]].values[j];
            near[incumbents * d + j] = isnan(v) ? 0.5 : space_to_unit(t->space, j, v);
        }
    maximise(&m, r, near, incumbents, out);
    gp_release(&m.gp);
    return ANL_OK;
}

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    size_t d = (size_t)space_count(t->space), count = (size_t)n;
    int64_t *order = anl__calloc(ctx, count * 2 + 1, sizeof *order), complete = 0;
    bool *take = anl__calloc(ctx, count + 1, sizeof *take);
    double *x = anl__calloc(ctx, (MOST + STARTS) * d + 2 * MOST, sizeof *x);
    draws r = draws_for(t->seed, number, "gp");
    anl_status st = ANL_NOMEM;
    if (!order || !take || !x) goto done;
    st = ANL_OK;
    for (int64_t i = 0; i < n; i++) complete += sampler_class(t, &seen[i]) == CLASS_COMPLETE;
    if (complete < t->options.startup) {
        sampler_sobol_point(t, number - t->n_points, out);
        goto done;
    }
    ANL_GO(sampler_order(ctx, t, seen, n, order, NULL));
    st = model_point(ctx, t, &r, seen, order, order + n, choose(t, seen, n, order, take, order + n), x,
                     x + (MOST + STARTS) * d, out);
done:
    anl__free(ctx, order);
    anl__free(ctx, take);
    anl__free(ctx, x);
    return st;
}

static anl_status check(anl_ctx *ctx, const sampler_task *t) { return sampler_one_objective(ctx, t, "gp"); }

const sampler sampler_gp = {.name = "gp",
                            .help = "Gaussian process with expected improvement; for few, costly trials",
                            .reads = true,
                            .check = check,
                            .propose = propose};
