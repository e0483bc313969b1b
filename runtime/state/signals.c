/* Signals as flags: see signals.h. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* All that the handlers touch; any thread may be the one that is interrupted. */
static _Atomic int stops, last, noticed;
static _Atomic bool checkpoint;
static _Atomic int64_t counted_ms; /* when the last one that counted came */

/* A launcher forwards what the terminal or the scheduler already sent to the whole group: one request. */
#define SAME_MS 200

typedef enum action { STOP, CHECKPOINT, IGNORE } action;
static struct {
    int sig;
    action what;
    bool stays_ignored; /* nohup and background jobs begin with these ignored */
    bool set;
    struct sigaction old;
} table[] = {
    {.sig = SIGINT, .what = STOP, .stays_ignored = true},
    {.sig = SIGTERM, .what = STOP},
    {.sig = SIGHUP, .what = STOP, .stays_ignored = true},
    {.sig = SIGUSR1, .what = CHECKPOINT},
    {.sig = SIGPIPE, .what = IGNORE},
    {.sig = SIGXFSZ, .what = IGNORE},
};
enum { SIGNALS = sizeof table / sizeof table[0] };
static bool installed;

static void on_stop(int sig)
{
    struct timespec t;
    int saved = errno;
    clock_gettime(CLOCK_MONOTONIC, &t); /* async-signal-safe, as is signal() */
    int64_t ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    atomic_store(&last, sig);
    if (!atomic_load(&stops) || ms - atomic_load(&counted_ms) >= SAME_MS) {
        atomic_store(&counted_ms, ms);
        if (atomic_fetch_add(&stops, 1) >= 1) signal(sig, SIG_DFL); /* the owner has had its two */
    }
    errno = saved;
}

static void on_checkpoint(int sig)
{
    (void)sig;
    atomic_store(&checkpoint, true);
}

void anl__signals_install(void)
{
    if (installed) return;
    stops = last = noticed = 0;
    checkpoint = false;
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction a = {.sa_handler = table[i].what == STOP         ? on_stop
                                            : table[i].what == CHECKPOINT ? on_checkpoint
                                                                          : SIG_IGN};
        a.sa_flags = SA_RESTART; /* system calls go on: the loop looks at the flags, not at EINTR */
        sigemptyset(&a.sa_mask);
        for (int k = 0; k < SIGNALS; k++) sigaddset(&a.sa_mask, table[k].sig); /* one handler at a time */
        table[i].set = false;
        if (sigaction(table[i].sig, NULL, &table[i].old)) continue;
        if (table[i].stays_ignored && table[i].old.sa_handler == SIG_IGN) continue;
        table[i].set = !sigaction(table[i].sig, &a, NULL);
    }
    installed = true;
}

int anl__signals_stop(void)
{
    int n = atomic_load(&stops);
    return n ? n : atomic_load(&noticed) != 0;
}

int anl__signals_last(void)
{
    int sig = atomic_load(&last);
    return sig ? sig : atomic_load(&noticed);
}

bool anl__signals_checkpoint(void) { return atomic_exchange(&checkpoint, false); }
void anl__signals_ask_stop(int sig) { atomic_store(&noticed, sig); }

void anl__signals_restore(void)
{
    if (!installed) return;
    for (int i = 0; i < SIGNALS; i++)
        if (table[i].set) sigaction(table[i].sig, &table[i].old, NULL);
    installed = false;
}
