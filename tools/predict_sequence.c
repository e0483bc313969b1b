/* See predict_sequence.h. */
#include "predict_sequence.h"

#include "tools/job/job_answer.h"
#include "runtime/base/files.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 64, MOST_LINE = 1 << 16 };

anl_status predict_is_sequence(anl_ctx *ctx, const options *o, bool *yes)
{
    anl__ckpt *c;
    recipe *r = NULL;
    ANL_TRY(job_checkpoint(ctx, o->arg[0], options_text(o, "checkpoint", "best"), &c));
    const char *text = anl__ckpt_text(c, "recipe", "");
    anl_status st = recipe_parse(ctx, "the checkpoint's recipe", text, strlen(text), o->override, o->n_override, &r);
    if (st == ANL_OK) *yes = anl_model_is_sequence(recipe_text(r, "model.name"));
    recipe_free(r);
    anl__ckpt_close(c);
    return st;
}

static bool json_lines(const options *o) { return !strcmp(options_text(o, "format", "csv"), "jsonl"); }

static anl_status number(anl_ctx *ctx, const options *o, const char *name, double def, double *out)
{
    const char *text = options_text(o, name, NULL);
    char *end;
    *out = text ? strtod(text, &end) : def;
    return !text || (*text && !*end && *out >= 0) ? ANL_OK : anl__fail(ctx, ANL_INVALID, "--%s needs a number of at least 0, not '%s'", name, text);
}

static anl_status print_json(anl_ctx *ctx, cJSON *line)
{
    char *text = cJSON_PrintUnformatted(line);
    cJSON_Delete(line);
    if (!text) return anl__fail(ctx, ANL_NOMEM, "no memory for a line of JSON");
    puts(text);
    cJSON_free(text);
    return ANL_OK;
}

static void warn_unknown(const char *text, int64_t unknown)
{
    if (unknown) fprintf(stderr, "note: %lld tokens of '%.60s' are not in the model's vocabulary\n", (long long)unknown, text);
}

/* ---- one text at a time ---------------------------------------------------------------------- */

typedef anl_status (*texts_fn)(job *j, const options *o, char *const *text, int n);

static anl_status translate(job *j, const options *o, char *const *text, int n)
{
    job_translation t[GROUP];
    double beam;
    ANL_TRY(number(j->ctx, o, "beam", 4, &beam));
    for (int i = 0; i < n; i++) t[i] = (job_translation){.text = text[i]};
    anl_status st = job_translate(j, t, n, (int)beam);
    for (int i = 0; i < n; i++) {
        if (st == ANL_OK) {
            warn_unknown(t[i].text, t[i].unknown);
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

static anl_status classify(job *j, const options *o, char *const *text, int n)
{
    double *p = anl__calloc(j->ctx, (size_t)j->model.classes, sizeof *p);
    anl_status st = p ? ANL_OK : ANL_NOMEM;
    for (int i = 0; i < n && st == ANL_OK; i++) {
        int64_t unknown;
        int best = 0;
        st = job_classify(j, text[i], p, &unknown);
        for (int c = 1; st == ANL_OK && c < j->model.classes; c++)
            if (p[c] > p[best]) best = c;
        if (st != ANL_OK) break;
        warn_unknown(text[i], unknown);
        if (!json_lines(o)) {
            printf("%s,%.6f\n", j->class_names[best], p[best]);
            continue;
        }
        cJSON *line = cJSON_CreateObject(), *all = cJSON_AddObjectToObject(line, "probabilities");
        cJSON_AddStringToObject(line, "text", text[i]);
        cJSON_AddStringToObject(line, "class", j->class_names[best]);
        for (int c = 0; c < j->model.classes; c++) cJSON_AddNumberToObject(all, j->class_names[c], p[c]);
        st = print_json(j->ctx, line);
    }
    anl__free(j->ctx, p);
    return st;
}

static anl_status flush(job *j, const options *o, texts_fn fn, char **line, int *n)
{
    anl_status st = *n ? fn(j, o, line, *n) : ANL_OK;
    for (int i = 0; i < *n; i++) anl__free(j->ctx, line[i]);
    *n = 0;
    return st;
}

/* Every line of a file ("-": standard input) is a text; empty ones are left out. */
static anl_status each_line(job *j, const options *o, const char *path, texts_fn fn)
{
    char *line[GROUP], *buffer = NULL;
    size_t room = 0;
    int n = 0;
    anl_status st = ANL_OK;
    FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
    if (!f) return anl__fail(j->ctx, ANL_DATA, "%s: %s", path, strerror(errno));
    for (ssize_t got; st == ANL_OK && (got = getline(&buffer, &room, f)) >= 0;) {
        while (got && (buffer[got - 1] == '\n' || buffer[got - 1] == '\r')) buffer[--got] = 0;
        if (got > MOST_LINE) st = anl__fail(j->ctx, ANL_DATA, "%s: a line of %zd bytes; at most %d", path, got, MOST_LINE);
        if (!got || st != ANL_OK) continue;
        if (!(line[n] = anl__strdup(j->ctx, buffer))) st = ANL_NOMEM;
        else if (++n == GROUP) st = flush(j, o, fn, line, &n);
    }
    if (st == ANL_OK && ferror(f)) st = anl__fail(j->ctx, ANL_IO, "%s: %s", path, strerror(errno));
    anl_status last = st == ANL_OK ? flush(j, o, fn, line, &n) : st;
    for (int i = 0; i < n; i++) anl__free(j->ctx, line[i]);
    free(buffer);
    if (f != stdin) fclose(f);
    return last;
}

static anl_status answer_texts(job *j, const options *o, texts_fn fn)
{
    char *text = (char *)(uintptr_t)options_text(o, "text", NULL);
    if (!text && o->n_arg < 2) return anl__fail(j->ctx, ANL_INVALID, "this model reads texts: give --text \"...\" or a file of lines (- for standard input)");
    if (text) ANL_TRY(fn(j, o, &text, 1));
    for (int i = 1; i < o->n_arg; i++) ANL_TRY(each_line(j, o, o->arg[i], fn));
    return ANL_OK;
}

/* ---- text and series ------------------------------------------------------------------------- */

static anl_status continue_text(job *j, const options *o)
{
    double length, top_k, seed, temperature;
    job_generation g = {.prompt = options_text(o, "prompt", "")};
    anl__buf b;
    int64_t unknown;
    if (o->n_arg > 1 || options_has(o, "text")) return anl__fail(j->ctx, ANL_INVALID, "this model continues a text: give --prompt \"...\" and --length N");
    ANL_TRY(number(j->ctx, o, "length", 200, &length));
    ANL_TRY(number(j->ctx, o, "top-k", 0, &top_k));
    ANL_TRY(number(j->ctx, o, "seed", 1, &seed));
    ANL_TRY(number(j->ctx, o, "temperature", 0.8, &temperature));
    if (length > 1e7) return anl__fail(j->ctx, ANL_INVALID, "--length %g is more than 10 million", length);
    g.length = (int64_t)length;
    g.top_k = (int64_t)top_k;
    g.seed = (uint64_t)seed;
    g.temperature = temperature;
    anl__buf_init(&b, j->ctx);
    anl_status st = job_generate(j, &g, &b, &unknown);
    if (st == ANL_OK) {
        warn_unknown(g.prompt, unknown);
        printf("%s%s\n", g.prompt, b.text ? b.text : "");
    }
    anl__buf_release(&b);
    return st;
}

static anl_status continue_series(job *j, const options *o)
{
    const anl__series_fit *fit = j->sequence->series->fit;
    int targets = anl__series_targets(fit);
    int64_t horizon = anl__series_horizon(fit);
    double *raw = anl__calloc(j->ctx, (size_t)(horizon * targets), sizeof *raw);
    if (!raw) return ANL_NOMEM;
    anl_status st = job_forecast(j, raw);
    if (st == ANL_OK && !json_lines(o)) {
        printf("step");
        for (int k = 0; k < targets; k++) printf(",%s", anl__series_target_name(fit, k));
        putchar('\n');
    }
    for (int64_t h = 0; st == ANL_OK && h < horizon; h++) {
        if (json_lines(o)) {
            cJSON *line = cJSON_CreateObject();
            cJSON_AddNumberToObject(line, "step", (double)(h + 1));
            for (int k = 0; k < targets; k++) cJSON_AddNumberToObject(line, anl__series_target_name(fit, k), raw[h * targets + k]);
            st = print_json(j->ctx, line);
            continue;
        }
        printf("%lld", (long long)(h + 1));
        for (int k = 0; k < targets; k++) printf(",%.9g", raw[h * targets + k]);
        putchar('\n');
    }
    anl__free(j->ctx, raw);
    return st;
}

anl_status predict_sequence(anl_ctx *ctx, const options *o)
{
    job_used u;
    job_opts jo = {.answer = true, .alone = true, .test_data = o->n_arg > 1 ? o->arg[1] : NULL};
    anl_status st = job_use(ctx, o->arg[0], options_text(o, "checkpoint", "best"), o->override, o->n_override, &jo, &u);
    job *j = &u.job;
    if (st == ANL_OK && !strcmp(j->model.name, "forecaster")) st = continue_series(j, o);
    else if (st == ANL_OK && !strcmp(j->model.name, "seq2seq")) st = answer_texts(j, o, translate);
    else if (st == ANL_OK && !strcmp(j->model.name, "seqclassifier")) st = answer_texts(j, o, classify);
    else if (st == ANL_OK) st = continue_text(j, o);
    job_used_close(&u);
    return st;
}
