/* anneal predict: what a trained model says about samples without labels. */
#include "command.h"
#include "csv_line.h"
#include "exit_code.h"
#include "predict_options.h"
#include "predict_sequence.h"
#include "quoted.h"
#include "stdin_file.h"

#include "datasets/picture_file.h"
#include "runtime/base/files.h"
#include "runtime/train/scores.h"
#include "tools/job/job_answer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const option predict_options[] = {
    {"checkpoint", "best|last|STEP", "which checkpoint (default best)"},
    {"format", "csv|jsonl", "of the output (default csv: a header, then a row an answer; translations and continued texts are plain lines)"},
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

/* What one head of the model says; the first is the model's own. */
typedef struct said {
    const char *head;  /* its layer; NULL: the first */
    bool values;       /* numbers, not classes */
    int columns;
    const char *const *names; /* [columns] of classes, or NULL */
    const float *y;    /* [samples of the batch, columns] */
    float *own;        /* y of a further head: to be freed */
    char output[ANL_HEAD_OUTPUT];
} said;

typedef struct output {
    bool json, all; /* all: csv has every class */
    int n;
    said *head;     /* [n] */
    double *p;      /* [most columns]: probabilities of one sample */
} output;

static void csv_column(csv_line *l, const said *s, const char *what)
{
    char name[ANL_HEAD_OUTPUT + 32];
    snprintf(name, sizeof name, "%s%s%s", s->head ? s->head : "", s->head ? "." : "", what);
    csv_text(l, name);
}

static void csv_header(const output *out)
{
    csv_line l = {0};
    csv_cell(&l, "file");
    csv_cell(&l, "sample");
    for (int i = 0; i < out->n; i++) {
        const said *s = &out->head[i];
        if (!s->values) csv_column(&l, s, "class");
        if (!s->values && !s->head) csv_column(&l, s, "name");
        if (!s->values) csv_column(&l, s, "probability");
        for (int c = 0; (s->values || out->all) && c < s->columns; c++) {
            char what[24];
            snprintf(what, sizeof what, "%s%d", s->values ? "value" : "p", c);
            csv_column(&l, s, what);
        }
    }
    csv_end(&l);
}

static void csv_row(const output *out, const char *file, int64_t id, int64_t row)
{
    csv_line l = {0};
    csv_text(&l, file);
    csv_cell(&l, "%lld", (long long)id);
    for (int i = 0; i < out->n; i++) {
        const said *s = &out->head[i];
        const float *y = s->y + row * s->columns;
        for (int c = 0; s->values && c < s->columns; c++) csv_cell(&l, "%.9g", (double)y[c]);
        if (s->values) continue;
        int best = anl__argmax(y, s->columns);
        job_softmax(y, s->columns, out->p);
        csv_cell(&l, "%d", best);
        if (!s->head) csv_text(&l, s->names ? s->names[best] : "");
        csv_cell(&l, "%.6f", out->p[best]);
        for (int c = 0; out->all && c < s->columns; c++) csv_cell(&l, "%.6f", out->p[c]);
    }
    csv_end(&l);
}

static void json_said(const output *out, const said *s, int64_t row)
{
    const float *y = s->y + row * s->columns;
    if (!s->values) {
        int best = anl__argmax(y, s->columns);
        job_softmax(y, s->columns, out->p);
        printf("\"class\":%d", best);
        if (s->names) {
            printf(",\"name\":");
            print_quoted(s->names[best]);
        }
        printf(",\"probability\":%.6f,", out->p[best]);
    }
    printf("\"%s\":[", s->values ? "values" : "probabilities");
    for (int c = 0; c < s->columns; c++) printf(s->values ? "%s%.9g" : "%s%.6f", c ? "," : "", s->values ? (double)y[c] : out->p[c]);
    putchar(']');
}

static void json_row(const output *out, const char *file, int64_t id, int64_t row)
{
    printf("{\"file\":");
    print_quoted(file);
    printf(",\"sample\":%lld,", (long long)id);
    json_said(out, &out->head[0], row);
    for (int i = 1; i < out->n; i++) {
        printf(i == 1 ? ",\"heads\":{" : ",");
        print_quoted(out->head[i].head);
        printf(":{");
        json_said(out, &out->head[i], row);
        putchar('}');
    }
    printf(out->n > 1 ? "}}\n" : "}\n");
}

static void close_output(anl_ctx *ctx, output *out)
{
    for (int i = 0; i < out->n; i++) anl__free(ctx, out->head[i].own);
    anl__free(ctx, out->head);
    anl__free(ctx, out->p);
    out->head = NULL;
    out->p = NULL;
    out->n = 0;
}

static anl_status open_output(anl_ctx *ctx, const job *j, output *out)
{
    const anl_model_opts *m = &j->model;
    int n = m->n_head > 1 ? m->n_head : 1, most = 0;
    if (!(out->head = anl__calloc(ctx, (size_t)n, sizeof *out->head))) return ANL_NOMEM;
    out->n = n;
    out->head[0] = (said){.values = j->kind == ANL__SCORE_VALUES, .columns = (int)anl__trainer_columns(j->trainer), .names = j->class_names};
    for (int i = 0; i < n; i++) {
        said *s = &out->head[i];
        if (i) {
            *s = (said){.head = m->head[i].from, .values = !anl_model_loss_is_class(m->head[i].loss)};
            s->columns = (int)anl__trainer_output_columns(j->trainer, anl_model_head_output(&m->head[i], s->output));
            s->own = anl__calloc(ctx, (size_t)(s->columns * j->part[JOB_TEST].feed.batch) + 1, sizeof *s->own);
            if (!(s->y = s->own)) return ANL_NOMEM;
        }
        if (s->columns > most) most = s->columns;
    }
    return (out->p = anl__calloc(ctx, (size_t)most + 1, sizeof *out->p)) ? ANL_OK : ANL_NOMEM;
}

/* shown NULL: the sample's own file, which is all of it. */
static anl_status say_batch(job *j, output *out, const char *shown, const anl__feed_batch *b)
{
    const anl__dataset *ds = j->set[1];
    anl__eval_result r;
    ANL_TRY(anl__trainer_eval(j->trainer, b, false, &r));
    out->head[0].y = r.logits;
    for (int i = 1; i < out->n; i++) ANL_TRY(anl__trainer_output(j->trainer, (anl__size){b->n, b->variant}, out->head[i].output, out->head[i].own));
    for (int64_t i = 0; i < b->n; i++) {
        bool own = !shown && ds->item;
        (out->json ? json_row : csv_row)(out, own ? ds->item[b->id[i]] : shown, own ? 0 : b->id[i], i);
    }
    return ANL_OK;
}

/* A file of samples, or n pictures and directories of them. shown: instead of its name; NULL: the names of the pictures. */
static anl_status predict_files(anl_ctx *ctx, const options *o, const char *const *file, int n, const char *shown, output *out, bool first)
{
    job_used u;
    job_opts jo = {.test_file = file[0], .test_files = file, .n_test_files = n};
    anl_status st = job_use(ctx, o->arg[0], options_text(o, "checkpoint", "best"), o->override, o->n_override, &jo, &u);
    if (st != ANL_OK) goto done;
    const anl__feed *f = &u.job.part[JOB_TEST].feed;
    ANL_GO(open_output(ctx, &u.job, out));
    if (first && !out->json) csv_header(out);
    ANL_GO(f->start(f->self, 0, 0));
    for (;;) {
        anl__feed_batch b = {0};
        ANL_GO(f->next(f->self, &b));
        if (!b.n) break;
        st = say_batch(&u.job, out, shown, &b);
        f->release(f->self, &b);
        if (st != ANL_OK) break;
    }
done:
    close_output(ctx, out);
    job_used_close(&u);
    return st;
}

static bool is_pictures(const char *path) { return anl__path_is_dir(path) || anl__picture_name(path); }

/* All files that were named; pictures that follow each other are one set. */
static anl_status predict_samples(anl_ctx *ctx, const options *o, output *out)
{
    anl_status st = ANL_OK;
    for (int i = 1, n; i < o->n_arg && st == ANL_OK; i += n) {
        const char *file = o->arg[i];
        char path[64] = "";
        bool piped = !strcmp(file, "-"), pictures = !piped && is_pictures(file);
        for (n = 1; pictures && i + n < o->n_arg && is_pictures(o->arg[i + n]);) n++;
        if (piped) st = stdin_file(ctx, path);
        const char *const from_pipe[1] = {path};
        if (st == ANL_OK) st = predict_files(ctx, o, piped ? from_pipe : (const char *const *)o->arg + i, n, pictures ? NULL : file, out, i == 1);
        if (path[0]) unlink(path);
    }
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
    else if (st == ANL_OK && o->n_arg < 2) st = anl__fail(ctx, ANL_INVALID, "which samples? give pictures, a directory of them, a file of IDX or NPY, or - for standard input");
    else if (st == ANL_OK) st = predict_samples(ctx, o, &out);
    int code = st == ANL_OK ? EXIT_DONE : command_fail(ctx, st);
    anl_ctx_destroy(ctx);
    return code;
}

const command command_predict = {
    .name = "predict", .args = "RUN [FILE|- ...] [key=value ...]", .summary = "says what the model makes of samples without labels, as CSV or JSON lines",
    .details = "Images: pictures (JPEG, PNG, GIF, WebP, TIFF, BMP, PNM), directories of them, files of IDX or NPY, compressed or not. Series: a table that is to be continued. Windows: a table. Texts: --text, files of lines, or tables (.csv, .tsv) with the column that was trained on; a text to go on with: --prompt.",
    .options = predict_options, .min_args = 1, .max_args = OPTIONS_MOST, .overrides = true, .run = run_predict,
};
