/* What a trained model of sequences says to something new: a translation, a continued text, a continued series, a class.
 * The job was opened with job_opts.answer, so that the programs for it are compiled.
 */
#ifndef JOB_ANSWER_H
#define JOB_ANSWER_H

#include "job_sequence.h"

/* What the trainer must compile for answers: appends to sizes (`n` are there), returns their number. */
int job_answer_sizes(job *j, anl__size *sizes, int n, int most);

typedef struct job_translation {
    const char *text;       /* in */
    char *answer;           /* out; freed with anl__free */
    double log_probability; /* natural, of the answer with its end */
    int64_t unknown;        /* tokens of the text that the vocabulary lacks */
} job_translation;
enum { JOB_MOST_BEAM = 64 };
/* Pairs: beam 1 is greedy, JOB_MOST_BEAM the widest. ANL_DATA: a text that is empty or longer than the model was compiled for. */
anl_status job_translate(job *j, job_translation *t, int64_t n, int beam) ANL_MUST;

typedef struct job_generation {
    const char *prompt;
    int64_t length;     /* tokens to add */
    double temperature; /* 0: always the likeliest */
    int64_t top_k;      /* 0: all */
    uint64_t seed;
} job_generation;
/* Text: appends what follows the prompt. The prompt's unknown symbols are counted. */
anl_status job_generate(job *j, const job_generation *o, anl__buf *out, int64_t *unknown) ANL_MUST;

/* Series: the next `horizon` rows behind the table's end: raw [horizon, targets]. */
anl_status job_forecast(job *j, double *raw) ANL_MUST;

/* What the model says of every item of a part, in the loader's order; y is valid during the call only. */
typedef void (*job_output_fn)(void *self, int64_t item, const float *y);
anl_status job_outputs(job *j, job_part part, job_output_fn fn, void *self) ANL_MUST;

void job_softmax(const float *y, int n, double *p);
/* Labelled texts: softmax over the classes; *unknown of the tokens are not in the vocabulary, *cut stand behind the longest text of
   the data and are not read. */
anl_status job_classify(job *j, const char *text, double *probability, int64_t *unknown, int64_t *cut) ANL_MUST;

#endif
