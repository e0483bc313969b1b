/* See options.h. */
#include "options.h"

#include "runtime/base/base.h"
#include "tools/recipe/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option *find(const option *table, const char *word, size_t len)
{
    for (; table && table->name; table++)
        if (strlen(table->name) == len && !strncmp(table->name, word, len)) return table;
    return NULL;
}

/* "optim.lr=0.1": a dotted name before the first '='. */
static bool is_override(const char *s)
{
    const char *eq = strchr(s, '=');
    if (!eq || eq == s || !isalpha((unsigned char)s[0])) return false;
    for (const char *p = s; p < eq; p++)
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_' && *p != '-') return false;
    return true;
}

/* The key of this name, or the first one that ends in it ("lr": optim.lr); NULL: none. */
static const char *recipe_key_like(const char *word)
{
    size_t n = strlen(word);
    const char *ends = NULL;
    for (const recipe_key *k = recipe_keys; k->path && n; k++) {
        size_t len = strlen(k->path);
        if (!strcmp(k->path, word)) return k->path;
        if (!ends && len > n && k->path[len - n - 1] == '.' && !strcmp(k->path + len - n, word)) ends = k->path;
    }
    return ends;
}

static void say_unknown(const option *table, bool overrides, const char *word, char why[256])
{
    const char *names[OPTIONS_MOST], *near;
    int n = 0;
    for (; table && table->name && n < OPTIONS_MOST; table++) names[n++] = table->name;
    near = anl__nearest(word, names, n);
    const char *key = overrides ? recipe_key_like(word) : NULL;
    if (key) snprintf(why, 256, "there is no option --%.100s; keys of a recipe are given without dashes: %s=VALUE", word, key);
    else snprintf(why, 256, "there is no option --%.100s%s%s%s", word, near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static bool take_option(options *o, bool overrides, const char *word, int argc, char **argv, int *i, char why[256])
{
    char bare[128];
    const char *eq = strchr(word, '=');
    size_t len = eq ? (size_t)(eq - word) : strlen(word);
    const option *d = find(o->table, word, len);
    snprintf(bare, sizeof bare, "%.*s", (int)(len < 120 ? len : 120), word);
    if (!d) {
        say_unknown(o->table, overrides, bare, why);
        return false;
    }
    const char *value = eq ? eq + 1 : "";
    if (!d->value && eq) {
        snprintf(why, 256, "--%s takes no value", d->name);
        return false;
    }
    if (d->value && !eq) {
        if (*i + 1 >= argc) {
            snprintf(why, 256, "--%s needs a value (%s)", d->name, d->value);
            return false;
        }
        value = argv[++*i];
    }
    if (d->value && !*value && !strcmp(d->value, "DIR")) {
        snprintf(why, 256, "--%s needs the name of a directory", d->name);
        return false;
    }
    if (o->n_set == OPTIONS_MOST) {
        snprintf(why, 256, "more than %d options", OPTIONS_MOST);
        return false;
    }
    o->name[o->n_set] = d->name;
    o->value[o->n_set++] = value;
    return true;
}

bool options_parse(options *o, const char *command, const option *table, bool overrides, int argc, char **argv, char why[256])
{
    bool only_args = false;
    *o = (options){.command = command, .table = table};
    for (int i = 0; i < argc; i++) {
        const char *w = argv[i];
        if (!only_args && !strcmp(w, "--")) {
            only_args = true;
        } else if (!only_args && w[0] == '-' && w[1] == '-') {
            if (!take_option(o, overrides, w + 2, argc, argv, &i, why)) return false;
        } else if (!only_args && w[0] == '-' && w[1]) {
            snprintf(why, 256, "there is no option %.100s", w);
            return false;
        } else {
            bool over = overrides && !only_args && is_override(w);
            int *n = over ? &o->n_override : &o->n_arg;
            if (*n == OPTIONS_MOST) {
                snprintf(why, 256, "more than %d arguments", OPTIONS_MOST);
                return false;
            }
            (over ? o->override : o->arg)[(*n)++] = w;
        }
    }
    return true;
}

const char *options_text(const options *o, const char *name, const char *def)
{
    for (int i = o->n_set - 1; i >= 0; i--)
        if (!strcmp(o->name[i], name)) return o->value[i];
    return def;
}

bool options_has(const options *o, const char *name) { return options_text(o, name, NULL) != NULL; }

bool options_real(const options *o, const char *name, double def, double min, double max, double *out, char why[256])
{
    const char *text = options_text(o, name, NULL);
    char *end;
    *out = def;
    if (!text) return true;
    *out = strtod(text, &end);
    if (end != text && !*end && *out >= min && *out <= max) return true;
    snprintf(why, 256, "--%s needs a number from %g to %g, not '%.80s'", name, min, max, text);
    return false;
}

bool options_int(const options *o, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out, char why[256])
{
    const char *text = options_text(o, name, NULL);
    char *end;
    *out = def;
    if (!text) return true;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end != text && !*end && !errno && *out >= min && *out <= max) return true;
    snprintf(why, 256, "--%s needs a whole number from %lld to %lld, not '%.80s'", name, (long long)min, (long long)max, text);
    return false;
}
