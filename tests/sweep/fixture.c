#include "fixture.h"

#include <time.h>

int sweep_setup(void **state)
{
    *state = anl_ctx_create();
    return *state ? 0 : -1;
}

int sweep_teardown(void **state)
{
    int64_t live = anl__live_blocks(*state);
    anl_ctx_destroy(*state);
    if (live) print_error("%lld blocks live\n", (long long)live);
    return live ? -1 : 0;
}

static const double PI = 3.141592653589793;

static double sphere(const double *x)
{
    double s = 0;
    for (int i = 0; i < 5; i++) s += x[i] * x[i];
    return s;
}

static double rosenbrock(const double *x)
{
    double s = 0;
    for (int i = 0; i < 4; i++) s += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return s;
}

static double ackley(const double *x)
{
    double squares = 0, cosines = 0;
    for (int i = 0; i < 5; i++) {
        squares += x[i] * x[i] / 5;
        cosines += cos(2 * PI * x[i]) / 5;
    }
    return -20 * exp(-0.2 * sqrt(squares)) - exp(cosines) + 20 + exp(1);
}

static double rastrigin(const double *x)
{
    double s = 50;
    for (int i = 0; i < 5; i++) s += x[i] * x[i] - 10 * cos(2 * PI * x[i]);
    return s;
}

static double branin(const double *x)
{
    double a = x[1] - 5.1 / (4 * PI * PI) * x[0] * x[0] + 5 / PI * x[0] - 6;
    return a * a + 10 * (1 - 1 / (8 * PI)) * cos(x[0]) + 10;
}

static double hartmann(const double *x)
{
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {.05, 10, 17, .1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, .05, 10, .1, 14}};
    static const double p[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                   {2329, 4135, 8307, 3736, 1004, 9991},
                                   {2348, 1451, 3522, 2883, 3047, 6650},
                                   {4047, 8828, 8732, 5743, 1091, 381}};
    static const double alpha[4] = {1, 1.2, 3, 3.2};
    double s = 0;
    for (int i = 0; i < 4; i++) {
        double e = 0;
        for (int j = 0; j < 6; j++) e += a[i][j] * pow(x[j] - 1e-4 * p[i][j], 2);
        s -= alpha[i] * exp(-e);
    }
    return s;
}

/* Like the tuning of a network: rate, optimizer, depth, dropout, decay, and a momentum that only sgd has. */
static double mixed(const double *x)
{
    static const double rate[3] = {-1, -3, -3.5}, plus[3] = {.05, 0, .15};
    int optim = (int)x[1];
    double y = pow(log10(x[0]) - rate[optim], 2) * .15 + pow((x[2] - 6) / 6, 2) * .4 + pow(x[3] - .3, 2) +
               pow(log10(x[4]) + 4.5, 2) * .02 + plus[optim];
    if (optim == 0) y += pow(x[5] - .9, 2) * .3;
    return y;
}

#define AXIS(n, lo, hi)                                                                                      \
    {                                                                                                        \
        .name = n, .low = lo, .high = hi                                                                     \
    }
#define FIVE(lo, hi)                                                                                         \
    {                                                                                                        \
        AXIS("x0", lo, hi), AXIS("x1", lo, hi), AXIS("x2", lo, hi), AXIS("x3", lo, hi), AXIS("x4", lo, hi)   \
    }
static const space_axis sphere_axes[] = FIVE(-5.12, 5.12), rosen_axes[] = FIVE(-5, 10),
                        ackley_axes[] = FIVE(-32.768, 32.768);
static const space_axis branin_axes[] = {AXIS("x0", -5, 10), AXIS("x1", 0, 15)};
static const space_axis hart_axes[] = {AXIS("x0", 0, 1), AXIS("x1", 0, 1), AXIS("x2", 0, 1),
                                       AXIS("x3", 0, 1), AXIS("x4", 0, 1), AXIS("x5", 0, 1)};
static const char *const optimizers[] = {"sgd", "adam", "rmsprop"}, *const only_sgd[] = {"sgd"};
static const space_axis mixed_axes[] = {
    {.name = "lr", .low = 1e-6, .high = 1, .log = true},
    {.name = "optimizer", .kind = SPACE_CHOICE, .choice = optimizers, .n_choices = 3},
    {.name = "depth", .kind = SPACE_INT, .low = 1, .high = 12},
    {.name = "dropout", .low = 0, .high = 0.9},
    {.name = "decay", .low = 1e-8, .high = 0.1, .log = true},
    {.name = "momentum", .low = 0, .high = 0.99, .parent = "optimizer", .when = only_sgd, .n_when = 1},
};

const problem problems[] = {
    {"sphere5", sphere_axes, 5, sphere}, {"rosen5", rosen_axes, 5, rosenbrock},
    {"ackley5", ackley_axes, 5, ackley}, {"rastrigin5", sphere_axes, 5, rastrigin},
    {"branin", branin_axes, 2, branin},  {"hart6", hart_axes, 6, hartmann},
    {"mixed", mixed_axes, 6, mixed},     {NULL, NULL, 0, NULL},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double problem_search(anl_ctx *ctx, const problem *p, const char *name, uint64_t seed, int trials,
                      double *best, double *seconds)
{
    const sampler *s;
    space *sp = NULL;
    double *values = calloc((size_t)trials * (size_t)p->n, sizeof *values),
           *objective = calloc((size_t)trials, sizeof *objective), least = NAN;
    trial_result *seen = calloc((size_t)trials, sizeof *seen);
    sampler_task t = {.seed = seed, .n_objectives = 1, .options = sampler_options_default()};
    anl_status st = ANL_NOMEM;
    if (!values || !objective || !seen) goto done;
    ANL_GO(sampler_find(ctx, name, &s));
    ANL_GO(space_create(ctx, p->axes, p->n, &sp));
    t.space = sp;
    ANL_GO(sampler_check(ctx, s, &t));
    for (int k = 0; k < trials; k++) {
        double *x = values + k * p->n, began = now();
        ANL_GO(sampler_propose(ctx, s, &t, k, seen, k, x));
        if (seconds) seconds[k] = now() - began;
        objective[k] = p->value(x);
        seen[k] = (trial_result){
            .number = k, .state = TRIAL_COMPLETE, .values = x, .objective = &objective[k]};
        least = k && least < objective[k] ? least : objective[k];
        if (best) best[k] = least;
    }
done:
    space_destroy(sp);
    free(values);
    free(objective);
    free(seen);
    return st == ANL_OK ? least : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double percentile(double *v, int n, double percent)
{
    double at = percent / 100 * (n - 1);
    int k = (int)at;
    qsort(v, (size_t)n, sizeof *v, ascending);
    return k + 1 < n ? v[k] + (at - k) * (v[k + 1] - v[k]) : v[n - 1];
}
