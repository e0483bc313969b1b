/* User commands: quoting, exit codes, output, time limits, what a child inherits; and watching. */
#include "tests/state/state_test.h"

#include "runtime/state/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static anl_status sh(fixture *f, const char *line, double timeout, int *code)
{
    return anl__command_run(f->ctx, line, NULL, NULL, timeout, 0, code);
}

static void quoting(void **state)
{
    fixture *f = *state;
    char line[1024], *text;
    const char *file = "it's $HOME `x` \"a b\";\\ \xc3\xa4", *run = "--";
    int code = 7;
    snprintf(line, sizeof line, "printf '%%s|' {file} {run}x {other} ${HOME:+set} {file > '%s'",
             at(f, "out"));
    assert_ok(f, anl__command_run(f->ctx, line, file, run, 10, 0, &code));
    assert_int_equal(code, 0);
    text = take(at(f, "out"), NULL);
    char want[256];
    snprintf(want, sizeof want, "%s|--x|{other}|set|{file|", file);
    if (!getenv("HOME")) snprintf(want, sizeof want, "%s|--x|{other}|{file|", file);
    assert_string_equal(text, want);
    free(text);
    assert_ok(f, anl__command_run(f->ctx, "test -z {file}", NULL, NULL, 10, 0, NULL));
}

static void exit_codes(void **state)
{
    fixture *f = *state;
    int code;
    assert_ok(f, sh(f, "exit 0", 10, &code));
    assert_int_equal(sh(f, "echo before; echo to stderr >&2; exit 3", 10, &code), ANL_IO);
    assert_int_equal(code, 3);
    assert_says(f, "exit code 3");
    assert_says(f, "its output: before\nto stderr");
    assert_int_equal(sh(f, "kill -9 $$", 10, &code), ANL_IO);
    assert_int_equal(code, 128 + 9);
    assert_says(f, "signal 9");
    assert_int_equal(sh(f, "no-such-command-here", 10, &code), ANL_IO);
    assert_int_equal(code, 127);
    assert_int_equal(
        sh(f, "i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done; echo THE END; exit 1", 60,
           &code),
        ANL_IO);
    assert_says(f, "THE END"); /* the last of 200 KB */
    assert_null(strstr(anl_last_error(f->ctx), "line-100\n"));
}

static void retries(void **state)
{
    fixture *f = *state;
    char line[600];
    int code;
    snprintf(line, sizeof line, "echo x >> '%s'; test $(wc -l < '%s') = 3", at(f, "tries"), at(f, "tries"));
    assert_ok(f, anl__command_run(f->ctx, line, NULL, NULL, 10, 5, &code));
    char *text = take(at(f, "tries"), NULL);
    assert_string_equal(text, "x\nx\nx\n");
    free(text);
    snprintf(line, sizeof line, "echo x >> '%s'; false", at(f, "more"));
    assert_int_equal(anl__command_run(f->ctx, line, NULL, NULL, 10, 1, &code), ANL_IO);
    text = take(at(f, "more"), NULL);
    assert_string_equal(text, "x\nx\n");
    free(text);
}

/* The whole group ends, also what ignores TERM; a background child does not hold the call. */
static void time_limit(void **state)
{
    fixture *f = *state;
    char line[600];
    int code;
    double begin = now();
    assert_int_equal(sh(f, "sleep 60", 0.1, &code), ANL_IO);
    assert_int_equal(code, 124);
    assert_says(f, "did not end within 0.1 s");
    snprintf(line, sizeof line,
             "trap '' TERM; echo $$ > '%s'; sh -c \"trap '' TERM; echo \\$\\$ > '%s'; sleep 60; sleep 60\"",
             at(f, "p1"), at(f, "p2"));
    assert_int_equal(sh(f, line, 0.3, &code), ANL_IO);
    assert_int_equal(code, 124);
    for (int i = 1; i <= 2; i++) {
        char *text = take(at(f, i == 1 ? "p1" : "p2"), NULL);
        int gone = 0;
        for (int k = 0; k < 100 && !gone; k++) { /* init reaps it in a moment */
            char path[64], s[256] = "";
            snprintf(path, sizeof path, "/proc/%d/stat", atoi(text));
            FILE *o = fopen(path, "r");
            gone = !o || (fgets(s, sizeof s, o) && strstr(s, ") Z"));
            if (o) fclose(o);
            if (!gone) usleep(10000);
        }
        assert_true(gone);
        free(text);
    }
    assert_ok(f, sh(f, "sleep 3 & exit 0", 60, &code));
    assert_true(now() - begin < 30); /* not the 60 of any sleep */
}

/* Default signals (but for 32 and 33, the C library's own), no file more than a plain child has, nothing to
 * read. */
static void inherits(void **state)
{
    fixture *f = *state;
    char line[600];
    unsigned long long blocked, ignored;
    int code, files, plain, input, fd = open(f->dir, O_RDONLY | O_CLOEXEC);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGPIPE, SIG_IGN);
    snprintf(line, sizeof line,
             "sed -n 's/Sig\\(Blk\\|Ign\\)://p' /proc/self/status > '%s'; ls /proc/self/fd | wc -l >> '%s'; "
             "wc -c >> '%s'",
             at(f, "out"), at(f, "out"), at(f, "out"));
    assert_ok(f, sh(f, line, 10, &code));
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGPIPE, SIG_DFL);
    snprintf(line, sizeof line, "ls /proc/self/fd | wc -l > '%s'", at(f, "plain"));
    assert_int_equal(system(line), 0);
    close(fd);
    char *text = take(at(f, "out"), NULL), *other = take(at(f, "plain"), NULL);
    assert_int_equal(sscanf(text, "%llx %llx %d %d", &blocked, &ignored, &files, &input), 4);
    assert_int_equal(sscanf(other, "%d", &plain), 1);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & ~0x180000000ULL, 0);
    assert_int_equal(files, plain);
    assert_int_equal(input, 0);
    free(text);
    free(other);
}

static void no_memory(void **state)
{
    fixture *f = *state;
    int code = 0;
    for (int n = 1;; n++) {
        anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
        anl_status st = anl__command_run(
            f->ctx, "true {file}",
            "a file name that is long enough to make the buffer grow, and then some more", "r", 10, 0, &code);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
        assert_int_equal(code, -1);
    }
}

static bool until_hit(anl__watch *w)
{
    for (int i = 0; i < 2000 && !anl__watch_hit(w); i++) usleep(5000);
    return anl__watch_hit(w);
}

static void watching(void **state)
{
    fixture *f = *state;
    char line[600];
    anl__watch *w;
    snprintf(line, sizeof line, "echo x >> '%s'; test $(wc -l < '%s') -ge 3", at(f, "polls"), at(f, "polls"));
    assert_ok(f, anl__watch_start(f->ctx, line, 0.02, &w));
    assert_true(until_hit(w));
    assert_null(anl__watch_warning(w)); /* a plain no is no warning */
    usleep(60000);
    anl__watch_stop(w);
    char *text = take(at(f, "polls"), NULL);
    assert_string_equal(text, "x\nx\nx\n"); /* and after a hit no more */
    free(text);
    double begin = now();
    assert_ok(f, anl__watch_start(f->ctx, "sleep 60", 30, &w)); /* stopped in the middle of an attempt */
    usleep(50000);
    assert_false(anl__watch_hit(w));
    anl__watch_stop(w);
    assert_ok(f, anl__watch_start(f->ctx, "exit 1", 1000, &w)); /* and of a pause */
    usleep(50000);
    anl__watch_stop(w);
    assert_true(now() - begin < 20);
    assert_ok(f, anl__watch_start(f->ctx, "no-such-command-here", 0.01, &w));
    const char *said = NULL;
    for (int i = 0; i < 2000 && !said; i++) {
        said = anl__watch_warning(w);
        if (!said) usleep(5000);
    }
    assert_non_null(said);
    assert_non_null(strstr(said, "no-such-command-here"));
    usleep(50000);
    assert_null(anl__watch_warning(w)); /* once */
    anl__watch_stop(w);
    anl__watch_stop(NULL);
    assert_int_equal(anl__watch_start(f->ctx, "true", 0, &w), ANL_INVALID);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(quoting),  T(exit_codes), T(retries), T(time_limit),
                                       T(inherits), T(no_memory),  T(watching)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
