/* A run as the command line sees it: which directory, which recipe, new, resumed or finished. */
#ifndef RUN_H
#define RUN_H

#include "runtime/state/checkpoint.h"
#include "runtime/state/run_dir.h"
#include "tools/job/job.h"

typedef struct run {
    anl_ctx *ctx;
    anl__arena *arena;
    const char *path;  /* the directory */
    recipe *recipe;    /* resolved */
    anl__run_dir *dir; /* locked */
    const char *mirror; /* this run's own place in checkpoint.mirror; NULL: none */
    anl__ckpt *from;   /* the newest checkpoint that verifies; NULL: a new run */
    const char *from_where; /* "" or where a copy was taken from */
} run;

typedef struct run_opts {
    const char *what;            /* recipe's path, or a run's directory */
    const char *dir;             /* --run, or NULL */
    const char *const *override;
    int n_override;
    bool change;                 /* --change */
} run_opts;

/* Loads the recipe, finds and locks the directory, refuses a recipe that differs from the stored one, and opens the newest
   checkpoint (here, in the mirror, or fetched by resume.command). run_close frees whatever is there. A directory that it made is gone
   again when it fails. */
anl_status run_open(anl_ctx *ctx, const run_opts *o, run *out) ANL_MUST;
/* Its training begins: an earlier failure is forgotten. */
void run_begins(run *r);
/* Its training failed, after a step or more (`trained`) or before. A start that failed before takes away what it made, the directory with
   it; otherwise failed.txt says why, and a run that could have gone on stays as it was. */
void run_failed(run *r, bool trained, const char *why);
void run_close(run *r);
/* The run as a word for the shell, in a command that is to be copied. */
const char *run_word(const run *r);
/* The recipe stored in a run's directory; no lock. */
anl_status run_recipe(anl_ctx *ctx, const char *dir, const char *const *override, int n_override, recipe **out) ANL_MUST;

#endif
