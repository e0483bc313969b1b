/* Several GPUs of one machine from the command line, played by the shim (tests/cuda_shim) with a stand-in for NCCL: the bits of one device, a
 * run that is killed and goes on with other numbers of devices, what cannot be recorded on one of them, a device that is lost, bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char recipe[] =
    "model:\n  name: sequential\n  layers:\n    - {type: conv, filters: 4, kernel: 3, pad: 1, act: relu}\n    - {type: batchnorm}\n    - {type: maxpool, kernel: 2}\n"
    "    - {type: dropout, p: 0.2}\n    - flatten\n    - {type: dense, units: 4}\ndata:\n  path: data\n  validation: 100\n  augment: {flip: true, crop: 1}\n"
    "train:\n  batch: 32\n  shards: 4\n  epochs: 1\noptim:\n  name: adam\n  lr: 0.01\ncheckpoint:\n  every: 3 steps\nlog:\n  every: 2\ndevice: cuda\n";

static const char sequences[] =
    "model:\n  name: seq2seq\n  units: 8\n  embed: 8\ndata:\n  path: pairs.tsv\n  tokens: word\n  buckets: 2\n  validation: 16\n  test: 5\ntrain:\n  batch: 4\n  shards: 4\n  epochs: 1\n  ema: 0.9\ndevice: cuda\n";

/* Weights and validation of two runs. */
static void same(cli *c, const char *run, const char *other)
{
    char want[65], got[65];
    cli_digest(c, run, want);
    cli_digest(c, other, got);
    assert_string_equal(got, want);
    cli_same_rows(c, run, other, "valid");
}

static void same_as_one(cli *c, const char *run) { same(c, "one", run); }

static void test_same(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train r.yaml --run one");
    cli_expect(c, 0, "train r.yaml --run two devices=2");
    cli_says(c, "on each of the 2");
    same_as_one(c, "two");
    cli_shell(c, "grep -q ', devices 2, ' two/environment.txt");
    cli_expect(c, 0, "train r.yaml --run four devices=4 data.resident=false");
    same_as_one(c, "four");
    cli_expect(c, 0, "train r.yaml --run all devices=all device=auto");
    cli_says(c, "on 4 cuda devices");
    same_as_one(c, "all");
    cli_expect(c, 0, "train r.yaml --run some devices=all train.shards=3");
    cli_says(c, "note: devices: 3 of 4 are used, train.shards = 3");
    cli_expect(c, 0, "train r.yaml --run unrecorded devices=2 train.record=false");
    same_as_one(c, "unrecorded");
    cli_expect(c, 0, "train r.yaml --run tuned devices=3 train.tune=true");
    cli_expect(c, 0, "eval two devices=2");
    cli_expect(c, 0, "explain r.yaml devices=2");
    cli_says(c, "steps: one launch a step, once it is recorded");
    cli_says(c, "devices: 2; a step takes 0.00 MiB out of the first");
}

/* Killed at some moment and gone on with another number of devices, again and again. */
static void test_killed(void **state)
{
    static const char *const devices[] = {"2", "4", "1"};
    cli *c = *state;
    char words[160];
    for (int i = 0; i < 3; i++) {
        snprintf(words, sizeof words, "train r.yaml --change --run killed devices=%s", devices[i]);
        int pid = cli_start(c, words);
        nanosleep(&(struct timespec){0, 150000000L * (1 + i)}, NULL);
        kill(pid, SIGKILL);
        cli_wait(pid);
        cli_verify(c, "killed");
    }
    cli_expect(c, 0, "train r.yaml --change --run killed devices=3");
    same_as_one(c, "killed");
    cli_log_once(c, "killed");
}

/* What one device cannot record, none does. */
static void test_refused(void **state)
{
    cli *c = *state;
    setenv("ANL_SHIM_ON", "1", 1);
    setenv("ANL_SHIM_REFUSE", "9", 1);
    cli_expect(c, 0, "train r.yaml --run refused devices=3");
    cli_says(c, "device 1: the step cannot be recorded (");
    same_as_one(c, "refused");
    unsetenv("ANL_SHIM_REFUSE");
    unsetenv("ANL_SHIM_ON");
}

/* A device that fails ends the run, whichever it is, and the same command goes on with those that are left. */
static void test_lost(void **state)
{
    static const char *const lost[] = {"0", "1", "2"}, *const after[] = {"100", "201", "300"};
    cli *c = *state;
    char words[160];
    for (int i = 0; i < 3; i++) {
        setenv("ANL_SHIM_ON", lost[i], 1);
        setenv("ANL_SHIM_LOST", after[i], 1);
        snprintf(words, sizeof words, "train r.yaml --run lost%d devices=3", i);
        cli_expect(c, 7, words);
        cli_says(c, "checkpoints are whole");
        unsetenv("ANL_SHIM_LOST");
        unsetenv("ANL_SHIM_ON");
        snprintf(words, sizeof words, "lost%d", i);
        cli_verify(c, words);
        snprintf(words, sizeof words, "train r.yaml --change --run lost%d devices=2", i);
        cli_expect(c, 0, words);
        snprintf(words, sizeof words, "lost%d", i);
        same_as_one(c, words);
    }
}

/* Pairs of several lengths: states, masks and sums of tokens are shared out, and every device validates. */
static void test_sequences(void **state)
{
    cli *c = *state;
    cli_write(c, "s.yaml", sequences);
    cli_shell(c, "awk 'BEGIN { print \"source\\ttarget\"; for (i = 0; i < 200; i++) { s = \"\"; for (k = 0; k <= i % 5; k++) s = s (k ? \" \" : \"\") \"w\" (i * 7 + k * k) % 11; "
                 "print s \"\\t\" toupper(s) } }' > pairs.tsv");
    cli_expect(c, 0, "train s.yaml --run s1");
    cli_expect(c, 0, "train s.yaml --run s3 devices=3");
    same(c, "s1", "s3");
}

static void test_doctor(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "doctor");
    cli_says(c, "devices: 4");
    cli_says(c, "device 3: cuda (host shim");
    cli_says(c, "exchange by NCCL: works; each of 4 devices gives the others");
    setenv("ANL_SHIM_DEVICES", "1", 1);
    cli_expect(c, 0, "doctor");
    cli_says(c, "exchange by NCCL: works; there is one device");
    setenv("ANL_SHIM_DEVICES", "4", 1);
    setenv("ANL_SHIM_NCCL", "none", 1);
    cli_expect(c, 0, "doctor");
    cli_says(c, "exchange by NCCL: fails: several devices need NCCL");
    unsetenv("ANL_SHIM_NCCL");
}

static void test_bad_input(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "train r.yaml --run bad devices=5");
    cli_says(c, "5 devices have only train.shards = 4 to compute");
    cli_expect(c, 2, "train r.yaml --run bad devices=2 train.lanes=2");
    cli_says(c, "train.lanes");
    cli_expect(c, 2, "train r.yaml --run bad devices=all train.lanes=2");
    cli_says(c, "2 lanes are on one device, and devices is all");
    cli_expect(c, 2, "train r.yaml --run bad devices=0");
    cli_expect(c, 2, "train r.yaml --run bad devices=some");
    cli_expect(c, 7, "train r.yaml --run bad devices=6 train.shards=8");
    cli_says(c, "devices: 6 were asked for, and this process sees 4 of cuda (CUDA_VISIBLE_DEVICES chooses them)");
    cli_expect(c, 2, "train r.yaml --run bad devices=2 device=cpu");
    cli_says(c, "devices: 2 were asked for, but cpu is one device");
    setenv("ANL_SHIM_NCCL", "none", 1);
    cli_expect(c, 7, "train r.yaml --run bad devices=2");
    cli_says(c, "several devices need NCCL");
    setenv("ANL_SHIM_NCCL", "refuse", 1);
    cli_expect(c, 7, "train r.yaml --run bad devices=2");
    cli_says(c, "NCCL cannot connect the 2 devices");
    setenv("ANL_SHIM_NCCL", "damage", 1);
    cli_expect(c, 7, "train r.yaml --run bad devices=2");
    cli_says(c, "what the devices copy between each other is damaged");
    setenv("ANL_SHIM_NCCL", "hang", 1);
    setenv("ANNEAL_NCCL_SECONDS", "0.2", 1);
    cli_expect(c, 7, "train r.yaml --run bad devices=2");
    cli_says(c, "an exchange is not done after 0.2 s: NCCL_P2P_DISABLE=1 may help");
    cli_expect(c, 0, "doctor");
    cli_says(c, "exchange by NCCL: fails: the group of 4 CUDA devices is broken: an exchange is not done");
    unsetenv("ANNEAL_NCCL_SECONDS");
    unsetenv("ANL_SHIM_NCCL");
    setenv("ANL_SHIM_MEMORY", "1", 1);
    cli_expect(c, 5, "train r.yaml --run bad devices=2 train.batch=400 model.layers.0.filters=64");
    unsetenv("ANL_SHIM_MEMORY");
}

static int begin(void **state)
{
    static cli c;
    cli_begin(&c);
    cli_write(&c, "r.yaml", recipe);
    setenv("ANNEAL_CUDA_PLUGIN", ANL_CUDA_SHIM, 1);
    setenv("ANL_SHIM_DEVICES", "4", 1);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    cli_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_killed), cmocka_unit_test(test_refused), cmocka_unit_test(test_lost), cmocka_unit_test(test_sequences), cmocka_unit_test(test_doctor), cmocka_unit_test(test_bad_input)};
    return cmocka_run_group_tests_name("cli/devices", tests, begin, end);
}
