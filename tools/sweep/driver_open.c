/* A sweep's directory: made, or found and compared with what is asked for. See driver_inside.h. */
#include "driver_inside.h"

#include "runtime/base/files.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *file_in(anl__arena *a, const char *dir, const char *name)
{
    return anl__arena_printf(a, "%s/%s", dir, name);
}

/* The first DIR-2, DIR-3, ... that is not there. */
static const char *another(driver *d)
{
    for (int k = 2; k < 1000; k++) {
        char *dir = anl__arena_printf(d->arena, "%s-%d", d->dir, k);
        if (!dir || !anl__path_exists(dir)) return dir;
    }
    return NULL;
}

static anl_status refuse(driver *d, const char *lines)
{
    const char *free_dir = another(d);
    return anl__fail(
        d->ctx, ANL_RECIPE,
        "%s holds a sweep of another recipe. What differs (what: there -> now):\n%sWays to go on:\n"
        "  a new sweep:       anneal sweep %s --dir %s\n  the stored recipe: anneal sweep %s\n",
        d->dir, lines, d->o->recipe, free_dir ? free_dir : "DIR", d->dir);
}

/* Is what is asked for the sweep that is there? Budget, places, limits and launcher may change. */
static anl_status agree(driver *d, const char *stored_text)
{
    recipe *stored = NULL;
    anl__buf now, lines;
    int fixed = 0, changeable = 0;
    anl__buf_init(&now, d->ctx);
    anl__buf_init(&lines, d->ctx);
    anl_status st;
    ANL_GO(recipe_load(d->ctx, d->base, NULL, 0, &stored));
    ANL_GO(recipe_diff(d->ctx, stored, d->recipe->base, &lines, &fixed, &changeable));
    ANL_GO(sweep_describe(d->recipe, &now));
    sweep_changes(stored_text, now.text, &lines);
    if (lines.len) st = refuse(d, lines.text);
done:
    recipe_free(stored);
    anl__buf_release(&now);
    anl__buf_release(&lines);
    return st;
}

static anl_status put_text(driver *d, const char *name, const anl__buf *b)
{
    return b->status == ANL_OK ? anl__run_dir_put(d->lock, name, b->text) : b->status;
}

/* The sweep's file as it is now; the next `anneal sweep DIR` reads it. */
static anl_status keep_recipe(driver *d)
{
    void *text;
    size_t bytes;
    char *to = file_in(d->arena, d->dir, "sweep.yaml");
    if (!to || !d->o->recipe) return to ? ANL_OK : ANL_NOMEM;
    ANL_TRY(anl__file_read(d->ctx, d->o->recipe, 0, &text, &bytes));
    anl_status st = anl__file_replace(d->ctx, to, text, bytes);
    anl__free(d->ctx, text);
    return st;
}

/* ---- warm start ----------------------------------------------------------------------------------- */

static anl_status take_warm(driver *d, const sweep_state *from)
{
    const sweep_recipe *r = d->recipe, *other = from->recipe;
    int64_t number = -1;
    for (int64_t i = from->n_warm; i < from->n; i++) number -= sweep_over(from->trial[i]) ? 1 : 0;
    for (int i = 0; i < r->n_objectives; i++)
        if (i >= other->n_objectives || strcmp(r->metric[i], other->metric[i]))
            return anl__fail(d->ctx, ANL_RECIPE,
                             "warm_start: that sweep's objectives are not this one's (%s)", r->metric[i]);
    for (int64_t i = from->n_warm; i < from->n; i++) {
        const sweep_trial *t = from->trial[i];
        double values[SPACE_MAX_AXES];
        sweep_trial *made;
        if (!sweep_over(t)) continue;
        ANL_TRY(anl__context(d->ctx, space_convert(d->ctx, other->space, t->values, r->space, values),
                             "warm_start"));
        ANL_TRY(sweep_state_add(&d->state, ++number, "warm", values, &made));
        made->status = t->status;
        made->step = made->target = made->shown_step = t->step;
        made->shown_value = t->shown_value;
        memcpy(made->objective, t->objective, sizeof made->objective);
        for (int k = 0; k < r->n_constraints && k < other->n_constraints; k++)
            if (!strcmp(r->constraint[k].metric, other->constraint[k].metric))
                made->constraint[k] = t->constraint[k];
        ANL_TRY(store_put_trial(d->store, r, made));
    }
    return ANL_OK;
}

static anl_status warm_start(driver *d)
{
    sweep_open other;
    if (!d->recipe->warm_start) return ANL_OK;
    ANL_TRY(anl__context(d->ctx, sweep_open_dir(d->ctx, d->recipe->warm_start, &other), "warm_start"));
    anl_status st = take_warm(d, &other.state);
    sweep_close(&other);
    return st;
}

/* ---- new, or gone on with -------------------------------------------------------------------------- */

static anl_status create_tables(driver *d)
{
    anl__buf text;
    anl__buf_init(&text, d->ctx);
    anl_status st = sweep_describe(d->recipe, &text);
    if (st == ANL_OK) st = text.status;
    if (st == ANL_OK) st = store_begin(d->store);
    if (st == ANL_OK) st = warm_start(d);
    if (st == ANL_OK) st = store_put_meta(d->store, "recipe", text.text);
    if (st == ANL_OK) st = store_commit(d->store);
    if (st != ANL_OK) store_rollback(d->store);
    anl__buf_release(&text);
    return st;
}

static anl_status create(driver *d)
{
    anl__buf base;
    anl__buf_init(&base, d->ctx);
    anl_status st = recipe_dump(d->recipe->base, &base);
    if (st == ANL_OK) st = put_text(d, "base.yaml", &base);
    anl__buf_release(&base);
    ANL_TRY(st);
    ANL_TRY(keep_recipe(d));
    return create_tables(d); /* last: what is there before it binds nobody */
}

static anl_status log_start(driver *d, int strays)
{
    char why[64];
    snprintf(why, sizeof why, strays ? "%d processes of an earlier driver were ended" : "no process was left",
             strays);
    return store_log(d->store,
                     &(log_entry){.kind = "start", .trial = -1, .seen = -1, .value = NAN, .why = why});
}

/* A directory of something else, whose files a new sweep would stand among, or replace. */
static bool foreign(const driver *d)
{
    char *store_file = file_in(d->arena, d->dir, "sweep.db"), *own = file_in(d->arena, d->dir, "sweep.yaml"),
         *trials = file_in(d->arena, d->dir, "trials");
    bool known = store_file && own && trials &&
                 (anl__path_exists(store_file) || (anl__path_exists(own) && anl__path_is_dir(trials)));
    DIR *dir = known ? NULL : opendir(d->dir);
    bool other = false;
    for (struct dirent *e; dir && (e = readdir(dir));)
        other |= strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && strcmp(e->d_name, "lock") &&
                 strcmp(e->d_name, "requests");
    if (dir) closedir(dir);
    return other;
}

static anl_status find_dir(driver *d)
{
    char here[4096];
    d->dir = d->o->dir ? d->o->dir : driver_default_dir(d->arena, d->o->recipe);
    if (!d->dir) return ANL_NOMEM;
    bool is_new = !anl__path_exists(d->dir);
    if (is_new && !d->o->recipe) return anl__fail(d->ctx, ANL_INVALID, "%s: there is no such sweep", d->dir);
    if (!is_new && d->o->recipe && foreign(d))
        return anl__fail(d->ctx, ANL_RECIPE,
                         "%s is no sweep and not empty: name another directory with --dir", d->dir);
    ANL_TRY(anl__run_dir_open(d->ctx, d->dir, true, &d->lock));
    d->dir = anl__run_dir_path(d->lock);
    d->base = file_in(d->arena, d->dir, "base.yaml");
    d->mark = realpath(d->dir, here) ? anl__arena_strdup(d->arena, here) : NULL;
    return d->base && d->mark ? ANL_OK : anl__fail(d->ctx, ANL_IO, "%s: no absolute path", d->dir);
}

/* Its own recipe, or the one given. */
static anl_status load_recipe(driver *d)
{
    if (d->o->recipe) return sweep_recipe_load(d->ctx, d->o->recipe, NULL, &d->recipe);
    char *own = file_in(d->arena, d->dir, "sweep.yaml");
    if (!own) return ANL_NOMEM;
    if (!anl__path_exists(own))
        return anl__fail(d->ctx, ANL_INVALID, "%s is no sweep: it has no sweep.yaml", d->dir);
    return sweep_recipe_load(d->ctx, own, d->base, &d->recipe);
}

static anl_status places(driver *d)
{
    d->n_workers = d->recipe->parallel;
    d->worker = anl__calloc(d->ctx, (size_t)d->n_workers, sizeof *d->worker);
    d->slot_use = anl__calloc(d->ctx, (size_t)d->recipe->n_slots + 1, sizeof *d->slot_use);
    d->slot_room = anl__calloc(d->ctx, (size_t)d->recipe->n_slots + 1, sizeof *d->slot_room);
    for (int i = 0; i < d->recipe->n_slots && d->slot_room; i++) d->slot_room[i] = d->recipe->slot[i].trials;
    const char *kind = anl__environment("TERM");
    d->terminal = !d->o->plain && isatty(2) && kind && strcmp(kind, "dumb");
    return d->worker && d->slot_use && d->slot_room ? ANL_OK : ANL_NOMEM;
}

anl_status driver_open(driver *d)
{
    const char *text = NULL, *seconds = NULL;
    ANL_TRY(anl__arena_create(d->ctx, &d->arena));
    if (d->o->recipe) ANL_TRY(load_recipe(d)); /* a mistake in the file makes no directory */
    ANL_TRY(find_dir(d));
    if (!d->recipe) ANL_TRY(load_recipe(d));
    ANL_TRY(places(d));
    int strays = process_kill_strays(d->mark);
    ANL_TRY(store_open(d->ctx, d->dir, true, &d->store));
    ANL_TRY(sweep_state_load(d->ctx, d->recipe, d->store, &d->state));
    ANL_TRY(store_meta(d->store, d->arena, "recipe", &text));
    ANL_TRY(store_meta(d->store, d->arena, "seconds", &seconds));
    ANL_TRY(requests_load(d));
    d->seconds_before = seconds ? strtod(seconds, NULL) : 0;
    if (text) {
        ANL_TRY(agree(d, text));
        ANL_TRY(keep_recipe(d));
        show_line(d, "%s: goes on with %lld trials", d->dir, (long long)(d->state.n - d->state.n_warm));
    } else {
        ANL_TRY(create(d));
        show_line(d, "%s: a new sweep", d->dir);
    }
    return log_start(d, strays);
}

void driver_close(driver *d)
{
    store_close(d->store);
    if (d->state.ctx) sweep_state_free(&d->state);
    sweep_recipe_free(d->recipe);
    for (int i = 0; i < d->n_workers && d->worker; i++) anl__free(d->ctx, d->worker[i].run);
    anl__free(d->ctx, d->worker);
    anl__free(d->ctx, d->slot_use);
    anl__free(d->ctx, d->slot_room);
    for (int64_t i = 0; i < d->n_added; i++) anl__free(d->ctx, d->added[i]);
    anl__free(d->ctx, d->added);
    anl__run_dir_close(d->lock);
    if (d->arena) anl__arena_destroy(d->arena);
}

/* ---- for readers ------------------------------------------------------------------------------------ */

anl_status sweep_open_dir(anl_ctx *ctx, const char *dir, sweep_open *out)
{
    anl__arena *a;
    *out = (sweep_open){0};
    ANL_TRY(anl__arena_create(ctx, &a));
    char *own = file_in(a, dir, "sweep.yaml"), *base = file_in(a, dir, "base.yaml");
    anl_status st = own && base ? ANL_OK : ANL_NOMEM;
    if (st == ANL_OK && !anl__path_exists(own))
        st = anl__fail(ctx, ANL_INVALID, "%s is no sweep: it has no sweep.yaml", dir);
    if (st == ANL_OK) st = store_open(ctx, dir, false, &out->store);
    if (st == ANL_OK) st = sweep_recipe_load(ctx, own, base, &out->recipe);
    if (st == ANL_OK) st = sweep_state_load(ctx, out->recipe, out->store, &out->state);
    anl__arena_destroy(a);
    if (st != ANL_OK) sweep_close(out);
    return st;
}

void sweep_close(sweep_open *s)
{
    if (s->state.ctx) sweep_state_free(&s->state);
    store_close(s->store);
    sweep_recipe_free(s->recipe);
    *s = (sweep_open){0};
}
