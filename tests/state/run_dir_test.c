/* A run's directory: the lock against a second opener and after the holder's death, files, and places that
 * cannot be written. */
#include "tests/state/state_test.h"

#include "runtime/state/run_dir.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void files(void **state)
{
    fixture *f = *state;
    anl__run_dir *d;
    anl__arena *a;
    const char *text;
    assert_int_equal(anl__run_dir_open(f->ctx, at(f, "runs/a/b"), false, &d), ANL_INVALID);
    assert_says(f, "no such run directory");
    assert_ok(f, anl__run_dir_open(f->ctx, at(f, "runs/a/b//"), true, &d));
    assert_string_equal(anl__run_dir_path(d), at(f, "runs/a/b"));
    assert_ok(f, anl__arena_create(f->ctx, &a));
    assert_string_equal(anl__run_dir_file(d, a, "x"), at(f, "runs/a/b/x"));
    assert_ok(f, anl__run_dir_get(d, a, "recipe.yaml", &text));
    assert_null(text);
    assert_ok(f, anl__run_dir_put(d, "recipe.yaml", "a: 1\n"));
    assert_ok(f, anl__run_dir_put(d, "recipe.yaml", "a: 2\n"));
    assert_ok(f, anl__run_dir_get(d, a, "recipe.yaml", &text));
    assert_string_equal(text, "a: 2\n");
    put(at(f, "runs/a/b/zero"), "a\0b", 3);
    assert_int_equal(anl__run_dir_get(d, a, "zero", &text), ANL_DATA);
    assert_int_equal(anl__run_dir_get(d, a, "", &text), ANL_IO); /* a directory */
    for (int kind = 0; kind < ANL__INJECT_COUNT; kind++) {
        int n = 1;
        for (anl_status st = ANL_IO; st != ANL_OK; n++) {
            anl__inject(f->ctx, (anl__inject_kind)kind, n);
            st = anl__run_dir_put(d, "recipe.yaml", "a: 3\n");
            anl__inject(f->ctx, (anl__inject_kind)kind, 0);
            assert_ok(f, anl__run_dir_get(d, a, "recipe.yaml", &text));
            assert_int_equal(strlen(text), 5);
            assert_int_equal(entries(at(f, "runs/a/b"), ".tmp."), 0);
        }
        assert_string_equal(text, "a: 3\n");
        assert_true(n > 2);
    }
    anl__arena_destroy(a);
    anl__run_dir_close(d);
    anl__run_dir_close(NULL);
    put(at(f, "plain"), "", 0);
    assert_int_equal(anl__run_dir_open(f->ctx, at(f, "plain"), true, &d), ANL_IO);
    assert_says(f, "is not a directory");
}

/* A child that holds the directory until it is killed. */
static pid_t holder(fixture *f, const char *path)
{
    int ready[2];
    char c = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        anl__run_dir *d;
        if (anl__run_dir_open(f->ctx, path, true, &d) != ANL_OK || write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void lock(void **state)
{
    fixture *f = *state;
    anl__run_dir *d, *e;
    char who[64];
    assert_ok(f, anl__run_dir_open(f->ctx, at(f, "run"), true, &d));
    assert_int_equal(anl__run_dir_open(f->ctx, at(f, "run"), true, &e), ANL_LOCKED); /* also in one process */
    anl__run_dir_close(d);
    pid_t pid = holder(f, at(f, "run"));
    anl_status st = anl__run_dir_open(f->ctx, at(f, "run"), false, &d);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(st, ANL_LOCKED);
    snprintf(who, sizeof who, "in use by process %ld on ", (long)pid);
    assert_says(f, who);
    assert_says(f, " since 2");
    assert_ok(f, anl__run_dir_open(f->ctx, at(f, "run"), false, &d)); /* freed by its death */
    anl__run_dir_close(d);
    for (int n = 1;; n++) {
        anl__inject(f->ctx, ANL__INJECT_ALLOC, n);
        st = anl__run_dir_open(f->ctx, at(f, "run"), true, &d);
        anl__inject(f->ctx, ANL__INJECT_ALLOC, 0);
        if (st == ANL_OK) break;
        assert_int_equal(st, ANL_NOMEM);
    }
    anl__run_dir_close(d);
}

/* A holder that was killed between fork and exec: its child has the lock a moment longer, and that is waited for. */
static void lock_of_child(void **state)
{
    fixture *f = *state;
    anl__run_dir *d;
    int ready[2];
    char c = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (anl__run_dir_open(f->ctx, at(f, "forked"), true, &d) != ANL_OK) _exit(1);
        if (!fork()) {
            nanosleep(&(struct timespec){0, 200000000}, NULL);
            _exit(0);
        }
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_ok(f, anl__run_dir_open(f->ctx, at(f, "forked"), false, &d));
    anl__run_dir_close(d);
}

/* Is the directory this open's own making, or not? What is not stays where the open fails. */
static void making(void **state)
{
    fixture *f = *state;
    anl__run_dir *d;
    assert_ok(f, anl__run_dir_open(f->ctx, at(f, "runs/new"), true, &d));
    assert_true(anl__run_dir_made(d));
    anl__run_dir_close(d);
    assert_ok(f, anl__run_dir_open(f->ctx, at(f, "runs/new"), true, &d));
    assert_false(anl__run_dir_made(d));
    anl__run_dir_close(d);
    put(at(f, "runs/plain"), "", 0);
    mkdir(at(f, "runs/odd"), 0700);
    mkdir(at(f, "runs/odd/lock"), 0700); /* which no lock can be */
    assert_int_equal(anl__run_dir_open(f->ctx, at(f, "runs/odd"), true, &d), ANL_IO);
    assert_int_equal(entries(at(f, "runs/odd"), "lock"), 1);
}

static void no_writing(void **state)
{
    fixture *f = *state;
    anl__run_dir *d = NULL;
    mkdir(at(f, "m"), 0700);
    if (geteuid() == 0) {
        if (mount("none", at(f, "m"), "tmpfs", 0, "size=64k,nr_inodes=4")) {
            print_message("skipped: nothing can be mounted here\n");
            skip();
        }
        mkdir(at(f, "m/run"), 0700);
        put(at(f, "m/a"), "", 0);
        put(at(f, "m/b"), "", 0);
        anl_status full = anl__run_dir_open(f->ctx, at(f, "m/run"), true, &d);
        bool said_full = strstr(anl_last_error(f->ctx), "the disk is full");
        mount("none", at(f, "m"), "tmpfs", MS_REMOUNT | MS_RDONLY, NULL);
        anl_status st = anl__run_dir_open(f->ctx, at(f, "m/run"), true, &d),
                   st2 = anl__run_dir_open(f->ctx, at(f, "m/other"), true, &d);
        bool said = strstr(anl_last_error(f->ctx), "read-only");
        umount(at(f, "m"));
        assert_int_equal(full, ANL_IO);
        assert_true(said_full);
        assert_int_equal(st, ANL_IO);
        assert_int_equal(st2, ANL_IO);
        assert_true(said);
    } else {
        chmod(at(f, "m"), 0500);
        assert_int_equal(anl__run_dir_open(f->ctx, at(f, "m"), true, &d), ANL_IO);
        assert_says(f, "not yours to write");
        assert_int_equal(anl__run_dir_open(f->ctx, at(f, "m/run"), true, &d), ANL_IO);
        chmod(at(f, "m"), 0700);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(files), T(lock), T(lock_of_child), T(making), T(no_writing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
