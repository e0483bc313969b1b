/* The inside of the driver; only driver*.c include this. */
#ifndef SWEEP_DRIVER_INSIDE_H
#define SWEEP_DRIVER_INSIDE_H

#include "driver.h"
#include "process.h"
#include "results.h"
#include "seen.h"

#include "runtime/state/run_dir.h"

typedef enum kill_reason { KILL_NONE, KILL_DECIDED, KILL_SILENT, KILL_LATE, KILL_SHUTDOWN } kill_reason;

enum { SHOW_LINES = 24 };

/* A process at work. */
typedef struct worker {
    pid_t pid; /* 0: this place is free */
    sweep_trial *trial;
    int beside; /* most others that were at work in its slot with it */
    int part, slot, place; /* place: which of the parallel ones, for its share of the CPUs */
    char *run;             /* its run's directory; freed with the worker */
    double began, sign;    /* monotonic seconds: start, last sign of life */
    int64_t size;          /* of its log and its rows, when that was */
    int64_t checkpoint;    /* that `last` named at its start; -1: none */
    int64_t rows;          /* rows of the trial at its start */
    kill_reason reason;
    bool ended;    /* its process has; what that had started may still be at work */
    int status;    /* of its end */
    double memory; /* MiB */
    bool dead;     /* all is over, and it is only read */
    double asked;  /* when SIGTERM was sent */
} worker;

typedef struct driver {
    anl_ctx *ctx;
    anl__arena *arena;
    const driver_opts *o;
    const char *dir, *mark; /* mark: the directory's absolute path */
    const char *base;       /* DIR/base.yaml */
    sweep_recipe *recipe;
    anl__run_dir *lock;
    store *store;
    sweep_state state;
    worker *worker;
    int n_workers; /* places: recipe->parallel */
    int *slot_use;  /* trials at work in each slot */
    int *slot_room; /* how many it takes at once: its `trials`, fewer once they did not fit into its device's
                       memory together */
    double began, seconds_before; /* monotonic; of earlier drivers */
    char **added; /* points of `add` that wait for a number, key=value lines; the store has them too */
    int64_t n_added, cap_added;
    const char *request; /* name of the last request that was read */
    bool stop;           /* asked by a request */
    bool out_of_budget;  /* no work is affordable any more */
    /* what is shown */
    bool terminal;
    int drawn;                     /* lines of the table that stands there, and how long each is */
    int drawn_length[SHOW_LINES];
    double drawn_at;
} driver;

double driver_now(void); /* monotonic seconds */

/* driver_open.c */
anl_status driver_open(driver *d) ANL_MUST;
void driver_close(driver *d);

/* driver_decide.c: each is one transaction. */
anl_status decide_pick(driver *d,
                       bool *work) ANL_MUST; /* one decision for a free place; *work: there was one */
/* Rows of the trial beyond those it has; judged in order up to its target. *stopped: it is to end now. */
anl_status decide_rows(driver *d, sweep_trial *t, int part, const trial_row *row, int64_t n,
                       bool *stopped) ANL_MUST;
/* Its process ended as it should, with all its rows taken. */
anl_status decide_reached(driver *d, sweep_trial *t, int part) ANL_MUST;
anl_status decide_failed(driver *d, sweep_trial *t, const char *why) ANL_MUST;
anl_status decide_again(driver *d, sweep_trial *t, const char *why, bool counts) ANL_MUST;
anl_status decide_stop(driver *d, sweep_trial *t, const char *why) ANL_MUST; /* by the user */

/* driver_work.c */
anl_status work_start(driver *d, sweep_trial *t) ANL_MUST;
anl_status work_poll(driver *d, worker *w) ANL_MUST; /* rows, signs of life */
bool work_lingers(worker *w);                        /* ended, but its own children are not */
anl_status work_ended(driver *d, worker *w) ANL_MUST;
void work_ask(worker *w, kill_reason why);              /* SIGTERM */
worker *work_of(const driver *d, const sweep_trial *t); /* NULL: it has no process */
int work_count(const driver *d);
bool work_has_room(const driver *d); /* for one more process */

/* driver_requests.c */
anl_status requests_load(driver *d) ANL_MUST; /* what the store has of them */
anl_status requests_read(driver *d) ANL_MUST;
/* The first added point; and, within a transaction, that it has become a trial. */
anl_status requests_first(driver *d, double *point) ANL_MUST;
anl_status requests_drop_first(driver *d) ANL_MUST;

/* driver_winner.c: the test part, once. */
anl_status winner_test(driver *d) ANL_MUST;

/* driver_show.c */
void show_trial(driver *d, const sweep_trial *t, const char *what);
void show_line(driver *d, const char *fmt, ...) ANL_FORMAT(2, 3);
void show_table(driver *d, bool now); /* on a terminal */
void show_finished(driver *d); /* a line: how many trials ended how */
void show_end(driver *d);

/* driver.c */
const sweep_trial *driver_best(const driver *d); /* NULL: none is complete */
int64_t driver_epochs_used(const driver *d);
double driver_seconds_used(const driver *d); /* by all drivers of this sweep */

/* driver_left.c */
double driver_seconds_left(const driver *d); /* NaN: nobody knows */

#endif
