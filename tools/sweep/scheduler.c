/* The table of schedulers, and what is the same for all. */
#include "scheduler_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const scheduler *const schedulers[] = {&scheduler_none,      &scheduler_median, &scheduler_asha,
                                       &scheduler_hyperband, &scheduler_pbt,    NULL};

schedule_task schedule_task_default(void)
{
    return (schedule_task){.max_step = 1,
                           .min_step = 1,
                           .median_startup = 5,
                           .population = 8,
                           .quantile = 0.25,
                           .resample = 0.25};
}

anl_status scheduler_find(anl_ctx *ctx, const char *name, const scheduler **out)
{
    const char *names[16] = {NULL}, *near;
    anl__buf list;
    anl_status st;
    int n = 0;
    for (; schedulers[n]; n++) {
        names[n] = schedulers[n]->name;
        if (!strcmp(name, names[n])) {
            *out = schedulers[n];
            return ANL_OK;
        }
    }
    near = anl__nearest(name, names, n);
    anl__buf_init(&list, ctx);
    for (int i = 0; i < n; i++) anl__buf_add(&list, "%s%s", i ? ", " : "", names[i]);
    st = anl__fail(ctx, ANL_RECIPE, "there is no scheduler '%s'%s%s%s; there are: %s", name,
                   near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", list.text);
    anl__buf_release(&list);
    return st;
}

anl_status scheduler_check(anl_ctx *ctx, const scheduler *s, const schedule_task *t)
{
    if (t->max_step < 1)
        return anl__fail(ctx, ANL_RECIPE,
                         "scheduler %s: a whole trial has %lld steps and must have 1 or more", s->name,
                         (long long)t->max_step);
    if (t->interval < 0 || t->warmup < 0 || t->trials < 0)
        return anl__fail(ctx, ANL_RECIPE, "scheduler %s: interval, warmup and trials must be 0 or more",
                         s->name);
    return s->check ? s->check(ctx, t) : ANL_OK;
}

int64_t scheduler_first(const scheduler *s, const schedule_task *t, int64_t number)
{
    return s->first(t, number);
}

double scheduler_expect(const scheduler *s, const schedule_task *t, int64_t number)
{
    return s->expect ? s->expect(t, number) : (double)t->max_step;
}

static anl_status check_trials(anl_ctx *ctx, const scheduler *s, const schedule_trial *trials, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (trials[i - 1].number >= trials[i].number)
            return anl__fail(
                ctx, ANL_INVALID,
                "scheduler %s: trials must come in ascending order of number, and %lld stands before %lld",
                s->name, (long long)trials[i - 1].number, (long long)trials[i].number);
    return ANL_OK;
}

anl_status scheduler_judge(anl_ctx *ctx, const scheduler *s, const schedule_task *t,
                           const schedule_trial *trials, int64_t n, int64_t i, schedule_decision *out,
                           double *values)
{
    ANL_TRY(check_trials(ctx, s, trials, n));
    if (i < 0 || i >= n)
        return anl__fail(ctx, ANL_INVALID, "scheduler %s: there is no trial at place %lld of %lld", s->name,
                         (long long)i, (long long)n);
    if (!trials[i].n_reports)
        return anl__fail(ctx, ANL_INVALID, "scheduler %s: trial %lld has reported nothing", s->name,
                         (long long)trials[i].number);
    if (schedule_last(&trials[i]) >= t->max_step) {
        schedule_say(out, SCHEDULE_STOP, trials[i].number, t->max_step, "ran to the last step, %lld",
                     (long long)t->max_step);
        return ANL_OK;
    }
    return s->judge(ctx, t, trials, n, i, out, values);
}

anl_status scheduler_pick(anl_ctx *ctx, const scheduler *s, const schedule_task *t,
                          const schedule_trial *trials, int64_t n, int64_t next, schedule_decision *out,
                          double *values)
{
    ANL_TRY(check_trials(ctx, s, trials, n));
    return s->pick(ctx, t, trials, n, next, out, values);
}

double schedule_loss_at(const schedule_task *t, const schedule_trial *trial, int64_t step)
{
    int low = 0, high = trial->n_reports; /* the first report at `step` or later lies in low .. high */
    while (low < high) {
        int middle = (low + high) / 2;
        if (trial->report[middle].step < step) low = middle + 1;
        else high = middle;
    }
    if (low == trial->n_reports || trial->report[low].step != step) return NAN;
    double v = trial->report[low].value;
    return !isfinite(v) ? INFINITY : t->maximize ? -v : v;
}

int64_t schedule_last(const schedule_trial *trial)
{
    return trial->n_reports ? trial->report[trial->n_reports - 1].step : 0;
}

void schedule_say(schedule_decision *out, schedule_action action, int64_t trial, int64_t target,
                  const char *fmt, ...)
{
    va_list ap;
    *out = (schedule_decision){.action = action, .trial = trial, .target = target, .source = -1};
    va_start(ap, fmt);
    vsnprintf(out->why, sizeof out->why, fmt, ap);
    va_end(ap);
}

void schedule_start(const scheduler *s, const schedule_task *t, int64_t next, schedule_decision *out)
{
    if (next >= 0) schedule_say(out, SCHEDULE_START, next, s->first(t, next), "a new trial");
    else schedule_say(out, SCHEDULE_IDLE, -1, 0, "no new trial is left, and none that waits can go on");
}
