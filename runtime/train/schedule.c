/* Schedules; see schedule.h. */
#include "schedule.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"constant", "step", "multistep", "exponential", "cosine", "one-cycle", "polynomial", "plateau"};
enum { CONSTANT, STEP, MULTISTEP, EXPONENTIAL, COSINE, ONE_CYCLE, POLYNOMIAL, PLATEAU, SCHEDULES };

anl__schedule anl__schedule_default(void)
{
    return (anl__schedule){.name = "constant", .every = 10, .gamma = 0.1, .power = 1, .peak_at = 0.3, .div = 25, .patience = 3, .factor = 0.1};
}

static int kind_of(const char *name)
{
    int k = 0;
    while (k < SCHEDULES && strcmp(names[k], name)) k++;
    return k;
}

anl_status anl__schedule_check(anl_ctx *ctx, const anl__schedule *s)
{
    int k = kind_of(s->name);
    if (k == SCHEDULES) {
        const char *near = anl__nearest(s->name, names, SCHEDULES);
        return anl__fail(ctx, ANL_RECIPE, "there is no schedule '%s'%s%s%s", s->name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (!(s->warmup >= 0)) return anl__fail(ctx, ANL_RECIPE, "schedule.warmup = %g is below 0", s->warmup);
    if (k == STEP && !(s->every > 0)) return anl__fail(ctx, ANL_RECIPE, "schedule.step = %g must be above 0 epochs", s->every);
    if (k == MULTISTEP && !s->n_milestone) return anl__fail(ctx, ANL_RECIPE, "schedule.name multistep needs schedule.milestones");
    for (int i = 1; i < s->n_milestone; i++)
        if (!(s->milestone[i] > s->milestone[i - 1]))
            return anl__fail(ctx, ANL_RECIPE, "schedule.milestones must ascend: %g stands after %g", s->milestone[i], s->milestone[i - 1]);
    if (k == ONE_CYCLE && !(s->peak_at > 0 && s->peak_at < 1 && s->div >= 1))
        return anl__fail(ctx, ANL_RECIPE, "schedule.peak_at = %g must lie between 0 and 1 and schedule.div = %g be at least 1", s->peak_at, s->div);
    if (k == PLATEAU && !(s->factor > 0 && s->factor < 1)) return anl__fail(ctx, ANL_RECIPE, "schedule.factor = %g must lie between 0 and 1", s->factor);
    return ANL_OK;
}

/* Half a cosine from a (t = 0) to b (t = 1). */
static double half_cosine(double a, double b, double t) { return b + (a - b) * 0.5 * (1 + cos(acos(-1.0) * t)); }

double anl__schedule_rate(const anl__schedule *s, double lr, int64_t step, int64_t total, int64_t per_epoch)
{
    int64_t warm = (int64_t)llround(s->warmup * (double)per_epoch);
    if (step < warm) return lr * (double)(step + 1) / (double)warm;
    int64_t epoch = per_epoch > 0 ? step / per_epoch : 0;
    double t = total - warm > 1 ? (double)(step - warm) / (double)(total - warm) : 0;
    if (t > 1) t = 1;
    switch (kind_of(s->name)) {
    case STEP: return lr * pow(s->gamma, floor((double)epoch / s->every));
    case MULTISTEP: {
        int n = 0;
        while (n < s->n_milestone && (double)epoch >= s->milestone[n]) n++;
        return lr * pow(s->gamma, n);
    }
    case EXPONENTIAL: return lr * pow(s->gamma, (double)epoch);
    case COSINE: return half_cosine(lr, lr * s->final, t); /* Loshchilov and Hutter, 2017, without restarts */
    case ONE_CYCLE: /* Smith, 2018, with cosine halves */
        return t < s->peak_at ? half_cosine(lr / s->div, lr, t / s->peak_at) : half_cosine(lr, lr * s->final, (t - s->peak_at) / (1 - s->peak_at));
    case POLYNOMIAL: return lr * (s->final + (1 - s->final) * pow(1 - t, s->power));
    default: return lr;
    }
}

anl__plateau anl__plateau_start(void) { return (anl__plateau){.best = NAN, .factor = 1}; }

bool anl__plateau_see(const anl__schedule *s, anl__plateau *p, double value, bool lower)
{
    double gain = lower ? p->best - value : value - p->best;
    if (isnan(p->best) || gain > s->min_delta) {
        p->best = value;
        p->bad = 0;
        return false;
    }
    if (p->cooling > 0) {
        p->cooling--;
        return false;
    }
    if (++p->bad <= s->patience) return false;
    p->factor *= s->factor;
    p->bad = 0;
    p->cooling = s->cooldown;
    return true;
}
