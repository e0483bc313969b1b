/* Population-based training (Jaderberg et al. 2017, truncation selection): every `interval` steps a trial
 * among the worst quantile of the population takes over weights and point of one among the best, and changes
 * the point: each number by a factor of 0.8 or 1.2, or drawn anew; a choice stays or is drawn anew.
 *
 * Members are compared at their last checkpoints; in the strict order at the same step, when all living
 * members have come there. Where there are fewer places than members they take turns: nobody goes on while
 * another waits that has not come as far, or has not begun. Draws are keyed by (seed, trial, step).
 */
#include "scheduler_inside.h"

#include "random.h"

#include <math.h>

static int64_t interval(const schedule_task *t)
{
    int64_t n = t->interval ? t->interval : t->max_step / 10;
    return n > 0 ? n : 1;
}

static int64_t next_step(const schedule_task *t, int64_t step)
{
    int64_t next = (step / interval(t) + 1) * interval(t);
    return next < t->max_step ? next : t->max_step;
}

static int64_t first(const schedule_task *t, int64_t number)
{
    (void)number;
    return next_step(t, 0);
}

/* The last step at which it has a checkpoint and a report. */
static int64_t checkpoint_step(const schedule_task *t, const schedule_trial *trial)
{
    int64_t last = schedule_last(trial);
    return last >= t->max_step ? t->max_step : last / interval(t) * interval(t);
}

static bool alive(const schedule_trial *trial)
{
    return trial->state != SCHEDULE_FAILED && trial->state != SCHEDULE_STOPPED;
}

/* What trial k is worth to one that stands at `step`; NaN: it does not count. */
static double worth(const schedule_task *t, const schedule_trial *trial, int64_t step)
{
    if (!alive(trial)) return NAN;
    return schedule_loss_at(t, trial, t->strict ? step : checkpoint_step(t, trial));
}

/* How many members are better than trial i (ties: the lower number), and how many there are. */
static int64_t place_of(const schedule_task *t, const schedule_trial *trials, int64_t n, int64_t i,
                        int64_t step, int64_t *count)
{
    double own = worth(t, &trials[i], step);
    int64_t place = 0;
    *count = 0;
    for (int64_t k = 0; k < n; k++) {
        double loss = worth(t, &trials[k], step);
        if (isnan(loss)) continue;
        (*count)++;
        place += loss < own || (loss == own && k < i);
    }
    return place;
}

static void explore(const schedule_task *t, const double *from, draws *r, double *values)
{
    const space *s = t->space;
    for (int i = 0; i < space_count(s); i++) {
        const space_axis *a = space_axis_at(s, i);
        bool anew = draws_unit(r) < t->resample, up = draws_unit(r) < 0.5;
        double u = draws_unit(r), v = from[i];
        values[i] = NAN;
        if (!space_active(s, i, values)) continue;
        if (anew || isnan(v)) values[i] = space_from_unit(s, i, u);
        else if (a->kind == SPACE_CHOICE) values[i] = v;
        else {
            double moved = fmin(a->high, fmax(a->low, v * (up ? 1.2 : 0.8)));
            double cell = space_levels(s, i) ? 1.0 / (double)space_levels(s, i) : 0;
            values[i] = space_from_unit(s, i, space_to_unit(s, i, moved));
            if (values[i] == v && cell > 0)
                values[i] = space_from_unit(
                    s, i, space_to_unit(s, i, v) + (up ? cell : -cell)); /* a small integer moves, too */
        }
    }
}

static bool complete(const schedule_task *t, const schedule_trial *trials, int64_t n, int64_t step)
{
    if (n < t->population && !(t->trials && n >= t->trials)) return false;
    for (int64_t k = 0; k < n; k++)
        if (alive(&trials[k]) && isnan(schedule_loss_at(t, &trials[k], step))) return false;
    return true;
}

/* Asynchronous: is it another's turn than trial i's? */
static bool others_first(const schedule_task *t, const schedule_trial *trials, int64_t n, int64_t i,
                         bool closed)
{
    if (!closed && n < t->population && !(t->trials && n >= t->trials)) return true;
    for (int64_t k = 0; k < n; k++)
        if (trials[k].state == SCHEDULE_WAITING && schedule_last(&trials[k]) < schedule_last(&trials[i]))
            return true;
    return false;
}

/* `closed`: no member will be added. */
static void decide(const schedule_task *t, const schedule_trial *trials, int64_t n, int64_t i, bool closed,
                   schedule_decision *out, double *values)
{
    int64_t step = schedule_last(&trials[i]), number = trials[i].number, count, place, part,
            target = next_step(t, step);
    schedule_task here = *t;
    if (closed && (!t->trials || t->trials > n)) here.trials = n;
    if (t->strict && !complete(&here, trials, n, step)) {
        schedule_say(out, SCHEDULE_WAIT, number, step, "not all members have come to step %lld",
                     (long long)step);
        return;
    }
    if (!t->strict && others_first(t, trials, n, i, closed)) {
        schedule_say(out, SCHEDULE_WAIT, number, step, "members that have not come to step %lld go first",
                     (long long)step);
        return;
    }
    place = place_of(t, trials, n, i, step, &count);
    part = (int64_t)floor(t->quantile * (double)count);
    if (part < 1) part = 1;
    if (count < 2 || place < count - part) {
        schedule_say(out, SCHEDULE_GO, number, target, "place %lld of %lld at step %lld",
                     (long long)place + 1, (long long)count, (long long)step);
        return;
    }
    draws r = draws_for(t->seed, number, "pbt");
    r.next = (uint32_t)step * 1024; /* a point takes three draws an axis, 768 at most */
    int64_t wanted = draws_below(&r, part), source = -1, other;
    for (int64_t k = 0; k < n && source < 0; k++)
        if (!isnan(worth(t, &trials[k], step)) && place_of(t, trials, n, k, step, &other) == wanted)
            source = k;
    int64_t source_step = t->strict ? step : checkpoint_step(t, &trials[source]);
    schedule_say(out, SCHEDULE_EXPLOIT, number, target,
                 "place %lld of %lld at step %lld: goes on from trial %lld", (long long)place + 1,
                 (long long)count, (long long)step, (long long)trials[source].number);
    out->source = trials[source].number;
    out->source_step = source_step;
    explore(t, trials[source].values, &r, values);
}

static anl_status judge(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                        int64_t i, schedule_decision *out, double *values)
{
    if (!values)
        return anl__fail(ctx, ANL_INVALID, "scheduler pbt: it writes a point, and got no room for one");
    if (schedule_last(&trials[i]) < trials[i].target)
        schedule_say(out, SCHEDULE_GO, trials[i].number, trials[i].target, "on its way to step %lld",
                     (long long)trials[i].target);
    else decide(t, trials, n, i, false, out, values);
    return ANL_OK;
}

static anl_status pick(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                       int64_t next, schedule_decision *out, double *values)
{
    if (!values)
        return anl__fail(ctx, ANL_INVALID, "scheduler pbt: it writes a point, and got no room for one");
    if (next >= t->population) next = -1;
    for (int64_t i = 0; i < n; i++) {
        if (trials[i].state != SCHEDULE_WAITING) continue;
        decide(t, trials, n, i, next < 0, out, values);
        if (out->action != SCHEDULE_WAIT) return ANL_OK;
    }
    schedule_start(&scheduler_pbt, t, next, out);
    return ANL_OK;
}

static anl_status check(anl_ctx *ctx, const schedule_task *t)
{
    if (!t->space) return anl__fail(ctx, ANL_RECIPE, "scheduler pbt: it has no search space");
    if (t->population < 2)
        return anl__fail(ctx, ANL_RECIPE, "scheduler pbt: population is %d and must be 2 or more",
                         t->population);
    if (!(t->quantile > 0 && t->quantile <= 0.5))
        return anl__fail(ctx, ANL_RECIPE, "scheduler pbt: quantile is %g and must be above 0 and at most 0.5",
                         t->quantile);
    if (!(t->resample >= 0 && t->resample <= 1))
        return anl__fail(ctx, ANL_RECIPE, "scheduler pbt: resample is %g and must be 0 to 1", t->resample);
    return ANL_OK;
}

const scheduler scheduler_pbt = {.name = "pbt",
                                 .help = "a population: the worst take over from the best, and change",
                                 .check = check,
                                 .first = first,
                                 .judge = judge,
                                 .pick = pick};
