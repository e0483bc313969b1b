/* Every kind of mistake in a recipe, and exactly what is said about it: place, key, and what to do. */
#include "fixture.h"

typedef struct mistake { const char *text, *overrides, *message; } mistake;

static void try_all(anl_ctx *ctx, const mistake *list, size_t n)
{
    for (size_t i = 0; i < n; i++) recipe_wrong(ctx, list[i].text, list[i].overrides, list[i].message);
}
#define TRY_ALL(list) try_all(*state, list, sizeof list / sizeof list[0])

static void keys(void **state)
{
    static const mistake list[] = {
        {"trian:\n  batch: 3\n", NULL, "r.yaml:1:1: there is no key trian; did you mean train?"},
        {"train:\n  bacth: 3\n", NULL, "r.yaml:2:3: there is no key train.bacth; did you mean train.batch?"},
        {"lr: 0.1\n", NULL, "r.yaml:1:1: there is no key lr; did you mean optim.lr?"},
        {"data: {augment: {shear: 3}}\n", NULL, "r.yaml:1:18: there is no key data.augment.shear"},
        {"train: 3\n", NULL, "r.yaml:1:8: train: needs a map of keys below it"},
        {"train: [batch]\n", NULL, "r.yaml:1:8: train: needs a map of keys below it"},
        {"- train\n", NULL, "r.yaml:1:1: a recipe is a map of keys"},
        {"just words\n", NULL, "r.yaml:1:1: a recipe is a map of keys"},
    };
    TRY_ALL(list);
}

static void values(void **state)
{
    static const mistake list[] = {
        {"train:\n  epochs: 2.0\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not 2.0"},
        {"train:\n  epochs: 1e3\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not 1e3"},
        {"train:\n  epochs: 010\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not '010' (a leading 0 is ambiguous)"},
        {"train:\n  epochs: 0x10\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not '0x10' (only decimal numbers)"},
        {"train:\n  epochs: 0o10\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not '0o10' (only decimal numbers)"},
        {"train:\n  epochs: 1_000\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not '1_000' (no underscores)"},
        {"train:\n  epochs: 99999999999999999999\n", NULL, "r.yaml:2:11: train.epochs: 99999999999999999999 is outside 1 to 1000000"},
        {"train:\n  epochs: 0\n", NULL, "r.yaml:2:11: train.epochs: 0 is outside 1 to 1000000"},
        {"train:\n  epochs:\n", NULL, "r.yaml:2:3: train.epochs: needs an integer, not ''"},
        {"train:\n  epochs: \"3\"\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not the text \"3\""},
        {"train:\n  epochs: [3]\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not a list"},
        {"train:\n  epochs: {n: 3}\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not a map"},
        {"train:\n  epochs: auto\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not 'auto'"},
        {"optim:\n  lr: fast\n", NULL, "r.yaml:2:7: optim.lr: needs a number, not 'fast'"},
        {"optim:\n  lr: .nan\n", NULL, "r.yaml:2:7: optim.lr: needs a number, not '.nan'"},
        {"optim:\n  lr: .inf\n", NULL, "r.yaml:2:7: optim.lr: needs a number, not '.inf'"},
        {"optim:\n  lr: 1e400\n", NULL, "r.yaml:2:7: optim.lr: needs a number, not '1e400'"},
        {"optim:\n  lr: -1\n", NULL, "r.yaml:2:7: optim.lr: -1 is outside 0 to 1000000"},
        {"optim:\n  lr: 0,01\n", NULL, "r.yaml:2:7: optim.lr: needs a number, not '0,01' (a decimal point, no comma)"},
        {"data:\n  validation: 20%\n", NULL, "r.yaml:2:15: data.validation: needs a number, not '20%' (20 % is 0.2)"},
        {"device: gpu\n", NULL, "r.yaml:1:9: device: 'gpu' is none of auto|cpu|reference|null|cuda; did you mean 'cuda'?"},
        {"optim:\n  name: adm\n", NULL, "r.yaml:2:9: optim.name: 'adm' is none of sgd|adam|adamw|rmsprop|adagrad|lamb; did you mean 'adam'?"},
        {"optim:\n  name: [sgd]\n", NULL, "r.yaml:2:9: optim.name: needs one of sgd|adam|adamw|rmsprop|adagrad|lamb, not a list"},
        {"data:\n  cache: yes\n", NULL, "r.yaml:2:10: data.cache: needs true or false, not 'yes'"},
        {"data:\n  cache: \"true\"\n", NULL, "r.yaml:2:10: data.cache: needs true or false, not 'true'"},
        {"data:\n  path: [a]\n", NULL, "r.yaml:2:9: data.path: needs a text, not a list"},
        {"checkpoint:\n  metric: null\n", NULL, "r.yaml:2:11: checkpoint.metric: needs a text (the default is valid.accuracy)"},
        {"model:\n  hidden: three\n", NULL, "r.yaml:2:11: model.hidden: needs a list, such as [1, 2]"},
        {"model:\n  hidden: 0\n", NULL, "r.yaml:2:11: model.hidden: 0 is outside 1 to 1048576"}, /* one number is a list of it */

        {"model:\n  hidden: [3, x, 0]\n", NULL,
         "r.yaml:2:15: model.hidden: needs an integer, not 'x'\nr.yaml:2:18: model.hidden: 0 is outside 1 to 1048576"},
        {"model:\n  layers: 3\n", NULL, "r.yaml:2:11: model.layers: needs a list or a map, not '3'"},
    };
    TRY_ALL(list);
}

/* All of them at once, in the order of the file, the command line's with them. */
static void several(void **state)
{
    recipe_wrong(*state, "train:\n  bacth: 2\n  epochs: x\noptim: {lr: y}\n", "train.seed=z",
                 "r.yaml:2:3: there is no key train.bacth; did you mean train.batch?\n"
                 "r.yaml:3:11: train.epochs: needs an integer, not 'x'\n"
                 "command line: train.seed: needs an integer, not 'z'\n"
                 "r.yaml:4:13: optim.lr: needs a number, not 'y'");
}

static void yaml(void **state)
{
    static const mistake list[] = {
        {"train:\n  batch: 1\n  batch: 2\n", NULL, "r.yaml:3:3: the key 'batch' stands twice, first in line 2"},
        {"train: {batch: 1, 'batch': 2}\n", NULL, "r.yaml:1:19: the key 'batch' stands twice, first in line 1"},
        {"train: &a\n  batch: 1\n", NULL, "r.yaml:1:9: anchors are not allowed in a recipe: &a"},
        {"train:\n  batch: &n 1\n  epochs: *n\n", NULL,
         "r.yaml:2:11: anchors are not allowed in a recipe: &n\nr.yaml:3:12: aliases are not allowed in a recipe: *n"},
        {"train:\n  <<: {batch: 1}\n", NULL, "r.yaml:2:3: merge keys are not allowed in a recipe: <<"},
        {"train:\n  batch: !!int 1\n", NULL, "r.yaml:2:10: tags are not allowed in a recipe: tag:yaml.org,2002:int"},
        {"train: !mine {batch: 1}\n", NULL, "r.yaml:1:8: tags are not allowed in a recipe: !mine"},
        {"a: 1\n---\nb: 2\n", NULL, "r.yaml:2:1: more than one document (---): a recipe is one"},
        {"train:\n\tbatch: 1\n", NULL, "r.yaml:2:1: a tab indents this line: YAML wants spaces"},
        {"? [a]\n: 1\n", NULL, "r.yaml:1:3: a key must be a word, not a list or map"},
        {": 1\n", NULL, "r.yaml:1:1: a key is missing before ':'"},
        {"train: {batch: 1\nfoo: 3\n", NULL, "r.yaml:2:4: missing comma in flow mapping"},
        {"train: [\n", NULL, "r.yaml:2:1: flow sequence without a closing bracket"},
        {"data: {path: \"\\q\"}\n", NULL, "r.yaml:1:15: invalid escape 'q' in double-quoted string"},
        {"data: {path: \"a\\0b\"}\n", NULL, "r.yaml:1:14: this text holds a byte that is no text"},
        {"data:\n  path: \xff\n", NULL, "r.yaml:2:9: this is not UTF-8 text"},
        {"data:\n  path: \xed\xa0\x80\n", NULL, "r.yaml:2:9: this is not UTF-8 text"},
    };
    TRY_ALL(list);
}

static void byte_order_and_line_ends(void **state)
{
    recipe_free(recipe_good(*state, "\xEF\xBB\xBFtrain:\r\n  epochs: 3\r\n", NULL));
    recipe_wrong(*state, "\xEF\xBB\xBFtrain:\r\n  epochs: x\r\n", NULL, "r.yaml:2:11: train.epochs: needs an integer, not 'x'");
    recipe_wrong(*state, "\xEF\xBB\xBFtrian: 3", NULL, "r.yaml:1:1: there is no key trian; did you mean train?");
}

static void overrides(void **state)
{
    static const mistake list[] = {
        {"", "trian.batch=3", "command line: there is no key trian.batch; did you mean train.batch?"},
        {"", "trian.batch=", "command line: there is no key trian.batch; did you mean train.batch?"},
        {"", "train.batch", "command line: 'train.batch' is not key=value"},
        {"", "data.path=a\xff" "b", "command line: 'data.path=a' is not UTF-8 text"},
        {"", "=3", "command line: '=3' is not key=value"},
        {"", "train.batch=x", "command line: train.batch: needs an integer, not 'x'"},
        {"", "train=3", "command line: train: needs a map of keys below it"},
        {"", "train.batch.size=3", "command line: train.batch: needs an integer, not a map"},
        {"", "model.hidden=[1", "command line: model.hidden:2:1: flow sequence without a closing bracket"},
        {"", "train.seed=&a 1", "command line: train.seed:1:2: anchors are not allowed in a recipe: &a"},
        {"model: {name: graph, layers: [flatten]}\n", "model.layers.1.filters=3", "command line: model.layers.1.filters: there is nothing below 1"},
        {"model: {name: graph, layers: [flatten]}\n", "model.layers.1=relu", "command line: model.layers.1: there is no item 1"},
        {"model: {name: graph, layers: [flatten]}\n", "model.layers.0.p=3", "command line: model.layers.0.p: there is nothing below 0"},
    };
    TRY_ALL(list);
}

static void contradictions(void **state)
{
    static const mistake list[] = {
        {"data: {path: x, images: y}\n", NULL, "r.yaml:1:25: data.images: goes in the place of data.path (x), not beside it"},
        {"data: {path: x, test_labels: y}\n", NULL, "r.yaml:1:30: data.test_labels: needs data.test_images"},
        {"data: {path: x, folds: 1}\n", NULL, "r.yaml:1:24: data.folds: one fold leaves nothing to train on: 2 and more, or 0"},
        {"data: {path: x, folds: 5, fold: 5}\n", NULL, "r.yaml:1:33: data.fold: 5 is not below data.folds, 5"},
        {"data: {path: x, validation: 1.5}\n", NULL, "r.yaml:1:29: data.validation: 1.5 is neither a fraction below 1 nor a count"},
        {"data: {path: x, augment: {crop: 2, random_resized_crop: 0.5}}\n", NULL, "r.yaml:1:33: data.augment.crop: 2 beside data.augment.random_resized_crop: one window of the two"},
        {"data: {path: x, augment: {rotate: 200}}\n", NULL, "r.yaml:1:35: data.augment.rotate: 200 is outside 0 to 180"},
        {"data: {path: x, augment: {contrast: -0.1}}\n", NULL, "r.yaml:1:37: data.augment.contrast: -0.1 is outside 0 to 1"},
        {"data: {path: x, augment: {flip_vertical: 1}}\n", NULL, "r.yaml:1:42: data.augment.flip_vertical: needs true or false, not '1'"},
        {"data: {path: x, augment: {random_resized_crop: [0.1, 1]}}\n", NULL, "r.yaml:1:48: data.augment.random_resized_crop: needs a number, not a list"},
        {"model: {name: charlm}\ndata: {path: x, augment: {rotate: 3}}\n", NULL,
         "r.yaml:2:35: data.augment.rotate: is without effect: charlm does not read it (but mlp|lenet5|cnn2|resnet-cifar|resnet|sequential|graph)"},
        {"train: {lanes: 2}\n", NULL, "r.yaml:1:16: train.lanes: 2 lanes have only train.shards = 1 to compute"},
        {"train: {batch: 4}\n", "train.shards=8", "command line: train.shards: 8 shards cannot share a train.batch of 4"},
        {"optim: {nesterov: true}\n", "optim.momentum=0", "r.yaml:1:19: optim.nesterov: needs optim.momentum above 0 and optim.dampening 0"},
        {"schedule: {name: multistep}\n", NULL, "r.yaml:1:18: schedule.name: multistep needs schedule.milestones"},
        {"schedule: {name: multistep, milestones: [3, 2]}\n", NULL, "r.yaml:1:41: schedule.milestones: must ascend"},
        {"model: {name: cnn2, layers: [flatten]}\n", NULL, "r.yaml:1:29: model.layers: goes with model.name sequential or graph, not cnn2"},
        {"model: {name: graph}\n", NULL, "r.yaml:1:15: model.name: graph needs model.layers"},
        {"model: {name: resnet-cifar, depth: 21}\n", NULL, "r.yaml:1:36: model.depth: 21 is not 6n+2 (20, 32, 44, 56, 110)"},
        {"model: {name: resnet, depth: 20}\n", NULL, "r.yaml:1:30: model.depth: 20 is no depth of resnet: 18, 34, 50, 101, 152"},
        {"model: {name: cnn2, stem: small}\n", NULL, "r.yaml:1:27: model.stem: is without effect: cnn2 does not read it (but resnet)"},
        {"checkpoint: {every: often}\n", NULL, "r.yaml:1:21: checkpoint.every: 'often' is none of: auto, N steps, N epochs, N seconds, N minutes, N hours"},
        {"early_stop: {metric: valid.los}\n", NULL,
         "r.yaml:1:22: early_stop.metric: 'valid.los' is not measured; there are train. and valid.loss and accuracy, valid.topk, macro_f1, auc, average_precision, rmse, "
         "mae, r2, bits, perplexity; did you mean 'valid.loss'?"},
    };
    TRY_ALL(list);
}

/* Hostile sizes end soon, with a message. */
static void limits(void **state)
{
    anl_ctx *ctx = *state;
    size_t most = (size_t)3 << 19;
    char *text = test_malloc(most + 1), *p = text;
    recipe *r;
    memset(text, '[', most);
    text[most] = 0;
    assert_int_equal(recipe_try(ctx, text, NULL, &r), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "r.yaml:1:1: the recipe is larger than 1 MiB");
    text[1000000] = 0;
    assert_int_equal(recipe_try(ctx, text, NULL, &r), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "r.yaml:1:33: lists and maps are nested more than 32 deep");
    for (int i = 0; i < 60000; i++) p += sprintf(p, "k%d: 1\n", i);
    assert_int_equal(recipe_try(ctx, text, NULL, &r), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "r.yaml:1001:1: a map has at most 1000 keys");
    p = text + sprintf(text, "model: {layers: [");
    for (int i = 0; i < 200000; i++) p += sprintf(p, "a,");
    strcpy(p, "]}\n");
    assert_int_equal(recipe_try(ctx, text, NULL, &r), ANL_RECIPE);
    assert_non_null(strstr(anl_last_error(ctx), "a recipe has at most 100000 values"));
    /* an alias bomb: named, never resolved */
    p = text + sprintf(text, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c < 'z'; c++) p += sprintf(p, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
    assert_int_equal(recipe_try(ctx, text, NULL, &r), ANL_RECIPE);
    assert_int_equal(strncmp(anl_last_error(ctx), "r.yaml:1:5: anchors are not allowed in a recipe: &a\n", 52), 0);
    assert_non_null(strstr(anl_last_error(ctx), "and more"));
    test_free(text);
}

static void files(void **state)
{
    anl_ctx *ctx = *state;
    recipe *r;
    assert_int_equal(recipe_load(ctx, "no/such.yaml", NULL, 0, &r), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "no/such.yaml: there is no such recipe");
    assert_int_equal(recipe_load(ctx, "/tmp", NULL, 0, &r), ANL_RECIPE);
    assert_string_equal(anl_last_error(ctx), "/tmp is a directory, not a recipe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {recipe_test(keys), recipe_test(values), recipe_test(several), recipe_test(yaml), recipe_test(byte_order_and_line_ends),
                                       recipe_test(overrides), recipe_test(contradictions), recipe_test(limits), recipe_test(files)};
    return recipe_tests("recipe/errors", tests);
}
