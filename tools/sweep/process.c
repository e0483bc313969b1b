/* See process.h. */
#include "process.h"

#include "tools/exit_code.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char mark_name[] = "ANNEAL_SWEEP";

/* ---- the command ------------------------------------------------------------------------------ */

/* 'it'\''s' */
static void quote(anl__buf *b, const char *word)
{
    anl__buf_add(b, "'");
    for (const char *p = word; *p; p++)
        if (*p == '\'') anl__buf_add(b, "'\\''");
        else anl__buf_bytes(b, p, 1);
    anl__buf_add(b, "'");
}

static void quote_all(anl__buf *b, const char *const *word, int n)
{
    for (int i = 0; n < 0 ? word[i] != NULL : i < n; i++) {
        if (i) anl__buf_add(b, " ");
        quote(b, word[i]);
    }
}

char *process_command(anl__arena *a, const process_opts *o)
{
    static const char *const holes[] = {"{cmd}", "{quoted}", "{slot}", "{trial}", "{env}"};
    anl_ctx *ctx = anl_ctx_create();
    anl__buf out, cmd;
    if (!ctx) return NULL;
    anl__buf_init(&out, ctx);
    anl__buf_init(&cmd, ctx);
    quote_all(&cmd, o->argv, -1);
    for (const char *p = o->launcher; *p;) {
        int k = 0;
        while (k < 5 && strncmp(p, holes[k], strlen(holes[k]))) k++;
        if (k == 0) anl__buf_add(&out, "%s", cmd.text);
        else if (k == 1) quote(&out, cmd.text);
        else if (k == 2) anl__buf_add(&out, "%s", o->slot);
        else if (k == 3) anl__buf_add(&out, "%s", o->trial);
        else if (k == 4) quote_all(&out, o->env, o->n_env);
        else anl__buf_bytes(&out, p, 1);
        p += k < 5 ? strlen(holes[k]) : 1;
    }
    char *text = out.status == ANL_OK && cmd.status == ANL_OK ? anl__arena_strdup(a, out.text) : NULL;
    anl__buf_release(&out);
    anl__buf_release(&cmd);
    anl_ctx_destroy(ctx);
    return text;
}

/* ---- starting --------------------------------------------------------------------------------- */

static void set_cpus(const char *list)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const char *p = list; *p;) {
        char *end;
        long low = strtol(p, &end, 10), high = low;
        if (end == p) break;
        if (*end == '-') high = strtol(end + 1, &end, 10);
        for (long c = low; c <= high && c >= 0 && c < CPU_SETSIZE; c++) CPU_SET((size_t)c, &set);
        p = *end == ',' ? end + 1 : end;
    }
    if (CPU_COUNT(&set))
        sched_setaffinity(0, sizeof set, &set); /* a CPU that is not there: all others stay */
}

char *process_cpu_share(anl__arena *a, int n, int of)
{
    cpu_set_t set;
    int cpu[CPU_SETSIZE], count = 0;
    if (sched_getaffinity(0, sizeof set, &set)) return anl__arena_strdup(a, "");
    for (int c = 0; c < CPU_SETSIZE; c++)
        if (CPU_ISSET((size_t)c, &set)) cpu[count++] = c;
    int from = (int)((int64_t)n * count / of), to = (int)((int64_t)(n + 1) * count / of);
    if (of > count) from = n % count, to = from + 1; /* more trials than CPUs: they share */
    char *text = anl__arena_printf(a, "%d", cpu[from]);
    for (int i = from + 1; text && i < to; i++) text = anl__arena_printf(a, "%s,%d", text, cpu[i]);
    return text;
}

/* In the child, before the program: only calls that are safe there. */
static void become(const process_opts *o, int log, int null, pid_t parent)
{
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127); /* it died before the line above */
    for (int sig = 1; sig < NSIG; sig++) signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (o->file_limit > 0) {
        rlim_t bytes = (rlim_t)(o->file_limit * 1048576);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, bytes});
    }
    if (o->cpus && o->cpus[0]) set_cpus(o->cpus);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
}

/* The environment of the child: ours, the slot's, and the mark. */
static char **environment(anl__arena *a, const process_opts *o)
{
    size_t n = 0, k = 0;
    while (environ[n]) n++;
    char **env = anl__arena_alloc(a, sizeof *env * (n + (size_t)o->n_env + 4));
    if (!env) return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(environ[i], "=") + 1;
        bool replaced = !strncmp(environ[i], "ANNEAL_SWEEP=", 13) ||
                        !strncmp(environ[i], "ANNEAL_TRIAL=", 13) || !strncmp(environ[i], "ANNEAL_SLOT=", 12);
        for (int e = 0; e < o->n_env; e++) replaced |= !strncmp(environ[i], o->env[e], len);
        if (!replaced) env[k++] = environ[i];
    }
    for (int e = 0; e < o->n_env; e++)
        if (!(env[k++] = anl__arena_strdup(a, o->env[e]))) return NULL;
    char *own[3] = {anl__arena_printf(a, "%s=%s", mark_name, o->mark),
                    anl__arena_printf(a, "ANNEAL_TRIAL=%s", o->trial),
                    anl__arena_printf(a, "ANNEAL_SLOT=%s", o->slot)};
    for (int i = 0; i < 3; i++)
        if (!(env[k++] = own[i])) return NULL;
    return env;
}

static anl_status start(anl_ctx *ctx, anl__arena *a, const process_opts *o, pid_t *pid)
{
    char *command = o->launcher ? process_command(a, o) : NULL, **env = environment(a, o);
    const char *shell[] = {"sh", "-c", command, NULL};
    if ((o->launcher && !command) || !env) return ANL_NOMEM;
    int log = open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) return anl__fail(ctx, ANL_IO, "%s: cannot be written: %s", o->log, strerror(errno));
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t parent = getpid(), child = null < 0 ? -1 : fork();
    if (child == 0) {
        become(o, log, null, parent);
        if (command) execve("/bin/sh", (char *const *)(uintptr_t)shell, env);
        else execve(o->argv[0], (char *const *)(uintptr_t)o->argv, env);
        _exit(127);
    }
    int why = errno;
    if (child > 0) setpgid(child, child); /* whoever is first; so that a signal to the group finds it */
    close(log);
    if (null >= 0) close(null);
    if (child < 0) return anl__fail(ctx, ANL_IO, "no process can be started: %s", strerror(why));
    *pid = child;
    return ANL_OK;
}

anl_status process_start(anl_ctx *ctx, const process_opts *o, pid_t *pid)
{
    anl__arena *a;
    ANL_TRY(anl__arena_create(ctx, &a));
    anl_status st = start(ctx, a, o, pid);
    anl__arena_destroy(a);
    return st;
}

/* ---- stopping --------------------------------------------------------------------------------- */

void process_signal(pid_t pid, int sig)
{
    if (kill(-pid, sig) && errno == ESRCH) kill(pid, sig);
}

static void rest(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

void process_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

bool process_lives(pid_t pid)
{
    while (waitpid(-pid, NULL, WNOHANG) > 0) continue;
    return !kill(-pid, 0);
}

void process_kill(pid_t pid)
{
    for (int i = 0; i < 1000 && process_lives(pid); i++) {
        kill(-pid, SIGKILL);
        rest(0.001);
    }
}

static bool marked(const char *pid, const char *mark)
{
    char path[300], want[4200];
    static char text[1 << 16];
    int len = snprintf(want, sizeof want, "%s=%s", mark_name, mark);
    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    text[n] = 0;
    for (size_t i = 0; i < n; i += strlen(text + i) + 1)
        if (!strncmp(text + i, want, (size_t)len + 1)) return true;
    return false;
}

int process_kill_strays(const char *mark)
{
    int killed = 0;
    for (int round = 0; round < 400; round++) {
        DIR *d = opendir("/proc");
        int found = 0;
        for (struct dirent *e; d && (e = readdir(d));) {
            pid_t pid = (pid_t)atol(e->d_name);
            if (!isdigit((unsigned char)e->d_name[0]) || pid == getpid() || !marked(e->d_name, mark))
                continue;
            found += !kill(pid, SIGKILL);
        }
        if (d) closedir(d);
        if (round == 0) killed = found;
        if (!found) break;
        rest(0.005);
    }
    return killed;
}

process_end process_outcome(int status, char why[96])
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    int sig = code > 128 && code < 128 + NSIG ? code - 128 : 0; /* a shell says so of its child */
    why[0] = 0;
    switch (code) {
    case EXIT_DONE: return PROCESS_DONE;
    case EXIT_AGAIN: snprintf(why, 96, "preempted or interrupted"); return PROCESS_AGAIN;
    case EXIT_TWICE: snprintf(why, 96, "interrupted twice"); return PROCESS_AGAIN;
    case EXIT_DIVERGED: snprintf(why, 96, "diverged"); return PROCESS_DIVERGED;
    case EXIT_DEVICE_MEMORY: snprintf(why, 96, "out of device memory"); return PROCESS_MEMORY;
    case EXIT_DEVICE_LOST: snprintf(why, 96, "device lost"); return PROCESS_RETRY;
    case EXIT_DISK: snprintf(why, 96, "a checkpoint or the disk failed"); return PROCESS_RETRY;
    case EXIT_USAGE: snprintf(why, 96, "the recipe was refused"); return PROCESS_FAILED;
    case EXIT_DATA: snprintf(why, 96, "its data was refused"); return PROCESS_FAILED;
    case 127: snprintf(why, 96, "the command was not found (127)"); return PROCESS_FAILED;
    default: break;
    }
    if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP) {
        snprintf(why, 96, "ended by signal %d before it could write a checkpoint", sig);
        return PROCESS_AGAIN;
    }
    if (sig == SIGKILL) {
        snprintf(why, 96, "killed: signal 9 (by the system, out of memory?)");
        return PROCESS_RETRY;
    }
    if (sig) snprintf(why, 96, "crashed: signal %d", sig);
    else snprintf(why, 96, "failed with %d", code);
    return PROCESS_FAILED;
}
