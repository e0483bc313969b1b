/* Reading separated text in place (csv.h): one pass finds the cells and takes their quotes off. It knows no types. */
#include "datasets/csv.h"

#include "datasets/utf8.h"
#include "runtime/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

anl__csv_opts anl__csv_opts_default(void)
{
    anl__csv_opts o = {.quotes = true, .header = true, .max_bytes = (size_t)4 << 30, .max_line = 16 << 20, .max_cell = 1 << 20, .max_columns = 4096};
    return o;
}

typedef struct reader {
    anl__csv *c;
    const anl__csv_opts *o;
    char separator;
    char *at, *end; /* *end is 0 */
    int64_t line;   /* of `at` */
    /* the row being read */
    int64_t row_line, column; /* column from 0 */
    char *row_begin;
    int64_t cells, cap, line_cap; /* of c->cell, c->line, incl. the header */
} reader;

/* ---- messages --------------------------------------------------------------------------------- */

anl_status anl__csv_fail(const anl__csv *c, int64_t row, int64_t column, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    anl_status st = anl__failv(c->ctx, ANL_DATA, fmt, ap);
    va_end(ap);
    return anl__context(c->ctx, st, "%s:%lld: column %.200s", c->path, (long long)c->line[row], c->name[column]);
}

/* For a file that is still being read: the column by name when the header is known, else by number. */
static anl_status fail_here(const reader *r, const char *what)
{
    char number[32];
    const char *name = number;
    snprintf(number, sizeof number, "%lld", (long long)r->column + 1);
    if (r->o->header && r->c->columns && r->column < r->c->columns) name = r->c->cell[r->column];
    return anl__fail(r->c->ctx, ANL_DATA, "%s:%lld: column %.200s: %s", r->c->path, (long long)r->line, name, what);
}

/* ---- one pass --------------------------------------------------------------------------------- */

static bool at_row_end(const reader *r)
{
    return r->at == r->end || *r->at == '\n' || (*r->at == '\r' && r->at[1] == '\n');
}

/* A quoted cell: `at` is behind the quote. The text moves down over the doubled quotes. */
static anl_status quoted(reader *r, char **cell, char **cell_end)
{
    char *to = r->at;
    int64_t begin = r->line;
    *cell = to;
    for (;; r->at++) {
        if (r->at == r->end) {
            r->line = begin;
            return fail_here(r, "the quote that begins here never ends");
        }
        if (*r->at == '"' && r->at[1] != '"') break;
        if (*r->at == '"') r->at++;
        if (*r->at == '\n') r->line++;
        if ((size_t)(to - *cell) >= r->o->max_cell) return fail_here(r, "the cell is larger than allowed (a quote that never ends?)");
        *to++ = *r->at;
    }
    r->at++;
    *cell_end = to;
    if (!at_row_end(r) && *r->at != r->separator) return fail_here(r, "text follows the closing quote");
    return ANL_OK;
}

static anl_status plain(reader *r, char **cell, char **cell_end)
{
    *cell = r->at;
    while (!at_row_end(r) && *r->at != r->separator) r->at++;
    *cell_end = r->at;
    return ANL_OK;
}

static anl_status check_cell(reader *r, const char *cell, const char *end)
{
    size_t bytes = (size_t)(end - cell);
    if (bytes > r->o->max_cell) return fail_here(r, "the cell is larger than allowed");
    if (memchr(cell, 0, bytes)) return fail_here(r, "a NUL byte: this is no text");
    size_t bad = anl__utf8_bad(cell, bytes);
    if (bad == bytes) return ANL_OK;
    char what[96];
    snprintf(what, sizeof what, "invalid UTF-8: byte 0x%02x at %zu of the cell", (unsigned char)cell[bad], bad + 1);
    return fail_here(r, what);
}

static anl_status add_cell(reader *r, char *cell)
{
    if (r->column >= r->o->max_columns) return fail_here(r, "more columns than allowed");
    ANL_TRY(anl__grow(r->c->ctx, &r->c->cell, &r->cap, r->cells + 1, sizeof *r->c->cell));
    r->c->cell[r->cells++] = cell;
    return ANL_OK;
}

static anl_status end_row(reader *r)
{
    anl__csv *c = r->c;
    if ((size_t)(r->at - r->row_begin) > r->o->max_line) {
        r->line = r->row_line;
        return fail_here(r, "the line is longer than allowed");
    }
    if (!c->columns) c->columns = r->column;
    if (r->column != c->columns)
        return anl__fail(c->ctx, ANL_DATA, "%s:%lld: %lld cells, but the first row has %lld: the file is ragged%s", c->path, (long long)r->row_line, (long long)r->column,
                         (long long)c->columns, c->columns == 1 && strchr(c->cell[0], ';') ? " (cells are separated by commas, not by semicolons)" : "");
    ANL_TRY(anl__grow(c->ctx, &c->line, &r->line_cap, c->rows + 1, sizeof *c->line));
    c->line[c->rows++] = r->row_line;
    return ANL_OK;
}

static anl_status read_row(reader *r)
{
    r->row_line = r->line;
    r->row_begin = r->at;
    r->column = 0;
    for (;;) {
        char *cell = NULL, *cell_end = NULL;
        bool in_quotes = r->o->quotes && *r->at == '"' && r->at < r->end;
        if (in_quotes) r->at++;
        ANL_TRY(in_quotes ? quoted(r, &cell, &cell_end) : plain(r, &cell, &cell_end));
        bool last = at_row_end(r);
        ANL_TRY(check_cell(r, cell, cell_end));
        ANL_TRY(add_cell(r, cell));
        r->column++;
        if (last) {
            ANL_TRY(end_row(r));
            if (r->at < r->end && *r->at == '\r') r->at++;
            if (r->at < r->end) r->at++;
            *cell_end = 0; /* after the newline has been looked at */
            r->line++;
            return ANL_OK;
        }
        r->at++;
        *cell_end = 0;
    }
}

static anl_status read_rows(reader *r)
{
    if (anl__utf16(r->at, (size_t)(r->end - r->at))) return anl__fail(r->c->ctx, ANL_DATA, "%s is UTF-16: save it as UTF-8", r->c->path);
    if (r->end == r->at) return anl__fail(r->c->ctx, ANL_DATA, "%s: the file is empty", r->c->path);
    if (r->end - r->at >= 3 && memcmp(r->at, "\xEF\xBB\xBF", 3) == 0) r->at += 3;
    while (r->end > r->at && (r->end[-1] == '\n' || r->end[-1] == '\r')) r->end--;
    *r->end = 0;
    while (r->at < r->end) ANL_TRY(read_row(r));
    if (r->c->rows < (r->o->header ? 2 : 1)) return anl__fail(r->c->ctx, ANL_DATA, "%s: there are no rows%s", r->c->path, r->o->header ? " below the header" : "");
    return ANL_OK;
}

/* ---- names ------------------------------------------------------------------------------------ */

static anl_status number_names(anl__csv *c)
{
    enum { DIGITS = 24 };
    c->name_text = anl__calloc(c->ctx, (size_t)c->columns, DIGITS);
    c->name = anl__calloc(c->ctx, (size_t)c->columns, sizeof *c->name);
    if (!c->name_text || !c->name) return ANL_NOMEM;
    for (int64_t i = 0; i < c->columns; i++) {
        c->name[i] = c->name_text + i * DIGITS;
        snprintf(c->name[i], DIGITS, "%lld", (long long)i + 1);
    }
    return ANL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static anl_status check_names(const anl__csv *c)
{
    char **sorted = anl__calloc(c->ctx, (size_t)c->columns, sizeof *sorted);
    anl_status st = ANL_OK;
    if (!sorted) return ANL_NOMEM;
    memcpy(sorted, c->name, (size_t)c->columns * sizeof *sorted);
    qsort(sorted, (size_t)c->columns, sizeof *sorted, by_name);
    for (int64_t i = 1; i < c->columns && st == ANL_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            st = anl__fail(c->ctx, ANL_DATA, "%s:1: two columns have the name \"%.200s\"", c->path, sorted[i]);
    anl__free(c->ctx, sorted);
    return st;
}

/* The first row's cells become the names. */
static anl_status header_names(anl__csv *c)
{
    c->name = anl__calloc(c->ctx, (size_t)c->columns, sizeof *c->name);
    if (!c->name) return ANL_NOMEM;
    memcpy(c->name, c->cell, (size_t)c->columns * sizeof *c->name);
    c->rows--;
    memmove(c->cell, c->cell + c->columns, (size_t)(c->rows * c->columns) * sizeof *c->cell);
    memmove(c->line, c->line + 1, (size_t)c->rows * sizeof *c->line);
    return check_names(c);
}

int64_t anl__csv_find(const anl__csv *c, const char *column)
{
    for (int64_t i = 0; i < c->columns; i++)
        if (strcmp(c->name[i], column) == 0) return i;
    char *end = NULL;
    long long number = strtoll(column, &end, 10);
    return *column && !*end && number >= 1 && number <= c->columns ? number - 1 : -1;
}

/* A header of one column that holds another separator. */
static const char *hint(const anl__csv *c)
{
    const char *wrong = c->columns == 1 ? strpbrk(c->name[0], ";\t|") : NULL;
    if (!wrong) return "";
    return *wrong == '\t' ? " (cells are separated by tabs in files named .tsv or .tab)" : " (cells are separated by commas, or by tabs in files named .tsv)";
}

anl_status anl__csv_need(const anl__csv *c, const char *column, int64_t *out)
{
    *out = anl__csv_find(c, column);
    if (*out >= 0) return ANL_OK;
    const char *near = anl__nearest(column, (const char *const *)c->name, (int)c->columns);
    if (near) return anl__fail(c->ctx, ANL_DATA, "%s has no column \"%s\"; did you mean \"%s\"?", c->path, column, near);
    char list[200];
    size_t n = 0;
    *list = 0;
    for (int64_t i = 0; i < c->columns && n < sizeof list; i++) n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"", i ? ", " : "", c->name[i]);
    return anl__fail(c->ctx, ANL_DATA, "%s has no column \"%s\": its columns are %s%s%s", c->path, column, list, n < sizeof list ? "" : " ...", hint(c));
}

/* ---- opening ---------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Takes the text over, which has a 0 byte behind its end. */
static anl_status parse_owned(anl_ctx *ctx, const char *path, char *text, size_t bytes, const anl__csv_opts *opts, anl__csv **out)
{
    anl_status st = ANL_OK;
    anl__csv *c = anl__alloc(ctx, sizeof *c);
    if (!c) {
        anl__free(ctx, text);
        return ANL_NOMEM;
    }
    c->ctx = ctx;
    c->text = text;
    if (!(c->path = anl__strdup(ctx, path))) ANL_GO(ANL_NOMEM);
    reader r = {.c = c, .o = opts, .at = text, .end = text + bytes, .line = 1, .separator = opts->separator};
    if (!r.separator) r.separator = ends_with(path, ".tsv") || ends_with(path, ".tab") ? '\t' : ',';
    ANL_GO(read_rows(&r));
    ANL_GO(opts->header ? header_names(c) : number_names(c));
    *out = c;
    c = NULL;
done:
    anl__csv_close(c);
    return st;
}

anl_status anl__csv_open(anl_ctx *ctx, const char *path, const anl__csv_opts *opts, anl__csv **out)
{
    void *text;
    size_t bytes;
    if (!anl__path_exists(path)) return anl__fail(ctx, ANL_DATA, "%s: there is no such file", path);
    ANL_TRY(anl__file_read(ctx, path, opts->max_bytes, &text, &bytes));
    return parse_owned(ctx, path, text, bytes, opts, out);
}

anl_status anl__csv_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__csv_opts *opts, anl__csv **out)
{
    if (bytes > opts->max_bytes) return anl__fail(ctx, ANL_DATA, "%s: %zu bytes are more than allowed (%zu)", path, bytes, opts->max_bytes);
    char *copy = anl__alloc(ctx, bytes + 1);
    if (!copy) return ANL_NOMEM;
    if (bytes) memcpy(copy, text, bytes);
    return parse_owned(ctx, path, copy, bytes, opts, out);
}

void anl__csv_close(anl__csv *c)
{
    if (!c) return;
    anl__free(c->ctx, c->name);
    anl__free(c->ctx, c->name_text);
    anl__free(c->ctx, c->cell);
    anl__free(c->ctx, c->line);
    anl__free(c->ctx, c->text);
    anl__free(c->ctx, c->path);
    anl__free(c->ctx, c);
}
