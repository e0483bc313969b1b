/* See memory.h. */
#include "datasets/memory.h"

#include "datasets/cache.h"
#include "datasets/similar.h"
#include "runtime/base/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct anl__memory {
    anl_ctx *ctx;
    int64_t n;
    const char *const *source, *const *target;
    const char **list; /* both, where they are of `text` */
    char *text;        /* of a checkpoint */
    anl__similar *similar;
};

anl_status anl__memory_create(anl_ctx *ctx, const char *const *source, const char *const *target, int64_t n, anl__memory **out)
{
    anl__memory *m = anl__alloc(ctx, sizeof *m);
    if (!m) return ANL_NOMEM;
    *m = (anl__memory){.ctx = ctx, .n = n, .source = source, .target = target};
    anl_status st = anl__similar_create(ctx, source, n, &m->similar);
    if (st == ANL_OK) *out = m;
    else anl__memory_destroy(m);
    return st;
}

void anl__memory_destroy(anl__memory *m)
{
    if (!m) return;
    anl__similar_destroy(m->similar);
    anl__free(m->ctx, m->list);
    anl__free(m->ctx, m->text);
    anl__free(m->ctx, m);
}

/* ---- as one text ------------------------------------------------------------------------------ */

static void write_text(anl__buf *out, const char *s)
{
    for (size_t n; (n = strcspn(s, "\t\n\\")), anl__buf_bytes(out, s, n), s[n]; s += n + 1)
        anl__buf_bytes(out, s[n] == '\t' ? "\\t" : s[n] == '\n' ? "\\n" : "\\\\", 2);
}

void anl__memory_write(const anl__memory *m, anl__buf *out)
{
    for (int64_t i = 0; i < m->n; i++) {
        write_text(out, m->source[i]);
        anl__buf_bytes(out, "\t", 1);
        write_text(out, m->target[i]);
        anl__buf_bytes(out, "\n", 1);
    }
}

/* One text, in place, up to `end`; false: a backslash before nothing that it may stand before. */
static bool read_text(char *s, const char *end)
{
    char *to = s;
    for (; s < end; s++) {
        if (*s != '\\') {
            *to++ = *s;
            continue;
        }
        if (++s == end || !strchr("tn\\", *s)) return false;
        *to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : '\\';
    }
    *to = 0;
    return true;
}

anl_status anl__memory_read(anl_ctx *ctx, const char *text, size_t bytes, anl__memory **out)
{
    int64_t lines = 0, at = 0;
    for (size_t i = 0; i < bytes; i++) lines += text[i] == '\n';
    char *copy = anl__alloc(ctx, bytes + 1), *p = copy;
    const char **list = anl__calloc(ctx, 2 * (size_t)lines + 1, sizeof *list);
    anl_status st = copy && list ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK) memcpy(copy, text, bytes);
    for (; st == ANL_OK && at < lines; at++) {
        char *end = memchr(p, '\n', bytes - (size_t)(p - copy)), *tab = memchr(p, '\t', (size_t)(end - p));
        list[at] = p;
        list[lines + at] = tab ? tab + 1 : NULL;
        if (!tab || memchr(tab + 1, '\t', (size_t)(end - tab - 1)) || memchr(p, 0, (size_t)(end - p)) || !read_text(p, tab) || !read_text(tab + 1, end))
            st = anl__fail(ctx, ANL_FORMAT, "line %lld of the translation memory is no pair", (long long)at + 1);
        p = end + 1;
    }
    if (st == ANL_OK && p != copy + bytes) st = anl__fail(ctx, ANL_FORMAT, "the translation memory's last line has no end");
    if (st == ANL_OK) st = anl__memory_create(ctx, list, list + lines, lines, out);
    if (st == ANL_OK) {
        (*out)->list = list;
        (*out)->text = copy;
        return ANL_OK;
    }
    anl__free(ctx, list);
    anl__free(ctx, copy);
    return st;
}

/* ---- recalling -------------------------------------------------------------------------------- */

static void find(anl__memory *m, const char *text, bool other, int count, int32_t *out)
{
    int64_t at[ANL__MOST_SIMILAR];
    int n = anl__similar_find(m->similar, text, other, at, count);
    for (int i = 0; i < count; i++) out[i] = i < n ? (int32_t)at[i] : -1;
}

anl_status anl__memory_append(const anl__memory *m, const anl__tokens *k, const int32_t *at, int count, int64_t longest, anl__ids *out)
{
    int64_t unknown = 0;
    for (int i = 0; i < count && at[i] >= 0; i++) {
        const char *target = m->target[at[i]];
        int64_t before = out->n;
        ANL_TRY(anl__ids_add(m->ctx, out, anl__tokens_eos(k)));
        ANL_TRY(anl__tokens_encode(k, (anl__span){target, strlen(target)}, out, &unknown));
        if (longest && out->n > longest) {
            out->n = before;
            return ANL_OK;
        }
    }
    return ANL_OK;
}

anl_status anl__memory_recall(anl__memory *m, const anl__tokens *k, const char *text, bool other, int count, int64_t longest, anl__ids *out)
{
    int32_t at[ANL__MOST_SIMILAR];
    find(m, text, other, count, at);
    return anl__memory_append(m, k, at, count, longest, out);
}

/* ---- many, kept in the cache ------------------------------------------------------------------ */

enum { FINDING = 1 /* another number where the same texts give other pairs: what older versions left in the cache is not taken */ };

/* The file, how many pairs, and a hash of all texts. false: no such file, or too long a path. */
static bool key_of(const anl__memory *m, const anl__memory_asked *q, anl__cache_key *key, char hex[65])
{
    char real[PATH_MAX];
    anl__sha256 s;
    if (!q->file || !realpath(q->file, real)) return false;
    *key = (anl__cache_key){.size = (uint64_t)q->n};
    int len = snprintf(key->path, sizeof key->path, "%s?similar,%d,%d", real, FINDING, q->count);
    if (len < 0 || (size_t)len >= sizeof key->path) return false;
    anl__sha256_init(&s);
    anl__sha256_add(&s, &m->n, sizeof m->n);
    for (int64_t i = 0; i < m->n; i++) anl__sha256_add(&s, m->source[i], strlen(m->source[i]) + 1);
    for (int64_t i = 0; i < q->n; i++) anl__sha256_add(&s, q->text[i], strlen(q->text[i]) + 1);
    anl__sha256_add(&s, q->other, sizeof *q->other * (size_t)q->n);
    anl__sha256_hex(&s, hex);
    memcpy(key->trailer, hex, sizeof key->trailer);
    sscanf(hex + sizeof key->trailer, "%15llx%15llx", (unsigned long long *)&key->mtime_s, (unsigned long long *)&key->mtime_ns);
    return true;
}

/* Whole, and of pairs that there are? What the sums do not say. */
static bool take(const anl__memory *m, const anl__memory_asked *q, const anl__cache_entry *e, int32_t *out)
{
    size_t bytes = (size_t)q->n * (size_t)q->count * sizeof *out;
    if (e->bytes != bytes) return false;
    memcpy(out, e->data, bytes);
    for (int64_t i = 0; i < q->n * q->count; i++)
        if (out[i] < -1 || out[i] >= m->n) return false;
    return true;
}

anl_status anl__memory_find(anl__memory *m, const anl__memory_asked *q, int32_t *out)
{
    anl__cache_key *key = anl__alloc(m->ctx, sizeof *key);
    anl__cache_entry entry = {0};
    char *path = NULL, hex[65];
    const char *why = "";
    bool there = false;
    anl_status st = key ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK && key_of(m, q, key, hex)) st = anl__cache_path(m->ctx, q->cache_dir, key, &path);
    if (st == ANL_OK && path && anl__cache_map(path, key, &entry, &why) == ANL__CACHE_HIT) there = take(m, q, &entry, out);
    anl__cache_unmap(&entry);
    if (st == ANL_OK && !there) {
        for (int64_t i = 0; i < q->n; i++) find(m, q->text[i], q->other[i], q->count, out + i * q->count);
        if (path && anl__cache_write(m->ctx, path, key, out, (size_t)q->n * (size_t)q->count * sizeof *out, hex) != ANL_OK)
            anl__log(m->ctx, ANL_LOG_WARN, "the translation memory's answers for %s are not cached: %s", q->file, anl_last_error(m->ctx));
    }
    anl__free(m->ctx, path);
    anl__free(m->ctx, key);
    return st;
}
