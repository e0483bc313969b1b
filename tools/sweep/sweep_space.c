/* The search space of a sweep's recipe: axes checked against the table of recipe keys, and points given by
 * hand. */
#include "sweep_recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const recipe_key *key_of(const char *path)
{
    for (const recipe_key *k = recipe_keys; k->path; k++)
        if (!strcmp(k->path, path)) return k;
    return NULL;
}

/* Something inside a key that holds a tree: "model.layers.0.filters". */
static bool in_tree(const char *path)
{
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        size_t n = strlen(k->path);
        if (k->type == RECIPE_TREE && !strncmp(k->path, path, n) && path[n] == '.') return true;
    }
    return false;
}

static bool whole_text(const char *text)
{
    return !text[strspn(text, "+-0123456789")];
}

static bool among(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strcspn(p, "|") == n && !strncmp(p, word, n)) return true;
    return false;
}

/* What the base recipe says of "key=value"; for what stands inside a tree, and for unknown keys. */
static bool accepted(sweep_reader *s, const yaml_node *at, const char *key, const char *value)
{
    recipe *probe = NULL;
    char *word = anl__arena_printf(s->r->arena, "%s=%s", key, value);
    if (!word || recipe_load(s->r->ctx, s->r->base_path, (const char *const *)&word, 1, &probe)) {
        sweep_wrong_last(s, at, key);
        return false;
    }
    recipe_free(probe);
    return true;
}

static bool number_fits(sweep_reader *s, const yaml_node *at, const recipe_key *k, double v)
{
    if (k->min == 0 && k->max == 0) return true;
    if (v >= k->min && v <= k->max) return true;
    sweep_wrong(s, at, "%s: %g is not within %g to %g, the recipe key's range", k->path, v, k->min, k->max);
    return false;
}

static bool choice_fits(sweep_reader *s, const yaml_node *n, const recipe_key *k, const char *text)
{
    double v;
    switch (k->type) {
    case RECIPE_BOOL:
        if (!strcmp(text, "true") || !strcmp(text, "false")) return true;
        sweep_wrong(s, n, "%s: needs true or false, not '%.60s'", k->path, text);
        return false;
    case RECIPE_ENUM:
        if (among(k->choices, text)) return true;
        sweep_wrong(s, n, "%s: '%.60s' is none of %s", k->path, text, k->choices);
        return false;
    case RECIPE_INT:
    case RECIPE_REAL:
        if (k->also && !strcmp(text, k->also)) return true;
        if (sweep_as_number(n, &v) && (k->type == RECIPE_REAL || v == floor(v)))
            return number_fits(s, n, k, v);
        sweep_wrong(s, n, "%s: needs %s, not '%.60s'", k->path,
                    k->type == RECIPE_INT ? "a whole number" : "a number", text);
        return false;
    default: return true;
    }
}

static bool read_choices(sweep_reader *s, const yaml_node *list, const recipe_key *k, space_axis *a)
{
    if (list->kind != YAML_LIST || !list->n) {
        sweep_wrong(s, list, "%s: choices is a list of values", a->name);
        return false;
    }
    const char **choice = anl__arena_alloc(s->r->arena, sizeof *choice * (size_t)list->n);
    bool ok = choice != NULL;
    for (int i = 0; ok && i < list->n; i++) {
        const yaml_node *n = list->item[i];
        choice[i] = sweep_flow(s, n);
        if (!choice[i]) return false;
        ok = k ? choice_fits(s, n, k, choice[i]) : accepted(s, n, a->name, choice[i]);
    }
    a->kind = SPACE_CHOICE;
    a->choice = choice;
    a->n_choices = list->n;
    return ok;
}

/* low, high, log, step, grid, type. */
static bool read_range(sweep_reader *s, const yaml_node *map, const recipe_key *k, space_axis *a)
{
    const yaml_node *low = yaml_find(map, "low"), *high = yaml_find(map, "high"),
                    *step = yaml_find(map, "step");
    const char *type = sweep_text(s, map, "type", NULL);
    if (!low || !high) {
        sweep_wrong(s, map, "%s: needs low and high, or choices", a->name);
        return false;
    }
    if (k && k->type != RECIPE_INT && k->type != RECIPE_REAL) {
        sweep_wrong(s, map, "%s: this key is no number, so it needs choices, not low and high", a->name);
        return false;
    }
    if (type && strcmp(type, "int") && strcmp(type, "real")) {
        sweep_wrong(s, yaml_find(map, "type"), "%s: type is int or real, not '%.60s'", a->name, type);
        return false;
    }
    bool texts_whole = low->kind == YAML_SCALAR && high->kind == YAML_SCALAR && whole_text(low->text) &&
                       whole_text(high->text) &&
                       (!step || (step->kind == YAML_SCALAR && whole_text(step->text)));
    bool whole = type ? !strcmp(type, "int") : k ? k->type == RECIPE_INT : texts_whole;
    if (k && k->type == RECIPE_INT && !whole) {
        sweep_wrong(s, yaml_find(map, "type"), "%s: this key takes whole numbers only", a->name);
        return false;
    }
    size_t before = s->errors.len;
    a->kind = whole ? SPACE_INT : SPACE_REAL;
    a->low = sweep_number(s, map, "low", 0, -INFINITY, INFINITY);
    a->high = sweep_number(s, map, "high", 0, -INFINITY, INFINITY);
    a->step = sweep_number(s, map, "step", 0, -INFINITY, INFINITY);
    a->log = sweep_bool(s, map, "log", false);
    a->grid = (int)sweep_int(s, map, "grid", 0, 0, 1 << 30);
    if (step && a->step == 0) a->step = -1; /* a given 0 is refused, as below 0 */
    if (s->errors.len > before) return false;
    if (k && !(number_fits(s, low, k, a->low) && number_fits(s, high, k, a->high))) return false;
    return k ||
           (accepted(s, low, a->name, sweep_flow(s, low)) && accepted(s, high, a->name, sweep_flow(s, high)));
}

/* when: {parent: value or list of values} */
static bool read_when(sweep_reader *s, const yaml_node *when, space_axis *a)
{
    if (!when) return true;
    if (when->kind != YAML_MAP || when->n != 1) {
        sweep_wrong(s, when, "%s: when is one other key with the value or values that make this one active",
                    a->name);
        return false;
    }
    const yaml_node *v = when->item[0];
    int n = v->kind == YAML_LIST ? v->n : 1;
    const char **text = anl__arena_alloc(s->r->arena, sizeof *text * (size_t)(n + 1));
    if (!text) return false;
    for (int i = 0; i < n; i++)
        if (!(text[i] = sweep_flow(s, v->kind == YAML_LIST ? v->item[i] : v))) return false;
    a->parent = v->key;
    a->when = text;
    a->n_when = n;
    return true;
}

/* Keys that the sweep itself gives values. */
static const char *taken(const sweep_recipe *r, const char *key)
{
    if (r->folds && (!strcmp(key, "data.fold") || !strcmp(key, "data.folds"))) return "folds";
    if (r->seeds && !strcmp(key, "train.seed")) return "seeds";
    if (strcmp(r->scheduler->name, "none") && !strcmp(key, "train.epochs")) return "scheduler";
    if (r->epochs && !strcmp(key, "train.epochs")) return "budget.epochs";
    return NULL;
}

/* Keys that say which records a trial is judged by. */
static bool judges(const char *key)
{
    static const char *const names[] = {"data.validation", "data.folds", "data.fold", "data.test",
                                        "data.split_seed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], key)) return true;
    return false;
}

static bool read_axis(sweep_reader *s, const yaml_node *n, space_axis *a)
{
    static const char *const names[] = {"choices", "low",  "high", "log", "step",
                                        "grid",    "type", "when", NULL};
    const recipe_key *k = key_of(n->key);
    const char *owner = taken(s->r, n->key);
    yaml_node at = *n;
    at.line = n->key_line;
    at.column = n->key_column;
    *a = (space_axis){.name = n->key};
    if (owner) {
        sweep_wrong(s, &at, "space.%s: %s already decides about it", n->key, owner);
        return false;
    }
    if (strchr(n->key, '=')) {
        sweep_wrong(s, &at, "there is no key %.80s: a recipe's keys have no =", n->key);
        return false;
    }
    if (judges(n->key)) {
        sweep_wrong(s, &at, "space.%s: trials would be judged by different records, and not be comparable",
                    n->key);
        return false;
    }
    if (!k && !in_tree(n->key)) {
        accepted(s, &at, n->key, "1");
        return false;
    }
    if (n->kind == YAML_LIST) return read_choices(s, n, k, a);
    size_t before = s->errors.len;
    if (!sweep_keys(s, n, n->key, names) || s->errors.len > before) return false;
    const yaml_node *choices = yaml_find(n, "choices");
    if (choices && (yaml_find(n, "low") || yaml_find(n, "high"))) {
        sweep_wrong(s, choices, "%s: choices or low and high, not both", n->key);
        return false;
    }
    if (!(choices ? read_choices(s, choices, k, a) : read_range(s, n, k, a))) return false;
    return read_when(s, yaml_find(n, "when"), a);
}

void sweep_read_space(sweep_reader *s, const yaml_node *map)
{
    sweep_recipe *r = s->r;
    if (map->kind != YAML_MAP || !map->n || map->n > SPACE_MAX_AXES) {
        sweep_wrong(s, map, "space is a map of 1 to %d recipe keys", SPACE_MAX_AXES);
        return;
    }
    space_axis *axis = anl__arena_alloc(r->arena, sizeof *axis * (size_t)map->n);
    size_t before = s->errors.len;
    for (int i = 0; axis && i < map->n; i++) read_axis(s, map->item[i], &axis[i]);
    if (!axis || s->errors.len > before) return;
    for (int i = 1; i <= map->n; i++) { /* one more each time, so that an error has its axis's place */
        space_destroy(r->space);
        r->space = NULL;
        if (space_create(r->ctx, axis, i, &r->space)) {
            sweep_wrong_last(s, map->item[i - 1], NULL);
            return;
        }
    }
}

anl_status sweep_point_of_words(const sweep_recipe *r, const char *const *word, int n, double *point)
{
    const char *names[SPACE_MAX_AXES] = {NULL};
    const space *sp = r->space;
    int axes = space_count(sp);
    for (int i = 0; i < axes; i++) names[i] = space_axis_at(sp, i)->name;
    for (int k = 0; k < n; k++) {
        size_t len = strcspn(word[k], "=");
        char *key = anl__arena_printf(r->arena, "%.*s", (int)len, word[k]);
        if (!key) return ANL_NOMEM;
        if (!word[k][len] || !len) return anl__fail(r->ctx, ANL_RECIPE, "'%s' is not key=value", word[k]);
        if (space_find(sp, key) >= 0) continue;
        const char *near = anl__nearest(key, names, axes);
        return anl__fail(r->ctx, ANL_RECIPE, "%s is not in the search space%s%s%s", key,
                         near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    for (int i = 0; i < axes; i++) {
        const char *value = NULL;
        size_t len = strlen(names[i]);
        for (int k = 0; k < n; k++)
            if (!strncmp(word[k], names[i], len) && word[k][len] == '=') value = word[k] + len + 1;
        point[i] = NAN;
        if (space_active(sp, i, point)) {
            if (!value) return anl__fail(r->ctx, ANL_RECIPE, "the point has no value for %s", names[i]);
            ANL_TRY(space_parse(r->ctx, sp, i, value, &point[i]));
        } else if (value) {
            return anl__fail(r->ctx, ANL_RECIPE, "%s is not active in this point: it depends on %s", names[i],
                             space_axis_at(sp, i)->parent);
        }
    }
    return space_check(r->ctx, sp, point);
}

void sweep_read_points(sweep_reader *s, const yaml_node *list)
{
    sweep_recipe *r = s->r;
    if (!list || !r->space) return;
    int axes = space_count(r->space);
    if (list->kind != YAML_LIST) {
        sweep_wrong(s, list, "points is a list of maps from key to value");
        return;
    }
    r->points = anl__arena_alloc(r->arena, sizeof *r->points * (size_t)(list->n + 1) * (size_t)axes);
    const char **word = anl__arena_alloc(r->arena, sizeof *word * 1024);
    for (int i = 0; r->points && word && i < list->n; i++) {
        const yaml_node *p = list->item[i];
        int n = 0;
        if (p->kind != YAML_MAP) {
            sweep_wrong(s, p, "a point is a map from key to value");
            continue;
        }
        for (; n < p->n && n < 1000; n++) {
            const char *v = sweep_flow(s, p->item[n]);
            word[n] = anl__arena_printf(r->arena, "%s=%s", p->item[n]->key, v ? v : "");
            if (!word[n]) return;
        }
        if (sweep_point_of_words(r, word, n, r->points + (size_t)r->n_points * (size_t)axes))
            sweep_wrong_last(s, p, NULL);
        else r->n_points++;
    }
}
