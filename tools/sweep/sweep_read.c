/* Reading values of a sweep's recipe: places, keys, numbers. See sweep_recipe.h. */
#include "sweep_recipe.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sweep_wrong(sweep_reader *s, const yaml_node *at, const char *fmt, ...)
{
    char what[1500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    anl__buf_add(&s->errors, "%s: %s\n", at ? yaml_where(s->r->arena, at) : s->r->path, what);
}

void sweep_wrong_last(sweep_reader *s, const yaml_node *at, const char *what)
{
    static const char typed[] = "command line: ";
    const char *text = anl_last_error(s->r->ctx);
    if (!strncmp(text, typed, sizeof typed - 1)) text += sizeof typed - 1; /* it stands in this file */
    bool named = what && !strstr(text, what);
    sweep_wrong(s, at, "%s%s%s", named ? what : "", named ? ": " : "", text);
}

bool sweep_keys(sweep_reader *s, const yaml_node *map, const char *where, const char *const *names)
{
    int count = 0;
    while (names[count]) count++;
    if (map->kind != YAML_MAP) {
        sweep_wrong(s, map, "%s needs a map of keys", where);
        return false;
    }
    for (int i = 0; i < map->n; i++) {
        const yaml_node *n = map->item[i];
        int k = 0;
        while (k < count && strcmp(names[k], n->key)) k++;
        if (k < count) continue;
        const char *near = anl__nearest(n->key, names, count);
        yaml_node at = *n;
        at.line = n->key_line;
        at.column = n->key_column;
        sweep_wrong(s, &at, "there is no key %.80s in %s%s%s%s", n->key, where, near ? "; did you mean " : "",
                    near ? near : "", near ? "?" : "");
    }
    return true;
}

bool sweep_as_number(const yaml_node *n, double *out)
{
    char *end;
    if (n->kind != YAML_SCALAR || n->quoted || !n->text[0]) return false;
    if (n->text[strspn(n->text, "+-.eE0123456789")]) return false;
    *out = strtod(n->text, &end);
    return !*end && end != n->text && isfinite(*out);
}

double sweep_number(sweep_reader *s, const yaml_node *map, const char *key, double def, double min,
                    double max)
{
    const yaml_node *n = map && map->kind == YAML_MAP ? yaml_find(map, key) : NULL;
    double v;
    if (!n) return def;
    if (!sweep_as_number(n, &v)) {
        sweep_wrong(s, n, "%s: needs a number, not '%.60s'", key,
                    n->kind == YAML_SCALAR ? n->text : "a list or map");
        return def;
    }
    if (v >= min && v <= max) return v;
    sweep_wrong(s, n, "%s: %g is not within %g to %g", key, v, min, max);
    return def;
}

int64_t sweep_int(sweep_reader *s, const yaml_node *map, const char *key, int64_t def, int64_t min,
                  int64_t max)
{
    size_t before = s->errors.len;
    double v = sweep_number(s, map, key, (double)def, (double)min, (double)max);
    if (s->errors.len == before && v != floor(v)) {
        sweep_wrong(s, yaml_find(map, key), "%s: needs a whole number, not %g", key, v);
        return def;
    }
    return (int64_t)v;
}

bool sweep_bool(sweep_reader *s, const yaml_node *map, const char *key, bool def)
{
    const yaml_node *n = yaml_find(map, key);
    if (!n) return def;
    bool plain = n->kind == YAML_SCALAR && !n->quoted;
    if (plain && !strcmp(n->text, "true")) return true;
    if (plain && !strcmp(n->text, "false")) return false;
    sweep_wrong(s, n, "%s: needs true or false", key);
    return def;
}

const char *sweep_text(sweep_reader *s, const yaml_node *map, const char *key, const char *def)
{
    const yaml_node *n = map->kind == YAML_MAP ? yaml_find(map, key) : NULL;
    if (!n) return def;
    if (n->kind == YAML_SCALAR && n->text[0]) return n->text;
    sweep_wrong(s, n, "%s: needs a text", key);
    return def;
}

const char *sweep_flow(sweep_reader *s, const yaml_node *n)
{
    anl__buf b;
    anl__buf_init(&b, s->r->ctx);
    yaml_write(n, &b);
    const char *text = b.status == ANL_OK ? anl__arena_strdup(s->r->arena, b.text) : NULL;
    anl__buf_release(&b);
    return text;
}
