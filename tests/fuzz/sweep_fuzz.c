/* A sweep's file over a fixed base. Whatever the bytes, reading gives a sweep or a message; what a sweep
 * proposes is a point of its space, whose key=value words are that point again, and which the base recipe is
 * asked about as a trial would be. */
#include "tools/sweep/sweep_recipe.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7.12 forgets a block where a quoted text has very many escapes; our own blocks are counted
 * below. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfyaml.so\n"; }

static const char base_text[] =
    "model:\n  name: sequential\n  layers:\n    - {type: conv, filters: 4, kernel: 3}\n    - {repeat: 1, "
    "layers: [{type: conv, filters: 4, "
    "kernel: 3}]}\n    - flatten\n    - {type: dense, units: 4}\ndata: {path: none}\ntrain: {epochs: 9}\n";
static char base[64], file[64];

static void remove_files(void)
{
    unlink(base);
    unlink(file);
}

static void put(const char *path, const void *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text, 1, n, f) != n || fclose(f)) abort();
}

static void fail(const sweep_recipe *r, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, anl_last_error(r->ctx));
    abort();
}

static void propose(const sweep_recipe *r, int64_t number)
{
    double point[SPACE_MAX_AXES], again[SPACE_MAX_AXES];
    sampler_task t = sweep_sampler_task(r);
    const char *const *word;
    anl__arena *a;
    int n;
    if (sampler_propose(r->ctx, r->sampler, &t, number, NULL, 0, point) != ANL_OK) return; /* a grid's end */
    if (space_check(r->ctx, r->space, point) != ANL_OK) fail(r, "a proposal is no point");
    if (anl__arena_create(r->ctx, &a) != ANL_OK) abort();
    sweep_recipe alone = *r; /* without the words for folds and seeds */
    alone.folds = alone.seeds = 0;
    if (sweep_overrides(&alone, point, 0, a, &word, &n) != ANL_OK) fail(r, "a proposal has no words");
    if (sweep_point_of_words(r, word, n, again) != ANL_OK) fail(r, "a proposal's words are refused");
    if (!space_same(r->space, point, again)) fail(r, "a proposal's words are another point");
    anl__arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anl_ctx *ctx = anl_ctx_create();
    sweep_recipe *r = NULL;
    anl__buf text;
    if (!ctx) return 0;
    if (!base[0]) {
        snprintf(base, sizeof base, "/tmp/anneal-fuzz-%d-base.yaml", (int)getpid());
        snprintf(file, sizeof file, "/tmp/anneal-fuzz-%d.yaml", (int)getpid());
        put(base, base_text, sizeof base_text - 1);
        atexit(remove_files);
    }
    put(file, data, size);
    if (sweep_recipe_load(ctx, file, base, &r) == ANL_OK) {
        for (int64_t k = 0; k < 4; k++) propose(r, k);
        anl__buf_init(&text, ctx);
        if (sweep_describe(r, &text) != ANL_OK) fail(r, "a sweep does not describe itself");
        anl__buf_release(&text);
        sweep_recipe_free(r);
    } else if (!anl_last_error(ctx)[0]) abort(); /* refused without a word */
    if (anl__live_blocks(ctx)) abort();
    anl_ctx_destroy(ctx);
    return 0;
}
