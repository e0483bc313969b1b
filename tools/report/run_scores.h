/* The scores that a run ended with (test.json or validation.json) as tables: classes with the confusion matrix, and whatever
 * else the file holds. */
#ifndef REPORT_RUN_SCORES_H
#define REPORT_RUN_SCORES_H

#include "page.h"

#include <cjson/cJSON.h>

/* scores: an object; fields of unknown names and forms are shown, too. */
void run_scores(const cJSON *scores, anl__buf *out);

#endif
