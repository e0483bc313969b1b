/* See driver.h: the loop. It waits for processes, reads what they report, and fills free places. */
#include "driver_inside.h"
#include "table.h"

#include "runtime/base/files.h"
#include "runtime/state/signals.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

double driver_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

char *driver_default_dir(anl__arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return anl__arena_printf(a, "sweeps/%.*s", (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name)),
                             name);
}

/* ---- processes that ended ------------------------------------------------------------------------ */

static anl_status reap(driver *d, bool *any)
{
    struct rusage use;
    int status;
    for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &use)) > 0;) {
        for (int i = 0; i < d->n_workers; i++) {
            worker *w = &d->worker[i];
            if (w->pid != pid) continue;
            w->ended = true;
            w->status = status;
            w->memory = (double)use.ru_maxrss / 1024;
        }
    }
    for (int i = 0; i < d->n_workers; i++) {
        worker *w = &d->worker[i];
        if (!w->ended || work_lingers(w)) continue;
        *any = true;
        ANL_TRY(work_ended(d, w));
    }
    return ANL_OK;
}

static anl_status poll_all(driver *d)
{
    for (int i = 0; i < d->n_workers; i++)
        if (d->worker[i].pid) ANL_TRY(work_poll(d, &d->worker[i]));
    return ANL_OK;
}

/* Until a child ends, a signal comes, or it is time to look again. */
static void rest(void)
{
    sigset_t set;
    struct timespec t = {0, 50000000};
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &t);
}

/* ---- work ---------------------------------------------------------------------------------------- */

double driver_seconds_used(const driver *d)
{
    return d->seconds_before + driver_now() - d->began;
}

static bool hours_over(const driver *d)
{
    return d->recipe->hours > 0 && driver_seconds_used(d) >= d->recipe->hours * 3600;
}

/* The running trial of the lowest number that has no process: from before, or told to go on. */
static sweep_trial *unattended(const driver *d)
{
    for (int64_t i = d->state.n_warm; i < d->state.n; i++)
        if (d->state.trial[i]->status == STATUS_RUNNING && !work_of(d, d->state.trial[i]))
            return d->state.trial[i];
    return NULL;
}

static anl_status fill(driver *d)
{
    while (work_has_room(d)) {
        sweep_trial *t = unattended(d);
        bool work = true;
        if (t) ANL_TRY(work_start(d, t));
        else ANL_TRY(decide_pick(d, &work));
        if (!work) return ANL_OK;
    }
    return ANL_OK;
}

static void shut_down(driver *d)
{
    for (int i = 0; i < d->n_workers; i++)
        if (d->worker[i].pid) work_ask(&d->worker[i], KILL_SHUTDOWN);
}

static void kill_all(driver *d)
{
    for (int i = 0; i < d->n_workers; i++) {
        if (!d->worker[i].pid) continue;
        process_signal(d->worker[i].pid, SIGKILL);
        waitpid(d->worker[i].pid, NULL, 0);
        process_kill(d->worker[i].pid);
    }
}

static anl_status keep_time(driver *d)
{
    char text[40];
    snprintf(text, sizeof text, "%.3f", driver_seconds_used(d));
    return store_put_meta(d->store, "seconds", text);
}

/* As many trials have failed as the recipe lets; *last: why the latest of them did. */
static bool failures_over(const driver *d, const char **last)
{
    int64_t n = 0;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) {
        const sweep_trial *t = d->state.trial[i];
        if (t->status != STATUS_FAILED) continue;
        n++;
        *last = t->why;
    }
    return d->recipe->failures > 0 && n >= d->recipe->failures;
}

static anl_status say_failures(const driver *d, const char *last)
{
    return anl__fail(d->ctx, ANL_INTERNAL,
                     "%lld trials have failed, as many as `failures` lets; the last one: %s",
                     (long long)d->recipe->failures, last ? last : "");
}

/* Ends when nothing runs and nothing can be begun. */
static anl_status loop(driver *d, driver_end *end)
{
    double kept = driver_now();
    *end = DRIVER_FINISHED;
    for (bool any = true;;) {
        int stops = anl__signals_stop();
        if (stops > 1) {
            *end = DRIVER_TWICE;
            return ANL_OK;
        }
        ANL_TRY(reap(d, &any));
        ANL_TRY(poll_all(d));
        ANL_TRY(requests_read(d));
        const char *last = NULL;
        bool failed = failures_over(d, &last), closing = stops || d->stop || failed || hours_over(d);
        if (closing) shut_down(d);
        else ANL_TRY(fill(d));
        if (any || driver_now() - kept > 5) {
            ANL_TRY(keep_time(d));
            kept = driver_now();
            any = false;
        }
        show_table(d, false);
        if (!work_count(d)) {
            if (stops) *end = DRIVER_INTERRUPTED;
            else if (d->stop) *end = DRIVER_STOPPED;
            else if (failed) return say_failures(d, last);
            return ANL_OK;
        }
        rest();
    }
}

/* ---- the whole ----------------------------------------------------------------------------------- */

const sweep_trial *driver_best(const driver *d)
{
    const sweep_recipe *r = d->recipe;
    const sweep_trial *best = NULL;
    for (int64_t i = d->state.n_warm; i < d->state.n && r->n_objectives == 1; i++) {
        const sweep_trial *t = d->state.trial[i];
        if (t->status != STATUS_COMPLETE || table_broken(r, t)) continue;
        double v = t->objective[0], b = best ? best->objective[0] : NAN;
        if (!best || (r->maximize[0] ? v > b : v < b)) best = t;
    }
    return best;
}

static anl_status run(driver *d, driver_end *end)
{
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, NULL);
    anl__signals_install();
    process_adopt();
    anl_status st = loop(d, end);
    if (st != ANL_OK || *end == DRIVER_TWICE) {
        kill_all(d);
        return st;
    }
    ANL_TRY(keep_time(d));
    if (*end == DRIVER_FINISHED) st = winner_test(d);
    show_table(d, true);
    if (*end == DRIVER_FINISHED) show_finished(d);
    show_end(d);
    return st;
}

anl_status driver_run(anl_ctx *ctx, const driver_opts *o, driver_end *end)
{
    driver d = {.ctx = ctx, .o = o, .began = driver_now()};
    anl_status st = driver_open(&d);
    if (st == ANL_OK) st = run(&d, end);
    driver_close(&d);
    return st;
}
