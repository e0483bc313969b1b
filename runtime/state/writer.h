/* The asynchronous checkpoint writer. submit() copies the content and returns; a thread of the writer's own
 * makes <dir>/step-%09d.h5 of it (written beside, fsynced, read back, renamed), points `last` (and `best`) at
 * it and prunes. Then it is durable. A second thread, started only where there is a mirror or a command,
 * carries durable checkpoints away: a hanging file system or a slow upload never delays the next checkpoint,
 * only its own copy. It always takes the newest; those that came and went meanwhile are not carried.
 *
 * Both threads are named "anl-ckpt", block all signals, and use contexts of their own; the writer itself is
 * used by one thread, its owner's, who also holds the run's lock: nobody else writes into `dir` or `mirror`.
 * A failed write is an error (once, from the next submit or wait). A failed mirror or command is a warning,
 * never an error.
 */
#ifndef ANL_WRITER_H
#define ANL_WRITER_H

#include "checkpoint.h"

typedef struct anl__writer anl__writer;

typedef struct anl__writer_opts { /* every text is copied */
    const char *dir;              /* the run's checkpoints directory; made if missing */
    const char *mirror;           /* NULL: none; a second checkpoints directory, same protocol */
    const char *command;          /* NULL: none; run after a checkpoint became durable, with {file}, {run} */
    const char *run;              /* for {run}; NULL: "" */
    double command_timeout_s;     /* of one attempt */
    int command_retries;          /* attempts after the first */
    int keep;                     /* newest checkpoints that stay, besides last and best; >= 1 */
} anl__writer_opts;

/* INVALID for keep < 1 or no dir; IO when `dir` cannot be made (for a mirror that is a warning). */
anl_status anl__writer_create(anl_ctx *ctx, const anl__writer_opts *opts, anl__writer **out) ANL_MUST;
/* Waits until the one before is durable, copies everything the content points to (into buffers that are kept,
   so equal sizes allocate nothing from the second time on), and returns. `best`: the pointer `best` moves
   too. If an EARLIER write has failed, returns that failure, once, and takes nothing: call again. */
anl_status anl__writer_submit(anl__writer *w, const anl__ckpt_content *content, bool best) ANL_MUST;
/* Until all that was submitted is durable in `dir` (not: mirrored) and this writer does nothing there but
   read; the failure, if any, once. */
anl_status anl__writer_wait(anl__writer *w) ANL_MUST;
/* A rollback: waits as anl__writer_wait does, and for a copy to the mirror under way; then removes the
   checkpoints of later steps here and in the mirror (where a failure is a warning). */
anl_status anl__writer_remove_after(anl__writer *w, int64_t step) ANL_MUST;
/* Seconds the last finished write took, from taking it up until durable; 0 before the first. */
double anl__writer_seconds(const anl__writer *w);
/* Step of the last durable checkpoint of this writer; -1: none yet. */
int64_t anl__writer_step(const anl__writer *w);
/* Seconds since mirror and command last succeeded (both, where both are set); < 0: never. */
double anl__writer_copy_age(const anl__writer *w);
/* The newest warning not yet fetched, or NULL; borrowed until the next call. */
const char *anl__writer_warning(anl__writer *w);
/* Waits for writing, mirror and command of what was submitted, then frees. NULL is fine. An error not fetched
   by anl__writer_wait is lost: wait first. */
void anl__writer_destroy(anl__writer *w);
/* Tests: the context of the writing thread (which = 0) or the carrying one (1; NULL when there is none), for
   anl__inject; touch it only when nothing is under way. */
anl_ctx *anl__writer_ctx(anl__writer *w, int which);

#endif
