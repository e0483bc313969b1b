/* anneal clean: frees the space of a run's checkpoints. */
#include "command.h"
#include "exit_code.h"
#include "run_files.h"

#include "runtime/base/files.h"
#include "runtime/state/checkpoint.h"
#include "runtime/state/run_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const option clean_options[] = {
    {"all", NULL, "the whole run, logs and recipe too"},
    {NULL, NULL, NULL},
};

/* Bytes of the files in a directory. */
static long long bytes_in(const char *dir)
{
    DIR *d = opendir(dir);
    long long sum = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[4600];
        struct stat s;
        snprintf(path, sizeof path, "%.4200s/%s", dir, e->d_name);
        if (!stat(path, &s) && S_ISREG(s.st_mode)) sum += s.st_size;
    }
    if (d) closedir(d);
    return sum;
}

static anl_status clean(anl_ctx *ctx, const char *run, bool all)
{
    anl__run_dir *d;
    char dir[4200], recipe[4200];
    snprintf(dir, sizeof dir, "%s/checkpoints", run);
    snprintf(recipe, sizeof recipe, "%s/recipe.yaml", run);
    if (!anl__path_exists(recipe)) return anl__fail(ctx, ANL_INVALID, "%s is no run: it has no recipe.yaml", run);
    ANL_TRY(anl__run_dir_open(ctx, run, false, &d)); /* not while somebody trains there */
    long long before = bytes_in(dir) + (all ? bytes_in(run) : 0);
    anl_status st = ANL_OK;
    if (all) {
        run_files_remove(dir);
        run_files_remove(run);
    } else {
        st = anl__ckpt_prune(ctx, dir, 0);
    }
    long long after = bytes_in(dir) + (all ? bytes_in(run) : 0);
    anl__run_dir_close(d);
    if (st == ANL_OK) fprintf(stderr, "%s: %.1f MB freed, %.1f MB left\n", run, 1e-6 * (double)(before - after), 1e-6 * (double)after);
    return st;
}

static int run_clean(const options *o)
{
    anl_ctx *ctx = command_ctx();
    anl_status st = ANL_OK;
    if (!ctx) return EXIT_ERROR;
    for (int i = 0; i < o->n_arg && st == ANL_OK; i++) st = clean(ctx, o->arg[i], options_has(o, "all"));
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_clean = {
    .name = "clean", .args = "RUN...", .summary = "removes checkpoints other than the last and the best",
    .options = clean_options, .min_args = 1, .max_args = OPTIONS_MOST, .run = run_clean,
};
