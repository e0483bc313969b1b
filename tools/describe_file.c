/* See describe_file.h. Tables are read as text cells, so that nothing has to be declared and nothing is refused for what it means. */
#include "describe_file.h"

#include "datasets/hdf5.h"
#include "datasets/known.h"
#include "datasets/table.h"
#include "datasets/text.h"
#include "runtime/base/files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN = 5 /* values of a column */ };

bool describe_is_file(const char *set, char *path, size_t bytes)
{
    const anl__known_set *k = anl__path_exists(set) ? NULL : anl__known_find(set);
    if (k) {
        bool sequences = anl__known_sequences(k);
        if (sequences) anl__known_where(k, path, bytes);
        return sequences;
    }
    snprintf(path, bytes, "%s", set);
    return anl__path_exists(set) && !anl__path_is_dir(set) && !anl__hdf5_is(set);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* ---- a table ---------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

typedef struct value { const char *text; int64_t count; } value;

/* The different ones of n sorted texts, and the most frequent first (equal ones in the order of their bytes). */
static int64_t different(const char *const *sorted, int64_t n, value top[SHOWN])
{
    int64_t kinds = 0;
    for (int64_t from = 0, to; from < n; from = to, kinds++) {
        for (to = from + 1; to < n && !strcmp(sorted[to], sorted[from]); to++) continue;
        value v = {sorted[from], to - from};
        for (int i = 0; i < SHOWN; i++) {
            if (v.count <= top[i].count) continue;
            value was = top[i];
            top[i] = v;
            v = was;
        }
    }
    return kinds;
}

static void print_texts(const char **cell, int64_t n)
{
    value top[SHOWN] = {{0}};
    qsort(cell, (size_t)n, sizeof *cell, by_text);
    int64_t kinds = different(cell, n, top);
    printf("text, %lld different", (long long)kinds);
    for (int i = 0; i < SHOWN && kinds <= 1000 && top[i].count; i++) printf("%s %.24s %lld", i ? "," : ":", top[i].text, (long long)top[i].count);
    printf("%s\n", kinds <= 1000 && kinds > SHOWN ? ", ..." : "");
}

/* cell: room for the column's texts. */
static void print_column(const anl__csv *c, int64_t column, const char **cell)
{
    int64_t n = 0, numbers = 0;
    double least = INFINITY, most = -INFINITY, sum = 0, v;
    for (int64_t i = 0; i < c->rows; i++) {
        const char *text = anl__csv_get(c, i, column);
        if (anl__cell_missing(text)) continue;
        cell[n++] = text;
        if (!anl__cell_number(text, &v)) continue;
        numbers++;
        least = fmin(least, v);
        most = fmax(most, v);
        sum += v;
    }
    printf("  %-20s missing %lld, ", c->name[column], (long long)(c->rows - n));
    if (!n) printf("nothing else\n");
    else if (anl__cell_time(cell[0], &v)) printf("time, %s to %s\n", cell[0], cell[n - 1]);
    else if (numbers == n) printf("number, %.6g to %.6g, mean %.6g\n", least, most, sum / (double)n);
    else if (anl__cell_dated(cell[0])) printf("text that looks like dates, of which the day is not known: %s to %s (times are 2024-03-13 or 13.03.2024)\n", cell[0], cell[n - 1]);
    else print_texts(cell, n);
}

static anl_status describe_table(anl_ctx *ctx, const char *path)
{
    anl__csv_opts o = anl__csv_opts_default();
    anl__csv *c = NULL;
    o.quotes = !ends_with(path, ".tsv") && !ends_with(path, ".tab");
    ANL_TRY(anl__csv_open(ctx, path, &o, &c));
    const char **cell = anl__calloc(ctx, (size_t)c->rows + 1, sizeof *cell);
    if (cell) {
        printf("file         %s\nrows         %lld\ncolumns      %lld\n", path, (long long)c->rows, (long long)c->columns);
        for (int64_t i = 0; i < c->columns; i++) print_column(c, i, cell);
    }
    anl_status st = cell ? ANL_OK : ANL_NOMEM;
    anl__free(ctx, cell);
    anl__csv_close(c);
    return st;
}

/* ---- a text ----------------------------------------------------------------------------------- */

static anl_status describe_text(anl_ctx *ctx, const char *path)
{
    anl__text_opts o = anl__text_opts_default();
    anl__text *t = NULL;
    o.valid_from = o.test_from = 1;
    o.tokens.unk = false; /* it would count as a character */
    ANL_TRY(anl__text_open(ctx, path, &o, &t));
    printf("file         %s\nbytes        %zu\ncharacters   %lld, %d different\nsha256       %s\n", path, t->part[ANL__PART_TRAIN].bytes,
           (long long)t->part[ANL__PART_TRAIN].letters, anl__tokens_size(t->tokenizer), t->sha256);
    anl__text_close(t);
    return ANL_OK;
}

anl_status describe_file(anl_ctx *ctx, const char *path)
{
    bool table = ends_with(path, ".csv") || ends_with(path, ".tsv") || ends_with(path, ".tab");
    return table ? describe_table(ctx, path) : describe_text(ctx, path);
}
