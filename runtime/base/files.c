/* Files that survive a kill. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static anl_status io_fail(anl_ctx *ctx, const char *doing, const char *path, int err)
{
    const char *hint = err == ENOSPC ? " (the disk is full)" : err == EROFS ? " (the file system is read-only)" : err == EDQUOT ? " (the quota is used up)" : "";
    return anl__fail(ctx, ANL_IO, "%s: %s failed: %s%s", path, doing, strerror(err), hint);
}

anl_status anl__file_read(anl_ctx *ctx, const char *path, size_t max_bytes, void **data, size_t *bytes)
{
    struct stat s;
    anl_status st = ANL_OK;
    char *p = NULL;
    size_t have = 0;
    int64_t cap = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_fail(ctx, "open", path, errno);
    if (fstat(fd, &s)) ANL_GO(io_fail(ctx, "stat", path, errno));
    if (S_ISDIR(s.st_mode)) ANL_GO(anl__fail(ctx, ANL_IO, "%s: is a directory", path));
    if (max_bytes && (size_t)s.st_size > max_bytes)
        ANL_GO(anl__fail(ctx, ANL_IO, "%s: has %lld bytes, more than the %zu allowed", path, (long long)s.st_size, max_bytes));
    cap = s.st_size + 2; /* the end is seen without a larger block; a pipe's size is 0 */
    p = anl__alloc(ctx, (size_t)cap);
    if (!p) ANL_GO(ANL_NOMEM);
    for (;;) {
        ssize_t n = read(fd, p + have, (size_t)cap - 1 - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) ANL_GO(io_fail(ctx, "read", path, errno));
        if (n == 0) break;
        have += (size_t)n;
        if (max_bytes && have > max_bytes)
            ANL_GO(anl__fail(ctx, ANL_IO, "%s: has more than the %zu bytes allowed", path, max_bytes));
        if (have + 1 == (size_t)cap) ANL_GO(anl__grow(ctx, &p, &cap, 2 * cap + 4096, 1));
    }
    p[have] = 0;
    *data = p;
    *bytes = have;
done:
    close(fd);
    if (st != ANL_OK) anl__free(ctx, p);
    return st;
}

anl_status anl__fd_write(anl_ctx *ctx, int fd, const char *path, const void *data, size_t bytes)
{
    const char *p = data;
    if (anl__inject_hit(ctx, ANL__INJECT_WRITE)) return io_fail(ctx, "write", path, ENOSPC);
    while (bytes) {
        ssize_t n = write(fd, p, bytes < (1 << 30) ? bytes : 1 << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_fail(ctx, "write", path, errno);
        p += n;
        bytes -= (size_t)n;
    }
    return ANL_OK;
}

anl_status anl__fd_sync(anl_ctx *ctx, int fd, const char *path)
{
    if (anl__inject_hit(ctx, ANL__INJECT_FSYNC)) return io_fail(ctx, "fsync", path, EIO);
    return fsync(fd) ? io_fail(ctx, "fsync", path, errno) : ANL_OK;
}

anl_status anl__file_sync(anl_ctx *ctx, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_fail(ctx, "open", path, errno);
    anl_status st = anl__fd_sync(ctx, fd, path);
    close(fd);
    return st;
}

static anl_status sync_parent(anl_ctx *ctx, const char *path)
{
    char *dir = anl__strdup(ctx, path);
    if (!dir) return ANL_NOMEM;
    char *slash = strrchr(dir, '/');
    if (slash == dir) slash[1] = 0;
    else if (slash) *slash = 0;
    anl_status st = anl__file_sync(ctx, slash ? dir : ".");
    anl__free(ctx, dir);
    return st;
}

anl_status anl__file_rename(anl_ctx *ctx, const char *from, const char *to)
{
    if (anl__inject_hit(ctx, ANL__INJECT_RENAME)) return io_fail(ctx, "rename", to, EIO);
    if (rename(from, to)) return io_fail(ctx, "rename", to, errno);
    return sync_parent(ctx, to);
}

anl_status anl__file_replace(anl_ctx *ctx, const char *path, const void *data, size_t bytes)
{
    anl_status st;
    int fd = -1;
    anl__buf tmp;
    anl__buf_init(&tmp, ctx);
    anl__buf_add(&tmp, "%s.tmp.%ld", path, (long)getpid());
    ANL_GO(tmp.status);
    fd = open(tmp.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) ANL_GO(io_fail(ctx, "create", tmp.text, errno));
    ANL_GO(anl__fd_write(ctx, fd, tmp.text, data, bytes));
    ANL_GO(anl__fd_sync(ctx, fd, tmp.text));
    if (close(fd)) {
        fd = -1;
        ANL_GO(io_fail(ctx, "close", tmp.text, errno));
    }
    fd = -1;
    ANL_GO(anl__file_rename(ctx, tmp.text, path));
done:
    if (fd >= 0) close(fd);
    if (st != ANL_OK && tmp.text) unlink(tmp.text);
    anl__buf_release(&tmp);
    return st;
}

anl_status anl__dir_make_new(anl_ctx *ctx, const char *path, bool *made)
{
    char *dir = anl__strdup(ctx, path);
    anl_status st = ANL_OK;
    *made = false;
    if (!dir) return ANL_NOMEM;
    for (char *p = dir + 1; st == ANL_OK; p++) {
        if (*p && *p != '/') continue;
        char c = *p;
        *p = 0;
        *made = mkdir(dir, 0755) == 0;
        if (!*made && errno != EEXIST) st = io_fail(ctx, "mkdir", dir, errno);
        else if (!anl__path_is_dir(dir)) st = anl__fail(ctx, ANL_IO, "%s: is not a directory", dir);
        *p = c;
        if (!c) break;
    }
    anl__free(ctx, dir);
    return st;
}

anl_status anl__dir_make(anl_ctx *ctx, const char *path)
{
    bool made;
    return anl__dir_make_new(ctx, path, &made);
}

bool anl__path_exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

bool anl__path_is_dir(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}
