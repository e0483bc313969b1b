/* Hyperband (Li et al., JMLR 18 (2018), algorithm 1): brackets s = s_max .. 0 of ceil((s_max + 1) / (s + 1)
 * eta^s) trials that begin at max_step / eta^s, one after the other, and again from the start. The trial's
 * number alone says in which bracket it is. Within a bracket, successive halving: strict in that very
 * bracket, else with all trials of brackets of that kind.
 */
#include "scheduler_inside.h"

#include <math.h>

static double eta(const schedule_task *t) { return rungs_eta(t, 3); }

static double power(double base, int n)
{
    double p = 1;
    for (; n > 0; n--) p *= base;
    return p;
}

/* The largest s with min_step eta^s <= max_step. */
static int last_bracket(const schedule_task *t)
{
    int s = 0;
    for (double step = (double)t->min_step * eta(t); step <= (double)t->max_step * (1 + 1e-9) && s < 60;
         step *= eta(t))
        s++;
    return s;
}

static int64_t bracket_size(const schedule_task *t, int most, int s)
{
    double size = ceil((most + 1.0) / (s + 1) * power(eta(t), s) - 1e-9);
    return size < 1e12 ? (int64_t)size : 1000000000000;
}

static bracket bracket_of(const schedule_task *t, int64_t number)
{
    int most = last_bracket(t), s;
    int64_t round = 0, low;
    for (s = most; s >= 0; s--) round += bracket_size(t, most, s);
    low = number / round * round;
    for (s = most; s > 0 && number >= low + bracket_size(t, most, s); s--) low += bracket_size(t, most, s);
    int64_t first = (int64_t)floor((double)t->max_step / power(eta(t), s) + 0.5);
    return (bracket){.id = s,
                     .low = low,
                     .high = low + bracket_size(t, most, s),
                     .first = first < t->min_step ? t->min_step : first};
}

static int64_t first(const schedule_task *t, int64_t number) { return bracket_of(t, number).first; }

static double expect(const schedule_task *t, int64_t number)
{
    return rungs_expect(t, eta(t), first(t, number));
}

static anl_status judge(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                        int64_t i, schedule_decision *out, double *values)
{
    (void)values;
    return rungs_judge(ctx, t, eta(t), bracket_of, trials, n, i, out);
}

static anl_status pick(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                       int64_t next, schedule_decision *out, double *values)
{
    (void)values;
    return rungs_pick(ctx, &scheduler_hyperband, t, eta(t), bracket_of, trials, n, next, out);
}

static anl_status check(anl_ctx *ctx, const schedule_task *t)
{
    return rungs_check(ctx, t, eta(t), "hyperband");
}

const scheduler scheduler_hyperband = {.name = "hyperband",
                                       .help = "successive halving in brackets that begin at different rungs",
                                       .check = check,
                                       .first = first,
                                       .judge = judge,
                                       .pick = pick,
                                       .expect = expect};
