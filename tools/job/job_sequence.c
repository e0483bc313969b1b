/* Sequences as the engine's feeds; see job_sequence.h. */
#include "job_sequence.h"

#include "datasets/known.h"
#include "runtime/base/files.h"

#include <stdio.h>
#include <string.h>

/* ---- feeds ----------------------------------------------------------------------------------- */

static anl_status feed_start(void *self, int64_t epoch, int64_t first_batch)
{
    job_feed *f = self;
    return anl__sequence_loader_start(f->sequence, (uint32_t)epoch, first_batch);
}

static anl_status feed_next(void *self, anl__feed_batch *out)
{
    job_feed *f = self;
    anl__sequence_batch b;
    ANL_TRY(anl__sequence_loader_next(f->sequence, &b));
    *out = (anl__feed_batch){.n = b.n, .variant = b.variant, .fresh = b.fresh, .first = b.first, .id = b.id};
    if (!b.n) return ANL_OK;
    for (int i = 0; i < f->inputs; i++) out->input[i] = f->is_length[i] ? (const void *)b.length[f->field[i]] : b.data[f->field[i]];
    if (f->label_field >= 0) out->label = b.data[f->label_field];
    return ANL_OK;
}

static void feed_release(void *self, anl__feed_batch *b)
{
    (void)self;
    (void)b;
}

/* Which field of the set each input of the model is; "#name" is a field's lengths. The label is what scores compare with. */
static anl_status map_fields(job *j, job_feed *f, const anl__ragged *set, const char *const *input, const char *label)
{
    f->inputs = 0;
    for (; input[f->inputs]; f->inputs++) {
        const char *name = input[f->inputs];
        f->is_length[f->inputs] = *name == '#';
        f->field[f->inputs] = anl__ragged_find(set, name + (*name == '#'));
        ANL_CHECK_INTERNAL(j->ctx, f->field[f->inputs] >= 0);
    }
    f->label_field = label ? anl__ragged_find(set, label) : -1;
    return ANL_OK;
}

typedef struct part_data { /* of one part */
    const anl__ragged *set;
    const int64_t *index; /* NULL: all of the set */
    int64_t n, streams;
} part_data;

static anl_status open_feed(job *j, job_part p, const part_data *d, const char *const *input, const char *label)
{
    job_feed *f = &j->part[p];
    anl__sequence_opts o = anl__sequence_opts_default();
    if (!d->set || !d->n) return ANL_OK;
    o.batch = j->batch < d->n ? j->batch : d->n;
    o.shuffle = p == JOB_TRAIN && !d->streams;
    o.seed = (uint64_t)recipe_int(j->recipe, "train.seed");
    o.buckets = d->streams ? NULL : &j->sequence->buckets;
    o.streams = d->streams;
    int devices = p == JOB_TRAIN ? 1 : j->devices; /* in evaluation each of them has a batch */
    if (o.ring < devices) o.ring = devices;
    ANL_TRY(anl__sequence_loader_create(j->ctx, d->set, d->index, d->n, &o, &f->sequence));
    ANL_TRY(map_fields(j, f, d->set, input, label));
    f->feed = (anl__feed){.self = f, .samples = anl__sequence_loader_items(f->sequence), .batch = d->streams ? d->streams : o.batch,
                          .batches = anl__sequence_loader_batches(f->sequence), .start = feed_start, .next = feed_next, .release = feed_release, .held = o.ring};
    return ANL_OK;
}

/* ---- what every kind has --------------------------------------------------------------------- */

static anl__tokens_opts tokens_opts(const job *j)
{
    const recipe *r = j->recipe;
    anl__tokens_opts t = anl__tokens_opts_default();
    anl__tokens_kind_find(recipe_text(r, "data.tokens"), &t.kind);
    t.lower = recipe_bool(r, "data.lowercase");
    t.max_size = recipe_int(r, "data.vocabulary");
    t.merges = recipe_int(r, "data.merges");
    return t;
}

static anl_status given_tokens(job *j, const anl__ckpt *from, int which, const char *name)
{
    const char *text = anl__ckpt_text(from, name, NULL);
    if (!text) return anl__fail(j->ctx, ANL_MISMATCH, "%s holds no tokenizer (%s)", anl__ckpt_path(from), name);
    return anl__tokens_read(j->ctx, text, strlen(text), &j->sequence->given[which]);
}

static anl_status given_memory(job *j, const anl__ckpt *from)
{
    if (!recipe_int(j->recipe, "data.similar")) return ANL_OK;
    const char *text = anl__ckpt_text(from, "data.memory", NULL);
    if (!text) return anl__fail(j->ctx, ANL_MISMATCH, "%s holds no translation memory (data.memory)", anl__ckpt_path(from));
    return anl__memory_read(j->ctx, text, strlen(text), &j->sequence->given_memory);
}

/* A file given for a test, a file of the recipe, or a known set's. */
static anl_status data_path(job *j, const job_opts *o, const char **out)
{
    char where[4096];
    const char *path = recipe_text(j->recipe, "data.path");
    *out = o->test_data ? o->test_data : path;
    if (o->test_data) return ANL_OK;
    if (!path) return anl__fail(j->ctx, ANL_RECIPE, "the recipe names no data: set data.path to a file of the sequences");
    const anl__known_set *known = anl__path_exists(path) ? NULL : anl__known_find(path);
    if (!known || !known->file) return ANL_OK;
    if (!anl__known_where(known, where, sizeof where))
        return anl__fail(j->ctx, ANL_DATA, "the data set %s is not there (%s); make it with: %s", known->name, where, known->install);
    *out = anl__arena_strdup(j->arena, where);
    return *out ? ANL_OK : ANL_NOMEM;
}

static void variants_of(job_sequence *s, anl_model_opts *m)
{
    for (int v = 0; v < s->buckets.n; v++) {
        s->length[v][0] = s->buckets.most[v][0];
        s->length[v][1] = s->buckets.most[v][1];
    }
    m->seq.length = (const int64_t(*)[2])s->length;
    m->seq.variants = s->buckets.n;
}

/* Buckets over all parts, so that no item of an evaluation is too long. */
static anl_status choose_buckets(job *j, const anl__ragged *set)
{
    job_sequence *s = j->sequence;
    ANL_TRY(anl__buckets_choose(j->ctx, set, NULL, set->n, (int)recipe_int(j->recipe, "data.buckets"), &s->buckets));
    variants_of(s, &j->model);
    return ANL_OK;
}

static anl__parts_opts parts_opts(const recipe *r, const job_opts *o)
{
    return (anl__parts_opts){(uint64_t)recipe_int(r, "data.split_seed"), recipe_real(r, "data.validation"), recipe_real(r, "data.test"), o->test_data != NULL};
}

static anl_status parts_feeds(job *j, const job_opts *o, const anl__ragged *set, const anl__parts *parts, const char *const *input, const char *label)
{
    for (int p = 0; p < ANL__PARTS; p++) {
        part_data d = {set, parts->item[p], parts->n[p], 0};
        if (o->overfit && p != ANL__PART_TRAIN) d.n = 0;
        if (o->overfit && d.n > o->overfit) d.n = o->overfit;
        ANL_TRY(open_feed(j, (job_part)p, &d, input, label));
        if (o->overfit && p == ANL__PART_TRAIN) ANL_TRY(open_feed(j, JOB_VALID, &d, input, label));
    }
    return ANL_OK;
}

/* ---- text ------------------------------------------------------------------------------------ */

static anl_status open_text(job *j, const job_opts *o)
{
    static const char *const input[] = {"x", "y", NULL};
    const recipe *r = j->recipe;
    job_sequence *s = j->sequence;
    anl__text_opts t = anl__text_opts_default();
    const char *path = NULL;
    ANL_TRY(data_path(j, o, &path));
    t.tokens = tokens_opts(j);
    if (o->from) ANL_TRY(given_tokens(j, o->from, 0, "data.tokens.source"));
    t.tokenizer = s->given[0];
    t.test_from = o->test_data ? 0 : 1 - recipe_real(r, "data.test");
    t.valid_from = o->test_data ? 0 : t.test_from - recipe_real(r, "data.validation");
    t.chunk = recipe_int(r, "data.chunk");
    t.sha256 = o->test_data ? NULL : recipe_text(r, "data.sha256");
    t.streams[ANL__PART_TRAIN] = j->batch;
    ANL_TRY(anl__text_open(j->ctx, path, &t, &s->text));
    s->tokens[0] = s->text->tokenizer;
    s->buckets = (anl__buckets){.n = 1, .most = {{t.chunk, 0}}};
    variants_of(s, &j->model);
    j->model.seq.vocabulary = anl__tokens_size(s->tokens[0]);
    memcpy(j->fingerprint, s->text->sha256, sizeof j->fingerprint);
    for (int p = 0; p < ANL__PARTS; p++) {
        const anl__text_part *d = &s->text->part[p];
        part_data part = {d->set, NULL, d->set ? d->set->n : 0, d->streams};
        if (o->train || p != ANL__PART_TRAIN) ANL_TRY(open_feed(j, (job_part)p, &part, input, NULL));
    }
    return ANL_OK;
}

/* ---- series ---------------------------------------------------------------------------------- */

static unsigned calendar_of(const recipe *r)
{
    static const char *const name[] = {"hour", "weekday", "month", "yearday"};
    static const unsigned bit[] = {ANL__CALENDAR_HOUR, ANL__CALENDAR_WEEKDAY, ANL__CALENDAR_MONTH, ANL__CALENDAR_YEARDAY};
    unsigned all = 0;
    for (int i = 0; i < recipe_count(r, "data.calendar"); i++)
        for (int k = 0; k < 4; k++)
            if (!strcmp(recipe_text_at(r, "data.calendar", i), name[k])) all |= bit[k];
    return all;
}

static anl_status texts_of(job *j, const char *key, const char *const **out, int *n)
{
    *n = recipe_count(j->recipe, key);
    const char **list = anl__arena_alloc(j->arena, sizeof *list * (size_t)(*n + 1));
    if (!list) return ANL_NOMEM;
    for (int i = 0; i < *n; i++) list[i] = recipe_text_at(j->recipe, key, i);
    *out = list;
    return ANL_OK;
}

/* The place of a key's word in a list that ends with NULL. */
static int word_of(const recipe *r, const char *key, const char *const *words)
{
    int i = 0;
    while (words[i] && strcmp(recipe_text(r, key), words[i])) i++;
    return i;
}

/* Only the columns that the model reads, and the time. */
static anl_status open_table(job *j, const anl__series_opts *s, const char *path)
{
    static const char *const missing[] = {"refuse", "drop", "ffill", "interpolate", NULL}, *const doubled[] = {"refuse", "drop", NULL}, *const gaps[] = {"refuse", "keep", "fill", NULL};
    const recipe *r = j->recipe;
    anl__table_opts t = anl__table_opts_default();
    int categories = recipe_count(r, "data.categories");
    const char **column = anl__arena_alloc(j->arena, sizeof *column * (size_t)(s->targets + s->inputs + 1));
    struct anl__table_kind *kind = anl__arena_alloc(j->arena, sizeof *kind * (size_t)(categories + 1));
    if (!column || !kind) return ANL_NOMEM;
    for (int i = 0; i < s->targets; i++) column[t.n_columns++] = s->target[i];
    for (int i = 0; i < s->inputs; i++) column[t.n_columns++] = s->input[i];
    for (int i = 0; i < categories; i++) kind[i] = (struct anl__table_kind){recipe_text_at(r, "data.categories", i), ANL__COLUMN_CATEGORY};
    t.columns = column;
    t.kinds = kind;
    t.missing = (anl__missing)word_of(r, "data.missing", missing);
    t.doubled = (anl__doubled)word_of(r, "data.doubled", doubled);
    t.gaps = (anl__gaps)word_of(r, "data.gaps", gaps);
    t.time = recipe_text(r, "data.time");
    return anl__table_open(j->ctx, path, &t, &j->sequence->table);
}

static anl_status series_opts(job *j, anl__series_opts *s)
{
    const recipe *r = j->recipe;
    *s = anl__series_opts_default();
    ANL_TRY(texts_of(j, "data.targets", &s->target, &s->targets));
    ANL_TRY(texts_of(j, "data.inputs", &s->input, &s->inputs));
    if (!s->targets) return anl__fail(j->ctx, ANL_RECIPE, "%s: data.targets names no column to predict", recipe_where(r, "data.targets"));
    s->calendar = calendar_of(r);
    for (int i = 0; i < recipe_count(r, "data.periods") && i < ANL__SERIES_PERIODS; i++) s->period[i] = recipe_int_at(r, "data.periods", i);
    s->window = recipe_int(r, "data.window");
    s->horizon = recipe_int(r, "data.horizon");
    s->difference = recipe_int(r, "data.difference");
    double valid = recipe_real(r, "data.validation"), test = recipe_real(r, "data.test");
    s->valid_rows = valid >= 1 ? (int64_t)valid : 0;
    s->test_rows = test >= 1 ? (int64_t)test : 0;
    s->valid_fraction = valid < 1 ? valid : 0;
    s->test_fraction = test < 1 ? test : 0;
    return ANL_OK;
}

/* The model's view of a row: numbers, one-hot categories, calendar. */
static anl_status series_columns(job *j, const anl__series_fit *fit)
{
    anl_sequence_opts *m = &j->model.seq;
    int64_t *levels = anl__arena_alloc(j->arena, sizeof *levels * (size_t)(anl__series_categories(fit) + 1));
    if (!levels) return ANL_NOMEM;
    if (m->category_embed && !anl__series_categories(fit))
        return anl__fail(j->ctx, ANL_RECIPE, "model.category_embed is %lld, but no column of data.inputs is a category", (long long)m->category_embed);
    m->categories = anl__series_categories(fit);
    for (int c = 0; c < m->categories; c++) levels[c] = anl__series_levels(fit, c);
    m->category = levels;
    m->numbers = anl__series_numbers(fit);
    m->features = anl__series_features(fit);
    m->targets = anl__series_targets(fit);
    m->horizon = anl__series_horizon(fit);
    return ANL_OK;
}

static anl_status given_series(job *j, const anl__ckpt *from)
{
    const char *text = anl__ckpt_text(from, "data.series", NULL);
    if (!text) return anl__fail(j->ctx, ANL_MISMATCH, "%s holds no scaling of a series (data.series)", anl__ckpt_path(from));
    return anl__series_read(j->ctx, text, strlen(text), &j->sequence->fit);
}

static anl_status open_series(job *j, const job_opts *o)
{
    static const char *const input[] = {"x", "y", NULL};
    job_sequence *s = j->sequence;
    const char *path = NULL;
    anl__series_opts so;
    ANL_TRY(data_path(j, o, &path));
    ANL_TRY(series_opts(j, &so));
    ANL_TRY(open_table(j, &so, path));
    if (o->from) ANL_TRY(given_series(j, o->from));
    if (o->test_data) ANL_TRY(anl__series_apply(j->ctx, s->table, s->fit, &s->series));
    else ANL_TRY(anl__series_create(j->ctx, s->table, &so, &s->series));
    const anl__series_fit *fit = s->series->fit;
    ANL_TRY(series_columns(j, fit));
    s->buckets = (anl__buckets){.n = 1, .most = {{anl__series_window(fit), 0}}};
    variants_of(s, &j->model);
    if (s->series->set) anl__ragged_fingerprint(s->series->set, j->fingerprint);
    for (int p = 0; p < ANL__PARTS; p++) {
        part_data d = {s->series->set, s->series->item[p], s->series->items[p], 0};
        if (p == ANL__PART_TRAIN && !o->train) continue;
        if (o->overfit && d.n > o->overfit) d.n = o->overfit;
        ANL_TRY(open_feed(j, (job_part)p, &d, input, "y"));
    }
    return ANL_OK;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static anl_status open_pairs(job *j, const job_opts *o)
{
    static const char *const input[] = {"src", "#src", "tgt_in", "tgt_out", NULL};
    const recipe *r = j->recipe;
    job_sequence *s = j->sequence;
    anl__pairs_opts p = anl__pairs_opts_default();
    const char *path = NULL;
    ANL_TRY(data_path(j, o, &path));
    p.source = recipe_text(r, "data.source");
    p.target = recipe_text(r, "data.target");
    p.parts = parts_opts(r, o);
    p.source_tokens = p.target_tokens = tokens_opts(j);
    p.max_length = recipe_int(r, "data.longest");
    if (o->from) {
        ANL_TRY(given_tokens(j, o->from, 0, "data.tokens.source"));
        ANL_TRY(given_tokens(j, o->from, 1, "data.tokens.target"));
        ANL_TRY(given_memory(j, o->from));
    }
    p.source_tokenizer = s->given[0];
    p.target_tokenizer = s->given[1];
    p.similar = (int)recipe_int(r, "data.similar");
    p.memory = s->given_memory;
    p.cache = recipe_bool(r, "data.cache");
    p.cache_dir = recipe_text(r, "data.cache_dir");
    ANL_TRY(anl__pairs_open(j->ctx, path, &p, &s->pairs));
    s->tokens[0] = s->pairs->source_tokens;
    s->tokens[1] = s->pairs->target_tokens;
    s->memory = s->pairs->memory;
    j->model.seq.vocabulary = anl__tokens_size(s->tokens[0]);
    j->model.seq.target_vocabulary = anl__tokens_size(s->tokens[1]);
    anl__ragged_fingerprint(s->pairs->set, j->fingerprint);
    ANL_TRY(choose_buckets(j, s->pairs->set));
    return parts_feeds(j, o, s->pairs->set, &s->pairs->parts, input, NULL);
}

/* ---- labelled sequences ---------------------------------------------------------------------- */

static anl_status class_names(job *j, const job_opts *o, anl__labelled_opts *l)
{
    const char *text = o->from ? anl__ckpt_text(o->from, "data.class_names", "") : "";
    int classes = o->from ? (int)anl__ckpt_int(o->from, "data.classes", 0) : 0, n = 0;
    if (!*text || classes < 1) return ANL_OK;
    const char **list = anl__arena_alloc(j->arena, sizeof *list * (size_t)classes);
    char *at = anl__arena_strdup(j->arena, text), *save = NULL;
    if (!list || !at) return ANL_NOMEM;
    for (char *w = strtok_r(at, "\n", &save); w && n < classes; w = strtok_r(NULL, "\n", &save)) list[n++] = w;
    l->class_names = list;
    l->classes = n;
    return ANL_OK;
}

static anl_status open_labelled(job *j, const job_opts *o)
{
    static const char *const input[] = {"x", "#x", "label", NULL};
    const recipe *r = j->recipe;
    job_sequence *s = j->sequence;
    anl__labelled_opts l = anl__labelled_opts_default();
    const char *path = NULL;
    ANL_TRY(data_path(j, o, &path));
    l.label = recipe_text(r, "data.label");
    l.text = recipe_text(r, "data.text");
    l.item = recipe_text(r, "data.group");
    ANL_TRY(texts_of(j, "data.inputs", &l.feature, &l.n_features));
    if (!l.n_features) l.feature = NULL;
    if (!l.label) return anl__fail(j->ctx, ANL_RECIPE, "%s: data.label names no column of classes", recipe_where(r, "data.label"));
    if (!l.text && !l.item) return anl__fail(j->ctx, ANL_RECIPE, "set data.text (a column of texts) or data.group (windows: the column that tells them apart)");
    l.parts = parts_opts(r, o);
    l.unlabelled = o->alone;
    l.tokens = tokens_opts(j);
    l.max_length = recipe_int(r, "data.longest");
    ANL_TRY(class_names(j, o, &l));
    if (o->from && l.text) ANL_TRY(given_tokens(j, o->from, 0, "data.tokens.source"));
    const char *scales = o->from ? anl__ckpt_text(o->from, "data.windows", NULL) : NULL;
    if (scales) ANL_TRY(anl__labelled_read(j->ctx, scales, strlen(scales), j->arena, &l));
    l.tokenizer = s->given[0];
    ANL_TRY(anl__labelled_open(j->ctx, path, &l, &s->labelled));
    s->tokens[0] = s->labelled->tokenizer;
    if (s->labelled->classes < 2) return anl__fail(j->ctx, ANL_DATA, "%s: column %s holds one class only, %s: there is nothing to tell apart", path, l.label, s->labelled->class_names[0]);
    j->model.classes = s->labelled->classes;
    j->class_names = (const char *const *)s->labelled->class_names;
    j->model.seq.vocabulary = s->tokens[0] ? anl__tokens_size(s->tokens[0]) : 0;
    j->model.seq.features = s->labelled->features;
    anl__ragged_fingerprint(s->labelled->set, j->fingerprint);
    ANL_TRY(job_weights(j, s->labelled->class_count[ANL__PART_TRAIN], s->labelled->parts.n[ANL__PART_TRAIN]));
    ANL_TRY(choose_buckets(j, s->labelled->set));
    return parts_feeds(j, o, s->labelled->set, &s->labelled->parts, input, "label");
}

/* ---- without the data ------------------------------------------------------------------------ */

static anl_status given_lengths(job *j, const anl__ckpt *from)
{
    job_sequence *s = j->sequence;
    const char *text = anl__ckpt_text(from, "data.lengths", NULL);
    long long a, b;
    int used;
    for (const char *p = text; p && s->buckets.n < ANL__MAX_BUCKETS && sscanf(p, "%lld %lld;%n", &a, &b, &used) == 2 && a > 0 && b >= 0; p += used) {
        s->buckets.most[s->buckets.n][0] = a;
        s->buckets.most[s->buckets.n++][1] = b;
    }
    if (!s->buckets.n) return anl__fail(j->ctx, ANL_MISMATCH, "%s does not say how long its sequences are (data.lengths)", anl__ckpt_path(from));
    variants_of(s, &j->model);
    return ANL_OK;
}

/* What is answered comes later: only what the checkpoint holds is needed. */
static anl_status open_alone(job *j, const job_opts *o)
{
    job_sequence *s = j->sequence;
    anl__labelled_opts l = {0};
    ANL_TRY(given_lengths(j, o->from));
    if (!strcmp(j->model.name, "forecaster")) {
        ANL_TRY(given_series(j, o->from));
        return series_columns(j, s->fit);
    }
    const char *scales = anl__ckpt_text(o->from, "data.windows", NULL);
    if (scales) ANL_TRY(anl__labelled_read(j->ctx, scales, strlen(scales), j->arena, &l));
    else ANL_TRY(given_tokens(j, o->from, 0, "data.tokens.source"));
    j->model.seq.features = l.n_features;
    if (anl__ckpt_text(o->from, "data.tokens.target", NULL)) ANL_TRY(given_tokens(j, o->from, 1, "data.tokens.target"));
    ANL_TRY(class_names(j, o, &l));
    ANL_TRY(given_memory(j, o->from));
    for (int i = 0; i < 2; i++) s->tokens[i] = s->given[i];
    s->memory = s->given_memory;
    j->class_names = l.class_names;
    j->model.classes = l.classes;
    if (s->tokens[0]) j->model.seq.vocabulary = anl__tokens_size(s->tokens[0]);
    if (s->tokens[1]) j->model.seq.target_vocabulary = anl__tokens_size(s->tokens[1]);
    return l.classes ? job_weights(j, NULL, 0) : ANL_OK; /* a buffer of the model: its values are in the checkpoint */
}

/* "window, x and y": what a table of windows needs. */
static const char *window_columns(const job *j, const anl__ckpt *from, char *out, size_t size)
{
    const char *scales = anl__ckpt_text(from, "data.windows", "");
    anl__labelled_opts l = {0};
    const char *group = recipe_text(j->recipe, "data.group");
    size_t n = (size_t)snprintf(out, size, "%s", group ? group : "");
    if (anl__labelled_read(j->ctx, scales, strlen(scales), j->arena, &l) != ANL_OK) l.n_features = 0;
    for (int i = 0; i < l.n_features && n < size; i++) n += (size_t)snprintf(out + n, size - n, "%s%s", i + 1 < l.n_features ? ", " : " and ", l.feature[i]);
    return out;
}

/* ---- the interface --------------------------------------------------------------------------- */

anl_status job_sequence_open(job *j, const job_opts *o)
{
    static const struct {
        const char *model;
        anl__score_kind kind;
        anl_status (*open)(job *j, const job_opts *o);
    } kinds[] = {{"forecaster", ANL__SCORE_VALUES, open_series}, {"charlm", ANL__SCORE_TOKENS, open_text}, {"transformer", ANL__SCORE_TOKENS, open_text},
                 {"seq2seq", ANL__SCORE_TOKENS, open_pairs}, {"seqclassifier", ANL__SCORE_CLASSES, open_labelled}};
    char text[300];
    if (o->test_file || o->set) return anl__fail(j->ctx, ANL_UNSUPPORTED, "a model of sequences reads its own kind of file: data.path");
    j->sequence = anl__arena_alloc(j->arena, sizeof *j->sequence);
    if (!j->sequence) return ANL_NOMEM;
    *j->sequence = (job_sequence){.decode_variant = -1};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].model, j->model.name)) {
            bool series = kinds[i].open == open_series;
            j->kind = kinds[i].kind;
            bool windows = kinds[i].open == open_labelled && !recipe_text(j->recipe, "data.text");
            if (o->bare) return open_alone(j, o);
            if (o->alone && windows && !o->test_data)
                return anl__fail(j->ctx, ANL_INVALID, "which windows are to be classified? give a table with the columns %s", window_columns(j, o->from, text, sizeof text));
            if (o->alone && series && !o->test_data) return anl__fail(j->ctx, ANL_INVALID, "which series is to be continued? give a table with the columns that the model reads");
            return o->alone && !series && !windows ? open_alone(j, o) : kinds[i].open(j, o);
        }
    return anl__fail(j->ctx, ANL_INTERNAL, "no data for model %s", j->model.name);
}

void job_sequence_close(job *j)
{
    job_sequence *s = j->sequence;
    if (!s) return;
    anl__text_close(s->text);
    anl__series_destroy(s->series);
    anl__series_fit_destroy(s->fit);
    anl__table_close(s->table);
    anl__pairs_close(s->pairs);
    anl__labelled_close(s->labelled);
    for (int i = 0; i < 2; i++) anl__tokens_destroy(s->given[i]);
    anl__memory_destroy(s->given_memory);
}

static anl_status keep(job *j, const char *name, anl__buf *b, job_sequence_text *out)
{
    *out = (job_sequence_text){name, b->status == ANL_OK ? anl__arena_strdup(j->arena, b->text) : NULL};
    anl_status st = b->status == ANL_OK && !out->text ? ANL_NOMEM : b->status;
    anl__buf_release(b);
    return st;
}

anl_status job_sequence_texts(job *j, job_sequence_text out[JOB_SEQUENCE_TEXTS], int *n)
{
    static const char *const names[2] = {"data.tokens.source", "data.tokens.target"};
    job_sequence *s = j->sequence;
    anl__buf b;
    *n = 0;
    for (int i = 0; s && i < 2; i++) {
        if (!s->tokens[i]) continue;
        anl__buf_init(&b, j->ctx);
        anl__tokens_write(s->tokens[i], &b);
        ANL_TRY(keep(j, names[i], &b, &out[(*n)++]));
    }
    if (!s) return ANL_OK;
    anl__buf_init(&b, j->ctx);
    for (int v = 0; v < s->buckets.n; v++) anl__buf_add(&b, "%lld %lld;", (long long)s->length[v][0], (long long)s->length[v][1]);
    ANL_TRY(keep(j, "data.lengths", &b, &out[(*n)++]));
    if (s->memory) {
        anl__buf_init(&b, j->ctx);
        anl__memory_write(s->memory, &b);
        ANL_TRY(keep(j, "data.memory", &b, &out[(*n)++]));
    }
    if (s->labelled && s->labelled->features) {
        anl__buf_init(&b, j->ctx);
        anl__labelled_write(s->labelled, &b);
        ANL_TRY(keep(j, "data.windows", &b, &out[(*n)++]));
    }
    if (!s->series) return ANL_OK;
    anl__buf_init(&b, j->ctx);
    anl__series_write(s->series->fit, &b);
    return keep(j, "data.series", &b, &out[(*n)++]);
}
