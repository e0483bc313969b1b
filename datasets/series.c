/* Windows of a table (series.h): columns become features, origins items, and rows parts. */
#include "datasets/lines.h"
#include "datasets/series_inside.h"

#include <math.h>
#include <string.h>

anl__series_opts anl__series_opts_default(void)
{
    return (anl__series_opts){.window = 48, .horizon = 1, .valid_fraction = 0.1, .test_fraction = 0.2};
}

typedef struct builder {
    anl_ctx *ctx;
    const anl__table *t;
    anl__series *s;
    anl__series_fit *f;
    anl__arena *arena; /* of the series: lives as long */
    int *column;       /* [numbers] of the table */
    int64_t first;     /* row of the first scaled row: the lag */
    float *x, *y, *base, *future; /* [rows - first, F], [rows - first, T], [rows, T], [rows + H, C] */
} builder;

/* The public series, and what it owns. */
typedef struct whole {
    anl__series s;
    anl__arena *arena;
} whole;

/* ---- columns ---------------------------------------------------------------------------------- */

static anl_status no_column(const builder *b, const char *name)
{
    const char *names[256];
    int n = 0;
    for (; n < b->t->columns && n < 256; n++) names[n] = b->t->column[n].name;
    const char *near = anl__nearest(name, names, n);
    return anl__fail(b->ctx, ANL_DATA, "%s has no column \"%s\"%s%s%s", b->t->path, name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static anl_status find_number(const builder *b, const char *name, int *out)
{
    *out = anl__table_find(b->t, name);
    if (*out < 0) return no_column(b, name);
    if (b->t->column[*out].kind == ANL__COLUMN_NUMBER) return ANL_OK;
    return anl__fail(b->ctx, ANL_DATA, "%s: column \"%s\" holds no numbers: it cannot be predicted", b->t->path, name);
}

/* Names and levels are lines of the fit's text. */
static anl_status check_name(const builder *b, const char *name)
{
    return anl__one_line(name) ? ANL_OK : anl__fail(b->ctx, ANL_DATA, "%s: column \"%s\" has a line break in its name", b->t->path, name);
}

static anl_status check_levels(const builder *b, const anl__column *from)
{
    for (int64_t i = 0; i < b->t->rows; i++)
        if (!anl__one_line(from->level[from->code[i]]))
            return anl__fail(b->ctx, ANL_DATA, "%s:%lld: column \"%s\": a category with a line break", b->t->path, (long long)b->t->line[i], from->name);
    return ANL_OK;
}

static anl_status add_number(builder *b, const char *name)
{
    anl__series_fit *f = b->f;
    ANL_TRY(check_name(b, name));
    for (int i = 0; i < f->numbers; i++)
        if (!strcmp(f->number[i], name)) return ANL_OK; /* targets among the inputs are taken once */
    ANL_TRY(find_number(b, name, &b->column[f->numbers]));
    f->number[f->numbers] = anl__arena_strdup(f->arena, name);
    return f->number[f->numbers++] ? ANL_OK : ANL_NOMEM;
}

static anl_status add_category(builder *b, const anl__column *from)
{
    anl__series_fit *f = b->f;
    anl__series_category *c = &f->category[f->categories];
    for (int i = 0; i < f->categories; i++)
        if (!strcmp(f->category[i].name, from->name)) return ANL_OK;
    ANL_TRY(check_name(b, from->name));
    ANL_TRY(check_levels(b, from));
    c->name = anl__arena_strdup(f->arena, from->name);
    c->level = anl__arena_alloc(f->arena, sizeof *c->level * (size_t)from->levels);
    if (!c->name || !c->level) return ANL_NOMEM;
    for (; c->levels < from->levels; c->levels++) {
        c->level[c->levels] = anl__arena_strdup(f->arena, from->level[c->levels]);
        if (!c->level[c->levels]) return ANL_NOMEM;
    }
    f->categories++;
    return ANL_OK;
}

static anl_status choose_columns(builder *b, const anl__series_opts *o)
{
    anl__series_fit *f = b->f;
    if (o->targets < 1) return anl__fail(b->ctx, ANL_INVALID, "%s: no column is named as target", b->t->path);
    ANL_TRY(anl__series_fit_room(f, o->targets + o->inputs, o->inputs));
    for (int i = 0; i < o->targets; i++) ANL_TRY(add_number(b, o->target[i]));
    f->targets = f->numbers;
    for (int i = 0; i < o->inputs; i++) {
        int column = anl__table_find(b->t, o->input[i]);
        if (column < 0) return no_column(b, o->input[i]);
        const anl__column *c = &b->t->column[column];
        if (c->kind == ANL__COLUMN_TIME)
            return anl__fail(b->ctx, ANL_DATA, "%s: column \"%s\" holds times: name what of them the model shall see (calendar), not the column", b->t->path, c->name);
        ANL_TRY(c->kind == ANL__COLUMN_CATEGORY ? add_category(b, c) : add_number(b, o->input[i]));
    }
    if (o->calendar && b->t->time < 0) return anl__fail(b->ctx, ANL_DATA, "%s has no column of times: there is no calendar to see", b->t->path);
    return ANL_OK;
}

/* The columns of a fit in another table. */
static anl_status match_columns(builder *b)
{
    anl__series_fit *f = b->f;
    for (int i = 0; i < f->numbers; i++) ANL_TRY(find_number(b, f->number[i], &b->column[i]));
    for (int c = 0; c < f->categories; c++)
        if (anl__table_find(b->t, f->category[c].name) < 0) return no_column(b, f->category[c].name);
    if (f->calendar && b->t->time < 0) return anl__fail(b->ctx, ANL_DATA, "%s has no column of times: there is no calendar to see", b->t->path);
    return ANL_OK;
}

/* ---- values ----------------------------------------------------------------------------------- */

static double number_at(const builder *b, int number, int64_t row)
{
    const double *v = b->t->column[b->column[number]].value;
    return anl__series_differenced(b->f, number) ? v[row] - v[row - b->f->difference] : v[row];
}

/* Mean and standard deviation over the training rows (Welford); a constant has 1. */
static anl_status fit_scales(builder *b, int64_t end)
{
    for (int i = 0; i < b->f->numbers; i++) {
        double mean = 0, squares = 0;
        for (int64_t row = b->first; row < end; row++) {
            double v = number_at(b, i, row), d = v - mean;
            mean += d / (double)(row - b->first + 1);
            squares += d * (v - mean);
        }
        double std = sqrt(squares / (double)(end - b->first));
        if (!isfinite(mean) || !isfinite(std)) return anl__fail(b->ctx, ANL_DATA, "%s: column \"%s\": the values are too large", b->t->path, b->f->number[i]);
        b->f->mean[i] = mean;
        b->f->std[i] = std > 1e-12 * (fabs(mean) + 1e-300) ? std : 1;
    }
    return ANL_OK;
}

static anl_status level_of(const builder *b, const anl__series_category *c, int64_t row, int32_t *out)
{
    const anl__column *from = &b->t->column[anl__table_find(b->t, c->name)];
    if (from->kind != ANL__COLUMN_CATEGORY) return anl__fail(b->ctx, ANL_DATA, "%s: column \"%s\" held names in training, and numbers or times here", b->t->path, c->name);
    const char *cell = from->level[from->code[row]];
    for (*out = 0; *out < c->levels; ++*out)
        if (!strcmp(c->level[*out], cell)) return ANL_OK;
    return anl__fail(b->ctx, ANL_DATA, "%s:%lld: column \"%s\": \"%s\" was not there in training", b->t->path, (long long)b->t->line[row], c->name, cell);
}

static double time_of(const anl__table *t, int64_t row)
{
    if (t->time < 0) return 0;
    if (row < t->rows) return t->column[t->time].value[row];
    return t->column[t->time].value[t->rows - 1] + t->step * (double)(row - t->rows + 1);
}

bool anl__series_regular(const anl__table *t)
{
    if (t->time < 0 || !(t->step > 0)) return false;
    const double *time = t->column[t->time].value;
    for (int64_t i = 1; i < t->rows; i++)
        if (fabs(time[i] - time[i - 1] - t->step) > 1e-3 * t->step) return false;
    return true;
}

/* Where the periods of the training table are when this one begins. */
static void find_phase(builder *b)
{
    const anl__series_fit *f = b->f;
    if (!f->clock || !anl__series_regular(b->t) || fabs(b->t->step - f->step) > 1e-3 * f->step) return;
    double rows = (b->t->column[b->t->time].value[0] - f->origin) / f->step;
    if (!(fabs(rows) < 1e15 && fabs(rows - round(rows)) < 1e-3)) return;
    b->s->phased = true;
    b->s->row_of_first = llround(rows);
}

static anl_status fill_row(builder *b, int64_t row, int F)
{
    const anl__series_fit *f = b->f;
    int C = anl__series_future(f), n = f->numbers;
    float *x = b->x + (row - b->first) * F, *y = b->y + (row - b->first) * f->targets;
    for (int i = 0; i < n; i++) {
        x[i] = (float)((number_at(b, i, row) - f->mean[i]) / f->std[i]);
        if (!isfinite(x[i]))
            return anl__fail(b->ctx, ANL_DATA, "%s:%lld: column \"%s\": the value is too large", b->t->path, (long long)b->t->line[row], f->number[i]);
        if (i < f->targets) y[i] = x[i];
    }
    for (int c = 0; c < f->categories; c++) {
        int32_t level = 0;
        ANL_TRY(level_of(b, &f->category[c], row, &level));
        x[n + level] = 1;
        n += f->category[c].levels;
    }
    memcpy(x + n, b->future + row * C, sizeof *x * (size_t)C);
    return ANL_OK;
}

static anl_status fill(builder *b)
{
    const anl__series_fit *f = b->f;
    int64_t rows = b->t->rows, kept = rows - b->first, T = f->targets, H = f->horizon;
    int F = anl__series_features(f), C = anl__series_future(f);
    double *raw = anl__arena_alloc(b->arena, sizeof *raw * (size_t)(rows * T));
    b->x = anl__arena_alloc(b->arena, sizeof *b->x * (size_t)(kept * F));
    b->y = anl__arena_alloc(b->arena, sizeof *b->y * (size_t)(kept * T));
    b->base = anl__arena_alloc(b->arena, sizeof *b->base * (size_t)(rows * T));
    b->future = anl__arena_alloc(b->arena, sizeof *b->future * (size_t)((rows + H) * C));
    if (!raw || !b->x || !b->y || !b->base || !b->future) return ANL_NOMEM;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t k = 0; k < T; k++) b->base[row * T + k] = (float)(raw[row * T + k] = b->t->column[b->column[k]].value[row]);
    for (int64_t row = 0; row < rows + H; row++) anl__calendar_features(f, b->s->row_of_first + row, time_of(b->t, row), b->future + row * C);
    for (int64_t row = b->first; row < rows; row++) ANL_TRY(fill_row(b, row, F));
    b->s->raw = raw;
    b->s->rows = rows;
    b->s->tail_x = b->x + (kept - f->window) * F;
    if (f->difference > 0) b->s->tail_base = b->base + (rows - f->difference) * T;
    if (C) b->s->tail_future = b->future + rows * C;
    return ANL_OK;
}

/* ---- items and parts -------------------------------------------------------------------------- */

static anl_status add_field(builder *b, const char *name, int64_t width, const float *data, int64_t steps, int64_t fixed, int64_t first)
{
    anl__ragged_field f = {.dtype = ANL_F32, .width = width, .data = data, .steps = steps, .fixed = fixed};
    int64_t *offset = anl__arena_alloc(b->arena, sizeof *offset * (size_t)b->s->set->n);
    if (!offset) return ANL_NOMEM;
    for (int64_t i = 0; i < b->s->set->n; i++) offset[i] = first + i;
    f.offset = offset;
    memcpy(f.name, name, strlen(name) + 1);
    return anl__ragged_add(b->s->set, &f);
}

static anl_status make_items(builder *b)
{
    const anl__series_fit *f = b->f;
    int64_t rows = b->t->rows, D = f->difference, H = f->horizon, W = f->window, T = f->targets, C = anl__series_future(f);
    int64_t origin = b->first + W, n = rows - H - origin + 1, kept = rows - b->first;
    b->s->first = origin;
    if (n < 1) return ANL_OK; /* only the tail */
    ANL_TRY(anl__ragged_create(b->ctx, b->t->path, n, &b->s->set));
    ANL_TRY(add_field(b, "x", anl__series_features(f), b->x, kept, W, 0));
    ANL_TRY(add_field(b, "y", T, b->y, kept, H, W));
    if (D > 0) ANL_TRY(add_field(b, "base", T, b->base, rows, D < H ? D : H, origin - D));
    if (C) ANL_TRY(add_field(b, "future", C, b->future, rows + H, H, origin));
    return ANL_OK;
}

static anl_status list_items(builder *b, int part)
{
    anl__series *s = b->s;
    int64_t n = s->set ? s->set->n : 0, H = b->f->horizon;
    s->item[part] = anl__arena_alloc(b->arena, sizeof *s->item[part] * (size_t)n);
    if (!s->item[part]) return ANL_NOMEM;
    for (int64_t i = 0; i < n; i++)
        if (s->first + i >= s->begin[part] && s->first + i + H <= s->begin[part + 1]) s->item[part][s->items[part]++] = i;
    if (s->items[part] || s->begin[part] == s->begin[part + 1]) return ANL_OK;
    return anl__fail(b->ctx, ANL_DATA, "%s: the part for %s has %lld rows (%lld to %lld): no window of %lld rows with the %lld that follow fits (lag %lld)", b->t->path,
                     part == ANL__PART_TRAIN ? "training" : part == ANL__PART_VALID ? "validation" : "test", (long long)(s->begin[part + 1] - s->begin[part]),
                     (long long)s->begin[part], (long long)s->begin[part + 1] - 1, (long long)b->f->window, (long long)H, (long long)b->f->difference);
}

static anl_status cut_rows(builder *b, const anl__series_opts *o)
{
    int64_t rows = b->t->rows;
    int64_t test = o->test_rows ? o->test_rows : llround((double)rows * o->test_fraction);
    int64_t valid = o->valid_rows ? o->valid_rows : llround((double)rows * o->valid_fraction);
    if (test < 0 || valid < 0 || test + valid >= rows)
        return anl__fail(b->ctx, ANL_DATA, "%s has %lld rows: %lld for validation and %lld for test leave nothing to train on", b->t->path, (long long)rows, (long long)valid, (long long)test);
    if ((!valid && o->valid_fraction > 0) || (!test && o->test_fraction > 0))
        return anl__fail(b->ctx, ANL_DATA, "%s: the part for %s is empty: %g of %lld rows", b->t->path, valid ? "test" : "validation", valid ? o->test_fraction : o->valid_fraction, (long long)rows);
    int64_t *begin = b->s->begin;
    begin[0] = 0;
    begin[1] = rows - test - valid;
    begin[2] = rows - test;
    begin[3] = rows;
    if (begin[1] > b->first) return ANL_OK;
    return anl__fail(b->ctx, ANL_DATA, "%s: %lld training rows are not more than the lag of %lld", b->t->path, (long long)begin[1], (long long)b->first);
}

/* ---- the interface ---------------------------------------------------------------------------- */

static anl_status begin(builder *b, anl_ctx *ctx, const anl__table *t)
{
    whole *w = anl__alloc(ctx, sizeof *w);
    *b = (builder){.ctx = ctx, .t = t};
    if (!w) return ANL_NOMEM;
    b->s = &w->s;
    w->s.ctx = ctx;
    anl_status st = anl__arena_create(ctx, &w->arena);
    if (st == ANL_OK) b->arena = w->arena;
    return st;
}

static anl_status room_for_columns(builder *b, int64_t n)
{
    b->column = anl__arena_alloc(b->arena, sizeof *b->column * (size_t)n);
    return b->column ? ANL_OK : ANL_NOMEM;
}

static anl_status build(builder *b, const anl__series_opts *o)
{
    anl__series_fit *f;
    if (o->window < 1 || o->horizon < 1 || o->difference < 0)
        return anl__fail(b->ctx, ANL_INVALID, "a window of %lld rows, a horizon of %lld and a lag of %lld", (long long)o->window, (long long)o->horizon, (long long)o->difference);
    ANL_TRY(anl__series_fit_create(b->ctx, &b->s->fit));
    f = b->f = b->s->fit;
    f->window = o->window;
    f->horizon = o->horizon;
    f->difference = b->first = o->difference;
    f->difference_inputs = o->difference_inputs;
    f->calendar = o->calendar;
    memcpy(f->period, o->period, sizeof f->period);
    ANL_TRY(room_for_columns(b, o->targets + o->inputs));
    ANL_TRY(choose_columns(b, o));
    ANL_TRY(cut_rows(b, o));
    if (b->t->rows < b->first + f->window + f->horizon)
        return anl__fail(b->ctx, ANL_DATA, "%s has %lld rows; a lag of %lld, a window of %lld and a horizon of %lld need %lld", b->t->path, (long long)b->t->rows, (long long)b->first,
                         (long long)f->window, (long long)f->horizon, (long long)(b->first + f->window + f->horizon));
    ANL_TRY(fit_scales(b, b->s->begin[1]));
    f->clock = anl__series_regular(b->t);
    if (f->clock) f->origin = b->t->column[b->t->time].value[0];
    if (f->clock) f->step = b->t->step;
    ANL_TRY(fill(b));
    ANL_TRY(make_items(b));
    for (int p = 0; p < ANL__PARTS; p++) ANL_TRY(list_items(b, p));
    return ANL_OK;
}

static anl_status build_under(builder *b, const anl__series_fit *fit)
{
    anl__buf text;
    anl__buf_init(&text, b->ctx);
    anl__series_write(fit, &text);
    anl_status st = text.status;
    if (st == ANL_OK) st = anl__series_read(b->ctx, text.text, text.len, &b->s->fit);
    anl__buf_release(&text);
    ANL_TRY(st);
    b->f = b->s->fit;
    b->first = fit->difference;
    ANL_TRY(room_for_columns(b, fit->numbers));
    ANL_TRY(match_columns(b));
    if (b->t->rows < b->first + fit->window)
        return anl__fail(b->ctx, ANL_DATA, "%s has %lld rows; the model needs %lld (a window of %lld after a lag of %lld)", b->t->path, (long long)b->t->rows,
                         (long long)(b->first + fit->window), (long long)fit->window, (long long)b->first);
    find_phase(b);
    ANL_TRY(fill(b));
    ANL_TRY(make_items(b));
    b->s->begin[ANL__PARTS] = b->t->rows; /* all rows are of the test part */
    return b->s->set ? list_items(b, ANL__PART_TEST) : ANL_OK;
}

static anl_status finish(builder *b, anl_status st, anl__series **out)
{
    if (st == ANL_OK) *out = b->s;
    else anl__series_destroy(b->s);
    return st;
}

anl_status anl__series_create(anl_ctx *ctx, const anl__table *t, const anl__series_opts *opts, anl__series **out)
{
    builder b;
    anl_status st = begin(&b, ctx, t);
    if (st == ANL_OK) st = build(&b, opts);
    return finish(&b, st, out);
}

anl_status anl__series_apply(anl_ctx *ctx, const anl__table *t, const anl__series_fit *fit, anl__series **out)
{
    builder b;
    anl_status st = begin(&b, ctx, t);
    if (st == ANL_OK) st = build_under(&b, fit);
    return finish(&b, st, out);
}

void anl__series_destroy(anl__series *s)
{
    if (!s) return;
    anl_ctx *ctx = s->ctx;
    anl__ragged_destroy(s->set);
    anl__series_fit_destroy(s->fit);
    anl__arena_destroy(((whole *)s)->arena);
    anl__free(ctx, s);
}
