/* Opening the files of a set (source.h): cache lookup, inflating side by side, digests beside the caller.
 * Knows nothing of what the bytes mean. Everything that can fail with a message runs on the context's thread;
 * threads only inflate (a result code) or digest and write the cache (a context of their own). */
#include "datasets/source.h"

#include "datasets/cache.h"
#include "datasets/gzip.h"
#include "runtime/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct source {
    anl__source pub; /* first: the two pointers are the same */
    anl_ctx *ctx;
    anl__cache_key key;
    char *cache_path; /* NULL: not cached */
    anl__cache_entry entry;
    void *file; /* the file's own bytes; NULL from the cache */
    size_t file_bytes;
    void *decoded; /* the inflated content */
    size_t decoded_cap;
    bool compressed;
    anl__gzip_result inflated;
    size_t inflated_bytes;
    char digest[65]; /* "" until known */
    bool digesting;  /* the thread below runs or waits to be joined */
    pthread_t thread;
    anl_status write_status;
    char write_error[512];
} source;

/* ---- looking at the file ---------------------------------------------------------------------- */

static anl_status fail_open(anl_ctx *ctx, const char *path)
{
    if (errno == ENOENT) return anl__fail(ctx, ANL_DATA, "%s: there is no such file", path);
    return anl__fail(ctx, ANL_DATA, "%s: cannot be read: %s", path, strerror(errno));
}

/* Fills the key and tells a .gz by its first bytes, without reading the rest. */
static anl_status look(anl_ctx *ctx, source *m)
{
    struct stat sb;
    uint8_t magic[2];
    anl_status st = ANL_OK;
    int fd = open(m->pub.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_open(ctx, m->pub.path);
    if (fstat(fd, &sb) != 0) {
        st = fail_open(ctx, m->pub.path);
        goto done;
    }
    if (!S_ISREG(sb.st_mode)) {
        st = anl__fail(ctx, ANL_DATA, "%s: is not a regular file", m->pub.path);
        goto done;
    }
    m->key.size = (uint64_t)sb.st_size;
    m->key.mtime_s = (int64_t)sb.st_mtim.tv_sec;
    m->key.mtime_ns = (int64_t)sb.st_mtim.tv_nsec;
    m->compressed = pread(fd, magic, 2, 0) == 2 && anl__gzip_is(magic, 2);
    if (m->compressed && sb.st_size >= 8 && pread(fd, m->key.trailer, 8, sb.st_size - 8) != 8)
        st = fail_open(ctx, m->pub.path);
done:
    close(fd);
    return st;
}

static anl_status try_cache(anl_ctx *ctx, source *m, const anl__data_opts *o)
{
    char real[PATH_MAX];
    const char *why = "";
    if (!realpath(m->pub.path, real) || strlen(real) >= sizeof m->key.path) return ANL_OK;
    memcpy(m->key.path, real, strlen(real) + 1);
    ANL_TRY(anl__cache_path(ctx, o->cache_dir, &m->key, &m->cache_path));
    if (!m->cache_path) return ANL_OK;
    if (anl__cache_map(m->cache_path, &m->key, &m->entry, &why) == ANL__CACHE_DAMAGED)
        anl__log(ctx, ANL_LOG_WARN, "%s: the cached copy of %s is made again: %s", m->cache_path, m->pub.path,
                 why);
    memcpy(m->digest, m->entry.digest, sizeof m->digest);
    return ANL_OK;
}

/* ---- inflating -------------------------------------------------------------------------------- */

/* Deflate cannot expand more than 1032:1, whatever a forged trailer says. */
static size_t most_bytes(const source *m, size_t max_bytes)
{
    size_t most = m->file_bytes > (max_bytes - 64) / 1032 ? max_bytes : m->file_bytes * 1032 + 64;
    return most < max_bytes ? most : max_bytes;
}

static void *inflate_thread(void *arg)
{
    source *m = arg;
    m->inflated = anl__gzip_inflate(m->file, m->file_bytes, m->decoded, m->decoded_cap, &m->inflated_bytes);
    return NULL;
}

static anl_status reserve(anl_ctx *ctx, source *m, size_t want, size_t most)
{
    anl__free(ctx, m->decoded);
    m->decoded_cap = want < 64 ? 64 : want;
    if (m->decoded_cap > most) m->decoded_cap = most;
    m->decoded = anl__alloc(ctx, m->decoded_cap);
    return m->decoded ? ANL_OK : anl__context(ctx, ANL_NOMEM, "decoding %s", m->pub.path);
}

/* Reads the result; inflates again while the trailer's size was too small (several members, or over 4 GiB).
 */
static anl_status finish_inflate(anl_ctx *ctx, source *m, size_t max_bytes)
{
    size_t most = most_bytes(m, max_bytes);
    while (m->inflated == ANL__GZIP_SPACE && m->decoded_cap < most) {
        ANL_TRY(reserve(ctx, m, m->decoded_cap > most / 2 ? most : m->decoded_cap * 2, most));
        inflate_thread(m);
    }
    switch (m->inflated) {
    case ANL__GZIP_OK: break;
    case ANL__GZIP_SPACE:
        return anl__fail(ctx, ANL_DATA, "%s: decodes to more than the allowed %zu bytes", m->pub.path, most);
    case ANL__GZIP_CORRUPT:
        return anl__fail(ctx, ANL_FORMAT, "%s: the gzip data is damaged or cut short (%zu bytes read)",
                         m->pub.path, m->file_bytes);
    case ANL__GZIP_NOMEM: return anl__fail(ctx, ANL_NOMEM, "out of host memory decoding %s", m->pub.path);
    case ANL__GZIP_NO_LIBRARY:
        return anl__fail(ctx, ANL_UNSUPPORTED,
                         "%s: is compressed, and this build has no libdeflate; decompress it with gunzip",
                         m->pub.path);
    }
    anl__free(ctx, m->file);
    m->file = NULL;
    m->pub.data = m->decoded;
    m->pub.bytes = m->inflated_bytes;
    return ANL_OK;
}

/* All files at the same time: each on a thread, the first (the images, the longest) on this one. */
static anl_status inflate_all(anl_ctx *ctx, source **m, int n, size_t max_bytes)
{
    bool started[ANL__MAX_SOURCES] = {false};
    pthread_t thread[ANL__MAX_SOURCES];
    anl_status st = ANL_OK;
    for (int i = 0; i < n; i++)
        if (m[i]->decoded && i > 0) started[i] = pthread_create(&thread[i], NULL, inflate_thread, m[i]) == 0;
    for (int i = 0; i < n; i++)
        if (m[i]->decoded && !started[i]) inflate_thread(m[i]);
    for (int i = 0; i < n; i++)
        if (started[i]) pthread_join(thread[i], NULL);
    for (int i = 0; i < n && st == ANL_OK; i++)
        if (m[i]->decoded) st = finish_inflate(ctx, m[i], max_bytes);
    return st;
}

/* ---- digest and cache, beside the caller ------------------------------------------------------ */

static void digest_and_cache(anl_ctx *ctx, source *m)
{
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, m->pub.data, m->pub.bytes);
    anl__sha256_hex(&s, m->digest);
    if (!m->cache_path) return;
    m->write_status = anl__cache_write(ctx, m->cache_path, &m->key, m->pub.data, m->pub.bytes, m->digest);
    if (m->write_status != ANL_OK) snprintf(m->write_error, sizeof m->write_error, "%s", anl_last_error(ctx));
}

static void *digest_thread(void *arg)
{
    source *m = arg;
    anl_ctx *own = anl_ctx_create();
    if (!own) { /* the digest is needed, the cache is not: leave the digest to digest_join */
        m->write_status = ANL_NOMEM;
        return NULL;
    }
    digest_and_cache(own, m);
    anl_ctx_destroy(own);
    return NULL;
}

static void report_write(source *m)
{
    if (m->write_status != ANL_OK)
        anl__log(m->ctx, ANL_LOG_WARN, "%s is not cached: %s", m->pub.path,
                 m->write_error[0] ? m->write_error : anl_status_text(m->write_status));
    m->write_status = ANL_OK;
}

static void digest_join(source *m)
{
    if (!m->digesting) return;
    pthread_join(m->thread, NULL);
    m->digesting = false;
    report_write(m);
}

static void digest_start(source *m, bool wait)
{
    if (m->digest[0]) return;
    m->digesting = !wait && pthread_create(&m->thread, NULL, digest_thread, m) == 0;
    if (m->digesting) return;
    digest_and_cache(m->ctx, m);
    report_write(m);
}

/* ---- the interface ---------------------------------------------------------------------------- */

static void source_destroy(source *m)
{
    if (!m) return;
    digest_join(m);
    anl__cache_unmap(&m->entry);
    anl__free(m->ctx, m->file);
    anl__free(m->ctx, m->decoded);
    anl__free(m->ctx, m->cache_path);
    anl__free(m->ctx, (void *)m->pub.path);
    anl__free(m->ctx, m);
}

/* Maps the cached copy, or reads the file and makes room for its content. */
static anl_status load(anl_ctx *ctx, source *m, const anl__data_opts *o)
{
    ANL_TRY(look(ctx, m));
    if (m->compressed && o->cache) ANL_TRY(try_cache(ctx, m, o));
    if (m->entry.map) {
        m->pub.from_cache = true;
        m->pub.data = m->entry.data;
        m->pub.bytes = m->entry.bytes;
        return ANL_OK;
    }
    if (m->key.size > o->max_bytes)
        return anl__fail(ctx, ANL_DATA, "%s: has %llu bytes, more than the allowed %zu", m->pub.path,
                         (unsigned long long)m->key.size, o->max_bytes);
    ANL_TRY(anl__file_read(ctx, m->pub.path, o->max_bytes, &m->file, &m->file_bytes));
    m->pub.data = m->file;
    m->pub.bytes = m->file_bytes;
    if (!m->compressed) return ANL_OK;
    return reserve(ctx, m, anl__gzip_size_hint(m->file, m->file_bytes), most_bytes(m, o->max_bytes));
}

static anl_status source_create(anl_ctx *ctx, const char *path, source **out)
{
    source *m = anl__alloc(ctx, sizeof *m);
    if (!m) return ANL_NOMEM;
    m->ctx = ctx;
    m->pub.path = anl__strdup(ctx, path);
    *out = m;
    return m->pub.path ? ANL_OK : ANL_NOMEM;
}

anl_status anl__sources_open(anl_ctx *ctx, const char *const *paths, int n, const anl__data_opts *opts,
                             anl__source **out)
{
    source *m[ANL__MAX_SOURCES] = {0};
    anl_status st = ANL_OK;
    ANL_CHECK_INTERNAL(ctx, n <= ANL__MAX_SOURCES && opts->max_bytes >= 4096);
    for (int i = 0; i < n; i++) {
        ANL_GO(source_create(ctx, paths[i], &m[i]));
        ANL_GO(load(ctx, m[i], opts));
    }
    ANL_GO(inflate_all(ctx, m, n, opts->max_bytes));
    for (int i = 0; i < n; i++) {
        digest_start(m[i], opts->cache_wait);
        out[i] = &m[i]->pub;
        m[i] = NULL;
    }
done:
    for (int i = 0; i < n; i++) source_destroy(m[i]);
    return st;
}

void anl__source_close(anl__source *s)
{
    source_destroy((source *)s);
}

anl_status anl__source_digest(anl__source *s, char hex[65])
{
    source *m = (source *)s;
    digest_join(m);
    if (!m->digest[0]) digest_start(m, true);
    memcpy(hex, m->digest, 65);
    return ANL_OK;
}
