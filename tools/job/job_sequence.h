/* The data of a job whose model reads sequences: what is opened depends on the model.
 *
 *   forecaster          a table (CSV, TSV) as a series of windows
 *   charlm, transformer a text as streams of tokens
 *   seq2seq             pairs of texts
 *   seqclassifier       texts or windows of values with a class
 */
#ifndef JOB_SEQUENCE_H
#define JOB_SEQUENCE_H

#include "datasets/labelled.h"
#include "datasets/pairs.h"
#include "datasets/sequence_loader.h"
#include "datasets/series.h"
#include "datasets/text.h"
#include "job.h"

typedef struct job_sequence { /* one of text, series, pairs, labelled is there */
    anl__text *text;
    anl__table *table;
    anl__series *series;
    anl__pairs *pairs;
    anl__labelled *labelled;
    anl__tokens *given[2];     /* of a checkpoint: source, target */
    anl__memory *given_memory; /* likewise, of pairs with data.similar */
    anl__memory *memory;       /* in use; NULL: none */
    anl__series_fit *fit;      /* of a checkpoint */
    const anl__tokens *tokens[2]; /* in use; NULL: none */
    anl__buckets buckets;
    int64_t length[ANL__MAX_BUCKETS + 1][2]; /* by variant; the last is for decoding */
    int decode_variant;        /* tokens: one sequence at a time, for answers; -1: none */
} job_sequence;

/* Opens the data, fills j->model.seq and the parts' feeds. */
anl_status job_sequence_open(job *j, const job_opts *o) ANL_MUST;
void job_sequence_close(job *j);

/* What a checkpoint must hold so that the model can be used without the data: names and texts. Texts live in the job's arena. */
enum { JOB_SEQUENCE_TEXTS = 5 };
typedef struct job_sequence_text {
    const char *name, *text;
} job_sequence_text;
anl_status job_sequence_texts(job *j, job_sequence_text out[JOB_SEQUENCE_TEXTS], int *n) ANL_MUST;

#endif
