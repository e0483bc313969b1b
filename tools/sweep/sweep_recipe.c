/* See sweep_recipe.h: the top level of a sweep's recipe, and what it says of itself. */
#include "sweep_recipe.h"

#include "runtime/base/files.h"
#include "runtime/train/loop.h"
#include "space_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the base recipe ------------------------------------------------------------------------- */

/* Beside the sweep's file, else as it stands. */
static const char *beside(sweep_recipe *r, const char *name)
{
    const char *slash = strrchr(r->path, '/');
    if (name[0] == '/' || !slash) return name;
    char *path = anl__arena_printf(r->arena, "%.*s/%s", (int)(slash - r->path), r->path, name);
    return path && anl__path_exists(path) ? path : name;
}

static void read_base(sweep_reader *s, const yaml_node *map)
{
    sweep_recipe *r = s->r;
    const yaml_node *list = yaml_find(map, "override");
    const char *name = sweep_text(s, map, "base", NULL);
    if (!name) {
        if (!yaml_find(map, "base"))
            sweep_wrong(s, NULL, "base is missing: the recipe that is searched over");
        return;
    }
    bool given = r->base_path != NULL;
    if (!given) r->base_path = beside(r, name);
    if (list && list->kind != YAML_LIST) {
        sweep_wrong(s, list, "override is a list of key=value texts");
        return;
    }
    int n = list && !given ? list->n : 0;
    const char **word = anl__arena_alloc(r->arena, sizeof *word * (size_t)(n + 1));
    for (int i = 0; word && i < n; i++)
        word[i] = list->item[i]->kind == YAML_SCALAR ? list->item[i]->text : "";
    if (!word || recipe_load(r->ctx, r->base_path, word, n, &r->base))
        sweep_wrong_last(s, yaml_find(map, "base"), "base");
}

/* An override of what the space decides. */
static void check_overrides(sweep_reader *s, const yaml_node *map)
{
    const yaml_node *list = yaml_find(map, "override");
    for (int i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        const yaml_node *n = list->item[i];
        size_t len = n->kind == YAML_SCALAR ? strcspn(n->text, "=") : 0;
        for (int k = 0; len && k < space_count(s->r->space); k++) {
            const char *name = space_axis_at(s->r->space, k)->name;
            if (strlen(name) == len && !strncmp(name, n->text, len))
                sweep_wrong(s, n, "%s is an axis of the space: the override would never hold", name);
        }
    }
}

/* ---- what is made good ----------------------------------------------------------------------- */

static const char *const metrics[] = {"valid.loss",     "valid.accuracy",   "valid.topk",
                                      "valid.macro_f1", "valid.auc",        "valid.average_precision",
                                      "valid.bits",     "valid.perplexity", "valid.rmse",
                                      "valid.mae",      "valid.r2",         "train.loss",
                                      "train.accuracy", "seconds",          "samples_per_second",
                                      "parameters",     "memory",           "milliseconds"};
enum { METRICS = sizeof metrics / sizeof *metrics };

/* Which of `metrics` the models of one kind report; the rest is common to all. */
static const char *reported_by(const char *model)
{
    static const char *const tokens[] = {"charlm", "transformer", "seq2seq", NULL};
    if (!strcmp(model, "forecaster")) return "valid.rmse valid.mae valid.r2";
    for (int i = 0; tokens[i]; i++)
        if (!strcmp(model, tokens[i])) return "valid.accuracy valid.bits valid.perplexity train.accuracy";
    return "valid.accuracy valid.topk valid.macro_f1 valid.auc valid.average_precision train.accuracy ";
}

static bool known_metric(sweep_reader *s, const yaml_node *at, const char *name)
{
    const char *model = s->r->base ? recipe_text(s->r->base, "model.name") : NULL;
    if (!strncmp(name, "test", 4)) {
        sweep_wrong(s, at, "%s: nothing is chosen by the test part: name a metric of the validation part",
                    name);
        return false;
    }
    int k = 0;
    while (k < METRICS && strcmp(metrics[k], name)) k++;
    if (k == METRICS) {
        const char *near = anl__nearest(name, metrics, METRICS);
        sweep_wrong(s, at, "the recipe never reports %.60s%s%s%s", name, near ? "; did you mean " : "",
                    near ? near : "", near ? "?" : "");
        return false;
    }
    if (!model || strchr(name, '.') == NULL || strstr(name, ".loss")) return true;
    size_t len = strlen(name);
    for (const char *p = reported_by(model); (p = strstr(p, name)); p += len)
        if (p[len] == ' ' || !p[len]) return true;
    sweep_wrong(s, at,
                "the recipe never reports %s: model.name is %s, which reports valid.loss train.loss %s", name,
                model, reported_by(model));
    return false;
}

static bool more_is_better(const char *metric)
{
    return strncmp(metric, "valid.", 6) && strncmp(metric, "train.", 6)
               ? !strcmp(metric, "samples_per_second")
           : !strcmp(metric, "valid.perplexity") ? false
                                                 : !anl__metric_lower(metric);
}

static void read_objective(sweep_reader *s, const yaml_node *n)
{
    static const char *const names[] = {"metric", "goal", NULL};
    sweep_recipe *r = s->r;
    const char *metric = n->kind == YAML_SCALAR ? n->text : NULL, *goal = NULL;
    if (!metric) {
        if (!sweep_keys(s, n, "objective", names)) return;
        metric = sweep_text(s, n, "metric", NULL);
        goal = sweep_text(s, n, "goal", NULL);
    }
    if (!metric || !metric[0]) {
        sweep_wrong(s, n, "an objective needs a metric");
        return;
    }
    if (goal && strcmp(goal, "min") && strcmp(goal, "max")) {
        sweep_wrong(s, yaml_find(n, "goal"), "goal is min or max, not '%.60s'", goal);
        return;
    }
    if (!known_metric(s, n, metric)) return;
    if (r->n_objectives == SWEEP_MAX_OBJECTIVES) {
        sweep_wrong(s, n, "more than %d objectives", SWEEP_MAX_OBJECTIVES);
        return;
    }
    for (int i = 0; i < r->n_objectives; i++)
        if (!strcmp(r->metric[i], metric)) sweep_wrong(s, n, "the objective %s stands twice", metric);
    r->metric[r->n_objectives] = metric;
    r->maximize[r->n_objectives++] = goal ? !strcmp(goal, "max") : more_is_better(metric);
}

static void read_objectives(sweep_reader *s, const yaml_node *map)
{
    const yaml_node *n = yaml_find(map, "objective");
    if (!n) {
        sweep_wrong(s, NULL,
                    "objective is missing: a metric, as valid.accuracy, or {metric: valid.loss, goal: min}");
        return;
    }
    for (int i = 0; n->kind == YAML_LIST && i < n->n; i++) read_objective(s, n->item[i]);
    if (n->kind != YAML_LIST) read_objective(s, n);
    else if (!n->n) sweep_wrong(s, n, "objective is empty");
    const char *at = sweep_text(s, map, "at", "best");
    s->r->at_last = !strcmp(at, "last");
    if (!s->r->at_last && strcmp(at, "best"))
        sweep_wrong(s, yaml_find(map, "at"), "at is best or last, not '%.60s'", at);
}

static void read_constraints(sweep_reader *s, const yaml_node *list)
{
    static const char *const names[] = {"metric", "max", "min", NULL};
    sweep_recipe *r = s->r;
    if (!list) return;
    if (list->kind != YAML_LIST || list->n > SWEEP_MAX_CONSTRAINTS) {
        sweep_wrong(s, list, "constraints is a list of up to %d maps {metric: parameters, max: 100000}",
                    SWEEP_MAX_CONSTRAINTS);
        return;
    }
    for (int i = 0; i < list->n; i++) {
        const yaml_node *n = list->item[i];
        if (!sweep_keys(s, n, "constraints", names)) continue;
        const char *metric = sweep_text(s, n, "metric", NULL);
        bool below = yaml_find(n, "max") != NULL;
        if (!metric || below == (yaml_find(n, "min") != NULL)) {
            sweep_wrong(s, n, "a constraint needs a metric and either max or min");
            continue;
        }
        if (!known_metric(s, n, metric)) continue;
        double limit = sweep_number(s, n, below ? "max" : "min", 0, -INFINITY, INFINITY);
        r->constraint[r->n_constraints++] = (sweep_constraint){metric, below, limit};
    }
}

/* ---- who searches, and with how much --------------------------------------------------------- */

/* "tpe", or {name: tpe, startup: 10}; an empty map stands for the word alone. */
static const char *named(sweep_reader *s, const yaml_node *n, const char *what, const char *const *names,
                         const char *def, const yaml_node **options)
{
    *options = yaml_new(s->r->arena, YAML_MAP, s->r->path);
    if (!n) return def;
    if (n->kind == YAML_SCALAR && n->text[0]) return n->text;
    if (!sweep_keys(s, n, what, names)) return def;
    *options = n;
    return sweep_text(s, n, "name", def);
}

static void read_sampler(sweep_reader *s, const yaml_node *map)
{
    static const char *const names[] = {"name",  "startup",       "candidates", "population",
                                        "sigma", "constant_liar", NULL};
    sweep_recipe *r = s->r;
    const yaml_node *n = yaml_find(map, "sampler"), *o;
    const char *name = named(s, n, "sampler", names, "tpe", &o);
    r->options = sampler_options_default();
    if (sampler_find(r->ctx, name, &r->sampler)) sweep_wrong_last(s, n, NULL);
    if (!o) return;
    r->options.startup = (int)sweep_int(s, o, "startup", r->options.startup, 1, 1 << 20);
    r->options.candidates = (int)sweep_int(s, o, "candidates", r->options.candidates, 1, 1 << 20);
    r->options.population = (int)sweep_int(s, o, "population", r->options.population, 0, 100000);
    r->options.sigma = sweep_number(s, o, "sigma", r->options.sigma, 0, 1);
    r->options.constant_liar = sweep_bool(s, o, "constant_liar", r->options.constant_liar);
}

static void read_scheduler(sweep_reader *s, const yaml_node *map)
{
    static const char *const names[] = {"name",     "min",        "eta",      "startup",  "warmup",
                                        "interval", "population", "quantile", "resample", NULL};
    sweep_recipe *r = s->r;
    const yaml_node *n = yaml_find(map, "scheduler"), *o;
    const char *name = named(s, n, "scheduler", names, "none", &o);
    schedule_task *t = &r->schedule;
    *t = schedule_task_default();
    if (scheduler_find(r->ctx, name, &r->scheduler)) {
        sweep_wrong_last(s, n, NULL);
        (void)!scheduler_find(r->ctx, "none", &r->scheduler);
    }
    if (!o) return;
    t->min_step = sweep_int(s, o, "min", t->min_step, 1, 1000000);
    t->eta = sweep_number(s, o, "eta", t->eta, 0, 1000);
    t->median_startup = (int)sweep_int(s, o, "startup", t->median_startup, 1, 1000000);
    t->warmup = sweep_int(s, o, "warmup", t->warmup, 0, 1000000);
    t->interval = sweep_int(s, o, "interval", t->interval, 0, 1000000);
    t->population = (int)sweep_int(s, o, "population", t->population, 2, 100000);
    t->quantile = sweep_number(s, o, "quantile", t->quantile, 0, 0.5);
    t->resample = sweep_number(s, o, "resample", t->resample, 0, 1);
}

static void read_budget(sweep_reader *s, const yaml_node *map)
{
    static const char *const names[] = {"trials", "epochs", "hours", NULL};
    const yaml_node *b = yaml_find(map, "budget");
    if (!b || !sweep_keys(s, b, "budget", names)) return;
    s->r->trials = sweep_int(s, b, "trials", 0, 1, 1000000);
    s->r->epochs = sweep_int(s, b, "epochs", 0, 1, 1000000000000);
    s->r->hours = sweep_number(s, b, "hours", 0, 1e-6, 1e6);
}

/* ---- how it is run --------------------------------------------------------------------------- */

static bool read_slot(sweep_reader *s, const yaml_node *n, int index, sweep_slot *slot)
{
    static const char *const names[] = {"name", "env", "cpus", "trials", NULL};
    size_t before = s->errors.len;
    if (!sweep_keys(s, n, "slots", names)) return false;
    slot->name = sweep_text(s, n, "name", NULL);
    if (!slot->name) slot->name = anl__arena_printf(s->r->arena, "%d", index);
    slot->cpus = sweep_text(s, n, "cpus", NULL);
    if (slot->cpus && slot->cpus[strspn(slot->cpus, "0123456789,-")]) {
        sweep_wrong(s, yaml_find(n, "cpus"), "cpus is a list as 0-3,8, not '%.60s'", slot->cpus);
        slot->cpus = NULL;
    }
    slot->trials = (int)sweep_int(s, n, "trials", 1, 1, SWEEP_MAX_PARALLEL);
    const yaml_node *env = yaml_find(n, "env");
    if (!env) return slot->name && s->errors.len == before;
    int count = env->kind == YAML_LIST ? env->n : 1;
    const char **text = anl__arena_alloc(s->r->arena, sizeof *text * (size_t)(count + 1));
    for (int i = 0; text && i < count; i++) {
        const yaml_node *e = env->kind == YAML_LIST ? env->item[i] : env;
        if (e->kind != YAML_SCALAR || !strchr(e->text, '=') || e->text[0] == '=') {
            sweep_wrong(s, e, "env is a list of NAME=value texts");
            return false;
        }
        text[i] = e->text;
    }
    slot->env = text;
    slot->n_env = count;
    return text && s->errors.len == before;
}

static void read_slots(sweep_reader *s, const yaml_node *map)
{
    sweep_recipe *r = s->r;
    const yaml_node *list = yaml_find(map, "slots");
    if (list && (list->kind != YAML_LIST || !list->n || list->n > SWEEP_MAX_SLOTS)) {
        sweep_wrong(s, list,
                    "slots is a list of 1 to %d maps {name: gpu0, env: [CUDA_VISIBLE_DEVICES=0], trials: 2}",
                    SWEEP_MAX_SLOTS);
        return;
    }
    int room = 0;
    r->slot = anl__arena_alloc(r->arena, sizeof *r->slot * (size_t)(list ? list->n : 1));
    for (int i = 0; r->slot && list && i < list->n; i++) {
        if (!read_slot(s, list->item[i], i, &r->slot[r->n_slots])) continue;
        room += r->slot[r->n_slots++].trials;
    }
    r->parallel = (int)sweep_int(s, map, "parallel", list ? room : 1, 1, SWEEP_MAX_PARALLEL);
    if (list && r->parallel > room && r->n_slots == list->n)
        sweep_wrong(s, yaml_find(map, "parallel"), "parallel is %d, and the slots hold %d trials",
                    r->parallel, room);
}

static void read_running(sweep_reader *s, const yaml_node *map)
{
    sweep_recipe *r = s->r;
    const char *order = sweep_text(s, map, "order", "async"), *warm = sweep_text(s, map, "warm_start", NULL);
    r->strict = !strcmp(order, "strict");
    if (!r->strict && strcmp(order, "async"))
        sweep_wrong(s, yaml_find(map, "order"), "order is async or strict, not '%.60s'", order);
    r->warm_text = warm;
    r->warm_start = warm ? beside(r, warm) : NULL;
    r->seed = (uint64_t)sweep_int(s, map, "seed", 0, 0, 1000000000000000);
    r->folds = (int)sweep_int(s, map, "folds", 0, 0, 1000);
    r->seeds = (int)sweep_int(s, map, "seeds", 0, 0, 1000);
    if (r->folds == 1)
        sweep_wrong(s, yaml_find(map, "folds"), "one fold leaves nothing to train on: 2 and more, or 0");
    r->pin = sweep_bool(s, map, "pin", true);
    r->retries = (int)sweep_int(s, map, "retries", 3, 0, 1000);
    r->failures = sweep_int(s, map, "failures", 0, 0, 1000000);
    r->heartbeat = sweep_number(s, map, "heartbeat", 1800, 0, 1e9);
    r->timeout = sweep_number(s, map, "timeout", 0, 0, 1e9);
    r->file_limit = sweep_number(s, map, "file_limit", 0, 0, 1e9);
    r->test = sweep_bool(s, map, "test", true);
    r->launcher = sweep_text(s, map, "launcher", NULL);
    if (r->launcher && !strstr(r->launcher, "{cmd}") && !strstr(r->launcher, "{quoted}"))
        sweep_wrong(s, yaml_find(map, "launcher"), "launcher has no {cmd}: it would start nothing");
    read_slots(s, map);
}

/* ---- what only the whole can tell ------------------------------------------------------------ */

static void check_together(sweep_reader *s, const yaml_node *map)
{
    sweep_recipe *r = s->r;
    int64_t limit = -1;
    bool rungs = !strcmp(r->scheduler->name, "asha") || !strcmp(r->scheduler->name, "hyperband");
    bool pbt = !strcmp(r->scheduler->name, "pbt");
    sampler_task t = sweep_sampler_task(r);
    if (sampler_check(r->ctx, r->sampler, &t)) sweep_wrong_last(s, yaml_find(map, "sampler"), NULL);
    else if (sampler_limit(r->ctx, r->sampler, &t, &limit))
        sweep_wrong_last(s, yaml_find(map, "sampler"), NULL);
    else if (limit >= 0 && (!r->trials || r->trials > limit)) r->trials = limit;
    r->schedule.max_step = sweep_parts(r) > 1 ? sweep_parts(r) : sweep_epochs_of_part(r);
    r->schedule.maximize = r->maximize[0];
    r->schedule.strict = r->strict;
    r->schedule.trials = r->trials;
    r->schedule.space = r->space;
    r->schedule.seed = r->seed;
    if (scheduler_check(r->ctx, r->scheduler, &r->schedule))
        sweep_wrong_last(s, yaml_find(map, "scheduler"), NULL);
    if (pbt && !r->trials) r->trials = r->schedule.trials = r->schedule.population;
    if (!r->trials && !r->epochs && !r->hours)
        sweep_wrong(s, yaml_find(map, "budget"), "budget is missing: trials, epochs or hours, in all");
    int64_t whole = sweep_parts(r) * sweep_epochs_of_part(r);
    if (r->epochs && r->epochs < whole)
        sweep_wrong(s, yaml_find(map, "budget"), "budget.epochs is %lld, and one whole trial takes %lld",
                    (long long)r->epochs, (long long)whole);
    if (r->strict && (rungs || pbt) && !r->trials)
        sweep_wrong(s, yaml_find(map, "order"),
                    "order: strict with %s needs budget.trials, which says when a rung is complete",
                    r->scheduler->name);
    if (r->strict && r->epochs && strcmp(r->scheduler->name, "none"))
        sweep_wrong(
            s, yaml_find(map, "order"),
            "order: strict with %s knows no budget.epochs: who gets the last ones would depend on time",
            r->scheduler->name);
    if (pbt && sweep_parts(r) > 1)
        sweep_wrong(s, yaml_find(map, "scheduler"),
                    "pbt takes over weights, and knows no folds and no seeds");
    if (r->n_objectives > 1 && strcmp(r->scheduler->name, "none"))
        sweep_wrong(s, yaml_find(map, "scheduler"),
                    "%s stops trials by one objective, and there are %d: scheduler: none", r->scheduler->name,
                    r->n_objectives);
}

/* The best checkpoint of a trial is the one that the sweep chose it by. */
static void set_best_metric(sweep_reader *s)
{
    sweep_recipe *r = s->r;
    bool valid = !strncmp(r->metric[0], "valid.", 6),
         agrees = r->maximize[0] != anl__metric_lower(r->metric[0]);
    if (recipe_is_set(r->base, "checkpoint.metric") || !valid || !agrees) return;
    if (recipe_set(r->base, "checkpoint.metric", r->metric[0])) sweep_wrong_last(s, NULL, NULL);
}

static void read_all(sweep_reader *s, const yaml_node *map)
{
    const yaml_node *sp = yaml_find(map, "space");
    const char *names[SWEEP_MAX_KEYS + 1] = {NULL};
    for (int k = 0; sweep_key_table[k].name; k++) names[k] = sweep_key_table[k].name;
    sweep_keys(s, map, "a sweep", names);
    read_base(s, map);
    read_objectives(s, map);
    read_sampler(s, map);
    read_scheduler(s, map);
    read_budget(s, map);
    read_running(s, map);
    read_constraints(s, yaml_find(map, "constraints"));
    if (!sp) sweep_wrong(s, NULL, "space is missing: the keys that are searched over");
    else if (s->r->base) sweep_read_space(s, sp);
    sweep_read_points(s, yaml_find(map, "points"));
    if (s->errors.len || !s->r->space) return;
    check_overrides(s, map);
    set_best_metric(s);
    check_together(s, map);
}

anl_status sweep_recipe_load(anl_ctx *ctx, const char *path, const char *base, sweep_recipe **out)
{
    anl__arena *a;
    void *text = NULL;
    size_t bytes = 0;
    yaml_node *root = NULL;
    if (anl__path_is_dir(path))
        return anl__fail(ctx, ANL_RECIPE, "%s is a directory, not a sweep's recipe", path);
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_RECIPE, "%s: there is no such sweep", path);
    ANL_TRY(anl__arena_create(ctx, &a));
    sweep_recipe *r = anl__arena_alloc(a, sizeof *r);
    sweep_reader s = {.r = r};
    anl__buf_init(&s.errors, ctx);
    anl_status st = ANL_NOMEM;
    if (!r) goto done;
    *r = (sweep_recipe){.ctx = ctx, .arena = a, .path = anl__arena_strdup(a, path)};
    r->base_path = base ? anl__arena_strdup(a, base) : NULL;
    if (!r->path || (base && !r->base_path)) goto done;
    ANL_GO(anl__file_read(ctx, path, (size_t)2 << 20, &text, &bytes));
    ANL_GO(yaml_parse(ctx, a, r->path, text, bytes, &s.errors, &root));
    if (root && root->kind != YAML_MAP) sweep_wrong(&s, root, "a sweep is a map of keys");
    else if (root) read_all(&s, root);
    st = s.errors.status;
    if (st == ANL_OK && s.errors.len) {
        s.errors.text[s.errors.len - 1] = 0;
        st = anl__fail(ctx, ANL_RECIPE, "%s", s.errors.text);
    }
done:
    anl__free(ctx, text);
    anl__buf_release(&s.errors);
    if (st == ANL_OK) *out = r;
    else if (r) sweep_recipe_free(r);
    else anl__arena_destroy(a);
    return st;
}

void sweep_recipe_free(sweep_recipe *r)
{
    if (!r) return;
    space_destroy(r->space);
    recipe_free(r->base);
    anl__arena_destroy(r->arena);
}

/* ---- what follows from it -------------------------------------------------------------------- */

int sweep_parts(const sweep_recipe *r)
{
    return (r->folds ? r->folds : 1) * (r->seeds ? r->seeds : 1);
}

int64_t sweep_epochs_of_part(const sweep_recipe *r)
{
    return recipe_int(r->base, "train.epochs");
}

sampler_task sweep_sampler_task(const sweep_recipe *r)
{
    return (sampler_task){.space = r->space,
                          .seed = r->seed,
                          .n_objectives = r->n_objectives,
                          .maximize = r->maximize,
                          .n_constraints = r->n_constraints,
                          .points = r->points,
                          .n_points = r->n_points,
                          .options = r->options};
}

anl_status sweep_overrides(const sweep_recipe *r, const double *point, int part, anl__arena *a,
                           const char *const **out, int *n)
{
    int axes = space_count(r->space), count = 0;
    const char **word = anl__arena_alloc(a, sizeof *word * (size_t)(axes + 3));
    if (!word) return ANL_NOMEM;
    for (int i = 0; i < axes; i++) {
        anl__buf b;
        if (!space_active(r->space, i, point)) continue;
        anl__buf_init(&b, r->ctx);
        space_text(r->space, i, point[i], &b);
        word[count] = b.status == ANL_OK
                          ? anl__arena_printf(a, "%s=%s", space_axis_at(r->space, i)->name, b.text)
                          : NULL;
        anl__buf_release(&b);
        if (!word[count++]) return ANL_NOMEM;
    }
    if (r->folds) {
        word[count++] = anl__arena_printf(a, "data.folds=%d", r->folds);
        word[count++] = anl__arena_printf(a, "data.fold=%d", part % r->folds);
    }
    if (r->seeds) {
        long long seed = (long long)recipe_int(r->base, "train.seed") + part / (r->folds ? r->folds : 1);
        word[count++] = anl__arena_printf(a, "train.seed=%lld", seed);
    }
    for (int i = 0; i < count; i++)
        if (!word[i]) return ANL_NOMEM;
    *out = word;
    *n = count;
    return ANL_OK;
}

static void describe_search(const sweep_recipe *r, anl__buf *out)
{
    const sampler_options *o = &r->options;
    const schedule_task *t = &r->schedule;
    anl__buf_add(out,
                 "sampler: %s\nsampler options: startup %d, candidates %d, constant_liar %d, population %d, "
                 "sigma %g\n",
                 r->sampler->name, o->startup, o->candidates, o->constant_liar, o->population, o->sigma);
    anl__buf_add(out,
                 "scheduler: %s\nscheduler options: min %lld, eta %g, startup %d, warmup %lld, interval "
                 "%lld, population %d, quantile %g, resample %g\n",
                 r->scheduler->name, (long long)t->min_step, t->eta, t->median_startup, (long long)t->warmup,
                 (long long)t->interval, t->population, t->quantile, t->resample);
    anl__buf_add(out, "seed: %llu\norder: %s\n", (unsigned long long)r->seed, r->strict ? "strict" : "async");
    if (r->strict)
        anl__buf_add(out, "parallel: %d\n", r->parallel); /* what a proposal may see depends on it */
    anl__buf_add(out, "folds: %d\nseeds: %d\n", r->folds, r->seeds);
    anl__buf_add(out, "warm_start: %s\n", r->warm_text ? r->warm_text : "none");
}

anl_status sweep_describe(const sweep_recipe *r, anl__buf *out)
{
    anl__buf text;
    int axes = space_count(r->space);
    anl__buf_init(&text, r->ctx);
    space_describe(r->space, &text);
    for (char *line = text.text, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        anl__buf_add(out, "space %.*s\n", (int)(end - line), line);
    }
    anl_status st = text.status;
    anl__buf_release(&text);
    anl__buf_add(out, "objective:");
    for (int i = 0; i < r->n_objectives; i++)
        anl__buf_add(out, "%s %s %s", i ? "," : "", r->metric[i], r->maximize[i] ? "max" : "min");
    anl__buf_add(out, " at %s\nconstraints:", r->at_last ? "last" : "best");
    for (int i = 0; i < r->n_constraints; i++)
        anl__buf_add(out, "%s %s %s %.17g", i ? "," : "", r->constraint[i].metric,
                     r->constraint[i].below ? "<=" : ">=", r->constraint[i].limit);
    anl__buf_add(out, "\n");
    describe_search(r, out);
    for (int k = 0; k < r->n_points; k++) {
        anl__buf point;
        anl__buf_init(&point, r->ctx);
        space_point_text(r->space, r->points + (size_t)k * (size_t)axes, &point);
        anl__buf_add(out, "point %d: %s\n", k + 1, point.text);
        anl__buf_release(&point);
    }
    return st == ANL_OK ? out->status : st;
}

/* The rest of the line that begins with this "what: "; NULL: there is none. */
static const char *line_of(const char *text, const char *what, size_t len, int *n)
{
    for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (!strncmp(p, what, len)) {
            *n = (int)(strcspn(p, "\n") - len);
            return p + len;
        }
    return NULL;
}

static void changes_of(const char *from, const char *to, bool removed, anl__buf *out)
{
    for (const char *p = from; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        const char *colon = strstr(p, ": ");
        size_t len = colon ? (size_t)(colon - p) + 2 : strcspn(p, "\n");
        int n = 0, own = (int)(strcspn(p, "\n") - len);
        const char *other = line_of(to, p, len, &n);
        if (!other)
            anl__buf_add(out, removed ? "  %.*snow gone (%.*s)\n" : "  %.*snew (%.*s)\n", (int)len, p, own,
                         p + len);
        else if (removed && (n != own || strncmp(other, p + len, (size_t)n)))
            anl__buf_add(out, "  %.*s%.*s -> %.*s\n", (int)len, p, own, p + len, n, other);
    }
}

void sweep_changes(const char *old, const char *now, anl__buf *out)
{
    changes_of(old, now, true, out);
    changes_of(now, old, false, out);
}
