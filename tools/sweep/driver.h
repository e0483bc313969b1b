/* The driver of a sweep: starts trials as processes, follows them, decides, and writes the store. Its
 * decisions depend on the store and on what trials reported, so that one that was killed is continued by the
 * next.
 *
 * One driver a directory (an OS lock). Runs in the calling process, which gets signal handlers.
 */
#ifndef SWEEP_DRIVER_H
#define SWEEP_DRIVER_H

#include "sweep_store.h"

typedef enum driver_end {
    DRIVER_FINISHED,    /* the budget is used up, or the grid is at its end */
    DRIVER_STOPPED,     /* `anneal sweep stop` */
    DRIVER_INTERRUPTED, /* a signal: every trial has a checkpoint */
    DRIVER_TWICE        /* two signals */
} driver_end;

typedef struct driver_opts {
    const char *recipe;  /* the sweep's file; NULL: the one that `dir` holds */
    const char *dir;     /* NULL: sweeps/ + the file's stem */
    const char *program; /* what trials are started with: anneal */
    bool plain;          /* lines, even on a terminal */
} driver_opts;

/* ANL_RECIPE: the file's mistakes, another sweep in the directory (what differs, and where to go), an
   objective that no trial reports. LOCKED: another driver is at work there. */
anl_status driver_run(anl_ctx *ctx, const driver_opts *o, driver_end *end) ANL_MUST;
/* "sweeps/name" of "a/name.yaml"; in the arena. */
char *driver_default_dir(anl__arena *a, const char *path);
/* The recipe, store and trials of a directory, for reading. */
typedef struct sweep_open {
    sweep_recipe *recipe;
    store *store;
    sweep_state state;
} sweep_open;
anl_status sweep_open_dir(anl_ctx *ctx, const char *dir, sweep_open *out) ANL_MUST;
void sweep_close(sweep_open *s);
/* A request to the driver at work in `dir`, or to the next one: "add key=value ...", "stop", "stop N". */
anl_status sweep_request(anl_ctx *ctx, const char *dir, const char *text) ANL_MUST;
/* "DIR/trials/0007", with "/part1" or "/gen2" where trials have those; in the arena. */
char *sweep_run_dir(anl__arena *a, const sweep_recipe *r, const char *dir, const sweep_trial *t, int part);

#endif
