/* Successive halving, the part that ASHA and Hyperband share: rungs, who is promoted, what waiting trials may
 * do.
 *
 * Asynchronous (Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020, algorithm 2):
 * of the n trials that have reported at a rung the best floor(n / eta) may go on, whenever; a trial is
 * promoted at most once from each. Strict: a rung is decided when all its trials have reported or failed,
 * then the best floor(n / eta), at least one, go on and the others stop. Ties go to the lower number. In the
 * strict order a trial that failed has the worst value at the rungs it did not reach; in the asynchronous
 * one it is not counted there.
 */
#include "scheduler_inside.h"

#include <math.h>

double rungs_eta(const schedule_task *t, double def) { return t->eta != 0 ? t->eta : def; }

anl_status rungs_check(anl_ctx *ctx, const schedule_task *t, double eta, const char *name)
{
    if (!(eta > 1) || !isfinite(eta))
        return anl__fail(ctx, ANL_RECIPE, "scheduler %s: eta is %g and must be above 1", name, eta);
    if (t->min_step < 1 || t->min_step > t->max_step)
        return anl__fail(
            ctx, ANL_RECIPE,
            "scheduler %s: the first rung, %lld, must lie within 1 to %lld, the steps of a whole trial", name,
            (long long)t->min_step, (long long)t->max_step);
    return ANL_OK;
}

/* The step of rung k: first * eta^k, rounded; max_step from the last rung on. Rungs that would fall together
 * are one. */
static int64_t rung_step(const schedule_task *t, double eta, int64_t first, int k)
{
    int64_t step = first;
    double exact = (double)first;
    for (; k > 0 && step < t->max_step; k--) {
        int64_t before = step;
        while (step <= before && step < t->max_step) {
            exact *= eta;
            step = exact >= (double)t->max_step ? t->max_step : (int64_t)floor(exact + 0.5);
        }
    }
    return step < t->max_step ? step : t->max_step;
}

double rungs_expect(const schedule_task *t, double eta, int64_t first)
{
    double steps = (double)first, part = 1;
    for (int64_t k = 0, at = first; at < t->max_step; k++) {
        int64_t next = rung_step(t, eta, first, (int)k + 1);
        part /= eta;
        steps += part * (double)(next - at);
        at = next;
    }
    return steps;
}

/* The rung whose step this is; -1: none. */
static int rung_at(const schedule_task *t, double eta, int64_t first, int64_t step)
{
    for (int k = 0;; k++) {
        int64_t s = rung_step(t, eta, first, k);
        if (s == step) return k;
        if (s > step || s >= t->max_step) return -1;
    }
}

static bool better(double a, int64_t number_a, double b, int64_t number_b)
{
    return a < b || (a == b && number_a < number_b);
}

/* Asynchronous: may trial i go on from its step? */
static bool promotable(const schedule_task *t, double eta, bracket_fn of, const schedule_trial *trials,
                       int64_t n, int64_t i, int64_t *place, int64_t *count)
{
    int64_t step = schedule_last(&trials[i]);
    int id = of(t, trials[i].number).id;
    double own = schedule_loss_at(t, &trials[i], step);
    *place = *count = 0;
    for (int64_t k = 0; k < n; k++) {
        double loss = schedule_loss_at(t, &trials[k], step);
        if (isnan(loss) || of(t, trials[k].number).id != id) continue;
        (*count)++;
        *place += k != i && better(loss, trials[k].number, own, trials[i].number);
    }
    return isfinite(own) && *place < (int64_t)floor((double)*count / eta + 1e-9);
}

typedef enum verdict { UNDECIDED, PROMOTED, BEATEN } verdict;

/* Ranks those of a block that came to rung k (beaten[j] < 0) and beats all but the best. false: somebody is
 * still on the way. */
static bool decide_rung(const schedule_task *t, double eta, int64_t step, const schedule_trial *block,
                        int64_t n, int k, int *beaten, double *loss)
{
    int64_t count = 0, keep;
    for (int64_t j = 0; j < n; j++) {
        if (beaten[j] >= 0) continue;
        loss[j] = schedule_loss_at(t, &block[j], step);
        if (isnan(loss[j]) && block[j].state != SCHEDULE_FAILED && block[j].state != SCHEDULE_STOPPED)
            return false;
        if (isnan(loss[j])) loss[j] = INFINITY;
        count++;
    }
    keep = (int64_t)floor((double)count / eta + 1e-9);
    if (keep < 1) keep = 1;
    for (int64_t j = 0; j < n; j++) {
        int64_t place = 0;
        if (beaten[j] >= 0) continue;
        for (int64_t o = 0; o < n; o++)
            place += (beaten[o] < 0 || beaten[o] == k) &&
                     better(loss[o], block[o].number, loss[j], block[j].number);
        if (place >= keep || !isfinite(loss[j])) beaten[j] = k;
    }
    return true;
}

/* Strict: what becomes of trial i, which waits at rung k. `closed`: no further trial will come, so its block
 * is what there is of it. */
static anl_status strict_verdict(anl_ctx *ctx, const schedule_task *t, double eta, bracket_fn of,
                                 const schedule_trial *trials, int64_t n, int64_t i, int k, bool closed,
                                 verdict *out)
{
    bracket b = of(t, trials[i].number);
    int64_t high = t->trials && t->trials < b.high ? t->trials : b.high, from = 0, count;
    while (trials[from].number < b.low) from++;
    for (count = 0; from + count < n && trials[from + count].number < high; count++) continue;
    *out = UNDECIDED;
    if (count < high - b.low && !closed) return ANL_OK;
    int *beaten = anl__calloc(ctx, (size_t)count, sizeof *beaten);
    double *loss = anl__calloc(ctx, (size_t)count, sizeof *loss);
    anl_status st = ANL_NOMEM;
    if (!beaten || !loss) goto done;
    st = ANL_OK;
    for (int64_t j = 0; j < count; j++) beaten[j] = -1;
    for (int rung = 0; rung <= k; rung++)
        if (!decide_rung(t, eta, rung_step(t, eta, b.first, rung), trials + from, count, rung, beaten, loss))
            goto done;
    *out = beaten[i - from] >= 0 ? BEATEN : PROMOTED;
done:
    anl__free(ctx, beaten);
    anl__free(ctx, loss);
    return st;
}

/* Decides trial i, which stands at a rung; WAIT when it cannot be decided. */
static anl_status decide(anl_ctx *ctx, const schedule_task *t, double eta, bracket_fn of,
                         const schedule_trial *trials, int64_t n, int64_t i, bool closed,
                         schedule_decision *out)
{
    int64_t step = schedule_last(&trials[i]), place, count, number = trials[i].number,
            first = of(t, number).first;
    int k = rung_at(t, eta, first, step);
    int64_t next = rung_step(t, eta, first, k + 1);
    if (k < 0) {
        schedule_say(out, SCHEDULE_GO, number, trials[i].target, "step %lld is no rung", (long long)step);
        return ANL_OK;
    }
    if (!t->strict) {
        bool up = promotable(t, eta, of, trials, n, i, &place, &count);
        schedule_say(out, up ? SCHEDULE_GO : SCHEDULE_WAIT, number, up ? next : step,
                     "place %lld of %lld at step %lld", (long long)place + 1, (long long)count,
                     (long long)step);
        return ANL_OK;
    }
    verdict v;
    ANL_TRY(strict_verdict(ctx, t, eta, of, trials, n, i, k, closed, &v));
    if (v == UNDECIDED)
        schedule_say(out, SCHEDULE_WAIT, number, step, "the rung at step %lld is not complete",
                     (long long)step);
    else if (v == PROMOTED)
        schedule_say(out, SCHEDULE_GO, number, next, "among the best at step %lld", (long long)step);
    else schedule_say(out, SCHEDULE_STOP, number, step, "beaten at step %lld", (long long)step);
    return ANL_OK;
}

anl_status rungs_judge(anl_ctx *ctx, const schedule_task *t, double eta, bracket_fn of,
                       const schedule_trial *trials, int64_t n, int64_t i, schedule_decision *out)
{
    if (schedule_last(&trials[i]) < trials[i].target) {
        schedule_say(out, SCHEDULE_GO, trials[i].number, trials[i].target, "on its way to step %lld",
                     (long long)trials[i].target);
        return ANL_OK;
    }
    return decide(ctx, t, eta, of, trials, n, i, false, out);
}

/* Asynchronous, and the budget of new trials is spent: when nothing runs and none came to the end, the best
   of those that came farthest goes on, so that a small sweep has one whole trial. -1: no. */
static int64_t last_hope(const schedule_task *t, const schedule_trial *trials, int64_t n)
{
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
        if (trials[i].state == SCHEDULE_RUNNING || trials[i].state == SCHEDULE_DONE) return -1;
        if (trials[i].state != SCHEDULE_WAITING) continue;
        int64_t step = schedule_last(&trials[i]), farthest = best < 0 ? 0 : schedule_last(&trials[best]);
        double loss = schedule_loss_at(t, &trials[i], step);
        if (!isfinite(loss)) continue;
        if (best < 0 || step > farthest ||
            (step == farthest && loss < schedule_loss_at(t, &trials[best], step)))
            best = i;
    }
    return best;
}

/* Strict: the waiting trial of the lowest number that is decided; -1: none is. */
static anl_status pick_strict(anl_ctx *ctx, const schedule_task *t, double eta, bracket_fn of,
                              const schedule_trial *trials, int64_t n, bool closed, schedule_decision *out)
{
    for (int64_t i = 0; i < n; i++) {
        if (trials[i].state != SCHEDULE_WAITING) continue;
        ANL_TRY(decide(ctx, t, eta, of, trials, n, i, closed, out));
        if (out->action != SCHEDULE_WAIT) return ANL_OK;
    }
    out->trial = -1;
    return ANL_OK;
}

/* The best waiting trial of one bracket at one step: if it may not go on, no other there may. */
typedef struct leader {
    int id;
    int64_t step, at;
    double loss;
} leader;

/* Asynchronous: the trial that may go on from the highest rung, the best there; -1: none may. */
static anl_status pick_async(anl_ctx *ctx, const schedule_task *t, double eta, bracket_fn of,
                             const schedule_trial *trials, int64_t n, schedule_decision *out)
{
    leader *leaders = anl__calloc(ctx, (size_t)n, sizeof *leaders);
    int64_t count = 0;
    double best = 0;
    anl_status st = ANL_NOMEM;
    out->trial = -1;
    if (!leaders) return st;
    for (int64_t i = 0; i < n; i++) {
        if (trials[i].state != SCHEDULE_WAITING) continue;
        leader own = {of(t, trials[i].number).id, schedule_last(&trials[i]), i, 0};
        int64_t k = 0;
        own.loss = schedule_loss_at(t, &trials[i], own.step);
        while (k < count && (leaders[k].id != own.id || leaders[k].step != own.step)) k++;
        if (k == count || own.loss < leaders[k].loss) leaders[k] = own;
        if (k == count) count++;
    }
    for (int64_t k = 0; k < count; k++) {
        schedule_decision d;
        ANL_GO(decide(ctx, t, eta, of, trials, n, leaders[k].at, false, &d));
        if (d.action != SCHEDULE_GO) continue;
        if (out->trial >= 0 &&
            (d.target < out->target || (d.target == out->target && leaders[k].loss >= best)))
            continue;
        *out = d;
        best = leaders[k].loss;
    }
    st = ANL_OK;
done:
    anl__free(ctx, leaders);
    return st;
}

anl_status rungs_pick(anl_ctx *ctx, const scheduler *s, const schedule_task *t, double eta, bracket_fn of,
                      const schedule_trial *trials, int64_t n, int64_t next, schedule_decision *out)
{
    schedule_decision found = {.trial = -1};
    if (t->strict) ANL_TRY(pick_strict(ctx, t, eta, of, trials, n, next < 0, &found));
    else ANL_TRY(pick_async(ctx, t, eta, of, trials, n, &found));
    if (found.trial >= 0) {
        *out = found;
        return ANL_OK;
    }
    int64_t hope = next < 0 && !t->strict ? last_hope(t, trials, n) : -1;
    if (hope >= 0) {
        int64_t step = schedule_last(&trials[hope]), first = of(t, trials[hope].number).first;
        schedule_say(out, SCHEDULE_GO, trials[hope].number,
                     rung_step(t, eta, first, rung_at(t, eta, first, step) + 1),
                     "the best at step %lld, and none is whole yet", (long long)step);
        return ANL_OK;
    }
    schedule_start(s, t, next, out);
    return ANL_OK;
}
