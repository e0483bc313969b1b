/* The worker pool: n tasks, run by a fixed set of threads (the caller is one of them). What a task
 * computes must depend on its number alone, never on the worker or the number of workers: so results
 * do not depend on threads. No allocation after create. Waiting spins a bounded while, then sleeps. */
#ifndef ANL_POOL_H
#define ANL_POOL_H

#include "base.h"

#include <stdatomic.h>

typedef struct anl__pool anl__pool;
typedef void (*anl__task_fn)(void *arg, int task, int worker); /* worker in [0, anl__pool_size) */

/* threads >= 1, the caller included; 0: the CPUs this process may use. */
anl_status anl__pool_create(anl_ctx *ctx, int threads, anl__pool **out) ANL_MUST;
void anl__pool_destroy(anl__pool *p);
int anl__pool_size(const anl__pool *p);
/* Runs fn for task 0..n-1, in any order, and returns when all are done (a full memory barrier).
   Not reentrant: one run at a time. NULL pool: runs them in order on the caller. */
void anl__pool_run(anl__pool *p, int n, anl__task_fn fn, void *arg);
/* Workers take numbers below the smallest normal float for zero (they are a hundred times as slow, and some instruction sets
   have no other way); the caller does so between these two, so that it makes no difference who runs a task. Not every
   processor has the switch; the first returns what the second restores. */
unsigned anl__pool_float_mode(void);
void anl__pool_float_restore(unsigned mode);
/* Called once on each worker (not the caller) before its first task, e.g. to set per-thread library
   settings; set before the first run. */
void anl__pool_on_start(anl__pool *p, void (*fn)(void *), void *arg);


/* A meeting point of n tasks that run at the same time: tasks of one run of at most anl__pool_size tasks do, each on a worker of its
   own. Waiting spins a bounded while, then sleeps; everything written before it is seen by all after it. */
typedef struct anl__barrier {
    _Alignas(64) _Atomic uint32_t turn; /* moves when all have come; futex word */
    _Atomic int missing, sleepers;
    int n;
} anl__barrier;
void anl__barrier_init(anl__barrier *b, int n);
void anl__barrier_wait(anl__barrier *b);

#endif
