/* What a sweep shows while it runs: a table on a terminal, as wide and as high as that is; lines elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[1 << 20];

enum { MOST_AWAITED = 3 };

/* Runs a sweep of three trials on a terminal of this size; all that it wrote there goes to `said`. No trial ends before
   everything that is awaited was shown, however fast it trains. */
static void on_terminal(cli *c, const char *dir, const char *kind, int columns, int rows,
                        const char *const awaited[MOST_AWAITED])
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    size_t used = 0;
    int terminal, status, seen = 0;
    char text[1024], shown[300];
    snprintf(shown, sizeof shown, "%s/shown", c->dir);
    remove(shown);
    snprintf(text, sizeof text,
             "base: recipe.yaml\nspace:\n  optim.lr: {low: 0.001, high: 0.2, log: true}\n  train.batch: [16, 32]\n"
             "objective: valid.loss\nsampler: random\nbudget: {trials: 3}\noverride: [train.epochs=40, "
             "checkpoint.every=2000 steps]\nparallel: 3\ntest: false\n"
             "launcher: '{cmd} && until [ -e %s ]; do sleep 0.02; done'\n", shown);
    cli_write(c, "t.yaml", text);
    pid_t child = forkpty(&terminal, NULL, NULL, &size);
    assert_true(child >= 0);
    if (child == 0) {
        setenv("TERM", kind, 1);
        if (chdir(c->dir)) _exit(126);
        execl(ANL_PROGRAM, "anneal", "sweep", "t.yaml", "--dir", dir, (char *)NULL);
        _exit(127);
    }
    said[0] = 0;
    for (ssize_t n; used < sizeof said - 1; said[used += (size_t)n] = 0) {
        while (seen < MOST_AWAITED && (!awaited[seen] || strstr(said, awaited[seen])))
            if (++seen == MOST_AWAITED) cli_write(c, "shown", "");
        n = read(terminal, said + used, sizeof said - 1 - used);
        if (n < 0 && errno == EINTR) n = 0;
        else if (n <= 0) break; /* its end is an error on a terminal */
    }
    close(terminal);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The tables between "\033[nA\033[J": their longest line and their most lines. */
static int tables(int *longest, int *highest)
{
    int n = 0;
    *longest = *highest = 0;
    for (const char *p = said; (p = strstr(p, "trials of 3, ")); n++) {
        while (p > said && p[-1] != '\n') p--;
        const char *end = strchr(p, '\033');
        int lines = 0;
        for (const char *line = p, *stop; line < (end ? end : p + strlen(p)) && (stop = strchr(line, '\n'));
             line = stop + 1) {
            if (strncmp(line, "best ", 5) && strncmp(line, "running ", 8) && strncmp(line, "and ", 4) &&
                line != p)
                break;
            int length = (int)(stop - line) - (stop > line && stop[-1] == '\r');
            if (length > *longest) *longest = length;
            lines++;
        }
        if (lines > *highest) *highest = lines;
        p = strchr(p, '\n');
    }
    return n;
}

static void test_table(void **state)
{
    int longest, highest;
    on_terminal(*state, "wide", "xterm", 200, 40,
                (const char *[MOST_AWAITED]){" left: 3 running, 0 waiting, 0 complete, 0 pruned, 0 failed",
                                             " of 40  valid.loss "});
    assert_true(tables(&longest, &highest) >= 2); /* drawn again and again, and at the end */
    assert_non_null(strstr(said, "\033["));
    assert_non_null(strstr(said, ": 0 running, 0 waiting, 3 complete, 0 pruned, 0 failed"));
    assert_non_null(strstr(said, "\nbest "));
    assert_in_range(highest, 4, 5);
    on_terminal(*state, "narrow", "xterm", 40, 4, (const char *[MOST_AWAITED]){"\nand "});
    assert_true(tables(&longest, &highest) >= 2);
    assert_in_range(longest, 30, 39); /* cut, so that no line wraps */
    assert_in_range(highest, 2, 3);   /* and none is scrolled away */
}

static void test_lines(void **state)
{
    cli *c = *state;
    on_terminal(c, "dumb", "dumb", 100, 24, (const char *[MOST_AWAITED]){0});
    assert_null(strchr(said, '\033'));
    assert_non_null(strstr(said, "trial 0 complete  valid.loss "));
    cli_expect(c, 0, "sweep t.yaml --dir piped"); /* no terminal */
    assert_null(strchr(c->err, '\033'));
    assert_null(strchr(c->out, '\033'));
    cli_says(c, "trial 0 complete  valid.loss ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests_name("cli/sweep_show", tests, cli_setup, cli_teardown);
}
