/* CMA-ES (Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772) in the unit cube, replayed from
 * the results.
 *
 * There is no state: for each proposal the distribution is built again from the finished results in order of
 * number, lambda at a time, whoever proposed them (points of the user and of another sweep, too: long steps
 * are shortened as in Hansen 2011, "Injecting external solutions"). So parallel workers and lost trials need
 * no care. The square root of C is its Cholesky factor (as in Suttorp et al. 2009), in the step-size path,
 * too. When the distribution has become smaller than the digits of a value, it starts again elsewhere with
 * twice the population (IPOP).
 *
 * An axis that was not active counts as not having moved. A discrete axis keeps a spread of 0.4 of a cell, or
 * it would stop moving.
 */
#include "cholesky.h"
#include "sampler_inside.h"

#include <math.h>
#include <string.h>

typedef struct strategy {
    int d, lambda, restarts;
    double sigma;
    double *mean, *pc, *ps, *step, *c, *l; /* d, d, d, d, d x d, d x d (the factor of c) */
    double *x, *weight;                    /* lambda x d, lambda */
    double *scratch;                       /* d */
    int64_t *order;                        /* lambda */
} strategy;

static const double SMALLEST = 1e-6; /* of the cube: values have no more digits */

static void begin(strategy *s, const sampler_task *t)
{
    draws r = draws_for(t->seed, s->restarts, "cmaes restart");
    size_t d = (size_t)s->d;
    memset(s->c, 0, sizeof *s->c * d * d);
    for (int i = 0; i < s->d; i++) {
        s->mean[i] = s->restarts ? draws_unit(&r) : 0.5;
        s->pc[i] = s->ps[i] = 0;
        s->c[(size_t)i * d + (size_t)i] = 1;
    }
    memcpy(s->l, s->c, sizeof *s->c * d * d);
    s->sigma = t->options.sigma;
}

/* The steps y = (x - mean) / sigma of one generation, best first, into s->x. */
static anl_status steps(strategy *s, anl_ctx *ctx, const sampler_task *t, const trial_result *const *chunk,
                        trial_result *copy)
{
    double longest = sqrt(s->d) + 2.0 * s->d / (s->d + 2);
    for (int i = 0; i < s->lambda; i++) copy[i] = *chunk[i];
    ANL_TRY(sampler_order(ctx, t, copy, s->lambda, s->order, NULL));
    for (int i = 0; i < s->lambda; i++) {
        const double *v = copy[s->order[i]].values;
        double *y = s->x + (size_t)i * (size_t)s->d, length = 0;
        for (int j = 0; j < s->d; j++)
            y[j] = isnan(v[j]) ? 0 : (space_to_unit(t->space, j, v[j]) - s->mean[j]) / s->sigma;
        memcpy(s->scratch, y, sizeof *y * (size_t)s->d);
        cholesky_forward(s->l, s->d, s->scratch);
        for (int j = 0; j < s->d; j++) length += s->scratch[j] * s->scratch[j];
        length = sqrt(length);
        if (length > longest)
            for (int j = 0; j < s->d; j++) y[j] *= longest / length;
    }
    return ANL_OK;
}

/* Log weights of the better half, adding up to 1; returns 1 / sum of squares. */
static double recombination(double *w, int lambda)
{
    int mu = lambda / 2;
    double sum = 0, squares = 0;
    for (int i = 0; i < lambda; i++) {
        w[i] = i < mu ? log(lambda / 2.0 + 0.5) - log(i + 1) : 0;
        sum += w[i];
    }
    for (int i = 0; i < mu; i++) {
        w[i] /= sum;
        squares += w[i] * w[i];
    }
    return 1 / squares;
}

/* One generation: mean, paths, covariance, step size (equations 24 to 37 and 41 to 51 of the tutorial). */
static void update(strategy *s, int generation)
{
    int d = s->d;
    double n = d, mu_eff = recombination(s->weight, s->lambda), norm = 0;
    double cs = (mu_eff + 2) / (n + mu_eff + 5), ds = 1 + 2 * fmax(0, sqrt((mu_eff - 1) / (n + 1)) - 1) + cs;
    double cc = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n), c1 = 2 / ((n + 1.3) * (n + 1.3) + mu_eff);
    double cmu = fmin(1 - c1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) * (n + 2) + mu_eff));
    double chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)), *step = s->step, *white = s->scratch, keep,
           hs;
    for (int j = 0; j < d; j++) {
        step[j] = 0;
        for (int i = 0; i < s->lambda / 2; i++)
            step[j] += s->weight[i] * s->x[(size_t)i * (size_t)d + (size_t)j];
        s->mean[j] = fmin(1, fmax(0, s->mean[j] + s->sigma * step[j]));
    }
    for (int j = 0; j < d; j++) s->pc[j] = (1 - cc) * s->pc[j];
    memcpy(white, step, sizeof *step * (size_t)d);
    cholesky_forward(s->l, d, white);
    for (int j = 0; j < d; j++) {
        s->ps[j] = (1 - cs) * s->ps[j] + sqrt(cs * (2 - cs) * mu_eff) * white[j];
        norm += s->ps[j] * s->ps[j];
    }
    norm = sqrt(norm);
    hs = norm / sqrt(1 - pow(1 - cs, 2 * (generation + 1))) < (1.4 + 2 / (n + 1)) * chi;
    for (int j = 0; j < d; j++) s->pc[j] += hs * sqrt(cc * (2 - cc) * mu_eff) * step[j];
    keep = 1 - c1 - cmu + c1 * (1 - hs) * cc * (2 - cc);
    for (int j = 0; j < d; j++)
        for (int k = 0; k <= j; k++) {
            double rank_mu = 0, *c = s->c + (size_t)j * (size_t)d + k;
            for (int i = 0; i < s->lambda / 2; i++)
                rank_mu += s->weight[i] * s->x[(size_t)i * (size_t)d + (size_t)j] *
                           s->x[(size_t)i * (size_t)d + (size_t)k];
            *c = keep * *c + c1 * s->pc[j] * s->pc[k] + cmu * rank_mu;
        }
    s->sigma *= exp(fmin(1, cs / ds * (norm / chi - 1)));
}

static double widest(const strategy *s)
{
    double most = 0;
    for (int j = 0; j < s->d; j++) most = fmax(most, s->c[(size_t)j * (size_t)s->d + (size_t)j]);
    return s->sigma * sqrt(most);
}

/* The distribution after all whole generations among the finished results. */
static anl_status replay(strategy *s, anl_ctx *ctx, const sampler_task *t, const trial_result **done,
                         int64_t n, trial_result *copy)
{
    int generation = 0;
    begin(s, t);
    for (int64_t at = 0; at + s->lambda <= n; generation++) {
        ANL_TRY(steps(s, ctx, t, done + at, copy));
        at += s->lambda;
        update(s, generation);
        memcpy(s->l, s->c, sizeof *s->c * (size_t)s->d * (size_t)s->d);
        if (widest(s) > SMALLEST && widest(s) < 1e3 && cholesky(s->l, s->d)) continue;
        s->restarts++;
        s->lambda = s->lambda * 2 <= n ? s->lambda * 2 : s->lambda; /* the scratch space has room for n */
        generation = -1;
        begin(s, t);
    }
    return ANL_OK;
}

static void draw_point(const strategy *s, const sampler_task *t, int64_t number, double *out)
{
    draws r = draws_for(t->seed, number, "cmaes");
    double z[SPACE_MAX_AXES], u[SPACE_MAX_AXES];
    for (int attempt = 0; attempt < 100;
         attempt++) { /* drawn again while outside; at last moved to the border */
        bool inside = true;
        for (int j = 0; j < s->d; j++) z[j] = draws_normal(&r);
        for (int j = 0; j < s->d; j++) {
            int64_t levels = space_levels(t->space, j);
            double y = 0, spread = s->sigma * sqrt(s->c[(size_t)j * (size_t)s->d + (size_t)j]);
            for (int k = 0; k <= j; k++) y += s->l[(size_t)j * (size_t)s->d + (size_t)k] * z[k];
            y *= s->sigma;
            if (levels > 1 && spread < 0.4 / (double)levels) y *= 0.4 / (double)levels / spread;
            u[j] = s->mean[j] + y;
            inside &= u[j] >= 0 && u[j] <= 1;
        }
        if (inside) break;
    }
    space_point(t->space, u, out);
}

static int population(const sampler_task *t)
{
    int d = space_count(t->space);
    return t->options.population ? t->options.population : 4 + (int)(3 * log(d));
}

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    strategy s = {.d = space_count(t->space), .lambda = population(t)};
    size_t d = (size_t)s.d, most = (size_t)(n > s.lambda ? n : s.lambda);
    double *block = anl__calloc(ctx, d * 5 + d * d * 2 + most * (d + 1), sizeof *block);
    const trial_result **done = anl__calloc(ctx, (size_t)n + 1, sizeof *done);
    trial_result *copy = anl__calloc(ctx, most, sizeof *copy);
    anl_status st = ANL_NOMEM;
    int64_t finished = 0;
    s.order = anl__calloc(ctx, most, sizeof *s.order);
    if (!block || !done || !copy || !s.order) goto done;
    s.mean = block;
    s.pc = s.mean + d;
    s.ps = s.pc + d;
    s.scratch = s.ps + d;
    s.step = s.scratch + d;
    s.l = s.step + d;
    s.c = s.l + d * d;
    s.x = s.c + d * d;
    s.weight = s.x + most * d;
    for (int64_t i = 0; i < n; i++)
        if (seen[i].state != TRIAL_RUNNING) done[finished++] = &seen[i];
    ANL_GO(replay(&s, ctx, t, done, finished, copy));
    draw_point(&s, t, number, out);
done:
    anl__free(ctx, block);
    anl__free(ctx, done);
    anl__free(ctx, copy);
    anl__free(ctx, s.order);
    return st;
}

static anl_status check(anl_ctx *ctx, const sampler_task *t)
{
    return sampler_one_objective(ctx, t, "cmaes");
}

const sampler sampler_cmaes = {
    .name = "cmaes",
    .help = "evolution strategy with an adapted covariance; for many trials over numbers",
    .reads = true,
    .check = check,
    .propose = propose};
