/* Scores for people (a table) and for programs (JSON). */
#ifndef SHOW_SCORES_H
#define SHOW_SCORES_H

#include "runtime/train/scores.h"

#include <stdio.h>

/* names: [classes] or NULL. A line of totals, a table a class, the confusion matrix of up to 20 classes. */
void scores_print(FILE *out, anl__scores *s, const char *const *names);
/* One JSON object; more: ", \"name\": value" pairs that go into it, or NULL. */
anl_status scores_json(anl__scores *s, const char *const *names, const char *more, anl__buf *out) ANL_MUST;

#endif
