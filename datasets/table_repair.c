/* Doubled, skipped and missing rows of a table: found, counted, and refused or repaired (table.h). */
#include "datasets/table_repair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_missing(const anl__column *c, int64_t row)
{
    return c->code ? c->code[row] < 0 : isnan(c->value[row]);
}

static anl_status fail_at(const anl__table *t, int64_t row, int column, const char *what)
{
    return anl__fail(t->ctx, ANL_DATA, "%s:%lld: column %s: %s", t->path, (long long)t->line[row], t->column[column].name, what);
}

static void move_row(anl__table *t, int64_t to, int64_t from)
{
    t->line[to] = t->line[from];
    for (int i = 0; i < t->columns; i++) {
        if (t->column[i].value) t->column[i].value[to] = t->column[i].value[from];
        if (t->column[i].code) t->column[i].code[to] = t->column[i].code[from];
    }
}

/* ---- time ------------------------------------------------------------------------------------- */

static anl_status drop_timeless(anl__table *t, const anl__table_opts *o)
{
    const anl__column *c = &t->column[t->time];
    int64_t kept = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        if (is_missing(c, i)) {
            if (o->missing != ANL__MISSING_DROP) return fail_at(t, i, t->time, "the time is missing (data.missing: drop leaves the row out)");
            t->dropped++;
            continue;
        }
        move_row(t, kept++, i);
    }
    t->rows = kept;
    return ANL_OK;
}

/* Rows in order of time, none twice. */
static anl_status check_order(anl__table *t, const anl__table_opts *o)
{
    const double *time = t->column[t->time].value;
    int64_t kept = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        if (kept && time[i] < time[kept - 1])
            return anl__fail(t->ctx, ANL_DATA, "%s:%lld: column %s: the time lies before that of line %lld: sort the rows first", t->path,
                             (long long)t->line[i], t->column[t->time].name, (long long)t->line[kept - 1]);
        if (kept && time[i] == time[kept - 1]) {
            if (!t->doubled++) t->first_doubled = t->line[i];
            if (o->doubled == ANL__DOUBLED_REFUSE)
                return anl__fail(t->ctx, ANL_DATA, "%s:%lld: column %s: the same time as line %lld (data.doubled: drop keeps the first)", t->path, (long long)t->line[i],
                                 t->column[t->time].name, (long long)t->line[kept - 1]);
            continue;
        }
        move_row(t, kept++, i);
    }
    t->rows = kept;
    return ANL_OK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static anl_status find_step(anl__table *t)
{
    const double *time = t->column[t->time].value;
    if (t->rows < 2) return ANL_OK;
    double *d = anl__calloc(t->ctx, (size_t)t->rows - 1, sizeof *d);
    if (!d) return ANL_NOMEM;
    for (int64_t i = 1; i < t->rows; i++) d[i - 1] = time[i] - time[i - 1];
    qsort(d, (size_t)t->rows - 1, sizeof *d, compare);
    t->step = d[(t->rows - 1) / 2];
    anl__free(t->ctx, d);
    return ANL_OK;
}

/* How many rows are missing between row i - 1 and row i. */
static double skipped(const anl__table *t, int64_t i)
{
    const double *time = t->column[t->time].value;
    double steps = (time[i] - time[i - 1]) / t->step;
    return steps > 1.5 ? round(steps) - 1 : 0;
}

static anl_status count_gaps(anl__table *t, const anl__table_opts *o, double *rows)
{
    for (int64_t i = 1; i < t->rows; i++) {
        double n = skipped(t, i);
        if (n <= 0) continue;
        if (!t->gaps++) t->first_gap = t->line[i];
        *rows += n;
        if (o->gaps == ANL__GAPS_REFUSE)
            return anl__fail(t->ctx, ANL_DATA, "%s:%lld: column %s: a gap of %.0f rows before this one (the step is %g s; data.gaps: keep or fill)", t->path,
                             (long long)t->line[i], t->column[t->time].name, n, t->step);
    }
    return ANL_OK;
}

static anl_status grow_rows(anl__table *t, int64_t rows)
{
    size_t old = (size_t)t->rows, now = (size_t)rows;
    int64_t *line = anl__realloc(t->ctx, t->line, old * sizeof *line, now * sizeof *line);
    if (!line) return ANL_NOMEM;
    t->line = line;
    for (int i = 0; i < t->columns; i++) {
        anl__column *c = &t->column[i];
        if (c->value) {
            double *v = anl__realloc(t->ctx, c->value, old * sizeof *v, now * sizeof *v);
            if (!v) return ANL_NOMEM;
            c->value = v;
        }
        if (c->code) {
            int32_t *v = anl__realloc(t->ctx, c->code, old * sizeof *v, now * sizeof *v);
            if (!v) return ANL_NOMEM;
            c->code = v;
        }
    }
    return ANL_OK;
}

static void empty_row(anl__table *t, int64_t row, double time)
{
    t->line[row] = 0;
    for (int i = 0; i < t->columns; i++) {
        if (t->column[i].value) t->column[i].value[row] = NAN;
        if (t->column[i].code) t->column[i].code[row] = -1;
    }
    t->column[t->time].value[row] = time;
}

/* From the end, so that nothing is overwritten before it has moved. */
static anl_status fill_gaps(anl__table *t, double rows)
{
    if (rows > 10.0 * (double)t->rows + 1000)
        return anl__fail(t->ctx, ANL_DATA, "%s: the gaps in column %s would take %.0f rows to fill, for %lld that there are", t->path,
                         t->column[t->time].name, rows, (long long)t->rows);
    t->gap_rows = (int64_t)rows;
    ANL_TRY(grow_rows(t, t->rows + t->gap_rows));
    const double *time = t->column[t->time].value;
    int64_t to = t->rows + t->gap_rows;
    for (int64_t i = t->rows - 1; i >= 0; i--) {
        int64_t n = i ? (int64_t)skipped(t, i) : 0;
        double before = i ? time[i - 1] : 0;
        move_row(t, --to, i);
        for (int64_t k = n; k >= 1; k--) empty_row(t, --to, before + (double)k * t->step);
    }
    t->rows += t->gap_rows;
    return ANL_OK;
}

/* ---- missing values --------------------------------------------------------------------------- */

static anl_status drop_missing(anl__table *t)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        bool whole = true;
        for (int c = 0; c < t->columns && whole; c++) whole = !is_missing(&t->column[c], i);
        if (whole)
            move_row(t, kept++, i);
        else
            t->dropped++;
    }
    t->rows = kept;
    return kept ? ANL_OK : anl__fail(t->ctx, ANL_DATA, "%s: every row has a missing value: none is left", t->path);
}

static void copy_value(anl__column *c, int64_t to, int64_t from)
{
    if (c->code)
        c->code[to] = c->code[from];
    else
        c->value[to] = c->value[from];
}

static void between(anl__column *c, int64_t before, int64_t row, int64_t after)
{
    double part = (double)(row - before) / (double)(after - before);
    c->value[row] = c->value[before] + part * (c->value[after] - c->value[before]);
}

/* Rows [from, to) of a column are missing, those beside them are not. */
static anl_status fill_run(anl__table *t, int column, int64_t from, int64_t to, anl__missing how)
{
    anl__column *c = &t->column[column];
    bool line = how == ANL__MISSING_INTERPOLATE && !c->code;
    if (from == 0 && (!line || to == t->rows))
        return fail_at(t, 0, column, to == t->rows ? "the column has no value at all" : "the first value is missing: there is none before it to fill it from");
    for (int64_t i = from; i < to; i++) {
        if (line && from > 0 && to < t->rows)
            between(c, from - 1, i, to);
        else
            copy_value(c, i, from > 0 ? from - 1 : to);
        t->filled++;
    }
    return ANL_OK;
}

static anl_status fill_column(anl__table *t, int column, anl__missing how)
{
    const anl__column *c = &t->column[column];
    for (int64_t i = 0; i < t->rows; i++) {
        if (!is_missing(c, i)) continue;
        int64_t to = i + 1;
        if (how == ANL__MISSING_REFUSE)
            return t->line[i] ? fail_at(t, i, column, "the value is missing (data.missing: drop, ffill or interpolate)") :
                                anl__fail(t->ctx, ANL_DATA, "%s: column %s: rows put into gaps have no value (data.missing: drop, ffill or interpolate)", t->path, c->name);
        while (to < t->rows && is_missing(c, to)) to++;
        ANL_TRY(fill_run(t, column, i, to, how));
        i = to;
    }
    return ANL_OK;
}

anl_status anl__table_repair(anl__table *t, const anl__table_opts *o)
{
    double rows = 0;
    if (t->time >= 0) {
        ANL_TRY(drop_timeless(t, o));
        ANL_TRY(check_order(t, o));
        ANL_TRY(find_step(t));
        ANL_TRY(count_gaps(t, o, &rows));
        if (o->gaps == ANL__GAPS_FILL && rows > 0) ANL_TRY(fill_gaps(t, rows));
    }
    if (t->rows < 1) return anl__fail(t->ctx, ANL_DATA, "%s: no row is left", t->path);
    if (o->missing == ANL__MISSING_DROP) return drop_missing(t);
    for (int i = 0; i < t->columns; i++) ANL_TRY(fill_column(t, i, o->missing));
    return ANL_OK;
}
