/* Columns with types from a file of cells (table.h). What is wrong with the rows is table_repair.c's. */
#include "datasets/table.h"

#include "datasets/table_repair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

anl__table_opts anl__table_opts_default(void)
{
    anl__table_opts o = {.csv = anl__csv_opts_default(), .missing = ANL__MISSING_REFUSE, .doubled = ANL__DOUBLED_REFUSE, .gaps = ANL__GAPS_KEEP};
    return o;
}

/* ---- kinds ------------------------------------------------------------------------------------ */

static anl__column_kind guess(const anl__csv *f, int64_t column)
{
    int64_t values = 0, numbers = 0;
    double v;
    for (int64_t i = 0; i < f->rows; i++) {
        const char *cell = anl__csv_get(f, i, column);
        if (anl__cell_missing(cell)) continue;
        if (!values++ && anl__cell_time(cell, &v)) return ANL__COLUMN_TIME;
        numbers += anl__cell_number(cell, &v);
    }
    return 2 * numbers >= values ? ANL__COLUMN_NUMBER : ANL__COLUMN_CATEGORY;
}

/* AUTO: nobody says what the column is. */
static anl__column_kind declared(const anl__csv *f, int64_t column, const anl__table_opts *o)
{
    for (const struct anl__table_kind *k = o->kinds; k && k->column; k++)
        if (k->kind != ANL__COLUMN_AUTO && anl__csv_find(f, k->column) == column) return k->kind;
    return ANL__COLUMN_AUTO;
}

static anl__column_kind kind_of(const anl__csv *f, int64_t column, const anl__table_opts *o)
{
    anl__column_kind kind = declared(f, column, o);
    if (kind != ANL__COLUMN_AUTO) return kind;
    if (o->time && anl__csv_find(f, o->time) == column) return ANL__COLUMN_TIME;
    return guess(f, column);
}

static bool wanted(const anl__csv *f, int64_t column, const anl__table_opts *o)
{
    if (!o->columns) return true;
    for (int i = 0; i < o->n_columns; i++)
        if (anl__csv_find(f, o->columns[i]) == column) return true;
    return false;
}

static anl_status check_names(const anl__csv *f, const anl__table_opts *o)
{
    int64_t at;
    for (const struct anl__table_kind *k = o->kinds; k && k->column; k++) ANL_TRY(anl__csv_need(f, k->column, &at));
    for (int i = 0; o->columns && i < o->n_columns; i++) ANL_TRY(anl__csv_need(f, o->columns[i], &at));
    return o->time ? anl__csv_need(f, o->time, &at) : ANL_OK;
}

/* ---- values ----------------------------------------------------------------------------------- */

static anl_status read_values(anl__table *t, const anl__csv *f, int64_t column, anl__column *c)
{
    bool time = c->kind == ANL__COLUMN_TIME;
    c->value = anl__calloc(t->ctx, (size_t)t->rows, sizeof *c->value);
    if (!c->value) return ANL_NOMEM;
    for (int64_t i = 0; i < t->rows; i++) {
        const char *cell = anl__csv_get(f, i, column);
        c->value[i] = NAN;
        if (anl__cell_missing(cell)) {
            if (!t->missing++) t->first_missing = t->line[i];
            c->missing++;
        } else if (!(time ? anl__cell_time(cell, &c->value[i]) : anl__cell_number(cell, &c->value[i]))) {
            return anl__csv_fail(f, i, column, time ? "\"%.60s\" is no date or time that is understood (2024-03-13, 2024/03/13 or 13.03.2024, with 12:30 behind it)" : "\"%.60s\" is no number", cell);
        }
    }
    return ANL_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The different texts of a column, ascending. */
static anl_status find_levels(anl__table *t, const anl__csv *f, int64_t column, anl__column *c)
{
    char **all = anl__calloc(t->ctx, (size_t)t->rows, sizeof *all);
    int64_t n = 0, kept = 0;
    if (!all) return ANL_NOMEM;
    for (int64_t i = 0; i < t->rows; i++)
        if (!anl__cell_missing(anl__csv_get(f, i, column))) all[n++] = f->cell[i * f->columns + column];
    qsort(all, (size_t)n, sizeof *all, by_text);
    for (int64_t i = 0; i < n; i++)
        if (!kept || strcmp(all[kept - 1], all[i]) != 0) all[kept++] = all[i];
    anl_status st = ANL_OK;
    if (kept > ANL__MAX_LEVELS)
        ANL_GO(anl__fail(t->ctx, ANL_DATA, "%s: column %s has %lld different values, more than %d: it is no category", t->path, c->name,
                         (long long)kept, ANL__MAX_LEVELS));
    c->levels = (int32_t)kept;
    c->level = anl__arena_alloc(t->arena, (size_t)(kept ? kept : 1) * sizeof *c->level);
    if (!c->level) ANL_GO(ANL_NOMEM);
    for (int64_t i = 0; i < kept; i++)
        if (!(c->level[i] = anl__arena_strdup(t->arena, all[i]))) ANL_GO(ANL_NOMEM);
done:
    anl__free(t->ctx, all);
    return st;
}

static anl_status read_codes(anl__table *t, const anl__csv *f, int64_t column, anl__column *c)
{
    ANL_TRY(find_levels(t, f, column, c));
    c->code = anl__calloc(t->ctx, (size_t)t->rows, sizeof *c->code);
    if (!c->code) return ANL_NOMEM;
    for (int64_t i = 0; i < t->rows; i++) {
        char *cell = f->cell[i * f->columns + column];
        c->code[i] = -1;
        if (anl__cell_missing(cell)) {
            if (!t->missing++) t->first_missing = t->line[i];
            c->missing++;
            continue;
        }
        char **at = bsearch(&cell, c->level, (size_t)c->levels, sizeof *c->level, by_text);
        c->code[i] = (int32_t)(at - c->level);
    }
    return ANL_OK;
}

/* A column of texts that look like dates is worth a note: nobody wants these as a category. */
static anl_status see_dates(anl__table *t, const anl__csv *f, int64_t column)
{
    int64_t i = 0;
    while (i < f->rows && anl__cell_missing(anl__csv_get(f, i, column))) i++;
    if (t->undated || i == f->rows || !anl__cell_dated(anl__csv_get(f, i, column))) return ANL_OK;
    t->undated = anl__arena_strdup(t->arena, f->name[column]);
    t->undated_cell = anl__arena_strdup(t->arena, anl__csv_get(f, i, column));
    return t->undated && t->undated_cell ? ANL_OK : ANL_NOMEM;
}

static anl_status read_columns(anl__table *t, const anl__csv *f, const anl__table_opts *o)
{
    ANL_TRY(check_names(f, o));
    t->column = anl__calloc(t->ctx, (size_t)f->columns, sizeof *t->column);
    if (!t->column) return ANL_NOMEM;
    int64_t time = o->time ? anl__csv_find(f, o->time) : -1;
    for (int64_t k = 0; k < f->columns; k++) {
        anl__column_kind kind = kind_of(f, k, o);
        if (kind == ANL__COLUMN_TIME && time < 0) time = k;
        if (kind == ANL__COLUMN_CATEGORY && declared(f, k, o) == ANL__COLUMN_AUTO) ANL_TRY(see_dates(t, f, k));
        if (!wanted(f, k, o) && k != time) continue;
        if (k == time) t->time = t->columns;
        anl__column *c = &t->column[t->columns++];
        c->kind = kind;
        if (!(c->name = anl__arena_strdup(t->arena, f->name[k]))) return ANL_NOMEM;
        ANL_TRY(kind == ANL__COLUMN_CATEGORY ? read_codes(t, f, k, c) : read_values(t, f, k, c));
    }
    return ANL_OK;
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* Takes the cells over. */
static anl_status make(anl_ctx *ctx, anl__csv *f, const anl__table_opts *o, anl__table **out)
{
    anl_status st = ANL_OK;
    anl__table *t = anl__alloc(ctx, sizeof *t);
    if (!t) ANL_GO(ANL_NOMEM);
    t->ctx = ctx;
    t->time = -1;
    t->rows = t->read = f->rows;
    ANL_GO(anl__arena_create(ctx, &t->arena));
    if (!(t->path = anl__strdup(ctx, f->path))) ANL_GO(ANL_NOMEM);
    if (!(t->line = anl__calloc(ctx, (size_t)t->rows, sizeof *t->line))) ANL_GO(ANL_NOMEM);
    memcpy(t->line, f->line, (size_t)t->rows * sizeof *t->line);
    ANL_GO(read_columns(t, f, o));
    ANL_GO(anl__table_repair(t, o));
    *out = t;
    t = NULL;
done:
    anl__table_close(t);
    anl__csv_close(f);
    return st;
}

anl_status anl__table_open(anl_ctx *ctx, const char *path, const anl__table_opts *opts, anl__table **out)
{
    anl__csv *f;
    ANL_TRY(anl__csv_open(ctx, path, &opts->csv, &f));
    return make(ctx, f, opts, out);
}

anl_status anl__table_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__table_opts *opts,
                            anl__table **out)
{
    anl__csv *f;
    ANL_TRY(anl__csv_parse(ctx, path, text, bytes, &opts->csv, &f));
    return make(ctx, f, opts, out);
}

void anl__table_close(anl__table *t)
{
    if (!t) return;
    for (int i = 0; i < t->columns; i++) {
        anl__free(t->ctx, t->column[i].value);
        anl__free(t->ctx, t->column[i].code);
    }
    anl__free(t->ctx, t->column);
    anl__free(t->ctx, t->line);
    anl__free(t->ctx, t->path);
    anl__arena_destroy(t->arena);
    anl__free(t->ctx, t);
}

int anl__table_find(const anl__table *t, const char *column)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->column[i].name, column) == 0) return i;
    return -1;
}

static void report_rows(const anl__table *t, anl__buf *out)
{
    anl__buf_add(out, "%s: %lld rows read, %lld used, %d columns\n", t->path, (long long)t->read, (long long)t->rows, t->columns);
    if (t->missing) anl__buf_add(out, "  missing values: %lld (first in line %lld)\n", (long long)t->missing, (long long)t->first_missing);
    for (int i = 0; i < t->columns; i++)
        if (t->column[i].missing) anl__buf_add(out, "    %s: %lld\n", t->column[i].name, (long long)t->column[i].missing);
    if (t->dropped) anl__buf_add(out, "  rows dropped for missing values: %lld\n", (long long)t->dropped);
    if (t->time < 0) return;
    anl__buf_add(out, "  time: column %s, step %g s\n", t->column[t->time].name, t->step);
    if (t->doubled) anl__buf_add(out, "  rows of a time that was there already: %lld (first in line %lld), left out\n", (long long)t->doubled, (long long)t->first_doubled);
    if (t->gaps)
        anl__buf_add(out, "  gaps in time: %lld (first before line %lld)%s\n", (long long)t->gaps, (long long)t->first_gap, t->gap_rows ? "" : ", left as they are");
    if (t->gap_rows) anl__buf_add(out, "  rows put into gaps: %lld\n", (long long)t->gap_rows);
}

void anl__table_report(const anl__table *t, anl__buf *out)
{
    report_rows(t, out);
    if (t->filled) anl__buf_add(out, "  values filled: %lld\n", (long long)t->filled);
}
