/* Sealed files: see ckpt_file.h. */
#include "ckpt_file.h"

#include "../base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SEAL_WORD "\nanneal-sha256 "
#define CHUNK ((size_t)1 << 20)

void anl__ckpt_seal(const void *image, size_t bytes, char seal[ANL__CKPT_SEAL + 1])
{
    anl__sha256 s;
    char hex[65];
    anl__sha256_init(&s);
    anl__sha256_add(&s, image, bytes);
    anl__sha256_hex(&s, hex);
    snprintf(seal, ANL__CKPT_SEAL + 1, SEAL_WORD "%s\n", hex);
}

/* The directory of the file `path`, in the buffer. */
static void add_dir(anl__buf *dir, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) anl__buf_add(dir, ".");
    else anl__buf_bytes(dir, path, slash == path ? 1 : (size_t)(slash - path));
}

static anl_status check_room(anl_ctx *ctx, const char *path, size_t bytes)
{
    struct statvfs v;
    anl__buf dir;
    anl__buf_init(&dir, ctx);
    add_dir(&dir, path);
    anl_status st = dir.status;
    if (st == ANL_OK && !statvfs(dir.text, &v)) { /* where it cannot tell, the write will */
        uint64_t have = (uint64_t)v.f_bavail * v.f_frsize;
        if (have < 2 * (uint64_t)bytes)
            st = anl__fail(ctx, ANL_IO, "%s: a checkpoint of %zu bytes wants %zu free, the disk has %llu",
                           path, bytes, 2 * bytes, (unsigned long long)have);
    }
    anl__buf_release(&dir);
    return st;
}

/* Compares the file from `at` on with these bytes. */
static anl_status compare(anl_ctx *ctx, int fd, const char *path, size_t at, const void *want, size_t bytes)
{
    const char *p = want;
    size_t most = bytes < CHUNK ? bytes : CHUNK;
    char *piece = anl__alloc(ctx, most);
    anl_status st = piece ? ANL_OK : ANL_NOMEM;
    while (st == ANL_OK && bytes) {
        ssize_t n = pread(fd, piece, bytes < most ? bytes : most, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) st = anl__fail(ctx, ANL_IO, "%s: reading back failed: %s", path, strerror(errno));
        else if (n == 0 || memcmp(piece, p, (size_t)n))
            st = anl__fail(ctx, ANL_IO, "%s: what was read back is not what was written", path);
        if (st != ANL_OK) break;
        p += n;
        at += (size_t)n;
        bytes -= (size_t)n;
    }
    anl__free(ctx, piece);
    return st;
}

static anl_status store(anl_ctx *ctx, const char *path, const void *image, size_t bytes, const char *seal)
{
    int fd = -1;
    anl_status st;
    anl__buf tmp;
    anl__buf_init(&tmp, ctx);
    anl__buf_add(&tmp, "%s.tmp.%ld", path, (long)getpid());
    ANL_GO(tmp.status);
    ANL_GO(check_room(ctx, path, bytes + ANL__CKPT_SEAL));
    fd = open(tmp.text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) ANL_GO(anl__fail(ctx, ANL_IO, "%s: create failed: %s", tmp.text, strerror(errno)));
    ANL_GO(anl__fd_write(ctx, fd, tmp.text, image, bytes));
    ANL_GO(anl__fd_write(ctx, fd, tmp.text, seal, ANL__CKPT_SEAL));
    ANL_GO(anl__fd_sync(ctx, fd, tmp.text));
    ANL_GO(compare(ctx, fd, tmp.text, 0, image, bytes));
    ANL_GO(compare(ctx, fd, tmp.text, bytes, seal, ANL__CKPT_SEAL));
    ANL_GO(anl__file_rename(ctx, tmp.text, path));
done:
    if (fd >= 0) close(fd);
    if (st != ANL_OK && tmp.text) unlink(tmp.text);
    anl__buf_release(&tmp);
    return st;
}

anl_status anl__ckpt_store(anl_ctx *ctx, const char *path, const void *image, size_t bytes)
{
    char seal[ANL__CKPT_SEAL + 1];
    anl__ckpt_seal(image, bytes, seal);
    return store(ctx, path, image, bytes, seal);
}

anl_status anl__ckpt_load(anl_ctx *ctx, const char *path, void **out, size_t *bytes)
{
    char seal[ANL__CKPT_SEAL + 1];
    void *data = NULL;
    size_t n = 0;
    anl_status st = ANL_OK;
    ANL_TRY(anl__file_read(ctx, path, 0, &data, &n));
    const char *end = (const char *)data + n - ANL__CKPT_SEAL;
    if (n < 8 || memcmp(data, "\211HDF\r\n\032\n", 8)) {
        st = anl__fail(ctx, ANL_FORMAT, "%s: is no HDF5 file", path);
    } else if (n < 8 + ANL__CKPT_SEAL || memcmp(end, SEAL_WORD, strlen(SEAL_WORD))) {
        st = anl__fail(ctx, ANL_FORMAT, "%s: has no seal at its end: truncated, or not written by Anneal",
                       path);
    } else {
        anl__ckpt_seal(data, n - ANL__CKPT_SEAL, seal);
        if (memcmp(end, seal, ANL__CKPT_SEAL))
            st = anl__fail(ctx, ANL_FORMAT, "%s: is damaged (the SHA-256 of the file differs)", path);
    }
    if (st != ANL_OK) {
        anl__free(ctx, data);
        return st;
    }
    *out = data;
    *bytes = n - ANL__CKPT_SEAL;
    return ANL_OK;
}

anl_status anl__ckpt_copy(anl_ctx *ctx, const char *from, const char *to)
{
    void *data = NULL;
    size_t n = 0;
    if (!anl__path_exists(from)) return anl__fail(ctx, ANL_DATA, "%s: is not there any more", from);
    ANL_TRY(anl__ckpt_load(ctx, from, &data, &n));
    anl_status st = store(ctx, to, data, n, (const char *)data + n);
    anl__free(ctx, data);
    return st;
}
