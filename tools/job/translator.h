/* A trained encoder and decoder that answers texts: the source is read once, then the decoder goes step by step, its states following
 * the hypotheses of a beam search. It has programs of its own, in fp32, over copies of the job's parameters.
 */
#ifndef TRANSLATOR_H
#define TRANSLATOR_H

#include "job_answer.h"

enum { TRANSLATOR_ROWS = JOB_MOST_BEAM }; /* hypotheses of a step, over all its texts */

typedef struct translator translator;

/* For sources of at most `steps` tokens, `beam` (1 to TRANSLATOR_ROWS) hypotheses each; the job's trainer holds the weights. */
anl_status translator_create(job *j, int64_t steps, int beam, translator **out) ANL_MUST;
void translator_destroy(translator *t);
int64_t translator_texts(const translator *t); /* how many are answered at once */
int64_t translator_longest(const translator *t); /* tokens of an answer */

/* Answers n (at most translator_texts) sources: ids of n texts; answer [n, longest], padded with -1; log_probability [n]. */
anl_status translator_run(translator *t, const anl__ids *source, int64_t n, int32_t *answer, double *log_probability) ANL_MUST;

#endif
