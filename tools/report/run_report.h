/* The report of one run, and the comparison of several: one page, which needs nothing else. */
#ifndef REPORT_RUN_REPORT_H
#define REPORT_RUN_REPORT_H

#include "run_shown.h"

enum { RUN_REPORT_MOST = 200 /* runs on a page */, RUN_REPORT_REFRESH = 10 /* seconds, while a run is trained */ };

/* Adds the page; what is wrong is in out's status, too. Changes the runs' names to what distinguishes them. */
anl_status run_report_page(anl_ctx *ctx, run_shown *const *s, int n, anl__buf *out) ANL_MUST;
/* The same into a file, replaced as a whole. IO: it cannot be written. */
anl_status run_report_write(anl_ctx *ctx, run_shown *const *s, int n, const char *path) ANL_MUST;

#endif
