/* What users do wrong: a clear message, the documented exit code, nothing lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A recipe with one change, the exit code, and what the message must say. */
static void try_recipe(cli *c, const char *text, int code, const char *says, const char *also)
{
    cli_write(c, "bad.yaml", text);
    cli_expect(c, code, "train bad.yaml --run bad");
    cli_says(c, says);
    if (also) cli_says(c, also);
}

static void test_recipes(void **state)
{
    cli *c = *state;
    try_recipe(c, "model:\n  nam: mlp\n", 2, "bad.yaml:2:3", "model.name");
    try_recipe(c, "optim:\n  lr: fast\n", 2, "bad.yaml:2:7", "a number");
    try_recipe(c, "train:\n  epochs: 2.5\n", 2, "an integer", NULL);
    try_recipe(c, "train:\n  epochs: 010\n", 2, "bad.yaml:2:11", NULL);
    try_recipe(c, "train:\n  epochs: -1\n", 2, "outside", NULL);
    try_recipe(c, "optim:\n  name: adm\n", 2, "did you mean 'adam'", NULL);
    try_recipe(c, "device: {name: cpu}\n", 2, "bad.yaml:1:9: device: needs one of auto|", "not a map of keys");
    try_recipe(c, "train: &a\n  epochs: 3\n", 2, "anchors are not allowed", NULL);
    try_recipe(c, "train:\n  epochs: 1\n  epochs: 2\n", 2, "bad.yaml:3", NULL);
    try_recipe(c, "train: {epochs: 1\n", 2, "bad.yaml:", NULL);
    try_recipe(c, "a: 1\n---\nb: 2\n", 2, "more than one document", NULL);
    try_recipe(c, "optim:\n\tlr: 1\n", 2, "bad.yaml:2", "tab");
    try_recipe(c, "- 1\n", 2, "a recipe is a map", NULL);
    try_recipe(c, "data:\n  path: data\noptim: {name: sgd, nesterov: true, momentum: 0}\n", 2, "optim.nesterov", NULL);
    try_recipe(c, "model: {name: cnn2, layers: [flatten]}\ndata: {path: data}\n", 2, "model.layers: goes with", NULL);
    try_recipe(c, "model: {name: mlp}\ndata: {path: data, augment: {saturation: 0.5}}\n", 2, "data.augment.saturation needs samples of 3 channels, and these have 1", NULL);
    /* each wrong line is named, not only the first */
    try_recipe(c, "optim:\n  lr: fast\n  nme: sgd\n", 2, "bad.yaml:2:7", "bad.yaml:3:3");
    cli_expect(c, 2, "train nothing.yaml");
    cli_expect(c, 2, "train recipe.yaml --run bad optim.nam=1");
    cli_says(c, "there is no key optim.nam; did you mean optim.name?");
    assert_int_equal(cli_verify(c, "bad"), 0);
}

/* Shapes that do not fit: the layer and both shapes. */
static void test_layers(void **state)
{
    cli *c = *state;
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: conv, filters: 3, kernel: 3}]}\ndata: {path: data}\n", 2, "conv", "64");
    try_recipe(c, "model: {name: sequential, layers: [{type: conv, filters: 3, kernel: 11}]}\ndata: {path: data}\n", 2, "conv", "8x8");
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: dense, units: 7}]}\ndata: {path: data}\n", 2, "4 classes", "7");
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: dense, units: 4}, softmax]}\ndata: {path: data}\n", 2, "bad.yaml:1:70: layer 'softmax1' is a softmax", "leave this one out");
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: dense, units: 4, act: softmax}]}\ndata: {path: data}\n", 2, "layer 'dense1' ends in a softmax", "leave this one out");
    try_recipe(c, "model: {name: graph, layers: [flatten, {type: dense, name: y, units: 4}], heads: [{from: z}]}\ndata: {path: data}\n", 2, "bad.yaml:1:83: a head reads 'z'", "did you mean 'y'");
    try_recipe(c, "model: {name: sequential, layers: [{type: conv, fliters: 3, kernel: 3}]}\ndata: {path: data}\n", 2, "takes no 'fliters'", "it takes: filters kernel");
    try_recipe(c, "model: {name: sequential, layers: [{type: conv, filters: 3, kernel: 3, activation: relu}]}\ndata: {path: data}\n", 2, "takes no 'activation', which here is 'act'", NULL);
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: dense, units: 4, act: rellu}]}\ndata: {path: data}\n", 2, "act 'rellu' is no activation; did you mean 'relu'", NULL);
    try_recipe(c, "model: {name: sequential, layers: [{type: conv, filters: 3, kernel: 3, pad: valid}]}\ndata: {path: data}\n", 2, "pad 'valid' is neither a number of pixels", "nor same");
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: relu, p: 3}]}\ndata: {path: data}\n", 2, "takes no 'p'; it takes: no argument at all", NULL);
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: dens, units: 4}]}\ndata: {path: data}\n", 2, "dense", NULL);
    try_recipe(c, "model: {name: sequential, layers: [flatten, {type: dense, unit: 4}]}\ndata: {path: data}\n", 2, "unit", NULL);
    try_recipe(c, "model: {name: graph, layers: [{type: flatten, name: f}, {type: dense, units: 4, from: [g]}]}\ndata: {path: data}\n", 2, "'g'", NULL);
}

/* What is written and does nothing is said, and stops nobody: a recipe may be tried with another optimizer. */
static void test_idle(void **state)
{
    static const char *const says[] = {"note: optim.momentum is without effect where optim.name is adam (it is read by sgd|rmsprop)", "note: schedule.peak_at is without effect where schedule.name is multistep",
                                       "note: data.size is of folders of pictures", "stay as they are, 8x8x1", "note: loss.name is of values to predict", "warning: schedule.warmup is counted in epochs, and 9",
                                       "warning: schedule.milestones are counted in epochs, and 2 are trained: 30 is never come to", "note: train.batch 600 is more than there is to train on, 510"};
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --limit-batches 1 train.epochs=2 optim.name=adam optim.momentum=0.5 schedule.name=multistep schedule.peak_at=0.2 schedule.milestones=[1,30] schedule.warmup=9 "
                     "data.size=16 loss.name=mse train.batch=600");
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) cli_says(c, says[i]);
    cli_expect(c, 0, "train recipe.yaml --limit-batches 1 train.epochs=1 data.size=");
    assert_null(strstr(c->err, "note:"));
    assert_null(strstr(c->err, "warning:"));
}

static void test_data(void **state)
{
    cli *c = *state;
    const char *train = "train recipe.yaml --run baddata data.path=d2 data.cache=false";
    cli_expect(c, 3, "train recipe.yaml --run baddata data.path=nowhere");
    cli_says(c, "nowhere: there is no such file or directory in /"); /* a run that is used from elsewhere looks for its data there */
    cli_shell(c, "echo a,b > rows.csv");
    cli_expect(c, 3, "train recipe.yaml --run baddata data.path=rows.csv");
    cli_says(c, "rows.csv is a file that this model does not read");
    cli_says(c, "a table with a sample in each row is made into NPY files");
    cli_shell(c, "rm -rf d2 && cp -r data d2 && truncate -s 1000 d2/train-images-idx3-ubyte");
    cli_expect(c, 3, train);
    cli_says(c, "d2/train-images-idx3-ubyte");
    cli_shell(c, "rm -rf d2 && cp -r data d2 && printf 'abcd' | dd of=d2/train-images-idx3-ubyte conv=notrunc 2>/dev/null");
    cli_expect(c, 3, train);
    cli_shell(c, "rm -rf d2 && cp -r data d2 && printf '\\377' | dd of=d2/train-labels-idx1-ubyte bs=1 seek=100 conv=notrunc 2>/dev/null");
    cli_expect(c, 3, "train recipe.yaml --run baddata data.path=d2 data.classes=4");
    cli_says(c, "label 255");
    cli_shell(c, "rm -rf d2 && cp -r data d2 && cp d2/t10k-labels-idx1-ubyte d2/train-labels-idx1-ubyte");
    cli_expect(c, 3, train);
    cli_expect(c, 3, "train recipe.yaml --run baddata data.classes=5");
    cli_says(c, "has no sample");
    cli_expect(c, 3, "train recipe.yaml --run baddata data.validation=610");
}

/* What failed before anything was trained leaves no run behind; what lay there before is left as it was. */
static void test_failed_starts(void **state)
{
    cli *c = *state;
    static const struct { const char *words; int code; } tries[] = {
        {"train recipe.yaml --run starts/none data.path=nowhere", 3},
        {"train recipe.yaml --run starts/none train.precision=fp16", 2},
        {"train recipe.yaml --run starts/none device=cuda", 2},
        {"train recipe.yaml --run starts/none model.layers=[flatten]", 2},
        {"train recipe.yaml --run starts/none checkpoint.metric=valid.nothing train.init=nowhere", 2},
    };
    setenv("ANNEAL_CUDA_PLUGIN", "nowhere.so", 1);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        cli_run(c, tries[i].words);
        assert_int_not_equal(c->code, 0);
        cli_shell(c, "test ! -e starts/none");
    }
    cli_expect(c, 3, "train recipe.yaml data.path=nowhere");
    cli_expect(c, 0, "runs");
    cli_says(c, "there are no runs in runs");
    /* what others put there meanwhile is not taken away with it */
    cli_shell(c, "(cat recipe.yaml; echo \"resume: {command: 'echo mine > {run}/notes.txt; false'}\") > fetching.yaml");
    cli_expect(c, 3, "train fetching.yaml --run starts/mixed data.path=nowhere checkpoint.retries=0");
    cli_shell(c, "test \"$(ls -A starts/mixed)\" = notes.txt");
    /* somebody's directory and their files in it stay, and the run says that it failed */
    cli_shell(c, "mkdir -p starts/theirs && echo mine > starts/theirs/notes.txt");
    cli_expect(c, 3, "train recipe.yaml --run starts/theirs data.path=nowhere");
    cli_shell(c, "grep -q mine starts/theirs/notes.txt");
    cli_expect(c, 0, "runs starts");
    cli_says(c, "failed");
    cli_expect(c, 0, "runs starts --json");
    cli_says(c, "\"failure\":\"nowhere");
    cli_expect(c, 0, "train recipe.yaml --run starts/theirs --until 1");
    cli_expect(c, 0, "runs starts");
    cli_says(c, "stopped");
    /* a run that cannot go on is not touched */
    cli_shell(c, "mv data away; find starts/theirs -type f ! -name lock | sort | xargs sha256sum > before");
    cli_expect(c, 3, "train starts/theirs");
    cli_shell(c, "mv away data; find starts/theirs -type f ! -name lock | sort | xargs sha256sum | cmp - before");
    cli_expect(c, 0, "train starts/theirs");
    unsetenv("ANNEAL_CUDA_PLUGIN");
}

static const char diverging[] = "model: {name: mlp, hidden: [16]}\ndata: {path: data}\noptim: {name: sgd, lr: 1e6}\ntrain: {batch: 32}\n";

/* What failed after a step is kept, with its log, and says so. */
static void test_failed_training(void **state)
{
    cli *c = *state;
    cli_write(c, "div.yaml", diverging);
    cli_expect(c, 4, "train div.yaml --run failing/run log.every=1");
    cli_shell(c, "test -s failing/run/metrics.jsonl && grep -q diverged failing/run/failed.txt && grep -q 'failed: training diverged' failing/run/report.html");
    cli_expect(c, 0, "runs failing");
    cli_says(c, "failed");
    cli_expect(c, 0, "report failing/run");
    cli_shell(c, "grep -q 'failed: training diverged' failing/run/report.html");
    cli_expect(c, 0, "train div.yaml --run failing/run optim.lr=0.01 --until 1");
    cli_shell(c, "test ! -e failing/run/failed.txt");
}

static void test_other_recipe(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run mine train.epochs=1");
    cli_expect(c, 2, "train recipe.yaml --run mine train.epochs=1 optim.lr=0.5");
    cli_says(c, "optim.lr: 0.02 -> 0.5");
    cli_says(c, "--run DIR");
    cli_expect(c, 2, "train recipe.yaml --run mine train.epochs=2");
    cli_says(c, "--change");
    cli_expect(c, 0, "train recipe.yaml --run mine train.epochs=2 --change");
    cli_says(c, "resumed at step");
    cli_expect(c, 0, "train mine");
    cli_says(c, "is finished");
    cli_expect(c, 2, "train recipe.yaml --run mine train.epochs=2 optim.lr=0.5 --change");
}

static void test_checkpoints(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run ck train.epochs=2");
    cli_shell(c, "f=$(ls ck/checkpoints/step-*.h5 | tail -1); cp $f good.h5; printf 'x' | dd of=$f bs=1 seek=5000 conv=notrunc 2>/dev/null");
    cli_expect(c, 0, "train ck"); /* the damaged one is left aside, the one before goes on */
    cli_says(c, "left aside");
    cli_shell(c, "head -c 3000 good.h5 > cut.h5");
    cli_expect(c, 6, "inspect cut.h5");
    cli_expect(c, 0, "inspect good.h5");
    cli_expect(c, 2, "train recipe.yaml --run other train.init=good.h5 model.name=mlp model.layers=");
    cli_says(c, "no tensor of this model");
    cli_expect(c, 0, "train recipe.yaml --run warm train.init=ck:best train.epochs=1");
    cli_says(c, "matched");
    cli_expect(c, 2, "eval nowhere");
    cli_expect(c, 2, "inspect nowhere");
    cli_says(c, "there is no such");
    cli_expect(c, 6, "inspect recipe.yaml");
    cli_says(c, "no HDF5 file");
    cli_expect(c, 0, "data pack data --out set.h5"); /* no damaged checkpoint */
    cli_expect(c, 2, "inspect set.h5");
    cli_says(c, "set.h5 is a data set, not a checkpoint: `anneal data describe set.h5`");
    cli_shell(c, "cp set.h5 set.hdf5");
    cli_expect(c, 2, "inspect set.hdf5");
    cli_says(c, "is a data set");
    cli_shell(c, "head -c 20000 set.h5 > half.h5");
    cli_expect(c, 6, "inspect half.h5");
    cli_expect(c, 2, "eval ck --checkpoint 77777");
    cli_says(c, "no checkpoint of step 77777");
}

/* A run whose checkpoints are all damaged does not begin anew over its own log. */
static void test_all_damaged(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run dm train.epochs=2");
    cli_shell(c, "cp dm/metrics.jsonl before; for f in dm/checkpoints/step-*.h5; do printf x > $f; done; cp -r dm/checkpoints kept");
    cli_expect(c, 6, "train recipe.yaml --run dm train.epochs=2");
    cli_says(c, "none of the checkpoints there can be used");
    const char *once = strstr(c->err, "left aside: dm/checkpoints/step-");
    char first[64];
    assert_non_null(once);
    snprintf(first, sizeof first, "%.44s", once);
    assert_null(strstr(once + 1, first));
    cli_shell(c, "cmp dm/metrics.jsonl before && diff -r dm/checkpoints kept");
    cli_expect(c, 0, "runs .");
    cli_says(c, "damaged");
    cli_says(c, "best by\n");
    cli_shell(c, "mv dm/checkpoints aside");
    cli_expect(c, 0, "train recipe.yaml --run dm train.epochs=2");
    cli_says(c, "a new run");
}

/* Through a pipe, as from a shell's <(...). */
static void test_odd_recipes(void **state)
{
    cli *c = *state;
    cli_shell(c, "mkfifo pipe.yaml; cat recipe.yaml > pipe.yaml &");
    cli_expect(c, 0, "train pipe.yaml --run piped train.epochs=1");
    cli_expect(c, 2, "train recipe.yaml --run=");
    cli_says(c, "--run needs the name of a directory");
    cli_shell(c, "mkdir odd; cp recipe.yaml \"it's one.yaml\"; anneal() { " ANL_PROGRAM " \"$@\"; }; anneal train \"it's one.yaml\" train.epochs=2 --until 1 2> said; "
             "s=$(sed -n 's/.*Go on with: //p' said); test -n \"$s\" && eval \"$s\" > /dev/null 2> said && grep -q 'resumed at step' said");
    cli_shell(c, "mv piped 'odd/a \"b'");
    cli_expect(c, 0, "runs odd --json");
    cli_says(c, "\"run\":\"odd/a \\\"b\"");
}

static void test_predictions(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run pr train.epochs=1");
    cli_expect(c, 0, "predict pr data/t10k-images-idx3-ubyte");
    int lines = 0;
    for (const char *p = c->out; (p = strchr(p, '\n')); p++) lines++;
    assert_int_equal(lines, 91);
    cli_expect(c, 3, "predict pr data/t10k-labels-idx1-ubyte");
    cli_expect(c, 3, "predict pr nothing.idx");
    cli_expect(c, 2, "predict pr data/t10k-images-idx3-ubyte --format xml");
    cli_expect(c, 0, "eval pr --split valid --json");
    cli_says(c, "\"samples\":100");
}

/* Neither a validation nor a test part: it trains all the same. */
static void test_training_only(void **state)
{
    cli *c = *state;
    cli_shell(c, "rm -rf d3 && mkdir d3 && cp data/train-* d3");
    cli_expect(c, 0, "train recipe.yaml --run only data.path=d3 data.validation=0 train.epochs=1");
    /* keys that the device has no use for are named */
    cli_expect(c, 0, "train recipe.yaml --dry-run data.resident=true train.tune=true train.ahead=3 device=cpu");
    cli_says(c, "note: data.resident is for CUDA devices");
    cli_says(c, "note: train.tune is for CUDA devices");
    cli_says(c, "note: train.ahead is for CUDA devices");
    cli_expect(c, 3, "eval only");
    cli_expect(c, 0, "eval only --split train");
}

/* A limit on the processor's instructions is obeyed, or refused with what it may be, also where the device is left open. */
static void test_instructions(void **state)
{
    cli *c = *state;
    setenv("ANNEAL_CPU_ISA", "avx3", 1);
    cli_expect(c, 2, "train recipe.yaml --run isa");
    cli_says(c, "ANNEAL_CPU_ISA is 'avx3'; it may be plain, avx2,");
    setenv("ANNEAL_CPU_ISA", "", 1); /* set to nothing is not set */
    setenv("ANNEAL_CUDA_PLUGIN", "", 1);
    cli_expect(c, 0, "train recipe.yaml --dry-run");
    unsetenv("ANNEAL_CUDA_PLUGIN");
#if defined(__x86_64__)
    setenv("ANNEAL_CPU_ISA", "plain", 1);
    cli_expect(c, 0, "doctor");
    cli_says(c, "SSE2");
#endif
    unsetenv("ANNEAL_CPU_ISA");
}

static void test_usage(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "tran recipe.yaml");
    cli_says(c, "did you mean 'train'");
    cli_expect(c, 2, "train");
    cli_expect(c, 2, "train recipe.yaml --rnu x");
    cli_says(c, "--run");
    cli_expect(c, 2, "train recipe.yaml more words");
    cli_expect(c, 0, "--version");
    cli_expect(c, 0, "help");
    cli_expect(c, 0, "help keys");
    cli_says(c, "optim.weight_decay");
    cli_expect(c, 6, "predict recipe.yaml bad");
    cli_says(c, "recipe.yaml: is no HDF5 file, and so no checkpoint, nor a run's directory; a run is named first");
    cli_expect(c, 2, "train recipe.yaml --lr 0.1");
    cli_says(c, "keys of a recipe are given without dashes: optim.lr=VALUE");
    cli_expect(c, 2, "train recipe.yaml --optim.lr=0.1");
    cli_says(c, "keys of a recipe are given without dashes: optim.lr=VALUE");
    cli_expect(c, 0, "train --help");
    cli_says(c, "--dry-run");
    cli_expect(c, 0, "man");
    cli_says(c, ".TH ANNEAL");
    cli_expect(c, 0, "completion bash");
    cli_expect(c, 0, "explain --ops");
    cli_expect(c, 0, "data get");
    cli_expect(c, 3, "data get fashion-mnis");
    cli_expect(c, 0, "train recipe.yaml --dry-run");
    cli_says(c, "the same weights");
}

/* Two processes in one run directory: the second is refused and names the first; the first goes on. */
static void test_two(void **state)
{
    cli *c = *state;
    char lock[512];
    struct timespec t = {0, 5000000};
    int pid = cli_start(c, "train recipe.yaml --run two train.epochs=400");
    snprintf(lock, sizeof lock, "%s/two/metrics.jsonl", c->dir);
    for (int i = 0; i < 4000 && access(lock, F_OK); i++) nanosleep(&t, NULL);
    cli_expect(c, 6, "train recipe.yaml --run two train.epochs=400");
    char number[32];
    snprintf(number, sizeof number, "%d", pid);
    cli_says(c, number);
    kill(pid, SIGTERM);
    assert_int_equal(cli_wait(pid), 75);
}

static void test_diverges(void **state)
{
    cli *c = *state;
    cli_write(c, "div.yaml", diverging);
    cli_expect(c, 4, "train div.yaml --run div");
    cli_says(c, "diverged");
}

/* As whoever runs the tests, but root, who writes anywhere, becomes nobody: the program's real user too, for sanitizers. */
static int look_at_others(cli *c)
{
    static const struct { const char *words; int code; const char *says; } tries[] = {
        {"train recipe.yaml --run ro/run", 6, "ro/run: mkdir failed: Permission denied"},
        {"train owned train.epochs=3 --change", 6, "owned cannot be written"},
        {"clean owned", 6, "owned cannot be written"},
        {"eval owned", 0, "accuracy"},
    };
    if (geteuid() == 0 && (setgid(65534) || setuid(65534))) return 2;
    if (access(ANL_PROGRAM, X_OK)) return 77;
    for (size_t k = 0; k < sizeof tries / sizeof tries[0]; k++) {
        cli_run(c, tries[k].words);
        if (c->code == tries[k].code && (strstr(c->out, tries[k].says) || strstr(c->err, tries[k].says))) continue;
        fprintf(stderr, "anneal %s\nexit code %d, not %d, or without '%s'\n%s\n%s\n", tries[k].words, c->code, tries[k].code,
                tries[k].says, c->out, c->err);
        return 1;
    }
    return 0;
}

/* Somebody else's run can be looked at, and nothing in it is touched. */
static void test_read_only(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run owned train.epochs=1");
    cli_shell(c, "mkdir ro && chmod 555 ro && find owned -type d -exec chmod 555 {} + && find owned -type f -exec chmod 444 {} +");
    cli_shell(c, "chmod 777 . && rm -f out.txt err.txt && find owned | sort | xargs ls -ld > before");
    int pid = fork();
    assert_true(pid >= 0);
    if (!pid) _exit(look_at_others(c));
    int code = cli_wait(pid);
    cli_shell(c, "find owned | sort | xargs ls -ld | cmp - before; s=$?; chmod -R u+w owned ro; exit $s");
    if (code == 77) {
        print_message("skipped: nobody may not run %s\n", ANL_PROGRAM);
        skip();
    }
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recipes), cmocka_unit_test(test_layers), cmocka_unit_test(test_idle), cmocka_unit_test(test_data),
                                       cmocka_unit_test(test_failed_starts), cmocka_unit_test(test_failed_training),
                                       cmocka_unit_test(test_other_recipe), cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_all_damaged), cmocka_unit_test(test_odd_recipes),
                                       cmocka_unit_test(test_predictions), cmocka_unit_test(test_training_only),
                                       cmocka_unit_test(test_usage), cmocka_unit_test(test_instructions), cmocka_unit_test(test_two), cmocka_unit_test(test_diverges), cmocka_unit_test(test_read_only)};
    return cmocka_run_group_tests_name("cli/bad_input", tests, cli_setup, cli_teardown);
}
