#include "fixture.h"


int recipe_setup(void **state)
{
    *state = anl_ctx_create();
    return *state ? 0 : -1;
}

int recipe_teardown(void **state)
{
    int64_t live = anl__live_blocks(*state);
    anl_ctx_destroy(*state);
    if (live) print_error("%lld blocks live\n", (long long)live);
    return live ? -1 : 0;
}

anl_status recipe_try(anl_ctx *ctx, const char *text, const char *overrides, recipe **out)
{
    char copy[2048];
    const char *list[32];
    int n = 0;
    snprintf(copy, sizeof copy, "%s", overrides ? overrides : "");
    for (char *p = copy, *bar; *p && n < 32; p = bar) {
        list[n++] = p;
        bar = strchr(p, '|');
        if (!bar) break;
        *bar++ = 0;
    }
    *out = NULL;
    return recipe_parse(ctx, "r.yaml", text, strlen(text), list, n, out);
}

recipe *recipe_good(anl_ctx *ctx, const char *text, const char *overrides)
{
    recipe *r;
    if (recipe_try(ctx, text, overrides, &r) != ANL_OK) fail_msg("%s\n%s", text, anl_last_error(ctx));
    return r;
}

void recipe_wrong(anl_ctx *ctx, const char *text, const char *overrides, const char *message)
{
    recipe *r;
    anl_status st = recipe_try(ctx, text, overrides, &r);
    if (st != ANL_RECIPE) fail_msg("%s\nstatus %d: %s", text, (int)st, anl_last_error(ctx));
    assert_null(r);
    if (strcmp(anl_last_error(ctx), message)) fail_msg("%s\nsays:    %s\nnot:     %s", text, anl_last_error(ctx), message);
}
