/* See layers.h: spelling out repeats and blocks. */
#include "layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small texts must not spell out to large ones. */
enum { MOST_LAYERS = 10000, MOST_NESTING = 8, MOST_FROM = 16, MOST_ARGS = 32, MOST_ITEMS = 64, MOST_TEXT = 1000, MOST_NAME = 128, MOST_HEADS = 16 };

typedef struct pair { const char *key, *value; } pair;

/* A level: names defined in it, and what $words stand for. */
typedef struct scope {
    const struct scope *outer;
    const char *prefix, *suffix;
    pair *name; /* as written -> in full */
    int n_name, cap_name;
    pair *var;
    int n_var;
    int depth;
    bool block; /* names of outer scopes are not seen from inside a block, except through input */
} scope;

typedef struct spell {
    anl_ctx *ctx;
    anl__arena *a;
    const yaml_node *blocks;
    anl__model_layer *layer;
    int n, cap;
    const char *last; /* full name of the layer before */
} spell;

static anl_status nomem(const spell *s) { return anl__fail(s->ctx, ANL_NOMEM, "no memory for the model's layers"); }

static anl_status bad(spell *s, const yaml_node *n, const char *fmt, ...) ANL_FORMAT(3, 4);
static anl_status bad(spell *s, const yaml_node *n, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return anl__fail(s->ctx, ANL_RECIPE, "%s: %s", yaml_where(s->a, n), what);
}

static const char *lookup(const scope *sc, const char *word, size_t len)
{
    for (; sc; sc = sc->outer) {
        for (int i = sc->n_var - 1; i >= 0; i--)
            if (strlen(sc->var[i].key) == len && !strncmp(sc->var[i].key, word, len)) return sc->var[i].value;
        if (sc->block) return NULL;
    }
    return NULL;
}

static bool word_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/* $word by what it stands for. */
static anl_status substitute(spell *s, const scope *sc, const yaml_node *at, const char *text, const char **out)
{
    if (!strchr(text, '$')) {
        *out = text;
        return ANL_OK;
    }
    anl__buf b;
    anl__buf_init(&b, s->ctx);
    for (const char *p = text; *p;) {
        if (*p != '$') {
            anl__buf_bytes(&b, p++, 1);
            continue;
        }
        const char *w = ++p;
        while (word_char(*p)) p++;
        const char *v = lookup(sc, w, (size_t)(p - w));
        if (!v) {
            anl__buf_release(&b);
            return bad(s, at, "$%.*s is no parameter here", (int)(p - w), w);
        }
        anl__buf_add(&b, "%s", v);
        if (b.len > MOST_TEXT) {
            anl__buf_release(&b);
            return bad(s, at, "$ makes this text longer than %d", MOST_TEXT);
        }
    }
    anl_status st = b.status;
    *out = st == ANL_OK ? anl__arena_strdup(s->a, b.text) : NULL;
    anl__buf_release(&b);
    return *out ? ANL_OK : nomem(s);
}

static anl_status define(spell *s, scope *sc, const char *name, const char *full)
{
    if (sc->n_name == sc->cap_name) {
        int cap = sc->cap_name ? 2 * sc->cap_name : 16;
        pair *now = anl__arena_alloc(s->a, sizeof *now * (size_t)cap);
        if (!now) return nomem(s);
        if (sc->n_name) memcpy(now, sc->name, sizeof *now * (size_t)sc->n_name);
        sc->name = now;
        sc->cap_name = cap;
    }
    sc->name[sc->n_name++] = (pair){name, full};
    return ANL_OK;
}

/* The full name that `from` means; unknown ones stay, and the model's builder complains with what there is. */
static const char *resolve(const scope *sc, const char *name)
{
    for (const scope *at = sc; at; at = at->outer) {
        for (int i = at->n_name - 1; i >= 0; i--)
            if (!strcmp(at->name[i].key, name)) return at->name[i].value;
        if (at->block) break;
    }
    return name;
}

static anl_status from_of(spell *s, const scope *sc, const yaml_node *item, const char *from[MOST_FROM], int *n)
{
    const yaml_node *f = yaml_find(item, "from");
    *n = 0;
    if (!f) return ANL_OK;
    int count = f->kind == YAML_LIST ? f->n : 1;
    if (f->kind == YAML_MAP || count < 1 || count > MOST_FROM) return bad(s, f, "'from' needs a name, or a list of 1 to %d", MOST_FROM);
    for (int i = 0; i < count; i++) {
        const yaml_node *one = f->kind == YAML_LIST ? f->item[i] : f;
        const char *name;
        if (one->kind != YAML_SCALAR) return bad(s, one, "'from' needs names");
        ANL_TRY(substitute(s, sc, one, one->text, &name));
        from[(*n)++] = resolve(sc, name);
    }
    return ANL_OK;
}

/* An argument as text: scalars as they are, lists as "3,3". */
static anl_status arg_text(spell *s, const scope *sc, const yaml_node *v, const char **out)
{
    if (v->kind == YAML_SCALAR) return substitute(s, sc, v, v->text, out);
    if (v->kind == YAML_MAP) return bad(s, v, "argument '%s' is a map", v->key);
    if (v->n > MOST_ITEMS) return bad(s, v, "argument '%s' has more than %d items", v->key, MOST_ITEMS);
    const char *all = "";
    for (int i = 0; i < v->n; i++) {
        const char *one;
        if (v->item[i]->kind != YAML_SCALAR) return bad(s, v->item[i], "argument '%s' is a list of lists", v->key);
        ANL_TRY(substitute(s, sc, v->item[i], v->item[i]->text, &one));
        if (!(all = anl__arena_printf(s->a, "%s%s%s", all, i ? "," : "", one))) return nomem(s);
    }
    *out = all;
    return ANL_OK;
}

static anl_status push(spell *s, const yaml_node *at, anl__model_layer l)
{
    if (s->n >= MOST_LAYERS) return bad(s, at, "more than %d layers", MOST_LAYERS);
    if (s->n == s->cap) {
        int cap = s->cap ? 2 * s->cap : 32;
        anl__model_layer *now = anl__arena_alloc(s->a, sizeof *now * (size_t)cap);
        if (!now) return nomem(s);
        if (s->n) memcpy(now, s->layer, sizeof *now * (size_t)s->n);
        s->layer = now;
        s->cap = cap;
    }
    s->layer[s->n++] = l;
    return ANL_OK;
}

static bool taken(const spell *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->layer[i].layer.name, name)) return true;
    return false;
}

/* "conv3": the type, and how many of it there are; NULL: no memory. */
static const char *free_name(spell *s, const char *type)
{
    int k = 1;
    for (int i = 0; i < s->n; i++) k += !strcmp(s->layer[i].layer.type, type);
    const char *name;
    do name = anl__arena_printf(s->a, "%s%d", type, k++);
    while (name && taken(s, name));
    return name;
}

/* Its own name in full: given, or type and number. */
static anl_status name_of(spell *s, scope *sc, const yaml_node *item, const char *type, const char **full)
{
    const yaml_node *given = yaml_find(item, "name");
    const char *name, *suffix = sc->suffix;
    if (given && given->kind != YAML_SCALAR) return bad(s, given, "'name' needs a word");
    if (given) {
        if (strchr(given->text, '$')) suffix = "";
        ANL_TRY(substitute(s, sc, given, given->text, &name));
        if (!*name || strchr(name, '/') || strchr(name, ' ')) return bad(s, given, "the name '%s' is empty or has a blank or a slash", name);
    } else {
        suffix = "";
        if (!(name = free_name(s, type))) return nomem(s);
    }
    if (!name || !(*full = anl__arena_printf(s->a, "%s%s%s", given ? sc->prefix : "", name, suffix))) return nomem(s);
    if (strlen(*full) > MOST_NAME) return bad(s, given ? given : item, "the name '%.40s...' is longer than %d", *full, MOST_NAME);
    if (given && taken(s, *full)) return bad(s, given, "the name '%s' is taken", *full);
    return given ? define(s, sc, name, *full) : ANL_OK;
}

static anl_status one_layer(spell *s, scope *sc, const yaml_node *item, const char *type)
{
    const char *from[MOST_FROM], *full = NULL;
    int n_from, n_arg = 0;
    if (item->n > MOST_ARGS) return bad(s, item, "a layer has more than %d arguments", MOST_ARGS);
    anl__layer_arg *arg = anl__arena_alloc(s->a, sizeof *arg * (size_t)(item->n + 1));
    if (!arg) return nomem(s);
    ANL_TRY(from_of(s, sc, item, from, &n_from));
    ANL_TRY(name_of(s, sc, item, type, &full));
    if (!n_from && s->last) from[n_from++] = s->last;
    for (int i = 0; item->kind == YAML_MAP && i < item->n; i++) {
        const yaml_node *v = item->item[i];
        if (!strcmp(v->key, "type") || !strcmp(v->key, "name") || !strcmp(v->key, "from")) continue;
        arg[n_arg].key = v->key;
        ANL_TRY(arg_text(s, sc, v, &arg[n_arg++].value));
    }
    const char **names = anl__arena_alloc(s->a, sizeof *names * (size_t)(n_from + 1));
    if (!names) return nomem(s);
    memcpy(names, from, sizeof *names * (size_t)n_from);
    anl__layer l = {.type = type, .name = full, .where = yaml_where(s->a, item), .arg = arg, .n_arg = n_arg};
    ANL_TRY(push(s, item, (anl__model_layer){l, names, n_from}));
    s->last = full;
    return ANL_OK;
}

static anl_status items(spell *s, scope *sc, const yaml_node *list);

static anl_status repeat(spell *s, scope *outer, const yaml_node *item)
{
    const yaml_node *times = yaml_find(item, "repeat"), *list = yaml_find(item, "layers"), *as = yaml_find(item, "as");
    const char *text;
    char *end;
    if (times->kind != YAML_SCALAR) return bad(s, times, "'repeat' needs a number");
    ANL_TRY(substitute(s, outer, times, times->text, &text));
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < 1 || n > 1000) return bad(s, times, "repeat '%s' is not a number from 1 to 1000", text);
    if (!list || list->kind != YAML_LIST || !list->n) return bad(s, item, "'repeat' needs 'layers', a list");
    for (int i = 0; i < item->n; i++)
        if (item->item[i] != times && item->item[i] != list && item->item[i] != as) return bad(s, item->item[i], "'repeat' knows layers and as, not '%s'", item->item[i]->key);
    for (long i = 1; i <= n; i++) {
        char *number = anl__arena_printf(s->a, "%ld", i), *suffix = anl__arena_printf(s->a, "%s_%ld", outer->suffix, i);
        if (!number || !suffix) return nomem(s);
        pair var = {as && as->kind == YAML_SCALAR ? as->text : "i", number};
        scope in = {.outer = outer, .prefix = outer->prefix, .suffix = suffix, .var = &var, .n_var = 1, .depth = outer->depth + 1};
        ANL_TRY(items(s, &in, list));
    }
    return ANL_OK;
}

/* The block's parameters with the arguments given. */
static anl_status parameters(spell *s, scope *outer, const yaml_node *item, const yaml_node *block, scope *in)
{
    const yaml_node *p = yaml_find(block, "parameters");
    int n = p && p->kind == YAML_MAP ? p->n : 0;
    in->var = anl__arena_alloc(s->a, sizeof *in->var * (size_t)(n + 1));
    if (!in->var) return nomem(s);
    if (n > MOST_ARGS || item->n > MOST_ARGS + 3) return bad(s, item, "a block has more than %d parameters", MOST_ARGS);
    for (int i = 0; i < n; i++) {
        const yaml_node *given = yaml_find(item, p->item[i]->key);
        in->var[i].key = p->item[i]->key;
        ANL_TRY(arg_text(s, outer, given ? given : p->item[i], &in->var[i].value));
    }
    in->n_var = n;
    for (int i = 0; i < item->n; i++) {
        const char *k = item->item[i]->key, *names[MOST_ARGS];
        int known = 0, m = 0;
        for (int q = 0; q < n; q++) {
            known |= !strcmp(k, p->item[q]->key);
            names[m++] = p->item[q]->key;
        }
        if (known || !strcmp(k, "block") || !strcmp(k, "name") || !strcmp(k, "from")) continue;
        const char *near = anl__nearest(k, names, m);
        return bad(s, item->item[i], "the block has no parameter '%s'%s%s%s", k, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return ANL_OK;
}

static anl_status use_block(spell *s, scope *outer, const yaml_node *item)
{
    const yaml_node *which = yaml_find(item, "block"), *given = yaml_find(item, "name");
    const char *type, *name, *from[MOST_FROM], *first = s->last;
    int n_from;
    if (which->kind != YAML_SCALAR) return bad(s, which, "'block' needs a name");
    ANL_TRY(substitute(s, outer, which, which->text, &type));
    const yaml_node *block = yaml_find(s->blocks, type), *list = yaml_find(block, "layers");
    if (!block) return bad(s, which, "there is no block '%s' in model.blocks", type);
    if (!list || list->kind != YAML_LIST || !list->n) return bad(s, block, "block '%s' needs 'layers', a list", type);
    if (!given || given->kind != YAML_SCALAR) return bad(s, item, "block '%s' needs a name", type);
    ANL_TRY(substitute(s, outer, given, given->text, &name));
    ANL_TRY(from_of(s, outer, item, from, &n_from));
    char *full = anl__arena_printf(s->a, "%s%s%s", outer->prefix, name, strchr(given->text, '$') ? "" : outer->suffix);
    if (full && strlen(full) > MOST_NAME) return bad(s, given, "the name '%.40s...' is longer than %d", full, MOST_NAME);
    char *prefix = full ? anl__arena_printf(s->a, "%s.", full) : NULL;
    if (!prefix) return nomem(s);
    scope in = {.outer = outer, .prefix = prefix, .suffix = "", .depth = outer->depth + 1, .block = true};
    ANL_TRY(parameters(s, outer, item, block, &in));
    if (n_from) first = from[0];
    ANL_TRY(define(s, &in, "input", first ? first : "input"));
    for (int i = 1; i < n_from; i++) {
        char *k = anl__arena_printf(s->a, "input%d", i + 1);
        if (!k) return nomem(s);
        ANL_TRY(define(s, &in, k, from[i]));
    }
    s->last = first;
    ANL_TRY(items(s, &in, list));
    return define(s, outer, name, s->last);
}

static anl_status items(spell *s, scope *sc, const yaml_node *list)
{
    if (sc->depth > MOST_NESTING) return bad(s, list, "repeats and blocks are nested more than %d deep (a block that uses itself?)", MOST_NESTING);
    for (int i = 0; i < list->n; i++) {
        const yaml_node *item = list->item[i], *type = yaml_find(item, "type");
        const char *word;
        if (item->kind == YAML_LIST) return bad(s, item, "a layer is a word or a map, not a list");
        if (item->kind == YAML_SCALAR) {
            ANL_TRY(one_layer(s, sc, item, item->text));
        } else if (yaml_find(item, "repeat")) {
            ANL_TRY(repeat(s, sc, item));
        } else if (yaml_find(item, "block")) {
            ANL_TRY(use_block(s, sc, item));
        } else {
            if (!type || type->kind != YAML_SCALAR) return bad(s, item, "a layer needs 'type' (or 'block' or 'repeat')");
            ANL_TRY(substitute(s, sc, type, type->text, &word));
            ANL_TRY(one_layer(s, sc, item, word));
        }
    }
    return ANL_OK;
}

static bool above_zero(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && *out > 0;
}

static anl_status head(spell *s, const yaml_node *n, anl__model_head *h)
{
    static const char *const known[] = {"from", "label", "loss", "weight", "delta"};
    enum { FROM, LABEL, LOSS, WEIGHT, DELTA, KEYS };
    const char *v[KEYS] = {NULL, "label", "cross-entropy", "1", NULL};
    if (n->kind != YAML_MAP) return bad(s, n, "a head is a map: {from: layer, loss: cross-entropy, weight: 1}");
    for (int i = 0; i < n->n; i++) {
        int k = 0;
        while (k < KEYS && strcmp(known[k], n->item[i]->key)) k++;
        if (k == KEYS || n->item[i]->kind != YAML_SCALAR) return bad(s, n->item[i], "a head knows from, label, loss, weight and delta, not '%s'", n->item[i]->key);
        v[k] = n->item[i]->text;
    }
    if (anl_model_label_column(v[LABEL]) < 0)
        return bad(s, n, "a head's label is 'label', or a further column of the labels, 'label2' to 'label%d'; not '%.40s'", ANL_MOST_LABELS, v[LABEL]);
    if (!v[FROM]) return bad(s, n, "a head needs 'from'");
    *h = (anl__model_head){.from = v[FROM], .label = v[LABEL], .loss = v[LOSS], .where = yaml_where(s->a, n)};
    if (!above_zero(v[WEIGHT], &h->weight)) return bad(s, n, "weight '%s' is not a number above 0", v[WEIGHT]);
    if (v[DELTA] && strcmp(v[LOSS], "huber")) return bad(s, n, "delta belongs to the loss huber, not to '%s'", v[LOSS]);
    if (v[DELTA] && !above_zero(v[DELTA], &h->delta)) return bad(s, n, "delta '%s' is not a number above 0", v[DELTA]);
    return ANL_OK;
}

static anl_status heads(spell *s, const recipe *r, anl_model_opts *out)
{
    const yaml_node *list = recipe_tree(r, "model.heads");
    if (!list) return ANL_OK;
    if (list->kind != YAML_LIST) return bad(s, list, "model.heads needs a list");
    if (list->n > MOST_HEADS) return bad(s, list, "model.heads has more than %d heads", MOST_HEADS);
    anl__model_head *h = anl__arena_alloc(s->a, sizeof *h * (size_t)list->n);
    if (!h) return nomem(s);
    for (int i = 0; i < list->n; i++) ANL_TRY(head(s, list->item[i], &h[i]));
    bool entropy = false, weighs = recipe_count(r, "loss.class_weights") || recipe_is_word(r, "loss.class_weights"), smooths = recipe_real(r, "loss.label_smoothing") > 0;
    for (int i = 0; i < list->n; i++) entropy |= !strcmp(h[i].loss, "cross-entropy") && (!anl_model_label_column(h[i].label) || !weighs);
    if (list->n && !entropy && (weighs || smooths))
        return bad(s, list, "loss.%s is of cross-entropy, which no head %s", weighs ? "class_weights" : "label_smoothing", weighs ? "that reads 'label' has" : "has");
    if (list->n && anl_model_label_column(h[0].label)) return bad(s, list->item[0], "the first head is what the model says, and reads 'label', not '%s'", h[0].label);
    out->head = h;
    out->n_head = list->n;
    return ANL_OK;
}

anl_status recipe_model(const recipe *r, anl_ctx *ctx, anl__arena *a, anl_model_opts *out)
{
    spell s = {.ctx = ctx, .a = a, .blocks = recipe_tree(r, "model.blocks")};
    const yaml_node *list = recipe_tree(r, "model.layers");
    const char *name = recipe_text(r, "model.name");
    bool written = !strcmp(name, "sequential") || !strcmp(name, "graph");
    out->name = name;
    out->depth = (int)recipe_int(r, "model.depth");
    out->small_stem = !strcmp(recipe_text(r, "model.stem"), "small");
    out->dropout = recipe_real(r, "model.dropout");
    out->label_smoothing = recipe_real(r, "loss.label_smoothing");
    out->n_hidden = recipe_count(r, "model.hidden");
    for (int i = 0; i < out->n_hidden; i++) out->hidden[i] = recipe_int_at(r, "model.hidden", i);
    out->loss = recipe_text(r, "loss.name");
    out->values = !strcmp(recipe_text(r, "data.label_type"), "value");
    out->huber_delta = recipe_real(r, "loss.delta");
    out->seq = (anl_sequence_opts){
        .cell = recipe_text(r, "model.cell"), .reset = recipe_text(r, "model.reset"), .attention = recipe_text(r, "model.attention"), .pool = recipe_text(r, "model.pool"),
        .units = recipe_int(r, "model.units"), .embed = recipe_int(r, "model.embed"), .category_embed = recipe_int(r, "model.category_embed"), .kernel = recipe_int(r, "model.kernel"), .layers = (int)recipe_int(r, "model.num_layers"),
        .heads = (int)recipe_int(r, "model.attention_heads"), .bidirectional = recipe_bool(r, "model.bidirectional"), .autoregressive = recipe_bool(r, "model.autoregressive"),
        .state_only = !strcmp(recipe_text(r, "model.readout"), "state")};
    if (written && list->kind != YAML_LIST) return bad(&s, list, "model.layers needs a list");
    if (!written) return ANL_OK;
    scope top = {.prefix = "", .suffix = ""};
    ANL_TRY(items(&s, &top, list));
    out->layer = s.layer;
    out->n_layer = s.n;
    return heads(&s, r, out);
}
