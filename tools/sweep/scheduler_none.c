/* Every trial runs to its end. */
#include "scheduler_inside.h"

static int64_t first(const schedule_task *t, int64_t number)
{
    (void)number;
    return t->max_step;
}

static anl_status judge(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                        int64_t i, schedule_decision *out, double *values)
{
    (void)ctx, (void)n, (void)values;
    schedule_say(out, SCHEDULE_GO, trials[i].number, t->max_step, "no scheduler");
    return ANL_OK;
}

static anl_status pick(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                       int64_t next, schedule_decision *out, double *values)
{
    (void)ctx, (void)trials, (void)n, (void)values;
    schedule_start(&scheduler_none, t, next, out);
    return ANL_OK;
}

const scheduler scheduler_none = {
    .name = "none", .help = "every trial runs to its end", .first = first, .judge = judge, .pick = pick};
