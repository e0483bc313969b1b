/* Labelled sequences from rows of cells (labelled.h): rows become items, the label column classes, and the rest tokens or
 * windows of numbers. */
#include "datasets/labelled.h"

#include "datasets/lines.h"
#include "datasets/vocab.h"

#include <math.h>
#include <string.h>

anl__labelled_opts anl__labelled_opts_default(void)
{
    anl__labelled_opts o = {.csv = anl__csv_opts_default(), .label = "label", .parts = {.valid = 0.1, .test = 0.1}, .tokens = anl__tokens_opts_default()};
    return o;
}

typedef struct builder {
    anl__labelled *l;
    const anl__labelled_opts *o;
    const anl__csv *csv;
    int64_t label, part, text, item; /* columns; part < 0: none */
    int64_t items;
    int64_t *first;       /* [items + 1] row where an item begins */
    int32_t *class, *of;  /* [items] class and part */
    int64_t *offset, *length;
    int64_t *feature; /* columns */
} builder;

/* ---- items ------------------------------------------------------------------------------------ */

/* Windows: the next item begins where the value of the item column changes. */
static anl_status find_windows(builder *b)
{
    anl__vocab seen;
    anl_status st = anl__vocab_init(b->l->ctx, &seen);
    for (int64_t i = 0; st == ANL_OK && i < b->csv->rows; i++) {
        const char *id = anl__csv_get(b->csv, i, b->item);
        int64_t known = seen.n;
        int32_t number = 0;
        if (i && strcmp(id, anl__csv_get(b->csv, i - 1, b->item)) == 0) continue;
        st = anl__vocab_add(&seen, (anl__span){id, strlen(id)}, &number);
        if (st == ANL_OK && seen.n == known)
            st = anl__csv_fail(b->csv, i, b->item, "item \"%.60s\" was there before: its rows must follow each other", id);
        b->first[b->items++] = i;
    }
    anl__vocab_release(&seen);
    return st;
}

static anl_status find_items(builder *b)
{
    b->first = anl__calloc(b->l->ctx, (size_t)b->csv->rows + 1, sizeof *b->first);
    if (!b->first) return ANL_NOMEM;
    if (!b->o->text) {
        ANL_TRY(find_windows(b));
    } else {
        b->items = b->csv->rows;
        for (int64_t i = 0; i < b->items; i++) b->first[i] = i;
    }
    b->first[b->items] = b->csv->rows;
    b->class = anl__calloc(b->l->ctx, (size_t)b->items, sizeof *b->class);
    b->of = anl__calloc(b->l->ctx, (size_t)b->items, sizeof *b->of);
    return b->class && b->of ? ANL_OK : ANL_NOMEM;
}

/* ---- classes ---------------------------------------------------------------------------------- */

/* Names of the classes: the given ones, or the label column's values ascending. */
static anl_status find_names(builder *b, anl__vocab *names)
{
    anl__labelled *l = b->l;
    int32_t id, *order = NULL;
    anl_status st = ANL_OK;
    for (int c = 0; c < b->o->classes; c++) ANL_TRY(anl__vocab_add(names, (anl__span){b->o->class_names[c], strlen(b->o->class_names[c])}, &id));
    for (int64_t i = 0; i < b->csv->rows && b->label >= 0; i++) {
        const char *s = anl__csv_get(b->csv, i, b->label);
        int64_t known = names->n;
        if (!*s) return anl__csv_fail(b->csv, i, b->label, "the class is missing");
        if (!anl__one_line(s)) return anl__csv_fail(b->csv, i, b->label, "a class with a line break");
        ANL_TRY(anl__vocab_add(names, (anl__span){s, strlen(s)}, &id));
        if (b->o->classes && names->n > known) return anl__csv_fail(b->csv, i, b->label, "\"%.60s\" is none of the %d classes", s, b->o->classes);
        if (names->n > 65536) return anl__csv_fail(b->csv, i, b->label, "more than 65536 classes: this is no label");
    }
    l->classes = (int)names->n;
    l->class_names = anl__arena_alloc(l->arena, (size_t)l->classes * sizeof *l->class_names);
    order = anl__calloc(l->ctx, (size_t)l->classes, sizeof *order);
    if (!l->class_names || !order) ANL_GO(ANL_NOMEM);
    for (int c = 0; c < l->classes; c++) order[c] = c;
    if (!b->o->classes) ANL_GO(anl__vocab_sort(names, false, order));
    for (int c = 0; c < l->classes; c++) {
        names->count[order[c]] = c; /* the class of a name */
        if (!(l->class_names[c] = anl__arena_strdup(l->arena, names->item[order[c]].text))) ANL_GO(ANL_NOMEM);
    }
done:
    anl__free(l->ctx, order);
    return st;
}

static anl_status find_classes(builder *b)
{
    anl__vocab names;
    ANL_TRY(anl__vocab_init(b->l->ctx, &names));
    anl_status st = find_names(b, &names);
    for (int64_t i = 0; st == ANL_OK && i < b->items && b->label >= 0; i++) {
        const char *s = anl__csv_get(b->csv, b->first[i], b->label);
        b->class[i] = (int32_t)names.count[anl__vocab_find(&names, (anl__span){s, strlen(s)})];
        for (int64_t r = b->first[i] + 1; st == ANL_OK && r < b->first[i + 1]; r++)
            if (strcmp(s, anl__csv_get(b->csv, r, b->label)) != 0)
                st = anl__csv_fail(b->csv, r, b->label, "the class changes from \"%.40s\" to \"%.40s\" inside an item", s, anl__csv_get(b->csv, r, b->label));
    }
    anl__vocab_release(&names);
    return st;
}

/* ---- parts ------------------------------------------------------------------------------------ */

static anl_status find_parts(builder *b)
{
    anl__labelled *l = b->l;
    if (b->part < 0) ANL_TRY(anl__parts_draw(l->ctx, b->items, b->class, l->classes, &b->o->parts, b->of));
    for (int64_t i = 0; b->part >= 0 && i < b->items; i++) {
        const char *s = anl__csv_get(b->csv, b->first[i], b->part);
        b->of[i] = anl__part_find(s);
        if (b->of[i] < 0) return anl__csv_fail(b->csv, b->first[i], b->part, "\"%.40s\" is none of train, valid and test", s);
    }
    ANL_TRY(anl__parts_make(l->ctx, b->csv->path, &b->o->parts, b->of, b->items, &l->parts));
    for (int p = 0; p < ANL__PARTS; p++) {
        l->class_count[p] = anl__arena_alloc(l->arena, (size_t)l->classes * sizeof **l->class_count);
        if (!l->class_count[p]) return ANL_NOMEM;
        for (int64_t i = 0; i < l->parts.n[p]; i++) l->class_count[p][b->class[l->parts.item[p][i]]]++;
    }
    for (int c = 0; c < l->classes && !b->o->classes; c++)
        if (!l->class_count[ANL__PART_TRAIN][c])
            return anl__fail(l->ctx, ANL_DATA, "%s: class %s has no sample in the training part", b->csv->path, l->class_names[c]);
    return ANL_OK;
}

/* ---- fields ----------------------------------------------------------------------------------- */

static anl_status make_places(builder *b)
{
    b->offset = anl__calloc(b->l->ctx, (size_t)b->items, sizeof *b->offset);
    b->length = anl__calloc(b->l->ctx, (size_t)b->items, sizeof *b->length);
    return b->offset && b->length ? ANL_OK : ANL_NOMEM;
}

/* The places and the data become the set's. */
static anl_status add_x(builder *b, anl_dtype dtype, int64_t width, void *data, int64_t steps)
{
    anl__ragged_field x = {.name = "x", .dtype = dtype, .width = width, .data = data, .steps = steps, .offset = b->offset, .length = b->length,
                           .owns = ANL__OWNS_DATA | ANL__OWNS_PLACES};
    b->offset = b->length = NULL;
    return anl__ragged_add(b->l->set, &x);
}

static anl_status add_label(builder *b)
{
    anl__ragged_field y = {.name = "label", .dtype = ANL_I32, .width = 1, .data = b->class, .steps = b->items, .fixed = 1, .owns = ANL__OWNS_DATA};
    b->class = NULL;
    return anl__ragged_add(b->l->set, &y);
}

/* ---- texts ------------------------------------------------------------------------------------ */

static anl__span text_of(const builder *b, int64_t i)
{
    const char *s = anl__csv_get(b->csv, i, b->text);
    return (anl__span){s, strlen(s)};
}

static anl_status find_tokenizer(builder *b)
{
    anl__labelled *l = b->l;
    l->tokenizer = b->o->tokenizer;
    if (l->tokenizer) return ANL_OK;
    int64_t n = l->parts.n[ANL__PART_TRAIN];
    anl__span *text = anl__calloc(l->ctx, (size_t)n, sizeof *text);
    if (!text) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++) text[i] = text_of(b, l->parts.item[ANL__PART_TRAIN][i]);
    anl_status st = anl__tokens_build(l->ctx, text, n, &b->o->tokens, &l->own);
    anl__free(l->ctx, text);
    l->tokenizer = l->own;
    return st == ANL_OK ? st : anl__context(l->ctx, st, "%s: the vocabulary", b->csv->path);
}

static anl_status encode_items(builder *b, anl__ids *ids)
{
    anl__labelled *l = b->l;
    for (int64_t i = 0; i < b->items; i++) {
        int64_t before = ids->n;
        anl_status st = anl__tokens_encode(l->tokenizer, text_of(b, i), ids, &l->unknown[b->of[i]]);
        if (st != ANL_OK) return anl__context(l->ctx, st, "%s:%lld: column %s", b->csv->path, (long long)b->csv->line[i], b->csv->name[b->text]);
        if (ids->n == before) return anl__csv_fail(b->csv, i, b->text, "the sequence is empty");
        if (b->o->max_length && ids->n - before > b->o->max_length) {
            l->cut += ids->n - before - b->o->max_length;
            ids->n = before + b->o->max_length;
        }
        b->offset[i] = before;
        b->length[i] = ids->n - before;
    }
    return ANL_OK;
}

static anl_status make_texts(builder *b)
{
    anl__ids ids = {0};
    ANL_TRY(find_tokenizer(b));
    ANL_TRY(make_places(b));
    anl_status st = encode_items(b, &ids);
    if (st == ANL_OK) return add_x(b, ANL_I32, 1, ids.id, ids.n);
    anl__free(b->l->ctx, ids.id);
    return st;
}

/* ---- windows ---------------------------------------------------------------------------------- */

static anl_status find_features(builder *b)
{
    anl__labelled *l = b->l;
    int64_t n = b->o->feature ? b->o->n_features : b->csv->columns;
    b->feature = anl__calloc(l->ctx, (size_t)n, sizeof *b->feature);
    l->feature_names = anl__arena_alloc(l->arena, (size_t)(n ? n : 1) * sizeof *l->feature_names);
    if (!b->feature || !l->feature_names) return ANL_NOMEM;
    for (int64_t k = 0; k < n; k++) {
        int64_t at = k;
        if (b->o->feature) ANL_TRY(anl__csv_need(b->csv, b->o->feature[k], &at));
        if (!b->o->feature && (k == b->label || k == b->part || k == b->item)) continue;
        if (!anl__one_line(b->csv->name[at])) return anl__fail(l->ctx, ANL_DATA, "%s: column \"%s\" has a line break in its name", b->csv->path, b->csv->name[at]);
        if (!(l->feature_names[l->features] = anl__arena_strdup(l->arena, b->csv->name[at]))) return ANL_NOMEM;
        b->feature[l->features++] = at;
    }
    return l->features ? ANL_OK : anl__fail(l->ctx, ANL_DATA, "%s: there is no column of features", b->csv->path);
}

static anl_status read_numbers(builder *b, float *x)
{
    int width = b->l->features;
    for (int64_t r = 0; r < b->csv->rows; r++)
        for (int k = 0; k < width; k++) {
            double v = 0;
            const char *s = anl__csv_get(b->csv, r, b->feature[k]);
            if (anl__cell_missing(s)) return anl__csv_fail(b->csv, r, b->feature[k], "the value is missing");
            if (!anl__cell_number(s, &v))
                return anl__csv_fail(b->csv, r, b->feature[k], "\"%.60s\" is no number%s", s, b->o->feature ? "" : "; data.inputs names the columns to read, which else are all others");
            x[r * width + k] = (float)v;
            if (!isfinite(x[r * width + k])) return anl__csv_fail(b->csv, r, b->feature[k], "\"%.60s\" is too large", s);
        }
    return ANL_OK;
}

/* Mean and deviation of every feature over the rows of the training items, in two passes. */
static void measure(builder *b, const float *x)
{
    anl__labelled *l = b->l;
    const int64_t *train = l->parts.item[ANL__PART_TRAIN];
    for (int k = 0; k < l->features; k++) {
        double sum = 0, square = 0;
        int64_t n = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t i = 0; i < l->parts.n[ANL__PART_TRAIN]; i++)
                for (int64_t r = b->first[train[i]]; r < b->first[train[i] + 1]; r++) {
                    double v = (double)x[r * l->features + k], d = v - (pass ? sum / (double)n : 0);
                    if (pass == 0) n++;
                    *(pass ? &square : &sum) += pass ? d * d : v;
                }
        l->mean[k] = sum / (double)n;
        l->std[k] = square > 0 ? sqrt(square / (double)n) : 1;
    }
}

static anl_status make_scale(builder *b, float *x)
{
    anl__labelled *l = b->l;
    l->mean = anl__arena_alloc(l->arena, (size_t)l->features * sizeof *l->mean);
    l->std = anl__arena_alloc(l->arena, (size_t)l->features * sizeof *l->std);
    if (!l->mean || !l->std) return ANL_NOMEM;
    if (b->o->mean && b->o->std) {
        memcpy(l->mean, b->o->mean, (size_t)l->features * sizeof *l->mean);
        memcpy(l->std, b->o->std, (size_t)l->features * sizeof *l->std);
    } else {
        measure(b, x);
    }
    for (int64_t i = 0; i < b->csv->rows * l->features; i++) {
        int k = (int)(i % l->features);
        x[i] = (float)(((double)x[i] - l->mean[k]) / l->std[k]);
        if (!isfinite(x[i])) return anl__csv_fail(b->csv, i / l->features, b->feature[k], "the value is too large for the scale of the training part");
    }
    return ANL_OK;
}

static anl_status make_windows(builder *b)
{
    anl__labelled *l = b->l;
    ANL_TRY(find_features(b));
    ANL_TRY(make_places(b));
    float *x = anl__calloc(l->ctx, (size_t)(b->csv->rows * l->features), sizeof *x);
    if (!x) return ANL_NOMEM;
    anl_status st = read_numbers(b, x);
    if (st == ANL_OK) st = make_scale(b, x);
    l->item_name = anl__arena_alloc(l->arena, (size_t)b->items * sizeof *l->item_name);
    if (!l->item_name) st = ANL_NOMEM;
    for (int64_t i = 0; i < b->items && st == ANL_OK; i++) {
        b->offset[i] = b->first[i];
        b->length[i] = b->first[i + 1] - b->first[i];
        if (!(l->item_name[i] = anl__arena_strdup(l->arena, anl__csv_get(b->csv, b->first[i], b->item)))) st = ANL_NOMEM;
    }
    if (st == ANL_OK) return add_x(b, ANL_F32, l->features, x, b->csv->rows);
    anl__free(l->ctx, x);
    return st;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static anl_status find_columns(builder *b)
{
    const anl__labelled_opts *o = b->o;
    b->part = b->text = b->item = -1;
    if (!o->text == !o->item) return anl__fail(b->l->ctx, ANL_INVALID, "%s: labelled sequences are either texts (a text column) or windows (an item column)", b->csv->path);
    b->label = -1;
    if (!o->unlabelled) ANL_TRY(anl__csv_need(b->csv, o->label, &b->label));
    if (o->text) ANL_TRY(anl__csv_need(b->csv, o->text, &b->text));
    if (o->item) ANL_TRY(anl__csv_need(b->csv, o->item, &b->item));
    if (o->part) return anl__csv_need(b->csv, o->part, &b->part);
    if (!o->unlabelled) b->part = anl__csv_find(b->csv, "part");
    return ANL_OK;
}

static anl_status fill(builder *b)
{
    ANL_TRY(find_columns(b));
    ANL_TRY(find_items(b));
    ANL_TRY(find_classes(b));
    ANL_TRY(find_parts(b));
    ANL_TRY(anl__ragged_create(b->l->ctx, b->csv->path, b->items, &b->l->set));
    ANL_TRY(b->o->text ? make_texts(b) : make_windows(b));
    return add_label(b);
}

/* Takes the cells over. */
static anl_status make(anl_ctx *ctx, anl__csv *csv, const anl__labelled_opts *opts, anl__labelled **out)
{
    anl__labelled *l = anl__alloc(ctx, sizeof *l);
    if (!l) {
        anl__csv_close(csv);
        return ANL_NOMEM;
    }
    l->ctx = ctx;
    l->csv = csv;
    builder b = {.l = l, .o = opts, .csv = csv};
    anl_status st = anl__arena_create(ctx, &l->arena);
    if (st == ANL_OK) st = fill(&b);
    anl__free(ctx, b.first);
    anl__free(ctx, b.class);
    anl__free(ctx, b.of);
    anl__free(ctx, b.offset);
    anl__free(ctx, b.length);
    anl__free(ctx, b.feature);
    if (!opts->text) { /* all numbers are in the set */
        anl__csv_close(l->csv);
        l->csv = NULL;
    }
    if (st == ANL_OK)
        *out = l;
    else
        anl__labelled_close(l);
    return st;
}

anl_status anl__labelled_open(anl_ctx *ctx, const char *path, const anl__labelled_opts *opts, anl__labelled **out)
{
    anl__csv *c;
    ANL_TRY(anl__csv_open(ctx, path, &opts->csv, &c));
    return make(ctx, c, opts, out);
}

anl_status anl__labelled_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__labelled_opts *opts,
                               anl__labelled **out)
{
    anl__csv *c;
    ANL_TRY(anl__csv_parse(ctx, path, text, bytes, &opts->csv, &c));
    return make(ctx, c, opts, out);
}

void anl__labelled_close(anl__labelled *l)
{
    if (!l) return;
    anl__ragged_destroy(l->set);
    anl__parts_release(l->ctx, &l->parts);
    anl__tokens_destroy(l->own);
    anl__arena_destroy(l->arena);
    anl__csv_close(l->csv);
    anl__free(l->ctx, l);
}
