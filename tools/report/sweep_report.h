/* The report of a sweep: DIR/report.html, one file that needs nothing else, and the same as CSV in
 * DIR/report/. */
#ifndef REPORT_SWEEP_REPORT_H
#define REPORT_SWEEP_REPORT_H

#include "tools/sweep/driver.h"

/* IO when it cannot be written. */
anl_status sweep_report(anl_ctx *ctx, const char *dir) ANL_MUST;

#endif
