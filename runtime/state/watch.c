/* A command polled in the background (command.h), and how state/ starts threads. */
#include "background.h"
#include "command.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>

anl_status anl__thread_start(anl_ctx *ctx, const char *name, void *(*fn)(void *), void *arg, pthread_t *out)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(out, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err) return anl__fail(ctx, ANL_NOMEM, "thread %s cannot be started: %s", name, strerror(err));
    pthread_setname_np(*out, name);
    return ANL_OK;
}

void anl__cond_init(pthread_cond_t *c)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
}

void anl__cond_wait(pthread_cond_t *c, pthread_mutex_t *m, double seconds)
{
    struct timespec t;
    if (!(seconds > 0)) return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double end = (double)t.tv_sec + fmin(seconds, 1e9) + 1e-9 * (double)t.tv_nsec;
    t.tv_sec = (time_t)end;
    t.tv_nsec = (long)((end - floor(end)) * 1e9);
    pthread_cond_timedwait(c, m, &t);
}

enum { NOT_YET, THERE, FETCHED };

struct anl__watch {
    anl_ctx *ctx, *own; /* the owner's; the thread's */
    char *command;
    double every_s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool quit, hit;
    _Atomic int warned; /* NOT_YET, THERE, FETCHED */
    char warning[1024]; /* written before THERE, never again */
};

static void *watch_main(void *arg)
{
    anl__watch *w = arg;
    while (!atomic_load(&w->quit)) {
        double begin = anl__clock();
        int code;
        anl_status st = anl__command_once(w->own, w->command, fmax(w->every_s, 5), &w->quit, &code);
        if (st == ANL_OK) {
            atomic_store(&w->hit, true);
            break;
        }
        if (atomic_load(&w->warned) == NOT_YET && !atomic_load(&w->quit) &&
            (code < 0 || code == 124 || code == 126 || code == 127)) {
            strncpy(w->warning, anl_last_error(w->own), sizeof w->warning - 1);
            atomic_store(&w->warned, THERE);
        }
        pthread_mutex_lock(&w->lock);
        for (double left; !atomic_load(&w->quit) && (left = begin + w->every_s - anl__clock()) > 0;)
            anl__cond_wait(&w->wake, &w->lock, left);
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

static void watch_free(anl__watch *w)
{
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    anl_ctx_destroy(w->own);
    anl__free(w->ctx, w->command);
    anl__free(w->ctx, w);
}

anl_status anl__watch_start(anl_ctx *ctx, const char *command, double every_s, anl__watch **out)
{
    if (!(every_s > 0))
        return anl__fail(ctx, ANL_INVALID, "a command is to be watched every %g s: that is not positive",
                         every_s);
    anl__watch *w = anl__alloc(ctx, sizeof *w);
    anl_status st = ANL_NOMEM;
    if (!w) return ANL_NOMEM;
    w->ctx = ctx;
    w->every_s = every_s;
    w->command = anl__strdup(ctx, command);
    w->own = anl_ctx_create();
    pthread_mutex_init(&w->lock, NULL);
    anl__cond_init(&w->wake);
    if (w->command && w->own) st = anl__thread_start(ctx, "anl-watch", watch_main, w, &w->thread);
    if (st != ANL_OK) watch_free(w);
    else *out = w;
    return st;
}

bool anl__watch_hit(anl__watch *w) { return atomic_load(&w->hit); }

const char *anl__watch_warning(anl__watch *w)
{
    int there = THERE;
    return atomic_compare_exchange_strong(&w->warned, &there, FETCHED) ? w->warning : NULL;
}

void anl__watch_stop(anl__watch *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->quit, true);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    watch_free(w);
}
