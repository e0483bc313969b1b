/* See run_keys.h. */
#include "run_keys.h"

#include <stdio.h>
#include <string.h>

enum { MOST_IN_TEXT = 8 };

static int count_keys(void)
{
    int n = 0;
    while (recipe_keys[n].path) n++;
    return n;
}

/* In the arena. */
static anl_status value_of(anl__arena *a, const recipe *r, const recipe_key *k, anl_ctx *ctx, const char **out)
{
    anl__buf b;
    anl__buf_init(&b, ctx);
    recipe_value(r, k, &b);
    anl_status st = b.status;
    if (st == ANL_OK && !(*out = anl__arena_strdup(a, b.text))) st = ANL_NOMEM;
    anl__buf_release(&b);
    return st;
}

/* Keeps the key where its values differ. */
static anl_status look(anl_ctx *ctx, run_shown *const *s, int runs, const recipe *defaults, const recipe_key *key, run_keys *k)
{
    const char *def;
    const char **value = anl__arena_alloc(k->arena, sizeof *value * (size_t)runs);
    if (!value) return ANL_NOMEM;
    ANL_TRY(value_of(k->arena, defaults, key, ctx, &def));
    bool differs = false;
    for (int i = 0; i < runs; i++) {
        ANL_TRY(value_of(k->arena, s[i]->recipe, key, ctx, &value[i]));
        differs |= strcmp(value[i], runs > 1 ? value[0] : def) != 0;
    }
    if (!differs) return ANL_OK;
    k->key[k->n] = key;
    k->value[k->n] = value;
    k->def[k->n++] = def;
    return ANL_OK;
}

anl_status run_keys_find(anl_ctx *ctx, run_shown *const *s, int runs, run_keys *out)
{
    recipe *defaults;
    size_t n = (size_t)count_keys();
    *out = (run_keys){0};
    ANL_TRY(anl__arena_create(ctx, &out->arena));
    out->key = anl__arena_alloc(out->arena, sizeof *out->key * n);
    out->value = anl__arena_alloc(out->arena, sizeof *out->value * n);
    out->def = anl__arena_alloc(out->arena, sizeof *out->def * n);
    if (!out->key || !out->value || !out->def) return ANL_NOMEM;
    ANL_TRY(recipe_parse(ctx, "default", "{}", 2, NULL, 0, &defaults));
    anl_status st = ANL_OK;
    for (size_t i = 0; i < n && st == ANL_OK; i++) st = look(ctx, s, runs, defaults, &recipe_keys[i], out);
    recipe_free(defaults);
    return st;
}

void run_keys_free(run_keys *k)
{
    if (k->arena) anl__arena_destroy(k->arena);
    k->arena = NULL;
}

const char *run_keys_text(const run_keys *k, int i)
{
    const char *text = "";
    for (int j = 0; j < k->n && j < MOST_IN_TEXT && text; j++)
        text = anl__arena_printf(k->arena, "%s%s%s %.60s", text, j ? ", " : "", k->key[j]->path, k->value[j][i]);
    if (text && k->n > MOST_IN_TEXT) text = anl__arena_printf(k->arena, "%s, and %d more", text, k->n - MOST_IN_TEXT);
    return text;
}
