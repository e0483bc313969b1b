/* The table of samplers, and what is the same for all: checks, points given by the user, the order of what is
 * seen. */
#include "sampler.h"

#include "sampler_inside.h"

#include <math.h>
#include <string.h>

const sampler *const samplers[] = {&sampler_grid, &sampler_random, &sampler_sobol, &sampler_tpe,
                                   &sampler_gp,   &sampler_cmaes,  &sampler_nsga2, NULL};

sampler_options sampler_options_default(void)
{
    return (sampler_options){.startup = 10, .candidates = 24, .constant_liar = true, .sigma = 1.0 / 6};
}

anl_status sampler_find(anl_ctx *ctx, const char *name, const sampler **out)
{
    const char *names[16] = {NULL}, *near;
    anl__buf list;
    anl_status st;
    int n = 0;
    for (; samplers[n]; n++) {
        names[n] = samplers[n]->name;
        if (!strcmp(name, names[n])) {
            *out = samplers[n];
            return ANL_OK;
        }
    }
    near = anl__nearest(name, names, n);
    anl__buf_init(&list, ctx);
    for (int i = 0; i < n; i++) anl__buf_add(&list, "%s%s", i ? ", " : "", names[i]);
    st = anl__fail(ctx, ANL_RECIPE, "there is no sampler '%s'%s%s%s; there are: %s", name,
                   near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", list.text);
    anl__buf_release(&list);
    return st;
}

static anl_status check_options(anl_ctx *ctx, const sampler_options *o)
{
    if (o->startup < 1)
        return anl__fail(ctx, ANL_RECIPE, "sampler: startup is %d trials and must be 1 or more", o->startup);
    if (o->candidates < 1)
        return anl__fail(ctx, ANL_RECIPE, "sampler: candidates is %d and must be 1 or more", o->candidates);
    if (o->population < 0 || o->population == 1 || o->population > 100000)
        return anl__fail(ctx, ANL_RECIPE,
                         "sampler: population is %d and must be 2 to 100000, or 0 for the sampler's own",
                         o->population);
    if (!(o->sigma > 0 && o->sigma <= 1))
        return anl__fail(ctx, ANL_RECIPE,
                         "sampler: sigma is %g and must be above 0 and at most 1 (of the unit cube)",
                         o->sigma);
    return ANL_OK;
}

anl_status sampler_check(anl_ctx *ctx, const sampler *s, const sampler_task *t)
{
    int n = space_count(t->space);
    if (t->n_objectives < 1) return anl__fail(ctx, ANL_RECIPE, "sampler: there is no objective");
    if (t->n_constraints < 0 || t->n_points < 0)
        return anl__fail(ctx, ANL_RECIPE, "sampler: a number of constraints or points below 0");
    ANL_TRY(check_options(ctx, &t->options));
    for (int k = 0; k < t->n_points; k++) {
        anl_status st = space_check(ctx, t->space, t->points + (size_t)k * (size_t)n);
        if (st != ANL_OK) return anl__context(ctx, st, "point %d of those to be tried first", k + 1);
    }
    return s->check ? s->check(ctx, t) : ANL_OK;
}

anl_status sampler_limit(anl_ctx *ctx, const sampler *s, const sampler_task *t, int64_t *n)
{
    *n = -1;
    if (!s->limit) return ANL_OK;
    ANL_TRY(s->limit(ctx, t, n));
    *n += t->n_points;
    return ANL_OK;
}

anl_status sampler_propose(anl_ctx *ctx, const sampler *s, const sampler_task *t, int64_t number,
                           const trial_result *seen, int64_t n, double *out)
{
    int axes = space_count(t->space);
    if (number < 0 || number > INT32_MAX)
        return anl__fail(ctx, ANL_INVALID, "sampler %s: trial number %lld is not within 0 to 2^31 - 1",
                         s->name, (long long)number);
    if (number < t->n_points) {
        memcpy(out, t->points + number * axes, sizeof *out * (size_t)axes);
        return ANL_OK;
    }
    if (s->reads)
        for (int64_t i = 1; i < n; i++)
            if (seen[i - 1].number >= seen[i].number)
                return anl__fail(
                    ctx, ANL_INVALID,
                    "sampler %s: results must come in ascending order of number, and %lld stands before %lld",
                    s->name, (long long)seen[i - 1].number, (long long)seen[i].number);
    return s->propose(ctx, t, number, seen, n, out);
}

anl_status sampler_one_objective(anl_ctx *ctx, const sampler_task *t, const char *name)
{
    if (t->n_objectives > 1)
        return anl__fail(
            ctx, ANL_RECIPE,
            "sampler %s optimises one objective, and there are %d; several: nsga2, tpe, random, sobol, grid",
            name, t->n_objectives);
    if (t->n_constraints)
        return anl__fail(ctx, ANL_RECIPE,
                         "sampler %s knows no constraints, and there are %d; with constraints: tpe, nsga2",
                         name, t->n_constraints);
    return ANL_OK;
}

double sampler_loss(const sampler_task *t, const trial_result *r, int j)
{
    return t->maximize && t->maximize[j] ? -r->objective[j] : r->objective[j];
}

double sampler_violation(const sampler_task *t, const trial_result *r)
{
    double sum = 0;
    if (!t->n_constraints) return 0;
    if (!r->constraint) return INFINITY;
    for (int j = 0; j < t->n_constraints; j++) {
        if (isnan(r->constraint[j])) return INFINITY;
        if (r->constraint[j] > 0) sum += r->constraint[j];
    }
    return sum;
}

result_class sampler_class(const sampler_task *t, const trial_result *r)
{
    if (r->state == TRIAL_RUNNING) return CLASS_RUNNING;
    if (r->state == TRIAL_FAILED) return CLASS_FAILED;
    if (r->state == TRIAL_COMPLETE)
        for (int j = 0; j < t->n_objectives; j++)
            if (!isfinite(r->objective[j])) return CLASS_FAILED;
    if (sampler_violation(t, r) > 0) return CLASS_INFEASIBLE;
    return r->state == TRIAL_COMPLETE ? CLASS_COMPLETE : CLASS_PRUNED;
}

void sampler_random_point(const sampler_task *t, draws *d, double *out)
{
    for (int i = 0; i < space_count(t->space); i++) {
        double u = draws_unit(d); /* drawn also where inactive: an axis keeps its place in the stream */
        out[i] = space_active(t->space, i, out) ? space_from_unit(t->space, i, u) : NAN;
    }
}

void sampler_sobol_point(const sampler_task *t, int64_t index, double *out)
{
    for (int i = 0; i < space_count(t->space); i++)
        out[i] = space_active(t->space, i, out)
                     ? space_from_unit(t->space, i, sobol_scrambled(t->seed, i, (uint32_t)index))
                     : NAN;
}
