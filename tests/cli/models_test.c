/* A built-in model and the same model written as a recipe train to the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdio.h>

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

static int setup(void **state)
{
    static cli c;
    cli_begin(&c);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    cli_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(resnet_as_graph)};
    return cmocka_run_group_tests_name("cli/models", tests, setup, teardown);
}
