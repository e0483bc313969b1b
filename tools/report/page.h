/* What every report's page is made of: its head with the style, cells of tables, a way from point to point. One file that
 * needs nothing else: no script, no font, no network.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "svg.h"

/* Up to the heading "<what> <name>"; ended by page_end. refresh: seconds after which a browser reads the page again; 0: never. */
void page_begin(anl__buf *out, const char *what, const char *name, int refresh);
void page_end(anl__buf *out);
/* <tag>text</tag>, the text escaped. */
void page_cell(anl__buf *out, const char *tag, const char *text);
/* A cell with six digits; an empty one for NaN. */
void page_number(anl__buf *out, double v);
/* A small grey paragraph. */
void page_note(anl__buf *out, const char *text);

/* A line through points, which hint names when it is pointed at: page_way_begin, svg points ("x,y "), page_way_end.
   dash: NULL or as of stroke-dasharray. */
void page_way_begin(anl__buf *out, const char *colour, const char *dash);
void page_way_end(anl__buf *out, const char *hint);

#endif
