/* The loop's decisions: what happens after a bad step, when it stops, what a failing allocation does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/train/loop.h"
#include "tests/common/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 50, BATCH = 20, PER_EPOCH = 3 };

typedef struct world {
    anl_ctx *ctx;
    toy train, valid;
    anl__trainer *trainer;
    anl__run_dir *dir;
    char path[SCRATCH_PATH]; /* empty: nothing is kept */
    anl__loop_opts o;
    anl__loop_result r;
    int epochs_seen, best_seen;
    char messages[4096];
} world;

static void on_epoch(void *user, const anl__mlog_field *f, int n, bool best)
{
    world *w = user;
    w->epochs_seen++;
    w->best_seen += best;
    for (int i = 0; i < n; i++) assert_non_null(f[i].name);
}

static void on_message(void *user, const char *text)
{
    world *w = user;
    size_t len = strlen(w->messages);
    snprintf(w->messages + len, sizeof w->messages - len, "%s\n", text);
}

static void begin(world *w, bool kept)
{
    *w = (world){.ctx = anl_ctx_create()};
    toy_make(&w->train, SAMPLES, BATCH, true);
    toy_make(&w->valid, 24, BATCH, false);
    anl__trainer_opts t = toy_opts(&w->train, &w->valid);
    t.optim.name = "sgd";
    if (anl__trainer_create(w->ctx, &t, &w->trainer) != ANL_OK) fail_msg("%s", anl_last_error(w->ctx));
    assert_int_equal(anl__trainer_init(w->trainer), ANL_OK);
    if (kept) {
        assert_true(scratch_make(w->path, "loop"));
        assert_int_equal(anl__run_dir_open(w->ctx, w->path, true, &w->dir), ANL_OK);
    }
    w->o = anl__loop_opts_default();
    w->o.trainer = w->trainer;
    w->o.train = toy_feed(&w->train);
    w->o.valid = toy_feed(&w->valid);
    w->o.epochs = 4;
    w->o.lr = 0.05;
    w->o.outputs = CLASSES;
    w->o.dir = w->dir;
    assert_int_equal(anl__cadence_parse(w->ctx, "1 step", &w->o.every), ANL_OK);
    w->o.user = w;
    w->o.on_epoch = on_epoch;
    w->o.on_message = on_message;
}

static void end(world *w)
{
    anl__trainer_destroy(w->trainer);
    anl__run_dir_close(w->dir);
    toy_free(&w->train);
    toy_free(&w->valid);
    assert_int_equal(anl__live_blocks(w->ctx), 0);
    anl_ctx_destroy(w->ctx);
    assert_true(scratch_remove(w->path));
}

static void test_runs(void **state)
{
    (void)state;
    world w;
    begin(&w, true);
    if (anl__loop_run(w.ctx, &w.o, &w.r) != ANL_OK) fail_msg("%s", anl_last_error(w.ctx));
    assert_int_equal(w.r.end, ANL__END_EPOCHS);
    assert_int_equal(w.r.state.step, 4 * PER_EPOCH);
    assert_int_equal(w.epochs_seen, 4);
    assert_true(w.best_seen >= 1);
    assert_true(w.r.state.best > 0.25);
    end(&w);
}

static void test_stop(void **state)
{
    (void)state;
    world w;
    begin(&w, true);
    w.train.poison = 25; /* step 2 */
    assert_int_equal(anl__loop_run(w.ctx, &w.o, &w.r), ANL_NONFINITE);
    assert_non_null(strstr(anl_last_error(w.ctx), "step 2"));
    assert_non_null(strstr(anl_last_error(w.ctx), "conv1"));
    float v[64]; /* nothing bad reached a weight, a moment or a statistic */
    anl_net *net = anl__trainer_net(w.trainer);
    for (int s = 0; s < ANL_SLAB_COUNT; s++) {
        if (s >= ANL_SLAB_GRAD0 && s < ANL_SLAB_MOMENT0) continue;
        for (int64_t k = 0; k < anl_net_slab_count(net, (anl_slab)s); k += 64) {
            int64_t n = anl_net_slab_count(net, (anl_slab)s) - k < 64 ? anl_net_slab_count(net, (anl_slab)s) - k : 64;
            assert_int_equal(anl_net_slab_read(net, (anl_slab)s, k, n, v), ANL_OK);
            for (int64_t i = 0; i < n; i++) if (!isfinite(v[i])) fail_msg("slab %d element %d is %g", s, (int)(k + i), (double)v[i]);
        }
    }
    end(&w);
}

static void test_skip(void **state)
{
    (void)state;
    world w;
    begin(&w, true);
    w.train.poison = 25;
    w.o.nonfinite = ANL__NONFINITE_SKIP;
    if (anl__loop_run(w.ctx, &w.o, &w.r) != ANL_OK) fail_msg("%s", anl_last_error(w.ctx));
    assert_int_equal(w.r.state.bad_steps, 1);
    assert_int_equal(w.r.state.step, 4 * PER_EPOCH);
    assert_non_null(strstr(w.messages, "step 2"));
    end(&w);
}

/* The same sample is bad each time: the rate is halved until the loop gives up, and says so. */
static void test_rollback(void **state)
{
    (void)state;
    world w;
    begin(&w, true);
    w.train.poison = SAMPLES + 25; /* in the second epoch */
    w.o.nonfinite = ANL__NONFINITE_ROLLBACK;
    assert_int_equal(anl__loop_run(w.ctx, &w.o, &w.r), ANL_NONFINITE);
    assert_int_equal(w.r.state.rollbacks, 8);
    assert_true(w.r.state.lr_factor == 1.0 / 256);
    assert_non_null(strstr(w.messages, "back to step 3"));
    assert_non_null(strstr(anl_last_error(w.ctx), "halved 8 times"));
    end(&w);
}

static void test_early(void **state)
{
    (void)state;
    world w;
    begin(&w, false);
    w.o.epochs = 50;
    w.o.patience = 2;
    w.o.min_delta = 1e9; /* no gain is ever large enough */
    assert_int_equal(anl__loop_run(w.ctx, &w.o, &w.r), ANL_OK);
    assert_int_equal(w.r.end, ANL__END_EARLY);
    assert_int_equal(w.r.state.epoch, 3);
    /* more patience or more epochs than it ended by are more to train, the same or less are not */
    const anl__loop_state *s = &w.r.state;
    assert_int_equal(anl__loop_state_finished(s, 50, 2), 2);
    assert_int_equal(anl__loop_state_finished(s, 50, 1), 2);
    assert_int_equal(anl__loop_state_finished(s, 50, 3), 0);
    assert_int_equal(anl__loop_state_finished(s, 50, 0), 0);
    assert_int_equal(anl__loop_state_finished(s, 3, 9), 2);
    end(&w);
}

static void test_metric_names(void **state)
{
    (void)state;
    world w;
    begin(&w, false);
    w.o.best_metric = "valid.acuracy";
    assert_int_equal(anl__loop_run(w.ctx, &w.o, &w.r), ANL_RECIPE);
    assert_non_null(strstr(anl_last_error(w.ctx), "valid.accuracy"));
    end(&w);
    begin(&w, false);
    w.o.valid = (anl__feed){0}; /* its metrics are then those of training */
    assert_int_equal(anl__loop_run(w.ctx, &w.o, &w.r), ANL_OK);
    end(&w);
}

/* The n-th allocation fails, for every n until all goes well: an error, no crash, no leak. */
static void test_memory(void **state)
{
    (void)state;
    if (getenv("ANL_TEST_DEVICE")) {
        print_message("skipped: a CUDA library that cannot be opened is done without\n");
        skip();
    }
    int64_t n = 1;
    for (;; n += n < 40 ? 1 : 7) {
        anl_ctx *ctx = anl_ctx_create();
        toy data, valid;
        anl__trainer *t = NULL;
        anl__loop_result r;
        toy_make(&data, SAMPLES, BATCH, true);
        toy_make(&valid, 24, BATCH, false);
        anl__trainer_opts to = toy_opts(&data, &valid);
        to.device_opts.threads = 1;
        anl__inject(ctx, ANL__INJECT_ALLOC, n);
        anl_status st = anl__trainer_create(ctx, &to, &t);
        if (st == ANL_OK) st = anl__trainer_init(t);
        anl__loop_opts o = anl__loop_opts_default();
        o.trainer = t;
        o.train = toy_feed(&data);
        o.valid = toy_feed(&valid);
        o.epochs = 1;
        o.outputs = CLASSES;
        if (st == ANL_OK) st = anl__loop_run(ctx, &o, &r);
        bool done = anl__inject_seen(ctx, ANL__INJECT_ALLOC) < n;
        anl__inject(ctx, ANL__INJECT_ALLOC, 0);
        if (done) assert_int_equal(st, ANL_OK);
        else if (st != ANL_NOMEM) fail_msg("allocation %d: %s", (int)n, anl_status_name(st));
        anl__trainer_destroy(t);
        toy_free(&data);
        toy_free(&valid);
        assert_int_equal(anl__live_blocks(ctx), 0);
        anl_ctx_destroy(ctx);
        if (done) break;
    }
    assert_true(n > 100);
}

/* After the first epoch a step allocates nothing. */
static void test_no_allocation(void **state)
{
    (void)state;
    world w;
    begin(&w, false);
    anl__feed f = w.o.train;
    int64_t step = 0, seen = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(f.start(f.self, epoch, 0), ANL_OK);
        for (;;) {
            anl__feed_batch b;
            anl__step_result r;
            assert_int_equal(f.next(f.self, &b), ANL_OK);
            if (!b.n) break;
            assert_int_equal(anl__trainer_step(w.trainer, &b, ++step, epoch, 0.01, &r), ANL_OK);
        }
        if (epoch == 0) anl__inject(w.ctx, ANL__INJECT_ALLOC, 0);
        seen = anl__inject_seen(w.ctx, ANL__INJECT_ALLOC);
    }
    assert_int_equal(seen, 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs), cmocka_unit_test(test_stop), cmocka_unit_test(test_skip), cmocka_unit_test(test_rollback),
                                       cmocka_unit_test(test_early), cmocka_unit_test(test_metric_names), cmocka_unit_test(test_memory), cmocka_unit_test(test_no_allocation)};
    return cmocka_run_group_tests_name("train/loop", tests, NULL, NULL);
}
