/* See picture_store.h. An entry of the cache, or the same bytes in memory: a head, a byte an item that tells whether it is there, the
 * pictures. First every file is looked at (whole? which shape?), then all are decoded; both on all threads, an item a task. */
#include "datasets/picture_store.h"

#include "datasets/cache.h"
#include "runtime/base/files.h"
#include "runtime/base/pool.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MANY = 500,            /* to be told that it takes a while */
    MAKING = 2             /* another number where the same files become other bytes: what older versions left in the cache is not taken */
};

typedef struct head {
    int64_t h, w, channels, items, kept;
} head;

struct anl__picture_store {
    anl_ctx *ctx;
    anl__cache_entry entry;
    void *own;            /* the block, where it is not mapped */
    const head *head;
    const uint8_t *there; /* [items] */
    const uint8_t *data;
    char digest[65];
};

typedef struct work {
    anl_ctx *ctx;
    const char *name;
    const anl__picture_list *list;
    const int64_t *pick;
    int64_t n;
    const anl__picture_store_opts *opts;
    anl__picture_shape *seen; /* [n] */
    uint8_t *there;           /* [n] */
    anl__picture_shape shape; /* of all */
    uint8_t *data;            /* [n][picture] while decoding */
    char (*digest)[65];       /* [n] of each */
} work;

static size_t picture_bytes(const anl__picture_shape *s) { return (size_t)s->h * (size_t)s->w * (size_t)s->channels; }

/* The pictures begin at a multiple of 64. */
static size_t data_at(int64_t items) { return (sizeof(head) + (size_t)items + 63) / 64 * 64; }

/* ---- one file ---------------------------------------------------------------------------------- */

static const char *look_at(work *w, int64_t i) { return anl__picture_look_path(w->list->item[w->pick[i]].path, &w->seen[i]); }

static const char *decode(work *w, int64_t i)
{
    size_t bytes = picture_bytes(&w->shape);
    uint8_t *to = w->data + (size_t)i * bytes;
    const char *why = anl__picture_read_path(w->list->item[w->pick[i]].path, &w->shape, w->opts->fit, to);
    if (why) return why;
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, to, bytes);
    anl__sha256_hex(&s, w->digest[i]);
    return NULL;
}

static void look_task(void *arg, int task, int worker)
{
    work *w = arg;
    (void)worker;
    w->there[task] = !look_at(w, task);
}

static void decode_task(void *arg, int task, int worker)
{
    work *w = arg;
    (void)worker;
    if (w->there[task]) w->there[task] = !decode(w, task);
}

/* What is the matter with the files that are not there: refused, or told. again: what failed, to hear why. */
static anl_status check_damaged(work *w, const char *(*again)(work *, int64_t), const uint8_t *before)
{
    int64_t bad = 0, first = -1, left = 0;
    for (int64_t i = 0; i < w->n; i++) {
        left += w->there[i];
        if (w->there[i] || (before && !before[i])) continue;
        if (!bad++) first = i;
    }
    if (!bad) return ANL_OK;
    const char *path = w->list->item[w->pick[first]].path, *why = again(w, first);
    if (!why) why = "it could not be read";
    if (!w->opts->drop_damaged && bad > 1)
        return anl__fail(w->ctx, ANL_DATA, "%s: %s (and %lld more of %lld files; `data.damaged: drop` leaves such files out)", path, why, (long long)bad - 1, (long long)w->n);
    if (!w->opts->drop_damaged) return anl__fail(w->ctx, ANL_DATA, "%s: %s (`data.damaged: drop` leaves such files out)", path, why);
    anl__log(w->ctx, ANL_LOG_WARN, "%lld of %lld files of %s cannot be read and are left out, the first %s: %s", (long long)bad, (long long)w->n, w->name, path, why);
    return left ? ANL_OK : anl__fail(w->ctx, ANL_DATA, "%s: no file of %lld can be read", w->name, (long long)w->n);
}

/* ---- all of them ------------------------------------------------------------------------------- */

/* The one shape, from what was asked for and what was seen. */
static anl_status choose_shape(work *w)
{
    const anl__picture_shape *want = &w->opts->shape, *first = NULL;
    w->shape = *want;
    for (int64_t i = 0; i < w->n; i++) {
        const anl__picture_shape *s = &w->seen[i];
        if (!w->there[i] || (want->h && want->channels)) continue;
        if (!first) first = s;
        if (!want->channels && s->channels > w->shape.channels) w->shape.channels = s->channels;
        if (!want->h && (s->h != first->h || s->w != first->w))
            return anl__fail(w->ctx, ANL_DATA, "the pictures of %s are not of one size: %s is %lldx%lld, %s is %lldx%lld (height, width); say which they are to get (data.size: [%lld, %lld]; to pack them, --size)",
                             w->name, w->list->item[w->pick[first - w->seen]].path, (long long)first->h, (long long)first->w, w->list->item[w->pick[i]].path, (long long)s->h, (long long)s->w,
                             (long long)first->h, (long long)first->w);
    }
    if (!want->h) w->shape.h = first->h, w->shape.w = first->w;
    size_t all;
    if (__builtin_mul_overflow(picture_bytes(&w->shape), (size_t)w->n, &all) || all > w->opts->max_bytes)
        return anl__fail(w->ctx, ANL_DATA, "%s: %lld pictures of %lldx%lldx%d are more than the allowed %zu bytes: choose a smaller data.size", w->name, (long long)w->n, (long long)w->shape.h,
                         (long long)w->shape.w, w->shape.channels, w->opts->max_bytes);
    return ANL_OK;
}

/* Where all is said already, decoding finds what is damaged. */
static anl_status look_all(work *w, anl__pool *pool)
{
    if (w->opts->shape.h && w->opts->shape.channels) {
        memset(w->there, 1, (size_t)w->n);
        return choose_shape(w);
    }
    anl__pool_run(pool, (int)w->n, look_task, w);
    ANL_TRY(check_damaged(w, look_at, NULL));
    return choose_shape(w);
}

/* Decodes into block, whose size may shrink by what is left out; *bytes: of what it then holds. */
static anl_status decode_all(work *w, anl__pool *pool, uint8_t *block, size_t *bytes, char digest[65])
{
    size_t each = picture_bytes(&w->shape);
    uint8_t *before = anl__alloc(w->ctx, (size_t)w->n);
    anl_status st = before ? ANL_OK : ANL_NOMEM;
    w->data = block + data_at(w->n);
    if (st == ANL_OK) {
        memcpy(before, w->there, (size_t)w->n);
        anl__pool_run(pool, (int)w->n, decode_task, w);
        st = check_damaged(w, decode, before);
    }
    anl__free(w->ctx, before);
    if (st != ANL_OK) return st;
    head h = {w->shape.h, w->shape.w, w->shape.channels, w->n, 0};
    anl__sha256 s;
    anl__sha256_init(&s);
    anl__sha256_add(&s, &h, sizeof h);
    for (int64_t i = 0; i < w->n; i++) {
        if (!w->there[i]) continue;
        if (h.kept != i) memmove(w->data + (size_t)h.kept * each, w->data + (size_t)i * each, each);
        anl__sha256_add(&s, w->digest[i], 64);
        h.kept++;
    }
    anl__sha256_hex(&s, digest);
    memcpy(block, &h, sizeof h);
    memcpy(block + sizeof h, w->there, (size_t)w->n);
    *bytes = data_at(w->n) + (size_t)h.kept * each;
    return ANL_OK;
}

static void take_block(anl__picture_store *s, const void *block)
{
    s->head = block;
    s->there = (const uint8_t *)block + sizeof(head);
    s->data = (const uint8_t *)block + data_at(s->head->items);
}

static anl_status in_memory(anl__picture_store *s, work *w, anl__pool *pool)
{
    size_t bytes = data_at(w->n) + (size_t)w->n * picture_bytes(&w->shape);
    s->own = anl__alloc(w->ctx, bytes);
    if (!s->own) return anl__context(w->ctx, ANL_NOMEM, "decoding %s", w->name);
    ANL_TRY(decode_all(w, pool, s->own, &bytes, s->digest));
    take_block(s, s->own);
    return ANL_OK;
}

/* Straight into a new entry of the cache, which is then mapped; *done stays false where that cannot be, and the log says why. */
static anl_status in_cache(anl__picture_store *s, work *w, anl__pool *pool, const char *path, const anl__cache_key *key, bool *done)
{
    anl__cache_room room;
    size_t bytes = data_at(w->n) + (size_t)w->n * picture_bytes(&w->shape);
    const char *why = "it was changed at once";
    anl_status st = anl__cache_begin(w->ctx, path, bytes, &room);
    if (st != ANL_OK) {
        anl__log(w->ctx, ANL_LOG_WARN, "the pictures of %s are not cached: %s", w->name, anl_last_error(w->ctx));
        return ANL_OK;
    }
    if (!room.data) return ANL_OK; /* another process is at it */
    st = decode_all(w, pool, room.data, &bytes, s->digest);
    if (st != ANL_OK) {
        anl__cache_cancel(w->ctx, &room);
        return st;
    }
    st = anl__cache_commit(w->ctx, &room, key, bytes, s->digest);
    if (st == ANL_OK && anl__cache_map(path, key, &s->entry, &why) == ANL__CACHE_HIT) {
        take_block(s, s->entry.data);
        *done = true;
        return ANL_OK;
    }
    anl__log(w->ctx, ANL_LOG_WARN, "the pictures of %s are not cached: %s", w->name, st == ANL_OK ? why : anl_last_error(w->ctx));
    return ANL_OK;
}

static anl_status make(anl__picture_store *s, work *w, const char *path, const anl__cache_key *key)
{
    anl__pool *pool = NULL;
    bool done = false;
    anl_status st = ANL_NOMEM;
    if (!anl__picture_here()) return anl__fail(w->ctx, ANL_UNSUPPORTED, "%s: this build cannot decode pictures: stb_image was not there when it was made", w->name);
    w->seen = anl__calloc(w->ctx, (size_t)w->n, sizeof *w->seen);
    w->there = anl__alloc(w->ctx, (size_t)w->n);
    w->digest = anl__calloc(w->ctx, (size_t)w->n, sizeof *w->digest);
    if (!w->seen || !w->there || !w->digest) goto done;
    ANL_GO(anl__pool_create(w->ctx, w->opts->threads, &pool));
    if (w->n >= MANY) anl__log(w->ctx, ANL_LOG_INFO, "%s: decoding %lld pictures%s", w->name, (long long)w->n, path ? ", kept in the cache for the next time" : "");
    ANL_GO(look_all(w, pool));
    if (path) ANL_GO(in_cache(s, w, pool, path, key, &done));
    if (!done) st = in_memory(s, w, pool);
done:
    anl__pool_destroy(pool);
    anl__free(w->ctx, w->digest);
    anl__free(w->ctx, w->there);
    anl__free(w->ctx, w->seen);
    return st;
}

/* ---- the cache's key --------------------------------------------------------------------------- */

/* The set, what is wanted of it, and a hash of the files' names, sizes and times. false: no place, or too long a path. */
static bool key_of(const work *w, anl__cache_key *key)
{
    char real[PATH_MAX];
    const anl__picture_store_opts *o = w->opts;
    anl__sha256 s;
    char hex[65];
    if (!w->list->root || !realpath(w->list->root, real)) return false;
    *key = (anl__cache_key){.size = (uint64_t)w->n};
    int len = snprintf(key->path, sizeof key->path, "%s?%d,%s,%s,%lldx%lldx%d,%d,%d", real, MAKING, anl__picture_formats(), o->part, (long long)o->shape.h, (long long)o->shape.w, o->shape.channels, (int)o->fit, o->drop_damaged);
    if (len < 0 || (size_t)len >= sizeof key->path) return false;
    anl__sha256_init(&s);
    for (int64_t i = 0; i < w->n; i++) {
        const anl__picture_item *m = &w->list->item[w->pick[i]];
        anl__sha256_add(&s, m->path, strlen(m->path) + 1);
        anl__sha256_add(&s, &m->bytes, sizeof m->bytes);
        anl__sha256_add(&s, &m->mtime_ns, sizeof m->mtime_ns);
        if (m->mtime_ns / 1000000000 > key->mtime_s) key->mtime_s = m->mtime_ns / 1000000000;
    }
    anl__sha256_hex(&s, hex);
    memcpy(key->trailer, hex, sizeof key->trailer);
    sscanf(hex + sizeof key->trailer, "%15llx", (unsigned long long *)&key->mtime_ns);
    return true;
}

/* Whole, of as many items, and not above the limit? What the sums do not say. */
static bool sound(const anl__picture_store *s, int64_t n, size_t most)
{
    const head *h = (const head *)(const void *)s->entry.data;
    if (s->entry.bytes < data_at(n) || h->items != n || h->kept < 1 || h->kept > n || h->h < 1 || h->w < 1 || (h->channels != 1 && h->channels != 3)) return false;
    if ((size_t)n * (size_t)h->h * (size_t)h->w * (size_t)h->channels > most) return false;
    return s->entry.bytes == data_at(n) + (size_t)h->kept * (size_t)h->h * (size_t)h->w * (size_t)h->channels;
}

static anl_status open_store(anl__picture_store *s, work *w)
{
    anl__cache_key *key = anl__alloc(w->ctx, sizeof *key);
    char *path = NULL;
    const char *why = "";
    anl_status st = key ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK && w->opts->cache && key_of(w, key)) st = anl__cache_path(w->ctx, w->opts->cache_dir, key, &path);
    if (st == ANL_OK && path) {
        anl__cache_result r = anl__cache_map(path, key, &s->entry, &why);
        if (r == ANL__CACHE_DAMAGED) anl__log(w->ctx, ANL_LOG_WARN, "%s: the decoded pictures of %s are made again: %s", path, w->name, why);
        if (r == ANL__CACHE_HIT && sound(s, w->n, w->opts->max_bytes)) {
            memcpy(s->digest, s->entry.digest, sizeof s->digest);
            take_block(s, s->entry.data);
            if (s->head->kept < w->n) anl__log(w->ctx, ANL_LOG_WARN, "%lld of %lld files of %s cannot be read and are left out", (long long)(w->n - s->head->kept), (long long)w->n, w->name);
        } else {
            anl__cache_unmap(&s->entry);
        }
    }
    if (st == ANL_OK && !s->head) st = make(s, w, path, key);
    anl__free(w->ctx, path);
    anl__free(w->ctx, key);
    return st;
}

anl_status anl__picture_store_open(anl_ctx *ctx, const char *name, const anl__picture_list *l, const int64_t *pick, int64_t n, const anl__picture_store_opts *opts,
                                   anl__picture_store **out)
{
    work w = {.ctx = ctx, .name = name, .list = l, .pick = pick, .n = n, .opts = opts};
    ANL_CHECK_INTERNAL(ctx, n > 0);
    if (n > INT_MAX) return anl__fail(ctx, ANL_DATA, "%s: %lld pictures are too many", name, (long long)n);
    anl__picture_store *s = anl__alloc(ctx, sizeof *s);
    if (!s) return ANL_NOMEM;
    s->ctx = ctx;
    anl_status st = open_store(s, &w);
    if (st == ANL_OK) *out = s;
    else anl__picture_store_close(s);
    return st;
}

void anl__picture_store_close(anl__picture_store *s)
{
    if (!s) return;
    anl__cache_unmap(&s->entry);
    anl__free(s->ctx, s->own);
    anl__free(s->ctx, s);
}

const uint8_t *anl__picture_store_data(const anl__picture_store *s) { return s->data; }

anl__picture_shape anl__picture_store_shape(const anl__picture_store *s) { return (anl__picture_shape){s->head->h, s->head->w, (int)s->head->channels}; }

bool anl__picture_store_kept(const anl__picture_store *s, int64_t i) { return s->there[i] != 0; }

const char *anl__picture_store_digest(const anl__picture_store *s) { return s->digest; }
