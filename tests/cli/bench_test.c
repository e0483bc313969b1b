/* anneal bench: a model by name, and a recipe on its own data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdio.h>
#include <string.h>

static void test_recipe(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "bench recipe.yaml --seconds 0.01");
    cli_says(c, "recipe.yaml fp32, batch 32: ");
    cli_says(c, " ms a step (median of ");
    cli_expect(c, 0, "bench recipe.yaml --seconds 0.01 --batch 16 --threads 1 --json");
    cli_says(c, "{\"model\":\"recipe.yaml\",\"dtype\":\"fp32\",\"threads\":1,\"batch\":16,");
    cli_expect(c, 0, "bench recipe.yaml --seconds 0.01 train.batch=auto");
    cli_says(c, "batch ");
    cli_expect(c, 0, "bench recipe.yaml --profile");
    cli_says(c, "conv2d");
    cli_shell(c, "test ! -e runs");
}

/* A batch larger than the whole set: the epoch's only one. */
static void test_small_set(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "bench recipe.yaml --seconds 0.01 --batch 1000");
    cli_says(c, "batch 510: ");
}

static void test_sequences(void **state)
{
    cli *c = *state;
    char text[8192] = "y\n";
    for (int i = 0; i < 400; i++) sprintf(text + strlen(text), "%d\n", i * 7 % 24);
    cli_write(c, "wave.csv", text);
    cli_write(c, "wave.yaml", "model: {name: forecaster, units: 4}\ndata: {path: wave.csv, targets: [y], window: 8, horizon: 2, validation: 0.2, test: 0.2}\ntrain: {batch: 16}\n");
    cli_expect(c, 0, "bench wave.yaml --seconds 0.01");
    cli_says(c, "wave.yaml fp32, batch 16: ");
    strcpy(text, "source\ttarget\n");
    for (int i = 0; i < 90; i++) sprintf(text + strlen(text), "%.*s\t%s\n", 2 + i % 20, "a short phrase of words", i % 2 ? "yes" : "no");
    cli_write(c, "pairs.tsv", text);
    cli_write(c, "pairs.yaml", "model: {name: seq2seq, units: 8, embed: 8}\ndata: {path: pairs.tsv}\ntrain: {batch: 8}\n");
    cli_expect(c, 0, "bench pairs.yaml --seconds 0.01"); /* batches of several lengths */
    cli_says(c, "pairs.yaml fp32, batch 8: ");
}

static void test_wrong(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "bench nosuch");
    cli_says(c, "'nosuch' is neither a recipe's file nor one of mlp, lenet5");
    cli_expect(c, 2, "bench data");
    cli_expect(c, 2, "bench recipe.yaml --batch 0");
    cli_says(c, "train.batch");
    cli_expect(c, 2, "bench recipe.yaml --dtype f8");
    cli_says(c, "train.precision");
    cli_expect(c, 3, "bench recipe.yaml data.path=nowhere");
    cli_says(c, "nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recipe), cmocka_unit_test(test_small_set), cmocka_unit_test(test_sequences), cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
