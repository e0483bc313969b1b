/* See winner.h. */
#include "winner.h"

#include "table.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

anl_status winner_of(const sweep_open *s, const sweep_trial **out)
{
    int64_t *order, n;
    *out = NULL;
    ANL_TRY(table_order(&s->state, &order, NULL, &n));
    const sweep_trial *best = n ? s->state.trial[order[0]] : NULL;
    if (best && best->status == STATUS_COMPLETE) *out = best;
    anl__free(s->state.ctx, order);
    return ANL_OK;
}

anl_status winner_command(const sweep_open *s, const char *dir, const sweep_trial *t, anl__buf *out)
{
    anl__arena *a;
    const char *const *word;
    sweep_recipe whole = *s->recipe; /* all of the data, and the base's own seed */
    int n;
    whole.folds = whole.seeds = 0;
    ANL_TRY(anl__arena_create(s->state.ctx, &a));
    char *base = anl__arena_printf(a, "%s/base.yaml", dir);
    anl_status st = base ? sweep_overrides(&whole, t->values, 0, a, &word, &n) : ANL_NOMEM;
    if (st == ANL_OK) {
        anl__buf_add(out, "anneal train ");
        anl__buf_word(out, base);
        for (int i = 0; i < n; i++) {
            anl__buf_add(out, " ");
            anl__buf_word(out, word[i]);
        }
        anl__buf_add(out, "\n");
        st = out->status;
    }
    anl__arena_destroy(a);
    return st;
}

/* The numbers of each part's scores (a line of JSON each), as means over the parts. */
static void add_means(const char *lines, anl__buf *out)
{
    const char *end = lines;
    cJSON *first = cJSON_ParseWithOpts(lines, &end, 0);
    for (const cJSON *v = first ? first->child : NULL; v; v = v->next) {
        double sum = 0;
        int parts = 0;
        if (!cJSON_IsNumber(v) || !strcmp(v->string, "samples")) continue;
        for (const char *p = lines, *next; p && *p; p = next) {
            cJSON *part = cJSON_ParseWithOpts(p, &next, 0);
            const cJSON *x = part ? cJSON_GetObjectItemCaseSensitive(part, v->string) : NULL;
            if (!part) next = NULL;
            parts += cJSON_IsNumber(x);
            sum += cJSON_IsNumber(x) ? x->valuedouble : 0;
            cJSON_Delete(part);
            while (next && *next == '\n') next++;
        }
        anl__buf_add(out, "%s%s %.5g", out->len ? "  " : "", v->string, sum / parts);
    }
    cJSON_Delete(first);
}

anl_status winner_scores(const sweep_open *s, const sweep_trial *t, anl__buf *out)
{
    anl__arena *a;
    const char *lines = NULL, *number = NULL;
    ANL_TRY(anl__arena_create(s->state.ctx, &a));
    anl_status st = store_meta(s->store, a, "test", &lines);
    if (st == ANL_OK) st = store_meta(s->store, a, "test.trial", &number);
    if (st == ANL_OK && lines && number && strtoll(number, NULL, 10) == t->number) add_means(lines, out);
    anl__arena_destroy(a);
    return st == ANL_OK ? out->status : st;
}

static anl_status add_run(const sweep_open *s, const char *dir, const sweep_trial *t, anl__buf *out)
{
    anl__arena *a;
    int parts = sweep_parts(s->recipe);
    ANL_TRY(anl__arena_create(s->state.ctx, &a));
    char *run = sweep_run_dir(a, s->recipe, dir, t, 0);
    if (run && parts > 1)
        anl__buf_add(out, "its runs, which eval, predict and export take: %s and %d more beside it\n", run,
                     parts - 1);
    else if (run) anl__buf_add(out, "its run, which eval, predict and export take: %s\n", run);
    anl__arena_destroy(a);
    return run ? out->status : ANL_NOMEM;
}

anl_status winner_text(const sweep_open *s, const char *dir, const sweep_trial *t, anl__buf *out)
{
    const sweep_constraint *broken = table_broken(s->recipe, t);
    anl__buf scores;
    if (broken)
        anl__buf_add(out, "no trial keeps all constraints: trial %lld breaks %s %s %g\n",
                     (long long)t->number, broken->metric, broken->below ? "<=" : ">=", broken->limit);
    anl__buf_init(&scores, s->state.ctx);
    anl_status st = winner_scores(s, t, &scores);
    if (st == ANL_OK && scores.len)
        anl__buf_add(out, "test part, read once%s: %s\n",
                     sweep_parts(s->recipe) > 1 ? ", mean of its runs" : "", scores.text);
    anl__buf_release(&scores);
    ANL_TRY(st);
    ANL_TRY(add_run(s, dir, t, out));
    if (t->generation)
        anl__buf_add(out, "it took over weights and changed its values on its way, so no command trains it "
                          "again; with its last values:\n  ");
    else
        anl__buf_add(out, "to train the %s again:\n  ",
                     s->recipe->n_objectives > 1 ? "first of the front" : "winner");
    return winner_command(s, dir, t, out);
}
