/* anneal lr: the learning rate range test (Smith, "Cyclical learning rates", WACV 2017): the rate grows with every step,
 * and the loss tells where it helps and where it breaks. */
#include "command.h"
#include "exit_code.h"

#include "tools/job/job.h"

#include <math.h>
#include <stdio.h>

static const option lr_options[] = {
    {"from", "RATE", "first rate (default 1e-6)"},
    {"to", "RATE", "last rate (default 1)"},
    {"steps", "N", "steps (default 200)"},
    {NULL, NULL, NULL},
};

typedef struct test { double from, to; int64_t steps; } test;

/* The rate where the smoothed loss falls fastest, and a tenth of the one where it is least. */
static void advise(const double *rate, const double *loss, int64_t n)
{
    double steepest = 0, at = 0, least = INFINITY, low = 0;
    for (int64_t i = 5; i + 5 < n; i++) {
        double slope = (loss[i + 5] - loss[i - 5]) / (log(rate[i + 5]) - log(rate[i - 5]));
        if (slope < steepest) {
            steepest = slope;
            at = rate[i];
        }
        if (loss[i] < least) {
            least = loss[i];
            low = rate[i];
        }
    }
    if (at > 0) fprintf(stderr, "steepest fall at %.3g; least loss at %.3g: try optim.lr=%.2g, or %.2g as the peak of a one-cycle\n", at, low, low / 10, low / 3);
    else fprintf(stderr, "the loss never fell: look at the data, the model, or a smaller --from\n");
}

static anl_status range(anl_ctx *ctx, job *j, const test *t)
{
    const anl__feed *f = &j->part[JOB_TRAIN].feed;
    double smooth = 0, *rate = anl__calloc(ctx, 2 * (size_t)t->steps, sizeof *rate), *loss = rate + t->steps;
    int64_t epoch = 0, n = 0;
    anl_status st = rate ? f->start(f->self, 0, 0) : ANL_NOMEM;
    printf("step,lr,loss,smoothed\n");
    while (st == ANL_OK && n < t->steps) {
        anl__feed_batch b = {0};
        anl__step_result r;
        ANL_GO(f->next(f->self, &b));
        if (!b.n) {
            ANL_GO(f->start(f->self, ++epoch, 0));
            continue;
        }
        rate[n] = t->from * pow(t->to / t->from, (double)n / (double)(t->steps - 1));
        st = anl__trainer_step(j->trainer, &b, n + 1, epoch, rate[n], &r);
        f->release(f->self, &b);
        if (st != ANL_OK) break;
        double now = r.loss_num / r.loss_den;
        smooth = n ? 0.9 * smooth + 0.1 * now : now;
        loss[n] = smooth;
        printf("%lld,%.6g,%.6g,%.6g\n", (long long)n + 1, rate[n], now, smooth);
        if ((!r.finite && !r.overflow) || smooth > 4 * loss[0]) break;
        n++;
    }
    if (st == ANL_OK) advise(rate, loss, n);
done:
    anl__free(ctx, rate);
    return st;
}

static int run_lr(const options *o)
{
    test t;
    char why[256], *report = NULL;
    if (!options_real(o, "from", 1e-6, 1e-12, 1e6, &t.from, why) || !options_real(o, "to", 1, 1e-12, 1e6, &t.to, why) ||
        !options_int(o, "steps", 200, 20, 1000000, &t.steps, why)) return command_usage(o, "%s", why);
    if (t.from >= t.to) return command_usage(o, "--from must be below --to");
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    recipe *r = NULL;
    job j = {0};
    anl_status st = recipe_load(ctx, o->arg[0], o->override, o->n_override, &r);
    if (st == ANL_OK) st = job_open(ctx, r, &(job_opts){.train = true}, &j);
    if (st == ANL_OK) st = job_compile(&j, true, false);
    if (st == ANL_OK) st = job_init(&j, &report);
    anl__free(ctx, report);
    if (st == ANL_OK) st = range(ctx, &j, &t);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    job_close(&j);
    recipe_free(r);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_lr = {
    .name = "lr", .args = "RECIPE [key=value ...]", .summary = "learning rate range test: a table of rate and loss (CSV), and advice",
    .options = lr_options, .min_args = 1, .max_args = 1, .overrides = true, .run = run_lr,
};
