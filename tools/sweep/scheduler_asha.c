/* ASHA: asynchronous successive halving (Li et al., MLSys 2020): one bracket of rungs min_step, eta min_step,
 * ...; a free slot promotes whoever is among the best 1/eta of a rung, else starts a new trial. `strict`
 * decides in blocks of eta^rungs trials instead.
 */
#include "scheduler_inside.h"

#include <math.h>

static double eta(const schedule_task *t) { return rungs_eta(t, 4); }

static bracket bracket_of(const schedule_task *t, int64_t number)
{
    double size = 1;
    for (double step = (double)t->min_step; step * eta(t) <= (double)t->max_step * (1 + 1e-9); step *= eta(t))
        size *= eta(t);
    int64_t block = size < 1e9 ? (int64_t)ceil(size - 1e-9) : 1000000000;
    return (bracket){
        .id = 0, .low = number / block * block, .high = number / block * block + block, .first = t->min_step};
}

static int64_t first(const schedule_task *t, int64_t number)
{
    (void)number;
    return t->min_step;
}

static double expect(const schedule_task *t, int64_t number)
{
    (void)number;
    return rungs_expect(t, eta(t), t->min_step);
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
    return rungs_pick(ctx, &scheduler_asha, t, eta(t), bracket_of, trials, n, next, out);
}

static anl_status check(anl_ctx *ctx, const schedule_task *t) { return rungs_check(ctx, t, eta(t), "asha"); }

const scheduler scheduler_asha = {.name = "asha",
                                  .help = "successive halving: the best quarter of each rung goes on",
                                  .check = check,
                                  .first = first,
                                  .judge = judge,
                                  .pick = pick,
                                  .expect = expect};
