/* Scores for people (a table) and for programs (JSON). */
#ifndef SHOW_SCORES_H
#define SHOW_SCORES_H

#include "runtime/train/scores.h"

#include <cjson/cJSON.h>
#include <stdio.h>

/* names: [classes] or NULL. A line of totals, a table a class, the confusion matrix of up to 20 classes. */
void scores_print(FILE *out, anl__scores *s, const char *const *names);
/* Adds the scores to a JSON object. */
void scores_json(anl__scores *s, const char *const *names, cJSON *o);
/* A number, or null where it is not finite: JSON has no NaN. */
void scores_number(cJSON *o, const char *name, double v);
/* The object in one line. */
anl_status scores_write(const cJSON *o, anl__buf *out) ANL_MUST;

#endif
