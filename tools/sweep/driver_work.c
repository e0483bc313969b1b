/* The trials' processes: started on a slot, watched, and read when they have ended. See driver_inside.h. */
#include "driver_inside.h"
#include "tools/exit_code.h"

#include "runtime/base/files.h"
#include "runtime/state/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TERM_SECONDS = 60 /* for a checkpoint, before SIGKILL */ };

char *sweep_run_dir(anl__arena *a, const sweep_recipe *r, const char *dir, const sweep_trial *t, int part)
{
    long long number = (long long)t->number;
    if (sweep_parts(r) > 1) return anl__arena_printf(a, "%s/trials/%04lld/part%d", dir, number, part);
    if (t->generation) return anl__arena_printf(a, "%s/trials/%04lld/gen%d", dir, number, t->generation);
    return anl__arena_printf(a, "%s/trials/%04lld", dir, number);
}

worker *work_of(const driver *d, const sweep_trial *t)
{
    for (int i = 0; i < d->n_workers; i++)
        if (d->worker[i].pid && d->worker[i].trial == t) return &d->worker[i];
    return NULL;
}

int work_count(const driver *d)
{
    int n = 0;
    for (int i = 0; i < d->n_workers; i++) n += d->worker[i].pid != 0;
    return n;
}

/* The slot with the most room; -1: none has any. */
static int free_slot(const driver *d)
{
    int best = -1, room = 0;
    for (int i = 0; i < d->recipe->n_slots; i++)
        if (d->slot_room[i] - d->slot_use[i] > room) {
            best = i;
            room = d->slot_room[i] - d->slot_use[i];
        }
    return best;
}

bool work_has_room(const driver *d)
{
    return work_count(d) < d->n_workers && (!d->recipe->n_slots || free_slot(d) >= 0);
}

/* ---- starting ------------------------------------------------------------------------------------ */

static int64_t last_checkpoint(const driver *d, const char *run)
{
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/checkpoints", run);
    return anl__path_is_dir(dir) ? anl__ckpt_pointed(d->ctx, dir, "last") : -1;
}

/* pbt: where trial t's weights at a target are kept for those that take over. */
static char *kept_weights(anl__arena *a, const driver *d, int64_t number, int64_t step)
{
    return anl__arena_printf(a, "%s/trials/%04lld/at-%lld.h5", d->dir, (long long)number, (long long)step);
}

/* The words of `anneal train`, ended by NULL. */
static anl_status words(driver *d, anl__arena *a, const sweep_trial *t, int part, const char *run,
                        const char *const **out)
{
    const sweep_recipe *r = d->recipe;
    const char *const *set;
    int n, k = 0;
    bool free_run = !strcmp(r->scheduler->name, "none");
    ANL_TRY(sweep_overrides(r, t->values, part, a, &set, &n));
    const char **word = anl__arena_alloc(a, sizeof *word * (size_t)(n + 12));
    if (!word) return ANL_NOMEM;
    word[k++] = d->o->program;
    word[k++] = "train";
    word[k++] = d->base;
    for (int i = 0; i < n; i++) word[k++] = set[i];
    if (t->generation) {
        char *file = kept_weights(a, d, t->source, t->source_step);
        if (!file) return ANL_NOMEM;
        word[k++] = anl__arena_printf(a, "train.init=%s", file);
        word[k++] = anl__arena_printf(a, "train.epochs=%lld", (long long)(r->schedule.max_step - t->offset));
        if (!word[k - 1] || !word[k - 2]) return ANL_NOMEM;
    }
    word[k++] = "--run";
    word[k++] = run;
    word[k++] = "--no-test";
    if (!free_run && sweep_parts(r) == 1) {
        word[k++] = "--until";
        if (!(word[k++] = anl__arena_printf(a, "%lld", (long long)(t->target - t->offset)))) return ANL_NOMEM;
    }
    *out = word;
    return ANL_OK;
}

/* The first DIR.lost, DIR.lost-2, ... that is not there; NULL: none, or no memory. */
static char *lost_name(anl__arena *a, const char *run)
{
    for (int k = 1; k < 1000; k++) {
        char *to = k == 1 ? anl__arena_printf(a, "%s.lost", run) : anl__arena_printf(a, "%s.lost-%d", run, k);
        if (!to || !anl__path_exists(to)) return to;
    }
    return NULL;
}

/* When the machine dies, the store may lose its last decisions and a run's directory may not. The trial of
   that number then has another point: the run is set aside. `word` as of words(). */
static anl_status set_aside_other(driver *d, anl__arena *a, const sweep_trial *t, const char *run,
                                  const char *const *word)
{
    char *stored = anl__arena_printf(a, "%s/recipe.yaml", run);
    recipe *old = NULL, *now = NULL;
    anl__buf lines;
    int n = 0, fixed = 0, changeable = 0;
    if (!stored) return ANL_NOMEM;
    if (!anl__path_exists(stored)) return ANL_OK;
    while (strcmp(word[3 + n], "--run")) n++;
    anl__buf_init(&lines, d->ctx);
    anl_status st = recipe_load(d->ctx, d->base, word + 3, n, &now);
    if (st == ANL_OK) st = recipe_load(d->ctx, stored, NULL, 0, &old);
    if (st == ANL_OK) st = recipe_diff(d->ctx, old, now, &lines, &fixed, &changeable);
    recipe_free(old);
    recipe_free(now);
    anl__buf_release(&lines);
    if (st != ANL_OK || !(fixed + changeable)) return ANL_OK; /* `anneal train` says what is wrong */
    char *to = lost_name(a, run);
    if (!to || rename(run, to))
        return anl__fail(d->ctx, ANL_IO, "%s holds a run of another point and cannot be set aside: %s", run,
                         to ? strerror(errno) : "no name is free");
    show_line(d, "trial %lld: %s held a run that the store does not know; it is now %s", (long long)t->number,
              run, to);
    return anl__dir_make(d->ctx, run);
}

static anl_status launch(driver *d, anl__arena *a, worker *w, sweep_trial *t)
{
    const sweep_recipe *r = d->recipe;
    const sweep_slot *slot = w->slot >= 0 ? &r->slot[w->slot] : NULL;
    char *run = sweep_run_dir(a, r, d->dir, t, w->part),
         *log = run ? anl__arena_printf(a, "%s/log.txt", run) : NULL;
    process_opts o = {.launcher = r->launcher, .log = log, .mark = d->mark, .file_limit = r->file_limit};
    if (!log) return ANL_NOMEM;
    ANL_TRY(anl__dir_make(d->ctx, run));
    ANL_TRY(words(d, a, t, w->part, run, &o.argv));
    ANL_TRY(set_aside_other(d, a, t, run, o.argv));
    o.trial = anl__arena_printf(a, "%lld", (long long)t->number);
    o.slot = slot ? slot->name : anl__arena_printf(a, "%d", w->place);
    if (slot) {
        o.env = slot->env;
        o.n_env = slot->n_env;
    }
    if (slot && slot->cpus) o.cpus = slot->cpus;
    else if (r->pin && d->n_workers > 1) o.cpus = process_cpu_share(a, w->place, d->n_workers);
    if (!o.trial || !o.slot || !(w->run = anl__strdup(d->ctx, run))) return ANL_NOMEM;
    ANL_TRY(process_start(d->ctx, &o, &w->pid));
    t->slot = anl__arena_strdup(d->state.arena, o.slot);
    return t->slot ? ANL_OK : ANL_NOMEM;
}

static void enter_slot(driver *d, int slot)
{
    int others = d->slot_use[slot]++;
    for (int i = 0; i < d->n_workers; i++)
        if (d->worker[i].pid && d->worker[i].slot == slot && d->worker[i].beside < others)
            d->worker[i].beside = others;
}

anl_status work_start(driver *d, sweep_trial *t)
{
    anl__arena *a;
    int place = 0;
    while (place < d->n_workers && d->worker[place].pid) place++;
    if (place == d->n_workers)
        return anl__fail(d->ctx, ANL_INTERNAL, "no place for trial %lld", (long long)t->number);
    worker *w = &d->worker[place];
    *w = (worker){.trial = t, .place = place, .slot = free_slot(d), .rows = t->n_rows};
    w->part = sweep_parts(d->recipe) > 1 ? (int)t->step : 0;
    ANL_TRY(anl__arena_create(d->ctx, &a));
    anl_status st = launch(d, a, w, t);
    anl__arena_destroy(a);
    if (st != ANL_OK && !w->pid) {
        anl__free(d->ctx, w->run);
        *w = (worker){0};
        return st;
    }
    if (w->slot >= 0) enter_slot(d, w->slot);
    w->began = w->sign = driver_now();
    w->checkpoint = last_checkpoint(d, w->run);
    t->pid = w->pid;
    return st == ANL_OK ? store_put_trial(d->store, d->recipe, t) : st;
}

/* ---- watching ------------------------------------------------------------------------------------ */

void work_ask(worker *w, kill_reason why)
{
    if (w->dead || (w->reason && w->reason != KILL_SHUTDOWN)) return;
    if (!w->reason) {
        w->asked = driver_now();
        process_signal(w->pid, SIGTERM);
    }
    w->reason = why;
}

static int64_t file_size(const char *run, const char *name)
{
    char path[4300];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", run, name);
    return stat(path, &s) ? 0 : (int64_t)s.st_size + (int64_t)s.st_mtim.tv_sec;
}

/* An objective that is in no row of the first run cannot appear later: the recipe is wrong, not the trial. */
static anl_status never_reported(driver *d, const char *missing, const char *there)
{
    for (int64_t i = d->state.n_warm; i < d->state.n; i++)
        if (d->state.trial[i]->status == STATUS_COMPLETE || d->state.trial[i]->first_step) return ANL_OK;
    bool valid = !strncmp(missing, "valid.", 6) && !strstr(there, " valid.");
    return anl__fail(d->ctx, ANL_RECIPE, "objective %s: the recipe never reports it; a trial reported%s%s",
                     missing, there, valid ? "; data.validation sets records aside to choose by" : "");
}

static anl_status take_rows(driver *d, worker *w)
{
    trial_row *row = NULL;
    int64_t n = 0;
    char missing[64], there[512];
    bool stopped;
    ANL_TRY(results_read(d->ctx, d->recipe, w->run, w->part, w->trial->offset, &row, &n, missing, there));
    anl_status st = ANL_OK;
    if (missing[0] && strstr(there, "loss")) st = never_reported(d, missing, there);
    if (st == ANL_OK) st = decide_rows(d, w->trial, w->part, row, n, &stopped);
    anl__free(d->ctx, row);
    if (st != ANL_OK || !stopped) return st;
    show_trial(d, w->trial, "stopped");
    work_ask(w, KILL_DECIDED);
    return ANL_OK;
}

anl_status work_poll(driver *d, worker *w)
{
    const sweep_recipe *r = d->recipe;
    double now = driver_now();
    int64_t size = file_size(w->run, "metrics.jsonl") + 3 * file_size(w->run, "log.txt") +
                   5 * file_size(w->run, "checkpoints/last");
    if (size != w->size) {
        w->size = size;
        w->sign = now;
        if (w->reason != KILL_DECIDED && !sweep_over(w->trial)) ANL_TRY(take_rows(d, w));
    }
    if (w->reason && now - w->asked > TERM_SECONDS) process_signal(w->pid, SIGKILL);
    if (w->reason) return ANL_OK;
    if (r->heartbeat > 0 && now - w->sign > r->heartbeat) {
        work_ask(w, KILL_SILENT);
        w->asked -= TERM_SECONDS - fmin(10, r->heartbeat); /* it does not look as if it would answer */
    } else if (r->timeout > 0 && now - w->began > r->timeout) {
        work_ask(w, KILL_LATE);
    }
    return ANL_OK;
}

/* ---- the end of a process ------------------------------------------------------------------------ */

/* Hard links the weights of a target that has been come to, before its run's checkpoints move on. */
static anl_status keep_weights(driver *d, const worker *w)
{
    anl__arena *a;
    if (strcmp(d->recipe->scheduler->name, "pbt")) return ANL_OK;
    ANL_TRY(anl__arena_create(d->ctx, &a));
    char *to = kept_weights(a, d, w->trial->number, w->trial->target),
         *dir = anl__arena_printf(a, "%s/checkpoints", w->run);
    char *from = dir ? anl__ckpt_name(a, dir, anl__ckpt_pointed(d->ctx, dir, "last")) : NULL;
    anl_status st = to && from ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK && link(from, to) && errno != EEXIST)
        st = anl__fail(d->ctx, ANL_IO, "%s cannot be kept as %s: %s", from, to, strerror(errno));
    anl__arena_destroy(a);
    return st;
}

static bool wants(const sweep_recipe *r, const char *metric)
{
    for (int i = 0; i < r->n_objectives; i++)
        if (!strcmp(r->metric[i], metric)) return true;
    for (int i = 0; i < r->n_constraints; i++)
        if (!strcmp(r->constraint[i].metric, metric)) return true;
    return false;
}

static anl_status failed(driver *d, sweep_trial *t, const char *why)
{
    ANL_TRY(decide_failed(d, t, why));
    show_trial(d, t, "failed");
    return ANL_OK;
}

/* The last line of its log, as plain text; what `anneal train` complained of stands there. */
static void last_words(const char *run, char out[200])
{
    char path[4300], text[4096];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/log.txt", run);
    FILE *f = fopen(path, "rb");
    if (f) {
        long size = fseek(f, 0, SEEK_END) ? 0 : ftell(f), from = size > 4095 ? size - 4095 : 0;
        if (!fseek(f, from, SEEK_SET)) n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
    }
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r')) n--;
    size_t from = n, k = 0;
    while (from && text[from - 1] != '\n') from--;
    if (n - from > 8 && !strncmp(text + from, "anneal: ", 8)) from += 8;
    for (; from < n && k < 199; from++) out[k++] = text[from] >= 32 && text[from] < 127 ? text[from] : '?';
    out[k] = 0;
}

/* Why a trial was refused, or failed, in its own words. */
static void with_last_words(const char *run, int code, char why[320])
{
    char words[200];
    if ((code < 1 || code > 3) && code != EXIT_DISK) return;
    last_words(run, words);
    size_t used = strlen(why);
    if (words[0]) snprintf(why + used, 320 - used, ": %s", words);
}

/* A recipe that every trial is refused for, or a full disk, is no trial's fault. */
static anl_status all_refused(driver *d, int code, const char *why, const char *run)
{
    int64_t n = d->state.n - d->state.n_warm, lost = 0,
            enough = d->recipe->trials && d->recipe->trials < 3 ? d->recipe->trials : 3;
    if (code != EXIT_USAGE && code != EXIT_DATA && code != EXIT_DISK && code != 127) return ANL_OK;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++) lost += d->state.trial[i]->status == STATUS_FAILED;
    for (int64_t i = d->state.n_warm; i < d->state.n; i++)
        if (d->state.trial[i]->status != STATUS_FAILED && d->state.trial[i]->status != STATUS_RUNNING)
            return ANL_OK;
    if (n < enough || lost < enough) return ANL_OK;
    return anl__fail(d->ctx, code == EXIT_DISK ? ANL_IO : ANL_RECIPE, "the first %lld trials all failed, the last one: %s; see %s/log.txt",
                     (long long)lost, why, run);
}

static anl_status ended_well(driver *d, worker *w)
{
    sweep_trial *t = w->trial;
    if (wants(d->recipe, "parameters")) t->parameters = results_parameters(d->ctx, w->run);
    ANL_TRY(take_rows(d, w));
    if (sweep_over(t)) return ANL_OK; /* stopped by its last rows */
    if (t->n_rows) ANL_TRY(keep_weights(d, w));
    ANL_TRY(decide_reached(d, t, w->part));
    if (sweep_over(t)) show_trial(d, t, trial_status_name(t->status));
    return ANL_OK;
}

static anl_status failed_by_itself(driver *d, worker *w, int code, char why[320])
{
    with_last_words(w->run, code, why);
    ANL_TRY(failed(d, w->trial, why));
    return all_refused(d, code, why, w->run);
}

static anl_status run_again(driver *d, worker *w, process_end end, int code, char why[320])
{
    enum { FUTILE = 1000 /* preemptions in a row without any progress */ };
    sweep_trial *t = w->trial;
    bool further = t->n_rows > w->rows || last_checkpoint(d, w->run) > w->checkpoint;
    if (further) t->tries = 0;
    bool over = !further && t->tries >= (end == PROCESS_RETRY ? d->recipe->retries : FUTILE);
    if (over) return failed_by_itself(d, w, code, why);
    return decide_again(d, t, why, !further);
}

/* Out of the device's memory beside others in its slot: fewer at once from now on, and the trial goes again.
 */
static anl_status too_many(driver *d, worker *w)
{
    char why[160];
    int others = w->beside;
    if (others < d->slot_room[w->slot]) d->slot_room[w->slot] = others;
    snprintf(why, sizeof why, "out of device memory beside %d other%s: slot %s takes %d at once from now on",
             others, others > 1 ? "s" : "", d->recipe->slot[w->slot].name, others);
    show_line(d, "trial %lld: %s", (long long)w->trial->number, why);
    return decide_again(d, w->trial, why, false);
}

/* Asked to stop, they have time to write a checkpoint; else they are no longer wanted. */
bool work_lingers(worker *w)
{
    if (!process_lives(w->pid)) return false;
    if (w->reason && driver_now() - w->asked <= TERM_SECONDS) return true;
    process_kill(w->pid);
    return false;
}

anl_status work_ended(driver *d, worker *w)
{
    sweep_trial *t = w->trial;
    char why[320] = "";
    int code = WIFEXITED(w->status) ? WEXITSTATUS(w->status) : 0;
    process_end end = process_outcome(w->status, why);
    worker was = *w;
    anl_status st = ANL_OK;
    *w = (worker){0};
    was.dead = true;
    if (was.slot >= 0) d->slot_use[was.slot]--;
    t->seconds += driver_now() - was.began;
    t->memory = fmax(t->memory, was.memory);
    if (sweep_over(t)) st = store_put_trial(d->store, d->recipe, t); /* was decided while it ran */
    else if (was.reason == KILL_SILENT) {
        snprintf(why, sizeof why, "hung: no sign of life for %g s", d->recipe->heartbeat);
        st = failed(d, t, why);
    } else if (was.reason == KILL_LATE) {
        snprintf(why, sizeof why, "took longer than %g s", d->recipe->timeout);
        st = failed(d, t, why);
    } else if (end == PROCESS_DONE) st = ended_well(d, &was);
    else if (was.reason == KILL_SHUTDOWN || end == PROCESS_AGAIN || end == PROCESS_RETRY) {
        st = take_rows(d, &was);
        if (st == ANL_OK && !sweep_over(t))
            st = was.reason == KILL_SHUTDOWN ? decide_again(d, t, "interrupted", false)
                                             : run_again(d, &was, end, code, why);
    } else if (end == PROCESS_MEMORY && was.slot >= 0 && was.beside) st = too_many(d, &was);
    else st = failed_by_itself(d, &was, code, why);
    anl__free(d->ctx, was.run);
    return st;
}
