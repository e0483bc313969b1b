/* Separated text (RFC 4180 and its TSV sibling): rows of cells, whole file in memory, decoded in place.
 *
 * A cell in double quotes may hold separators, newlines and doubled quotes. Lines end in LF or CRLF; a UTF-8 byte order mark is
 * skipped; there are no comments. Empty lines at the end of the file are ignored.
 *
 * Refused with ANL_DATA as "file:line: column NAME: ...": rows with more or fewer cells than the first, NUL bytes, invalid UTF-8,
 * cells or lines above the caps, a quote that never ends, text after a closing quote, two columns of one name. What a cell means
 * is table.h's business.
 */
#ifndef ANL_CSV_H
#define ANL_CSV_H

#include "runtime/base/base.h"

typedef struct anl__csv_opts {
    char separator;   /* 0: tab for a name that ends in .tsv or .tab, else comma */
    bool quotes;      /* false: a double quote is a letter as any other */
    bool header;      /* the first row names the columns; else they are "1", "2", ... */
    size_t max_bytes; /* of the file */
    size_t max_line;  /* bytes of a row */
    size_t max_cell;
    int64_t max_columns;
} anl__csv_opts;
anl__csv_opts anl__csv_opts_default(void); /* by name, quotes, header, 4 GiB, 16 MiB, 1 MiB, 4096 */

typedef struct anl__csv {
    anl_ctx *ctx;
    char *path;
    char *text; /* owned; cells lie in it */
    int64_t rows, columns;
    char **name;     /* [columns], borrowed from the text or owned below */
    char **cell;     /* [rows * columns], each ends with a 0 byte */
    int64_t *line;   /* [rows] line of the file where the row begins, from 1 */
    char *name_text; /* the names of a file without a header */
} anl__csv;

anl_status anl__csv_open(anl_ctx *ctx, const char *path, const anl__csv_opts *opts, anl__csv **out) ANL_MUST;
/* The same from memory (copied); `path` is for messages and the choice of separator. */
anl_status anl__csv_parse(anl_ctx *ctx, const char *path, const void *text, size_t bytes, const anl__csv_opts *opts,
                          anl__csv **out) ANL_MUST;
void anl__csv_close(anl__csv *c);

static inline const char *anl__csv_get(const anl__csv *c, int64_t row, int64_t column)
{
    return c->cell[row * c->columns + column];
}

/* By name, or by number from 1 where no column has that name; -1: none. */
int64_t anl__csv_find(const anl__csv *c, const char *column);
/* The same for a column that must be there: ANL_DATA with the nearest name. */
anl_status anl__csv_need(const anl__csv *c, const char *column, int64_t *out) ANL_MUST;
/* "path:line: column NAME: " before the message. */
anl_status anl__csv_fail(const anl__csv *c, int64_t row, int64_t column, const char *fmt, ...) ANL_FORMAT(4, 5);

#endif
