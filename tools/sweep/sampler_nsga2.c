/* NSGA-II (Deb et al. 2002) without generations: parents are the best `population` results seen so far, by
 * front and crowding distance, feasible ones first. Two parents, each the better of two drawn, are crossed
 * axis by axis (simulated binary crossover, Deb and Agrawal 1995; choices from either) and mutated
 * (polynomial mutation, one axis in d). The first `population` trials are random.
 */
#include "sampler_inside.h"

#include <math.h>

static const double CROSSOVER = 0.9, SPREAD_CROSSOVER = 15, SPREAD_MUTATION = 20;

static double cross(double a, double b, draws *r)
{
    double u = draws_unit(r), beta = u <= 0.5 ? pow(2 * u, 1 / (SPREAD_CROSSOVER + 1))
                                              : pow(1 / (2 - 2 * u), 1 / (SPREAD_CROSSOVER + 1));
    double side = draws_unit(r) < 0.5 ? 1 : -1;
    return 0.5 * (a + b + side * beta * (b - a));
}

static double mutate(double x, draws *r)
{
    double u = draws_unit(r), delta = u < 0.5 ? pow(2 * u, 1 / (SPREAD_MUTATION + 1)) - 1
                                              : 1 - pow(2 - 2 * u, 1 / (SPREAD_MUTATION + 1));
    return x + delta;
}

/* One axis of the child of two results; NaN in a parent: it was not active there. */
static double child_axis(const sampler_task *t, int i, double a, double b, bool crossed, draws *r)
{
    bool choice = space_axis_at(t->space, i)->kind == SPACE_CHOICE, other = draws_unit(r) < 0.5;
    double x;
    if (isnan(a)) a = b;
    if (isnan(b)) b = a;
    if (isnan(a)) return space_from_unit(t->space, i, draws_unit(r));
    if (choice) x = crossed && other ? b : a;
    else
        x = crossed ? cross(space_to_unit(t->space, i, a), space_to_unit(t->space, i, b), r)
                    : space_to_unit(t->space, i, a);
    if (draws_unit(r) * space_count(t->space) < 1) {
        if (choice) return space_from_unit(t->space, i, draws_unit(r));
        x = mutate(x, r);
    }
    return choice ? x : space_from_unit(t->space, i, x);
}

static anl_status propose(anl_ctx *ctx, const sampler_task *t, int64_t number, const trial_result *seen,
                          int64_t n, double *out)
{
    int64_t population = t->options.population ? t->options.population : 50, known = 0,
            *order = anl__calloc(ctx, (size_t)n, sizeof *order);
    draws r = draws_for(t->seed, number, "nsga2");
    const double *parent[2];
    bool crossed;
    anl_status st = ANL_NOMEM;
    if (!order) goto done;
    st = ANL_OK;
    for (int64_t i = 0; i < n; i++) known += sampler_class(t, &seen[i]) < CLASS_FAILED;
    if (known < population) {
        sampler_random_point(t, &r, out);
        goto done;
    }
    ANL_GO(sampler_order(ctx, t, seen, n, order, NULL));
    for (int k = 0; k < 2; k++) {
        int64_t a = draws_below(&r, population), b = draws_below(&r, population);
        parent[k] = seen[order[a < b ? a : b]].values;
    }
    crossed = draws_unit(&r) < CROSSOVER;
    for (int i = 0; i < space_count(t->space); i++)
        out[i] = space_active(t->space, i, out) ? child_axis(t, i, parent[0][i], parent[1][i], crossed, &r)
                                                : NAN;
done:
    anl__free(ctx, order);
    return st;
}

const sampler sampler_nsga2 = {.name = "nsga2",
                               .help = "genetic search for a Pareto front (NSGA-II), with constraints",
                               .reads = true,
                               .propose = propose};
