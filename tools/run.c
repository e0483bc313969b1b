/* See run.h. */
#include "run.h"

#include "decide.h"
#include "run_files.h"

#include "runtime/base/files.h"
#include "runtime/state/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

anl_status run_recipe(anl_ctx *ctx, const char *dir, const char *const *override, int n_override, recipe **out)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/recipe.yaml", dir) >= (int)sizeof path) return anl__fail(ctx, ANL_INVALID, "%s: the path is too long", dir);
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_INVALID, "%s is no run: it has no recipe.yaml", dir);
    return recipe_load(ctx, path, override, n_override, out);
}

/* The differing keys, and the ways to go on. */
static anl_status refuse(run *r, const run_opts *o, const char *lines, int fixed)
{
    if (!fixed && o->change) return ANL_OK;
    const char *may = fixed ? "" : "  or change it in place: the same command with --change\n";
    anl__buf word;
    anl__buf_init(&word, r->ctx);
    anl__buf_word(&word, r->path);
    anl_status st = word.status != ANL_OK ? word.status : anl__fail(r->ctx, ANL_RECIPE,
                     "%s holds a run of another recipe. What differs (key: there -> now):\n%s"
                     "Ways to go on:\n  a new run:               --run DIR\n  the stored recipe:       anneal train %s\n%s%s",
                     r->path, lines, word.text, fixed ? "Keys that may be changed in place (--change): see `anneal help keys`, marked ~\n" : "", may);
    anl__buf_release(&word);
    return st;
}

static anl_status store_recipe(run *r, const char *event)
{
    anl__buf b;
    anl__buf_init(&b, r->ctx);
    anl_status st = recipe_dump(r->recipe, &b);
    if (st == ANL_OK) st = anl__run_dir_put(r->dir, "recipe.yaml", b.text);
    anl__buf_release(&b);
    const char *old = NULL;
    if (st != ANL_OK || !event) return st;
    ANL_TRY(anl__run_dir_get(r->dir, r->arena, "changes.txt", &old));
    char *all = anl__arena_printf(r->arena, "%s%s", old ? old : "", event);
    return all ? anl__run_dir_put(r->dir, "changes.txt", all) : ANL_NOMEM;
}

/* The recipe that the run was begun with: the directory's, or where that was lost the checkpoint's. NULL: nothing is trained yet. */
static anl_status begun_with(run *r, recipe **out)
{
    char *path = anl__run_dir_file(r->dir, r->arena, "recipe.yaml");
    const char *text = r->from ? anl__ckpt_text(r->from, "recipe", NULL) : NULL;
    *out = NULL;
    if (!path) return ANL_NOMEM;
    if (r->from && anl__path_exists(path)) return recipe_load(r->ctx, path, NULL, 0, out);
    if (!text) return ANL_OK;
    ANL_TRY(recipe_parse(r->ctx, anl__ckpt_path(r->from), text, strlen(text), NULL, 0, out));
    return decide_as_begun(r->ctx, *out, r->recipe, r->dir);
}

static anl_status agree(run *r, const run_opts *o)
{
    recipe *stored = NULL;
    anl__buf lines;
    int fixed = 0, changeable = 0;
    anl_status begun = begun_with(r, &stored);
    if (begun != ANL_OK) {
        recipe_free(stored);
        return begun;
    }
    if (!stored) { /* a first attempt that failed binds nobody */
        char *decided = anl__run_dir_file(r->dir, r->arena, "decided.txt");
        if (decided) unlink(decided);
        return decided ? store_recipe(r, NULL) : ANL_NOMEM;
    }
    anl__buf_init(&lines, r->ctx);
    anl_status st = recipe_diff(r->ctx, stored, r->recipe, &lines, &fixed, &changeable);
    if (st == ANL_OK && fixed + changeable) {
        st = refuse(r, o, lines.text, fixed);
        if (st == ANL_OK) {
            char *event = anl__arena_printf(r->arena, "at step %lld:\n%s", (long long)(r->from ? anl__ckpt_step(r->from) : 0), lines.text);
            st = event ? store_recipe(r, event) : ANL_NOMEM;
        }
    } else if (st == ANL_OK) {
        const char *there = anl__run_dir_file(r->dir, r->arena, "recipe.yaml");
        st = !there ? ANL_NOMEM : anl__path_exists(there) ? ANL_OK : store_recipe(r, NULL);
    }
    anl__buf_release(&lines);
    recipe_free(stored);
    return st;
}

/* resume.command puts the newest checkpoint at {file}; it stays only when it verifies (*got). Failure is a warning: a new
   machine of a first run has nothing to fetch. */
static anl_status fetch(run *r, const char *dir, bool *got)
{
    const char *command = recipe_text(r->recipe, "resume.command");
    char *file = anl__arena_printf(r->arena, "%s/fetched.h5", dir);
    anl__ckpt *c;
    int code;
    *got = false;
    if (!command || !file) return file ? ANL_OK : ANL_NOMEM;
    ANL_TRY(anl__dir_make(r->ctx, dir));
    if (anl__command_run(r->ctx, command, file, r->path, recipe_real(r->recipe, "checkpoint.timeout"), (int)recipe_int(r->recipe, "checkpoint.retries"), &code) != ANL_OK ||
        !anl__path_exists(file) || anl__ckpt_open(r->ctx, file, &c) != ANL_OK) {
        anl__log(r->ctx, ANL_LOG_WARN, "resume.command gave no checkpoint: %s", anl_last_error(r->ctx));
        unlink(file);
        return ANL_OK;
    }
    char *name = anl__ckpt_name(r->arena, dir, anl__ckpt_step(c));
    anl__ckpt_close(c);
    r->from_where = " fetched by resume.command";
    *got = true;
    return name ? anl__file_rename(r->ctx, file, name) : ANL_NOMEM;
}

/* <checkpoint.mirror>/<the run's path>: runs of one recipe must not share a place, and the same command finds it again on
   another machine. Nothing may lead out of the mirror. */
static anl_status find_mirror(run *r)
{
    const char *mirror = recipe_text(r->recipe, "checkpoint.mirror"), *p = r->path;
    anl__buf b;
    if (!mirror || !*mirror) return ANL_OK;
    anl__buf_init(&b, r->ctx);
    anl__buf_add(&b, "%s", mirror);
    while (*p) {
        size_t n = strcspn(p, "/");
        bool dots = (n == 1 || n == 2) && !strncmp(p, "..", n);
        if (n && !dots) anl__buf_add(&b, "/%.*s", (int)n, p);
        p += n + (p[n] == '/');
    }
    r->mirror = b.status == ANL_OK ? anl__arena_strdup(r->arena, b.text) : NULL;
    anl__buf_release(&b);
    return r->mirror ? ANL_OK : ANL_NOMEM;
}

/* What the mirror has is brought home first: with it come the best and the one that a rollback goes back to. */
static anl_status bring_home(run *r, const char *here)
{
    int64_t step = anl__ckpt_step(r->from);
    const char *only[1] = {here};
    anl__ckpt_close(r->from);
    r->from = NULL;
    r->from_where = " from the mirror";
    ANL_TRY(anl__ckpt_mirror(r->ctx, r->mirror, here, step, (int)recipe_int(r->recipe, "checkpoint.keep")));
    return anl__ckpt_newest(r->ctx, only, 1, &r->from);
}

static anl_status newest(run *r)
{
    char *here = anl__run_dir_file(r->dir, r->arena, "checkpoints");
    if (!here) return ANL_NOMEM;
    ANL_TRY(find_mirror(r));
    const char *dirs[2] = {here, r->mirror};
    bool got;
    anl_status st = anl__ckpt_newest(r->ctx, dirs, 2, &r->from);
    if (st == ANL_FORMAT || (st == ANL_OK && !r->from)) {
        ANL_TRY(fetch(r, here, &got));
        if (got) st = anl__ckpt_newest(r->ctx, dirs, 2, &r->from);
    }
    if (st == ANL_FORMAT) /* beginning anew would write over the log of what was trained */
        return anl__fail(r->ctx, st, "%s: none of the checkpoints there can be used, for the reasons above. Nothing was changed; "
                         "to begin anew, move %s away, or choose another directory with --run", r->path, here);
    ANL_TRY(st);
    bool far = r->from && r->mirror && !strncmp(anl__ckpt_path(r->from), r->mirror, strlen(r->mirror));
    return far ? bring_home(r, here) : ANL_OK;
}

/* Takes away all of a start that made its directory. Checkpoints that are in it are not its own: then it stays. */
static bool leave_nothing(const run *r)
{
    const char *checkpoints = anl__run_dir_file(r->dir, r->arena, "checkpoints");
    if (!anl__run_dir_made(r->dir) || !checkpoints) return false;
    if (rmdir(checkpoints) && errno != ENOENT) return false;
    run_files_remove(anl__run_dir_path(r->dir));
    return true;
}

void run_begins(run *r)
{
    const char *failed = anl__run_dir_file(r->dir, r->arena, "failed.txt");
    if (failed) unlink(failed);
}

void run_failed(run *r, bool trained, const char *why)
{
    bool resumed = r->from != NULL;
    if (!trained && (resumed || leave_nothing(r))) return;
    const char *line = anl__arena_printf(r->arena, "%s\n", why);
    if (!line || anl__run_dir_put(r->dir, "failed.txt", line) != ANL_OK) anl__log(r->ctx, ANL_LOG_WARN, "failed.txt is not written: %s", anl_last_error(r->ctx));
}

static anl_status open_run(anl_ctx *ctx, const run_opts *o, run *r)
{
    ANL_TRY(anl__arena_create(ctx, &r->arena));
    bool is_run = anl__path_is_dir(o->what);
    if (is_run) {
        if (o->dir) return anl__fail(ctx, ANL_INVALID, "%s is a run's directory already: --run does not go with it", o->what);
        ANL_TRY(run_recipe(ctx, o->what, o->override, o->n_override, &r->recipe));
        r->path = o->what;
    } else {
        ANL_TRY(recipe_load(ctx, o->what, o->override, o->n_override, &r->recipe));
        r->path = o->dir ? o->dir : recipe_run_name(r->arena, o->what, o->override, o->n_override);
    }
    if (!r->path) return ANL_NOMEM;
    ANL_TRY(anl__run_dir_open(ctx, r->path, !is_run, &r->dir));
    ANL_TRY(newest(r));
    return agree(r, o);
}

anl_status run_open(anl_ctx *ctx, const run_opts *o, run *out)
{
    *out = (run){.ctx = ctx, .from_where = ""};
    anl_status st = open_run(ctx, o, out);
    if (st != ANL_OK && out->dir) leave_nothing(out);
    return st;
}

const char *run_word(const run *r)
{
    anl__buf b;
    anl__buf_init(&b, r->ctx);
    anl__buf_word(&b, r->path);
    const char *word = b.status == ANL_OK ? anl__arena_strdup(r->arena, b.text) : NULL;
    anl__buf_release(&b);
    return word ? word : r->path;
}

void run_close(run *r)
{
    if (!r->ctx) return;
    anl__ckpt_close(r->from);
    anl__run_dir_close(r->dir);
    recipe_free(r->recipe);
    if (r->arena) anl__arena_destroy(r->arena);
    *r = (run){0};
}
