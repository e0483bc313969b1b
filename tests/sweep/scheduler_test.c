/* Schedulers: whole sweeps of made-up curves through judge and pick, as a driver would, and single decisions.
 */
#include "fixture.h"

enum { MOST = 256, STEPS = 81 };

/* A sweep in memory: trial k has at step s the value quality(k) + 1 / s. */
typedef struct sweep_of {
    schedule_trial trial[MOST];
    schedule_report report[MOST][STEPS + 1];
    double values[MOST][2];
    int64_t n, epochs, exploits;
} sweep_of;

static double quality(int64_t k) { return (double)((k * 37 + 11) % 101) / 101; }

/* Runs trial i to its target, one report a step. */
static void run_on(sweep_of *w, int64_t i)
{
    schedule_trial *t = &w->trial[i];
    int64_t from = t->n_reports ? t->report[t->n_reports - 1].step : 0;
    for (int64_t s = from + 1; s <= t->target; s++) {
        w->report[i][t->n_reports++] = (schedule_report){s, quality(t->number) + 1.0 / (double)s};
        w->epochs++;
    }
}

static void apply(sweep_of *w, const schedule_task *t, const schedule_decision *d)
{
    schedule_trial *x = &w->trial[d->trial];
    if (d->action == SCHEDULE_EXPLOIT) w->exploits++;
    if (d->action == SCHEDULE_GO || d->action == SCHEDULE_EXPLOIT) {
        assert_true(d->target > x->report[x->n_reports - 1].step && d->target <= t->max_step);
        x->target = d->target;
        x->state = SCHEDULE_RUNNING;
    } else if (d->action == SCHEDULE_WAIT) x->state = SCHEDULE_WAITING;
    else x->state = x->report[x->n_reports - 1].step >= t->max_step ? SCHEDULE_DONE : SCHEDULE_STOPPED;
}

/* `workers` slots; which one ends next is chosen by a fixed pattern. Fails the test if it does not end. */
static void sweep(anl_ctx *ctx, const scheduler *s, const schedule_task *t, int64_t trials, int workers,
                  sweep_of *w)
{
    int64_t slot[16];
    double point[8];
    schedule_decision d;
    int busy = 0;
    memset(w, 0, sizeof *w);
    assert_int_equal(scheduler_check(ctx, s, t), ANL_OK);
    for (int turn = 0; turn < 100000; turn++) {
        while (busy < workers) {
            assert_int_equal(scheduler_pick(ctx, s, t, w->trial, w->n, w->n < trials ? w->n : -1, &d, point),
                             ANL_OK);
            if (d.action == SCHEDULE_IDLE) break;
            if (d.action == SCHEDULE_START) {
                assert_int_equal(d.trial, w->n);
                w->trial[w->n] = (schedule_trial){
                    .number = w->n, .target = d.target, .report = w->report[w->n], .values = w->values[w->n]};
                assert_int_equal(d.target, scheduler_first(s, t, w->n));
                slot[busy++] = w->n++;
                continue;
            }
            apply(w, t, &d);
            if (w->trial[d.trial].state == SCHEDULE_RUNNING) slot[busy++] = d.trial;
        }
        if (!busy) return;
        int k = turn * 7 % busy;
        int64_t i = slot[k];
        run_on(w, i);
        assert_int_equal(scheduler_judge(ctx, s, t, w->trial, w->n, i, &d, point), ANL_OK);
        assert_int_equal(d.trial, i);
        assert_true(d.why[0] != 0);
        apply(w, t, &d);
        if (w->trial[i].state != SCHEDULE_RUNNING) slot[k] = slot[--busy];
    }
    fail_msg("%s does not end", s->name);
}

static int64_t whole(const sweep_of *w)
{
    int64_t count = 0;
    for (int64_t i = 0; i < w->n; i++) count += w->trial[i].state == SCHEDULE_DONE;
    return count;
}

static void test_none(void **state)
{
    static sweep_of w;
    const scheduler *s;
    schedule_task t = schedule_task_default();
    t.max_step = 9;
    assert_int_equal(scheduler_find(*state, "none", &s), ANL_OK);
    sweep(*state, s, &t, 20, 3, &w);
    assert_int_equal(w.n, 20);
    assert_int_equal(w.epochs, 180);
    assert_int_equal(whole(&w), 20);
}

static void test_asha(void **state)
{
    static sweep_of w, again;
    const scheduler *s;
    schedule_task t = schedule_task_default();
    int64_t best = 0;
    t.max_step = 64;
    assert_int_equal(scheduler_find(*state, "asha", &s), ANL_OK);
    for (int64_t i = 0; i < 64; i++) best = quality(i) < quality(best) ? i : best;
    for (int workers = 1; workers <= 4; workers++) {
        sweep(*state, s, &t, 64, workers, &w);
        assert_int_equal(w.n, 64);
        assert_true(w.epochs < 64 * 64 / 3); /* a third of the full search */
        assert_true(w.trial[best].state == SCHEDULE_DONE);
        for (int64_t i = 0; i < w.n; i++) { /* targets are rungs */
            int64_t at = w.trial[i].target;
            assert_true(at == 1 || at == 4 || at == 16 || at == 64);
        }
    }
    sweep(*state, s, &t, 64, 4, &again);
    assert_int_equal(w.epochs, again.epochs);
    for (int64_t i = 0; i < w.n; i++) assert_int_equal(w.trial[i].target, again.trial[i].target);
    sweep(*state, s, &t, 3, 1, &w); /* too few for a rung: yet one is whole */
    assert_int_equal(whole(&w), 1);
}

/* In the strict order the outcome does not depend on the number of workers: 64, 16, 4, 1 trials at the rungs.
 */
static void test_asha_strict(void **state)
{
    static sweep_of w, one;
    const scheduler *s;
    schedule_task t = schedule_task_default();
    t.max_step = 64;
    t.strict = true;
    t.trials = 70; /* the last block has 6 */
    assert_int_equal(scheduler_find(*state, "asha", &s), ANL_OK);
    sweep(*state, s, &t, 70, 1, &one);
    for (int workers = 2; workers <= 5; workers++) {
        sweep(*state, s, &t, 70, workers, &w);
        assert_int_equal(w.epochs, one.epochs);
        for (int64_t i = 0; i < w.n; i++) {
            assert_int_equal(w.trial[i].target, one.trial[i].target);
            assert_int_equal(w.trial[i].state, one.trial[i].state);
        }
    }
    int64_t reached[4] = {0};
    for (int64_t i = 0; i < 64; i++)
        for (int r = 0; r < 4; r++) reached[r] += one.trial[i].target >= 1 << 2 * r;
    assert_int_equal(reached[0], 64);
    assert_int_equal(reached[1], 16);
    assert_int_equal(reached[2], 4);
    assert_int_equal(reached[3], 1);
    assert_int_equal(whole(&one), 2);
}

/* The table of the paper: R = 81, eta = 3: 81 trials from 1, 34 from 3, 15 from 9, 8 from 27, 5 from 81. */
static void test_hyperband(void **state)
{
    static sweep_of w, one;
    static const int64_t size[] = {81, 34, 15, 8, 5}, from[] = {1, 3, 9, 27, 81};
    const scheduler *s;
    schedule_task t = schedule_task_default();
    int64_t k = 0;
    t.max_step = 81;
    assert_int_equal(scheduler_find(*state, "hyperband", &s), ANL_OK);
    for (int round = 0; round < 2; round++)
        for (int b = 0; b < 5; b++)
            for (int64_t i = 0; i < size[b]; i++) assert_int_equal(scheduler_first(s, &t, k++), from[b]);
    sweep(*state, s, &t, 143, 3, &w);
    assert_int_equal(w.n, 143);
    t.strict = true;
    t.trials = 143;
    sweep(*state, s, &t, 143, 1, &one);
    sweep(*state, s, &t, 143, 4, &w);
    assert_int_equal(one.epochs, w.epochs);
    assert_int_equal(whole(&one), 1 + 1 + 1 + 2 + 5);
}

static void test_median(void **state)
{
    static sweep_of w;
    const scheduler *s;
    schedule_task t = schedule_task_default();
    t.max_step = 10;
    t.warmup = 2;
    assert_int_equal(scheduler_find(*state, "median", &s), ANL_OK);
    /* five finished trials with the qualities 1 .. 5, and one on its way */
    for (int64_t i = 0; i < 6; i++) {
        schedule_trial *x = &w.trial[i];
        *x = (schedule_trial){
            .number = i, .state = SCHEDULE_DONE, .target = 10, .report = w.report[i], .n_reports = 10};
        for (int64_t k = 0; k < 10; k++) w.report[i][k] = (schedule_report){k + 1, (double)(i + 1)};
    }
    w.trial[5].state = SCHEDULE_RUNNING;
    w.trial[5].n_reports = 3;
    for (int up = 0; up < 2; up++) {
        schedule_decision d;
        t.maximize = up;
        for (int64_t k = 0; k < 3; k++) w.report[5][k].value = 3.1;
        assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 6, 5, &d, NULL), ANL_OK);
        assert_int_equal(d.action, up ? SCHEDULE_GO : SCHEDULE_STOP);
        w.report[5][1].value = 2.9; /* the best so far counts */
        w.report[5][0].value = w.report[5][2].value = up ? 2.9 : 3.1;
        assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 6, 5, &d, NULL), ANL_OK);
        assert_int_equal(d.action, up ? SCHEDULE_STOP : SCHEDULE_GO);
        for (int64_t k = 0; k < 3; k++) w.report[5][k].value = NAN;
        assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 6, 5, &d, NULL), ANL_OK);
        assert_int_equal(d.action, SCHEDULE_STOP);
        w.trial[5].n_reports = 2; /* warm-up */
        assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 6, 5, &d, NULL), ANL_OK);
        assert_int_equal(d.action, SCHEDULE_GO);
        w.trial[5].n_reports = 3;
        w.trial[0].state = SCHEDULE_RUNNING; /* four finished are too few */
        assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 6, 5, &d, NULL), ANL_OK);
        assert_int_equal(d.action, SCHEDULE_GO);
        w.trial[0].state = SCHEDULE_DONE;
    }
}

static void test_pbt(void **state)
{
    static sweep_of w, one;
    static const space_axis axes[] = {{.name = "lr", .low = 1e-4, .high = 1, .log = true},
                                      {.name = "n", .kind = SPACE_INT, .low = 1, .high = 9}};
    const scheduler *s;
    space *sp;
    schedule_task t = schedule_task_default();
    schedule_decision d;
    double point[2];
    t.max_step = 20;
    t.interval = 5;
    t.population = 8;
    assert_int_equal(space_create(*state, axes, 2, &sp), ANL_OK);
    t.space = sp;
    assert_int_equal(scheduler_find(*state, "pbt", &s), ANL_OK);
    for (int i = 0; i < MOST; i++) one.values[i][0] = w.values[i][0] = 0;
    for (int strict = 0; strict < 2; strict++) {
        t.strict = strict;
        sweep(*state, s, &t, 100, 3, &w);
        assert_int_equal(w.n, 8); /* no more than the population */
        assert_int_equal(whole(&w), 8);
        assert_true(w.exploits > 0);
    }
    t.strict = false; /* one place: the members take turns, as they would with a place each */
    sweep(*state, s, &t, 100, 1, &one);
    assert_int_equal(whole(&one), 8);
    assert_in_range(one.exploits, 4, 8);
    t.strict = true;
    sweep(*state, s, &t, 100, 1, &one);
    assert_int_equal(w.exploits, one.exploits); /* strict: workers do not matter */
    assert_int_equal(one.exploits, 3 * 2);      /* a quarter of eight, at steps 5, 10 and 15 */
    /* the worst of two takes over, and its point is near the source's or drawn anew */
    t.population = 2;
    for (int64_t i = 0; i < 2; i++) {
        w.trial[i] = (schedule_trial){.number = i,
                                      .state = SCHEDULE_WAITING,
                                      .target = 5,
                                      .report = w.report[i],
                                      .n_reports = 1,
                                      .values = w.values[i]};
        w.report[i][0] = (schedule_report){5, (double)i};
        w.values[i][0] = 0.01;
        w.values[i][1] = 3;
    }
    t.resample = 0;
    assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 2, 1, &d, point), ANL_OK);
    assert_int_equal(d.action, SCHEDULE_EXPLOIT);
    assert_int_equal(d.source, 0);
    assert_int_equal(d.source_step, 5);
    assert_int_equal(d.target, 10);
    assert_true(fabs(point[0] - 0.012) < 1e-6 || fabs(point[0] - 0.008) < 1e-6);
    assert_true(point[1] == 2 || point[1] == 4);
    assert_int_equal(space_check(*state, sp, point), ANL_OK);
    assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 2, 0, &d, point), ANL_OK);
    assert_int_equal(d.action, SCHEDULE_GO);
    space_destroy(sp);
}

/* What trials are expected to take is about what they take. */
static void test_expect(void **state)
{
    static sweep_of w;
    static const char *const names[] = {"none", "asha", "hyperband"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (int strict = 0; strict < 2; strict++) {
            const scheduler *s;
            schedule_task t = schedule_task_default();
            double expected = 0;
            t.max_step = 81;
            t.eta = 3;
            t.strict = strict;
            t.trials = 162;
            assert_int_equal(scheduler_find(*state, names[k], &s), ANL_OK);
            for (int64_t i = 0; i < 162; i++) expected += scheduler_expect(s, &t, i);
            sweep(*state, s, &t, 162, 4, &w);
            if (fabs((double)w.epochs / expected - 1) > 0.3)
                fail_msg("%s: %lld steps, and %g expected", names[k], (long long)w.epochs, expected);
        }
}

/* Failed trials lose, and hold nobody up. */
static void test_failures(void **state)
{
    static sweep_of w;
    const scheduler *s;
    schedule_task t = schedule_task_default();
    schedule_decision d;
    t.max_step = 16;
    t.strict = true;
    t.trials = 16;
    assert_int_equal(scheduler_find(*state, "asha", &s), ANL_OK);
    for (int64_t i = 0; i < 16; i++) {
        bool failed = i % 2;
        w.trial[i] = (schedule_trial){.number = i,
                                      .state = failed ? SCHEDULE_FAILED : SCHEDULE_WAITING,
                                      .target = 1,
                                      .report = w.report[i],
                                      .n_reports = !failed};
        w.report[i][0] = (schedule_report){1, i == 0 ? NAN : (double)i};
    }
    assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 16, 2, &d, NULL), ANL_OK);
    assert_int_equal(d.action, SCHEDULE_GO);
    assert_int_equal(d.target, 4);
    assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 16, 0, &d, NULL), ANL_OK);
    assert_int_equal(d.action, SCHEDULE_STOP); /* not a number */
    assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 16, 14, &d, NULL), ANL_OK);
    assert_int_equal(d.action, SCHEDULE_STOP);
    w.trial[15].state = SCHEDULE_RUNNING;
    assert_int_equal(scheduler_judge(*state, s, &t, w.trial, 16, 2, &d, NULL), ANL_OK);
    assert_int_equal(d.action, SCHEDULE_WAIT);
}

static void test_refusals(void **state)
{
    const scheduler *s;
    schedule_task t = schedule_task_default();
    assert_int_equal(scheduler_find(*state, "ashe", &s), ANL_RECIPE);
    assert_string_equal(
        anl_last_error(*state),
        "there is no scheduler 'ashe', did you mean 'asha'?; there are: none, median, asha, hyperband, pbt");
    assert_int_equal(scheduler_find(*state, "asha", &s), ANL_OK);
    t.min_step = 5;
    assert_int_equal(scheduler_check(*state, s, &t), ANL_RECIPE);
    assert_string_equal(
        anl_last_error(*state),
        "scheduler asha: the first rung, 5, must lie within 1 to 1, the steps of a whole trial");
    t.min_step = 1;
    t.eta = 1;
    assert_int_equal(scheduler_check(*state, s, &t), ANL_RECIPE);
    assert_string_equal(anl_last_error(*state), "scheduler asha: eta is 1 and must be above 1");
    assert_int_equal(scheduler_find(*state, "pbt", &s), ANL_OK);
    assert_int_equal(scheduler_check(*state, s, &t), ANL_RECIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sweep_test(test_none),      sweep_test(test_asha),     sweep_test(test_asha_strict),
        sweep_test(test_hyperband), sweep_test(test_median),   sweep_test(test_pbt),
        sweep_test(test_failures),  sweep_test(test_expect),    sweep_test(test_refusals),
    };
    return cmocka_run_group_tests_name("sweep/scheduler", tests, NULL, NULL);
}
