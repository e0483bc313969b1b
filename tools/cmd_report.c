/* anneal report: a page of pictures of one run, or of several beside each other. */
#include "command.h"
#include "exit_code.h"
#include "run.h"
#include "run_look.h"

#include "runtime/base/files.h"
#include "tools/report/run_report.h"

#include <stdio.h>
#include <string.h>

static const option report_options[] = {
    {"out", "FILE", "where it is written (default: RUN/report.html of one run, report.html here of several)"},
    {NULL, NULL, NULL},
};

typedef struct reported {
    anl_ctx *ctx;
    run_shown *run[RUN_REPORT_MOST];
    recipe *recipe[RUN_REPORT_MOST];
    run_progress look[RUN_REPORT_MOST];
    char *dir[RUN_REPORT_MOST]; /* without slashes at its end */
    int n;
} reported;

static run_state state_of(const run_progress *p, const recipe *r)
{
    double hours = recipe_real(r, "train.hours");
    run_state s = {.word = p->word, .epoch = p->epoch, .step = p->step, .seconds = p->seconds, .live = p->training};
    if (p->knows_metric) s.metric = p->metric;
    if (p->finished == 2) {
        s.why = "stopped early";
        s.raise = "early_stop.patience";
    } else if (*p->failure) {
        s.why = p->failure;
    } else if (hours > 0 && p->seconds >= hours * 3600) {
        s.why = "train.hours are used up";
        s.raise = "train.hours";
    } else if (p->finished == 1 && p->epoch >= recipe_int(r, "train.epochs")) {
        s.raise = "train.epochs";
    }
    return s;
}

static anl_status open_run(reported *r, const char *arg)
{
    char path[4200], *dir = r->dir[r->n] = anl__strdup(r->ctx, arg);
    recipe **own = &r->recipe[r->n];
    run_progress *p = &r->look[r->n];
    if (!dir) return ANL_NOMEM;
    for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/';) dir[--n] = 0;
    snprintf(path, sizeof path, "%.4000s/sweep.db", dir);
    if (anl__path_exists(path)) return anl__fail(r->ctx, ANL_INVALID, "%s is a sweep: its report is `anneal sweep report`", dir);
    if (!anl__path_is_dir(dir)) return anl__fail(r->ctx, ANL_INVALID, "%s: there is no such run", dir);
    ANL_TRY(run_recipe(r->ctx, dir, NULL, 0, own));
    run_look(r->ctx, dir, p);
    run_state s = state_of(p, *own);
    ANL_TRY(run_shown_open(r->ctx, dir, *own, &s, &r->run[r->n]));
    r->n++;
    return ANL_OK;
}

/* A line a flaw; without any row there is nothing to show. */
static anl_status look_over(const reported *r)
{
    anl__buf b;
    int64_t rows = 0;
    anl__buf_init(&b, r->ctx);
    for (int i = 0; i < r->n; i++) {
        rows += r->run[i]->log.rows + r->run[i]->log.points;
        run_shown_notes(r->run[i], &b);
    }
    anl_status st = b.status;
    if (st == ANL_OK && !rows) {
        if (b.len) b.text[strcspn(b.text, "\n")] = 0;
        st = anl__fail(r->ctx, ANL_DATA, "there is nothing to report: %s", b.text);
    } else if (st == ANL_OK && b.len) {
        fprintf(stderr, "%s", b.text);
    }
    anl__buf_release(&b);
    return st;
}

static anl_status report(reported *r, const options *o)
{
    char path[4300];
    const char *out = options_text(o, "out", NULL);
    for (int i = 0; i < o->n_arg; i++) ANL_TRY(open_run(r, o->arg[i]));
    ANL_TRY(look_over(r));
    snprintf(path, sizeof path, "%.4200s/report.html", r->dir[0]);
    if (!out) out = r->n > 1 ? "report.html" : path;
    ANL_TRY(run_report_write(r->ctx, r->run, r->n, out));
    printf("%s\n", out);
    return ANL_OK;
}

static int run_report(const options *o)
{
    reported r = {.ctx = NULL};
    if (options_has(o, "out") && !*options_text(o, "out", "")) return command_usage(o, "--out needs the name of a file");
    if (!(r.ctx = command_ctx())) return EXIT_ERROR;
    anl_status st = report(&r, o);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(r.ctx, st);
    for (int i = 0; i < RUN_REPORT_MOST; i++) {
        run_shown_close(r.run[i]);
        recipe_free(r.recipe[i]);
        anl__free(r.ctx, r.dir[i]);
    }
    anl_ctx_destroy(r.ctx);
    return code;
}

const command command_report = {
    .name = "report",
    .args = "RUN [RUN ...]",
    .summary = "writes a page with the curves and scores of a run, or of several beside each other",
    .details = "One HTML file that needs no network and no script. Training writes RUN/report.html by itself (key log.report), at ends of epochs: a "
               "browser that shows it follows. A line of the log that is cut off or damaged is left out and named. Exit codes: 2 for what is no run, 3 "
               "where nothing is trained yet, 6 where the page cannot be written. Of a sweep: anneal sweep report.",
    .options = report_options, .min_args = 1, .max_args = RUN_REPORT_MOST, .run = run_report,
};
