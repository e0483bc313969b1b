/* Trials that go wrong cost themselves only; how they end is recorded; launchers and slots. The trials are
 * scripts: what counts is what the driver makes of them. ANNEAL_TRIAL is the trial's number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Finds the run's directory, then does `what`, then reports two epochs. */
static void write_script(const cli *c, const char *what)
{
    char text[4096];
    snprintf(text, sizeof text,
             "while [ $# -gt 1 ]; do [ \"$1\" = --run ] && run=$2; shift; done\ncount=$(cat $run/count "
             "2>/dev/null || echo 0)\n"
             "echo $((count + 1)) > $run/count\n%s\n"
             "for e in 1 2; do echo "
             "'{\"kind\":\"epoch\",\"step\":'$e',\"epoch\":'$e',\"train.loss\":1,\"valid.loss\":0.'$ANNEAL_"
             "TRIAL'5}' >> $run/metrics.jsonl; done\n",
             what);
    cli_write(c, "fake.sh", text);
}

static void sweep(cli *c, const char *dir, int code, const char *more)
{
    char text[2048], words[128];
    snprintf(text, sizeof text,
             "base: recipe.yaml\nspace: {optim.lr: {low: 0.01, high: 0.1}}\nobjective: valid.loss\nsampler: "
             "random\nbudget: {trials: 4}\n"
             "override: [train.epochs=2]\nlauncher: \"sh fake.sh {cmd}\"\ntest: false\n%s",
             more);
    cli_write(c, "f.yaml", text);
    snprintf(words, sizeof words, "sweep f.yaml --dir %s", dir);
    cli_expect(c, code, words);
    snprintf(words, sizeof words, "sweep export %s", dir);
    cli_expect(c, 0, words);
}

/* The export's line of trial 1 ends so; the others are complete. */
static void only_1_failed(const cli *c, const char *why)
{
    char line[4][512];
    const char *p = strchr(c->out, '\n') + 1;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sscanf(p, "%511[^\n]", line[i]), 1);
        p = strchr(p, '\n') + 1;
        if (i == 1 ? !strstr(line[i], "1,failed,") || !strstr(line[i], why)
                   : !strstr(line[i], ",complete,2,"))
            fail_msg("%s (wanted: %s)", line[i], why);
    }
}

static void test_ends(void **state)
{
    cli *c = *state;
    static const struct {
        const char *what, *why;
    } ends[] = {
        {"[ $ANNEAL_TRIAL = 1 ] && kill -SEGV $$", "crashed: signal 11"},
        {"[ $ANNEAL_TRIAL = 1 ] && exit 4", "diverged"},
        {"[ $ANNEAL_TRIAL = 1 ] && exit 5", "out of device memory"},
        {"[ $ANNEAL_TRIAL = 1 ] && exit 3", "its data was refused"},
        {"[ $ANNEAL_TRIAL = 1 ] && exit 1", "failed with 1"},
        {"[ $ANNEAL_TRIAL = 1 ] && kill -KILL $$", "killed: signal 9"},
        {"[ $ANNEAL_TRIAL = 1 ] && exit 7", "device lost"},
        {"[ $ANNEAL_TRIAL = 1 ] && exit 0", "it ended without a result"},
        {"[ $ANNEAL_TRIAL = 1 ] && { head -c 100000 /dev/urandom > $run/metrics.jsonl; head -c 100000 "
         "/dev/urandom; exit 0; }",
         "it ended without a result"},
        {"[ $ANNEAL_TRIAL = 1 ] && { echo "
         "'{\"kind\":\"epoch\",\"epoch\":1,\"train.loss\":1,\"valid.loss\":\"nan\"}' > $run/metrics.jsonl; "
         "exit 0; }",
         "not a finite number"},
        {"[ $ANNEAL_TRIAL = 1 ] && { echo '{\"kind\":\"epoch\",\"epoch\":1e99,\"valid.loss\":[[[' > "
         "$run/metrics.jsonl; exit 0; }",
         "it ended without a result"},
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char dir[16];
        snprintf(dir, sizeof dir, "e%zu", i);
        write_script(c, ends[i].what);
        sweep(c, dir, 0, "parallel: 2\nretries: 1\n");
        only_1_failed(c, ends[i].why);
    }
}

/* Preempted, killed once, a lost device: run again, and the end is as if nothing had been. */
static void test_again(void **state)
{
    cli *c = *state;
    static const char *const ways[] = {"[ $count = 0 ] && exit 75", "[ $count -lt 2 ] && exit 7",
                                       "[ $count -lt 3 ] && kill -9 $$", "[ $count -lt 9 ] && exit 75",
                                       "[ $count = 0 ] && kill -TERM $$"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char dir[16], path[512], text[16] = "";
        snprintf(dir, sizeof dir, "a%zu", i);
        write_script(c, ways[i]);
        sweep(c, dir, 0, "parallel: 2\n");
        assert_null(strstr(c->out, "failed"));
        snprintf(path, sizeof path, "%s/%s/trials/0002/count", c->dir, dir);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        assert_non_null(fgets(text, sizeof text, f));
        fclose(f);
        assert_true(atoi(text) >= 2);
    }
}

static void test_hangs(void **state)
{
    cli *c = *state;
    write_script(c, "[ $ANNEAL_TRIAL = 1 ] && { trap '' TERM; sleep 1000 & wait; }");
    sweep(c, "hang", 0, "parallel: 2\nheartbeat: 1.5\npin: false\n");
    only_1_failed(c, "hung: no sign of life for 1.5 s");
    write_script(c, "[ $ANNEAL_TRIAL = 1 ] && while true; do echo alive; sleep 0.05; done");
    sweep(c, "late", 0, "parallel: 2\ntimeout: 2\n");
    only_1_failed(c, "took longer than 2 s");
}

/* A file that grows without end stops at the limit; the disk is not filled. */
static void test_fills(void **state)
{
    cli *c = *state;
    char path[512];
    struct stat s;
    write_script(c, "[ $ANNEAL_TRIAL = 1 ] && { cat /dev/zero > $run/big; exit 6; }");
    sweep(c, "fill", 0, "parallel: 2\nfile_limit: 1\nretries: 0\n");
    only_1_failed(c, "");
    snprintf(path, sizeof path, "%s/fill/trials/0001/big", c->dir);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_size, 1 << 20);
}

/* Every trial is refused: the sweep says so after three and does not go on. */
static void test_refused(void **state)
{
    cli *c = *state;
    write_script(c, "echo well; echo anneal: no such thing >&2; exit 2");
    sweep(c, "refused", 2, "");
    cli_expect(c, 2, "sweep best refused");
    cli_expect(c, 2, "sweep f.yaml --dir refused2");
    cli_says(c, "the first 3 trials all failed, the last one: the recipe was refused: no such thing");
    write_script(c, "echo anneal: the disk is full >&2; exit 6");
    cli_expect(c, 6, "sweep f.yaml --dir full");
    cli_says(c, "the first 3 trials all failed, the last one: a checkpoint or the disk failed: the disk is full");
    write_script(c, "echo '{\"kind\":\"epoch\",\"epoch\":1,\"train.loss\":1,\"valid.accuracy\":0.5}' > "
                    "$run/metrics.jsonl; exit 0");
    cli_expect(c, 2, "sweep f.yaml --dir other");
    cli_says(c,
             "objective valid.loss: the recipe never reports it; a trial reported train.loss valid.accuracy");
}

/* One bug in all of them: `failures` says when it is enough; a larger number goes on. */
static void test_failures(void **state)
{
    cli *c = *state;
    write_script(c, "[ $ANNEAL_TRIAL -lt 3 ] && kill -SEGV $$");
    sweep(c, "fast", 1, "failures: 2\n");
    assert_non_null(strstr(c->out, "\n1,failed,"));
    assert_null(strstr(c->out, "\n2,"));
    cli_expect(c, 1, "sweep fast");
    cli_says(c, "2 trials have failed, as many as `failures` lets; the last one: crashed: signal 11");
    sweep(c, "fast", 0, "failures: 4\n");
    assert_non_null(strstr(c->out, "\n3,complete,"));
}

static void test_slots(void **state)
{
    cli *c = *state;
    char path[512], text[256] = "";
    write_script(c, "echo \"$ANNEAL_SLOT $GPU $EXTRA $(taskset -cp $$ | sed 's/.*: //')\" > $run/where");
    sweep(c, "slots", 0, "slots: [{name: left, env: [GPU=0, 'EXTRA=a b'], cpus: \"0\"}]\n");
    snprintf(path, sizeof path, "%s/slots/trials/0000/where", c->dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "left 0 a b 0\n");
    /* without slots, each of the parallel ones has CPUs of its own, where there are enough */
    cpu_set_t all;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    write_script(c, "grep Cpus_allowed: /proc/$$/status | sed 's/.*:.//; s/,//g' > $run/where; sleep 0.5");
    sweep(c, "pinned", 0, "parallel: 2\n");
    unsigned long long mask[2] = {0};
    for (int t = 0; t < 2; t++) {
        snprintf(path, sizeof path, "%s/pinned/trials/%04d/where", c->dir, t);
        f = fopen(path, "r");
        assert_non_null(f);
        assert_non_null(fgets(text, sizeof text, f));
        fclose(f);
        size_t n = strcspn(text, "\n");
        mask[t] = strtoull(text + (n > 16 ? n - 16 : 0), NULL, 16); /* the first 64 CPUs */
    }
    if (CPU_COUNT(&all) > 1 && CPU_COUNT(&all) <= 64) assert_true(mask[0] && mask[1] && !(mask[0] & mask[1]));
}

/* A device on which one trial fits, not three: those that found no room go again, one after the other. */
static void test_memory(void **state)
{
    cli *c = *state;
    write_script(c, "mkdir busy 2>/dev/null || exit 5\nsleep 0.1\nrmdir busy");
    sweep(c, "memory", 0, "slots: [{name: gpu, trials: 3}]\n");
    assert_null(strstr(c->out, "failed"));
    cli_expect(c, 0, "sweep check memory");
    write_script(c, "[ $ANNEAL_TRIAL = 1 ] && exit 5"); /* one that does not fit alone */
    sweep(c, "hog", 0, "slots: [{name: gpu, trials: 2}]\n");
    only_1_failed(c, "out of device memory");
}

/* What the launcher makes of its template. */
static void test_launcher(void **state)
{
    cli *c = *state;
    char path[512], text[1024] = "";
    write_script(c, "");
    cli_write(c, "f.yaml",
              "base: recipe.yaml\nspace: {optim.lr: {low: 0.01, high: 0.1}, optim.name: [sgd, "
              "adam]}\nobjective: valid.loss\nsampler: random\n"
              "budget: {trials: 1}\noverride: [train.epochs=2]\nlauncher: \"echo {slot} {trial} {env} "
              "{quoted} > it.txt; sh fake.sh {cmd}\"\ntest: false\n"
              "slots: [{name: s0, env: [\"A=b c\"]}]\n");
    cli_expect(c, 0, "sweep f.yaml --dir launched");
    snprintf(path, sizeof path, "%s/it.txt", c->dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_int_equal(strncmp(text, "s0 0 A=b c '", 12), 0);
    assert_non_null(strstr(text, "' 'train' 'launched/base.yaml' 'optim.lr="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),  cmocka_unit_test(test_again),   cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_fills), cmocka_unit_test(test_refused), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_slots), cmocka_unit_test(test_memory),  cmocka_unit_test(test_launcher)};
    return cmocka_run_group_tests_name("cli/sweep_fault", tests, cli_setup, cli_teardown);
}
