/* A graph with several heads, each with a column of the labels of its own: classes, values, and classes that are not known of
 * every sample. Trained, resumed, scored, and what is said of labels that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/base/philox.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FEATURES = 4, LABELS = 3, TESTS = 200, TEST_SEED = 8 };

/* The quadrant of the first two features, a sum of the others, and a half plane, which one in ten does not know. */
static void write_part(const cli *c, const char *images, const char *labels, int n, uint64_t seed)
{
    FILE *x = cli_npy(c, images, "<f4", n, FEATURES), *y = cli_npy(c, labels, "<f8", n, LABELS);
    for (int i = 0; i < n; i++) {
        float v[FEATURES];
        for (int k = 0; k < FEATURES; k++) v[k] = (float)(anl__philox(seed, (uint32_t)k, (uint32_t)i, 0, 0).v[0] % 2001) / 1000 - 1;
        double label[LABELS] = {(v[0] > 0) + 2 * (v[1] > 0), (double)(2 * v[2] - v[3]), i % 10 == 3 ? -1 : v[0] + v[2] > 0};
        fwrite(v, sizeof *v, FEATURES, x);
        fwrite(label, sizeof *label, LABELS, y);
    }
    assert_int_equal(fclose(x), 0);
    assert_int_equal(fclose(y), 0);
}

static const char recipe[] = "model:\n"
                             "  name: graph\n"
                             "  layers:\n"
                             "    - {type: dense, name: body, units: 16, act: relu}\n"
                             "    - {type: dense, name: quadrant, units: 4}\n"
                             "    - {type: dense, name: height, from: [body], units: 1}\n"
                             "    - {type: dense, name: side, from: [body], units: 2}\n"
                             "  heads:\n"
                             "    - {from: quadrant}\n"
                             "    - {from: height, label: label2, loss: mse, weight: 0.5}\n"
                             "    - {from: side, label: label3}\n"
                             "data: {path: multi, validation: 0.1}\n"
                             "train: {epochs: 4, batch: 32}\n"
                             "optim: {lr: 0.01}\n"
                             "checkpoint: {metric: valid.height.loss}\n";

/* A number behind a text of the program's output. */
static double number(const cli *c, const char *text)
{
    const char *at = strstr(c->out, text);
    double v = NAN;
    if (!at || sscanf(at + strlen(text), "%lf", &v) != 1) fail_msg("there is no number behind %s in %s", text, c->out);
    return v;
}

/* What predict says of each sample is near its labels, which write_part makes of the features. */
static void all_heads_are_right(const cli *c)
{
    const char *line = strchr(c->out, '\n');
    int rows = 0, quadrant = 0, side = 0;
    double error = 0;
    for (; line && line[1]; line = strchr(line + 1, '\n'), rows++) {
        int id, class, side_class;
        double height, v[FEATURES];
        const char *at = strchr(line + 1, ',');
        assert_non_null(at);
        assert_int_equal(sscanf(at, ",%d,%d,,%*f,%lf,%d,", &id, &class, &height, &side_class), 4);
        for (int k = 0; k < FEATURES; k++) v[k] = (double)(anl__philox(TEST_SEED, (uint32_t)k, (uint32_t)id, 0, 0).v[0] % 2001) / 1000 - 1;
        quadrant += class == (v[0] > 0) + 2 * (v[1] > 0);
        side += side_class == (v[0] + v[2] > 0);
        error += fabs(height - (2 * v[2] - v[3]));
    }
    assert_int_equal(rows, TESTS);
    assert_true(quadrant > 0.8 * rows && side > 0.8 * rows);
    assert_true(error / rows < 0.6);
}

static void learns(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train heads.yaml --run heads");
    cli_says(c, "valid.side.accuracy");
    cli_says(c, "valid.height.loss");
    cli_says(c, "best valid.height.loss");
    cli_expect(c, 0, "eval heads --json");
    assert_true(number(c, "\"accuracy\":") > 0.8);
    assert_true(number(c, "\"height\":{\"loss\":") < 0.4); /* the variance is 1.7 */
    assert_true(number(c, "\"side\":{\"loss\":") < 0.5);
    cli_expect(c, 0, "eval heads --split valid");
    cli_says(c, "head side: loss");
    cli_expect(c, 0, "predict heads multi/test-images.npy");
    cli_says(c, "file,sample,class,name,probability,height.value0,side.class,side.probability\n");
    all_heads_are_right(c);
    cli_expect(c, 0, "predict heads multi/test-images.npy --probabilities train.precision=bf16");
    cli_says(c, "probability,p0,p1,p2,p3,height.value0,side.class,side.probability,side.p0,side.p1\n");
    cli_expect(c, 0, "predict heads multi/test-images.npy --format jsonl");
    cli_says(c, ",\"heads\":{\"height\":{\"values\":[");
    cli_says(c, "]},\"side\":{\"class\":");
}

/* An accuracy counts samples, also where the loss is weighted. */
static void weighted(void **state)
{
    cli *c = *state;
    cli_write(c, "weighted.yaml", "model:\n"
                                  "  name: graph\n"
                                  "  layers:\n"
                                  "    - {type: dense, name: body, units: 16, act: relu}\n"
                                  "    - {type: dense, name: quadrant, units: 4}\n"
                                  "    - {type: dense, name: second, from: [body], units: 4}\n"
                                  "    - {type: dense, name: height, from: [body], units: 1}\n"
                                  "  heads: [{from: quadrant}, {from: second}, {from: height, label: label2, loss: mse}]\n"
                                  "data: {path: multi, validation: 0.1}\n"
                                  "train: {epochs: 4, batch: 32}\n"
                                  "optim: {lr: 0.01}\n"
                                  "loss: {class_weights: [0.1, 0.1, 0.1, 0.2]}\n"
                                  "checkpoint: {metric: valid.second.accuracy}\n");
    cli_expect(c, 0, "train weighted.yaml --run weighted");
    cli_expect(c, 0, "eval weighted --json");
    const char *head = strstr(c->out, "\"second\":");
    double accuracy = 0;
    const char *at = head ? strstr(head, "\"accuracy\":") : NULL;
    assert_true(at && sscanf(at + 11, "%lf", &accuracy) == 1);
    assert_true(accuracy > 0.5 && accuracy <= 1);
}

/* The same bits whatever the threads and lanes, and after a pause. */
static void same_bits(void **state)
{
    cli *c = *state;
    char one[65], two[65];
    cli_expect(c, 0, "train heads.yaml --run one threads=1 train.shards=4");
    cli_expect(c, 0, "train heads.yaml --run two threads=2 train.shards=4 train.lanes=2 data.workers=4 --until 2");
    cli_expect(c, 0, "train two");
    cli_digest(c, "one", one);
    cli_digest(c, "two", two);
    assert_string_equal(one, two);
}

static void refusals(void **state)
{
    cli *c = *state;
    static const struct { const char *more; int code; const char *says; } list[] = {
        {"model.heads.1.label=label5", 3, "a head reads label5, but there are 3 labels a sample"},
        {"model.heads.1.label=label9", 2, "'label2' to 'label8'"},
        {"model.heads.0.label=label3", 2, "the first head is what the model says"},
        {"model.heads.1.loss=cross-entropy", 3, "is no class: classes are whole numbers"},
        {"model.heads.1.loss=bce", 3, "the loss bce of head 'height' takes 0 to 1"},
        {"model.heads.1.label=label3", 3, "label3 is not known, but the loss mse of head 'height' takes it for a value"},
        {"model.layers.3.units=3", 2, "layer 'side' gives 32x3, but its head's labels (label3) have 2 classes"},
        {"checkpoint.metric=valid.heigth.loss", 2, "is not measured"},
        {"loss.class_weights=[0,0,0,0]", 2, "nothing would be learnt"},
        {"model.heads.0.loss=mse loss.class_weights=balanced", 2, "loss.class_weights is of cross-entropy, which no head that reads 'label' has"},
        {"data.path=data", 3, "there is one label a sample, but label2 is wanted"},
    };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        char words[256];
        snprintf(words, sizeof words, "train heads.yaml --run none %s", list[k].more);
        cli_expect(c, list[k].code, words);
        cli_says(c, list[k].says);
    }
    cli_expect(c, 3, "train recipe.yaml --run none data.path=multi data.validation=100");
    cli_says(c, "found 3 a sample");
}

static int setup(void **state)
{
    static cli c;
    cli_begin(&c);
    char dir[300];
    snprintf(dir, sizeof dir, "%s/multi", c.dir);
    assert_int_equal(mkdir(dir, 0755), 0);
    write_part(&c, "multi/train-images.npy", "multi/train-labels.npy", 1000, 7);
    write_part(&c, "multi/test-images.npy", "multi/test-labels.npy", TESTS, TEST_SEED);
    cli_write(&c, "heads.yaml", recipe);
    *state = &c;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learns), cmocka_unit_test(weighted), cmocka_unit_test(same_bits), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("cli/heads", tests, setup, cli_teardown);
}
