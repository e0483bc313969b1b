/* Models as a user gives them: a built-in model and the same model written as a recipe train to the same bits; written models over time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdio.h>
#include <string.h>

/* The shipped recipe on the small data set; `more` are further overrides. */
static void train(cli *c, const char *recipe, const char *run, const char *more, char hex[65])
{
    char words[1024];
    snprintf(words, sizeof words,
             "train %s/../models/recipes/%s --run %s data.path=data data.validation=100 data.augment.crop=1 train.epochs=1 train.batch=128 optim.lr=0.02 %s",
             ANL_TESTS_DIR, recipe, run, more);
    cli_expect(c, 0, words);
    cli_digest(c, run, hex);
}

static void resnet_as_graph(void **state)
{
    cli *c = *state;
    char built[65], written[65], other[65];
    train(c, "fashion-resnet20.yaml", "built", "", built);
    train(c, "resnet20-graph.yaml", "written", "model.layers.10.units=4", written);
    assert_string_equal(built, written);
    train(c, "resnet20-graph.yaml", "other", "model.layers.10.units=4 model.blocks.same.layers.0.init=uniform", other);
    assert_string_not_equal(built, other);
}

static void resnet(void **state)
{
    cli *c = *state;
    cli_write(c, "resnet.yaml", "model: {name: resnet, depth: 18, stem: small}\ndata: {path: data, validation: 100, augment: {flip: true}}\n");
    cli_expect(c, 0, "explain resnet.yaml");
    cli_says(c, "stage4.block2.conv2");
    const char *once = strstr(c->out, "without sharing"); /* one summary */
    assert_true(once && !strstr(once + 1, "without sharing"));
    assert_null(strstr(c->out, "unshared"));
    cli_expect(c, 2, "explain resnet.yaml model.depth=20");
    cli_says(c, "20 is no depth of resnet");
}

/* The same bits whatever the threads: an LSTM over the rows of an image. */
static void lstm_over_features(void **state)
{
    cli *c = *state;
    char one[65], two[65];
    train(c, "fashion-cnn-lstm.yaml", "lstm1", "model.layers.7.units=4 threads=1", one);
    train(c, "fashion-cnn-lstm.yaml", "lstm2", "model.layers.7.units=4 threads=2", two);
    assert_string_equal(one, two);
}

static const char ctc[] = "model:\n"
                          "  name: graph\n"
                          "  layers:\n"
                          "    - {type: to-time, name: rows}\n"
                          "    - {type: gru, name: gru, units: 16}\n"
                          "    - {type: time-dense, name: out, units: 5}\n"
                          "  heads: [{from: out, loss: ctc}]\n"
                          "data: {path: data, validation: 100}\n"
                          "train: {batch: 128, epochs: 2}\n";

/* Trained, scored as a classifier, and asked for the classes' probabilities. */
static void ctc_head(void **state)
{
    cli *c = *state;
    cli_write(c, "ctc.yaml", ctc);
    cli_expect(c, 0, "train ctc.yaml --run ctc");
    cli_says(c, "accuracy");
    cli_expect(c, 0, "eval ctc");
    cli_says(c, "confusion matrix");
    cli_expect(c, 0, "predict ctc data/t10k-images-idx3-ubyte --probabilities");
    cli_expect(c, 2, "train ctc.yaml --run none model.layers.2.units=4");
    cli_says(c, "4 classes and the blank");
}

/* Labels as values: trained by a loss on values, scored by RMSE, MAE and R2, and predicted as numbers. */
static void values(void **state)
{
    cli *c = *state;
    cli_write(c, "value.yaml", "model: {name: mlp, hidden: [16]}\ndata: {path: data, label_type: value, validation: 100}\n"
                               "train: {batch: 128, epochs: 2}\nloss: {name: huber, delta: 0.5}\n");
    cli_expect(c, 0, "train value.yaml --run value");
    cli_says(c, "valid.rmse");
    cli_expect(c, 0, "eval value");
    cli_says(c, "RMSE");
    cli_expect(c, 0, "eval value --json");
    cli_says(c, "\"r2\":");
    cli_expect(c, 0, "predict value data/t10k-images-idx3-ubyte");
    cli_says(c, "file,sample,value0");
    cli_expect(c, 0, "predict value data/t10k-images-idx3-ubyte --format jsonl");
    cli_says(c, "\"values\":[");
    cli_expect(c, 2, "train value.yaml --run none data.classes=4");
    cli_says(c, "values have no classes");
    cli_expect(c, 2, "train value.yaml --run none model.name=forecaster");
    cli_says(c, "forecaster reads sequences");
    cli_expect(c, 2, "train ctc.yaml --run none data.label_type=value");
    cli_says(c, "loss ctc needs classes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(resnet_as_graph), cmocka_unit_test(resnet), cmocka_unit_test(lstm_over_features), cmocka_unit_test(ctc_head), cmocka_unit_test(values)};
    return cmocka_run_group_tests_name("cli/models", tests, cli_setup, cli_teardown);
}
