/* anneal predict: what a trained model says about samples without labels. */
#include "command.h"
#include "exit_code.h"
#include "predict_options.h"
#include "predict_sequence.h"
#include "quoted.h"
#include "stdin_file.h"

#include "runtime/base/files.h"
#include "runtime/train/scores.h"
#include "tools/job/job_answer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const option predict_options[] = {
    {"checkpoint", "best|last|STEP", "which checkpoint (default best)"},
    {"format", "csv|jsonl", "of the output (default csv)"},
    {"probabilities", NULL, "csv: one column a class more"},
    {"text", "TEXT", "translate or classify this text"},
    {"beam", "N", "translations: hypotheses kept (default 4; 1 is greedy)"},
    {"prompt", "TEXT", "continue this text"},
    {"length", "N", "by so many tokens (default 200)"},
    {"temperature", "T", "of the draw (default 0.8; 0: always the likeliest)"},
    {"top-k", "K", "draw from the K likeliest only (default 0: all)"},
    {"seed", "S", "of the draw (default 1): the same seed, the same text"},
    {NULL, NULL, NULL},
};

typedef struct output {
    bool json, all, values; /* values: predictions are numbers, not classes */
    const char *const *names;
    double *p; /* [classes] */
} output;

static void write_values(const output *out, const char *file, int64_t id, const float *y, int n)
{
    if (out->json) printf("{\"file\":");
    print_quoted(file, out->json);
    printf(out->json ? ",\"sample\":%lld,\"values\":[" : ",%lld", (long long)id);
    for (int i = 0; i < n; i++) printf("%s%.9g", out->json && !i ? "" : ",", (double)y[i]);
    printf(out->json ? "]}\n" : "\n");
}

static void write_one(const output *out, const char *file, int64_t id, const float *y, int classes)
{
    if (out->values) return write_values(out, file, id, y, classes);
    int best = anl__argmax(y, classes);
    job_softmax(y, classes, out->p);
    if (out->json) {
        printf("{\"file\":");
        print_quoted(file, true);
        printf(",\"sample\":%lld,\"class\":%d", (long long)id, best);
        if (out->names) {
            printf(",\"name\":");
            print_quoted(out->names[best], true);
        }
        printf(",\"probability\":%.6f,\"probabilities\":[", out->p[best]);
        for (int c = 0; c < classes; c++) printf("%s%.6f", c ? "," : "", out->p[c]);
        printf("]}\n");
        return;
    }
    print_quoted(file, false);
    printf(",%lld,%d,", (long long)id, best);
    if (out->names) print_quoted(out->names[best], false);
    printf(",%.6f", out->p[best]);
    for (int c = 0; out->all && c < classes; c++) printf(",%.6f", out->p[c]);
    putchar('\n');
}

static void write_header(const output *out, int classes)
{
    if (out->json) return;
    if (out->values) {
        printf("file,sample");
        for (int i = 0; i < classes; i++) printf(",value%d", i);
        putchar('\n');
        return;
    }
    printf("file,sample,class,name,probability");
    for (int c = 0; out->all && c < classes; c++) printf(",p%d", c);
    putchar('\n');
}

static anl_status predict_file(anl_ctx *ctx, const options *o, const char *file, const char *shown, output *out, bool first)
{
    job_used u;
    job_opts jo = {.test_file = file};
    anl_status st = job_use(ctx, o->arg[0], options_text(o, "checkpoint", "best"), o->override, o->n_override, &jo, &u);
    if (st != ANL_OK) goto done;
    const anl__feed *f = &u.job.part[JOB_TEST].feed;
    int classes = (int)anl__trainer_columns(u.job.trainer);
    out->values = u.job.kind == ANL__SCORE_VALUES;
    out->names = u.job.class_names;
    if (!(out->p = anl__calloc(ctx, (size_t)classes, sizeof *out->p))) {
        st = ANL_NOMEM;
        goto done;
    }
    if (first) write_header(out, classes);
    ANL_GO(f->start(f->self, 0, 0));
    for (;;) {
        anl__feed_batch b = {0};
        anl__eval_result r;
        ANL_GO(f->next(f->self, &b));
        if (!b.n) break;
        st = anl__trainer_eval(u.job.trainer, &b, false, &r);
        for (int64_t i = 0; st == ANL_OK && i < b.n; i++) write_one(out, shown, b.id[i], r.logits + i * classes, classes);
        f->release(f->self, &b);
        if (st != ANL_OK) break;
    }
done:
    anl__free(ctx, out->p);
    out->p = NULL;
    job_used_close(&u);
    return st;
}

static int run_predict(const options *o)
{
    const char *format = options_text(o, "format", "csv");
    if (strcmp(format, "csv") && strcmp(format, "jsonl")) return command_usage(o, "--format is csv or jsonl, not '%s'", format);
    anl_ctx *ctx = command_ctx();
    if (!ctx) return EXIT_ERROR;
    output out = {.json = !strcmp(format, "jsonl"), .all = options_has(o, "probabilities")};
    predict_kind kind = PREDICT_SAMPLES;
    anl_status st = predict_kind_of(ctx, o, &kind);
    bool sequence = kind != PREDICT_SAMPLES;
    if (st == ANL_OK && !sequence) st = predict_options_fit(ctx, o, kind);
    if (st == ANL_OK && sequence) st = predict_sequence(ctx, o, kind);
    else if (st == ANL_OK && o->n_arg < 2) st = anl__fail(ctx, ANL_INVALID, "which samples? give a file of IDX or NPY, or - for standard input");
    for (int i = 1; i < o->n_arg && !sequence && st == ANL_OK; i++) {
        char path[64] = "";
        bool piped = !strcmp(o->arg[i], "-");
        if (piped) st = stdin_file(ctx, path);
        if (st == ANL_OK) st = predict_file(ctx, o, piped ? path : o->arg[i], o->arg[i], &out, i == 1);
        if (path[0]) unlink(path);
    }
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_predict = {
    .name = "predict", .args = "RUN [FILE|- ...] [key=value ...]", .summary = "says what the model makes of samples without labels, as CSV or JSON lines",
    .details = "Images: files of IDX or NPY, compressed or not. Series: a table that is to be continued. Windows: a table. Texts: --text or files of lines; a text to go on with: --prompt.",
    .options = predict_options, .min_args = 1, .max_args = OPTIONS_MOST, .overrides = true, .run = run_predict,
};
