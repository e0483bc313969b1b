/* Recipes as text: the resolved form, differences, run names. */
#include "recipe.h"

#include "runtime/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest decimal form that reads back the same. */
static void write_number(double v, anl__buf *out)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    anl__buf_add(out, "%s", text);
}

static void write_text(const char *s, anl__buf *out)
{
    yaml_node n = {.kind = YAML_SCALAR, .text = s ? s : ""};
    yaml_write(&n, out);
}

void recipe_value(const recipe *r, const recipe_key *k, anl__buf *out)
{
    const yaml_node *tree = recipe_tree(r, k->path);
    if (recipe_is_word(r, k->path)) {
        anl__buf_add(out, "%s", k->also);
        return;
    }
    switch (k->type) {
    case RECIPE_BOOL: anl__buf_add(out, "%s", recipe_bool(r, k->path) ? "true" : "false"); break;
    case RECIPE_INT: anl__buf_add(out, "%lld", (long long)recipe_int(r, k->path)); break;
    case RECIPE_REAL: write_number(recipe_real(r, k->path), out); break;
    case RECIPE_TEXT: case RECIPE_ENUM: write_text(recipe_text(r, k->path), out); break;
    case RECIPE_TREE:
        if (tree) yaml_write(tree, out);
        else anl__buf_add(out, "[]");
        break;
    default:
        anl__buf_add(out, "[");
        for (int i = 0; i < recipe_count(r, k->path); i++) {
            if (i) anl__buf_add(out, ", ");
            if (k->type == RECIPE_INTS) anl__buf_add(out, "%lld", (long long)recipe_int_at(r, k->path, i));
            else if (k->type == RECIPE_REALS) write_number(recipe_real_at(r, k->path, i), out);
            else write_text(recipe_text_at(r, k->path, i), out);
        }
        anl__buf_add(out, "]");
    }
}

/* Opens the maps on the way to a key that the key before had not opened. */
static void write_path(const char *before, const char *path, anl__buf *out)
{
    int depth = 0;
    for (const char *p = path, *dot; (dot = strchr(p, '.')); p = dot + 1, depth++) {
        size_t n = (size_t)(dot - path) + 1;
        if (strncmp(before, path, n)) anl__buf_add(out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - p), p);
    }
    const char *last = strrchr(path, '.');
    anl__buf_add(out, "%*s%s: ", 2 * depth, "", last ? last + 1 : path);
}

anl_status recipe_dump(const recipe *r, anl__buf *out)
{
    const char *before = "";
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        write_path(before, k->path, out);
        recipe_value(r, k, out);
        anl__buf_add(out, "\n");
        before = k->path;
    }
    return out->status;
}

anl_status recipe_diff(anl_ctx *ctx, const recipe *old, const recipe *now, anl__buf *out, int *n_fixed, int *n_changeable)
{
    anl__buf a, b;
    anl__buf_init(&a, ctx);
    anl__buf_init(&b, ctx);
    *n_fixed = *n_changeable = 0;
    for (const recipe_key *k = recipe_keys; k->path; k++) {
        a.len = b.len = 0;
        recipe_value(old, k, &a);
        recipe_value(now, k, &b);
        if (a.status != ANL_OK || b.status != ANL_OK || !strcmp(a.text, b.text)) continue;
        anl__buf_add(out, "  %s: %s -> %s%s\n", k->path, a.text, b.text, k->change ? "   (may be changed)" : "");
        ++*(k->change ? n_changeable : n_fixed);
    }
    anl_status st = a.status != ANL_OK ? a.status : b.status != ANL_OK ? b.status : out->status;
    anl__buf_release(&a);
    anl__buf_release(&b);
    return st;
}

static int by_key(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strcspn(x, "="), m = strcspn(y, "="), least = n < m ? n : m;
    int order = strncmp(x, y, least);
    return order ? order : n < m ? -1 : n > m;
}

static bool same_key(const char *x, const char *y)
{
    size_t n = strcspn(x, "=");
    return n == strcspn(y, "=") && !strncmp(x, y, n);
}

char *recipe_run_name(anl__arena *a, const char *path, const char *const *override, int n_override)
{
    const char *slash = strrchr(path, '/'), *stem = slash ? slash + 1 : path, *dot = strrchr(stem, '.');
    int len = dot && dot > stem ? (int)(dot - stem) : (int)strlen(stem), n = 0;
    const char **last = anl__arena_alloc(a, sizeof *last * (size_t)(n_override + 1));
    if (!last) return NULL;
    for (int i = 0; i < n_override; i++) { /* of equal keys the last one counts; `key=` is no override */
        int at = 0;
        while (at < n && !same_key(last[at], override[i])) at++;
        last[at] = override[i];
        if (at == n) n++;
    }
    qsort(last, (size_t)n, sizeof *last, by_key);
    char *name = anl__arena_printf(a, "%s", "");
    for (int i = 0; i < n && name; i++)
        if (last[i][strcspn(last[i], "=") + (last[i][strcspn(last[i], "=")] == '=')]) name = anl__arena_printf(a, "%s,%s", name, last[i]);
    if (!name) return NULL;
    bool plain = strlen(name) <= 80;
    for (char *p = name; *p; p++)
        if (!strchr(",=._-+[]", *p) && !((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))) plain = false;
    if (plain) return anl__arena_printf(a, "runs/%.*s%s", len, stem, name);
    anl__sha256 h;
    char hex[65];
    anl__sha256_init(&h);
    anl__sha256_add(&h, name, strlen(name));
    anl__sha256_hex(&h, hex);
    return anl__arena_printf(a, "runs/%.*s,%.12s", len, stem, hex);
}
