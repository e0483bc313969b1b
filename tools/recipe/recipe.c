/* Recipes: from a tree to typed values; see recipe.h. */
#include "recipe.h"

#include "runtime/base/files.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct value {
    const yaml_node *node; /* NULL: the default */
    bool word;
    bool b;
    int n;
    double *number; /* [n] numbers, or one */
    const char **text;
    const yaml_node *tree;
} value;

struct recipe {
    anl_ctx *ctx;
    anl__arena *arena;
    const char *name;
    yaml_node *root;
    value *value; /* by key */
    int unknown;  /* keys complained about */
};

static int key_count(void)
{
    int n = 0;
    while (recipe_keys[n].path) n++;
    return n;
}

static int key_find(const char *path)
{
    for (int i = 0; recipe_keys[i].path; i++)
        if (!strcmp(recipe_keys[i].path, path)) return i;
    return -1;
}

/* ---- one value ------------------------------------------------------------------------------- */

static void wrong(anl__buf *e, anl__arena *a, const yaml_node *n, const char *path, const char *fmt, ...) ANL_FORMAT(5, 6);
static void wrong(anl__buf *e, anl__arena *a, const yaml_node *n, const char *path, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    anl__buf_add(e, "%s: %s: %s\n", yaml_where(a, n), path, what);
}

/* Decimal numbers only: what YAML 1.1 readers take as octal, hexadecimal, or with underscores, is refused. */
static bool number(const char *s, double *out)
{
    const char *p = s + (*s == '-' || *s == '+');
    char *end;
    if (!isdigit((unsigned char)*p) && !(*p == '.' && isdigit((unsigned char)p[1]))) return false;
    if (p[0] == '0' && isdigit((unsigned char)p[1])) return false;
    for (const char *q = p; *q; q++)
        if (!isdigit((unsigned char)*q) && !strchr(".eE+-", *q)) return false;
    errno = 0;
    *out = strtod(s, &end);
    return !*end && isfinite(*out);
}

static bool whole(const char *s)
{
    s += *s == '-' || *s == '+';
    for (; *s; s++)
        if (!isdigit((unsigned char)*s)) return false;
    return true;
}

static const char *why_no_number(const char *s)
{
    s += *s == '-' || *s == '+';
    if (s[0] == '0' && isalpha((unsigned char)s[1])) return " (only decimal numbers)";
    if (isdigit((unsigned char)*s) && strchr(s, ',')) return " (a decimal point, no comma)";
    if (isdigit((unsigned char)*s) && s[strlen(s) - 1] == '%') return " (20 % is 0.2)";
    if (s[0] == '0' && isdigit((unsigned char)s[1])) return " (a leading 0 is ambiguous)";
    return isdigit((unsigned char)*s) && strchr(s, '_') ? " (no underscores)" : "";
}

static bool take_number(anl__buf *e, anl__arena *a, const recipe_key *k, const yaml_node *n, bool integer, double *out)
{
    const char *kind = integer ? "an integer" : "a number";
    if (n->kind != YAML_SCALAR) wrong(e, a, n, k->path, "needs %s, not a %s", kind, n->kind == YAML_MAP ? "map" : "list");
    else if (n->quoted) wrong(e, a, n, k->path, "needs %s, not the text \"%.60s\"", kind, n->text);
    else if (!number(n->text, out)) wrong(e, a, n, k->path, "needs %s, not '%.60s'%s", kind, n->text, why_no_number(n->text));
    else if (integer && !whole(n->text)) wrong(e, a, n, k->path, "needs an integer, not %.60s", n->text);
    else if ((k->min != 0 || k->max != 0) && (*out < k->min || *out > k->max))
        wrong(e, a, n, k->path, "%.60s is outside %.15g to %.15g", n->text, k->min, k->max);
    else return true;
    return false;
}

static bool take_choice(anl__buf *e, anl__arena *a, const recipe_key *k, const yaml_node *n, value *v)
{
    const char *names[32];
    int count = 0;
    char *list = anl__arena_strdup(a, k->choices), *save = NULL;
    if (!list) {
        v->text = NULL;
        return false;
    }
    for (char *w = strtok_r(list, "|", &save); w && count < 32; w = strtok_r(NULL, "|", &save)) names[count++] = w;
    for (int i = 0; n->kind == YAML_SCALAR && i < count; i++)
        if (!strcmp(names[i], n->text)) {
            v->text[0] = names[i];
            return true;
        }
    const char *near = n->kind != YAML_SCALAR ? NULL : !strcmp(k->path, "device") && !strcmp(n->text, "gpu") ? "cuda" : anl__nearest(n->text, names, count);
    if (n->kind != YAML_SCALAR) wrong(e, a, n, k->path, "needs one of %s, not a %s", k->choices, n->kind == YAML_MAP ? "map of keys" : "list");
    else if (near) wrong(e, a, n, k->path, "'%.60s' is none of %s; did you mean '%s'?", n->text, k->choices, near);
    else wrong(e, a, n, k->path, "'%.60s' is none of %s", n->text, k->choices);
    return false;
}

static bool take_list(anl__buf *e, anl__arena *a, const recipe_key *k, const yaml_node *n, value *v)
{
    bool ok = true;
    if (n->kind == YAML_SCALAR && k->type == RECIPE_INTS && *n->text >= '0' && *n->text <= '9') { /* one number is a list of it */
        v->n = 1;
        return take_number(e, a, k, n, true, v->number);
    }
    if (n->kind != YAML_LIST) {
        wrong(e, a, n, k->path, "needs a list, such as [1, 2]");
        return false;
    }
    v->number = anl__arena_alloc(a, sizeof *v->number * (size_t)(n->n + 1));
    v->text = anl__arena_alloc(a, sizeof *v->text * (size_t)(n->n + 1));
    if (!v->number || !v->text) return false;
    v->n = n->n;
    for (int i = 0; i < n->n; i++) {
        if (k->type != RECIPE_TEXTS) ok &= take_number(e, a, k, n->item[i], k->type == RECIPE_INTS, &v->number[i]);
        else if (n->item[i]->kind == YAML_SCALAR) v->text[i] = n->item[i]->text;
        else {
            wrong(e, a, n->item[i], k->path, "needs a list of texts");
            ok = false;
        }
    }
    return ok;
}

/* False when the value is wrong (errors has it) or memory is out (v->text is NULL). */
static bool take(anl__buf *e, anl__arena *a, const recipe_key *k, const yaml_node *n, value *v)
{
    *v = (value){.node = n};
    v->number = anl__arena_alloc(a, sizeof *v->number);
    v->text = anl__arena_alloc(a, sizeof *v->text);
    if (!v->number || !v->text) return false;
    if (k->also && n->kind == YAML_SCALAR && !strcmp(n->text, k->also)) {
        v->word = true;
        v->text[0] = k->also;
        return true;
    }
    switch (k->type) {
    case RECIPE_BOOL:
        v->b = n->kind == YAML_SCALAR && !n->quoted && !strcmp(n->text, "true");
        if (v->b || (n->kind == YAML_SCALAR && !n->quoted && !strcmp(n->text, "false"))) return true;
        wrong(e, a, n, k->path, "needs true or false, not '%.60s'", n->kind == YAML_SCALAR ? n->text : "a list or map");
        return false;
    case RECIPE_INT: v->n = 1; return take_number(e, a, k, n, true, v->number);
    case RECIPE_REAL: v->n = 1; return take_number(e, a, k, n, false, v->number);
    case RECIPE_ENUM: v->n = 1; return take_choice(e, a, k, n, v);
    case RECIPE_TEXT:
        if (n->kind == YAML_SCALAR) {
            bool none = !n->quoted && (!strcmp(n->text, "null") || !strcmp(n->text, "~"));
            v->text[0] = none ? "" : n->text;
            if (v->text[0][0] || !k->def[0]) return true;
            wrong(e, a, n, k->path, "needs a text (the default is %s)", k->def);
            return false;
        }
        wrong(e, a, n, k->path, "needs a text, not a %s", n->kind == YAML_MAP ? "map" : "list");
        return false;
    case RECIPE_TREE:
        if (n->kind == YAML_SCALAR && n->text[0]) {
            wrong(e, a, n, k->path, "needs a list or a map, not '%.60s'", n->text);
            return false;
        }
        v->tree = n->kind == YAML_SCALAR || !n->n ? NULL : n;
        return true;
    default: return take_list(e, a, k, n, v);
    }
}

/* ---- the tree -------------------------------------------------------------------------------- */

static bool is_group(const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; recipe_keys[i].path; i++)
        if (!strncmp(recipe_keys[i].path, path, n) && recipe_keys[i].path[n] == '.') return true;
    return false;
}

/* What may have been meant: in a known group, one of its keys spelled nearly so; else any key or group spelled nearly so;
   else a key whose last word is the last word here (`lr`). */
static const char *meant(anl__arena *a, const char *path)
{
    const char *names[512] = {0}, *dot = strrchr(path, '.'), *last = dot ? dot + 1 : path, *near;
    size_t group = (size_t)(last - path);
    int n = 0;
    for (const recipe_key *k = recipe_keys; k->path && group; k++)
        if (!strncmp(k->path, path, group) && !strchr(k->path + group, '.')) names[n++] = k->path + group;
    if (n) {
        near = anl__nearest(last, names, n);
        if (near) return anl__arena_printf(a, "%.*s%s", (int)group, path, near);
    } else {
        for (const recipe_key *k = recipe_keys; k->path && n < 500; k++) {
            names[n++] = k->path;
            size_t len = strcspn(k->path, ".");
            char *head = k->path[len] ? anl__arena_printf(a, "%.*s", (int)len, k->path) : NULL;
            if (head && (n < 2 || strcmp(names[n - 2], head))) names[n++] = head;
        }
        near = anl__nearest(path, names, n);
        if (near) return near;
    }
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        dot = strrchr(k->path, '.');
        if (dot && !strcmp(dot + 1, last)) return k->path;
    }
    return NULL;
}

static void unknown(recipe *r, anl__buf *e, const yaml_node *n, const char *path)
{
    const char *near = meant(r->arena, path);
    char place[64] = "";
    if (n->key_line) snprintf(place, sizeof place, ":%d:%d", n->key_line, n->key_column);
    if (++r->unknown > 20) return;
    anl__buf_add(e, "%s%s: there is no key %.80s%s%s%s\n", n->file, place, path, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool walk(recipe *r, anl__buf *e, const yaml_node *map, const char *prefix)
{
    bool ok = true;
    for (int i = 0; i < map->n; i++) {
        const yaml_node *n = map->item[i];
        char *path = anl__arena_printf(r->arena, "%s%s%s", prefix, *prefix ? "." : "", n->key);
        if (!path) return false;
        int k = key_find(path);
        if (k >= 0) {
            ok &= take(e, r->arena, &recipe_keys[k], n, &r->value[k]);
        } else if (!is_group(path)) {
            unknown(r, e, n, path);
            ok = false;
        } else if (n->kind == YAML_MAP) {
            ok &= walk(r, e, n, path);
        } else if (n->kind == YAML_LIST || n->text[0]) {
            wrong(e, r->arena, n, path, "needs a map of keys below it");
            ok = false;
        }
    }
    return ok;
}

/* ---- overrides ------------------------------------------------------------------------------- */

static yaml_node *child(yaml_node *n, const char *word, int *at)
{
    char *end;
    long index = n->kind == YAML_LIST ? strtol(word, &end, 10) : -1;
    for (int i = 0; i < n->n; i++)
        if (n->kind == YAML_LIST ? !*end && *word && index == i : n->kind == YAML_MAP && !strcmp(n->item[i]->key, word)) {
            *at = i;
            return n->item[i];
        }
    return NULL;
}

/* Puts a node at a dotted path; NULL removes it. Maps on the way are made. */
static anl_status put(recipe *r, anl__buf *e, const char *path, yaml_node *now)
{
    yaml_node *n = r->root;
    char *copy = anl__arena_strdup(r->arena, path), *save = NULL;
    if (!copy) return ANL_NOMEM;
    for (char *w = strtok_r(copy, ".", &save), *next; w; w = next) {
        int at = -1;
        next = strtok_r(NULL, ".", &save);
        yaml_node *c = child(n, w, &at);
        if (!next) {
            if (c && now) {
                now->key = c->key;
                n->item[at] = now;
            } else if (c) {
                memmove(n->item + at, n->item + at + 1, sizeof *n->item * (size_t)(n->n - at - 1));
                n->n--;
            } else if (now && n->kind != YAML_MAP) {
                anl__buf_add(e, "command line: %s: there is no item %s\n", path, w);
            } else if (now && !yaml_add(r->arena, n, w, now)) return ANL_NOMEM;
            return ANL_OK;
        }
        if (c && c->kind == YAML_SCALAR && !c->text[0]) c->kind = YAML_MAP; /* "optim:" with nothing below */
        if (!c && !now) return ANL_OK;
        if (!c && n->kind == YAML_MAP) {
            c = yaml_new(r->arena, YAML_MAP, "command line");
            if (!c || !yaml_add(r->arena, n, w, c)) return ANL_NOMEM;
        }
        if (!c || c->kind == YAML_SCALAR) {
            anl__buf_add(e, "command line: %s: there is nothing below %s\n", path, w);
            return ANL_OK;
        }
        n = c;
    }
    return ANL_OK;
}

/* A key, a group of keys, or something inside a key that holds a tree. */
static bool in_table(const char *path)
{
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        size_t n = strlen(k->path);
        if (!strncmp(path, k->path, n) && (!path[n] || path[n] == '.')) return true;
    }
    return is_group(path);
}

static anl_status override_one(recipe *r, anl__buf *e, const char *text)
{
    const char *eq = strchr(text, '=');
    yaml_node *node = NULL;
    if (!eq || eq == text) {
        anl__buf_add(e, "command line: '%s' is not key=value\n", text);
        return ANL_OK;
    }
    if (yaml_utf8_bad(text, strlen(text)) < strlen(text)) {
        anl__buf_add(e, "command line: '%.*s' is not UTF-8 text\n", (int)yaml_utf8_bad(text, strlen(text)), text);
        return ANL_OK;
    }
    char *path = anl__arena_printf(r->arena, "%.*s", (int)(eq - text), text);
    if (!path) return ANL_NOMEM;
    if (!in_table(path)) {
        unknown(r, e, &(yaml_node){.file = "command line"}, path);
        return ANL_OK;
    }
    if (eq[1]) {
        char *where = anl__arena_printf(r->arena, "command line: %s", path);
        if (!where) return ANL_NOMEM;
        ANL_TRY(yaml_parse(r->ctx, r->arena, where, eq + 1, strlen(eq + 1), e, &node));
        if (!node) return ANL_OK;
        node->file = "command line";
        node->line = 0;
    }
    return put(r, e, path, node);
}

/* ---- whole recipes --------------------------------------------------------------------------- */

/* The table's defaults, read in one go: as a map from path to value. */
static anl_status defaults(recipe *r, anl__buf *e)
{
    anl__buf text;
    yaml_node *all = NULL;
    anl__buf_init(&text, r->ctx);
    for (const recipe_key *k = recipe_keys; k->path; k++) anl__buf_add(&text, "%s: %s\n", k->path, k->def);
    anl_status st = text.status == ANL_OK ? yaml_parse(r->ctx, r->arena, "default", text.text, text.len, e, &all) : text.status;
    anl__buf_release(&text);
    ANL_TRY(st);
    for (int i = 0; recipe_keys[i].path; i++) {
        const yaml_node *n = all ? yaml_find(all, recipe_keys[i].path) : NULL;
        if (!n || !take(e, r->arena, &recipe_keys[i], n, &r->value[i]))
            return e->len ? anl__fail(r->ctx, ANL_INTERNAL, "the default of %s: %s", recipe_keys[i].path, e->text) : ANL_NOMEM;
        r->value[i].node = NULL;
    }
    return ANL_OK;
}

anl_status recipe_parse(anl_ctx *ctx, const char *name, const char *text, size_t bytes, const char *const *override, int n_override, recipe **out)
{
    anl__arena *a;
    anl__buf e;
    ANL_TRY(anl__arena_create(ctx, &a));
    anl__buf_init(&e, ctx);
    recipe *r = anl__arena_alloc(a, sizeof *r);
    anl_status st = r ? ANL_OK : ANL_NOMEM;
    if (r) {
        *r = (recipe){.ctx = ctx, .arena = a, .name = anl__arena_strdup(a, name)};
        r->value = anl__arena_alloc(a, sizeof *r->value * (size_t)key_count());
        if (!r->value || !r->name) st = ANL_NOMEM;
    }
    if (st == ANL_OK) st = defaults(r, &e);
    if (st == ANL_OK) st = yaml_parse(ctx, a, r->name, text, bytes, &e, &r->root);
    if (st == ANL_OK && r->root && r->root->kind == YAML_SCALAR && !r->root->text[0]) r->root->kind = YAML_MAP;
    if (st == ANL_OK && r->root && r->root->kind != YAML_MAP) anl__buf_add(&e, "%s:1:1: a recipe is a map of keys\n", r->name);
    bool map = st == ANL_OK && r->root && r->root->kind == YAML_MAP;
    for (int i = 0; i < n_override && st == ANL_OK && map; i++) st = override_one(r, &e, override[i]);
    if (st == ANL_OK && map && !walk(r, &e, r->root, "") && !e.len) st = ANL_NOMEM;
    if (st == ANL_OK && !e.len) st = recipe_check(r, ctx, &e);
    if (st == ANL_OK) st = e.status;
    if (st == ANL_OK && e.len) {
        if (e.text[e.len - 1] == '\n') e.text[e.len - 1] = 0;
        st = anl__fail(ctx, ANL_RECIPE, "%s", e.text);
    }
    anl__buf_release(&e);
    if (st == ANL_OK) *out = r;
    else anl__arena_destroy(a);
    return st;
}

anl_status recipe_load(anl_ctx *ctx, const char *path, const char *const *override, int n_override, recipe **out)
{
    void *text;
    size_t bytes;
    if (anl__path_is_dir(path)) return anl__fail(ctx, ANL_RECIPE, "%s is a directory, not a recipe", path);
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_RECIPE, "%s: there is no such recipe", path);
    anl_status st = anl__file_read(ctx, path, (size_t)2 << 20, &text, &bytes);
    if (st != ANL_OK) return anl__context(ctx, st == ANL_NOMEM ? st : ANL_RECIPE, "the recipe cannot be read");
    st = recipe_parse(ctx, path, text, bytes, override, n_override, out);
    anl__free(ctx, text);
    return st;
}

void recipe_free(recipe *r)
{
    if (r) anl__arena_destroy(r->arena);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const value *get(const recipe *r, const char *key)
{
    int k = key_find(key);
    if (k < 0) anl__log(r->ctx, ANL_LOG_DEBUG, "no recipe key %s", key);
    return k < 0 ? NULL : &r->value[k];
}

bool recipe_is_set(const recipe *r, const char *key)
{
    const value *v = get(r, key);
    return v && v->node;
}

bool recipe_is_word(const recipe *r, const char *key)
{
    const value *v = get(r, key);
    return v && v->word;
}

bool recipe_bool(const recipe *r, const char *key)
{
    const value *v = get(r, key);
    return v && v->b;
}

double recipe_real(const recipe *r, const char *key) { return recipe_real_at(r, key, 0); }
int64_t recipe_int(const recipe *r, const char *key) { return recipe_int_at(r, key, 0); }

double recipe_real_at(const recipe *r, const char *key, int i)
{
    const value *v = get(r, key);
    return v && !v->word && i >= 0 && i < v->n ? v->number[i] : 0;
}

int64_t recipe_int_at(const recipe *r, const char *key, int i) { return (int64_t)recipe_real_at(r, key, i); }

const char *recipe_text_at(const recipe *r, const char *key, int i)
{
    const value *v = get(r, key);
    return v && i >= 0 && (i == 0 || i < v->n) && v->text[i] && v->text[i][0] ? v->text[i] : NULL;
}

const char *recipe_text(const recipe *r, const char *key) { return recipe_text_at(r, key, 0); }

int recipe_count(const recipe *r, const char *key)
{
    const value *v = get(r, key);
    return v && !v->word ? v->n : 0;
}

const yaml_node *recipe_tree(const recipe *r, const char *key)
{
    const value *v = get(r, key);
    return v ? v->tree : NULL;
}

const char *recipe_where(const recipe *r, const char *key)
{
    const value *v = get(r, key);
    return v && v->node ? yaml_where(r->arena, v->node) : "default";
}

anl_status recipe_set(recipe *r, const char *key, const char *text)
{
    anl__buf e;
    yaml_node *n;
    int k = key_find(key);
    if (k < 0) return anl__fail(r->ctx, ANL_INTERNAL, "no recipe key %s", key);
    anl__buf_init(&e, r->ctx);
    anl_status st = yaml_parse(r->ctx, r->arena, "decided", text, strlen(text), &e, &n);
    if (st == ANL_OK && (!n || !take(&e, r->arena, &recipe_keys[k], n, &r->value[k]))) st = anl__fail(r->ctx, ANL_INTERNAL, "%s=%s: %s", key, text, e.text);
    anl__buf_release(&e);
    return st;
}
