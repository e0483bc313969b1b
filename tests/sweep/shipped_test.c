/* The sweeps that are shipped in models/sweeps: each is a sound search over a sound recipe. And the page on
 * sweeps: it knows every key. */
#include "fixture.h"

#include "tools/sweep/sweep_recipe.h"

#include <unistd.h>

static void shipped(void **state)
{
    static const char *const names[] = {"fashion", "taylor", "taylor-cells"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024];
        sweep_recipe *r = NULL;
        snprintf(path, sizeof path, "%s/../models/sweeps/%s.yaml", ANL_TESTS_DIR, names[i]);
        if (sweep_recipe_load(*state, path, NULL, &r) != ANL_OK) fail_msg("%s", anl_last_error(*state));
        assert_true(sweep_epochs_of_part(r) > 0);
        sweep_recipe_free(r);
    }
}

/* The page's first example, which is indented and begins with its base, is a sweep over what it names. */
static void example(anl_ctx *ctx, const char *text)
{
    char file[] = "/tmp/anneal-example-XXXXXX", base[1024];
    const char *p = strstr(text, "    base: ");
    int fd = mkstemp(file);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    sweep_recipe *r = NULL;
    assert_non_null(p);
    assert_non_null(f);
    snprintf(base, sizeof base, "%s/../%.*s", ANL_TESTS_DIR, (int)strcspn(p + 10, " \n"), p + 10);
    for (; !strncmp(p, "    ", 4); p = strchr(p, '\n') + 1)
        fprintf(f, "%.*s\n", (int)strcspn(p + 4, "\n"), p + 4);
    assert_int_equal(fclose(f), 0);
    anl_status st = sweep_recipe_load(ctx, file, base, &r);
    unlink(file);
    if (st != ANL_OK) fail_msg("%s", anl_last_error(ctx));
    assert_int_equal(space_count(r->space), 5);
    sweep_recipe_free(r);
}

/* Every key, sampler and scheduler has its line in docs/sweeps.md. */
static void documented(void **state)
{
    char path[1024], word[64];
    snprintf(path, sizeof path, "%s/../docs/sweeps.md", ANL_TESTS_DIR);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    example(*state, text);
    int n = 0;
    for (const char *name; (name = sweep_key_table[n].name); n++) {
        snprintf(word, sizeof word, "`%s`", name);
        if (!strstr(text, word)) fail_msg("docs/sweeps.md has no %s", word);
    }
    assert_in_range(n, 20, SWEEP_MAX_KEYS);
    for (n = 0; samplers[n]; n++) {
        snprintf(word, sizeof word, "| `%s` |", samplers[n]->name);
        if (!strstr(text, word)) fail_msg("docs/sweeps.md has no row %s", word);
    }
    for (n = 0; schedulers[n]; n++) {
        snprintf(word, sizeof word, "| `%s` |", schedulers[n]->name);
        if (!strstr(text, word)) fail_msg("docs/sweeps.md has no row %s", word);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {sweep_test(shipped), sweep_test(documented)};
    return cmocka_run_group_tests_name("sweep/shipped", tests, NULL, NULL);
}
