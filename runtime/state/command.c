/* Running a user's command: see command.h. posix_spawn, not fork: the process may have gigabytes mapped and
 * threads that hold locks. */
#include "command.h"

#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define TAIL 2048   /* bytes of output kept */
#define TICK_MS 10  /* how often a child's end is looked for */
#define GRACE_S 1.0 /* between TERM and KILL */

double anl__clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void expand(anl__buf *b, const char *templ, const char *file, const char *run)
{
    for (const char *p = templ; *p;) {
        if (!strncmp(p, "{file}", 6)) {
            anl__buf_word(b, file);
            p += 6;
        } else if (!strncmp(p, "{run}", 5)) {
            anl__buf_word(b, run);
            p += 5;
        } else {
            anl__buf_bytes(b, p++, 1);
        }
    }
}

typedef struct child {
    pid_t pid;
    int out; /* reading end of stdout and stderr */
    char tail[TAIL + 1];
    size_t len;
    bool timed_out, cancelled;
    int exit_code;
} child;

static int start(child *c, const char *line)
{
    int pipes[2];
    char sh[] = "sh", option[] = "-c";
    char *argv[] = {sh, option, (char *)(uintptr_t)line, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    if (pipe2(pipes, O_CLOEXEC)) return errno;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, pipes[1], 1);
    posix_spawn_file_actions_adddup2(&files, pipes[1], 2);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int err = posix_spawn(&c->pid, "/bin/sh", &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(pipes[1]);
    if (err) close(pipes[0]);
    else fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    c->out = pipes[0];
    return err;
}

/* Takes what is in the pipe (not endlessly: the time limit is looked at between calls); keeps the last bytes.
   False at its end. */
static bool drain(child *c)
{
    char piece[TAIL];
    for (int i = 0; i < 64; i++) {
        ssize_t n = read(c->out, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0;
        size_t stay = c->len + (size_t)n <= TAIL ? c->len : TAIL - (size_t)n;
        memmove(c->tail, c->tail + c->len - stay, stay);
        memcpy(c->tail + stay, piece, (size_t)n);
        c->len = stay + (size_t)n;
        c->tail[c->len] = 0;
    }
    return true;
}

/* Until the shell has ended; what it left running in the background is not waited for. */
static void await(child *c, double timeout_s, const atomic_bool *cancel)
{
    double end = timeout_s > 0 ? anl__clock() + timeout_s : INFINITY, kill_at = INFINITY;
    bool open = true;
    for (int status;;) {
        struct pollfd p = {.fd = open ? c->out : -1, .events = POLLIN};
        pid_t got = waitpid(c->pid, &status, WNOHANG);
        if (got == c->pid) c->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (got == c->pid || (got < 0 && errno != EINTR))
            break; /* ECHILD: SIGCHLD is ignored; exit_code stays -1 */
        double t = anl__clock();
        if (kill_at == INFINITY && (t >= end || (cancel && atomic_load(cancel)))) {
            c->timed_out = t >= end;
            c->cancelled = !c->timed_out;
            kill(-c->pid, SIGTERM);
            kill_at = t + GRACE_S;
        }
        if (t >= kill_at) kill(-c->pid, SIGKILL);
        poll(&p, 1, TICK_MS);
        if (open) open = drain(c);
    }
    if (open) drain(c);
    if (c->timed_out || c->cancelled) kill(-c->pid, SIGKILL); /* what has outlived its shell */
    if (c->timed_out) c->exit_code = 124;
    close(c->out);
}

static anl_status outcome(anl_ctx *ctx, const char *line, const child *c, double timeout_s)
{
    char what[64];
    if (c->exit_code == 0) return ANL_OK;
    if (c->timed_out) snprintf(what, sizeof what, "did not end within %g s", timeout_s);
    else if (c->exit_code > 128) snprintf(what, sizeof what, "was ended by signal %d", c->exit_code - 128);
    else if (c->exit_code < 0)
        snprintf(what, sizeof what, "ended, but SIGCHLD is ignored: its exit code is unknown");
    else snprintf(what, sizeof what, "ended with exit code %d", c->exit_code);
    size_t n = c->len;
    while (n && c->tail[n - 1] == '\n') n--;
    return anl__fail(ctx, ANL_IO, "command '%s' %s%s%.*s", line, what, n ? "; its output: " : "", (int)n,
                     c->tail);
}

anl_status anl__command_once(anl_ctx *ctx, const char *line, double timeout_s, const atomic_bool *cancel,
                             int *exit_code)
{
    child c = {.exit_code = -1};
    int err = start(&c, line);
    if (err) {
        *exit_code = -1;
        return anl__fail(ctx, ANL_IO, "command '%s' could not be started: %s", line, strerror(err));
    }
    await(&c, timeout_s, cancel);
    *exit_code = c.exit_code;
    return outcome(ctx, line, &c, timeout_s);
}

static void wait_s(double s)
{
    struct timespec t = {(time_t)s, (long)((s - floor(s)) * 1e9)};
    while (nanosleep(&t, &t) && errno == EINTR) continue;
}

anl_status anl__command_run(anl_ctx *ctx, const char *templ, const char *file, const char *run,
                            double timeout_s, int retries, int *exit_code)
{
    anl__buf line;
    int code = -1;
    double pause = 0.2;
    anl__buf_init(&line, ctx);
    expand(&line, templ, file, run);
    anl_status st = line.status;
    if (st == ANL_OK) st = anl__command_once(ctx, line.text, timeout_s, NULL, &code);
    for (int i = 0; st == ANL_IO && i < retries; i++) {
        wait_s(pause);
        pause = fmin(2 * pause, 5);
        st = anl__command_once(ctx, line.text, timeout_s, NULL, &code);
    }
    if (exit_code) *exit_code = code;
    anl__buf_release(&line);
    return st;
}
