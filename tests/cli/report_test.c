/* The report of runs as a user meets it: written by training, by hand, of several, of what is damaged or no run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/common/markup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The file's text, to be freed; NULL: there is none. */
static char *text_of(const cli *c, const char *name)
{
    char path[1024];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    assert_int_equal(fstat(fileno(f), &s), 0);
    char *text = calloc(1, (size_t)s.st_size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)s.st_size, f), s.st_size);
    fclose(f);
    return text;
}

/* A sound page with so many pictures that says all of `says`, ended by NULL. */
static void check(const cli *c, const char *name, int pictures, const char *const *says)
{
    int found;
    char *page = text_of(c, name);
    if (!page) fail_msg("%s is missing", name);
    const char *wrong = markup_wrong(page, &found), *foreign = markup_foreign(page);
    if (wrong || foreign) fail_msg("%s: %s", name, wrong ? wrong : foreign);
    if (found != pictures) fail_msg("%s: %d pictures, not %d", name, found, pictures);
    for (; *says; says++)
        if (!strstr(page, *says)) fail_msg("%s lacks: %s", name, *says);
    free(page);
}

static bool there(const cli *c, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    return access(path, F_OK) == 0;
}

static void nap(int ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL); }

/* ---- by training ------------------------------------------------------------------------------- */

static const char *const whole[] = {"<h1>Run one</h1>", "<td class=\"text\">finished</td>", "<td class=\"text\">4 of 4</td>",
                                    "anneal train one train.epochs=8 --change", "valid.accuracy, epoch 4: ", "train.loss, epoch 1: ",
                                    "Scores on the test part", "Confusion matrix",
                                    "optim.lr</td><td class=\"text\">0.02</td><td class=\"text\">0.001</td>", NULL};

static void test_trained(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "train recipe.yaml --run one");
    check(c, "one/report.html", 9, whole); /* loss, accuracy, F1, AUC, average precision, rate, speed; loss by step; confusion */
    char *page = text_of(c, "one/report.html");
    assert_null(strstr(page, "http-equiv"));
    free(page);
    /* by hand, the same */
    cli_shell(c, "rm one/report.html");
    cli_expect(c, 0, "report one");
    assert_string_equal(c->out, "one/report.html\n");
    assert_string_equal(c->err, "");
    check(c, "one/report.html", 9, whole);
    cli_expect(c, 0, "report one// --out here.html");
    assert_string_equal(c->out, "here.html\n");
    check(c, "here.html", 9, whole); /* no slash of it is part of its name */
    /* a run of the log before the key was there goes on as the same run */
    cli_shell(c, "grep -v ' report: ' one/recipe.yaml >r && cp r one/recipe.yaml");
    cli_expect(c, 0, "train recipe.yaml --run one");
    cli_says(c, "is finished");
}

static void test_key(void **state)
{
    cli *c = *state;
    static const struct { const char *words; bool written; } tries[] = {
        {"log.report=false", false}, {"--no-test", false}, {"--no-test log.report=true", true}, {"--until 1", true}};
    char words[200], digest[2][65];
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        snprintf(words, sizeof words, "train recipe.yaml --run key train.epochs=2 %s", tries[i].words);
        cli_expect(c, 0, words);
        assert_int_equal(there(c, "key/report.html"), tries[i].written);
        if (i < 2) cli_digest(c, "key", digest[i]);
        cli_shell(c, "rm -r key");
    }
    assert_string_equal(digest[0], digest[1]); /* no weight depends on it */
    cli_expect(c, 0, "train recipe.yaml --run key train.epochs=2 --until 1");
    cli_expect(c, 2, "train recipe.yaml --run key train.epochs=2 log.report=false"); /* said, and accepted with --change */
    cli_expect(c, 0, "train recipe.yaml --run key train.epochs=2 log.report=false --change");
    static const char *const paused[] = {"paused", "1 of 2", "This goes on with it:", "anneal train key<", NULL};
    check(c, "key/report.html", 8, paused); /* of before */
    cli_expect(c, 0, "train recipe.yaml --dry-run");
    assert_false(there(c, "report.html"));
}

/* A long run: watched, interrupted, gone on with. */
static void test_watched(void **state)
{
    cli *c = *state;
    static const char *const live[] = {"http-equiv=\"refresh\"", "<td class=\"text\">training</td>", "If it is stopped, this goes on with it:", NULL};
    static const char *const stopped[] = {"<td class=\"text\">interrupted</td>", "This goes on with it:", "anneal train watched<", NULL};
    int pid = cli_start(c, "train recipe.yaml --run watched train.epochs=1000000 checkpoint.every=1000000epochs"), waited = 0;
    for (; !there(c, "watched/report.html") && waited < 60000; waited += 100) nap(100);
    assert_true(waited >= 2000 && waited < 60000); /* not before some seconds have passed */
    check(c, "watched/report.html", 8, live);
    cli_expect(c, 0, "report watched --out now.html");
    check(c, "now.html", 8, live);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(cli_wait(pid), 75);
    check(c, "watched/report.html", 8, stopped);
}

/* Nothing that is wrong with the page ends a run: one warning. */
static void test_unwritable(void **state)
{
    cli *c = *state;
    cli_shell(c, "mkdir -p blocked/report.html/x");
    cli_expect(c, 0, "train recipe.yaml --run blocked train.epochs=1");
    cli_says(c, "warning: the report is not written: ");
    assert_true(there(c, "blocked/test.json"));
    cli_expect(c, 6, "report blocked");
    cli_expect(c, 6, "report blocked --out no/such/directory.html");
    cli_says(c, "no/such/directory.html");
    /* a run that diverges has its page, too */
    cli_expect(c, 4, "train recipe.yaml --run diverged optim.lr=1e6 train.clip_norm=0 optim.momentum=0 train.epochs=30 loss.label_smoothing=0");
    static const char *const failed[] = {"failed: training diverged at step", NULL};
    char *page = text_of(c, "diverged/report.html");
    assert_non_null(page);
    for (size_t i = 0; failed[i]; i++) assert_non_null(strstr(page, failed[i]));
    free(page);
}

/* ---- by hand ------------------------------------------------------------------------------------- */

static void test_several(void **state)
{
    cli *c = *state;
    static const char *const says[] = {"Comparison of 2 runs", "<th>optim.lr</th></tr>", "<td title=\"0.05\">0.05</td>", "two: valid.loss",
                                       "title=\"optim.lr 0.05\"", "<h2>Scores</h2>", NULL};
    cli_expect(c, 0, "train recipe.yaml --run two optim.lr=0.05");
    cli_expect(c, 0, "report one two");
    assert_string_equal(c->out, "report.html\n");
    check(c, "report.html", 9, says); /* seven over epochs, one over time, one by step */
    cli_expect(c, 0, "report one two blocked --out all.html");
    assert_true(there(c, "all.html"));
}

static void test_bad(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "report");
    cli_expect(c, 2, "report nowhere");
    assert_string_equal(c->err, "anneal: nowhere: there is no such run\n");
    cli_expect(c, 2, "report data");
    assert_string_equal(c->err, "anneal: data is no run: it has no recipe.yaml\n");
    cli_expect(c, 2, "report one data");
    cli_expect(c, 2, "report one --out=");
    cli_shell(c, "mkdir -p sweep && touch sweep/sweep.db");
    cli_expect(c, 2, "report sweep");
    cli_says(c, "anneal sweep report");
    /* nothing trained */
    cli_shell(c, "mkdir -p empty && cp one/recipe.yaml empty");
    cli_expect(c, 3, "report empty");
    assert_string_equal(c->err, "anneal: there is nothing to report: empty/metrics.jsonl is missing\n");
    cli_shell(c, "touch empty/metrics.jsonl");
    cli_expect(c, 3, "report empty");
    assert_string_equal(c->err, "anneal: there is nothing to report: empty: no epoch is done yet\n");
    assert_false(there(c, "empty/report.html"));
    cli_shell(c, "printf 'one\\ntwo\\n' >empty/metrics.jsonl");
    cli_expect(c, 3, "report empty");
    cli_expect(c, 0, "report one empty"); /* the other has rows */
    cli_says(c, "empty: no epoch is done yet");
    /* cut off in the middle of a line, as by a kill */
    cli_shell(c, "cp -r one cut && truncate -s -20 cut/metrics.jsonl && printf '{\"loss\"' >cut/test.json");
    cli_expect(c, 0, "report cut");
    assert_string_equal(c->err, "cut/metrics.jsonl: the last line is not whole and is left out\ncut/test.json cannot be read and is left out\n");
    static const char *const says[] = {"the last line is not whole", "test.json cannot be read", NULL};
    check(c, "cut/report.html", 8, says);
    /* no checkpoint that can be used */
    cli_shell(c, "for f in cut/checkpoints/*.h5; do printf x >$f; done");
    cli_expect(c, 0, "report cut");
    static const char *const damaged[] = {"<td class=\"text\">damaged</td>", NULL};
    check(c, "cut/report.html", 8, damaged);
    cli_shell(c, "printf 'model: {nam: x}\\n' >cut/recipe.yaml");
    cli_expect(c, 2, "report cut");
    cli_says(c, "cut/recipe.yaml:1:9");
    cli_expect(c, 0, "clean one --all");
    assert_false(there(c, "one"));
}

/* Names that are markup: of the run, of the data. */
static void test_hostile(void **state)
{
    cli *c = *state;
    static const char *const says[] = {"<h1>Run &lt;b&gt;&amp;&quot;x'</h1>", "anneal train '&lt;b&gt;&amp;&quot;x'\\''' train.epochs=2 --change", NULL};
    cli_expect(c, 0, "train recipe.yaml train.epochs=1 --run <b>&\"x'");
    check(c, "<b>&\"x'/report.html", 9, says);
    cli_expect(c, 0, "report <b>&\"x' two");
    static const char *const both[] = {"&lt;b&gt;&amp;&quot;x': valid.loss", NULL};
    check(c, "report.html", 9, both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trained),    cmocka_unit_test(test_key),     cmocka_unit_test(test_watched),
                                       cmocka_unit_test(test_unwritable), cmocka_unit_test(test_several), cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests_name("cli/report", tests, cli_setup, cli_teardown);
}
