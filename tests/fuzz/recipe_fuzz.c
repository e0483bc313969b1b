/* Recipes: the first line holds overrides (separated by '|'), the rest is the file. Whatever the bytes, reading gives a recipe or
 * a message; a recipe resolves to a text that reads back as the same one, and its model spells out or is refused. */
#include "tools/recipe/layers.h"
#include "tools/recipe/recipe.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7.12 forgets a block where a quoted text has very many escapes; our own blocks are counted below. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfyaml.so\n"; }

enum { MOST_OVERRIDES = 8 };

static int split(char *line, const char *list[MOST_OVERRIDES])
{
    int n = 0;
    for (char *bar; *line && n < MOST_OVERRIDES; line = bar) {
        list[n++] = line;
        if (!(bar = strchr(line, '|'))) break;
        *bar++ = 0;
    }
    return n;
}

static void read_back(anl_ctx *ctx, const recipe *r)
{
    anl__buf first, again;
    recipe *s = NULL;
    anl__buf_init(&first, ctx);
    anl__buf_init(&again, ctx);
    if (recipe_dump(r, &first) != ANL_OK) abort();
    if (recipe_parse(ctx, "dump", first.text, first.len, NULL, 0, &s) == ANL_OK) {
        if (recipe_dump(s, &again) != ANL_OK || strcmp(first.text, again.text)) {
            fprintf(stderr, "%s\nreads back as\n%s\n", first.text, again.text);
            abort();
        }
    } else if (first.len < 1 << 20) { /* escapes may make it larger than what is read */
        fprintf(stderr, "%s\ndoes not read back: %s\n", first.text, anl_last_error(ctx));
        abort();
    }
    recipe_free(s);
    anl__buf_release(&first);
    anl__buf_release(&again);
}

static void spell(anl_ctx *ctx, const recipe *r)
{
    anl__arena *a;
    anl_model_opts m = anl_model_opts_default();
    if (anl__arena_create(ctx, &a) != ANL_OK) abort();
    anl_status st = recipe_model(r, ctx, a, &m);
    if (st != ANL_OK && st != ANL_RECIPE) abort();
    anl__arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *list[MOST_OVERRIDES];
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t line = newline ? (size_t)(newline - data) : 0, skip = newline ? line + 1 : 0;
    char *overrides = calloc(1, line + 1), *text = malloc(size - skip + 1);
    anl_ctx *ctx = anl_ctx_create();
    recipe *r = NULL;
    if (!overrides || !text || !ctx) abort();
    if (line) memcpy(overrides, data, line);
    if (size > skip) memcpy(text, data + skip, size - skip);
    anl_status st = recipe_parse(ctx, "r.yaml", text, size - skip, list, split(overrides, list), &r);
    if (st == ANL_OK) {
        read_back(ctx, r);
        spell(ctx, r);
    } else if (st != ANL_RECIPE || !anl_last_error(ctx)[0]) {
        abort();
    }
    recipe_free(r);
    if (anl__live_blocks(ctx) != 0) abort();
    anl_ctx_destroy(ctx);
    free(overrides);
    free(text);
    return 0;
}
