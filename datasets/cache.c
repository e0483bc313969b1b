/* Entries of the decoded cache (cache.h): a page of header, then the content, so that it is mapped aligned.
 */
#include "datasets/cache.h"

#include "runtime/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[8] = "ANLCACH1";

typedef struct header {
    char magic[8];
    uint32_t byte_order; /* 0x01020304 as this machine stores it */
    uint32_t header_crc; /* of this struct with this word 0 */
    anl__cache_key key;
    uint64_t bytes;
    uint32_t crc; /* CRC-32C of the content */
    char digest[68];
} header;

enum { HEADER_BYTES = 8192 };
_Static_assert(sizeof(header) <= HEADER_BYTES, "the header fits its pages");

static uint32_t header_crc(const header *h)
{
    header copy = *h;
    copy.header_crc = 0;
    return anl__crc32c(0, &copy, sizeof copy);
}

bool anl__cache_root(char *out, size_t bytes)
{
    const char *xdg = anl__environment("XDG_CACHE_HOME"), *home = anl__environment("HOME");
    if (xdg && xdg[0] == '/') /* relative values are invalid and ignored: XDG Base Directory Specification */
        return (size_t)snprintf(out, bytes, "%s/anneal", xdg) < bytes;
    return home && home[0] == '/' && (size_t)snprintf(out, bytes, "%s/.cache/anneal", home) < bytes;
}

anl_status anl__cache_path(anl_ctx *ctx, const char *dir, const anl__cache_key *key, char **path)
{
    anl__sha256 s;
    char hex[65];
    anl__sha256_init(&s);
    anl__sha256_add(&s, key->path, strlen(key->path));
    anl__sha256_hex(&s, hex);
    *path = NULL;
    anl__buf b;
    anl__buf_init(&b, ctx);
    char root[4096];
    if (!dir && !anl__cache_root(root, sizeof root)) goto done;
    anl__buf_add(&b, "%s", dir ? dir : root);
    anl__buf_add(&b, "/%.32s.cache", hex);
    if (b.status == ANL_OK) {
        *path = anl__strdup(ctx, b.text);
        if (!*path) b.status = ANL_NOMEM;
    }
done:;
    anl_status st = b.status;
    anl__buf_release(&b);
    return st;
}

/* The header's own soundness, and whether it speaks of this source. */
static anl__cache_result check_header(const header *h, uint64_t file_bytes, const anl__cache_key *key,
                                      const char **why)
{
    if (memcmp(h->magic, MAGIC, sizeof MAGIC) != 0 || h->byte_order != 0x01020304u) {
        *why = "it is not a cache entry of this version";
        return ANL__CACHE_DAMAGED;
    }
    if (h->header_crc != header_crc(h)) {
        *why = "its header's checksum is wrong";
        return ANL__CACHE_DAMAGED;
    }
    if (h->bytes != file_bytes - HEADER_BYTES) {
        *why = "it is cut short or too long";
        return ANL__CACHE_DAMAGED;
    }
    bool same = strcmp(h->key.path, key->path) == 0 && h->key.size == key->size &&
                h->key.mtime_s == key->mtime_s && h->key.mtime_ns == key->mtime_ns &&
                memcmp(h->key.trailer, key->trailer, sizeof key->trailer) == 0;
    return same ? ANL__CACHE_HIT : ANL__CACHE_MISS;
}

anl__cache_result anl__cache_map(const char *path, const anl__cache_key *key, anl__cache_entry *out,
                                 const char **why)
{
    anl__cache_result result = ANL__CACHE_MISS;
    void *map = MAP_FAILED;
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ANL__CACHE_MISS;
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) goto done;
    if (sb.st_size < HEADER_BYTES) {
        *why = "it is cut short";
        result = ANL__CACHE_DAMAGED;
        goto done;
    }
    /* Populated at once: every page is read for the checksum anyway, and faults cost more than the sum. */
    map = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED) goto done;
    const header *h = map;
    result = check_header(h, (uint64_t)sb.st_size, key, why);
    if (result != ANL__CACHE_HIT) goto done;
    const uint8_t *data = (const uint8_t *)map + HEADER_BYTES;
    if (anl__crc32c(0, data, (size_t)h->bytes) != h->crc) {
        *why = "its content's checksum is wrong";
        result = ANL__CACHE_DAMAGED;
        goto done;
    }
    *out = (anl__cache_entry){
        .map = map, .map_bytes = (size_t)sb.st_size, .data = data, .bytes = (size_t)h->bytes};
    memcpy(out->digest, h->digest, 64);
    map = MAP_FAILED;
done:
    if (map != MAP_FAILED) munmap(map, (size_t)sb.st_size);
    close(fd);
    return result;
}

void anl__cache_unmap(anl__cache_entry *e)
{
    if (e->map) munmap(e->map, e->map_bytes);
    *e = (anl__cache_entry){0};
}

/* Opens and locks the temporary file; *fd is -1 when another writer has it. */
static anl_status open_locked(anl_ctx *ctx, const char *tmp, int *fd)
{
    struct stat mine, named;
    *fd = open(tmp, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0) return anl__fail(ctx, ANL_IO, "%s: cannot be created: %s", tmp, strerror(errno));
    /* Between open and lock the last writer may have renamed this very file into place: then the name is
       gone or stands for another file, and this one must not be touched. */
    bool ours = flock(*fd, LOCK_EX | LOCK_NB) == 0 && fstat(*fd, &mine) == 0 && stat(tmp, &named) == 0 &&
                mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
    if (!ours) {
        close(*fd);
        *fd = -1;
        return ANL_OK;
    }
    if (ftruncate(*fd, 0) != 0) {
        anl_status st = anl__fail(ctx, ANL_IO, "%s: cannot be truncated: %s", tmp, strerror(errno));
        close(*fd);
        *fd = -1;
        return st;
    }
    return ANL_OK;
}

static anl_status make_parent(anl_ctx *ctx, const char *path)
{
    char *dir = anl__strdup(ctx, path);
    if (!dir) return ANL_NOMEM;
    *strrchr(dir, '/') = 0; /* anl__cache_path put one there */
    anl_status st = anl__dir_make(ctx, dir);
    anl__free(ctx, dir);
    return st;
}

static void fill_header(header *h, const anl__cache_key *key, const void *data, size_t bytes, const char *digest)
{
    memcpy(h->magic, MAGIC, sizeof MAGIC);
    h->byte_order = 0x01020304u;
    h->key = *key;
    h->bytes = bytes;
    h->crc = anl__crc32c(0, data, bytes);
    memcpy(h->digest, digest, 64);
    h->header_crc = header_crc(h);
}

anl_status anl__cache_write(anl_ctx *ctx, const char *path, const anl__cache_key *key, const void *data,
                            size_t bytes, const char *digest)
{
    ANL_TRY(make_parent(ctx, path));
    anl_status st = ANL_NOMEM;
    int fd = -1;
    anl__buf tmp;
    anl__buf_init(&tmp, ctx);
    anl__buf_add(&tmp, "%s.tmp", path);
    header *h = anl__alloc(ctx, HEADER_BYTES);
    if (!h || tmp.status != ANL_OK) goto done;
    fill_header(h, key, data, bytes, digest);
    ANL_GO(open_locked(ctx, tmp.text, &fd));
    if (fd < 0) goto done;
    ANL_GO(anl__fd_write(ctx, fd, tmp.text, h, HEADER_BYTES));
    ANL_GO(anl__fd_write(ctx, fd, tmp.text, data, bytes));
    ANL_GO(anl__file_rename(ctx, tmp.text, path));
done:
    if (st != ANL_OK && fd >= 0) unlink(tmp.text);
    if (fd >= 0) close(fd);
    anl__free(ctx, h);
    anl__buf_release(&tmp);
    return st;
}

/* ---- content made in its place ---------------------------------------------------------------- */

static void room_release(anl_ctx *ctx, anl__cache_room *r)
{
    if (r->map) munmap(r->map, r->map_bytes);
    if (r->fd >= 0) close(r->fd);
    anl__free(ctx, r->tmp);
    anl__free(ctx, r->path);
    *r = (anl__cache_room){.fd = -1};
}

static anl_status room_make(anl_ctx *ctx, anl__cache_room *r, size_t bytes)
{
    ANL_TRY(open_locked(ctx, r->tmp, &r->fd));
    if (r->fd < 0) return ANL_OK;
    r->map_bytes = HEADER_BYTES + bytes;
    int error = posix_fallocate(r->fd, 0, (off_t)r->map_bytes); /* a full disk is found here, not by a signal later */
    if (error) return anl__fail(ctx, ANL_IO, "%s: no room for %zu bytes: %s", r->tmp, r->map_bytes, strerror(error));
    void *map = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
    if (map == MAP_FAILED) return anl__fail(ctx, ANL_IO, "%s: cannot be mapped: %s", r->tmp, strerror(errno));
    r->map = map;
    r->data = (uint8_t *)map + HEADER_BYTES;
    return ANL_OK;
}

anl_status anl__cache_begin(anl_ctx *ctx, const char *path, size_t bytes, anl__cache_room *out)
{
    anl__buf tmp;
    *out = (anl__cache_room){.fd = -1};
    ANL_TRY(make_parent(ctx, path));
    anl__buf_init(&tmp, ctx);
    anl__buf_add(&tmp, "%s.tmp", path);
    if (tmp.status == ANL_OK) out->tmp = anl__strdup(ctx, tmp.text); /* else there is no text */
    out->path = anl__strdup(ctx, path);
    anl_status st = out->tmp && out->path ? room_make(ctx, out, bytes) : ANL_NOMEM;
    anl__buf_release(&tmp);
    if (st != ANL_OK) anl__cache_cancel(ctx, out);
    else if (!out->data) room_release(ctx, out);
    return st;
}

anl_status anl__cache_commit(anl_ctx *ctx, anl__cache_room *room, const anl__cache_key *key, size_t bytes, const char *digest)
{
    header *h = anl__alloc(ctx, HEADER_BYTES);
    anl_status st = h ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK) {
        fill_header(h, key, room->data, bytes, digest);
        if (ftruncate(room->fd, (off_t)(HEADER_BYTES + bytes))) st = anl__fail(ctx, ANL_IO, "%s: cannot be cut: %s", room->tmp, strerror(errno));
    }
    if (st == ANL_OK) st = anl__fd_write(ctx, room->fd, room->tmp, h, HEADER_BYTES); /* nothing was written by the file's offset yet */
    if (st == ANL_OK) st = anl__file_rename(ctx, room->tmp, room->path);
    anl__free(ctx, h);
    if (st != ANL_OK) unlink(room->tmp);
    room_release(ctx, room);
    return st;
}

void anl__cache_cancel(anl_ctx *ctx, anl__cache_room *room)
{
    if (room->fd >= 0) unlink(room->tmp);
    room_release(ctx, room);
}
