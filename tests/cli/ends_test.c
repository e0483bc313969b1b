/* What a training says at its end, and the same command again: the same scores in the same form, and how to go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static char *from(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    if (!at) fail_msg("'%s' is missing in\n%s", word, text);
    return strdup(at);
}

/* Text on both streams from the scores' heading on is the same twice; JSON is for whoever asks. */
static void twice(cli *c, const char *words, const char *part)
{
    char json[512];
    cli_expect(c, 0, words);
    char *table = strdup(c->out), *end = from(c->err, part);
    cli_expect(c, 0, words);
    cli_says(c, "is finished");
    assert_string_equal(c->out, table);
    if (!strstr(c->err, part) || strncmp(strstr(c->err, part), end, strlen(end))) fail_msg("not so again:\n%s\n%s", end, c->err);
    assert_null(strchr(table, '{'));
    assert_true(snprintf(json, sizeof json, "%s --json", words) < (int)sizeof json);
    cli_expect(c, 0, json);
    assert_true(c->out[0] == '{' && !strstr(c->out, "precision  "));
    free(table);
    free(end);
}

static void test_again(void **state)
{
    cli *c = *state;
    twice(c, "train recipe.yaml --run tested train.epochs=1", "test part, with the weights of step");
    cli_shell(c, "mkdir untested_data && cp data/train-* untested_data");
    twice(c, "train recipe.yaml --run untested train.epochs=1 data.path=untested_data", "validation part, with the weights of step");
    cli_expect(c, 0, "train tested --json");
    cli_shell(c, "rm tested/test.*");
    cli_expect(c, 0, "train tested");
    cli_says(c, "its scores are not kept; they are made by: anneal eval tested");
    cli_expect(c, 0, "train recipe.yaml --json --run asked train.epochs=1");
    assert_int_equal(c->out[0], '{');
}

/* What is advised works. */
static void test_advice(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run early train.epochs=40 early_stop.patience=1 early_stop.min_delta=0.9 schedule.name=constant");
    cli_says(c, "stopped early after epoch 2");
    cli_expect(c, 0, "train early");
    cli_says(c, "Train on with: anneal train early early_stop.patience=2 --change");
    cli_expect(c, 0, "train early early_stop.patience=2 --change");
    cli_says(c, "resumed at step");
    cli_says(c, "stopped early after epoch 3");
    cli_expect(c, 0, "train recipe.yaml --run more train.epochs=1 schedule.name=constant");
    cli_expect(c, 0, "train more");
    cli_says(c, "Train on with: anneal train more train.epochs=2 --change");
    cli_expect(c, 0, "train more train.epochs=2 --change");
    cli_says(c, "resumed at step");
}

/* The k of top-k, and nothing where it says nothing. */
static void test_topk(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run plain train.epochs=1");
    assert_null(strstr(c->out, "top-"));
    assert_null(strstr(c->err, "topk"));
    cli_expect(c, 0, "eval plain --json");
    assert_null(strstr(c->out, "topk"));
    cli_expect(c, 0, "train recipe.yaml --run top2 train.epochs=1 metrics.topk=2");
    cli_says(c, "  top-2 accuracy ");
    cli_says(c, "valid.topk");
    cli_expect(c, 0, "eval top2 --json");
    cli_says(c, "\"topk\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_again), cmocka_unit_test(test_advice), cmocka_unit_test(test_topk)};
    return cmocka_run_group_tests_name("cli/ends", tests, cli_setup, cli_teardown);
}
