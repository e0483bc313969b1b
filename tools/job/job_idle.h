/* Keys that were written and do nothing in this job: a recipe that is taken from another, or a word that means something else
 * elsewhere. None is an error: the same recipe with another optimizer or another set is a sensible one. */
#ifndef JOB_IDLE_H
#define JOB_IDLE_H

#include "job.h"

/* A line each, appended; nothing where there is none. The job is open. */
anl_status job_idle_notes(const job *j, anl__buf *out) ANL_MUST;

#endif
