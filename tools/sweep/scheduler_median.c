/* The median rule (Golovin et al., "Google Vizier", 2017, in the form that is usual since): a trial is
 * stopped at a step when the best it has had so far is worse than the median of what finished trials had at
 * that step.
 */
#include "scheduler_inside.h"

#include <math.h>
#include <stdlib.h>

static int64_t first(const schedule_task *t, int64_t number)
{
    (void)number;
    return t->max_step;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double best_so_far(const schedule_task *t, const schedule_trial *trial)
{
    double best = INFINITY;
    for (int k = 0; k < trial->n_reports; k++)
        best = fmin(best, schedule_loss_at(t, trial, trial->report[k].step));
    return best;
}

static anl_status judge(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                        int64_t i, schedule_decision *out, double *values)
{
    int64_t step = schedule_last(&trials[i]), interval = t->interval ? t->interval : 1,
            number = trials[i].number, finished = 0, count = 0;
    double *at, median, own;
    (void)values;
    schedule_say(out, SCHEDULE_GO, number, t->max_step, "not judged at step %lld", (long long)step);
    if (step <= t->warmup || step % interval) return ANL_OK;
    if (!(at = anl__calloc(ctx, (size_t)n, sizeof *at))) return ANL_NOMEM;
    for (int64_t k = 0; k < n; k++) {
        if (k == i || trials[k].state != SCHEDULE_DONE) continue;
        double loss = schedule_loss_at(t, &trials[k], step);
        finished++;
        if (!isnan(loss)) at[count++] = loss;
    }
    qsort(at, (size_t)count, sizeof *at, ascending);
    /* with an even count the worse of the two in the middle: no average with an infinite one */
    median = count ? at[count / 2] : INFINITY;
    anl__free(ctx, at);
    own = best_so_far(t, &trials[i]);
    if (finished < t->median_startup || !count) {
        schedule_say(out, SCHEDULE_GO, number, t->max_step,
                     "%lld trials are finished, and %d are needed to judge", (long long)finished,
                     t->median_startup);
        return ANL_OK;
    }
    if (own > median || !isfinite(own))
        schedule_say(out, SCHEDULE_STOP, number, step,
                     "best so far %g at step %lld is worse than the median %g of %lld",
                     t->maximize ? -own : own, (long long)step, t->maximize ? -median : median,
                     (long long)count);
    else
        schedule_say(out, SCHEDULE_GO, number, t->max_step, "best so far %g at step %lld, median %g of %lld",
                     t->maximize ? -own : own, (long long)step, t->maximize ? -median : median,
                     (long long)count);
    return ANL_OK;
}

static anl_status pick(anl_ctx *ctx, const schedule_task *t, const schedule_trial *trials, int64_t n,
                       int64_t next, schedule_decision *out, double *values)
{
    (void)ctx, (void)trials, (void)n, (void)values;
    schedule_start(&scheduler_median, t, next, out);
    return ANL_OK;
}

static anl_status check(anl_ctx *ctx, const schedule_task *t)
{
    if (t->median_startup < 1)
        return anl__fail(ctx, ANL_RECIPE, "scheduler median: startup is %d trials and must be 1 or more",
                         t->median_startup);
    return ANL_OK;
}

const scheduler scheduler_median = {.name = "median",
                                    .help = "stops what is worse than the median at the same step",
                                    .check = check,
                                    .first = first,
                                    .judge = judge,
                                    .pick = pick};
