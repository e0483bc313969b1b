/* See facts.h. */
#include "facts.h"

#include "tools/job/job_sequence.h"

#include <stdio.h>
#include <string.h>

anl_status facts_weight(anl_ctx *ctx, const anl__ckpt *from, const anl__value *x, const float **out)
{
    char a[96], b[96];
    const char *group = x->kind == ANL__BUFFER ? "buffers" : "ema";
    anl__ckpt_tensor t = anl__ckpt_find(from, group, x->name);
    if (!t.data && x->kind == ANL__PARAM) t = anl__ckpt_find(from, "params", x->name);
    if (!t.data || !anl__shape_equal(&t.shape, &x->type.shape))
        return anl__fail(ctx, ANL_MISMATCH, "%s: the model's '%s' is %s, in the file it is %s",
                         anl__ckpt_path(from), x->name, anl__shape_text(&x->type.shape, a),
                         t.data ? anl__shape_text(&t.shape, b) : "missing");
    *out = t.data;
    return ANL_OK;
}

float *facts_turned(anl__arena *a, const float *w, int64_t times, int64_t rows, int64_t columns)
{
    float *all = anl__arena_alloc(a, sizeof *all * (size_t)(times * rows * columns + 1)), *y = all;
    for (int64_t t = 0; y && t < times; t++, w += rows * columns, y += rows * columns)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t k = 0; k < columns; k++) y[k * rows + i] = w[i * columns + k];
    return all;
}

const anl__norm *facts_norm(const job *j, const char *input)
{
    return strcmp(input, "image") ? &j->more_input[input[strlen(input) - 1] - '2'].norm : &j->norm;
}

anl_status facts_scales(const job *j, const anl__ckpt *from, anl__arena *a, int64_t n, double **mean,
                        double **std)
{
    const job_sequence *s = j->sequence;
    anl__labelled_opts l = {0};
    const char *windows = anl__ckpt_text(from, "data.windows", NULL);
    *mean = anl__arena_alloc(a, sizeof **mean * (size_t)(n + 1));
    *std = anl__arena_alloc(a, sizeof **std * (size_t)(n + 1));
    if (!*mean || !*std) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) (*std)[i] = 1;
    for (int i = 0; s->fit && i < anl__series_numbers(s->fit); i++)
        anl__series_scale(s->fit, i, &(*mean)[i], &(*std)[i]);
    if (!windows) return ANL_OK;
    ANL_TRY(anl__labelled_read(j->ctx, windows, strlen(windows), a, &l));
    for (int64_t i = 0; i < n && i < l.n_features; i++) {
        (*mean)[i] = l.mean[i];
        (*std)[i] = l.std[i];
    }
    return ANL_OK;
}

float *facts_adds(anl__arena *a, int64_t rows, int64_t columns, int64_t lag)
{
    float *p = anl__arena_alloc(a, sizeof *p * (size_t)(rows * columns + 1));
    for (int64_t h = 0; p && h < rows; h++)
        for (int64_t k = 0; k < columns && k <= h; k++) p[h * columns + k] = (h - k) % lag == 0;
    return p;
}

/* ---- properties ------------------------------------------------------------------------------ */

typedef struct taker { /* of properties */
    void (*put)(void *to, const char *key, const char *value);
    void *to;
} taker;

/* Lines are told apart by line breaks: there is none behind the last. */
static anl_status put_buf(const taker *t, const char *key, anl__buf *b)
{
    anl_status st = b->status;
    if (st == ANL_OK && b->len && b->text[b->len - 1] == '\n') b->text[--b->len] = 0;
    if (st == ANL_OK) t->put(t->to, key, b->text);
    anl__buf_release(b);
    return st;
}

static anl_status put_series(anl_ctx *ctx, const taker *t, const anl__series_fit *f)
{
    anl__buf b;
    char number[32];
    anl__buf_init(&b, ctx);
    anl__series_feature_names(f, &b);
    ANL_TRY(put_buf(t, "features", &b));
    anl__buf_init(&b, ctx);
    for (int i = 0; i < anl__series_targets(f); i++) anl__buf_add(&b, "%s\n", anl__series_target_name(f, i));
    ANL_TRY(put_buf(t, "targets", &b));
    snprintf(number, sizeof number, "%lld", (long long)anl__series_difference(f));
    t->put(t->to, "difference", number);
    return ANL_OK;
}

anl_status facts_each(const job *j, const anl__ckpt *from,
                      void (*put)(void *to, const char *key, const char *value), void *to)
{
    static const char *const texts[][2] = {{"data.class_names", "class_names"},
                                           {"data.tokens.source", "tokens"},
                                           {"data.windows", "windows"},
                                           {"recipe", "recipe"}};
    const taker t = {put, to};
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)anl__ckpt_step(from));
    put(to, "anneal", anl_version());
    put(to, "step", step);
    put(to, "digest", anl__ckpt_digest(from));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = anl__ckpt_text(from, texts[i][0], "");
        anl__buf b;
        if (!*text) continue;
        anl__buf_init(&b, j->ctx);
        anl__buf_add(&b, "%s", text);
        ANL_TRY(put_buf(&t, texts[i][1], &b));
    }
    return j->sequence && j->sequence->fit ? put_series(j->ctx, &t, j->sequence->fit) : ANL_OK;
}
