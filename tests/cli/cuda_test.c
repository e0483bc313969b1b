/* The cuda device from the command line: without a GPU one clear line; on the shim (tests/cuda_shim, our kernels on the host) whole runs:
 * the CPU's losses, evaluation, a kill and a resume to the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/state/checkpoint.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char small[] =
    "model:\n  name: sequential\n  layers:\n    - {type: conv, filters: 4, kernel: 3, pad: 1, act: relu}\n    - {type: maxpool, kernel: 2}\n    - {type: dropout, p: 0.2}\n"
    "    - flatten\n    - {type: dense, units: 4}\ndata:\n  path: data\n  validation: 100\n  augment: {flip: true, crop: 1}\ntrain:\n  batch: 32\n  epochs: 3\n"
    "optim:\n  name: adam\n  lr: 0.01\nschedule:\n  name: cosine\ncheckpoint:\n  every: 3 steps\nlog:\n  every: 2\n";

static bool gpu_here(void) { return !access("/dev/nvidiactl", F_OK); }
static void with_shim(bool on) { on ? (void)setenv("ANNEAL_CUDA_PLUGIN", ANL_CUDA_SHIM, 1) : (void)unsetenv("ANNEAL_CUDA_PLUGIN"); }

static void test_no_gpu(void **state)
{
    cli *c = *state;
    with_shim(false);
    if (gpu_here()) {
        print_message("skipped: there is a GPU\n");
        skip();
    }
    cli_expect(c, 7, "train small.yaml --run none device=cuda");
    cli_says(c, "no CUDA device: this machine has no NVIDIA driver");
    cli_expect(c, 0, "train small.yaml --run auto train.epochs=1");
    cli_says(c, "a new run, on the CPU (no CUDA device");
}

/* The newest checkpoint's text; freed with free. */
static char *plans_of(const cli *c, const char *run)
{
    char dir[512];
    const char *only[1] = {dir};
    anl_ctx *ctx = anl_ctx_create();
    anl__ckpt *k = NULL;
    snprintf(dir, sizeof dir, "%s/%s/checkpoints", c->dir, run);
    assert_int_equal(anl__ckpt_newest(ctx, only, 1, &k), ANL_OK);
    char *text = strdup(anl__ckpt_text(k, "plans", ""));
    assert_non_null(text);
    anl__ckpt_close(k);
    anl_ctx_destroy(ctx);
    return text;
}

/* Plans that were timed are the run's: a resume takes them, whatever the clock would say now; a new run times its own, and another process finds those in the cache. */
static void test_tuned(void **state)
{
    cli *c = *state;
    with_shim(true);
    setenv("ANL_SHIM_FASTEST", "3", 1);
    cli_expect(c, 0, "train small.yaml --run tuned train.tune=true train.plan_cache=false --until 1");
    char *first = plans_of(c, "tuned");
    assert_non_null(strstr(first, " timed|1 0 3 3 3 500"));
    setenv("ANL_SHIM_FASTEST", "2", 1);
    cli_expect(c, 0, "train small.yaml --run tuned train.tune=true train.plan_cache=false");
    char *then = plans_of(c, "tuned");
    assert_string_equal(then, first);
    cli_expect(c, 0, "train small.yaml --run other train.tune=true train.epochs=1");
    char *other = plans_of(c, "other");
    assert_null(strstr(other, " timed|1 0 3 3 3 500"));
    setenv("ANL_SHIM_FASTEST", "3", 1);
    cli_expect(c, 0, "train small.yaml --run cached train.tune=true train.epochs=1");
    char *cached = plans_of(c, "cached");
    assert_string_equal(cached, other);
    unsetenv("ANL_SHIM_FASTEST");
    cli_expect(c, 0, "train small.yaml --run plain train.epochs=1");
    char *plain = plans_of(c, "plain");
    assert_string_equal(plain, "");
    free(first), free(then), free(other), free(cached), free(plain);
}

static double last_loss(const cli *c, const char *run, const char *key)
{
    char path[512], line[4096], want[64];
    double v = NAN;
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", c->dir, run);
    snprintf(want, sizeof want, "\"%s\":", key);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *at = strstr(line, want);
        if (at) v = strtod(at + strlen(want), NULL);
    }
    fclose(f);
    return v;
}

static void test_losses(void **state)
{
    cli *c = *state;
    with_shim(true);
    cli_expect(c, 0, "train small.yaml --run gpu");
    cli_says(c, "a new run, on cuda");
    with_shim(false);
    cli_expect(c, 0, "train small.yaml --run cpu device=cpu");
    static const char *const key[] = {"train.loss", "valid.loss", "step.loss", "grad_norm"};
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        double got = last_loss(c, "gpu", key[i]), want = last_loss(c, "cpu", key[i]);
        if (!(fabs(got - want) <= 2e-3 * fabs(want))) fail_msg("%s: %.9g on cuda, %.9g on cpu", key[i], got, want);
    }
}

/* Where branches meet, cuDNN adds a gradient to the other branch's; a library that does not is found out, and its results are added by us. */
static void test_branches(void **state)
{
    static const char *const net = "res.yaml model.name=resnet-cifar model.depth=8 data.validation=540 train.epochs=1";
    static const char *const precision[] = {"fp32", "bf16"};
    cli *c = *state;
    char words[300], run[3][40];
    cli_write(c, "res.yaml", "data: {path: data}\ntrain: {batch: 32}\noptim: {name: sgd, lr: 0.01}\n");
    for (int p = 0; p < 2; p++) {
        for (int way = 0; way < 3; way++) { /* the library adds; we do; the reference */
            with_shim(way < 2);
            if (way == 1) setenv("ANL_SHIM_NO_ADD", "1", 1);
            if (way < 2) {
                snprintf(words, sizeof words, "explain %s device=cuda train.precision=%s", net, precision[p]);
                cli_expect(c, 0, words);
                if ((strstr(c->out, ", adds]") != NULL) != (way == 0)) fail_msg("%s", c->out);
            }
            snprintf(run[way], sizeof run[way], "branches-%s-%d", precision[p], way);
            snprintf(words, sizeof words, "train %s --run %s train.precision=%s device=%s", net, run[way], way < 2 ? precision[p] : "fp32", way < 2 ? "cuda" : "cpu");
            cli_expect(c, 0, words);
            unsetenv("ANL_SHIM_NO_ADD");
        }
        for (int way = 0; way < 2; way++) {
            double got = last_loss(c, run[way], "valid.loss"), want = last_loss(c, run[2], "valid.loss");
            if (!(fabs(got - want) <= (p ? 2e-2 : 2e-4) * fabs(want))) fail_msg("%s: %.9g, on the cpu %.9g", run[way], got, want);
        }
    }
    with_shim(true);
}

static void test_same_again(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    with_shim(true);
    cli_digest(c, "gpu", want);
    cli_expect(c, 0, "train small.yaml --run again device=cuda");
    cli_digest(c, "again", got);
    assert_string_equal(got, want);
    cli_expect(c, 0, "eval gpu");
    cli_says(c, "accuracy");
    cli_expect(c, 0, "train small.yaml --run shards train.shards=4 train.epochs=1");
    cli_expect(c, 0, "train small.yaml --run lanes train.shards=4 train.lanes=2 train.epochs=1");
    cli_says(c, "data: on the host, which feeds each of the 2 lanes");
    cli_expect(c, 2, "train small.yaml --run lanes-here train.shards=4 train.lanes=2 data.resident=true");
    cli_says(c, "data.resident: needs train.lanes = 1");
    cli_digest(c, "shards", want);
    cli_digest(c, "lanes", got);
    assert_string_equal(got, want);
    cli_expect(c, 0, "train small.yaml --run half train.precision=bf16 train.epochs=1");
    cli_expect(c, 0, "bench small.yaml train.batch=4 --seconds 0.01 --profile device=cuda");
    cli_says(c, "conv2d/cudnn");
}

/* Killed again and again, the command ends with the bits of run `whole`. */
static void killed(cli *c, const char *words, const char *run, const char *whole)
{
    char want[65], got[65];
    int code = 1, kills = 0;
    cli_digest(c, whole, want);
    for (int k = 0; code != 0; k++) {
        struct timespec t = {0, (long)(60 + 37 * (k % 12)) * 1000000L};
        int pid = cli_start(c, words);
        if (kills < 6) {
            nanosleep(&t, NULL);
            kill(pid, SIGKILL);
        }
        code = cli_wait(pid);
        assert_true(code == 0 || code == 128 + SIGKILL);
        kills += code != 0;
    }
    cli_digest(c, run, got);
    assert_string_equal(got, want);
    cli_log_once(c, run);
}

static void test_killed(void **state)
{
    with_shim(true);
    killed(*state, "train small.yaml --run killed train.ahead=16 checkpoint.every=5 log.every=7", "killed", "gpu");
}

/* fp16 from a loss scale that is far too large: the first steps overflow and are left out, which is told and counted; killed at any step it
   comes to the same bits, the loss scale among them. */
static void test_fp16(void **state)
{
#define FP16 " device=cuda train.precision=fp16 train.loss_scale=16777216 train.loss_scale_steps=5"
    cli *c = *state;
    with_shim(true);
    cli_expect(c, 0, "train small.yaml --run f16" FP16);
    cli_says(c, "step 1 overflowed in fp16 and is left out; the loss scale is now 8.38861e+06 (1 so far)");
    assert_true(last_loss(c, "f16", "overflows") >= 2);
    assert_true(last_loss(c, "f16", "bad_steps") == 0);
    assert_true(last_loss(c, "f16", "loss_scale") < 16777216);
    double got = last_loss(c, "f16", "train.loss"), want = last_loss(c, "gpu", "train.loss");
    if (!(fabs(got - want) <= 0.25 * fabs(want))) fail_msg("%.9g in fp16, %.9g in fp32", got, want); /* some steps fewer */
    cli_expect(c, 0, "inspect f16");
    cli_says(c, "optim/loss_scale");
    killed(c, "train small.yaml --run f16-killed train.ahead=16 checkpoint.every=5 log.every=7" FP16, "f16-killed", "f16");
    cli_expect(c, 0, "train small.yaml --run f16-shards train.shards=4 train.epochs=1" FP16);
    cli_expect(c, 0, "train small.yaml --run f16-lanes train.shards=4 train.lanes=2 train.epochs=1" FP16);
    char one[65], two[65];
    cli_digest(c, "f16-shards", one);
    cli_digest(c, "f16-lanes", two);
    assert_string_equal(two, one);
    cli_expect(c, 0, "eval f16");
    cli_expect(c, 4, "train small.yaml --run f16-least train.loss_scale_min=16777216" FP16);
    cli_says(c, "training diverged at step 1");
    cli_says(c, "no smaller loss scale helps fp16");
}

/* What a device has not is refused with the list of what it has; auto takes the best that there is, and writes it down. */
static void test_precisions(void **state)
{
    cli *c = *state;
    with_shim(true);
    cli_expect(c, 2, "train small.yaml --run refused device=cpu train.precision=fp16");
    cli_says(c, "device cpu has no fp16 here; train.precision may be: fp32");
    cli_expect(c, 2, "train small.yaml --run refused device=cpu train.precision=tf32");
    cli_says(c, "device cpu has no tf32 here; train.precision may be: fp32");
    cli_expect(c, 2, "train small.yaml --run refused train.precision=fp16 train.loss_scale=0");
    cli_says(c, "train.loss_scale");
    cli_expect(c, 2, "train small.yaml --run refused train.precision=fp16 train.loss_scale=8 train.loss_scale_min=16");
    cli_says(c, "8 is below train.loss_scale_min, 16");
    cli_expect(c, 0, "train small.yaml --run tf32 device=cuda train.precision=tf32 train.epochs=1");
    cli_expect(c, 0, "train small.yaml --run auto90 device=cuda train.precision=auto train.epochs=1");
    cli_says(c, "train.precision: bf16");
    setenv("ANL_SHIM_CAPABILITY", "75", 1);
    cli_expect(c, 2, "train small.yaml --run refused device=cuda train.precision=bf16");
    cli_says(c, "device cuda has no bf16 here; train.precision may be: fp32, fp16");
    cli_expect(c, 2, "train small.yaml --run refused device=cuda train.precision=tf32");
    cli_says(c, "device cuda has no tf32 here; train.precision may be: fp32, fp16");
    cli_expect(c, 0, "train small.yaml --run auto75 device=cuda train.precision=auto train.epochs=1");
    cli_says(c, "train.precision: fp16");
    unsetenv("ANL_SHIM_CAPABILITY");
    cli_expect(c, 0, "train small.yaml --run auto75 device=cuda train.precision=auto train.epochs=1"); /* decided once */
    cli_says(c, "finished");
}

/* Batches from the host and batches made on the device, one step and many from one wait to the next: the same bits. */
static void test_resident(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    static const char *const how[] = {"data.resident=false train.ahead=1", "data.resident=false", "data.resident=true train.ahead=1", "train.ahead=5 log.every=0 checkpoint.every=auto"};
    with_shim(true);
    cli_digest(c, "gpu", want);
    for (int i = 0; i < 4; i++) {
        char words[200], run[16];
        snprintf(run, sizeof run, "way%d", i);
        snprintf(words, sizeof words, "train small.yaml --run %s %s", run, how[i]);
        cli_expect(c, 0, words);
        bool here = strstr(c->err, "data: 0.0 MiB on the device, where batches are made") != NULL;
        assert_true(here == (i > 1));
        cli_digest(c, run, got);
        assert_string_equal(got, want);
        cli_same_rows(c, "gpu", run, "valid");
    }
}

/* 4000 images of 28x28, whose labels are their numbers modulo 4. */
static void write_large(const cli *c)
{
    char path[512];
    unsigned char row[28 * 28];
    static const char *const name[2] = {"large-images-idx3-ubyte", "large-labels-idx1-ubyte"};
    static const unsigned char head[2][16] = {{0, 0, 8, 3, 0, 0, 15, 160, 0, 0, 0, 28, 0, 0, 0, 28}, {0, 0, 8, 1, 0, 0, 15, 160}};
    for (int f = 0; f < 2; f++) {
        snprintf(path, sizeof path, "%s/%s", c->dir, name[f]);
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        fwrite(head[f], 1, f ? 8 : 16, out);
        for (int i = 0; i < 4000; i++) {
            memset(row, i * 7 % 256, sizeof row);
            row[0] = (unsigned char)(i % 4);
            fwrite(row, 1, f ? 1 : sizeof row, out);
        }
        fclose(out);
    }
}

/* Data that would take more than half of what is free stays on the host, and that is said; asked for all the same, it says what is missing. */
static void test_room(void **state)
{
    cli *c = *state;
    const char *recipe = "model: {name: mlp, hidden: [8]}\ndata: {images: large-images-idx3-ubyte, labels: large-labels-idx1-ubyte, validation: 100}\n"
                         "train: {batch: 32, epochs: 1}\ndevice: cuda\n";
    with_shim(true);
    write_large(c);
    cli_write(c, "large.yaml", recipe);
    setenv("ANL_SHIM_MEMORY", "5", 1);
    cli_expect(c, 0, "train large.yaml --limit-batches 2");
    cli_says(c, "data: on the host, which makes the batches: its 3.0 MiB are more than half of the ");
    cli_expect(c, 0, "explain large.yaml");
    cli_says(c, "data: on the host, which makes the batches");
    cli_expect(c, 0, "explain large.yaml data.resident=true --profile");
    cli_says(c, "data: 3.0 MiB on the device");
    setenv("ANL_SHIM_MEMORY", "3", 1);
    cli_expect(c, 5, "train large.yaml --limit-batches 2 data.resident=true");
    cli_says(c, "data.resident: 3.0 MiB of data: the CUDA device has no room for ");
    cli_expect(c, 5, "train large.yaml data.resident=true --run roomless");
    cli_shell(c, "test ! -e roomless"); /* a start that failed leaves no run */
    unsetenv("ANL_SHIM_MEMORY");
    cli_expect(c, 0, "train large.yaml --limit-batches 2");
    cli_says(c, "data: 3.0 MiB on the device");
}

/* A signal while many steps are under way ends the run at a whole step with a checkpoint; the same command comes to the same bits. */
static void test_signal(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    int ends = 0, code = 1;
    with_shim(true);
    cli_digest(c, "gpu", want);
    for (int k = 0; code; k++) {
        struct timespec t = {0, (long)(150 + 50 * (k % 4)) * 1000000L};
        int pid = cli_start(c, "train small.yaml --run signal train.ahead=64 checkpoint.every=auto log.every=0");
        nanosleep(&t, NULL);
        if (ends < 3) kill(pid, SIGTERM);
        code = cli_wait(pid);
        assert_true(code == 0 || code == 75 || code == 128 + SIGTERM); /* the last: before it listened */
        ends += code == 75;
        assert_true(k < 40);
    }
    cli_digest(c, "signal", got);
    assert_string_equal(got, want);
    cli_log_once(c, "signal");
    assert_true(ends > 0);
}

/* A device that is too small says what the net needs and what would fit, and that fits. */
static void test_memory(void **state)
{
    cli *c = *state;
    char words[128];
    const char *at;
    long fit = 0;
    with_shim(true);
    setenv("ANL_SHIM_MEMORY", "2", 1);
    cli_expect(c, 5, "bench lenet5 train.batch=64 --seconds 0.01 device=cuda");
    cli_says(c, "the net needs 0.9 MiB for parameters, gradients and moments");
    cli_says(c, "; the largest tensors are conv1 64x28x28x6 (1.1 MiB)");
    cli_says(c, "; of a batch of 64 about ");
    cli_says(c, "the CUDA device has no room for ");
    at = strstr(c->err, "of a batch of 64 about ");
    assert_int_equal(sscanf(at, "of a batch of 64 about %ld samples fit", &fit), 1);
    snprintf(words, sizeof words, "bench lenet5 train.batch=%ld --seconds 0.01 device=cuda train.ahead=2", fit);
    cli_expect(c, 0, words);
    setenv("ANL_SHIM_MEMORY", "1", 1);
    cli_expect(c, 5, "bench lenet5 train.batch=64 --seconds 0.01 device=cuda");
    cli_says(c, "; not one sample fits");
    unsetenv("ANL_SHIM_MEMORY");
}

/* A device that fails for good in mid-training ends the run with 7; its last checkpoint is whole, and the same command comes to the same bits. */
static void test_lost(void **state)
{
    cli *c = *state;
    char want[65], got[65];
    with_shim(true);
    cli_digest(c, "gpu", want);
    setenv("ANL_SHIM_LOST", "300", 1);
    cli_expect(c, 7, "train small.yaml --run lost");
    cli_says(c, "cudaErrorLaunchFailure");
    cli_says(c, "checkpoints are whole");
    unsetenv("ANL_SHIM_LOST");
    cli_verify(c, "lost");
    cli_expect(c, 0, "train small.yaml --run lost");
    cli_digest(c, "lost", got);
    assert_string_equal(got, want);
    cli_log_once(c, "lost");
}

/* A call that cannot be recorded, the first, one in the middle, the last of a net: every step is launched kernel by kernel then, to the same bits (packed
 * copies of parameters in 16 bits included), and the reason is said once. */
static void test_refused(void **state)
{
    static const char *const refused[] = {"1", "2", "9", "14"}, *const precision[] = {"fp32", "bf16"};
    static const char said[] = "the step cannot be recorded (";
    cli *c = *state;
    char words[160], want[65], got[65];
    with_shim(true);
    for (size_t p = 0; p < 2; p++) {
        snprintf(words, sizeof words, "train small.yaml --run recorded-%s train.epochs=1 train.precision=%s", precision[p], precision[p]);
        cli_expect(c, 0, words);
        assert_null(strstr(c->err, said));
        snprintf(words, sizeof words, "recorded-%s", precision[p]);
        cli_digest(c, words, want);
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
            setenv("ANL_SHIM_REFUSE", refused[i], 1);
            snprintf(words, sizeof words, "train small.yaml --run refused-%s-%s train.epochs=1 train.precision=%s", precision[p], refused[i], precision[p]);
            cli_expect(c, 0, words);
            cli_says(c, i ? said : "cudaErrorStreamCaptureUnsupported"); /* of a library's call only the library's name is known */
            cli_says(c, "): it is launched kernel by kernel, which is slower");
            assert_null(strstr(strstr(c->err, said) + 1, said));
            snprintf(words, sizeof words, "refused-%s-%s", precision[p], refused[i]);
            cli_digest(c, words, got);
            assert_string_equal(got, want);
        }
        unsetenv("ANL_SHIM_REFUSE");
    }
    cli_expect(c, 0, "bench small.yaml train.batch=8 --seconds 0.01 device=cuda --json");
    cli_says(c, "\"recorded\":true");
    setenv("ANL_SHIM_REFUSE", "5", 1);
    cli_expect(c, 0, "bench small.yaml train.batch=8 --seconds 0.01 device=cuda --json");
    cli_says(c, "\"recorded\":false");
    cli_expect(c, 0, "bench small.yaml train.batch=8 --seconds 0.01 device=cuda");
    cli_says(c, "; launched kernel by kernel");
    unsetenv("ANL_SHIM_REFUSE");
    cli_expect(c, 0, "explain small.yaml device=cuda");
    cli_says(c, "steps: one launch a step, once it is recorded");
}

static void test_unfit(void **state)
{
    cli *c = *state;
    with_shim(true);
    setenv("ANL_SHIM_DRIVER", "12020", 1);
    cli_expect(c, 7, "train small.yaml --run old device=cuda");
    cli_says(c, "the driver knows CUDA 12.2, this build needs 13.0 or newer");
    unsetenv("ANL_SHIM_DRIVER");
    setenv("ANL_SHIM_CAPABILITY", "61", 1);
    cli_expect(c, 7, "train small.yaml --run old device=cuda");
    cli_says(c, "has compute capability 6.1, this build needs 7.5 or newer");
    setenv("ANL_SHIM_CAPABILITY", "80", 1);
    setenv("ANL_SHIM_CODE", "90", 1);
    cli_expect(c, 7, "train small.yaml --run old device=cuda");
    cli_says(c, "has compute capability 8.0, for which this build has no code: build it with -DANL_CUDA_ARCHS=80");
    unsetenv("ANL_SHIM_CODE");
    unsetenv("ANL_SHIM_CAPABILITY");
}

static int begin(void **state)
{
    static cli c;
    cli_begin(&c);
    cli_write(&c, "small.yaml", small);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_gpu), cmocka_unit_test(test_losses), cmocka_unit_test(test_branches), cmocka_unit_test(test_same_again), cmocka_unit_test(test_resident), cmocka_unit_test(test_room), cmocka_unit_test(test_killed), cmocka_unit_test(test_fp16), cmocka_unit_test(test_precisions), cmocka_unit_test(test_signal), cmocka_unit_test(test_memory), cmocka_unit_test(test_lost), cmocka_unit_test(test_refused), cmocka_unit_test(test_tuned), cmocka_unit_test(test_unfit)};
    return cmocka_run_group_tests_name("cli/cuda", tests, begin, end);
}
