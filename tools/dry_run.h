/* `anneal train --dry-run`: the model as a table, the memory, and one batch through everything. */
#ifndef DRY_RUN_H
#define DRY_RUN_H

#include "runtime/train/loop.h"
#include "tools/job/job.h"

/* The table of layers and the memory plan to stdout; then one step, one evaluation, a checkpoint in a temporary directory,
   and a resume from it whose weights must be the same. The job is compiled and initialised. */
anl_status dry_run(job *j, const anl__loop_opts *loop) ANL_MUST;

#endif
