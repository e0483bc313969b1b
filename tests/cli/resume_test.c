/* A run ends with the same weights whatever happens to it: killed anywhere, interrupted, resumed with other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/base/philox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void rest(uint32_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static void test_again(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run whole");
    cli_says(c, "a new run");
    cli_expect(c, 0, "train recipe.yaml --run whole");
    cli_says(c, "is finished");
    cli_expect(c, 0, "train whole");
    cli_says(c, "is finished");
    cli_log_once(c, "whole");
    assert_true(cli_verify(c, "whole") >= 2);
}

/* Further epochs of a schedule that fell to nothing change no weight: said where they are asked for, and not advised before. */
static void test_longer(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run fell schedule.name=cosine train.epochs=1");
    cli_expect(c, 0, "train fell");
    cli_says(c, "more epochs are a new run");
    cli_expect(c, 0, "train fell train.epochs=2 --change");
    cli_says(c, "the rate of cosine is 0: the further epochs change no weight");
    cli_expect(c, 0, "train recipe.yaml --run held schedule.name=cosine schedule.final=0.1 train.epochs=1");
    cli_expect(c, 0, "train held");
    cli_says(c, "Train on with: anneal train held train.epochs=2 --change");
    cli_expect(c, 0, "train held train.epochs=2 --change");
    assert_null(strstr(c->err, "change no weight"));
}

/* Threads, lanes and loader workers are no inputs. */
static void test_same_bits(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    static const char *const ways[] = {"threads=1", "threads=3 data.workers=4", "data.workers=0 train.plan=false", "train.recompute=true"};
    cli_digest(c, "whole", want);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char words[256], run[16];
        snprintf(run, sizeof run, "way%zu", i);
        snprintf(words, sizeof words, "train recipe.yaml --run %s %s", run, ways[i]);
        cli_expect(c, 0, words);
        cli_digest(c, run, got);
        assert_string_equal(got, want);
    }
    setenv("OMP_THREAD_LIMIT", "1", 1);
    cli_expect(c, 0, "train recipe.yaml --run limited");
    unsetenv("OMP_THREAD_LIMIT");
    cli_digest(c, "limited", got);
    assert_string_equal(got, want);
}

/* Paused at an epoch and gone on with: the whole run's bits, rates too; the test part is left alone when asked. */
static void test_until(void **state)
{
    cli *c = *state;
    char want[65], got[65], path[512];
    cli_digest(c, "whole", want);
    snprintf(path, sizeof path, "%s/paused/test.json", c->dir);
    cli_expect(c, 0, "train recipe.yaml --run paused --until 1 --no-test");
    cli_says(c, "paused after epoch 1 of 4");
    cli_expect(c, 0, "train recipe.yaml --run paused --until 1 --no-test");
    cli_says(c, "paused after epoch 1 of 4");
    cli_expect(c, 0, "train recipe.yaml --run paused --until 3 --no-test");
    assert_int_not_equal(access(path, F_OK), 0);
    cli_expect(c, 0, "train recipe.yaml --run paused");
    assert_int_equal(access(path, F_OK), 0);
    cli_digest(c, "paused", got);
    assert_string_equal(got, want);
    cli_log_once(c, "paused");
}

/* By its directory, whose recipe has every key, a run goes on as by the recipe: what the best is chosen by is not another then. */
static void test_by_directory(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run straight data.validation=0");
    cli_expect(c, 0, "train recipe.yaml --run parts data.validation=0 --until 2");
    cli_expect(c, 0, "train parts");
    cli_shell(c, "cmp straight/checkpoints/best parts/checkpoints/best && cmp straight/test.json parts/test.json");
    cli_shell(c, "awk 'BEGIN { print \"y\"; for (i = 0; i < 200; i++) print sin(i / 5) }' >wave.csv");
    cli_write(c, "wave.yaml", "model: {name: forecaster, units: 4}\ndata: {path: wave.csv, targets: [y], window: 8, horizon: 2, validation: 0.2, test: 0.2}\n"
                              "train: {batch: 32, epochs: 3}\n");
    cli_expect(c, 0, "train wave.yaml --run wave --until 1");
    cli_expect(c, 0, "train wave");
    cli_says(c, "best valid.rmse");
}

static void test_shards(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    cli_expect(c, 0, "train recipe.yaml --run s8 train.shards=8 train.epochs=2");
    cli_expect(c, 0, "train recipe.yaml --run s8l2 train.shards=8 train.lanes=2 train.epochs=2");
    cli_digest(c, "s8", want);
    cli_digest(c, "s8l2", got);
    assert_string_equal(got, want);
    cli_expect(c, 2, "train recipe.yaml --run more train.lanes=2");
    cli_says(c, "train.shards");
}

/* SIGTERM: a checkpoint, 75, and the same command goes on. */
static void test_interrupted(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    int code = 0;
    cli_digest(c, "whole", want);
    for (int k = 0; k < 200 && code == 0; k++) { /* until the signal finds it training */
        char words[128];
        snprintf(words, sizeof words, "train recipe.yaml --run term%d", k);
        int pid = cli_start(c, words);
        rest(10 + 5 * (uint32_t)(k % 40));
        kill(pid, SIGTERM);
        code = cli_wait(pid);
        if (code == 75) {
            cli_expect(c, 0, words);
            snprintf(words, sizeof words, "term%d", k);
            cli_digest(c, words, got);
            assert_string_equal(got, want);
        } else if (code == 128 + SIGTERM) code = 0; /* before it had begun */
    }
    assert_int_equal(code, 75);
}

/* What writes no run can be stopped, too, and does not say that it could be gone on with. */
static void test_stopped_without_run(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --limit-batches 2 --until 1");
    cli_says(c, "nothing of it is kept");
    cli_expect(c, 0, "train recipe.yaml --overfit-batch train.hours=1e-7");
    cli_says(c, "nothing of it is kept");
}

/* kill -9 at random moments, again and again, until it ends. ANL_KILLS: how many kills in all (default 12). */
static void test_killed(void **state)
{
    cli *c = *state;
    char want[65], got[65], words[128], run[32];
    const char *wanted = getenv("ANL_KILLS");
    int most = wanted ? atoi(wanted) : 12, kills = 0;
    cli_digest(c, "whole", want);
    for (int r = 0; kills < most; r++) {
        int code = 1;
        snprintf(run, sizeof run, "kill%d", r);
        snprintf(words, sizeof words, "train recipe.yaml --run %s", run);
        for (int k = 0; code != 0; k++) {
            int pid = cli_start(c, words);
            rest(5 + anl__philox(17, (uint32_t)k, (uint32_t)r, 0, 0).v[0] % 250);
            kill(pid, SIGKILL);
            code = cli_wait(pid);
            assert_true(code == 0 || code == 128 + SIGKILL);
            kills += code != 0;
            cli_verify(c, run);
            if (k > 400) fail_msg("the run does not come to its end");
        }
        cli_expect(c, 0, words);
        cli_says(c, "is finished");
        cli_digest(c, run, got);
        assert_string_equal(got, want);
        cli_log_once(c, run);
    }
    printf("%d kills, the same weights\n", kills);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_again),        cmocka_unit_test(test_longer),    cmocka_unit_test(test_same_bits), cmocka_unit_test(test_until),
                                       cmocka_unit_test(test_by_directory), cmocka_unit_test(test_shards),    cmocka_unit_test(test_interrupted),
                                       cmocka_unit_test(test_stopped_without_run), cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests_name("cli/resume", tests, cli_setup, cli_teardown);
}
