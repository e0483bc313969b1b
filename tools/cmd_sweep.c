/* anneal sweep: searches hyperparameters over a recipe, and answers questions about a search. */
#include "command.h"
#include "exit_code.h"

#include "runtime/base/files.h"
#include "runtime/state/run_dir.h"

#if defined(ANL_HAVE_SQLITE)

#include "tools/report/sweep_report.h"
#include "tools/sweep/driver.h"
#include "tools/sweep/replay.h"
#include "tools/sweep/seen.h"
#include "tools/sweep/table.h"
#include "tools/sweep/winner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct sweep_command {
    const char *name;
    int (*run)(const options *o, anl_ctx *ctx, const char *dir);
} sweep_command;

/* ---- questions ------------------------------------------------------------------------------------ */

static int text_of(anl_ctx *ctx, const char *dir,
                   anl_status (*make)(const sweep_open *s, const char *dir, anl__buf *out))
{
    sweep_open s;
    anl__buf out;
    anl_status st = sweep_open_dir(ctx, dir, &s);
    if (st != ANL_OK) return command_fail(ctx, st);
    anl__buf_init(&out, ctx);
    st = make(&s, dir, &out);
    if (st == ANL_OK) fputs(out.text, stdout);
    anl__buf_release(&out);
    sweep_close(&s);
    return st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
}

static anl_status make_status(const sweep_open *s, const char *dir, anl__buf *out)
{
    (void)dir;
    ANL_TRY(table_status(&s->state, out));
    anl__buf_add(out, "\n");
    return table_best(&s->state, 5, out);
}

/* Has any trial come to where it was judged? */
static bool some_value(const sweep_open *s)
{
    for (int64_t i = s->state.n_warm; i < s->state.n; i++)
        if (s->state.trial[i]->shown_step > 0) return true;
    return false;
}

static anl_status make_best(const sweep_open *s, const char *dir, anl__buf *out)
{
    const sweep_trial *best;
    ANL_TRY(winner_of(s, &best));
    if (!best && !some_value(s))
        return anl__fail(s->state.ctx, ANL_INVALID, "%s: no trial has a result yet", dir);
    ANL_TRY(table_best(&s->state, s->recipe->n_objectives > 1 ? 1000000 : 10, out));
    anl__buf_add(out, "\n");
    if (best) return winner_text(s, dir, best, out);
    anl__buf_add(out, "no trial has come to its end yet: there is no winner\n");
    return out->status;
}

static anl_status make_csv(const sweep_open *s, const char *dir, anl__buf *out)
{
    (void)dir;
    return table_csv(&s->state, out);
}

static anl_status make_json(const sweep_open *s, const char *dir, anl__buf *out)
{
    (void)dir;
    return table_json(&s->state, out);
}

static anl_status make_check(const sweep_open *s, const char *dir, anl__buf *out)
{
    int64_t n;
    ANL_TRY(anl__context(s->state.ctx, replay_check(&s->state, s->store, &n), "%s", dir));
    anl__buf_add(out, "%lld proposals made again from the log, all the same\n", (long long)n);
    return out->status;
}

static int run_status(const options *o, anl_ctx *ctx, const char *dir)
{
    (void)o;
    return text_of(ctx, dir, make_status);
}

static int run_best(const options *o, anl_ctx *ctx, const char *dir)
{
    (void)o;
    return text_of(ctx, dir, make_best);
}

static int run_export(const options *o, anl_ctx *ctx, const char *dir)
{
    return text_of(ctx, dir, options_has(o, "json") ? make_json : make_csv);
}

static int run_check(const options *o, anl_ctx *ctx, const char *dir)
{
    (void)o;
    return text_of(ctx, dir, make_check);
}

static int run_report(const options *o, anl_ctx *ctx, const char *dir)
{
    (void)o;
    anl_status st = sweep_report(ctx, dir);
    if (st != ANL_OK) return command_fail(ctx, st);
    printf("%s/report.html\n", dir);
    return EXIT_DONE;
}

/* `anneal sweep keys`: what a sweep's file may say. */
static int show_keys(void)
{
    for (const sweep_key *k = sweep_key_table; k->name; k++)
        printf("%-12s %-6s %s\n", k->name, k->def, k->help);
    printf("\nsamplers\n");
    for (int i = 0; samplers[i]; i++) printf("%-12s %s\n", samplers[i]->name, samplers[i]->help);
    printf("\nschedulers\n");
    for (int i = 0; schedulers[i]; i++) printf("%-12s %s\n", schedulers[i]->name, schedulers[i]->help);
    return EXIT_DONE;
}

/* ---- requests ------------------------------------------------------------------------------------- */

/* Is a driver at work there? It holds the lock. */
static bool at_work(anl_ctx *ctx, const char *dir)
{
    anl__run_dir *lock;
    anl_status st = anl__run_dir_open(ctx, dir, false, &lock);
    if (st == ANL_OK) anl__run_dir_close(lock);
    return st != ANL_OK;
}

/* A trial that is there and has not ended, else what is wrong. */
static anl_status may_stop(anl_ctx *ctx, const char *dir, int64_t number)
{
    sweep_open s;
    ANL_TRY(sweep_open_dir(ctx, dir, &s));
    const sweep_trial *t = sweep_state_find(&s.state, number);
    anl_status st = !t ? anl__fail(ctx, ANL_INVALID, "%s: there is no trial %lld", dir, (long long)number)
                    : sweep_over(t) ? anl__fail(ctx, ANL_INVALID, "%s: trial %lld has ended: %s", dir,
                                                (long long)number, trial_status_name(t->status))
                                    : ANL_OK;
    sweep_close(&s);
    return st;
}

static int run_stop(const options *o, anl_ctx *ctx, const char *dir)
{
    char text[64] = "stop", why[256];
    int64_t number;
    anl_status st;
    if (!anl__path_is_dir(dir)) return command_usage(o, "there is no sweep in %s", dir);
    if (!options_int(o, "trial", -1, 0, INT32_MAX, &number, why)) return command_usage(o, "%s", why);
    if (number >= 0) {
        if ((st = may_stop(ctx, dir, number)) != ANL_OK) return command_fail(ctx, st);
        snprintf(text, sizeof text, "stop %lld", (long long)number);
    } else if (!at_work(ctx, dir)) {
        fprintf(stderr, "%s: no driver is at work, so there is nothing to stop\n", dir);
        return EXIT_DONE;
    }
    st = sweep_request(ctx, dir, text);
    return st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
}

static int run_add(const options *o, anl_ctx *ctx, const char *dir)
{
    sweep_open s;
    anl__buf text;
    double point[SPACE_MAX_AXES];
    anl_status st = sweep_open_dir(ctx, dir, &s);
    if (st != ANL_OK) return command_fail(ctx, st);
    anl__buf_init(&text, ctx);
    st = sweep_point_of_words(s.recipe, o->override, o->n_override, point);
    anl__buf_add(&text, "add\n");
    for (int i = 0; i < o->n_override; i++) anl__buf_add(&text, "%s\n", o->override[i]);
    if (st == ANL_OK) st = text.status;
    if (st == ANL_OK) st = sweep_request(ctx, dir, text.text);
    anl__buf_release(&text);
    sweep_close(&s);
    if (st != ANL_OK) return command_fail(ctx, st);
    fprintf(stderr, "the point is tried next, by the driver at work or by the next `anneal sweep %s`\n", dir);
    return EXIT_DONE;
}

/* ---- the search itself ---------------------------------------------------------------------------- */

static int outcome(anl_ctx *ctx, const char *dir, driver_end end)
{
    switch (end) {
    case DRIVER_INTERRUPTED:
        fprintf(stderr, "interrupted: every trial has its checkpoint. Go on with: anneal sweep %s\n", dir);
        return EXIT_AGAIN;
    case DRIVER_TWICE: return EXIT_TWICE;
    case DRIVER_STOPPED: fprintf(stderr, "stopped. Go on with: anneal sweep %s\n", dir); return EXIT_DONE;
    default: break;
    }
    int code = text_of(ctx, dir, make_best);
    return code;
}

static int run_search(const options *o, anl_ctx *ctx, const char *what)
{
    char program[4096];
    anl__arena *a;
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    bool is_dir = anl__path_is_dir(what);
    const char *dir = options_text(o, "dir", NULL);
    driver_end end = DRIVER_FINISHED;
    if (n <= 0) return command_usage(o, "/proc/self/exe cannot be read");
    program[n] = 0;
    if (is_dir && dir)
        return command_usage(o, "%s is a sweep's directory already: --dir does not go with it", what);
    anl_status st = anl__arena_create(ctx, &a);
    if (st != ANL_OK) return command_fail(ctx, st);
    if (!dir) dir = is_dir ? what : driver_default_dir(a, what);
    driver_opts d = {
        .recipe = is_dir ? NULL : what, .dir = dir, .program = program, .plain = options_has(o, "plain")};
    st = driver_run(ctx, &d, &end);
    int code = st == ANL_OK ? outcome(ctx, dir, end) : command_fail(ctx, st);
    anl__arena_destroy(a);
    return code;
}

/* The directory that is asked about. A sweep's file stands for where its search lies: --dir, or what is made from its name. */
static anl_status place_of(anl_ctx *ctx, const options *o, anl__arena *a, const char **dir)
{
    const char *what = o->arg[1], *given = options_text(o, "dir", NULL);
    *dir = what;
    if (anl__path_is_dir(what) || !anl__path_exists(what)) return ANL_OK;
    *dir = given ? given : driver_default_dir(a, what);
    if (!*dir) return ANL_NOMEM;
    if (!anl__path_is_dir(*dir))
        return anl__fail(ctx, ANL_INVALID, "%s is a sweep's file, and %s, where its search would lie, is not there: give the directory: anneal sweep %s DIR", what, *dir, o->arg[0]);
    fprintf(stderr, "%s: the sweep in %s\n", what, *dir);
    return ANL_OK;
}

static int ask(const sweep_command *question, const options *o, anl_ctx *ctx)
{
    anl__arena *a = NULL;
    const char *dir;
    anl_status st = anl__arena_create(ctx, &a);
    if (st == ANL_OK) st = place_of(ctx, o, a, &dir);
    int code = st == ANL_OK ? question->run(o, ctx, dir) : command_fail(ctx, st);
    if (a) anl__arena_destroy(a);
    return code;
}

static int dispatch(const options *o, anl_ctx *ctx)
{
    static const sweep_command commands[] = {
        {"status", run_status}, {"best", run_best}, {"report", run_report}, {"export", run_export},
        {"check", run_check},   {"stop", run_stop}, {"add", run_add}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(o->arg[0], commands[i].name)) continue;
        if (o->n_arg != 2) return command_usage(o, "%s needs a sweep's directory", commands[i].name);
        if (o->n_override && commands[i].run != run_add)
            return command_usage(o, "%s takes no key=value", commands[i].name);
        return ask(&commands[i], o, ctx);
    }
    if (!strcmp(o->arg[0], "keys") && o->n_arg == 1) return show_keys();
    if (o->n_arg != 1) return command_usage(o, "does not know what to do with '%s'", o->arg[1]);
    if (o->n_override) return command_usage(o, "key=value belongs into the sweep's file, under override");
    return run_search(o, ctx, o->arg[0]);
}

#else

static int dispatch(const options *o, anl_ctx *ctx)
{
    (void)ctx;
    return command_usage(o, "this program was built without SQLite, where sweeps are kept");
}

#endif

static int run_sweep(const options *o)
{
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    int code = dispatch(o, ctx);
    anl_ctx_destroy(ctx);
    return code;
}

static const option sweep_options[] = {
    {"dir", "DIR", "the sweep's directory, where its file is given (default: sweeps/ + the file's name)"},
    {"plain", NULL, "lines instead of a table on a terminal"},
    {"json", NULL, "export: JSON, with intermediate values and times, instead of CSV"},
    {"trial", "N", "stop: this trial only"},
    {NULL, NULL, NULL},
};

const command command_sweep = {
    .name = "sweep",
    .args = "SWEEP.yaml|DIR, or status|best|report|export|check|stop|add DIR|SWEEP.yaml [key=value ...], or keys",
    .summary = "searches hyperparameters; the same command again goes on where it stopped",
    .details = "Killed or interrupted, the same command goes on. `best` prints the command that trains the "
               "winner again; `add` puts a point before the "
               "others; `check` makes every proposal again from the log; `keys` lists what a sweep's file "
               "may say, samplers and schedulers. "
               "docs/sweeps.md describes all of it.",
    .options = sweep_options,
    .min_args = 1,
    .max_args = 2,
    .overrides = true,
    .run = run_sweep,
};
