/* kernels/common/vexp.h against the C library in double: the largest errors stay what the header says. */
#include "kernels/common/vexp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double expm1_to_88(double x) { return expm1(x > 88 ? 88 : x); }

static void check(float (*f)(float), double (*want)(double), double ulps)
{
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 9973) {
        uint32_t u = (uint32_t)bits;
        float x, y;
        int e;
        memcpy(&x, &u, 4);
        y = f(x);
        if (x != x) {
            assert_true(y != y);
            continue;
        }
        double w = want((double)x);
        if (isinf((float)w)) assert_true((double)y == (double)(float)w);
        if (isinf((float)w) || fabs(w) < 2.8e-38) continue; /* flushed */
        frexp(w, &e);
        if (fabs((double)y - w) > ulps * ldexp(1, e - 24)) fail_msg("at %.9g: %.9g instead of %.9g", (double)x, (double)y, w);
    }
}

static float v_exp(float x) { return anl__v_exp(x); }
static float v_expm1(float x) { return anl__v_expm1(x); }
static float v_tanh(float x) { return anl__v_tanh(x); }
static float v_sigmoid(float x) { return anl__v_sigmoid(x); }
static float v_softplus(float x) { return anl__v_softplus(x); }
static float v_erf(float x) { return anl__v_erf(x); }

static void test_errors(void **state)
{
    (void)state;
    check(v_exp, exp, 1);
    check(v_expm1, expm1_to_88, 1.6);
    check(v_tanh, tanh, 2.5);
    check(v_sigmoid, sigmoid, 2.6);
    check(v_softplus, softplus, 2.8);
    check(v_erf, erf, 1.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
