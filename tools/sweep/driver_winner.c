/* The winner's test part: read once, when all is decided, by `anneal eval`. See driver_inside.h. */
#include "driver_inside.h"

#include "runtime/base/files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* `anneal eval RUN --json` of one part into `file`. */
static anl_status evaluate(driver *d, anl__arena *a, const sweep_trial *t, int part, const char *file,
                           int *status)
{
    const sweep_recipe *r = d->recipe;
    char *run = sweep_run_dir(a, r, d->dir, t, part), *errors = anl__arena_printf(a, "%s/eval.log", d->dir);
    pid_t pid;
    if (!run || !errors) return ANL_NOMEM;
    const char *argv[] = {d->o->program, "eval", run, "--json", NULL},
               *shell[] = {"/bin/sh", "-c", NULL, NULL};
    process_opts o = {.argv = argv,
                      .launcher = "{cmd}",
                      .mark = d->mark,
                      .trial = "winner",
                      .slot = r->n_slots ? r->slot[0].name : "0",
                      .log = file};
    if (r->n_slots) {
        o.env = r->slot[0].env;
        o.n_env = r->slot[0].n_env;
    }
    if (r->launcher) o.launcher = r->launcher;
    char *command = process_command(a, &o); /* its complaints go elsewhere: the file is JSON */
    if (!command || !(shell[2] = anl__arena_printf(a, "(%s) 2> '%s'", command, errors))) return ANL_NOMEM;
    o.argv = shell;
    o.launcher = NULL;
    unlink(file);
    ANL_TRY(process_start(d->ctx, &o, &pid));
    waitpid(pid, status, 0);
    process_kill(pid);
    return ANL_OK;
}

static anl_status score(driver *d, anl__arena *a, const sweep_trial *t)
{
    anl__buf all;
    anl__buf_init(&all, d->ctx);
    anl_status st = ANL_OK;
    int parts = sweep_parts(d->recipe), status = 0;
    char *file = anl__arena_printf(a, "%s/winner-test.json", d->dir);
    if (!file) return ANL_NOMEM;
    for (int part = 0; part < parts && st == ANL_OK; part++) {
        void *text;
        size_t bytes;
        ANL_GO(evaluate(d, a, t, part, file, &status));
        if (status) {
            show_line(d, "the winner's test part could not be scored: see %s/eval.log", d->dir);
            goto done;
        }
        ANL_GO(anl__file_read(d->ctx, file, 16 << 20, &text, &bytes));
        anl__buf_add(&all, "%s", (char *)text);
        anl__free(d->ctx, text);
    }
    ANL_GO(all.status);
    ANL_GO(anl__file_replace(d->ctx, file, all.text, all.len)); /* a line a part */
    ANL_GO(store_begin(d->store));
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)t->number);
    st = store_put_meta(d->store, "test", all.text);
    if (st == ANL_OK) st = store_put_meta(d->store, "test.trial", number);
    if (st == ANL_OK)
        st = store_log(d->store, &(log_entry){.kind = "test",
                                              .trial = t->number,
                                              .seen = -1,
                                              .value = NAN,
                                              .why = "the winner, scored on the test part"});
    if (st == ANL_OK) st = store_commit(d->store);
    if (st != ANL_OK) store_rollback(d->store);
done:
    anl__buf_release(&all);
    return st;
}

anl_status winner_test(driver *d)
{
    const sweep_trial *best = driver_best(d);
    const char *scored = NULL;
    anl__arena *a;
    char number[32];
    if (!best || !d->recipe->test) return ANL_OK;
    snprintf(number, sizeof number, "%lld", (long long)best->number);
    ANL_TRY(anl__arena_create(d->ctx, &a));
    anl_status st = store_meta(d->store, a, "test.trial", &scored);
    if (st == ANL_OK && !(scored && !strcmp(scored, number))) st = score(d, a, best);
    anl__arena_destroy(a);
    return st;
}
