/* A run's directory and its lock: see run_dir.h. */
#include "run_dir.h"

#include "../base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MOST ((size_t)64 << 20)

struct anl__run_dir {
    anl_ctx *ctx;
    char *path;
    int lock;  /* file descriptor, -1: not open */
    bool made; /* by this open */
};

/* Who holds the lock, from its file; a half-written text (the holder has just come) is no name. */
static void read_holder(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);
    if (n < 0) n = 0;
    text[n] = 0;
    char *end = strchr(text, '\n');
    if (end) *end = 0;
    else snprintf(text, size, "another process");
}

/* For people only, so a failure (a full disk) is not one: finding a finished run needs no room. */
static void write_holder(int fd)
{
    char host[256] = "?", when[64] = "", text[512];
    struct tm tm;
    time_t t = time(NULL);
    gethostname(host, sizeof host - 1);
    if (localtime_r(&t, &tm)) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &tm);
    int n = snprintf(text, sizeof text, "process %ld on %s since %s\n", (long)getpid(), host, when);
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) return;
}

/* Has the holder that the lock's file names ended, on this machine? What it had just forked, to start a command, holds the lock until its exec:
   a moment, which on a busy machine is seen. */
static bool holder_ended(int fd)
{
    char text[512], want[300], host[256] = "?";
    long pid;
    read_holder(fd, text, sizeof text);
    gethostname(host, sizeof host - 1);
    if (sscanf(text, "process %ld on ", &pid) != 1) return false;
    snprintf(want, sizeof want, "process %ld on %s since ", pid, host);
    return !strncmp(text, want, strlen(want)) && kill((pid_t)pid, 0) && errno == ESRCH;
}

/* 0, or errno. Waits for a lock only where its holder has ended. */
static int lock_now(int fd)
{
    int err;
    for (int tries = 0;; tries++) {
        err = flock(fd, LOCK_EX | LOCK_NB) ? errno : 0;
        if (err != EWOULDBLOCK || tries == 1000 || !holder_ended(fd)) return err;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
}

/* Is the locked file still the one of that name? Whoever removes a run (a failed start its own) removes its lock with it. */
static bool is_current(int fd, const char *path)
{
    struct stat mine, named;
    return !fstat(fd, &mine) && !stat(path, &named) && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/* *gone: the directory was removed meanwhile by the process that had it; nothing is locked. */
static anl_status take_lock(anl_ctx *ctx, anl__run_dir *d, bool *gone)
{
    char holder[512];
    anl__buf file;
    anl__buf_init(&file, ctx);
    anl__buf_add(&file, "%s/lock", d->path);
    anl_status st = file.status;
    *gone = false;
    if (st != ANL_OK) goto done;
    d->lock = open(file.text, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int err = d->lock < 0 ? errno : 0;
    if (err) {
        *gone = err == ENOENT;
        const char *hint = err == EROFS    ? " (the file system is read-only)"
                           : err == ENOSPC ? " (the disk is full)"
                           : err == EACCES ? " (it is not yours to write)"
                                           : "";
        ANL_GO(
            anl__fail(ctx, ANL_IO, "run directory %s cannot be written: %s%s", d->path, strerror(err), hint));
    }
    err = lock_now(d->lock);
    if (err) {
        if (err == EWOULDBLOCK) {
            read_holder(d->lock, holder, sizeof holder);
            ANL_GO(anl__fail(ctx, ANL_LOCKED, "run directory %s is in use by %s", d->path, holder));
        }
        anl__log(ctx, ANL_LOG_WARN,
                 "%s: this file system has no locks (%s): see to it that no second process uses the run",
                 d->path, strerror(err));
    }
    if (!is_current(d->lock, file.text)) {
        *gone = true;
        close(d->lock);
        d->lock = -1;
        ANL_GO(anl__fail(ctx, ANL_IO, "run directory %s was removed by the process that held it", d->path));
    }
    write_holder(d->lock);
done:
    anl__buf_release(&file);
    return st;
}

anl_status anl__run_dir_open(anl_ctx *ctx, const char *path, bool create, anl__run_dir **out)
{
    anl_status st = ANL_NOMEM;
    anl__run_dir *d = anl__alloc(ctx, sizeof *d);
    if (!d) return ANL_NOMEM;
    d->ctx = ctx;
    d->lock = -1;
    d->path = anl__strdup(ctx, path);
    if (!d->path) goto done;
    for (size_t n = strlen(d->path); n > 1 && d->path[n - 1] == '/';) d->path[--n] = 0;
    bool gone = true;
    for (int tries = 0; gone && tries < 100; tries++) { /* it may be removed between its making and its lock */
        if (create) ANL_GO(anl__dir_make_new(ctx, d->path, &d->made));
        else if (!anl__path_is_dir(d->path))
            ANL_GO(anl__fail(ctx, ANL_INVALID, "%s: there is no such run directory", d->path));
        st = take_lock(ctx, d, &gone);
    }
    if (st == ANL_OK) *out = d;
done:
    if (st != ANL_OK) {
        if (d->made) rmdir(d->path); /* only where nothing is in it */
        anl__run_dir_close(d);
    }
    return st;
}

void anl__run_dir_close(anl__run_dir *d)
{
    if (!d) return;
    if (d->lock >= 0) close(d->lock); /* the file stays, as the run does */
    anl__free(d->ctx, d->path);
    anl__free(d->ctx, d);
}

bool anl__run_dir_made(const anl__run_dir *d) { return d->made; }
const char *anl__run_dir_path(const anl__run_dir *d) { return d->path; }
char *anl__run_dir_file(const anl__run_dir *d, anl__arena *arena, const char *name)
{
    return anl__arena_printf(arena, "%s/%s", d->path, name);
}

anl_status anl__run_dir_put(anl__run_dir *d, const char *name, const char *text)
{
    anl__buf file;
    anl__buf_init(&file, d->ctx);
    anl__buf_add(&file, "%s/%s", d->path, name);
    anl_status st = file.status;
    if (st == ANL_OK) st = anl__file_replace(d->ctx, file.text, text, strlen(text));
    anl__buf_release(&file);
    return st;
}

anl_status anl__run_dir_get(anl__run_dir *d, anl__arena *arena, const char *name, const char **text)
{
    anl_status st;
    void *data = NULL;
    size_t n = 0;
    anl__buf file;
    anl__buf_init(&file, d->ctx);
    anl__buf_add(&file, "%s/%s", d->path, name);
    ANL_GO(file.status);
    *text = NULL;
    if (!anl__path_exists(file.text)) goto done;
    ANL_GO(anl__file_read(d->ctx, file.text, TEXT_MOST, &data, &n));
    if (strlen(data) != n)
        ANL_GO(anl__fail(d->ctx, ANL_DATA, "%s: is no text: it holds a 0 byte", file.text));
    *text = anl__arena_strdup(arena, data);
    if (!*text) st = ANL_NOMEM;
done:
    anl__free(d->ctx, data);
    anl__buf_release(&file);
    return st;
}
