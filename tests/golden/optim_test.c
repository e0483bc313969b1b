/* Ten steps of each optimizer against PyTorch's: whole-slab updates on every device, with two parameters that differ in decay and rate. */
#include "fixture.h"
#include "kernels/optimizer/optimizer.h"
#include "tests/ops/harness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 8, STEPS = 10 };
static const double TOLERANCE = 1e-6; /* f32 over ten steps */

/* The value of "key=" in the case's words; 0 when it is not there. */
static double word(const golden_case *c, const char *key)
{
    char with[32];
    snprintf(with, sizeof with, "%s=", key);
    const char *p = strstr(c->attrs, with);
    return p ? strtod(p + strlen(with), NULL) : 0;
}

/* The hyper block of step k, counted from 1. PyTorch's defaults where the case says nothing. */
static void fill_hyper(const golden_case *c, int k, double *h)
{
    memset(h, 0, ANL_HYPER_WORDS * sizeof *h);
    h[ANL__HYPER_LR] = word(c, "lr");
    h[ANL__HYPER_LOSS_SCALE] = 1;
    h[ANL__HYPER_WEIGHT_DECAY] = word(c, "decay");
    h[ANL__HYPER_MOMENTUM] = word(c, "momentum");
    h[ANL__HYPER_NESTEROV] = word(c, "nesterov");
    h[ANL__HYPER_BETA1] = 0.9;
    h[ANL__HYPER_BETA2] = 0.999;
    h[ANL__HYPER_EPS] = word(c, "eps");
    h[ANL__HYPER_RHO] = 0.99;
    h[ANL__HYPER_STEP] = k;
    h[ANL__HYPER_BIAS1] = 1 - pow(0.9, k);
    h[ANL__HYPER_BIAS2] = 1 - pow(0.999, k);
}

/* The update with the slabs of this operator: param, grad, stat, hyper, moments. */
static int open_case(const golden_case *c, anl__case *of, test_case *tc)
{
    static const char *const inputs[] = {"stat 8", "stat 8", "stat 6", "stat 32", "stat 8", "stat 8"};
    char why[ANL__WHY];
    const anl__op *op = anl__op_find(c->op);
    if (!op) return -1;
    *of = (anl__case){.op = c->op};
    for (int i = 0; i < op->max_in && i < 6; i++) of->in[i] = inputs[i];
    return case_open(tc, c->name, 0, of, 0, why) ? op->max_in : -1;
}

/* Runs the ten steps of one kernel; param ends in p. */
static anl_status run_steps(direct *d, const golden_case *c, int n_in, double p[N])
{
    double grad[N], stat[ANL__STAT_WORDS] = {1, 1, 0, 0}, hyper[ANL_HYPER_WORDS], m[2][N] = {{0}};
    double *in[6] = {p, grad, stat, hyper, m[0], m[1]};
    for (int k = 0; k < STEPS; k++) {
        memcpy(grad, golden_find(c, "in1")->v + k * N, sizeof grad);
        fill_hyper(c, k + 1, hyper);
        stat[ANL__STAT_BIAS1] = hyper[ANL__HYPER_BIAS1];
        stat[ANL__STAT_BIAS2] = hyper[ANL__HYPER_BIAS2];
        ANL_TRY(direct_load(d, in, NULL));
        ANL_TRY(direct_run(d));
        for (int i = 0, r = 0; i < n_in; i++) {
            if (!(d->call.op->mutates >> i & 1)) continue;
            double *now = direct_result_values(d, d->call.n_out + r++);
            memcpy(in[i], now, N * sizeof *now);
            free(now);
        }
    }
    return ANL_OK;
}

static int run_kernel(anl_ctx *ctx, anl_device *dev, const golden_case *c, const test_case *tc, int n_in, const anl__kernel *k)
{
    direct d;
    char why[ANL__WHY] = "";
    double p[N];
    memcpy(p, golden_find(c, "in0")->v, sizeof p);
    anl_status st = direct_open(&d, ctx, tc, dev, k, ANL_F32, &(direct_opts){.slices = 2}, why);
    if (st == ANL_OK) st = run_steps(&d, c, n_in, p);
    double far = st == ANL_OK ? golden_distance(N, p, golden_find(c, "out0")->v) : INFINITY;
    if (!(far <= TOLERANCE)) print_error("%s: %s: off by %.3g %s%s\n", c->name, k->name, far, st == ANL_OK ? "" : anl_last_error(ctx), why);
    direct_close(&d);
    return !(far <= TOLERANCE);
}

static void ten_steps(void **state)
{
    (void)state;
    anl_ctx *ctx = anl_ctx_create();
    golden_case c;
    int bad = 0, runs = 0;
    assert_non_null(ctx);
    golden_file *f = golden_open("optimizers");
    while (golden_next(f, &c)) {
        anl__case of;
        test_case tc;
        int n_in = open_case(&c, &of, &tc);
        if (n_in < 0) {
            print_error("%s: there is no operator '%s'\n", c.name, c.op);
            bad++;
        }
        for (int i = 0; anl__kernel_table[i] && n_in > 0; i++)
            for (int j = 0; anl__kernel_table[i][j]; j++) {
                const anl__kernel *k = anl__kernel_table[i][j];
                anl_device *dev;
                if (strcmp(k->op, c.op) || anl_device_open(ctx, k->device, NULL, &dev) != ANL_OK) continue;
                bad += run_kernel(ctx, dev, &c, &tc, n_in, k);
                runs++;
                anl_device_close(dev);
            }
        if (n_in > 0) case_close(&tc);
        golden_release(&c);
    }
    golden_close(f);
    anl_ctx_destroy(ctx);
    assert_int_equal(bad, 0);
    assert_true(runs >= 10);
}

/* Adam over these gradients, of which the first `over` overflow under the loss scale; the weight then. */
static float adam(int over, int steps, const float *grad)
{
    float p = 1, m = 0, v = 0, den = 1, hyper[ANL_HYPER_WORDS] = {0}, scale[ANL__SCALE_WORDS] = {1024}, stat[ANL__STAT_WORDS];
    golden_case c = {.attrs = "lr=0.1 eps=1e-8"};
    for (int k = 0; k < steps; k++) {
        double h[ANL_HYPER_WORDS], g = k < over ? INFINITY : (double)grad[k - over] * (double)scale[ANL__SCALE_NOW];
        fill_hyper(&c, k + 1, h);
        for (int i = 0; i < ANL_HYPER_WORDS; i++) hyper[i] = (float)h[i];
        anl__up_stat(g * g, den, hyper, scale, NULL, 1, stat);
        assert_int_equal(stat[ANL__STAT_FINITE] != 0, k >= over);
        if (k >= over)
            p -= hyper[ANL__HYPER_LR] * anl__up_adam(anl__up_gradient((float)g, stat[ANL__STAT_FACTOR], 0), &m, &v, hyper[ANL__HYPER_BETA1], hyper[ANL__HYPER_BETA2],
                                                     stat[ANL__STAT_BIAS1], stat[ANL__STAT_BIAS2], hyper[ANL__HYPER_EPS]);
        anl__up_scale(scale, stat, 0, 1, 65536);
    }
    return p;
}

/* Steps that the loss scale leaves out are none for Adam's correction, as PyTorch's GradScaler has it. */
static void left_out_steps(void **state)
{
    (void)state;
    const float grad[] = {0.5f, -0.25f, 2};
    for (int n = 1; n <= 3; n++) {
        float plain = adam(0, n, grad), late = adam(4, 4 + n, grad);
        if (fabsf(plain - late) > 1e-5f) fail_msg("after %d steps: %.9g, but %.9g where four overflowed before", n, (double)plain, (double)late);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ten_steps), cmocka_unit_test(left_out_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
