/* Scores against values worked out by hand (and, for the AUC, by counting pairs). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/philox.h"
#include "runtime/train/scores.h"

#include <math.h>

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9)) fail_msg("%.12g, not %.12g", got, want);
}

/* Truth 0 0 0 1 1 2, predictions 0 0 1 1 2 2. */
static void test_small(void **state)
{
    (void)state;
    static const float y[6][3] = {{3, 1, 0}, {2, 1, 0}, {1, 2, 0}, {0, 5, 1}, {0, 1, 5}, {0, 1, 2}};
    static const int32_t truth[6] = {0, 0, 0, 1, 1, 2};
    anl_ctx *ctx = anl_ctx_create();
    anl__scores *s;
    anl__score_summary m;
    assert_int_equal(anl__scores_create(ctx, 3, ANL__SCORE_CLASSES, 2, 6, &s), ANL_OK);
    anl__scores_add(s, y[0], truth, 4);
    anl__scores_add(s, y[4], truth + 4, 2);
    anl__scores_add_loss(s, 3, 4);
    anl__scores_add_loss(s, 3, 2);
    anl__scores_summary(s, &m);
    assert_int_equal(m.samples, 6);
    near(m.loss, 1);
    near(m.accuracy, 4.0 / 6);
    near(m.topk, 1);
    near(m.macro_precision, (1 + 0.5 + 0.5) / 3);
    near(m.macro_recall, (2.0 / 3 + 0.5 + 1) / 3);
    near(m.macro_f1, (0.8 + 0.5 + 2.0 / 3) / 3);
    near(m.micro_f1, 4.0 / 6);
    assert_int_equal(anl__scores_confusion(s, 0, 1), 1);
    assert_int_equal(anl__scores_confusion(s, 1, 2), 1);
    anl__class_score k = anl__scores_class(s, 0);
    near(k.precision, 1);
    near(k.recall, 2.0 / 3);
    assert_int_equal(k.support, 3);
    anl__scores_destroy(s);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_auc(void **state)
{
    (void)state;
    enum { N = 200 };
    float y[N][2];
    int32_t truth[N];
    double won = 0, pairs = 0;
    anl_ctx *ctx = anl_ctx_create();
    anl__scores *s;
    for (uint32_t i = 0; i < N; i++) {
        anl__u32x4 r = anl__philox(5, i, 0, 0, 0);
        truth[i] = (int32_t)(r.v[0] % 3 == 0);
        y[i][0] = 0;
        y[i][1] = (float)(r.v[1] % 20) / 4 + (float)truth[i]; /* ties */
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            if (!truth[i] || truth[j]) continue;
            pairs++;
            won += y[i][1] > y[j][1] ? 1 : y[i][1] == y[j][1] ? 0.5 : 0;
        }
    assert_int_equal(anl__scores_create(ctx, 2, ANL__SCORE_CLASSES, 1, N, &s), ANL_OK);
    anl__scores_add(s, y[0], truth, N);
    near(anl__scores_class(s, 1).auc, won / pairs);
    near(anl__scores_class(s, 0).auc, won / pairs);
    /* precision and recall at every threshold, by counting */
    double area = 0, last = 0, best = 0;
    for (double at = 6; at > -1; at -= 0.25) {
        double hit = 0, said = 0, all = 0;
        for (int i = 0; i < N; i++) {
            bool yes = (double)y[i][1] >= at;
            said += yes;
            hit += yes && truth[i];
            all += truth[i];
        }
        if (said <= 0) continue;
        area += hit / said * (hit / all - last);
        last = hit / all;
        best = fmax(best, 2 * hit / (said + all));
    }
    near(anl__scores_class(s, 1).average_precision, area);
    near(anl__scores_class(s, 1).best_f1, best);
    anl__scores_reset(s);
    anl__scores_add(s, y[0], (int32_t[4]){0, 0, 0, 0}, 4);
    assert_true(isnan(anl__scores_class(s, 1).auc)); /* no positive */
    anl__scores_destroy(s);
    anl_ctx_destroy(ctx);
}

static void test_regression(void **state)
{
    (void)state;
    static const float y[4] = {1, 2, 3, 5}, t[4] = {1, 2, 4, 3};
    anl_ctx *ctx = anl_ctx_create();
    anl__scores *s;
    anl__score_summary m;
    assert_int_equal(anl__scores_create(ctx, 1, ANL__SCORE_VALUES, 1, 0, &s), ANL_OK);
    anl__scores_add(s, y, t, 4);
    anl__scores_summary(s, &m);
    near(m.rmse, sqrt(5.0 / 4));
    near(m.mae, 0.75);
    near(m.r2, 1 - 5.0 / 5);
    anl__scores_destroy(s);
    anl_ctx_destroy(ctx);
}

/* A network that gives NaN is not credited with anything, and an ignored label counts nowhere. */
static void test_odd(void **state)
{
    (void)state;
    float y[3][2] = {{NAN, NAN}, {NAN, 1}, {1, 0}};
    int32_t truth[3] = {0, 0, -1};
    anl_ctx *ctx = anl_ctx_create();
    anl__scores *s;
    anl__score_summary m;
    assert_int_equal(anl__argmax(y[1], 2), 1);
    assert_int_equal(anl__scores_create(ctx, 2, ANL__SCORE_CLASSES, 1, 3, &s), ANL_OK);
    anl__scores_add(s, y[0], truth, 3);
    anl__scores_summary(s, &m);
    assert_int_equal(m.samples, 2);
    assert_true(m.topk == 0);
    anl__scores_destroy(s);
    anl_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small), cmocka_unit_test(test_auc), cmocka_unit_test(test_regression), cmocka_unit_test(test_odd)};
    return cmocka_run_group_tests_name("train/scores", tests, NULL, NULL);
}
