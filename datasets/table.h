/* A table: typed columns of equal length from a CSV or TSV file, with what was missing, doubled or skipped in time found, counted
 * and either refused or repaired as the options say; never silently.
 *
 * Missing are: the empty cell, NA, NaN (any case) and ?. Times are ISO 8601: 2024-03-01, 2024-03-01T12:30, with seconds, a blank
 * for the T, and Z or an offset at the end; the date also as 2024/03/01, 2024.03.01 or 1.3.2024. Kept as seconds since 1970-01-01 UTC.
 * Where the mark does not say which number is the day (03/04/2024) nothing is guessed: the column is a category, and `undated` names it.
 *
 * A column that is not declared is a time if its first value is one, a number if at least half of its values are (the rest is
 * then refused: declare it a category), else a category. Errors as csv.h: ANL_DATA with file:line: column.
 */
#ifndef ANL_TABLE_H
#define ANL_TABLE_H

#include "datasets/csv.h"

typedef enum anl__column_kind { ANL__COLUMN_AUTO, ANL__COLUMN_NUMBER, ANL__COLUMN_CATEGORY, ANL__COLUMN_TIME } anl__column_kind;
typedef enum anl__missing { ANL__MISSING_REFUSE, ANL__MISSING_DROP, ANL__MISSING_FFILL, ANL__MISSING_INTERPOLATE } anl__missing;
typedef enum anl__doubled { ANL__DOUBLED_REFUSE, ANL__DOUBLED_DROP } anl__doubled;            /* drop: the first stays */
typedef enum anl__gaps { ANL__GAPS_REFUSE, ANL__GAPS_KEEP, ANL__GAPS_FILL } anl__gaps;        /* fill: rows of missing values */

enum { ANL__MAX_LEVELS = 100000 };

typedef struct anl__column {
    const char *name;
    anl__column_kind kind;
    double *value; /* [rows] numbers; times in seconds; NaN never after the table is open */
    int32_t *code; /* [rows] a category's level; NULL for others */
    char **level;  /* [levels] ascending by bytes; borrowed from the table */
    int32_t levels;
    int64_t missing; /* cells that were */
} anl__column;

typedef struct anl__table_opts {
    anl__csv_opts csv;
    /* What columns are, by name, ending with a NULL name; NULL: all by their content. */
    const struct anl__table_kind {
        const char *column;
        anl__column_kind kind;
    } *kinds;
    const char *time;           /* the column that orders the rows; NULL: the first time column, if any */
    const char *const *columns; /* only these (n_columns of them) are read beside the time; NULL: all */
    int n_columns;
    anl__missing missing;
    anl__doubled doubled;
    anl__gaps gaps;
} anl__table_opts;
anl__table_opts anl__table_opts_default(void); /* all columns, refuse, refuse, keep */

typedef struct anl__table {
    anl_ctx *ctx;
    char *path;
    int64_t rows;
    int columns;
    anl__column *column;
    int time;      /* column number of the time that orders the rows; -1: none */
    double step;   /* seconds between rows: the median difference; 0 without time */
    const char *undated, *undated_cell; /* a column whose first value looks like a date but is none that is understood, and that value; NULL: none */
    int64_t *line; /* [rows] of the file; 0: a row put into a gap */
    /* counted while reading */
    int64_t read, missing, filled, dropped, doubled, gaps, gap_rows;
    int64_t first_missing, first_doubled, first_gap; /* their lines; 0: none */
    anl__arena *arena;                               /* names and levels */
} anl__table;

/* ffill refuses a column that begins with a missing value; interpolation of values at an end takes the nearest. Categories are
   forward-filled by both. Rows that go back in time are always refused. */
anl_status anl__table_open(anl_ctx *ctx, const char *path, const anl__table_opts *opts, anl__table **out) ANL_MUST;
anl_status anl__table_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__table_opts *opts,
                            anl__table **out) ANL_MUST;
void anl__table_close(anl__table *t);
int anl__table_find(const anl__table *t, const char *column); /* -1: none */
/* What was read, found and repaired, in whole lines to show to a person. */
void anl__table_report(const anl__table *t, anl__buf *out);

/* Number (decimal point, no infinity) or time of a whole cell; false: it is none. */
bool anl__cell_number(const char *cell, double *out);
bool anl__cell_time(const char *cell, double *out);
bool anl__cell_missing(const char *cell);
/* Of a cell that is no time: does it look like a date all the same (03/13/2024, 13-03-24)? */
bool anl__cell_dated(const char *cell);

#endif
