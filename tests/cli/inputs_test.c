/* A graph with two inputs, whose class depends on both: trained, resumed, evaluated here and on other data, and what is said of
 * inputs that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "runtime/base/philox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void write_part(const cli *c, const char *dir, const char *part, int n, int n2, uint64_t seed)
{
    char name[3][64];
    snprintf(name[0], sizeof name[0], "%s/%s-images.npy", dir, part);
    snprintf(name[1], sizeof name[1], "%s/%s-input2.npy", dir, part);
    snprintf(name[2], sizeof name[2], "%s/%s-labels.npy", dir, part);
    FILE *x = cli_npy(c, name[0], "<f4", n, 3), *z = cli_npy(c, name[1], "<f8", n2, 2), *y = cli_npy(c, name[2], "<i4", n, 1);
    for (int i = 0; i < n; i++) {
        float v[5];
        for (int k = 0; k < 5; k++) v[k] = (float)(anl__philox(seed, (uint32_t)k, (uint32_t)i, 0, 0).v[0] % 2001) / 1000 - 1;
        double w[2] = {100 + 50 * (double)v[3], (double)v[4]}; /* to be normalised */
        int label = (v[0] > 0) + 2 * (v[3] > 0);
        fwrite(v, sizeof *v, 3, x);
        if (i < n2) fwrite(w, sizeof *w, 2, z);
        fwrite(&label, sizeof label, 1, y);
    }
    assert_int_equal(fclose(x), 0);
    assert_int_equal(fclose(y), 0);
    assert_int_equal(fclose(z), 0);
}

static const char recipe[] = "model:\n"
                             "  name: graph\n"
                             "  layers:\n"
                             "    - {type: dense, name: a, units: 8, act: relu}\n"
                             "    - {type: dense, name: b, from: [input2], units: 8, act: relu}\n"
                             "    - {type: concat, name: both, from: [a, b], axis: 1}\n"
                             "    - {type: dense, name: out, units: 4}\n"
                             "data: {path: two, validation: 0.1}\n"
                             "train: {epochs: 6, batch: 32}\n"
                             "optim: {lr: 0.01}\n";

static void learns(void **state)
{
    cli *c = *state;
    double accuracy = 0;
    cli_expect(c, 0, "train two.yaml --run two1 threads=1");
    cli_expect(c, 0, "eval two1 --json");
    const char *at = strstr(c->out, "\"accuracy\":");
    assert_true(at && sscanf(at + 11, "%lf", &accuracy) == 1);
    if (!(accuracy > 0.9)) fail_msg("accuracy %g: the first input alone tells 0.5", accuracy);
    char before[4096];
    snprintf(before, sizeof before, "%.4000s", c->out);
    cli_expect(c, 0, "eval two1 --data two --json"); /* normalised by what the model was trained with */
    assert_string_equal(before, c->out);
    cli_expect(c, 0, "inspect two1");
    cli_says(c, "data/mean2");
    cli_expect(c, 0, "train two.yaml --dry-run");
    cli_says(c, "the same weights");
}

static void same_bits(void **state)
{
    cli *c = *state;
    char one[65], two[65];
    cli_expect(c, 0, "train two.yaml --run two2 threads=2 data.workers=3 --until 2");
    cli_expect(c, 0, "train two2");
    cli_digest(c, "two1", one);
    cli_digest(c, "two2", two);
    assert_string_equal(one, two);
    cli_shell(c, "cp -r two other && printf x | dd of=other/train-input2.npy bs=1 seek=200 conv=notrunc 2> /dev/null");
    cli_expect(c, 0, "train two.yaml --run two3 --until 2 train.epochs=3");
    cli_shell(c, "mv two kept && mv other two");
    cli_expect(c, 3, "train two3"); /* other data in the second input */
    cli_says(c, "not what this run began with");
    cli_shell(c, "mv two other && mv kept two");
}

static void refusals(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "predict two1 two/test-images.npy");
    cli_says(c, "name a directory");
    cli_expect(c, 3, "train two.yaml --run none model.layers.1.from=input3");
    cli_says(c, "there is no train-input3.npy");
    cli_expect(c, 2, "train two.yaml --run none model.layers.1.from=input5");
    cli_says(c, "no input and no earlier layer");
    cli_expect(c, 3, "train two.yaml --run none data.path= data.images=two/train-images.npy data.labels=two/train-labels.npy");
    cli_says(c, "put them into one directory");
    cli_expect(c, 3, "train two.yaml --run none data.path=short");
    cli_says(c, "has 99 samples, but short has 100");
    cli_expect(c, 3, "train two.yaml --run none data.path=wide");
    cli_says(c, "is 3, but one of");
    cli_expect(c, 3, "train two.yaml --run none data.path=wide2");
    cli_says(c, "is 2, but one of");
}

static int setup(void **state)
{
    static cli c;
    char path[300];
    cli_begin(&c);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", c.dir, i ? "short" : "two");
        assert_int_equal(mkdir(path, 0755), 0);
    }
    write_part(&c, "two", "train", 1000, 1000, 7);
    write_part(&c, "two", "test", 200, 200, 8);
    write_part(&c, "short", "train", 100, 99, 7);
    cli_write(&c, "two.yaml", recipe);
    /* test sets of another width in the second and in the first input */
    cli_shell(&c, "cp -r two wide && cp wide/test-images.npy wide/test-input2.npy && cp -r two wide2 && cp wide2/test-images.npy kept.npy");
    cli_shell(&c, "cp wide2/test-input2.npy wide2/test-images.npy && mv kept.npy wide2/test-input2.npy");
    *state = &c;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learns), cmocka_unit_test(same_bits), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("cli/inputs", tests, setup, cli_teardown);
}
