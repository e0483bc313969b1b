/* What is reported of a model of sequences besides its loss, each beside an honest neighbour: errors in the series' own units beside
 * the season before, the last value and ridge regression; BLEU, chrF and exact answers beside the answer of the nearest known
 * source; bits a character beside those of programs that compress; logistic regression beside a classifier, and a threshold chosen on validation. */
#ifndef SEQUENCE_REPORT_H
#define SEQUENCE_REPORT_H

#include "tools/job/job_sequence.h"

#include <cjson/cJSON.h>

/* For a part of the data: appends lines for a person to out; none for models that need nothing more. scores: of the
   part, with samples kept. Adds names and numbers to json, for the object of scores. Pairs: the job was compiled with answers. */
anl_status sequence_report(job *j, job_part part, anl__scores *scores, anl__buf *out, cJSON *json) ANL_MUST;

#endif
