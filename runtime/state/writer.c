/* The asynchronous checkpoint writer: see writer.h. Two threads and one lock.
 *
 *   owner     submit: copies the content into the job, pending = true
 *   writing   pending: writes it, points, prunes; then durable = its step, pending = false
 *   carrying  the newest durable step that was not carried yet: mirror, then command
 *
 * The writing thread spares, when pruning, the step that is being carried; the carrying thread only ever
 * begins with the newest, which no pruning removes.
 */
#include "writer.h"

#include "../base/files.h"
#include "background.h"
#include "command.h"

#include <stdio.h>
#include <string.h>

#define TEXT 2048

typedef struct job { /* a copy of a content; the blocks are kept from one to the next */
    anl__ckpt_content c;
    anl__ckpt_tensor *tensor;
    anl__ckpt_attr *attr;
    int64_t cap_tensor, cap_attr;
    char *bytes; /* data and texts */
    size_t cap, used;
    bool best;
} job;

struct anl__writer {
    anl_ctx *ctx;
    anl__arena *arena; /* the options' texts */
    anl__writer_opts o;
    anl_ctx *own[2]; /* contexts of the threads: writing, carrying */
    pthread_t thread[2];
    bool runs[2];
    pthread_mutex_t lock; /* everything below; `moved` on every change */
    pthread_cond_t moved;
    job job;
    bool pending, quit, stopped; /* stopped: the writing thread has ended, nothing more becomes durable */
    anl_status failure;          /* of a write, not yet fetched */
    char failure_text[TEXT];
    double seconds, copied; /* copied: when, by anl__clock; < 0: never */
    int64_t step;
    int64_t written;          /* how many became durable */
    int64_t carried;          /* how many of those the carrying thread has done with */
    int64_t carrying;         /* the step it is at; -1: none */
    bool mirroring;
    char warning[TEXT], shown[TEXT];
    bool warned;
};

/* ---- the copy -------------------------------------------------------------------------------- */

static size_t padded(size_t n) { return (n + 63) & ~(size_t)63; }
static size_t data_bytes(const anl__ckpt_tensor *t)
{
    return (size_t)anl_shape_count(&t->shape) * sizeof(float);
}

static size_t text_bytes(const char *text) { return text ? padded(strlen(text) + 1) : 0; }

static size_t bytes_of(const anl__ckpt_content *c)
{
    size_t n = 0;
    for (int i = 0; i < c->n_tensor; i++) {
        const anl__ckpt_tensor *t = &c->tensor[i];
        n += padded(data_bytes(t)) + text_bytes(t->group) + text_bytes(t->name);
    }
    for (int i = 0; i < c->n_attr; i++)
        n += text_bytes(c->attr[i].name) + text_bytes(c->attr[i].text);
    return n;
}

static void *keep(job *j, const void *p, size_t n)
{
    char *at = j->bytes + j->used;
    memcpy(at, p, n);
    j->used += padded(n);
    return at;
}

static const char *keep_text(job *j, const char *text)
{
    return text ? keep(j, text, strlen(text) + 1) : NULL;
}

static anl_status copy(anl_ctx *ctx, job *j, const anl__ckpt_content *c)
{
    size_t need = bytes_of(c);
    ANL_TRY(anl__grow(ctx, &j->tensor, &j->cap_tensor, c->n_tensor, sizeof *j->tensor));
    ANL_TRY(anl__grow(ctx, &j->attr, &j->cap_attr, c->n_attr, sizeof *j->attr));
    if (need > j->cap) {
        anl__free(ctx, j->bytes);
        j->cap = 0;
        j->bytes = anl__alloc(ctx, need + 4096); /* texts may become a little longer */
        if (!j->bytes) return ANL_NOMEM;
        j->cap = need + 4096;
    }
    j->used = 0;
    for (int i = 0; i < c->n_tensor; i++) {
        const anl__ckpt_tensor *t = &c->tensor[i];
        j->tensor[i] = (anl__ckpt_tensor){keep_text(j, t->group), keep_text(j, t->name), t->shape,
                                          keep(j, t->data, data_bytes(t))};
    }
    for (int i = 0; i < c->n_attr; i++) {
        j->attr[i] = c->attr[i];
        j->attr[i].name = keep_text(j, c->attr[i].name);
        j->attr[i].text = keep_text(j, c->attr[i].text);
    }
    j->c = (anl__ckpt_content){c->step, j->tensor, c->n_tensor, j->attr, c->n_attr};
    return ANL_OK;
}

/* ---- the threads ----------------------------------------------------------------------------- */

static void warn(anl__writer *w, const char *what, const char *text) /* lock held */
{
    snprintf(w->warning, sizeof w->warning, "%s: %s", what, text);
    w->warned = true;
}

/* A copy failed: with the age of the last that did not. Lock held. */
static void warn_copy(anl__writer *w, const char *what, const char *text)
{
    char since[160];
    if (w->copied < 0) snprintf(since, sizeof since, "%s (none was yet)", what);
    else snprintf(since, sizeof since, "%s (the last was %.0f s ago)", what, anl__clock() - w->copied);
    warn(w, since, text);
}

/* Until it stands under its name and is pointed at. */
static anl_status write_job(anl__writer *w, anl_ctx *ctx)
{
    anl__arena *a;
    int64_t step = w->job.c.step;
    ANL_TRY(anl__arena_create(ctx, &a));
    char *path = anl__ckpt_name(a, w->o.dir, step);
    anl_status st = path ? anl__ckpt_write(ctx, path, &w->job.c) : ANL_NOMEM;
    if (st == ANL_OK) st = anl__ckpt_point(ctx, w->o.dir, "last", step);
    if (st == ANL_OK && w->job.best) st = anl__ckpt_point(ctx, w->o.dir, "best", step);
    anl__arena_destroy(a);
    return st;
}

static void prune(anl__writer *w, anl_ctx *ctx) /* lock held, but let go while files are removed */
{
    int64_t spare = w->carrying;
    pthread_cond_broadcast(&w->moved); /* the carrying thread may begin with the newest meanwhile */
    pthread_mutex_unlock(&w->lock);
    anl_status st = anl__ckpt_prune_sparing(ctx, w->o.dir, w->o.keep, spare);
    pthread_mutex_lock(&w->lock);
    if (st != ANL_OK) warn(w, "old checkpoints stay", anl_last_error(ctx));
}

static void *writing(void *arg)
{
    anl__writer *w = arg;
    anl_ctx *ctx = w->own[0];
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->pending && !w->quit) pthread_cond_wait(&w->moved, &w->lock);
        if (!w->pending) break;
        pthread_mutex_unlock(&w->lock);
        double begin = anl__clock();
        anl_status st = write_job(w, ctx);
        double took = anl__clock() - begin;
        pthread_mutex_lock(&w->lock);
        if (st == ANL_OK) {
            w->seconds = took;
            w->step = w->job.c.step;
            w->written++;
            prune(w, ctx);
        } else {
            w->failure = st;
            snprintf(w->failure_text, sizeof w->failure_text, "%s", anl_last_error(ctx));
        }
        w->pending = false; /* after pruning: what the owner puts into the directory now is not taken for a
                               dead writer's */
        pthread_cond_broadcast(&w->moved);
    }
    w->stopped = true;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Mirror, then command; true when all went well. */
static bool carry(anl__writer *w, anl_ctx *ctx, int64_t step)
{
    anl__arena *a;
    bool mirrored = true, told = true;
    if (w->o.mirror) mirrored = anl__ckpt_mirror(ctx, w->o.dir, w->o.mirror, step, w->o.keep) == ANL_OK;
    pthread_mutex_lock(&w->lock);
    w->mirroring = false;
    if (!mirrored) warn_copy(w, "the checkpoint was not mirrored", anl_last_error(ctx));
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    if (!w->o.command) return mirrored;
    anl_status st = anl__arena_create(ctx, &a);
    if (st == ANL_OK) {
        char *path = anl__ckpt_name(a, w->o.dir, step);
        st = path ? anl__command_run(ctx, w->o.command, path, w->o.run, w->o.command_timeout_s,
                                     w->o.command_retries, NULL)
                  : ANL_NOMEM;
        anl__arena_destroy(a);
    }
    told = st == ANL_OK;
    if (!told) {
        pthread_mutex_lock(&w->lock);
        warn_copy(w, "the checkpoint was not handed on", anl_last_error(ctx));
        pthread_mutex_unlock(&w->lock);
    }
    return mirrored && told;
}

static void *carrying(void *arg)
{
    anl__writer *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->carried == w->written && !w->stopped) pthread_cond_wait(&w->moved, &w->lock);
        if (w->carried == w->written) break;
        int64_t count = w->written, step = w->step;
        w->carrying = step;
        w->mirroring = true;
        pthread_mutex_unlock(&w->lock);
        bool well = carry(w, w->own[1], step);
        pthread_mutex_lock(&w->lock);
        if (w->carried < count) w->carried = count; /* a rollback may have said so already */
        w->carrying = -1;
        if (well) w->copied = anl__clock();
        pthread_cond_broadcast(&w->moved);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the owner's side ------------------------------------------------------------------------ */

static anl_status keep_opts(anl__writer *w, const anl__writer_opts *o)
{
    struct {
        const char *from;
        const char **to;
    } text[] = {
        {o->dir, &w->o.dir}, {o->mirror, &w->o.mirror}, {o->command, &w->o.command}, {o->run, &w->o.run}};
    if (!o->dir || o->keep < 1)
        return anl__fail(w->ctx, ANL_INVALID,
                         "checkpoints: there must be a directory, and at least 1 to keep (not %d)", o->keep);
    ANL_TRY(anl__arena_create(w->ctx, &w->arena));
    w->o = *o;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        *text[i].to = text[i].from ? anl__arena_strdup(w->arena, text[i].from) : NULL;
        if (text[i].from && !*text[i].to) return ANL_NOMEM;
    }
    return ANL_OK;
}

anl_status anl__writer_create(anl_ctx *ctx, const anl__writer_opts *o, anl__writer **out)
{
    anl_status st;
    anl__writer *w = anl__alloc(ctx, sizeof *w);
    if (!w) return ANL_NOMEM;
    w->ctx = ctx;
    w->step = w->carrying = -1;
    w->copied = -1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->moved, NULL);
    ANL_GO(keep_opts(w, o));
    ANL_GO(anl__dir_make(ctx, w->o.dir));
    if (w->o.mirror && anl__dir_make(ctx, w->o.mirror) != ANL_OK) warn(w, "the mirror", anl_last_error(ctx));
    for (int i = 0; i < 2; i++) {
        if (i == 1 && !w->o.mirror && !w->o.command) break;
        w->own[i] = anl_ctx_create();
        if (!w->own[i]) ANL_GO(anl__fail(ctx, ANL_NOMEM, "no memory for the checkpoint writer"));
        ANL_GO(anl__thread_start(ctx, "anl-ckpt", i ? carrying : writing, w, &w->thread[i]));
        w->runs[i] = true;
    }
    *out = w;
done:
    if (st != ANL_OK) anl__writer_destroy(w);
    return st;
}

/* Until nothing is pending; the failure, if there is one. Leaves the lock held. */
static anl_status settle(anl__writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->pending) pthread_cond_wait(&w->moved, &w->lock);
    anl_status st = w->failure;
    w->failure = ANL_OK;
    return st == ANL_OK ? ANL_OK : anl__fail(w->ctx, st, "%s", w->failure_text);
}

anl_status anl__writer_submit(anl__writer *w, const anl__ckpt_content *content, bool best)
{
    anl_status st = settle(w); /* nothing pending: the job is the owner's */
    pthread_mutex_unlock(&w->lock);
    ANL_TRY(st);
    ANL_TRY(copy(w->ctx, &w->job, content));
    w->job.best = best;
    pthread_mutex_lock(&w->lock);
    w->pending = true;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    return ANL_OK;
}

anl_status anl__writer_wait(anl__writer *w)
{
    anl_status st = settle(w);
    pthread_mutex_unlock(&w->lock);
    return st;
}

anl_status anl__writer_remove_after(anl__writer *w, int64_t step)
{
    anl_status st = settle(w);
    while (w->mirroring) pthread_cond_wait(&w->moved, &w->lock);
    w->carried = w->written; /* what waits to be carried is what is taken back */
    pthread_mutex_unlock(&w->lock);
    ANL_TRY(st);
    ANL_TRY(anl__ckpt_remove_after(w->ctx, w->o.dir, step));
    if (w->o.mirror && anl__ckpt_remove_after(w->ctx, w->o.mirror, step) != ANL_OK) {
        pthread_mutex_lock(&w->lock);
        warn(w, "the mirror keeps what was rolled back", anl_last_error(w->ctx));
        pthread_mutex_unlock(&w->lock);
    }
    return ANL_OK;
}

/* The lock does not change what the owner sees of a writer. */
static pthread_mutex_t *lock_of(const anl__writer *w) { return (pthread_mutex_t *)(uintptr_t)&w->lock; }

double anl__writer_seconds(const anl__writer *w)
{
    pthread_mutex_lock(lock_of(w));
    double s = w->seconds;
    pthread_mutex_unlock(lock_of(w));
    return s;
}

int64_t anl__writer_step(const anl__writer *w)
{
    pthread_mutex_lock(lock_of(w));
    int64_t step = w->step;
    pthread_mutex_unlock(lock_of(w));
    return step;
}

double anl__writer_copy_age(const anl__writer *w)
{
    pthread_mutex_lock(lock_of(w));
    double t = w->copied;
    pthread_mutex_unlock(lock_of(w));
    return t < 0 ? -1 : anl__clock() - t;
}

const char *anl__writer_warning(anl__writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool there = w->warned;
    if (there) memcpy(w->shown, w->warning, sizeof w->shown);
    w->warned = false;
    pthread_mutex_unlock(&w->lock);
    return there ? w->shown : NULL;
}

void anl__writer_destroy(anl__writer *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < 2; i++) {
        if (w->runs[i]) pthread_join(w->thread[i], NULL);
        anl_ctx_destroy(w->own[i]);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
    anl__free(w->ctx, w->job.tensor);
    anl__free(w->ctx, w->job.attr);
    anl__free(w->ctx, w->job.bytes);
    if (w->arena) anl__arena_destroy(w->arena);
    anl__free(w->ctx, w);
}

anl_ctx *anl__writer_ctx(anl__writer *w, int which) { return w->own[which]; }
