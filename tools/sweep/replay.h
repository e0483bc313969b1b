/* Does the log of decisions explain the trials? Every proposal is made again from what the log says it was
 * allowed to see. */
#ifndef SWEEP_REPLAY_H
#define SWEEP_REPLAY_H

#include "sweep_store.h"

/* *proposals: how many were made again. MISMATCH names the first that differs. */
anl_status replay_check(const sweep_state *s, store *db, int64_t *proposals) ANL_MUST;

#endif
