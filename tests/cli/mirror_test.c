/* checkpoint.mirror: the run's directory is lost, and the same command ends with the same weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/base/files.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool there(const cli *c, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    return anl__path_exists(path);
}

static void lose(const cli *c, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    assert_true(scratch_remove(path));
}

static void test_lost_directory(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    struct timespec t = {0, 2000000};
    cli_expect(c, 0, "train recipe.yaml --run whole");
    cli_digest(c, "whole", want);
    int pid = cli_start(c, "train recipe.yaml --run runs/there checkpoint.mirror=safe/place");
    for (int i = 0; i < 10000 && !there(c, "safe/place/runs/there/last"); i++) nanosleep(&t, NULL);
    kill(pid, SIGKILL);
    int code = cli_wait(pid);
    assert_true(code == 0 || code == 128 + SIGKILL);
    assert_true(there(c, "safe/place/runs/there/last"));
    lose(c, "runs");
    cli_expect(c, 0, "train recipe.yaml --run runs/there checkpoint.mirror=safe/place");
    cli_says(c, code ? "from the mirror" : "is finished");
    if (code) cli_says(c, "rows were lost, and can be gone on without");
    cli_digest(c, "runs/there", got);
    assert_string_equal(got, want);
    cli_log_once(c, "runs/there");
    assert_true(cli_verify(c, "runs/there") >= 1);
}

/* Two runs of one recipe do not take each other's checkpoints. */
static void test_places(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml checkpoint.mirror=m train.epochs=1 optim.lr=0.01");
    cli_expect(c, 0, "train recipe.yaml checkpoint.mirror=m train.epochs=1 optim.lr=0.02");
    cli_says(c, "a new run");
}

/* With the directory went the recipe and what was measured: both come from the checkpoint, and bind as before. */
static void test_lost_decisions(void **state)
{
    cli *c = *state;
    const char *same = "train recipe.yaml --run runs/auto checkpoint.mirror=safe train.batch=auto train.precision=auto";
    char words[300];
    snprintf(words, sizeof words, "%s --until 1", same);
    cli_expect(c, 0, words);
    cli_says(c, "samples/s:");
    lose(c, "runs");
    snprintf(words, sizeof words, "%s optim.lr=0.5", same);
    cli_expect(c, 2, words);
    cli_says(c, "optim.lr");
    cli_expect(c, 2, words); /* what was refused binds nobody */
    cli_expect(c, 0, same);
    cli_says(c, "resumed at step");
    assert_null(strstr(c->err, "samples/s:")); /* nothing is measured anew */
    assert_null(strstr(c->err, "train.precision:"));
    assert_true(there(c, "runs/auto/decided.txt"));
    cli_expect(c, 0, "train runs/auto");
    cli_says(c, "is finished");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost_directory), cmocka_unit_test(test_places), cmocka_unit_test(test_lost_decisions)};
    return cmocka_run_group_tests_name("cli/mirror", tests, cli_setup, cli_teardown);
}
