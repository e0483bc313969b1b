/* anneal eval: scores of a trained model over a part of its data, or other data. */
#include "command.h"
#include "exit_code.h"
#include "sequence_report.h"
#include "show_scores.h"

#include "runtime/train/loop.h"
#include "tools/job/job_notes.h"

#include <stdio.h>
#include <string.h>

static const option eval_options[] = {
    {"split", "train|valid|test", "part of the run's data (default test)"},
    {"checkpoint", "best|last|STEP", "which checkpoint (default best)"},
    {"data", "DIR", "other data: its test part"},
    {"json", NULL, "one JSON object instead of a table"},
    {NULL, NULL, NULL},
};

static anl_status evaluate(anl_ctx *ctx, const options *o, job_part part)
{
    job_used u;
    anl__scores *s = NULL;
    anl__buf json, text, notes;
    cJSON *all = cJSON_CreateObject();
    job_opts jo = {.train = part != JOB_TEST, .test_data = options_text(o, "data", NULL), .answer = true};
    anl__buf_init(&json, ctx);
    anl__buf_init(&text, ctx);
    anl__buf_init(&notes, ctx);
    anl_status st = job_use(ctx, o->arg[0], options_text(o, "checkpoint", "best"), o->override, o->n_override, &jo, &u);
    if (st != ANL_OK) goto done;
    const anl__feed *f = &u.job.part[part].feed;
    if (!f->samples) {
        st = anl__fail(ctx, ANL_DATA, "this run has no such part of the data");
        goto done;
    }
    if (part == JOB_TEST && u.job.set[1] && u.job.set[1]->fields < 2) {
        st = anl__fail(ctx, ANL_DATA, "%s has no labels to compare with: use `anneal predict`", u.job.set[1]->name);
        goto done;
    }
    ANL_GO(job_notes(&u.job, &notes));
    if (notes.len) fputs(notes.text, stderr);
    fprintf(stderr, "%s, %lld samples\n", anl__ckpt_path(u.from), (long long)f->samples);
    ANL_GO(job_scores(&u.job, f->samples, &s));
    ANL_GO(anl__loop_evaluate(u.job.trainer, f, false, s));
    scores_json(s, u.job.class_names, all);
    ANL_GO(sequence_report(&u.job, part, s, &text, all));
    if (options_has(o, "json")) {
        ANL_GO(scores_write(all, &json));
        printf("%s\n", json.text);
    } else {
        scores_print(stdout, s, u.job.class_names);
        if (text.len) printf("%s", text.text);
    }
done:
    anl__buf_release(&json);
    anl__buf_release(&text);
    cJSON_Delete(all);
    anl__buf_release(&notes);
    anl__scores_destroy(s);
    job_used_close(&u);
    return st;
}

static int run_eval(const options *o)
{
    const char *split = options_text(o, "split", "test");
    static const char *const names[] = {"train", "valid", "test"};
    int part = 0;
    while (part < 3 && strcmp(names[part], split)) part++;
    if (part == 3) return command_usage(o, "--split is train, valid or test, not '%s'", split);
    if (options_has(o, "data") && part != JOB_TEST) return command_usage(o, "--data goes with --split test");
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    anl_status st = evaluate(ctx, o, (job_part)part);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_eval = {
    .name = "eval", .args = "RUN [key=value ...]", .summary = "scores a trained model: precision, recall, F1, AUC, confusion matrix",
    .details = "RUN is a run's directory, RUN:best, RUN:last, RUN:STEP, or a checkpoint's file. The normalisation is the one stored with the model.",
    .options = eval_options, .min_args = 1, .max_args = 1, .overrides = true, .run = run_eval,
};
