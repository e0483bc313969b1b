/* See train_scores.h. */
#include "train_scores.h"

#include "sequence_report.h"
#include "show_scores.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const part_word[] = {[JOB_TRAIN] = "training", [JOB_VALID] = "validation", [JOB_TEST] = "test"};

static void say_part(job_part part, int64_t step, const char *metric)
{
    bool chosen = metric && *metric;
    fprintf(stderr, "\n%s part, with the weights of step %lld (%s%s):\n", part_word[part], (long long)step, chosen ? "best " : "the last", chosen ? metric : "");
}

static anl_status keep(const run *r, job_part part, const char *kind, const char *text)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", part_word[part], kind);
    return r->dir ? anl__run_dir_put(r->dir, name, text) : ANL_OK;
}

/* The table for a person. *text: freed with free. */
static anl_status table_of(const job *j, anl__scores *s, const char *more, char **text)
{
    size_t n;
    FILE *f = open_memstream(text, &n);
    if (f) scores_print(f, s, j->class_names);
    if (f && more) fputs(more, f);
    return f && !fclose(f) ? ANL_OK : anl__fail(j->ctx, ANL_NOMEM, "no memory for the scores as a table");
}

anl_status train_scores_make(run *r, job *j, const anl__loop_opts *l, bool json)
{
    job_part part = j->part[JOB_TEST].feed.samples ? JOB_TEST : JOB_VALID;
    if (!j->part[part].feed.samples) return ANL_OK;
    anl__ckpt *best = NULL;
    anl__scores *s = NULL;
    anl__buf object, more;
    char *text = NULL;
    cJSON *all = cJSON_CreateObject();
    anl__buf_init(&object, j->ctx);
    anl__buf_init(&more, j->ctx);
    anl_status st;
    if (r->dir) {
        ANL_GO(job_checkpoint(j->ctx, r->path, "best", &best));
        ANL_GO(anl__capture_restore(j->trainer, best, true, false));
        say_part(part, anl__ckpt_step(best), l->best_metric);
    }
    ANL_GO(job_scores(j, j->part[part].feed.samples, &s));
    ANL_GO(anl__loop_evaluate(j->trainer, &j->part[part].feed, l->ema, s));
    scores_json(s, j->class_names, all);
    ANL_GO(sequence_report(j, part, s, &more, all));
    ANL_GO(table_of(j, s, more.text, &text));
    ANL_GO(scores_write(all, &object));
    if (json) printf("%s\n", object.text);
    else fputs(text, stdout);
    ANL_GO(keep(r, part, "txt", text));
    ANL_GO(keep(r, part, "json", object.text));
done:
    anl__buf_release(&object);
    anl__buf_release(&more);
    free(text);
    cJSON_Delete(all);
    anl__scores_destroy(s);
    anl__ckpt_close(best);
    return st;
}

anl_status train_scores_again(const run *r, bool json)
{
    char *dir = anl__run_dir_file(r->dir, r->arena, "checkpoints"), name[32];
    const char *text = NULL;
    if (!dir) return ANL_NOMEM;
    for (int i = 0; i < 2 && !text; i++) {
        job_part part = i ? JOB_VALID : JOB_TEST;
        snprintf(name, sizeof name, "%s.%s", part_word[part], json ? "json" : "txt");
        ANL_TRY(anl__run_dir_get(r->dir, r->arena, name, &text));
        if (text) say_part(part, anl__ckpt_pointed(r->ctx, dir, "best"), anl__ckpt_text(r->from, "best.metric", NULL));
    }
    if (text) printf(json ? "%s\n" : "%s", text);
    else fprintf(stderr, "its scores are not kept; they are made by: anneal eval %s%s\n", run_word(r), json ? " --json" : "");
    return ANL_OK;
}
