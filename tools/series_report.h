/* Errors of a forecaster in the series' own units beside the season before, the last value and ridge regression. */
#ifndef SERIES_REPORT_H
#define SERIES_REPORT_H

#include "tools/job/job_sequence.h"

#include <cjson/cJSON.h>

/* As sequence_report (sequence_report.h). */
anl_status series_report(job *j, job_part part, anl__buf *out, cJSON *json) ANL_MUST;

#endif
