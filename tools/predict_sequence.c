/* See predict_sequence.h. */
#include "predict_sequence.h"

#include "csv_line.h"
#include "stdin_file.h"

#include "datasets/csv.h"
#include "datasets/utf8.h"
#include "tools/job/job_answer.h"
#include "tools/job/job_notes.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 64, MOST_LINE = 1 << 16 };

static predict_kind kind_of(const recipe *r)
{
    const char *model = recipe_text(r, "model.name");
    if (!anl_model_is_sequence(model)) return PREDICT_SAMPLES;
    if (!strcmp(model, "forecaster")) return PREDICT_SERIES;
    if (!strcmp(model, "seq2seq")) return PREDICT_PAIRS;
    if (!strcmp(model, "seqclassifier")) return recipe_text(r, "data.text") ? PREDICT_TEXTS : PREDICT_WINDOWS;
    return PREDICT_TEXT;
}

anl_status predict_kind_of(anl_ctx *ctx, const options *o, predict_kind *kind)
{
    anl__ckpt *c;
    recipe *r = NULL;
    ANL_TRY(job_checkpoint(ctx, o->arg[0], options_text(o, "checkpoint", "best"), &c));
    const char *text = anl__ckpt_text(c, "recipe", "");
    anl_status st = recipe_parse(ctx, "the checkpoint's recipe", text, strlen(text), o->override, o->n_override, &r);
    if (st == ANL_OK) *kind = kind_of(r);
    recipe_free(r);
    anl__ckpt_close(c);
    return st;
}

static bool json_lines(const options *o) { return !strcmp(options_text(o, "format", "csv"), "jsonl"); }

static anl_status print_json(anl_ctx *ctx, cJSON *line)
{
    char *text = cJSON_PrintUnformatted(line);
    cJSON_Delete(line);
    if (!text) return anl__fail(ctx, ANL_NOMEM, "no memory for a line of JSON");
    puts(text);
    cJSON_free(text);
    return ANL_OK;
}

/* What of a file's texts the model does not see: a note a file, not two a line. */
typedef struct unseen {
    const char *path; /* NULL: a single text, which is told at once */
    int64_t texts, unknown, unknown_in, cut, cut_in;
} unseen;

static void see(unseen *u, const char *text, int64_t unknown, int64_t cut)
{
    u->texts++;
    u->unknown += unknown;
    u->unknown_in += unknown > 0;
    u->cut += cut;
    u->cut_in += cut > 0;
    if (u->path) return;
    if (unknown) fprintf(stderr, "note: %lld tokens of '%.60s' are not in the model's vocabulary\n", (long long)unknown, text);
    if (cut) fprintf(stderr, "note: the last %lld tokens of '%.60s' are not read: it is longer than any text of the training data\n", (long long)cut, text);
}

static void say_unseen(const unseen *u)
{
    if (u->unknown)
        fprintf(stderr, "note: %s: %lld tokens, in %lld of %lld texts, are not in the model's vocabulary\n",
                u->path, (long long)u->unknown, (long long)u->unknown_in, (long long)u->texts);
    if (u->cut)
        fprintf(stderr, "note: %s: %lld tokens at the end of %lld texts are not read: these are longer than any text of the training data\n",
                u->path, (long long)u->cut, (long long)u->cut_in);
}

/* ---- one text at a time ---------------------------------------------------------------------- */

typedef anl_status (*texts_fn)(job *j, const options *o, char *const *text, int n, unseen *u);

static anl_status translate(job *j, const options *o, char *const *text, int n, unseen *u)
{
    job_translation t[GROUP];
    int64_t beam;
    char why[256];
    if (!options_int(o, "beam", 4, 1, JOB_MOST_BEAM, &beam, why)) return anl__fail(j->ctx, ANL_INVALID, "%s", why);
    for (int i = 0; i < n; i++) t[i] = (job_translation){.text = text[i]};
    anl_status st = job_translate(j, t, n, (int)beam);
    for (int i = 0; i < n; i++) {
        if (st == ANL_OK) {
            see(u, t[i].text, t[i].unknown, 0);
            cJSON *line = json_lines(o) ? cJSON_CreateObject() : NULL;
            if (line) {
                cJSON_AddStringToObject(line, "text", t[i].text);
                cJSON_AddStringToObject(line, "answer", t[i].answer);
                cJSON_AddNumberToObject(line, "log_probability", t[i].log_probability);
                st = print_json(j->ctx, line);
            } else {
                puts(t[i].answer);
            }
        }
        anl__free(j->ctx, t[i].answer);
    }
    return st;
}

/* Of classes: the item's own column first. */
static void print_classes_header(const job *j, const options *o, const char *column)
{
    csv_line l = {0};
    if (json_lines(o)) return;
    csv_text(&l, column);
    csv_cell(&l, "class");
    csv_cell(&l, "probability");
    for (int c = 0; c < j->model.classes && options_has(o, "probabilities"); c++) csv_text(&l, j->class_names[c]);
    csv_end(&l);
}

/* A class and its probability. name: of the item, in its column. */
static anl_status print_class(job *j, const options *o, const char *column, const char *name, const double *p)
{
    int best = 0, classes = j->model.classes;
    for (int c = 1; c < classes; c++)
        if (p[c] > p[best]) best = c;
    if (!json_lines(o)) {
        csv_line l = {0};
        csv_text(&l, name);
        csv_text(&l, j->class_names[best]);
        csv_cell(&l, "%.6f", p[best]);
        for (int c = 0; c < classes && options_has(o, "probabilities"); c++) csv_cell(&l, "%.6f", p[c]);
        csv_end(&l);
        return ANL_OK;
    }
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, column, name);
    cJSON_AddStringToObject(line, "class", j->class_names[best]);
    cJSON_AddNumberToObject(line, "probability", p[best]);
    cJSON *all = cJSON_AddObjectToObject(line, "probabilities");
    for (int c = 0; c < classes; c++) cJSON_AddNumberToObject(all, j->class_names[c], p[c]);
    return print_json(j->ctx, line);
}

static const char text_column[] = "text";

static anl_status classify(job *j, const options *o, char *const *text, int n, unseen *u)
{
    double *p = anl__calloc(j->ctx, (size_t)j->model.classes, sizeof *p);
    anl_status st = p ? ANL_OK : ANL_NOMEM;
    for (int i = 0; i < n && st == ANL_OK; i++) {
        int64_t unknown, cut;
        st = job_classify(j, text[i], p, &unknown, &cut);
        if (st != ANL_OK) break;
        see(u, text[i], unknown, cut);
        st = print_class(j, o, text_column, text[i], p);
    }
    anl__free(j->ctx, p);
    return st;
}

static anl_status flush(job *j, const options *o, texts_fn fn, char **line, int *n, unseen *u)
{
    anl_status st = *n ? fn(j, o, line, *n, u) : ANL_OK;
    for (int i = 0; i < *n; i++) anl__free(j->ctx, line[i]);
    *n = 0;
    return st;
}

static anl_status check_line(anl_ctx *ctx, const char *path, int64_t number, const char *line, size_t bytes)
{
    size_t bad = anl__utf8_bad(line, bytes);
    if (bytes > MOST_LINE) return anl__fail(ctx, ANL_DATA, "%s:%lld: a line of %zu bytes; at most %d", path, (long long)number, bytes, MOST_LINE);
    if (memchr(line, 0, bytes)) return anl__fail(ctx, ANL_DATA, "%s:%lld: a NUL byte: this is no text", path, (long long)number);
    return bad == bytes ? ANL_OK : anl__fail(ctx, ANL_DATA, "%s:%lld: invalid UTF-8: byte 0x%02x at %zu of the line", path, (long long)number, (unsigned char)line[bad], bad + 1);
}

/* Every line of a file ("-": standard input) is a text; blank ones are left out. */
static anl_status each_line(job *j, const options *o, const char *path, texts_fn fn, unseen *u)
{
    char *line[GROUP], *buffer = NULL;
    size_t room = 0;
    int64_t number = 0;
    int n = 0;
    anl_status st = ANL_OK;
    FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
    if (!f) return anl__fail(j->ctx, ANL_DATA, "%s: %s", path, strerror(errno));
    for (ssize_t got; st == ANL_OK && (got = getline(&buffer, &room, f)) >= 0;) {
        while (got && (buffer[got - 1] == '\n' || buffer[got - 1] == '\r')) buffer[--got] = 0;
        st = check_line(j->ctx, path, ++number, buffer, (size_t)got);
        const char *text = number == 1 && !strncmp(buffer, "\xEF\xBB\xBF", 3) ? buffer + 3 : buffer; /* without a byte order mark */
        if (!text[strspn(text, " \t")] || st != ANL_OK) continue;
        if (!(line[n] = anl__strdup(j->ctx, text))) st = ANL_NOMEM;
        else if (++n == GROUP) st = flush(j, o, fn, line, &n, u);
    }
    if (st == ANL_OK && ferror(f)) st = anl__fail(j->ctx, ANL_IO, "%s: %s", path, strerror(errno));
    anl_status last = st == ANL_OK ? flush(j, o, fn, line, &n, u) : st;
    for (int i = 0; i < n; i++) anl__free(j->ctx, line[i]);
    free(buffer);
    if (f != stdin) fclose(f);
    return last;
}

/* Is the file a table, whose texts are one column of it? By its name, and by a first line that names the column the model was trained on.
   As lines its header, quotes and other columns would be read as texts. */
static bool is_table(const job *j, const char *path, const char *column, anl__csv_opts co)
{
    const char *end = strrchr(path, '.');
    char first[4096];
    anl__csv *c = NULL;
    bool table = false;
    if (!end || (strcmp(end, ".csv") && strcmp(end, ".tsv"))) return false;
    FILE *f = fopen(path, "r");
    co.header = false; /* of a table without rows, too */
    if (f && fgets(first, sizeof first, f) && anl__csv_parse(j->ctx, path, first, strlen(first), &co, &c) == ANL_OK)
        for (int64_t i = 0; i < c->columns; i++) table |= !strcmp(anl__csv_get(c, 0, i), column);
    anl__csv_close(c);
    if (f) fclose(f);
    return table;
}

static anl_status each_row(job *j, const options *o, const char *path, const char *column, const anl__csv_opts *co, texts_fn fn, unseen *u)
{
    anl__csv *c = NULL;
    char *text[GROUP];
    int64_t k = 0;
    int n = 0;
    anl_status st = anl__csv_open(j->ctx, path, co, &c);
    if (st == ANL_OK) st = anl__csv_need(c, column, &k);
    for (int64_t i = 0; st == ANL_OK && i < c->rows; i++) {
        char *cell = c->cell[i * c->columns + k];
        if (!cell[strspn(cell, " \t\r\n")]) st = anl__csv_fail(c, i, k, "there is no text");
        text[n++] = cell;
        if (st != ANL_OK || (n < GROUP && i + 1 < c->rows)) continue;
        st = fn(j, o, text, n, u);
        n = 0;
    }
    anl__csv_close(c);
    return st;
}

static anl_status each_text(job *j, const options *o, const char *path, texts_fn fn, unseen *u)
{
    bool pairs = fn == translate;
    const char *column = recipe_text(j->recipe, pairs ? "data.source" : "data.text");
    anl__csv_opts co = anl__csv_opts_default();
    co.quotes = !pairs;
    return is_table(j, path, column, co) ? each_row(j, o, path, column, &co, fn, u) : each_line(j, o, path, fn, u);
}

static anl_status answer_texts(job *j, const options *o, texts_fn fn)
{
    char *text = (char *)(uintptr_t)options_text(o, "text", NULL);
    if (!text && o->n_arg < 2) return anl__fail(j->ctx, ANL_INVALID, "this model reads texts: give --text \"...\" or a file of lines (- for standard input)");
    unseen one = {0};
    if (fn == classify) print_classes_header(j, o, text_column);
    if (text) ANL_TRY(fn(j, o, &text, 1, &one));
    for (int i = 1; i < o->n_arg; i++) {
        unseen u = {.path = o->arg[i]};
        ANL_TRY(each_text(j, o, o->arg[i], fn, &u));
        say_unseen(&u);
    }
    return ANL_OK;
}

/* ---- text and series ------------------------------------------------------------------------- */

static anl_status continue_text(job *j, const options *o)
{
    job_generation g = {.prompt = options_text(o, "prompt", "")};
    anl__buf b;
    int64_t unknown, seed;
    char why[256];
    if (!options_int(o, "length", 200, 0, 10000000, &g.length, why) || !options_int(o, "top-k", 0, 0, INT32_MAX, &g.top_k, why) ||
        !options_int(o, "seed", 1, 0, INT64_MAX, &seed, why) || !options_real(o, "temperature", 0.8, 0, 1e6, &g.temperature, why))
        return anl__fail(j->ctx, ANL_INVALID, "%s", why);
    g.seed = (uint64_t)seed;
    anl__buf_init(&b, j->ctx);
    anl_status st = job_generate(j, &g, &b, &unknown);
    if (st == ANL_OK) {
        unseen u = {0};
        see(&u, g.prompt, unknown, 0);
        cJSON *line = json_lines(o) ? cJSON_CreateObject() : NULL;
        if (line) {
            cJSON_AddStringToObject(line, "prompt", g.prompt);
            cJSON_AddStringToObject(line, "text", b.text ? b.text : "");
            st = print_json(j->ctx, line);
        } else {
            printf("%s%s\n", g.prompt, b.text ? b.text : "");
        }
    }
    anl__buf_release(&b);
    return st;
}

/* Where the rows are one step apart: the time of the h-th row behind the table's end; else "". */
static void time_of_row(const anl__table *t, int64_t h, char out[32])
{
    struct tm tm;
    *out = 0;
    if (!anl__series_regular(t)) return;
    time_t when = (time_t)llround(t->column[t->time].value[t->rows - 1] + t->step * (double)(h + 1));
    if (gmtime_r(&when, &tm)) strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
}

static anl_status print_row(job *j, const options *o, int64_t h, const double *raw)
{
    const anl__series_fit *fit = j->sequence->series->fit;
    const anl__table *t = j->sequence->table;
    int targets = anl__series_targets(fit);
    char when[32];
    time_of_row(t, h, when);
    if (json_lines(o)) {
        cJSON *line = cJSON_CreateObject();
        cJSON_AddNumberToObject(line, "step", (double)(h + 1));
        if (*when) cJSON_AddStringToObject(line, t->column[t->time].name, when);
        for (int k = 0; k < targets; k++) cJSON_AddNumberToObject(line, anl__series_target_name(fit, k), raw[k]);
        return print_json(j->ctx, line);
    }
    csv_line l = {0};
    csv_cell(&l, "%lld", (long long)h + 1);
    if (*when) csv_text(&l, when);
    for (int k = 0; k < targets; k++) csv_cell(&l, "%.9g", raw[k]);
    csv_end(&l);
    return ANL_OK;
}

static anl_status continue_series(job *j, const options *o)
{
    const anl__series *s = j->sequence->series;
    const anl__table *t = j->sequence->table;
    int targets = anl__series_targets(s->fit);
    int64_t horizon = anl__series_horizon(s->fit);
    double *raw = anl__calloc(j->ctx, (size_t)(horizon * targets), sizeof *raw);
    if (!raw) return ANL_NOMEM;
    if (anl__series_periodic(s->fit) && !s->phased)
        fprintf(stderr, "note: data.periods are counted from the file's first row, as they were in training%s: let it begin at the same place in its period\n",
                t->time >= 0 ? " (there or here the rows are not all one step apart in time)" : "");
    anl_status st = job_forecast(j, raw);
    if (st == ANL_OK && !json_lines(o)) {
        csv_line l = {0};
        csv_cell(&l, "step");
        if (anl__series_regular(t)) csv_text(&l, t->column[t->time].name);
        for (int k = 0; k < targets; k++) csv_text(&l, anl__series_target_name(s->fit, k));
        csv_end(&l);
    }
    for (int64_t h = 0; st == ANL_OK && h < horizon; h++) st = print_row(j, o, h, raw + h * targets);
    anl__free(j->ctx, raw);
    return st;
}

/* ---- windows ----------------------------------------------------------------------------------- */

typedef struct kept {
    int classes;
    double *p; /* [items, classes] */
} kept;

static void keep(void *self, int64_t item, const float *y)
{
    kept *k = self;
    job_softmax(y, k->classes, k->p + item * k->classes);
}

static anl_status classify_windows(job *j, const options *o)
{
    const anl__labelled *l = j->sequence->labelled;
    const char *column = recipe_text(j->recipe, "data.group");
    int classes = j->model.classes;
    kept k = {classes, anl__calloc(j->ctx, (size_t)(l->set->n * classes), sizeof *k.p)};
    anl_status st = k.p ? job_outputs(j, JOB_TEST, keep, &k) : ANL_NOMEM;
    if (st == ANL_OK) print_classes_header(j, o, column);
    for (int64_t i = 0; i < l->set->n && st == ANL_OK; i++) st = print_class(j, o, column, l->item_name[i], k.p + i * classes);
    anl__free(j->ctx, k.p);
    return st;
}

/* ---- the interface ----------------------------------------------------------------------------- */

static anl_status answer(job *j, const options *o, predict_kind kind)
{
    switch (kind) {
    case PREDICT_SERIES: return continue_series(j, o);
    case PREDICT_PAIRS: return answer_texts(j, o, translate);
    case PREDICT_TEXTS: return answer_texts(j, o, classify);
    case PREDICT_WINDOWS: return classify_windows(j, o);
    default: return continue_text(j, o);
    }
}

static anl_status predict_from(anl_ctx *ctx, const options *o, predict_kind kind, const char *table)
{
    job_used u;
    anl__buf notes;
    job_opts jo = {.answer = true, .alone = true, .test_data = table};
    anl__buf_init(&notes, ctx);
    anl_status st = job_use(ctx, o->arg[0], options_text(o, "checkpoint", "best"), o->override, o->n_override, &jo, &u);
    if (st == ANL_OK) st = job_notes(&u.job, &notes);
    if (st == ANL_OK && notes.len) fputs(notes.text, stderr);
    if (st == ANL_OK) st = answer(&u.job, o, kind);
    anl__buf_release(&notes);
    job_used_close(&u);
    return st;
}

anl_status predict_sequence(anl_ctx *ctx, const options *o, predict_kind kind)
{
    bool table = kind == PREDICT_SERIES || kind == PREDICT_WINDOWS, piped = table && o->n_arg > 1 && !strcmp(o->arg[1], "-");
    char path[64] = "";
    anl_status st = predict_options_fit(ctx, o, kind);
    if (st == ANL_OK && piped) st = stdin_file(ctx, path);
    if (st == ANL_OK) st = predict_from(ctx, o, kind, !table || o->n_arg < 2 ? NULL : piped ? path : o->arg[1]);
    if (*path) unlink(path);
    return st;
}
