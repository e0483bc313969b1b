/* Help, manual page, completion and usage: all from the table, results on stdout, complaints on stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The commands that `anneal help` lists. */
static int commands(cli *c, char names[64][32])
{
    int n = 0;
    cli_expect(c, 0, "help");
    for (char *p = c->out; (p = strstr(p, "\n  anneal ")) && n < 64; p++) sscanf(p, "\n  anneal %31s", names[n++]);
    return n;
}

static void each_command(void **state)
{
    cli *c = *state;
    char names[64][32], words[128], want[128];
    int n = commands(c, names);
    assert_true(n >= 10);
    for (int i = 0; i < n; i++) {
        static const char *const ways[] = {"%.31s --help", "%.31s -h", "help %.31s"};
        for (int k = 0; k < 3; k++) {
            snprintf(words, sizeof words, ways[k], names[i]);
            snprintf(want, sizeof want, "usage: anneal %.31s", names[i]);
            cli_expect(c, 0, words);
            if (strncmp(c->out, want, strlen(want))) fail_msg("%s: %s", words, c->out);
            assert_string_equal(c->err, "");
        }
        snprintf(words, sizeof words, "%.31s --no-such-option", names[i]);
        cli_expect(c, 2, words);
        assert_string_equal(c->out, "");
        cli_says(c, "there is no option --no-such-option");
    }
}

static void usage(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "");
    assert_string_equal(c->out, "");
    cli_says(c, "anneal train");
    cli_expect(c, 0, "--help");
    cli_expect(c, 0, "-h");
    cli_expect(c, 0, "version");
    assert_int_equal(strncmp(c->out, "anneal ", 7), 0);
    cli_expect(c, 2, "hlep");
    assert_string_equal(c->err, "anneal: there is no command 'hlep'; did you mean 'help'? (see: anneal help)\n");
    cli_expect(c, 2, "help trian");
    assert_string_equal(c->err, "anneal help: there is no help on 'trian'; did you mean 'train'? (see: anneal help --help)\n");
    cli_expect(c, 2, "train");
    assert_string_equal(c->err, "anneal train: needs RECIPE|RUN [key=value ...] (see: anneal train --help)\n");
    cli_expect(c, 2, "train a b");
    assert_string_equal(c->err, "anneal train: does not know what to do with 'b' (see: anneal train --help)\n");
    cli_expect(c, 2, "train a --run");
    assert_string_equal(c->err, "anneal train: --run needs a value (DIR) (see: anneal train --help)\n");
    cli_expect(c, 2, "train a --change=1");
    assert_string_equal(c->err, "anneal train: --change takes no value (see: anneal train --help)\n");
    cli_expect(c, 2, "train a -x");
    assert_string_equal(c->err, "anneal train: there is no option -x (see: anneal train --help)\n");
    cli_expect(c, 2, "train a --rum=b");
    assert_string_equal(c->err, "anneal train: there is no option --rum; did you mean --run? (see: anneal train --help)\n");
    cli_expect(c, 2, "train -- --help");
    assert_string_equal(c->err, "anneal: --help: there is no such recipe\n");
    cli_expect(c, 2, "train recipe.yaml --limit-batches many");
    cli_says(c, "--limit-batches needs a whole number");
    cli_expect(c, 2, "train optim.lr=1");
    cli_says(c, "needs RECIPE|RUN");
    cli_expect(c, 2, "man train");
}

static void keys(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "help keys");
    static const char *const say[] = {"train.batch            integer|auto       128", "optim.lr               number             0.001", "~ passes over the training part",
                                      "mlp|lenet5|cnn2|resnet-cifar|resnet|sequential|graph|forecaster|charlm|transformer|seq2seq|seqclassifier\n"};
    for (size_t i = 0; i < sizeof say / sizeof say[0]; i++) cli_says(c, say[i]);
}

static void manual(void **state)
{
    cli *c = *state;
    cli_expect(c, 0, "man");
    assert_int_equal(strncmp(c->out, ".TH ANNEAL 1 ", 13), 0);
    cli_says(c, ".SS train");
    cli_says(c, ".B optim.lr \\fR(number; default 0.001)");
    cli_says(c, ".SH EXIT STATUS");
    cli_write(c, "anneal.1", c->out);
    cli_shell(c, "command -v groff >/dev/null || exit 0; groff -man -Tascii -ww anneal.1 2>warnings >/dev/null && ! test -s warnings");
}

static void completion(void **state)
{
    cli *c = *state;
    cli_expect(c, 2, "completion fish");
    cli_expect(c, 0, "completion bash");
    cli_write(c, "complete.sh", c->out);
    cli_write(c, "try.sh", "source ./complete.sh\ncompopt() { :; }\n"
                           "try() { COMP_WORDS=(anneal \"$@\"); COMP_CWORD=$#; COMPREPLY=(); _anneal; echo \"${COMPREPLY[@]}\"; }\n"
                           "[ \"$(try tra)\" = train ] && [ \"$(try train --dr)\" = --dry-run ] && [ \"$(try train optim.l)\" = optim.lr= ] && [ \"$(try train recipe.y)\" = recipe.yaml ]\n");
    cli_shell(c, "bash try.sh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_command), cmocka_unit_test(usage), cmocka_unit_test(keys), cmocka_unit_test(manual), cmocka_unit_test(completion)};
    return cmocka_run_group_tests_name("cli/help", tests, cli_setup, cli_teardown);
}
