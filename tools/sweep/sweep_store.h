/* The store of a sweep: DIR/sweep.db, an SQLite file in WAL mode, written by the driver alone and read by
 * anybody at any time. It holds the trials, the rows that they reported, and the log of decisions;
 * docs/sweeps.md has the schema. Also the trials in memory, as the driver, the tables and the report see
 * them.
 *
 * Invariant: the trials in memory are what the store holds, so that a driver that died is continued from the
 * store. A file is a complete state: every decision is one transaction with all that follows from it.
 */
#ifndef SWEEP_STORE_H
#define SWEEP_STORE_H

#include "sweep_recipe.h"

typedef enum trial_status {
    STATUS_RUNNING, /* told to run to its target; its process may be dead */
    STATUS_WAITING, /* at its target, with a checkpoint; may go on */
    STATUS_COMPLETE,
    STATUS_PRUNED,
    STATUS_FAILED
} trial_status;
const char *trial_status_name(trial_status s);

enum { SWEEP_METRICS = SWEEP_MAX_OBJECTIVES + SWEEP_MAX_CONSTRAINTS };

/* What one part of a trial (a fold, a seed; or the whole of it) reported after one epoch: objectives, then
 * constraints; NaN where it did not. */
typedef struct trial_row {
    int part;
    int64_t epoch;
    double value[SWEEP_METRICS];
} trial_row;

typedef struct sweep_trial {
    int64_t number;     /* below 0: of the sweep that this one was warm-started from */
    const char *origin; /* "sampler", "point", "added", "warm" */
    double *values;     /* the point */
    trial_status status;
    int64_t target, step; /* told to run to; came to and was judged at. Steps are epochs, or parts */
    int64_t first_step, shown_step;  /* the first and the last target that it came to; 0: none */
    double first_value, shown_value; /* its first objective there */
    double objective[SWEEP_MAX_OBJECTIVES], deviation[SWEEP_MAX_OBJECTIVES]; /* complete ones; NaN: none */
    double constraint[SWEEP_MAX_CONSTRAINTS];                                /* as measured; NaN: unknown */
    const char *why;                                                         /* of its end */
    int tries;                   /* processes that died since it last came further */
    int64_t source, source_step; /* pbt: whose weights its present part began with; -1: none */
    int generation;              /* pbt: how often it took over */
    int64_t offset;              /* pbt: epochs before its present generation */
    double started, ended;       /* seconds since 1970; 0: not yet */
    double seconds;              /* its processes lived, in all */
    int64_t pid;                 /* of its process, or the last; 0: none yet */
    const char *slot;
    trial_row *row; /* ascending part and epoch */
    int64_t n_rows, cap_rows;
    double memory, parameters; /* largest of its parts; NaN: not measured */
} sweep_trial;

typedef struct sweep_state {
    anl_ctx *ctx;
    anl__arena *arena;
    const sweep_recipe *recipe;
    sweep_trial **trial; /* ascending numbers; warm ones first */
    int64_t n, cap;
    int64_t n_warm;
} sweep_state;

typedef struct store store;

/* write: creates the file when there is none. IO, FORMAT (of a newer version), INVALID (none there). */
anl_status store_open(anl_ctx *ctx, const char *dir, bool write, store **out) ANL_MUST;
void store_close(store *s);
anl_status store_begin(store *s) ANL_MUST;
anl_status store_commit(store *s) ANL_MUST;
void store_rollback(store *s);
/* NULL when there is no such key; the text is in the arena. */
anl_status store_meta(store *s, anl__arena *a, const char *key, const char **out) ANL_MUST;
anl_status store_put_meta(store *s, const char *key, const char *value) ANL_MUST;
anl_status store_put_trial(store *s, const sweep_recipe *r, const sweep_trial *t) ANL_MUST;
anl_status store_put_row(store *s, const sweep_recipe *r, const sweep_trial *t,
                         const trial_row *row) ANL_MUST;

/* The log of decisions. kind: start, propose, reach, go, wait, stop, exploit, end, retry, user, test. */
typedef struct log_entry {
    const char *kind;
    int64_t trial; /* -1: none */
    int64_t step, target;
    int64_t seen; /* propose: trials below this number were seen as they stood first (order: strict); -1: all,
                     as the log says up to here */
    double value;
    const char *why;
    const char
        *point; /* read only: the trial's point as JSON, of propose and exploit; the store itself adds it */
} log_entry;
anl_status store_log(store *s, const log_entry *e) ANL_MUST;
/* In order; the texts are valid during the call. */
anl_status store_each_log(store *s, anl_status (*each)(void *self, const log_entry *e), void *self) ANL_MUST;

/* A point's JSON ({"optim.lr":"0.01"}) as values; FORMAT, or RECIPE when it is none of this space. */
anl_status store_point(const sweep_state *s, const char *json, double *values) ANL_MUST;

/* All trials of the store. Their memory is the state's. */
anl_status sweep_state_load(anl_ctx *ctx, const sweep_recipe *r, store *s, sweep_state *out) ANL_MUST;
void sweep_state_free(sweep_state *s);
anl_status sweep_state_add(sweep_state *s, int64_t number, const char *origin, const double *values,
                           sweep_trial **out) ANL_MUST;
anl_status sweep_trial_add_row(sweep_state *s, sweep_trial *t, const trial_row *row) ANL_MUST;
sweep_trial *sweep_state_find(const sweep_state *s, int64_t number); /* NULL: none */
int64_t sweep_next_number(const sweep_state *s);

#endif
