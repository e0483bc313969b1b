/* anneal runs: the runs in a directory, and how far they are. */
#include "command.h"
#include "exit_code.h"
#include "quoted.h"
#include "run_look.h"

#include "runtime/base/files.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option runs_options[] = {{"json", NULL, "one JSON object a line"}, {NULL, NULL, NULL}};

enum { MOST_RUNS = 10000 };

static void show(anl_ctx *ctx, const char *run, bool json)
{
    char time[32];
    run_progress p;
    run_look(ctx, run, &p);
    if (json) {
        printf("{\"run\":");
        print_quoted(run);
        printf(",\"state\":\"%s\",\"epochs\":%lld,\"step\":%lld,\"seconds\":%.1f,\"best\":", p.word, (long long)p.epoch, (long long)p.step, p.seconds);
        if (isnan(p.best)) printf("null");
        else printf("%.6g", p.best);
        printf(",\"metric\":\"%s\"", p.metric);
        if (*p.failure) printf(",\"failure\":");
        if (*p.failure) print_quoted(p.failure);
        printf("}\n");
    } else {
        printf("%-56s %-9s %6lld %9lld ", run, p.word, (long long)p.epoch, (long long)p.step);
        if (isnan(p.best)) printf("%9s", "-");
        else printf("%9.5g", p.best);
        printf(" %10s%s%s\n", anl__time_text(p.seconds, time), isnan(p.best) || !*p.metric ? "" : "  ", isnan(p.best) ? "" : p.metric);
    }
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int run_runs(const options *o)
{
    const char *dir = o->n_arg ? o->arg[0] : "runs";
    char **names = calloc(MOST_RUNS, sizeof *names);
    anl_ctx *ctx = command_ctx();
    DIR *d = opendir(dir);
    bool json = options_has(o, "json");
    int n = 0;
    for (struct dirent *e; d && names && ctx && n < MOST_RUNS && (e = readdir(d));) {
        char path[4600];
        snprintf(path, sizeof path, "%.4200s/%s/recipe.yaml", dir, e->d_name);
        if (e->d_name[0] == '.' || !anl__path_exists(path)) continue;
        snprintf(path, sizeof path, "%.4200s/%s", dir, e->d_name);
        if ((names[n] = strdup(path))) n++;
    }
    if (d) closedir(d);
    if (n) qsort(names, (size_t)n, sizeof *names, by_name);
    if (!n) fprintf(stderr, "anneal: there are no runs in %s\n", dir);
    else if (!json) printf("%-56s %-9s %6s %9s %9s %10s  %s\n", "run", "state", "epochs", "step", "best", "trained", "best by");
    for (int i = 0; i < n; i++) {
        show(ctx, names[i], json);
        free(names[i]);
    }
    free(names);
    anl_ctx_destroy(ctx);
    return EXIT_DONE;
}

const command command_runs = {
    .name = "runs", .args = "[DIR]", .summary = "lists the runs in a directory (default runs) with their state and best metric",
    .options = runs_options, .max_args = 1, .run = run_runs,
};
