/* CSV on stdout, a cell at a time (RFC 4180). Every table that `predict` prints has a first line of its columns' names, also
 * where no row follows.
 */
#ifndef CSV_LINE_H
#define CSV_LINE_H

#include "runtime/base/base.h"

/* Of the line that is being printed; {0} before the first. */
typedef struct csv_line {
    bool begun; /* it has a cell */
} csv_line;

void csv_text(csv_line *l, const char *text);                            /* in quotes where it needs them */
void csv_cell(csv_line *l, const char *fmt, ...) ANL_FORMAT(2, 3);       /* what needs none: numbers and our own names */
void csv_end(csv_line *l);

#endif
