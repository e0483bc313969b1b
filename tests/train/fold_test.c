/* Evaluation with batch normalisation folded into the convolutions says what it says without, for plain and averaged weights, and
 * follows when the weights change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "models/model.h"
#include "runtime/graph/net.h"

#include <math.h>
#include <string.h>

enum { BATCH = 20 };

static void build(void *self, anl_graph *g, anl__size size) { anl_model_build(g, self, size); }

static int count(const anl_program *p, const char *op)
{
    int n = 0;
    for (int s = 0; s < p->n_step; s++) n += !strcmp(p->step[s].prep.call.op->name, op);
    return n;
}

/* Trains some steps and evaluates after each; the logits of both sides must agree. */
static void compare(const anl_model_opts *m, const char *device)
{
    toy data, valid;
    anl_ctx *ctx = anl_ctx_create();
    anl__trainer *t[2];
    toy_make(&data, 40, BATCH, true);
    toy_make(&valid, BATCH, BATCH, false);
    for (int k = 0; k < 2; k++) {
        anl__trainer_opts o = toy_opts(&data, &valid);
        o.task = (anl__task){(void *)(uintptr_t)m, build};
        o.device = device;
        o.rewrite = k == 1;
        o.optim.ema = 0.5;
        o.optim.name = "sgd";
        if (anl__trainer_create(ctx, &o, &t[k]) != ANL_OK) fail_msg("%s", anl_last_error(ctx));
        assert_int_equal(anl__trainer_init(t[k]), ANL_OK);
    }
    assert_true(count(anl__trainer_program(t[0], ANL_EVAL), "batchnorm") > 0);
    assert_int_equal(count(anl__trainer_program(t[1], ANL_EVAL), "batchnorm"), 0);
    anl__feed f = toy_feed(&data), v = toy_feed(&valid);
    assert_int_equal(f.start(f.self, 0, 0), ANL_OK);
    for (int step = 1; step <= 2; step++) {
        anl__feed_batch b, e;
        anl__eval_result y[2];
        int64_t columns = anl__trainer_columns(t[0]);
        assert_int_equal(f.next(f.self, &b), ANL_OK);
        for (int k = 0; k < 2; k++) {
            anl__step_result r;
            assert_int_equal(anl__trainer_step(t[k], &b, step, 0, 0.05, &r), ANL_OK);
        }
        /* from here on both have the weights of one, so that only evaluation differs */
        anl_net *from = anl__trainer_net(t[0]), *to = anl__trainer_net(t[1]);
        for (int s = ANL_SLAB_PARAM; s <= ANL_SLAB_EMA; s++)
            assert_int_equal(anl_net_slab_write(to, (anl_slab)s, 0, anl_net_slab_count(to, (anl_slab)s), anl_net_slab_data(from, (anl_slab)s)), ANL_OK);
        for (int ema = 0; ema < 2; ema++) {
            assert_int_equal(v.start(v.self, 0, 0), ANL_OK);
            assert_int_equal(v.next(v.self, &e), ANL_OK);
            for (int k = 0; k < 2; k++) assert_int_equal(anl__trainer_eval(t[k], &e, ema, &y[k]), ANL_OK);
            for (int64_t i = 0; i < BATCH * columns; i++)
                if (!(fabsf(y[0].logits[i] - y[1].logits[i]) <= 1e-4f * (1 + fabsf(y[0].logits[i])))) fail_msg("step %d, logit %d: %g and %g", step, (int)i, (double)y[0].logits[i], (double)y[1].logits[i]);
        }
    }
    for (int k = 0; k < 2; k++) anl__trainer_destroy(t[k]);
    toy_free(&data);
    toy_free(&valid);
    assert_int_equal(anl__live_blocks(ctx), 0);
    anl_ctx_destroy(ctx);
}

static void test_residual(void **state)
{
    (void)state;
    anl_model_opts m = anl_model_opts_default();
    m.name = "resnet-cifar";
    m.depth = 8;
    m.height = m.width = SIDE;
    m.classes = CLASSES;
    compare(&m, "reference");
    if (toy_has("cpu", ANL_F32)) compare(&m, "cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_residual)};
    return cmocka_run_group_tests_name("train/fold", tests, NULL, NULL);
}
