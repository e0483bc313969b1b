/* The report of a sweep: one page that needs nothing else, every picture well formed, and the same as CSV. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/common/markup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(const cli *c, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s is missing", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(f);
    char *text = malloc(n + 1);
    assert_non_null(text);
    rewind(f);
    assert_int_equal(fread(text, 1, n, f), n);
    text[n] = 0;
    fclose(f);
    return text;
}

static void check_page(cli *c, const char *sweep, const char *dir, int pictures)
{
    static const char *const tables[] = {"trials", "history", "intermediate", "importance", "timeline"};
    char words[128];
    snprintf(words, sizeof words, "sweep %s --dir %s", sweep, dir);
    cli_expect(c, 0, words);
    snprintf(words, sizeof words, "sweep report %s", dir);
    cli_expect(c, 0, words);
    snprintf(words, sizeof words, "%s/report.html", dir);
    char *page = read_all(c, words);
    int found;
    const char *wrong = markup_wrong(page, &found);
    if (wrong) fail_msg("%s", wrong);
    assert_int_equal(found, pictures);
    assert_null(strstr(page, "http"));
    assert_null(markup_foreign(page));
    assert_non_null(strstr(page, "&lt;")); /* a text with < is no element */
    free(page);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(words, sizeof words, "%s/report/%s.csv", dir, tables[i]);
        char *text = read_all(c, words);
        assert_non_null(strchr(text, '\n'));
        free(text);
    }
}

/* A script that reports: better with a larger rate; trial 3 fails. */
static void test_report(void **state)
{
    cli *c = *state;
    cli_write(c, "fake.sh",
              "while [ $# -gt 1 ]; do case \"$1\" in --run) run=$2;; optim.lr=*) lr=${1#optim.lr=};; esac; "
              "shift; done\n"
              "[ $ANNEAL_TRIAL = 3 ] && exit 4\n"
              "for e in 1 2 3; do echo "
              "'{\"kind\":\"epoch\",\"step\":'$e',\"epoch\":'$e',\"train.loss\":1,\"valid.accuracy\":'$lr',"
              "\"valid.loss\":'$e'}' >> $run/metrics.jsonl; done\n");
#define SWEEP                                                                                                \
    "base: recipe.yaml\nlauncher: \"sh fake.sh {cmd}\"\ntest: false\nsampler: random\nbudget: {trials: "     \
    "12}\nparallel: 4\noverride: [train.epochs=3]\n"                                                         \
    "space:\n  optim.lr: {low: 0.1, high: 0.9}\n  optim.name: [sgd, adam]\n  data.source: [\"<a&b>\", c]\n " \
    " optim.momentum: {low: 0.1, high: 0.9, when: {optim.name: sgd}}\n"
    cli_write(c, "one.yaml", SWEEP "objective: valid.accuracy\n");
    check_page(c, "one.yaml", "one", 10);
    char *shares = read_all(c, "one/report/importance.csv"), *lr = strstr(shares, "optim.lr,");
    assert_non_null(lr);
    assert_true(atof(lr + 9) > 0.6); /* the only one that matters */
    free(shares);
    cli_write(c, "two.yaml", SWEEP "objective: [valid.accuracy, valid.loss]\n");
    check_page(c, "two.yaml", "two", 11);
    cli_expect(c, 2, "sweep report nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_report)};
    return cmocka_run_group_tests_name("cli/sweep_report", tests, cli_setup, cli_teardown);
}
