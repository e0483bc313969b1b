/* What is wrong with a sweep: named with its place, before anything runs; and a directory that holds another
 * sweep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The sweep's file is this text; exit code 2 and these words. No directory is made. */
static void refused(cli *c, const char *text, const char *says, const char *also)
{
    char path[512];
    cli_write(c, "bad.yaml", text);
    cli_expect(c, 2, "sweep bad.yaml --dir bad");
    cli_says(c, says);
    if (also) cli_says(c, also);
    snprintf(path, sizeof path, "%s/bad", c->dir);
    assert_int_not_equal(access(path, F_OK), 0);
}

#define BASE "base: recipe.yaml\n"
#define LR "space: {optim.lr: {low: 0.01, high: 0.1}}\n"
#define GOAL "objective: valid.accuracy\n"
#define BUDGET "budget: {trials: 2}\n"
#define AXIS(text) BASE GOAL BUDGET "space:\n  " text "\n"

static void test_keys(void **state)
{
    cli *c = *state;
    refused(c, BASE LR GOAL BUDGET "samplr: tpe\n",
            "bad.yaml:5:1: there is no key samplr in a sweep; did you mean sampler?", NULL);
    refused(c, BASE LR GOAL BUDGET "sampler: tpee\n", "bad.yaml:5:10", "did you mean 'tpe'");
    refused(c, BASE LR GOAL BUDGET "sampler: {name: tpe, startups: 3}\n", "did you mean startup?", NULL);
    refused(c, BASE LR GOAL BUDGET "scheduler: asah\n", "did you mean 'asha'", NULL);
    refused(c, BASE LR GOAL BUDGET "order: sorted\n", "order is async or strict", NULL);
    refused(c, BASE LR GOAL BUDGET "parallel: 0\n", "bad.yaml:5:11: parallel: 0 is not within", NULL);
    refused(c, BASE LR GOAL BUDGET "launcher: srun\n", "has no {cmd}", NULL);
    refused(c, BASE LR GOAL BUDGET "slots: [{nam: x}]\n", "did you mean name?", NULL);
    refused(c, BASE LR GOAL BUDGET "slots: [{env: [X]}]\n", "NAME=value", NULL);
    refused(c, BASE LR GOAL BUDGET "slots: [{trials: 2}]\nparallel: 3\n", "the slots hold 2", NULL);
    refused(c, BASE LR GOAL BUDGET "folds: 1\n", "one fold", NULL);
    refused(c, BASE LR GOAL "budget: {trial: 3}\n", "did you mean trials?", NULL);
    refused(c, BASE LR GOAL, "budget is missing", NULL);
    refused(c, BASE LR BUDGET, "objective is missing", NULL);
    refused(c, BASE GOAL BUDGET, "space is missing", NULL);
    refused(c, LR GOAL BUDGET, "base is missing", NULL);
    refused(c, "base: none.yaml\n" LR GOAL BUDGET, "none.yaml: there is no such recipe", "bad.yaml:1:7");
    refused(c, BASE LR GOAL BUDGET "override: [train.epoch=3]\n", "did you mean train.epochs?", NULL);
    refused(c, BASE LR GOAL BUDGET "override: [train.batch=16, optim.lr=0.3]\n", "bad.yaml:5:28",
            "optim.lr is an axis of the space: the override would never hold");
    refused(c, BASE LR GOAL BUDGET "seed: 1\nseed: 2\n", "bad.yaml:6:1: the key 'seed' stands twice", NULL);
    refused(c, BASE LR GOAL "budget: {trials: 0}\n", "trials: 0 is not within 1 to", NULL);
    refused(c, BASE LR GOAL "budget: {hours: -1}\n", "hours: -1 is not within", NULL);
    refused(c, BASE LR GOAL "budget: {}\n", "budget is missing", NULL);
    refused(c, BASE LR GOAL "budget: {epochs: 3}\n",
            "bad.yaml:4:9: budget.epochs is 3, and one whole trial takes 4", NULL);
    refused(c, BASE LR GOAL "budget: {epochs: 11}\nfolds: 3\n",
            "budget.epochs is 11, and one whole trial takes 12", NULL);
    refused(c, "- 1\n", "a sweep is a map", NULL);
    cli_expect(c, 2, "sweep none.yaml");
    cli_expect(c, 2, "sweep status nowhere");
    cli_expect(c, 2, "sweep best");
    cli_expect(c, 2, "sweep s.yaml optim.lr=1");
}

static void test_space(void **state)
{
    cli *c = *state;
    refused(c, AXIS("optim.lrr: {low: 1, high: 2}"),
            "bad.yaml:5:3: there is no key optim.lrr; did you mean optim.lr?", NULL);
    refused(c, AXIS("optim.lr: {low: 0.2, high: 0.1}"), "bad.yaml:5:13", "optim.lr");
    refused(c, AXIS("optim.lr: {low: 0, high: 0.1, log: true}"), "bad.yaml:5:13", "log");
    refused(c, AXIS("optim.lr: {low: -1, high: 0.1}"), "-1 is not within 0 to 1e+06", NULL);
    refused(c, AXIS("optim.lr: {low: 0.01}"), "needs low and high, or choices", NULL);
    refused(c, AXIS("optim.lr: {low: 0.01, hihg: 0.1}"), "did you mean high?", NULL);
    refused(c, AXIS("optim.lr: {low: 0.01, high: fast}"), "bad.yaml:5:31: high: needs a number", NULL);
    refused(c, AXIS("optim.lr: {low: 0.1, high: 0.2, step: 0}"), "step", NULL);
    refused(c, AXIS("train.batch: {low: 8, high: 64, type: real}"), "whole numbers only", NULL);
    refused(c, AXIS("optim.name: {low: 1, high: 2}"), "needs choices", NULL);
    refused(c, AXIS("optim.name: [sgd, adm]"), "bad.yaml:5:21", "'adm' is none of sgd|adam");
    refused(c, AXIS("optim.name: [sgd, sgd]"), "sgd", "twice");
    refused(c, AXIS("data.augment.flip: [true, 1]"), "needs true or false", NULL);
    refused(c, AXIS("model.layers.9.filters: {low: 1, high: 4}"), "bad.yaml:5:33", "there is nothing below");
    refused(c, AXIS("optim.lr: {low: 0.1, high: 0.2, when: {optim.name: sgd}}"), "optim.name",
            "bad.yaml:5:13");
    refused(c, AXIS("optim.name: [sgd, adam]\n  optim.lr: {low: 0.1, high: 0.2, when: {optim.name: lamb}}"),
            "lamb", "bad.yaml:6:13");
    refused(c, AXIS("model.layers.0.=filters: [1, 2]"),
            "bad.yaml:5:3: there is no key model.layers.0.=filters", NULL);
    refused(c, AXIS("optim.lr: []"), "bad.yaml:5:13: optim.lr: choices is a list of values", NULL);
    refused(c, AXIS("optim.lr: [0.1]\n  optim.lr: {low: 0.1, high: 1}"),
            "bad.yaml:6:3: the key 'optim.lr' stands twice", NULL);
    /* in a circle: one of them stands before the axis that it depends on */
    refused(c,
            AXIS("optim.name: {choices: [sgd, adam], when: {train.batch: 8}}\n  train.batch: {choices: [8, "
                 "16], when: "
                 "{optim.name: sgd}}"),
            "bad.yaml:5:15", "it depends on 'train.batch', which is no axis before it");
    refused(c, AXIS("train.batch: {choices: [8, 16], when: {train.batch: 8}}"), "which is no axis before it",
            NULL);
    refused(c, AXIS("data.validation: [50, 100]"),
            "bad.yaml:5:3: space.data.validation: trials would be judged by different", NULL);
    refused(c, AXIS("train.epochs: [1, 2]") "scheduler: asha\n", "scheduler already decides", NULL);
    refused(c, AXIS("data.fold: [1, 2]") "folds: 3\n", "folds already decides", NULL);
    refused(c, AXIS("optim.lr: {low: 0.1, high: 0.2}") "sampler: grid\n", "grid", "optim.lr");
    refused(c, AXIS("optim.lr: {low: 0.1, high: 0.2}") "points: [{optim.lr: 3}]\n", "optim.lr",
            "bad.yaml:6:10");
    refused(c, AXIS("optim.lr: {low: 0.1, high: 0.2}") "points: [{optim.l: 0.1}]\n",
            "not in the search space; did you mean optim.lr?", NULL);
    refused(c, AXIS("optim.lr: {low: 0.1, high: 0.2}") "points: [{}]\n", "no value for optim.lr", NULL);
    /* each wrong line is named */
    refused(c, AXIS("optim.lrr: [1]\n  optim.name: [adm]") "ordr: 3\n", "bad.yaml:5:3", "bad.yaml:7:1");
}

static void test_goals(void **state)
{
    cli *c = *state;
    refused(c, BASE LR BUDGET "objective: valid.acuracy\n",
            "the recipe never reports valid.acuracy; did you mean valid.accuracy?", NULL);
    refused(c, BASE LR BUDGET "objective: valid.rmse\n", "the recipe never reports valid.rmse", "sequential");
    refused(c, BASE LR BUDGET "objective: test.accuracy\n", "nothing is chosen by the test part", NULL);
    refused(c, BASE LR BUDGET "objective: {metric: valid.loss, goal: small}\n", "min or max", NULL);
    refused(c, BASE LR BUDGET "objective: [valid.loss, seconds]\nsampler: gp\n", "gp", "2");
    refused(c, BASE LR BUDGET "objective: [valid.loss, seconds]\nscheduler: asha\n", "one objective", NULL);
    refused(c, BASE LR BUDGET GOAL "constraints: [{metric: parameters}]\n", "either max or min", NULL);
    refused(c, BASE LR BUDGET GOAL "constraints: [{metric: parametres, max: 3}]\n",
            "did you mean parameters?", NULL);
    refused(c, BASE LR GOAL "budget: {hours: 1}\norder: strict\nscheduler: asha\n", "needs budget.trials",
            NULL);
    /* that only a trial can show */
    cli_write(c, "auc.yaml", BASE LR BUDGET GOAL "override: [train.epochs=1, data.validation=0]\n");
    cli_expect(c, 2, "sweep auc.yaml --dir none");
    cli_says(c, "the recipe never reports it; a trial reported train.loss train.accuracy; data.validation "
                "sets records aside");
    cli_write(c, "auc.yaml", BASE LR BUDGET "objective: valid.topk\noverride: [train.epochs=1]\n");
    cli_expect(c, 2, "sweep auc.yaml --dir auc");
    cli_says(c, "is not measured here; there are: ");
}

/* Another recipe in the directory: what changed, and a directory that is free. */
static void test_changed(void **state)
{
    cli *c = *state;
    cli_write(c, "a.yaml", BASE GOAL BUDGET LR "sampler: random\noverride: [train.epochs=1]\ntest: false\n");
    cli_expect(c, 0, "sweep a.yaml --dir a");
    cli_write(
        c, "a.yaml",
        BASE GOAL BUDGET
        "space: {optim.lr: {low: 0.01, high: 0.2}}\nsampler: tpe\noverride: [train.epochs=2]\ntest: false\n");
    cli_expect(c, 2, "sweep a.yaml --dir a");
    cli_says(c, "a holds a sweep of another recipe");
    cli_says(c, "real 0.01 .. 0.1 -> real 0.01 .. 0.2");
    cli_says(c, "sampler: random -> tpe");
    cli_says(c, "train.epochs: 1 -> 2");
    cli_says(c, "anneal sweep a.yaml --dir a-2");
    cli_expect(c, 0, "sweep a"); /* the stored one is as it was */
    cli_expect(c, 0, "sweep status a");
    cli_says(c, "2 complete");
    cli_write(c, "a.yaml",
              BASE GOAL BUDGET LR
              "sampler: random\noverride: [train.epochs=1]\ntest: false\nparallel: 2\nretries: 1\n");
    cli_expect(c, 0, "sweep a.yaml --dir a"); /* how it is run may change */
    cli_expect(c, 2, "sweep a.yaml --dir data"); /* a directory of something else */
    cli_says(c, "data is no sweep and not empty");
    cli_write(c, "a/sweep.db",
              "this is no database, but a text that is long enough to be looked at as one, and it is not one "
              "at all\n");
    cli_run(c, "sweep status a");
    assert_int_not_equal(c->code, 0);
    cli_says(c, "a/sweep.db");
}

/* Two drivers in one directory: the second is told, and the first does not notice. */
static void test_in_use(void **state)
{
    cli *c = *state;
    cli_write(c, "busy.yaml",
              BASE GOAL LR
              "budget: {trials: 1}\noverride: [train.epochs=300]\nsampler: random\ntest: false\n");
    int first = cli_start(c, "sweep busy.yaml --dir busy");
    for (int k = 0; k < 500; k++) { /* the store is there before the trial is */
        cli_run(c, "sweep status busy");
        if (c->code == 0 && strstr(c->out, "1 running")) break;
        usleep(20000);
    }
    cli_says(c, "1 running");
    cli_expect(c, 6, "sweep busy.yaml --dir busy");
    cli_says(c, "busy is in use by process");
    cli_expect(c, 0, "sweep stop busy");
    assert_int_equal(cli_wait(first), 0);
    cli_expect(c, 0, "sweep check busy");
    cli_says(c, "1 proposals made again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_space),
                                       cmocka_unit_test(test_goals), cmocka_unit_test(test_changed),
                                       cmocka_unit_test(test_in_use)};
    return cmocka_run_group_tests_name("cli/sweep_bad_input", tests, cli_setup, cli_teardown);
}
