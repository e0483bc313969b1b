/* How long a sweep will still take. See driver_inside.h. */
#include "driver_inside.h"

#include <math.h>
#include <string.h>

/* Steps that it came, with a part of one. */
static double progress(const sweep_recipe *r, const sweep_trial *t)
{
    int64_t from, n;
    if (sweep_parts(r) == 1) return t->n_rows ? (double)t->row[t->n_rows - 1].epoch : 0;
    n = seen_part(t, (int)t->step, &from);
    return (double)t->step + (double)n / (double)sweep_epochs_of_part(r);
}

/* What of the budget is used: 0 to 1; NaN: it is not known, as for a sweep without an end. */
static double used(const driver *d, double spent)
{
    const sweep_recipe *r = d->recipe;
    bool rungs = r->scheduler->expect != NULL;
    double done = 0, steps = 0, whole = 0, part = NAN;
    int64_t trials = !strcmp(r->scheduler->name, "pbt") && r->schedule.population < r->trials
                         ? r->schedule.population
                         : r->trials;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) {
        const sweep_trial *t = d->state.trial[i];
        double came = progress(r, t);
        steps += came;
        if (rungs && t->status != STATUS_FAILED) done += came;
        else done += sweep_over(t) ? scheduler_expect(r->scheduler, &r->schedule, t->number) : came;
    }
    for (int64_t k = 0; k < trials; k++) whole += scheduler_expect(r->scheduler, &r->schedule, k);
    if (whole > 0) part = done / whole;
    if (r->epochs)
        part = fmax(part,
                    steps * (double)(sweep_parts(r) > 1 ? sweep_epochs_of_part(r) : 1) / (double)r->epochs);
    if (r->hours > 0) part = fmax(part, spent / (r->hours * 3600));
    return part;
}

/* Until the process is at its target, at the pace that it has. 0: not known. */
static double rest_of(const driver *d, const worker *w)
{
    const sweep_trial *t = w->trial;
    int64_t from, came = t->n_rows - w->rows, target = t->target,
                  at = t->n_rows ? t->row[t->n_rows - 1].epoch : 0;
    if (sweep_parts(d->recipe) > 1) {
        at = seen_part(t, w->part, &from);
        target = sweep_epochs_of_part(d->recipe);
    }
    return came > 0 && at < target ? (driver_now() - w->began) / (double)came * (double)(target - at) : 0;
}

double driver_seconds_left(const driver *d)
{
    double spent = driver_seconds_used(d), part = used(d, spent), left = NAN;
    if (part > 0) left = part < 1 ? spent * (1 - part) / part : 0;
    for (int i = 0; i < d->n_workers; i++)
        if (d->worker[i].pid) left = fmax(left, rest_of(d, &d->worker[i]));
    if (d->recipe->hours > 0) left = fmin(left, fmax(0, d->recipe->hours * 3600 - spent));
    return left;
}
