/* A run as its report shows it: what its directory holds, read without its lock. */
#ifndef REPORT_RUN_SHOWN_H
#define REPORT_RUN_SHOWN_H

#include "run_log.h"
#include "tools/recipe/recipe.h"

#include <cjson/cJSON.h>

/* How far it is, as whoever asks knows it. */
typedef struct run_state {
    const char *word;    /* "training", "finished", "interrupted", ... */
    const char *why;     /* a sentence more, or NULL */
    int64_t epoch, step; /* done; 0: as its log says */
    double seconds;      /* trained; 0: as its log says */
    const char *metric;  /* that the best is chosen by; "": the last is the best; NULL: not known. Need not live on */
    bool live;           /* it is being trained: the page is read again */
    const char *raise;   /* nothing is left to do unless this key is raised; NULL: something is */
} run_state;

typedef struct run_shown {
    anl_ctx *ctx;
    const char *dir, *name; /* borrowed; name: what distinguishes it from the others */
    const recipe *recipe;   /* borrowed; resolved */
    run_state state;
    run_log log;
    char *environment, *changes; /* the files' texts; NULL: none */
    cJSON *scores;               /* test.json or validation.json; NULL: none */
    const char *part;            /* "test" or "validation" */
    char *damage;                /* what is wrong with the scores' file; NULL: nothing */
    const char *metric;          /* chooses the best epoch; NULL: the last one is */
    int64_t best;                /* its row; -1: there are no rows */
} run_shown;

/* dir, recipe and the state's texts stay the caller's, and must live as long. IO: a file cannot be read. Damaged files are no
   failure: run_shown_notes says what is wrong. *out is freed by run_shown_close; NULL after a failure. */
anl_status run_shown_open(anl_ctx *ctx, const char *dir, const recipe *r, const run_state *s, run_shown **out) ANL_MUST;
void run_shown_close(run_shown *s);
/* A line of what is missing or damaged each; nothing where all is well. */
void run_shown_notes(const run_shown *s, anl__buf *out);
/* The best value so far at a row, by the metric; NaN: there is none. `lower`: is less better? */
double run_shown_value(const run_shown *s, int64_t row);
bool run_shown_lower(const run_shown *s);
/* "valid.loss" -> "loss", "lr" -> "lr". */
const char *run_metric_base(const char *name);

#endif
