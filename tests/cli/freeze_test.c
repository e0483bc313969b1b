/* train.freeze and optim.rates as a user has them: what is trained is told, a run goes on to the same bits,
 * and patterns that mean nothing are refused with what they may have meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <string.h>

#define FROZEN "train.freeze=[conv1,batchnorm1] optim.rates={\"dense1.bias\":3} train.ema=0.9 "

static void goes_on(void **state)
{
    cli *c = *state;
    char whole[65], parts[65], seeds[65];
    cli_expect(c, 0, "train recipe.yaml --run whole train.shards=2 " FROZEN);
    cli_says(c, "note: train.freeze: 388 of 454 parameters train, in 2 of 5 tensors");
    cli_expect(c, 0, "train recipe.yaml --run parts --until 2 train.shards=2 " FROZEN);
    cli_expect(c, 0, "train recipe.yaml --run parts train.shards=2 train.lanes=2 --change " FROZEN);
    cli_digest(c, "whole", whole);
    cli_digest(c, "parts", parts);
    assert_string_equal(whole, parts);
    cli_expect(c, 2, "train recipe.yaml --run parts train.shards=2 train.freeze=[conv1]");
    cli_says(c, "train.freeze: [conv1, batchnorm1] -> [conv1]");
    cli_expect(c, 0, "train recipe.yaml --run other train.shards=2 train.ema=0.9");
    cli_digest(c, "other", seeds);
    assert_string_not_equal(whole, seeds);
}

/* The first epoch's frozen weights are those of the last, and those that another run gave. */
static void stays(void **state)
{
    cli *c = *state;
    static const char *const kept[] = {"params/conv1.weight", "params/batchnorm1.bias", "ema/conv1.weight",
                                       "buffers/batchnorm1.running_var"};
    static char first[65536];
    cli_expect(c, 0, "train recipe.yaml --run tuned train.init=other " FROZEN);
    cli_says(c, "matched   7 tensors");
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        char words[200];
        snprintf(words, sizeof words, "inspect other:best --tensor %s",
                 strncmp(kept[i], "ema", 3) ? kept[i] : "params/conv1.weight");
        cli_expect(c, 0, words);
        memcpy(first, c->out, sizeof first);
        snprintf(words, sizeof words, "inspect tuned:last --tensor %s", kept[i]);
        cli_expect(c, 0, words);
        assert_string_equal(c->out, first);
    }
    cli_expect(c, 0, "inspect tuned:last --tensor optim/0.dense1.weight");
    cli_expect(c, 2, "inspect tuned:last --tensor optim/0.conv1.weight");
    cli_says(c, "there is no tensor 'optim/0.conv1.weight'");
}

static void shown(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --dry-run " FROZEN);
    cli_says(c, "\nof which train ");
    cli_expect(c, 0, "explain recipe.yaml train.freeze=[\"*\",\"!dense1\"]");
    cli_says(c, "note: train.freeze: 388 of 454 parameters train, in 2 of 5 tensors");
    cli_says(c, "batchnorm/");
    cli_expect(c, 0,
               "explain recipe.yaml train.freeze=[\"*norm1\",\"c*v*.weight\"]"); /* a layer, a parameter */
    cli_says(c, "note: train.freeze: 388 of 454 parameters train, in 2 of 5 tensors");
    cli_expect(c, 0, "explain recipe.yaml");
    assert_null(strstr(c->out, "train.freeze"));
}

static void refused(void **state)
{
    cli *c = *state;
    static const struct {
        const char *words, *says;
    } bad[] = {
        {"train.freeze=[conv]", "train.freeze: no parameter is named 'conv'; did you mean 'conv1'? (there "
                                "are 5, from conv1.weight to dense1.bias"},
        {"train.freeze=[\"batchnrom1.*\"]", "did you mean 'batchnorm1'?"},
        {"train.freeze=[batchnorm1.running_mean]", "no parameter is named 'batchnorm1.running_mean'"},
        {"train.freeze=[\"*\"]", "train.freeze: holds all 5 parameters: nothing is left to train"},
        {"train.freeze=[\"*\",\"!dens1\"]", "no parameter is named 'dens1'; did you mean 'dense1'?"},
        {"train.freeze=dense1", "train.freeze: needs a list"},
        {"optim.rates={\"dense\":3}", "optim.rates: no parameter is named 'dense'; did you mean 'dense1'?"},
        {"optim.rates={\"dense1\":fast}", "'dense1' needs a factor, a number from 0 to 1e6, as in {fc: 10}"},
        {"optim.rates={dense1:3}", "'dense1:3' needs a factor"},
        {"optim.rates={\"dense1\":-1}", "needs a factor, a number from 0 to 1e6"},
        {"optim.rates={\"dense1\":1e7}", "needs a factor, a number from 0 to 1e6"},
        {"optim.rates={\"dense1\":[1]}", "needs a factor, a number from 0 to 1e6"},
        {"optim.rates=[dense1]", "needs maps of names and factors"},
        {"optim.rates=[[{\"dense1\":2}]]", "needs maps of names and factors"},
        {"optim.rates=3", "optim.rates: needs a list or a map"},
        {"train.freeze=[conv1] optim.rates={\"conv1\":2}",
         "'conv1' is without effect: train.freeze holds all of it"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char words[300];
        snprintf(words, sizeof words, "train recipe.yaml --run none %s", bad[i].words);
        cli_expect(c, 2, words);
        cli_says(c, bad[i].says);
    }
}

/* A layer is frozen by its parameters, not by the operator's attribute. */
static void by_hand(void **state)
{
    cli *c = *state;
    cli_shell(
        c, "sed 's/batchnorm, act: relu/batchnorm, act: relu, global_stats: true/' recipe.yaml > stats.yaml");
    cli_expect(c, 2, "train stats.yaml --run none");
    cli_says(c, "global_stats goes with frozen parameters, and is set by train.freeze");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on), cmocka_unit_test(stays),
                                       cmocka_unit_test(shown), cmocka_unit_test(refused),
                                       cmocka_unit_test(by_hand)};
    return cmocka_run_group_tests_name("cli/freeze", tests, cli_setup, cli_teardown);
}
