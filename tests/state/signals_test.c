/* Signals sent to this process, and to a child that must die of the third. */
#include "tests/state/state_test.h"

#include "runtime/state/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static void counted(void **state)
{
    (void)state;
    struct sigaction before, after;
    sigaction(SIGTERM, NULL, &before);
    anl__signals_install();
    anl__signals_install();
    assert_int_equal(anl__signals_stop(), 0);
    assert_int_equal(anl__signals_last(), 0);
    assert_false(anl__signals_checkpoint());
    raise(SIGUSR1);
    assert_true(anl__signals_checkpoint());
    assert_false(anl__signals_checkpoint());
    assert_int_equal(anl__signals_stop(), 0);
    raise(SIGPIPE);
    raise(SIGXFSZ);
    raise(SIGTERM);
    raise(SIGINT); /* at once after: the same request, forwarded */
    assert_int_equal(anl__signals_stop(), 1);
    assert_int_equal(anl__signals_last(), SIGINT);
    pause_ms(250);
    raise(SIGHUP);
    assert_int_equal(anl__signals_stop(), 2);
    assert_int_equal(anl__signals_last(), SIGHUP);
    anl__signals_restore();
    assert_int_equal(anl__signals_stop(), 2);
    sigaction(SIGTERM, NULL, &after);
    assert_ptr_equal(before.sa_handler, after.sa_handler);
    anl__signals_install();
    assert_int_equal(anl__signals_stop(), 0);
    anl__signals_restore();
}

/* A notice by another way and the signal that follows it are one stop. */
static void notice(void **state)
{
    (void)state;
    anl__signals_install();
    anl__signals_ask_stop(SIGTERM);
    anl__signals_ask_stop(SIGTERM);
    assert_int_equal(anl__signals_stop(), 1);
    assert_int_equal(anl__signals_last(), SIGTERM);
    raise(SIGINT);
    assert_int_equal(anl__signals_stop(), 1);
    assert_int_equal(anl__signals_last(), SIGINT);
    anl__signals_restore();
}

static void third_ends(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        anl__signals_install();
        raise(SIGTERM);
        pause_ms(250);
        raise(SIGTERM);
        if (anl__signals_stop() != 2) _exit(1);
        pause_ms(250);
        raise(SIGTERM);
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void stays_ignored(void **state)
{
    (void)state;
    struct sigaction a;
    signal(SIGHUP, SIG_IGN); /* nohup */
    anl__signals_install();
    raise(SIGHUP);
    assert_int_equal(anl__signals_stop(), 0);
    anl__signals_restore();
    sigaction(SIGHUP, NULL, &a);
    assert_ptr_equal(a.sa_handler, SIG_IGN);
    signal(SIGHUP, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counted), cmocka_unit_test(notice),
                                       cmocka_unit_test(third_ends), cmocka_unit_test(stays_ignored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
