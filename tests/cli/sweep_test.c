/* Sweeps as a user runs them: whole, gone on with, resumed trials, questions and requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool there(const cli *c, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    return access(path, F_OK) == 0;
}

/* "7,complete,": how many lines of the export hold this. */
static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++) n++;
    return n;
}

#define SPACE                                                                                                \
    "space:\n  optim.lr: {low: 0.001, high: 0.2, log: true}\n  model.layers.0.filters: {low: 2, high: 8}\n " \
    " train.batch: [16, 32]\n"

static void test_whole(void **state)
{
    cli *c = *state;
    static char first[65536];
    cli_write(
        c, "s.yaml",
        "base: recipe.yaml\n" SPACE
        "objective: valid.accuracy\nsampler: random\nbudget: {trials: 5}\noverride: [train.epochs=2]\n");
    cli_expect(c, 0, "sweep s.yaml");
    cli_says(c, "a new sweep");
    cli_says(c, "to train the winner again:");
    cli_says(c, "anneal train sweeps/s/base.yaml optim.lr=");
    cli_says(c, "test part, read once: loss ");
    cli_says(c, "  accuracy 0.");
    cli_says(c, "its run, which eval, predict and export take: sweeps/s/trials/000");
    assert_true(there(c, "sweeps/s/winner-test.json"));
    assert_false(there(c, "sweeps/s/trials/0000/test.json")); /* nothing is chosen by the test part */
    cli_expect(c, 0, "sweep export sweeps/s");
    assert_int_equal(count(c->out, ",complete,2,"), 5);
    memcpy(first, c->out, sizeof first);
    cli_expect(c, 0, "sweep export s.yaml"); /* its file stands for where it lies */
    cli_says(c, "s.yaml: the sweep in sweeps/s");
    assert_string_equal(c->out, first);
    cli_shell(c, "cp s.yaml unknown.yaml");
    cli_expect(c, 2, "sweep status unknown.yaml");
    cli_says(c, "unknown.yaml is a sweep's file, and sweeps/unknown, where its search would lie, is not there: give the directory: anneal sweep status DIR");
    cli_expect(c, 0, "sweep status unknown.yaml --dir sweeps/s");
    cli_expect(c, 0, "sweep s.yaml"); /* nothing is done twice */
    cli_says(c, "goes on with 5 trials");
    cli_says(c, "sweeps/s is finished: 5 complete");
    cli_expect(c, 0, "sweep export sweeps/s");
    assert_string_equal(c->out, first);
    cli_write(c, "s.yaml",
              "base: recipe.yaml\n" SPACE "objective: valid.accuracy\nsampler: random\nbudget: {trials: "
                                          "7}\noverride: [train.epochs=2]\nparallel: 2\n");
    cli_expect(c, 0, "sweep s.yaml"); /* totals: two more */
    cli_expect(c, 0, "sweep export sweeps/s");
    assert_int_equal(count(c->out, ",complete,2,"), 7);
    cli_expect(c, 0, "sweep status sweeps/s");
    cli_says(c, "7 trials of 7: 0 running, 0 waiting, 7 complete");
    cli_expect(c, 0, "sweep check sweeps/s");
    cli_says(c, "7 proposals made again");
    cli_expect(c, 0, "sweep export sweeps/s --json");
    cli_says(c, "\"intermediate\"");
}

/* A trial's result is that of the same recipe run alone. */
static void test_alone(void **state)
{
    cli *c = *state;
    char point[512], words[1024], want[65], got[65];
    cli_expect(c, 0, "sweep best sweeps/s");
    char *p = strstr(c->out, "base.yaml ");
    assert_non_null(p);
    assert_int_equal(sscanf(p, "base.yaml %511[^\n]", point), 1);
    char *line = strchr(c->out, '\n') + 1;
    int number = atoi(line);
    snprintf(words, sizeof words, "train recipe.yaml train.epochs=2 %s --run alone", point);
    cli_expect(c, 0, words);
    snprintf(words, sizeof words, "sweeps/s/trials/%04d", number);
    cli_digest(c, words, want);
    cli_digest(c, "alone", got);
    assert_string_equal(got, want);
}

/* Did `anneal train` say that it resumed this run? Then it says so before a second beginning, and begins
 * once. */
static bool resumed(const cli *c, const char *run)
{
    char path[512], line[1024];
    int begun = 0, resumes = 0;
    snprintf(path, sizeof path, "%s/%s/log.txt", c->dir, run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        begun += strstr(line, ": a new run") != NULL;
        resumes += strstr(line, ": resumed at step") != NULL;
    }
    fclose(f);
    assert_int_equal(begun, 1); /* never from zero again */
    return resumes > 0;
}

/* Promoted trials go on from their checkpoints; equal to whole runs; every proposal can be made again. */
static void test_asha(void **state)
{
    cli *c = *state;
    char line[64];
    cli_write(c, "asha.yaml",
              "base: recipe.yaml\n" SPACE
              "objective: {metric: valid.loss, goal: min}\nsampler: {name: tpe, startup: 3}\n"
              "scheduler: {name: asha, eta: 2}\nbudget: {trials: 9}\nparallel: 3\n");
    cli_expect(c, 0, "sweep asha.yaml --dir asha");
    cli_expect(c, 0, "sweep check asha");
    cli_says(c, "9 proposals made again");
    cli_expect(c, 0, "sweep export asha");
    assert_true(count(c->out, ",complete,4,") >= 1);
    assert_true(count(c->out, ",waiting,1,") >= 1);
    int went_on = 0;
    for (int k = 0; k < 9; k++) {
        snprintf(line, sizeof line, "asha/trials/%04d", k);
        cli_log_once(c, line);
        went_on += resumed(c, line);
    }
    assert_true(went_on >= 1);
}

/* A budget of epochs is kept, also by trials that are told to go on at once. */
static void test_epochs(void **state)
{
    cli *c = *state;
    int epochs = 0;
    cli_write(
        c, "epochs.yaml",
        "base: recipe.yaml\n" SPACE "objective: {metric: valid.loss, goal: min}\nsampler: random\n"
        "scheduler: {name: asha, eta: 2}\nbudget: {trials: 30, epochs: 12}\nparallel: 5\ntest: false\n");
    cli_expect(c, 0, "sweep epochs.yaml --dir epochs");
    cli_expect(c, 0, "sweep export epochs");
    for (const char *line = strchr(c->out, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        int step = 0;
        assert_int_equal(sscanf(line, "%*d,%*[a-z],%d,", &step), 1);
        epochs += step;
    }
    assert_in_range(epochs, 11, 12); /* the longest way to the next rung is two */
}

/* Folds and seeds: the mean over the parts, and its deviation. */
static void test_parts(void **state)
{
    cli *c = *state;
    cli_write(c, "folds.yaml",
              "base: recipe.yaml\n" SPACE
              "objective: valid.accuracy\nsampler: sobol\nfolds: 3\nseeds: 2\nbudget: {trials: 2}\n"
              "override: [train.epochs=1]\ntest: false\n");
    cli_expect(c, 0, "sweep folds.yaml --dir folds");
    cli_expect(c, 0, "sweep export folds");
    cli_says(c, "valid.accuracy.deviation");
    assert_int_equal(count(c->out, ",complete,6,"), 2);
    assert_true(there(c, "folds/trials/0001/part5/metrics.jsonl"));
    assert_false(there(c, "folds/winner-test.json"));
    cli_write(c, "few.yaml",
              "base: recipe.yaml\n" SPACE
              "objective: valid.accuracy\nsampler: random\nscheduler: {name: median, startup: 1}\nfolds: 4\n"
              "budget: {trials: 5}\noverride: [train.epochs=1]\ntest: false\n");
    cli_expect(c, 0, "sweep few.yaml --dir few");
    cli_expect(c, 0, "sweep export few");
    assert_int_equal(count(c->out, ",complete,4,") + count(c->out, ",pruned,"), 5);
}

static void test_several(void **state)
{
    cli *c = *state;
    cli_write(c, "two.yaml",
              "base: recipe.yaml\n" SPACE
              "objective: [valid.accuracy, parameters]\nsampler: nsga2\nbudget: {trials: 6}\nparallel: 2\n"
              "override: [train.epochs=1]\nconstraints:\n  - {metric: parameters, max: 300}\n");
    cli_expect(c, 0, "sweep two.yaml --dir two");
    cli_says(c, "(front)");
    cli_expect(c, 0, "sweep check two");
    cli_expect(c, 0, "sweep export two");
    cli_says(c, "constraint.parameters");
    cli_expect(c, 0, "sweep best two");
    cli_says(c, "(breaks parameters <= 300)");
    assert_null(strstr(c->out, "(breaks parameters <= 300)  (front)"));
    cli_write(c, "none.yaml",
              "base: recipe.yaml\n" SPACE "objective: valid.accuracy\nsampler: random\nbudget: {trials: 2}\n"
              "override: [train.epochs=1]\nconstraints:\n  - {metric: parameters, max: 3}\n");
    cli_expect(c, 0, "sweep none.yaml --dir none");
    cli_says(c, "no trial keeps all constraints: trial ");
    assert_false(there(c, "none/winner-test.json")); /* nobody has won */
}

static void test_pbt(void **state)
{
    cli *c = *state;
    cli_write(c, "pbt.yaml",
              "base: recipe.yaml\nspace:\n  optim.lr: {low: 0.0001, high: 0.2, log: true}\nobjective: "
              "valid.loss\nsampler: random\n"
              "scheduler: {name: pbt, population: 4, interval: 1}\nbudget: {trials: 4}\nparallel: 2\norder: "
              "strict\ntest: false\n");
    cli_expect(c, 0, "sweep pbt.yaml --dir pbt");
    cli_expect(c, 0, "sweep export pbt");
    assert_int_equal(count(c->out, ",complete,4,"), 4);
    assert_true(there(c, "pbt/trials/0000/gen1") || there(c, "pbt/trials/0001/gen1") ||
                there(c, "pbt/trials/0002/gen1") || there(c, "pbt/trials/0003/gen1"));
    cli_expect(c, 0, "sweep check pbt");
    cli_says(c, "4 proposals made again"); /* also of those whose point has changed since */
    /* later proposals see the points that earlier members had then */
    cli_write(c, "turns.yaml",
              "base: recipe.yaml\nspace:\n  optim.lr: {low: 0.0001, high: 0.2, log: true}\nobjective: "
              "valid.loss\nsampler: {name: tpe, startup: 2}\n"
              "scheduler: {name: pbt, population: 6, interval: 1}\nbudget: {trials: 6}\nparallel: 2\ntest: "
              "false\n");
    cli_expect(c, 0, "sweep turns.yaml --dir turns");
    cli_expect(c, 0, "sweep check turns");
    cli_says(c, "6 proposals made again");
    cli_expect(c, 0, "sweep best turns");
    cli_says(c, "anneal train turns/base.yaml optim.lr=");
    if (strstr(c->out, "/gen")) cli_says(c, "so no command trains it again");
    else cli_says(c, "to train the winner again");
}

static void test_points(void **state)
{
    cli *c = *state;
    cli_write(c, "grid.yaml",
              "base: recipe.yaml\nspace:\n  optim.lr: [0.01, 0.1]\n  train.batch: {low: 16, high: 32, step: "
              "16}\nobjective: valid.accuracy\n"
              "sampler: grid\npoints: [{optim.lr: 0.1, train.batch: 32}]\nbudget: {hours: 1}\noverride: "
              "[train.epochs=1]\ntest: false\n");
    cli_expect(c, 0, "sweep grid.yaml --dir grid");
    cli_expect(c, 0, "sweep export grid");
    assert_int_equal(count(c->out, ",complete,1,"), 5);
    cli_write(c, "warm.yaml",
              "base: recipe.yaml\nspace:\n  optim.lr: [0.01, 0.1]\n  train.batch: {low: 16, high: 32, step: "
              "16}\nobjective: valid.accuracy\n"
              "sampler: {name: tpe, startup: 2}\nwarm_start: grid\nbudget: {trials: 2}\noverride: "
              "[train.epochs=1]\ntest: false\n");
    cli_expect(c, 0, "sweep warm.yaml --dir warm");
    cli_expect(c, 0, "sweep check warm");
    cli_expect(c, 2, "sweep add warm optim.lr=0.5 train.batch=16");
    cli_says(c, "none of its choices");
    cli_expect(c, 0, "sweep add warm optim.lr=0.1 train.batch=16");
    cli_write(c, "warm.yaml",
              "base: recipe.yaml\nspace:\n  optim.lr: [0.01, 0.1]\n  train.batch: {low: 16, high: 32, step: "
              "16}\nobjective: valid.accuracy\n"
              "sampler: {name: tpe, startup: 2}\nwarm_start: grid\nbudget: {trials: 4}\noverride: "
              "[train.epochs=1]\ntest: false\n");
    cli_expect(c, 0, "sweep warm.yaml --dir warm");
    cli_expect(c, 0, "sweep export warm --json");
    assert_int_equal(count(c->out, "\"added\""), 1);
    assert_int_equal(count(c->out, "\"warm\""), 5);
    cli_expect(c, 0, "sweep check warm");
}

static void test_stop(void **state)
{
    cli *c = *state;
    cli_write(c, "long.yaml",
              "base: recipe.yaml\n" SPACE "objective: valid.accuracy\nsampler: random\nbudget: {trials: "
                                          "3}\noverride: [train.epochs=3]\ntest: false\n");
    mkdir(strcat(strcpy(c->out, c->dir), "/long"), 0755);
    mkdir(strcat(strcpy(c->out, c->dir), "/long/requests"), 0755);
    cli_write(c, "long/requests/1.txt", "stop"); /* before it has begun */
    cli_expect(c, 0, "sweep long.yaml --dir long");
    cli_says(c, "stopped. Go on with");
    cli_expect(c, 0, "sweep long");
    cli_expect(c, 0, "sweep status long");
    cli_says(c, "3 complete");
    cli_expect(c, 0, "sweep stop long"); /* leaves nothing for a driver to come */
    cli_says(c, "no driver is at work");
    cli_expect(c, 2, "sweep stop long --trial x");
    cli_says(c, "trial");
    cli_expect(c, 2, "sweep stop long --trial 7");
    cli_says(c, "there is no trial 7");
    cli_expect(c, 2, "sweep stop long --trial 1");
    cli_says(c, "trial 1 has ended: complete");
    cli_expect(c, 0, "sweep long");
    cli_says(c, "to train the winner again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),  cmocka_unit_test(test_alone),  cmocka_unit_test(test_asha),
        cmocka_unit_test(test_epochs), cmocka_unit_test(test_parts),  cmocka_unit_test(test_several),
        cmocka_unit_test(test_pbt),    cmocka_unit_test(test_points), cmocka_unit_test(test_stop)};
    return cmocka_run_group_tests_name("cli/sweep", tests, cli_setup, cli_teardown);
}
